// chat: questions one after the other, of which a later one may lean on the earlier ones.

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "generator/conversation.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "tools/answer_options.h"
#include "tools/answer_output.h"
#include "tools/answer_stream.h"
#include "tools/attention_output.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/line_reader.h"
#include "tools/terminal.h"
#include "tools/text_lines.h"
#include "tools/transcript.h"

namespace fovea::tools {
namespace {

// No question is so long, and what is pasted by mistake should not be searched for minutes.
constexpr std::size_t kLongestLine = 16384;

constexpr std::string_view kHelp =
    "A line is a question; one that leans on the turns before is searched with what it leans on.\n"
    "  /sources     citations of the last answer, and the passages that were read for it\n"
    "  /reset       forget the conversation so far\n"
    "  /save FILE   write the conversation so far, to be taken up with --transcript FILE\n"
    "  /help        this\n"
    "  /quit        end, as Ctrl-D does; Ctrl-C stops the answer that is being made";

// "/save my file" → "/save", "my file"
std::pair<std::string_view, std::string_view> SplitCommand(std::string_view line) {
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  std::string_view rest = line.substr(end);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  return {line.substr(0, end), rest.substr(0, rest.find_last_not_of(" \t") + 1)};
}

// To the person at the terminal, not part of the results.
void Note(std::string_view text) {
  const std::string line = ForTerminal(text) + "\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

class ChatCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    options_.Declare(table);
    prompt_cache_.Declare(table);
    table.Integer("history-tokens", &options_.ask.history_tokens, 0,
                  "most tokens of earlier turns that the decoder sees (default: " +
                      std::to_string(options_.ask.history_tokens) + ")");
    table.Text("transcript", &transcript_file_, "FILE",
               "add each turn to FILE; a conversation that is in it already goes on");
  }

  int Run(Session& session) override {
    ask_ = options_.Resolve(session.options().json);
    interactive_ = IsTerminal(STDIN_FILENO);
    if (!transcript_file_.empty()) log_.emplace(transcript_file_);
    Pipeline pipeline(session.ForPipeline(session.options().index, prompt_cache_));
    options_.AddExamples(session, pipeline, ask_);
    Conversation conversation(pipeline);
    TakeUp(session, conversation);
    if (interactive_) Note("Ask a question, or /help.");
    LineReader lines(kLongestLine);
    for (;;) {
      const std::optional<LineReader::Line> line = NextLine(session, lines);
      if (!line) return kDone;
      if (line->too_long) {
        Note("that line is longer than " + std::to_string(kLongestLine) +
             " bytes: ask a shorter question");
      } else if (line->text.starts_with('/')) {
        if (!Obey(session, conversation, line->text)) return kDone;
      } else if (!IsBlank(line->text)) {
        Ask(session, conversation, line->text);
      }
    }
  }

 private:
  std::optional<LineReader::Line> NextLine(Session& session, LineReader& lines) const {
    if (!interactive_) return lines.Next(session.stop());
    constexpr std::string_view kPrompt = "> ";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kPrompt.data(), kPrompt.size());
    // Ctrl-C and Ctrl-D leave the cursor behind the prompt: the shell's goes on a line of its own.
    try {
      std::optional<LineReader::Line> line = lines.Next(session.stop());
      if (!line) Note("");
      return line;
    } catch (const Error&) {
      Note("");
      throw;
    }
  }

  void TakeUp(Session& session, Conversation& conversation) {
    if (!log_) return;
    if (log_->found.cut_off) {
      session.Warn(
          transcript_file_ +
          ": the last line was cut off and is left out; the conversation goes on before it");
    }
    Transcript& found = log_->found;
    if (found.turns.empty()) return;
    last_.question = found.turns.back().question;
    last_.citations = found.turns.back().citations;
    saved_ = std::move(found.lines);
    for (ConversationTurn& turn : found.turns) conversation.Add(std::move(turn));
    session.Info("the conversation of " + transcript_file_ + " goes on after " +
                 std::to_string(conversation.turns().size()) + " turns");
  }

