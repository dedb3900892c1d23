// Random edits of a folder, indexed by one thread in one group and by several in many small groups
// at once: both must tell and store the same. Groups of a few documents put every look at the store
// next to a group that is on its way there.

#include "retriever/index_run.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/support/index_dump.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

// One of the two indexes.
struct Side {
  Side(const fs::path& folder, const Encoder& model, int threads, std::size_t group_bytes)
      : encoder(model), pool(threads), store(Store::Open(folder, Store::Mode::kWrite)) {
    options.chunker = {.chunk_tokens = 6, .overlap_tokens = 2};
    options.group_bytes = group_bytes;
    store->Begin();
    store->SetSettings({.embedder = "tiny",
                        .embedder_fingerprint = encoder.fingerprint(),
                        .dimensions = encoder.config().width,
                        .chunk_tokens = options.chunker.chunk_tokens,
                        .chunk_overlap = options.chunker.overlap_tokens});
    store->Commit();
  }

  IndexReport Update(const ProgressCallback& progress = {}) {
    IndexRun run(*store, encoder, options, &pool, progress, {});
    return run.Update(WalkSources({"d"}, {.index_folder = {}, .include = {}, .exclude = {}}));
  }

  const Encoder& encoder;
  IndexerOptions options;
  ThreadPool pool;
  std::unique_ptr<Store> store;
};

std::string Told(const IndexReport& report) {
  std::string told = "+" + std::to_string(report.added) + " ~" + std::to_string(report.updated) +
                     " >" + std::to_string(report.renamed) + " =" +
                     std::to_string(report.unchanged) + " -" + std::to_string(report.removed) +
                     " tokens " + std::to_string(report.tokens) + "\n";
  for (const SkippedDocument& skipped : report.skipped) {
    told += skipped.document + ": " + skipped.reason + "\n";
  }
  for (const std::string& warning : report.warnings) told += warning + "\n";
  return told;
}

class IndexRunTest : public ::testing::Test {
 protected:
  IndexRunTest() : before_(fs::current_path()) {
    TinyBert().Write(folder_.path() / "model");
    encoder_ = Encoder::Load(folder_.path() / "model");
    fs::current_path(folder_.path());
    fs::create_directory("d");
  }
  ~IndexRunTest() override { fs::current_path(before_); }

  void WriteOld(const std::string& name, const std::string& text) {
    const fs::path path = folder_.Write(name, text);
    const timespec times[2] = {{1'500'000'000 + ++clock_, 0}, {1'500'000'000 + clock_, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  std::size_t Below(std::size_t count) { return random_() % count; }
  std::string Sentences() {
    std::string text;
    for (std::size_t i = Below(4) + 1; i > 0; --i) {
      for (std::size_t word = Below(5) + 1; word > 0; --word)
        text += std::string(1, "abcd"[Below(4)]) + " ";
      text += "end" + std::to_string(Below(50)) + ". ";
    }
    return text;
  }
  // Documents of a few names that other corpora have, too.
  std::string Corpus() {
    std::string lines;
    for (std::size_t i = Below(6) + 1; i > 0; --i) {
      lines +=
          R"({"_id": ")" + std::to_string(Below(12)) + R"(", "text": ")" + Sentences() + "\"}\n";
    }
    return lines;
  }
  void Edit() {
    const std::string number = std::to_string(Below(8));
    const std::string text_file = "d/" + number + ".txt";
    const std::string corpus = "d/" + number + ".jsonl";
    switch (Below(6)) {
      case 0:
      case 1:
        return WriteOld(text_file, Sentences());
      case 2:
      case 3:
        return WriteOld(corpus, Corpus());
      case 4:
        fs::remove(Below(2) == 0 ? text_file : corpus);
        return;
      default:
        if (!fs::exists(text_file)) return;
        fs::rename(text_file, "d/" + std::to_string(Below(8)) + "-renamed.txt");
    }
  }

  TempFolder folder_;
  fs::path before_;
  std::unique_ptr<Encoder> encoder_;
  std::mt19937 random_{20'261'124};
  std::int64_t clock_ = 0;
};

TEST_F(IndexRunTest, TellsAndStoresTheSameForAnyThreadsAndGroups) {
  Side alone("alone", *encoder_, 1, std::size_t{1} << 20);
  Side one_thread("one-thread", *encoder_, 1, 1);
  Side threads("threads", *encoder_, 3, 1);
  for (int round = 0; round < 40; ++round) {
    for (std::size_t edits = Below(10) + 1; edits > 0; --edits) Edit();
    const std::string expected = Told(alone.Update());
    const std::vector<std::string> dump = DumpIndex(*alone.store);
    for (Side* side : {&one_thread, &threads}) {
      ASSERT_EQ(Told(side->Update()), expected) << "round " << round;
      ASSERT_EQ(DumpIndex(*side->store), dump) << "round " << round;
    }
  }
  EXPECT_THAT(threads.store->Check(), IsEmpty());
}

TEST_F(IndexRunTest, ProgressNeverDescendsAndEndsAtTheTotal) {
  for (int i = 0; i < 30; ++i) WriteOld("d/" + std::to_string(i) + ".txt", Sentences());
  WriteOld("d/empty.txt", " ");
  Side side("index", *encoder_, 3, 40);
  std::uint64_t last = 0;
  std::uint64_t total = 0;
  side.Update([&](const Progress& progress) {
    EXPECT_GE(progress.done, last);
    last = progress.done;
    total = progress.total;
  });
  EXPECT_EQ(last, total);
  EXPECT_GT(total, 0u);
}

}  // namespace
}  // namespace fovea
