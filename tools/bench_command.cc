// Timings of the parts on this machine, over text of our own: a quick look, not the benchmark suite
// (bench/).

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <random>

#include "generator/generate.h"
#include "lib/base/file.h"
#include "lib/kernels/isa.h"
#include "lib/kernels/kernels.h"
#include "tools/bench_text.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/temporary_index.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

constexpr int kIndexCopies = 32;  // of the paragraphs, each told apart by its number

double Seconds(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class BenchCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Positional("PART", &parts_, 0, std::numeric_limits<std::size_t>::max());
    table.Number("seconds", &budget_, 0.01, 3600,
                 "least time to measure each figure for (default: 1)");
  }

  int Run(Session& session) override {
    const std::vector<std::pair<std::string, Json (BenchCommand::*)(Session&)>> all = {
        {"kernels", &BenchCommand::Kernels},     {"embed", &BenchCommand::Embed},
        {"search", &BenchCommand::Search},       {"read", &BenchCommand::Read},
        {"generate", &BenchCommand::Generation}, {"ask", &BenchCommand::Ask}};
    for (const std::string& part : parts_) {
      if (std::none_of(all.begin(), all.end(),
                       [&](const auto& known) { return known.first == part; })) {
        throw UsageError("PART: expected kernels, embed, search, read, generate or ask, not \"" +
                         part + "\"");
      }
    }
    Json json;
    for (const auto& [name, measure] : all) {
      if (parts_.empty() || std::find(parts_.begin(), parts_.end(), name) != parts_.end()) {
        json[name] = (this->*measure)(session);
      }
    }
    json["isa"] = Name(CurrentIsa());
    json["threads"] = session.pool().size();
    session.ClearProgress();
    if (session.options().json) {
      session.out().WriteJson(json);
    } else {
      Print(session, json, "");
    }
    return kDone;
  }

 private:
  // Seconds a call of `body`: the least of its runs within the budget, after one run to warm up.
  // Other processes can only add to a run's time, so that the least one is the closest to what the
  // machine can do.
  double Best(Session& session, const std::function<void()>& body) const {
    body();
    double best = std::numeric_limits<double>::infinity();
    double spent = 0;
    do {
      session.ThrowIfStopped();
      const double seconds = Seconds(body);
      best = std::min(best, seconds);
      spent += seconds;
    } while (spent < static_cast<double>(budget_));
    return best;
  }

  Json Kernels(Session& session) {
    constexpr std::size_t kRows = 256, kInputs = 384, kOutputs = 1536, kVectors = 50'000;
    std::mt19937 random(1);
    const auto fill = [&](Matrix& matrix) {
      for (std::size_t i = 0; i < matrix.rows() * matrix.cols(); ++i) {
        matrix.data()[i] = static_cast<float>(random() % 2048) / 1024.0f - 1.0f;
      }
    };
    Matrix input(kRows, kInputs), weights(kOutputs, kInputs), out(kRows, kOutputs),
        vectors(kVectors, kInputs);
    fill(input);
    fill(weights);
    fill(vectors);
    const std::span<const float> flat(weights.data(), kOutputs * kInputs);
    const PackedMatrix packed(WeightType::kF32, std::as_bytes(flat), kOutputs, kInputs);
    const double matmul =
        Best(session, [&] { MatMul(input.view(), packed, {}, out.view(), &session.pool()); });
    std::vector<float> scores(kVectors);
    const double scan = Best(session, [&] { DotRows(input.row(0), vectors.view(), scores); });
    return {{"matmul_f32_gflops", 2.0 * kRows * kInputs * kOutputs / matmul / 1e9},
            {"scan_gb_per_s", static_cast<double>(kVectors * kInputs * sizeof(float)) / scan / 1e9},
            {"scan_vectors_per_s", kVectors / scan}};
  }

  Json Embed(Session& session) {
    Json json;
    for (const Precision precision : {Precision::kF32, Precision::kInt8}) {
      const std::unique_ptr<Encoder> encoder =
          Encoder::Load(session.EmbedderFolder(), &session.pool(), precision);
      std::vector<std::vector<TokenId>> sequences;
      std::size_t tokens = 0;
      for (const std::string_view paragraph : BenchParagraphs()) {
        sequences.push_back(encoder->Tokenize(paragraph));
        tokens += sequences.back().size();
      }
      const double seconds = Best(session, [&] { encoder->Embed(sequences, &session.pool()); });
      json[Name(precision)] = {{"texts_per_s", static_cast<double>(sequences.size()) / seconds},
                               {"tokens_per_s", static_cast<double>(tokens) / seconds}};
    }
    return json;
  }

  Json Search(Session& session) {
    const TemporaryFolder folder;
    Pipeline pipeline = OpenIndex(session, folder);
    Json json{{"chunks", pipeline.searcher().store().counts().chunks}};
    for (const SearchMode mode :
         {SearchMode::kDense, SearchMode::kLexical, SearchMode::kHybrid, SearchMode::kRead}) {
      SearchOptions options;
      options.mode = mode;
      const double seconds = Best(session, [&] {
        for (const std::string_view question : BenchQuestions())
          pipeline.searcher().Search(question, options);
      });
      json[Name(mode)] = {
          {"seconds_per_query", seconds / static_cast<double>(BenchQuestions().size())}};
    }
    return json;
  }

  Json Read(Session& session) {
    Pipeline pipeline(session.ForPipeline(""));
    std::vector<Passage> passages;
    for (const std::string_view paragraph : BenchParagraphs().first(8)) {
      Passage passage;
      passage.text = paragraph;
      passage.range = {0, paragraph.size()};
      passages.push_back(std::move(passage));
    }
    std::vector<ReaderInput> inputs;
    for (const Passage& passage : passages)
      inputs.push_back({&passage, std::nullopt, std::nullopt});
    const double seconds = Best(session, [&] {
      pipeline.reader().Read(BenchQuestions().front(), inputs, &pipeline.pool());
    });
    return {{"passages", inputs.size()},
            {"seconds_per_question", seconds},
            {"passages_per_s", static_cast<double>(inputs.size()) / seconds}};
  }

  Json Generation(Session& session) {
    const std::unique_ptr<Decoder> decoder =
        Decoder::Load(session.GeneratorFile(), {.pool = &session.pool()});
    std::string text;
    for (const std::string_view paragraph : BenchParagraphs().first(4))
      text += std::string(paragraph) + "\n\n";
    const std::vector<TokenId> prompt = decoder->tokenizer().EncodeIds(text);
    constexpr int kDecoded = 32;
    double prefill = std::numeric_limits<double>::infinity();
    double decode = std::numeric_limits<double>::infinity();
    Best(session, [&] {
      KvCache cache;
      std::vector<float> logits;
      prefill = std::min(
          prefill, Seconds([&] { logits = decoder->Forward(cache, prompt, &session.pool()); }));
      // One token at a time, as generation does; greedy, never stopped by the model.
      decode = std::min(decode, Seconds([&] {
                          for (int i = 0; i < kDecoded; ++i) {
                            const auto top =
                                std::max_element(logits.begin(), logits.end()) - logits.begin();
                            const TokenId next{static_cast<std::int32_t>(top)};
                            logits = decoder->Forward(cache, {&next, 1}, &session.pool());
                          }
                        }));
    });
    return {{"prompt_tokens", prompt.size()},
            {"prefill_tokens_per_s", static_cast<double>(prompt.size()) / prefill},
            {"decode_tokens_per_s", kDecoded / decode}};
  }

  Json Ask(Session& session) {
    const TemporaryFolder folder;
    Pipeline pipeline = OpenIndex(session, folder);
    Json json;
    for (const AnswerMode mode : {AnswerMode::kExtract, AnswerMode::kGenerate}) {
      AskOptions options;
      options.mode = mode;
      pipeline.Ask(BenchQuestions().front(), options, session.stop());  // Loads the decoder.
      const double seconds = Seconds([&] {
        for (const std::string_view question : BenchQuestions())
          pipeline.Ask(question, options, session.stop());
      });
      json[mode == AnswerMode::kExtract ? "extract" : "generate"] = {
          {"seconds_per_question", seconds / static_cast<double>(BenchQuestions().size())}};
    }
    return json;
  }

  static Pipeline OpenIndex(Session& session, const TemporaryFolder& folder) {
    std::string corpus;
    for (int copy = 0; copy < kIndexCopies; ++copy) {
      for (std::size_t i = 0; i < BenchParagraphs().size(); ++i) {
        const std::string number = std::to_string(copy) + "." + std::to_string(i);
        corpus +=
            Json{{"_id", number},
                 {"title", "Note " + number},
                 {"text", std::string(BenchParagraphs()[i]) + " This is copy " + number + "."}}
                .dump() +
            "\n";
      }
    }
    const std::filesystem::path file = folder.path() / "corpus.jsonl";
    WriteFileAtomically(file, corpus);
    BuildIndex(session, folder.path() / "index", file, {});
    return Pipeline(session.ForPipeline(folder.path() / "index"));
  }

  static void Print(Session& session, const Json& json, const std::string& prefix) {
    for (const auto& [name, value] : json.items()) {
      const std::string path = prefix.empty() ? name : prefix + "." + name;
      if (value.is_object()) {
        Print(session, value, path);
        continue;
      }
      std::string line = path;
      line.resize(std::max<std::size_t>(36, line.size() + 1), ' ');
      session.out().Write(line +
                          (value.is_number_float()
                               ? FormatFixed(value.get<double>(), value.get<double>() < 10 ? 4 : 1)
                           : value.is_string() ? value.get<std::string>()
                                               : value.dump()) +
                          "\n");
    }
  }

  std::vector<std::string> parts_;
  float budget_ = 1;
};

}  // namespace

std::unique_ptr<Command> MakeBenchCommand() { return std::make_unique<BenchCommand>(); }

}  // namespace fovea::tools