  // False: the conversation is over.
  bool Obey(Session& session, Conversation& conversation, std::string_view line) {
    const auto [name, argument] = SplitCommand(line);
    if (name == "/quit") return false;
    if (name == "/help") {
      Note(kHelp);
    } else if (name == "/sources") {
      ShowSources(session);
    } else if (name == "/reset") {
      conversation.Reset();
      last_ = {};
      saved_.clear();
      if (log_) log_->Append(TranscriptReset());
      Note("the conversation begins anew");
    } else if (name == "/save") {
      Save(argument);
    } else {
      Note("unknown command " + std::string(name) + ": /help lists them");
    }
    return true;
  }

  void ShowSources(Session& session) const {
    if (session.options().json) {
      const Json json = AnswerJson(last_);
      session.out().WriteJson({{"citations", json["citations"]}, {"passages", json["passages"]}});
    } else if (last_.citations.empty() && last_.passages.empty()) {
      Note("no answer yet");
    } else {
      session.out().Write(
          SourcesText(last_, Style(IsTerminal(STDOUT_FILENO)), TerminalWidth(STDOUT_FILENO)));
    }
    session.out().Flush();
  }

  // What cannot be saved is said and does not end the conversation.
  void Save(std::string_view file) const {
    if (file.empty()) return Note("/save FILE: say which file");
    std::error_code unknown;  // Writing will tell.
    if (std::filesystem::exists(file, unknown))
      return Note(std::string(file) + " is there already: choose another name");
    try {
      WriteFileAtomically(std::filesystem::path(file), TranscriptHeader() + saved_);
      Note("saved to " + std::string(file));
    } catch (const Error& error) {
      Note(error.what());
    }
  }

  void Ask(Session& session, Conversation& conversation, std::string_view question) {
    Output& out = session.out();
    const bool json = session.options().json;
    AnswerStream stream(out);
    AskOptions options = ask_;
    if (!json) options.on_text = [&](std::string_view piece) { stream.Piece(piece); };
    ConversationAnswer answer;
    try {
      answer = conversation.Ask(question, options, session.stop());
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInvalidArgument) return Note(error.what());
      if (error.code() == ErrorCode::kCancelled && interactive_ && session.ResumeAfterInterrupt())
        return Note("\nstopped; ask on, or /quit");
      throw;
    }
    // Ctrl-C may have come too late to stop anything.
    if (interactive_) session.ResumeAfterInterrupt();
    session.ClearProgress();
    if (json) {
      out.WriteJson(ConversationAnswerJson(answer));
    } else {
      stream.Finish(answer.answer.text);
      const Style style(IsTerminal(STDOUT_FILENO));
      const std::string citations =
          CitationsText(answer.answer, style, TerminalWidth(STDOUT_FILENO));
      out.Write((citations.empty() ? "" : "\n" + citations) + "\n");
      if (options_.show_attention)
        out.Write(AttentionText(answer.answer, style, TerminalWidth(STDOUT_FILENO)) + "\n");
    }
    out.Flush();
    if (options_.verbose) session.Tell(WindowText(answer.answer));
    options_.WriteAttentionPage(answer.answer);
    const std::string line = TranscriptLine(answer);
    saved_ += line;
    if (log_) log_->Append(line);
    last_ = std::move(answer.answer);
  }

  AnswerOptions options_;
  AskOptions ask_;
  PromptCacheOption prompt_cache_;
  std::string transcript_file_;
  std::optional<TranscriptLog> log_;
  bool interactive_ = false;
  Answer last_;        // what /sources shows
  std::string saved_;  // the lines of /save, since the last /reset
};

}  // namespace

std::unique_ptr<Command> MakeChatCommand() { return std::make_unique<ChatCommand>(); }

}  // namespace fovea::tools
