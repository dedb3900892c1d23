// Commands that look at or change a present index without embedding: remove, status, verify, show.

#include <algorithm>
#include <limits>
#include <map>

#include "lib/base/error.h"
#include "lib/nn/encoder.h"
#include "lib/nn/model_path.h"
#include "retriever/indexer.h"
#include "retriever/store.h"
#include "retriever/vector_index.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/terminal.h"

namespace fovea::tools {
namespace {

namespace fs = std::filesystem;

class RemoveCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Positional("PATH", &paths_, 1, std::numeric_limits<std::size_t>::max());
  }

  int Run(Session& session) override {
    const fs::path folder = session.options().index;
    Store::Open(
        folder,
        Store::Mode::kRead);  // Opening for writing would make an index where there is none.
    const std::unique_ptr<Store> store = Store::Open(folder, Store::Mode::kWrite, session.log());
    const std::optional<IndexSettings> settings = store->settings();
    const std::unique_ptr<Encoder> encoder =
        Encoder::Load(session.EmbedderFolder(settings ? settings->embedder : ""), &session.pool(),
                      PrecisionOption().Resolve(settings));
    IndexerOptions options;
    if (settings) {
      options.chunker.chunk_tokens = settings->chunk_tokens;
      options.chunker.overlap_tokens = settings->chunk_overlap;
    }
    Indexer indexer(*store, *encoder, options, &session.pool(), session.log());
    const std::int64_t removed = indexer.Remove(paths_);
    if (session.options().json) {
      session.out().WriteJson(Json{{"removed", removed}});
    } else {
      session.out().Write(std::to_string(removed) + " removed\n");
    }
    return kDone;
  }

 private:
  std::vector<std::string> paths_;
};

std::uintmax_t BytesOnDisk(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::uintmax_t size = it->is_regular_file(ignored) ? it->file_size(ignored) : 0;
    if (!ignored) bytes += size;
  }
  return bytes;
}

class StatusCommand final : public Command {
 public:
  void Declare(OptionTable&) override {}

  int Run(Session& session) override {
    const std::unique_ptr<Store> store =
        Store::Open(session.options().index, Store::Mode::kRead, session.log());
    store->BeginSnapshot();
    const StoreCounts counts = store->counts();
    const IndexSettings settings = store->settings().value_or(IndexSettings{});
    const VectorFileRecord file = store->vector_file();
    const std::int64_t generation = store->generation();
    store->EndSnapshot();
    const std::string type = file.file_name.empty() ? "none" : file.type;
    const std::string codes = CodesOf(file) == VectorCodes::kF32 ? "f32" : "int8";
    const std::uintmax_t on_disk = BytesOnDisk(session.options().index);
    if (session.options().json) {
      session.out().WriteJson(Json{{"documents", counts.documents},
                                   {"chunks", counts.chunks},
                                   {"bytes", counts.text_bytes},
                                   {"embedder", JsonText(settings.embedder)},
                                   {"precision", settings.precision},
                                   {"chunk_tokens", settings.chunk_tokens},
                                   {"index_type", type},
                                   {"vector_codes", codes},
                                   {"recall", file.recall},
                                   {"generation", generation},
                                   {"sources", counts.sources},
                                   {"chunk_overlap", settings.chunk_overlap},
                                   {"dimensions", settings.dimensions},
                                   {"embedder_fingerprint", settings.embedder_fingerprint},
                                   {"bytes_on_disk", on_disk}});
      return kDone;
    }
    const auto line = [&](std::string name, const std::string& value) {
      name.resize(14, ' ');
      session.out().Write(name + value + "\n");
    };
    line("index", ForTerminal(store->folder().string()));
    line("documents",
         std::to_string(counts.documents) + " (from " + std::to_string(counts.sources) + " files)");
    line("chunks", std::to_string(counts.chunks));
    line("text", std::to_string(counts.text_bytes) + " bytes");
    line("on disk", std::to_string(on_disk) + " bytes");
    line("embedder", ForTerminal(settings.embedder) + ", " + settings.precision + ", " +
                         std::to_string(settings.dimensions) + " dimensions");
    line("chunk tokens", std::to_string(settings.chunk_tokens) + ", overlap " +
                             std::to_string(settings.chunk_overlap));
    line("vectors", type + ", searched as " + codes + ", " + std::to_string(file.count) +
                        " in the file, recall@10 " + FormatFixed(file.recall, 4));
    line("generation", std::to_string(generation));
    return kDone;
  }
};

