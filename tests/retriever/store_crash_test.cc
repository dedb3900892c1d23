// A process that dies at any instant loses at most the transaction that was open.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <thread>
#include <tuple>

#include "lib/base/file.h"
#include "retriever/store.h"
#include "retriever/vector_index.h"
#include "tests/support/child_process.h"
#include "tests/retriever/store_fixtures.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using test::Add;
using test::MakeDocument;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

constexpr int kSteps = 12;
// Every fault point of a run is tried: quadratic in its length, and each flushes the disk.
constexpr int kFaultSteps = 5;
constexpr VectorIndexOptions kOptions{.stale_share = 0.01, .stale_floor = 3};

std::string TextOf(int document, int version) {
  std::string text;
  for (int i = 0; i <= document % 7; ++i) {
    text.append("document ").append(std::to_string(document)).append(" version ");
    text.append(std::to_string(version)).append(" line ").append(std::to_string(i)).append("\n");
  }
  return text;
}

std::string NameOf(int document) { return std::string("d").append(std::to_string(document)); }

// Step s: one transaction that adds, replaces, renames and removes; then the vectors file, if it is
// stale. A store that has done some steps says how many by its settings, changed in the same
// transaction.
void RunStep(Store& store, int step) {
  store.Begin();
  IndexSettings settings = test::Settings();
  settings.chunk_tokens = step;
  store.SetSettings(settings);
  for (int i = 0; i < 6; ++i) {
    const int document = step * 4 + i;  // two of them are of the step before
    Add(store, MakeDocument(NameOf(document), TextOf(document, step),
                            static_cast<std::uint64_t>(document * 1'000 + step)));
  }
  if (step > 2) store.RemoveSource(NameOf((step - 2) * 4));
  if (step > 1 && step % 3 == 0) {
    store.RenameSource(NameOf(step * 4 - 1), std::string("renamed").append(std::to_string(step)));
  }
  store.Commit();
  VectorIndex::Publish(store, kOptions, nullptr, {});
}

int StepsDone(const Store& store) {
  const auto settings = store.settings();
  return settings ? settings->chunk_tokens : 0;
}

void RunSteps(const fs::path& folder, int last = kSteps) {
  auto store = Store::Open(folder, Store::Mode::kWrite);
  for (int step = StepsDone(*store) + 1; step <= last; ++step) RunStep(*store, step);
}

using Dump =
    std::set<std::tuple<std::string, std::size_t, std::size_t, std::string, std::vector<float>>>;

Dump DumpOf(const Store& store) {
  Dump dump;
  store.ForEachDocument([&](const DocumentRecord& document) {
    for (const auto& [id, chunk] : store.ChunksOfDocument(document.id)) {
      dump.emplace(document.name, chunk.range.begin, chunk.range.end,
                   store.DocumentText(document.id, chunk.range), store.Vector(id));
    }
    return true;
  });
  return dump;
}

// What an undisturbed run holds after each step.
const std::vector<Dump>& Undisturbed() {
  static const std::vector<Dump> dumps = [] {
    const TempFolder folder;
    std::vector<Dump> all(1);
    for (int step = 1; step <= kSteps; ++step) {
      RunSteps(folder.path(), step);
      all.push_back(DumpOf(*Store::Open(folder.path(), Store::Mode::kRead)));
    }
    return all;
  }();
  return dumps;
}

// Sound, the state after some step that is at least `committed`, and searched exactly.
void ExpectSound(const fs::path& folder, int committed, const std::string& what) {
  for (const Store::Mode mode : {Store::Mode::kRead, Store::Mode::kWrite}) {
    if (mode == Store::Mode::kRead && !fs::exists(folder / "fovea.sqlite")) continue;
    std::unique_ptr<Store> store;
    try {
      store = Store::Open(folder, mode);
    } catch (const Error& error) {
      // Died before the index was made.
      ASSERT_EQ(error.code(), ErrorCode::kNotFound) << what << ": " << error.what();
      ASSERT_EQ(committed, 0) << what;
      continue;
    }
    EXPECT_THAT(store->Check(), IsEmpty()) << what;
    EXPECT_THAT(VectorIndex::Check(*store), IsEmpty()) << what;
    const int done = StepsDone(*store);
    ASSERT_GE(done, committed) << what;
    ASSERT_LE(done, kSteps) << what;
    const Dump dump = DumpOf(*store);
    EXPECT_EQ(dump, Undisturbed()[static_cast<std::size_t>(done)]) << what << " step " << done;
    const auto index = VectorIndex::Open(*store, kOptions, nullptr, {});
    EXPECT_EQ(static_cast<std::size_t>(index->size()), dump.size()) << what;
    const auto hits = index->Search(test::UnitVector(42), 1'000);
    EXPECT_EQ(hits.size(), dump.size()) << what;
    for (const DenseHit& hit : hits) EXPECT_NO_THROW(store->Vector(hit.chunk)) << what;
  }
}

void ExpectCompletion(const fs::path& folder, int last, const std::string& what) {
  RunSteps(folder, last);
  const auto store = Store::Open(folder, Store::Mode::kRead);
  EXPECT_EQ(DumpOf(*store), Undisturbed()[static_cast<std::size_t>(last)]) << what;
  EXPECT_THAT(store->Check(), IsEmpty()) << what;
  EXPECT_THAT(VectorIndex::Check(*store), IsEmpty()) << what;
}

TEST(StoreCrash, DyingAtAnyFaultPointLosesAtMostTheOpenTransaction) {
  std::set<std::string> kinds;
  int points = 0;
  for (int die_at = 1;; ++die_at) {
    const TempFolder folder;
    const fs::path trace = folder.path() / "trace";
    const int status = test::RunInChild([&] {
      int count = 0;
      SetFaultHook([&](std::string_view step) {
        if (++count != die_at) return;
        // Its own fault points come later than `die_at`.
        WriteFileAtomically(trace, step);
        _exit(7);
      });
      RunSteps(folder.path(), kFaultSteps);
      return 0;
    });
    if (status == 0) break;
    ASSERT_EQ(status, 7);
    ++points;
    const std::string step = ReadFile(trace);
    kinds.insert(step);
    ExpectSound(folder.path(), 0, std::string("dead at ").append(step));
    ExpectCompletion(folder.path(), kFaultSteps, step);
  }
  EXPECT_THAT(kinds,
              ::testing::ElementsAre("fsync:after", "fsync:before", "rename:after", "rename:before",
                                     "sqlite-commit:after", "sqlite-commit:before"));
  EXPECT_GE(points, 2 * kFaultSteps + 12);
}

TEST(StoreCrash, AnErrorAtAnyFaultPointLeavesASoundStore) {
  int points = 0;
  for (int fail_at = 1;; ++fail_at) {
    const TempFolder folder;
    int count = 0;
    bool failed = false;
    SetFaultHook([&](std::string_view) {
      if (++count == fail_at) throw Error(ErrorCode::kIo, "injected");
    });
    try {
      RunSteps(folder.path(), kFaultSteps);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("injected"));
      failed = true;
    }
    SetFaultHook({});
    if (!failed) break;
    ++points;
    ExpectSound(folder.path(), 0, std::string("failed at point ").append(std::to_string(fail_at)));
    ExpectCompletion(folder.path(), kFaultSteps, std::to_string(fail_at));
  }
  EXPECT_GE(points, 2 * kFaultSteps + 12);
}

TEST(StoreCrash, KillAtRandomMomentsLosesAtMostTheOpenTransaction) {
  using Clock = std::chrono::steady_clock;
  std::mt19937_64 random(20'260'101);
  int killed = 0;
  for (int round = 0; round < 60; ++round) {
    const TempFolder folder;
    int acknowledged[2];
    ASSERT_EQ(pipe(acknowledged), 0);
    const pid_t child = test::Spawn([&] {
      auto store = Store::Open(folder.path(), Store::Mode::kWrite);
      for (int step = 1; step <= kSteps; ++step) {
        RunStep(*store, step);
        const char done = static_cast<char>(step);
        if (write(acknowledged[1], &done, 1) != 1) return 1;
      }
      return 0;
    });
    close(acknowledged[1]);
    // Some way into the step after a random one, however fast the machine is at the moment.
    const int target = static_cast<int>(random() % kSteps);
    auto begin = Clock::now();
    auto last_step = std::chrono::microseconds(1000);
    char step = 0;
    int committed = 0;
    while (committed < target && read(acknowledged[0], &step, 1) == 1) {
      committed = step;
      last_step = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
      begin = Clock::now();
    }
    std::this_thread::sleep_for(std::chrono::microseconds(
        random() % std::max<std::uint64_t>(static_cast<std::uint64_t>(last_step.count()), 1)));
    kill(child, SIGKILL);
    killed += test::Wait(child) == 256 + SIGKILL ? 1 : 0;
    while (read(acknowledged[0], &step, 1) == 1) committed = step;
    close(acknowledged[0]);
    const std::string what = std::string("killed after step ").append(std::to_string(committed));
    ExpectSound(folder.path(), committed, what);
    ExpectCompletion(folder.path(), kSteps, what);
  }
  EXPECT_GE(killed, 30);
}

}  // namespace
}  // namespace fovea
