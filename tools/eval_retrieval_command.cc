#include <array>
#include <chrono>
#include <filesystem>

#include "lib/base/error.h"
#include "tools/beir.h"
#include "tools/chunking_options.h"
#include "tools/command.h"
#include "tools/eval_metrics.h"
#include "tools/exit_status.h"
#include "tools/ranking.h"
#include "tools/temporary_index.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

constexpr std::size_t kDepth = 100;  // documents ranked for each query

struct Scores {
  double ndcg10 = 0, recall1 = 0, recall5 = 0, recall10 = 0, recall100 = 0, mrr10 = 0;

  void Add(std::span<const std::string> ranking, const Judgements& judgements) {
    ndcg10 += NdcgAt(10, ranking, judgements);
    recall1 += RecallAt(1, ranking, judgements);
    recall5 += RecallAt(5, ranking, judgements);
    recall10 += RecallAt(10, ranking, judgements);
    recall100 += RecallAt(100, ranking, judgements);
    mrr10 += ReciprocalRankAt(10, ranking, judgements);
  }

  // Means over `queries`.
  Json ToJson(std::size_t queries) const {
    const double n = static_cast<double>(std::max<std::size_t>(queries, 1));
    return {{"ndcg@10", ndcg10 / n},     {"recall@1", recall1 / n},     {"recall@5", recall5 / n},
            {"recall@10", recall10 / n}, {"recall@100", recall100 / n}, {"mrr@10", mrr10 / n}};
  }
};

class EvalRetrievalCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Text("beir", &folder_, "DIR",
               "folder with corpus.jsonl, queries.jsonl and qrels/test.tsv");
    table.Choice("mode", &mode_, {"all", "dense", "lexical", "hybrid", "read"},
                 "what to evaluate (default: all)");
    chunking_.Declare(table);
    precision_.Declare(table);
  }

  int Run(Session& session) override {
    if (folder_.empty()) throw UsageError("--beir: missing");
    const std::filesystem::path folder = folder_;
    const ChunkerOptions chunker = chunking_.Resolve(std::nullopt);
    const std::vector<JudgedQuery> queries = ReadJudgedQueries(folder);
    if (queries.empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  folder_ + ": no query of queries.jsonl has judgements in qrels/test.tsv");
    }
    const auto start = std::chrono::steady_clock::now();
    const TemporaryFolder index;
    BuildIndex(session, index.path(), folder / "corpus.jsonl", chunker,
               precision_.Resolve(std::nullopt));
    Pipeline pipeline(session.ForPipeline(index.path()));
    const StoreCounts counts = pipeline.searcher().store().counts();

    Json json{
        {"documents", counts.documents}, {"queries", queries.size()}, {"modes", Json::object()}};
    std::vector<std::string> modes = {"dense", "lexical", "hybrid", "read"};
    if (mode_ != "all") modes = {mode_};
    for (const std::string& mode : modes) {
      Scores scores;
      for (std::size_t i = 0; i < queries.size(); ++i) {
        session.ThrowIfStopped();
        scores.Add(
            SearchDocuments(pipeline.searcher(), queries[i].text, ParseSearchMode(mode), kDepth),
            queries[i].judgements);
        session.Report("searching (" + mode + ")", i + 1, queries.size());
      }
      json["modes"][mode] = scores.ToJson(queries.size());
    }
    json["chunks"] = counts.chunks;
    json["seconds"] =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    session.ClearProgress();
    Print(session, json);
    return kDone;
  }

 private:
  static void Print(Session& session, const Json& json) {
    if (session.options().json) {
      session.out().WriteJson(json);
      return;
    }
    session.out().Write(json["documents"].dump() + " documents, " + json["chunks"].dump() +
                        " chunks, " + json["queries"].dump() + " queries\n\n");
    std::string header = "mode    ";
    for (const auto& [name, value] : json["modes"].front().items()) header += "  " + name;
    session.out().Write(header + "\n");
    for (const auto& [mode, scores] : json["modes"].items()) {
      std::string line = mode;
      line.resize(8, ' ');
      for (const auto& [name, value] : scores.items()) {
        const std::string number = FormatFixed(value.get<double>(), 4);
        line +=
            "  " + std::string(name.size() - std::min(name.size(), number.size()), ' ') + number;
      }
      session.out().Write(line + "\n");
    }
  }

  std::string folder_;
  std::string mode_ = "all";
  ChunkingOptions chunking_;
  PrecisionOption precision_;
};

}  // namespace

std::unique_ptr<Command> MakeEvalRetrievalCommand() {
  return std::make_unique<EvalRetrievalCommand>();
}

}  // namespace fovea::tools