// The model that the index was built with, if it is there and the same.
std::vector<std::string> CheckModel(const Session& session, const Store& store) {
  const std::optional<IndexSettings> settings = store.settings();
  if (!settings) return {};
  try {
    const fs::path folder = session.EmbedderFolder(settings->embedder);
    const std::unique_ptr<Encoder> encoder =
        Encoder::Load(folder, nullptr, PrecisionOption().Resolve(settings));
    if (encoder->fingerprint() != settings->embedder_fingerprint) {
      return {"the embedder in " + folder.string() +
              " is not the one the index was built with (\"" + settings->embedder +
              "\"): get that one, or index again into a new folder"};
    }
  } catch (const Error& error) {
    return {std::string("the index's embedder cannot be loaded: ") + error.what()};
  }
  return {};
}

class VerifyCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Flag("repair", &repair_, "rebuild what can be rebuilt from the stored text and vectors");
  }

  int Run(Session& session) override {
    const fs::path folder = session.options().index;
    std::vector<std::string> repaired;
    std::unique_ptr<Store> store = Store::Open(folder, Store::Mode::kRead, session.log());
    std::vector<std::string> problems = CheckStores(*store);
    if (repair_ && !problems.empty()) {
      store.reset();
      store = Store::Open(folder, Store::Mode::kWrite, session.log());
      store->Repair();
      VectorIndex::Publish(*store, {}, &session.pool(), session.log(), /*force=*/true);
      repaired = std::move(problems);
      problems = CheckStores(*store);
    }
    const std::vector<std::string> model = CheckModel(session, *store);
    problems.insert(problems.end(), model.begin(), model.end());
    Print(session, problems, repaired);
    return problems.empty() ? kDone : kFailed;
  }

 private:
  static std::vector<std::string> CheckStores(const Store& store) {
    std::vector<std::string> problems = store.Check();
    const std::vector<std::string> vectors = VectorIndex::Check(store);
    problems.insert(problems.end(), vectors.begin(), vectors.end());
    return problems;
  }

  void Print(Session& session, const std::vector<std::string>& problems,
             const std::vector<std::string>& repaired) const {
    if (session.options().json) {
      Json json{{"ok", problems.empty()}, {"problems", Json::array()}};
      for (const std::string& problem : problems) json["problems"].push_back(JsonText(problem));
      if (repair_) {
        json["repaired"] = Json::array();
        for (const std::string& problem : repaired) json["repaired"].push_back(JsonText(problem));
      }
      session.out().WriteJson(json);
      return;
    }
    for (const std::string& problem : repaired)
      session.out().Write("repaired: " + ForTerminal(problem) + "\n");
    for (const std::string& problem : problems)
      session.out().Write("problem: " + ForTerminal(problem) + "\n");
    session.out().Write(problems.empty() ? "the index is sound\n"
                        : repair_ ? "this could not be repaired: index again into a new folder\n"
                                  : "fovea verify --repair rebuilds what can be rebuilt\n");
  }

  bool repair_ = false;
};

class ShowCommand final : public Command {
 public:
  void Declare(OptionTable& table) override { table.Positional("DOCUMENT", &names_, 1, 1); }

  int Run(Session& session) override {
    const std::unique_ptr<Store> store =
        Store::Open(session.options().index, Store::Mode::kRead, session.log());
    store->BeginSnapshot();
    const DocumentRecord record = Find(*store, names_.front());
    const std::string text = store->DocumentText(record.id);
    store->EndSnapshot();
    if (session.options().json) {
      session.out().WriteJson(
          Json{{"document", JsonText(record.name)},
               {"title", JsonText(record.title)},
               {"format", record.format},
               {"bytes", record.bytes},
               {"metadata", Json::parse(record.metadata_json, nullptr, /*allow_exceptions=*/false)},
               {"text", JsonText(text)}});
    } else {
      session.out().Write(text);
    }
    return kDone;
  }

 private:
  static DocumentRecord Find(const Store& store, const std::string& name) {
    if (const auto record = store.FindDocument(name)) return *record;
    // "./a.md" for "a.md".
    if (const auto record = store.FindDocument(fs::path(name).lexically_normal().string()))
      return *record;
    std::string alike;
    int count = 0;
    store.ForEachDocument([&](const DocumentRecord& record) {
      if (fs::path(record.name).filename() == fs::path(name).filename()) {
        alike += (count == 0 ? "\"" : ", \"") + record.name + "\"";
        ++count;
      }
      return count < 5;
    });
    throw Error(ErrorCode::kNotFound,
                "no document \"" + name + "\" in " + store.folder().string() +
                    (count > 0 ? "; there is " + alike
                               : "; documents are named as they were given to fovea index"));
  }

  std::vector<std::string> names_;
};

}  // namespace

std::unique_ptr<Command> MakeRemoveCommand() { return std::make_unique<RemoveCommand>(); }
std::unique_ptr<Command> MakeStatusCommand() { return std::make_unique<StatusCommand>(); }
std::unique_ptr<Command> MakeVerifyCommand() { return std::make_unique<VerifyCommand>(); }
std::unique_ptr<Command> MakeShowCommand() { return std::make_unique<ShowCommand>(); }

}  // namespace fovea::tools
