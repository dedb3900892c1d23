// The models alone: embed, tokenize, generate.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "generator/chat_template.h"
#include "generator/generate.h"
#include "generator/prefix_cache.h"
#include "lib/kernels/kernels.h"
#include "lib/nn/decoder.h"
#include "lib/nn/encoder.h"
#include "tools/answer_options.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/npy.h"
#include "tools/terminal.h"
#include "tools/text_lines.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

constexpr std::size_t kTextsAtOnce = 256;

template <typename T>
void AppendNumber(T value, std::string& out) {
  std::array<char, 32> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

std::string FloatsJson(std::span<const float> values) {
  std::string text = "[";
  for (const float value : values) {
    if (text.size() > 1) text += ',';
    AppendNumber(value, text);
  }
  return text + "]\n";
}

std::string IdsJson(std::span<const TokenId> ids) {
  std::string text = "[";
  for (const TokenId id : ids) {
    if (text.size() > 1) text += ',';
    AppendNumber(Value(id), text);
  }
  return text + "]\n";
}

class EmbedCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Positional("FILE", &files_, 0, 1);
    precision_.Declare(table);
    table.Text("out", &out_file_, "FILE.npy",
               "write a NumPy array (float32, texts × dimensions) instead of JSON");
    table.Choice("prompt", &prompt_, {"none", "query", "passage"},
                 "put the model's own prompt for queries or passages in front (default: none)");
  }

  int Run(Session& session) override {
    const std::unique_ptr<Encoder> encoder =
        Encoder::Load(session.EmbedderFolder(), &session.pool(), precision_.Resolve(std::nullopt));
    std::optional<NpyWriter> npy;
    if (!out_file_.empty())
      npy.emplace(out_file_, static_cast<std::size_t>(encoder->config().width));
    const std::string text = ReadFileOrInput(files_.empty() ? "-" : files_.front(), session.stop());
    const std::vector<std::string_view> lines = SplitLines(text);
    std::size_t texts_cut = 0;
    std::int64_t tokens = 0;
    for (std::size_t begin = 0; begin < lines.size(); begin += kTextsAtOnce) {
      session.ThrowIfStopped();
      const std::size_t end = std::min(begin + kTextsAtOnce, lines.size());
      const Matrix vectors = EmbedLines(
          session, *encoder, std::span(lines).subspan(begin, end - begin), texts_cut, tokens);
      for (std::size_t row = 0; row < vectors.rows(); ++row) {
        if (npy) {
          npy->Append(vectors.row(row));
        } else {
          session.out().Write(FloatsJson(vectors.row(row)));
        }
      }
      session.Report("embedding", end, lines.size());
    }
    session.ClearProgress();
    if (npy) npy->Finish();
    if (texts_cut > 0) {
      session.Warn(std::to_string(texts_cut) + " of " + std::to_string(lines.size()) +
                   " texts were cut to " + std::to_string(encoder->config().max_tokens) +
                   " tokens, the model's window");
    }
    if (npy && session.options().json) {
      session.out().WriteJson(Json{{"texts", lines.size()},
                                   {"dimensions", encoder->config().width},
                                   {"tokens", tokens},
                                   {"texts_cut", texts_cut}});
    }
    return kDone;
  }

 private:
  Matrix EmbedLines(Session& session, const Encoder& encoder,
                    std::span<const std::string_view> lines, std::size_t& texts_cut,
                    std::int64_t& tokens) const {
    const std::string prefix = prompt_ == "query"     ? encoder.config().query_prompt
                               : prompt_ == "passage" ? encoder.config().passage_prompt
                                                      : "";
    std::vector<std::vector<TokenId>> sequences;
    for (const std::string_view line : lines) {
      int cut = 0;
      sequences.push_back(
          encoder.Tokenize(prefix.empty() ? std::string(line) : prefix + std::string(line), &cut,
                           SpecialTokens::kParsed));
      texts_cut += cut > 0;
      tokens += static_cast<std::int64_t>(sequences.back().size());
    }
    Matrix vectors = encoder.Embed(sequences, &session.pool());
    // Models that do not normalise themselves: unit vectors are what this command promises.
    if (!encoder.config().normalize) {
      for (std::size_t row = 0; row < vectors.rows(); ++row) NormalizeInPlace(vectors.row(row));
    }
    return vectors;
  }

  std::vector<std::string> files_;
  PrecisionOption precision_;
  std::string out_file_;
  std::string prompt_ = "none";
};

class TokenizeCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Positional("FILE", &files_, 0, 1);
    table.Choice("tokenizer", &tokenizer_, {"embedder", "generator"},
                 "whose tokenizer (default: embedder)");
  }

  int Run(Session& session) override {
    std::unique_ptr<WordPiece> word_piece;
    std::unique_ptr<Decoder> decoder;
    if (tokenizer_ == "embedder") {
      word_piece = WordPiece::Load(session.EmbedderFolder());
    } else {
      decoder = Decoder::Load(session.GeneratorFile(), {.pool = &session.pool()});
    }
    const std::string text = ReadFileOrInput(files_.empty() ? "-" : files_.front(), session.stop());
    for (const std::string_view line : SplitLines(text)) {
      session.ThrowIfStopped();
      session.out().Write(IdsJson(word_piece ? word_piece->EncodeIds(line, SpecialTokens::kParsed)
                                             : decoder->tokenizer().EncodeIds(line)));
    }
    return kDone;
  }

 private:
  std::vector<std::string> files_;
  std::string tokenizer_ = "embedder";
};

class GenerateCommand final : public Command {
 public:
  GenerateCommand() { options_.ask.max_tokens = GenerateOptions{}.max_tokens; }

  void Declare(OptionTable& table) override {
    table.Positional("PROMPT", &words_, 0, std::numeric_limits<std::size_t>::max());
    options_.DeclareSampling(table);
    prompt_cache_.Declare(table);
    table.Flag("raw", &raw_, "continue the prompt as it is, without the chat template");
    table.Text("system", &system_, "TEXT", "system message of the chat template");
  }

  int Run(Session& session) override {
    const auto start = std::chrono::steady_clock::now();
    const bool from_input = words_.empty() || (words_.size() == 1 && words_.front() == "-");
    const std::string prompt =
        from_input ? ReadFileOrInput("-", session.stop()) : JoinWords(words_);
    if (prompt.empty()) throw UsageError("PROMPT is empty");
    if (raw_ && !system_.empty())
      throw UsageError("--system: the prompt is --raw, without a chat template");
    const std::unique_ptr<Decoder> decoder =
        Decoder::Load(session.GeneratorFile(), {.pool = &session.pool()});
    GenerateOptions options;
    options.max_tokens = options_.ask.max_tokens;
    options.sampling = options_.ask.sampling;
    std::optional<PrefixCache> prefixes;
    if (prompt_cache_.mebibytes > 0) {
      prefixes.emplace(PrefixCacheOptions{.folder = DefaultPromptCacheFolder(),
                                          .max_bytes = prompt_cache_.bytes(),
                                          .log = session.log()});
      options.prefixes = &*prefixes;
    }
    std::vector<TokenId> tokens;
    if (raw_) {
      tokens = decoder->tokenizer().EncodeIds(prompt);
    } else {
      const ChatTemplate chat = ChatTemplate::FromDecoder(*decoder);
      std::vector<ChatMessage> messages;
      if (!system_.empty()) messages.push_back({"system", system_});
      messages.push_back({"user", prompt});
      tokens = chat.Render(decoder->tokenizer(), messages);
      options.fixed_tokens = chat.FixedTokens(
          decoder->tokenizer(), std::span(messages).first(messages.size() - 1), tokens);
      options.stop_tokens.push_back(chat.end_of_turn());
    }
    ThreadPool& pool = session.pool();
    const double load =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const bool json = session.options().json;
    if (!json) {
      options.on_text = [&](std::string_view piece) {
        session.out().Write(IsTerminal(1) ? ForTerminal(piece) : std::string(piece));
        session.out().Flush();
      };
    }
    const Generation generation = Generate(*decoder, tokens, options, &pool, session.stop());
    if (json) {
      Json ids = Json::array();
      for (const TokenId id : generation.tokens) ids.push_back(Value(id));
      session.out().WriteJson(Json{{"text", JsonText(generation.text)},
                                   {"tokens", std::move(ids)},
                                   {"stopped", generation.stopped},
                                   {"timings",
                                    {{"load", load},
                                     {"prefill", generation.prefill_seconds},
                                     {"generate", generation.decode_seconds},
                                     {"prompt_tokens", tokens.size()},
                                     {"tokens", generation.tokens.size()}}}});
    } else {
      session.out().Write("\n");
    }
    return kDone;
  }

 private:
  std::vector<std::string> words_;
  AnswerOptions options_;
  PromptCacheOption prompt_cache_;
  bool raw_ = false;
  std::string system_;
};

}  // namespace

std::unique_ptr<Command> MakeEmbedCommand() { return std::make_unique<EmbedCommand>(); }
std::unique_ptr<Command> MakeTokenizeCommand() { return std::make_unique<TokenizeCommand>(); }
std::unique_ptr<Command> MakeGenerateCommand() { return std::make_unique<GenerateCommand>(); }

}  // namespace fovea::tools
