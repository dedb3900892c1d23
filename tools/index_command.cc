#include <algorithm>
#include <map>
#include <optional>

#include "lib/base/error.h"
#include "lib/nn/model_path.h"
#include "retriever/indexer.h"
#include "tools/chunking_options.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/terminal.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

constexpr std::size_t kSkippedShown = 20;

Json ReportJson(const IndexReport& report) {
  Json skipped = Json::array();
  for (const SkippedDocument& document : report.skipped) {
    skipped.push_back(
        {{"document", JsonText(document.document)}, {"reason", JsonText(document.reason)}});
  }
  Json warnings = Json::array();
  for (const std::string& warning : report.warnings) warnings.push_back(JsonText(warning));
  return {{"added", report.added},           {"updated", report.updated},
          {"renamed", report.renamed},       {"unchanged", report.unchanged},
          {"removed", report.removed},       {"skipped", std::move(skipped)},
          {"chunks", report.chunks},         {"tokens", report.tokens},
          {"cut_tokens", report.cut_tokens}, {"warnings", std::move(warnings)},
          {"seconds", report.seconds}};
}

std::string ReportText(const IndexReport& report) {
  std::string text = std::to_string(report.added) + " added, " + std::to_string(report.updated) +
                     " updated, " + std::to_string(report.renamed) + " renamed, " +
                     std::to_string(report.unchanged) + " unchanged, " +
                     std::to_string(report.removed) + " removed, " +
                     std::to_string(report.skipped.size()) + " skipped\n";
  text += std::to_string(report.chunks) + " chunks (" + std::to_string(report.tokens) +
          " tokens) embedded in " + FormatFixed(report.seconds, 1) + " s\n";
  if (report.cut_tokens > 0) {
    text += std::to_string(report.cut_tokens) +
            " tokens lay past the embedder's window and were not embedded\n";
  }
  for (std::size_t i = 0; i < std::min(report.skipped.size(), kSkippedShown); ++i) {
    text += "skipped " + ForTerminal(report.skipped[i].document) + ": " +
            ForTerminal(report.skipped[i].reason) +
            (report.skipped[i].keep_stored ? " (what is stored of it stays)" : "") + "\n";
  }
  if (report.skipped.size() > kSkippedShown) {
    // The rest by reason, so that a hundred thousand of them do not drown the first.
    std::map<std::string, std::size_t> reasons;
    for (std::size_t i = kSkippedShown; i < report.skipped.size(); ++i)
      ++reasons[report.skipped[i].reason];
    for (const auto& [reason, count] : reasons) {
      text += "skipped " + std::to_string(count) + " more: " + ForTerminal(reason) + "\n";
    }
  }
  return text;
}

class IndexCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Positional("PATH", &paths_, 1, std::numeric_limits<std::size_t>::max());
    chunking_.Declare(table);
    table.TextList("include", &include_, "GLOB",
                   "take only files whose path matches (may be repeated)");
    table.TextList("exclude", &exclude_, "GLOB",
                   "leave out files whose path matches (may be repeated)");
    precision_.Declare(table);
    table.Choice("vector-codes", &vector_codes_, {"f32", "int8"},
                 "what vectors are searched by: int8 codes made good by the exact vectors, or "
                 "these alone, without "
                 "codes, always exhaustively (default: as the index has them, else int8)");
    table.Custom(
        "max-file-bytes", "N",
        [this](const std::string& text) {
          const auto value = ParseInteger(text);
          if (!value || *value < 1) throw std::invalid_argument("a whole number from 1 on");
          loader_.max_file_bytes = static_cast<std::size_t>(*value);
        },
        "skip larger files (default: 268435456)");
    table.Flag("cache-states", &cache_states_,
               "compute the reader's states of passages now, instead of at first use");
  }

  int Run(Session& session) override {
    // Before the index folder is made: a mistyped path must leave nothing behind.
    for (const std::string& path : paths_) {
      std::error_code error;
      if (!std::filesystem::exists(path, error)) {
        throw Error(ErrorCode::kNotFound, path + ": " +
                                              (error ? error.message() : "no such file or folder") +
                                              "; nothing was changed");
      }
    }
    const std::filesystem::path folder = session.options().index;
    const bool present = std::filesystem::exists(folder / "fovea.sqlite");
    std::unique_ptr<Encoder> encoder;
    if (!present) {
      encoder = Encoder::Load(session.EmbedderFolder(), &session.pool(),
                              precision_.Resolve(std::nullopt));
    }
    std::unique_ptr<Store> store = Store::Open(folder, Store::Mode::kWrite, session.log());
    const std::optional<IndexSettings> settings = store->settings();
    if (!encoder) {
      encoder = Encoder::Load(session.EmbedderFolder(settings ? settings->embedder : ""),
                              &session.pool(), precision_.Resolve(settings));
    }

    IndexerOptions options;
    options.chunker = chunking_.Resolve(settings);
    options.loader = loader_;
    if (!vector_codes_.empty())
      options.vectors.codes = vector_codes_ == "f32" ? VectorCodes::kF32 : VectorCodes::kInt8;
    options.include = include_;
    options.exclude = exclude_;
    const IndexReport report =
        Indexer(*store, *encoder, options, &session.pool(), session.log())
            .Add({paths_.begin(), paths_.end()}, session.progress(), session.stop());
    store.reset();
    if (cache_states_) CacheStates(session, folder);
    session.ClearProgress();
    if (session.options().json) {
      session.out().WriteJson(ReportJson(report));
    } else {
      session.out().Write(ReportText(report));
    }
    for (const std::string& warning : report.warnings) session.Warn(warning);
    return kDone;
  }

 private:
  static void CacheStates(Session& session, const std::filesystem::path& folder) {
    Pipeline pipeline(session.ForPipeline(folder));
    if (pipeline.CacheStates(session.progress(), session.stop()) == 0)
      session.Warn("--cache-states: there is no learned reader whose states could be kept");
  }

  std::vector<std::string> paths_;
  ChunkingOptions chunking_;
  LoaderOptions loader_;
  std::vector<std::string> include_;
  std::vector<std::string> exclude_;
  PrecisionOption precision_;
  std::string vector_codes_;
  bool cache_states_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeIndexCommand() { return std::make_unique<IndexCommand>(); }

}  // namespace fovea::tools
