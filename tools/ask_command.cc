// ask: over the index; read: over given files.

#include <unistd.h>

#include <limits>

#include "lib/base/error.h"
#include "retriever/chunker.h"
#include "retriever/loader.h"
#include "tools/answer_options.h"
#include "tools/answer_output.h"
#include "tools/answer_stream.h"
#include "tools/attention_output.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/terminal.h"
#include "tools/text_lines.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

class AskCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Positional("QUESTION", &words_, 0, std::numeric_limits<std::size_t>::max());
    options_.Declare(table);
    prompt_cache_.Declare(table);
    table.Flag("stream", &stream_, "write the answer as it is made (without --json)");
    table.Text("questions", &questions_file_, "FILE", "ask the questions of a file, one a line");
  }

  int Run(Session& session) override {
    const std::string question = JoinWords(words_);
    if (questions_file_.empty() && IsBlank(question))
      throw UsageError("missing QUESTION (or --questions FILE)");
    if (!questions_file_.empty() && !words_.empty())
      throw UsageError("--questions FILE takes the place of QUESTION");
    if (!questions_file_.empty() && !options_.attention_html.empty())
      throw UsageError("--attention-html shows one QUESTION: leave out --questions");
    const std::string text =
        questions_file_.empty() ? question : ReadFileOrInput(questions_file_, session.stop());
    std::vector<std::string_view> questions;
    if (questions_file_.empty()) {
      questions.push_back(text);
    } else {
      for (const std::string_view line : SplitLines(text)) {
        if (!IsBlank(line))
          questions.push_back(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
      }
    }
    AskOptions options = options_.Resolve(session.options().json);
    Pipeline pipeline(session.ForPipeline(session.options().index, prompt_cache_));
    options_.AddExamples(session, pipeline, options);
    for (std::size_t i = 0; i < questions.size(); ++i) {
      Ask(session, pipeline, questions[i], options, questions.size() > 1);
      session.Report("asking", i + 1, questions.size() > 1 ? questions.size() : 0);
    }
    return kDone;
  }

 private:
  void Ask(Session& session, Pipeline& pipeline, std::string_view question, AskOptions& options,
           bool several) const {
    Output& out = session.out();
    if (session.options().json) {
      const Answer answer = pipeline.Ask(question, options, session.stop());
      if (options_.verbose) session.Tell(WindowText(answer));
      out.WriteJson(AnswerJson(answer));
      out.Flush();
      options_.WriteAttentionPage(answer);
      return;
    }
    const Style style(IsTerminal(STDOUT_FILENO));
    const std::size_t width = TerminalWidth(STDOUT_FILENO);
    session.ClearProgress();
    if (several)
      out.Write(std::string(style.bold) + ForTerminal(question) + std::string(style.reset) + "\n");
    AnswerStream stream(out);
    if (stream_) options.on_text = [&](std::string_view piece) { stream.Piece(piece); };
    const Answer answer = pipeline.Ask(question, options, session.stop());
    options.on_text = {};
    if (options_.verbose) session.Tell(WindowText(answer));
    if (stream_) {
      stream.Finish(answer.text);
      if (!answer.citations.empty()) out.Write("\n" + CitationsText(answer, style, width));
    } else {
      out.Write(AnswerText(answer, style, width));
    }
    if (options_.show_attention) out.Write("\n" + AttentionText(answer, style, width));
    if (several) out.Write("\n");
    out.Flush();
    options_.WriteAttentionPage(answer);
  }

  std::vector<std::string> words_;
  AnswerOptions options_;
  PromptCacheOption prompt_cache_;
  std::string questions_file_;
  bool stream_ = false;
};

class ReadCommand final : public Command {
 public:
  ReadCommand() { options_.mode = "extract"; }

  void Declare(OptionTable& table) override {
    table.Positional("FILE", &files_, 1, std::numeric_limits<std::size_t>::max());
    table.Text("question", &question_, "Q", "the question");
    options_.DeclareMode(table);
    options_.DeclareSampling(table);
    prompt_cache_.Declare(table);
    options_.DeclareAbstain(table);
    options_.DeclareAttention(table);
  }

  int Run(Session& session) override {
    if (IsBlank(question_)) throw UsageError("--question: missing or empty");
    Pipeline pipeline(session.ForPipeline("", prompt_cache_));
    std::vector<Hit> hits;
    for (const std::string& file : files_) AddFile(session, file, pipeline.encoder(), hits);
    AskOptions options = options_.Resolve(session.options().json);
    options.passages = static_cast<int>(std::max<std::size_t>(hits.size(), 1));
    const Answer answer = pipeline.AskPassages(question_, std::move(hits), options, session.stop());
    Show(session, answer);
    session.out().Flush();
    options_.WriteAttentionPage(answer);
    return kDone;
  }

 private:
  void Show(Session& session, const Answer& answer) const {
    if (session.options().json) return session.out().WriteJson(AnswerJson(answer));
    const Style style(IsTerminal(STDOUT_FILENO));
    const std::size_t width = TerminalWidth(STDOUT_FILENO);
    session.out().Write(AnswerText(answer, style, width));
    if (options_.show_attention) session.out().Write("\n" + AttentionText(answer, style, width));
  }

  // One hit a document; of one longer than the model's window, one a chunk.
  static void AddFile(Session& session, const std::string& file, const Encoder& encoder,
                      std::vector<Hit>& hits) {
    const std::string bytes = ReadFileOrInput(file, session.stop());
    LoaderSink sink;
    sink.warning = [&](std::string warning) { session.Warn(warning); };
    sink.skipped = [&](SkippedDocument skipped) {
      session.Warn(skipped.document + ": " + skipped.reason);
    };
    sink.document = [&](Document document) {
      std::vector<ByteRange> ranges;
      if (encoder.tokenizer().Count(document.text) <= encoder.config().max_tokens - 2) {
        ranges.push_back({0, document.text.size()});
      } else {
        for (const Chunk& chunk : ChunkDocument(document, encoder.tokenizer(), {}))
          ranges.push_back(chunk.range);
      }
      for (const ByteRange range : ranges) {
        Hit hit;
        hit.passage.chunk = ChunkId{static_cast<std::int64_t>(hits.size()) + 1};
        hit.passage.document_id = DocumentId{static_cast<std::int64_t>(hits.size()) + 1};
        hit.passage.document = document.name;
        hit.passage.title = document.title;
        hit.passage.range = range;
        hit.passage.text = Slice(document.text, range);
        hits.push_back(std::move(hit));
      }
    };
    LoadDocuments(file, file, bytes, {}, sink);
  }

  std::vector<std::string> files_;
  std::string question_;
  AnswerOptions options_;
  PromptCacheOption prompt_cache_;
};

}  // namespace

std::unique_ptr<Command> MakeAskCommand() { return std::make_unique<AskCommand>(); }
std::unique_ptr<Command> MakeReadCommand() { return std::make_unique<ReadCommand>(); }

}  // namespace fovea::tools
