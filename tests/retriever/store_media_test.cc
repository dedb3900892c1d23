// Full disks, folders that cannot be written, and two processes at once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <set>

#include "retriever/store.h"
#include "retriever/vector_index.h"
#include "tests/retriever/store_fixtures.h"
#include "tests/support/child_process.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using test::Add;
using test::MakeDocument;
using test::OpenWithSettings;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

// From here on no file of this process may grow beyond this; a write past it fails as on a full
// disk.
void LimitFileSize(rlim_t bytes) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit{bytes, bytes};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) throw Error(ErrorCode::kIo, "setrlimit");
}

// 0 if `body` throws `code` with `part` in the message.
int Expect(ErrorCode code, const std::string& part, const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    const bool right =
        error.code() == code && std::string(error.what()).find(part) != std::string::npos;
    if (!right) std::fprintf(stderr, "unexpected: %s\n", error.what());
    return right ? 0 : 2;
  }
  std::fprintf(stderr, "did not throw\n");
  return 3;
}

std::string Words(int seed, std::size_t bytes) {
  std::string text;
  for (int i = seed; text.size() < bytes; i = (i * 31 + 7) % 100'003)
    text.append("w").append(std::to_string(i)).append(" ");
  return text;
}

TEST(FullDisk, AFailedCommitIsReportedAndKeepsWhatWasCommitted) {
  const TempFolder folder;
  {
    auto store = OpenWithSettings(folder.path());
    store->Begin();
    Add(*store, MakeDocument("kept", "walrus words"));
    store->Commit();
  }
  const int status = test::RunInChild([&] {
    LimitFileSize(1 << 20);
    auto store = Store::Open(folder.path(), Store::Mode::kWrite);
    const int result = Expect(ErrorCode::kIo, folder.path().string(), [&] {
      store->Begin();
      for (int i = 0; i < 200; ++i)
        Add(*store, MakeDocument(std::to_string(i), Words(i, 40'000), 1, 2'000));
      store->Commit();
    });
    if (result != 0) return result;
    store->Rollback();
    // The same store goes on with what fits.
    if (store->counts().documents != 1) return 4;
    return store->LexicalSearch("walrus", 3).size() == 1 ? 0 : 5;
  });
  EXPECT_EQ(status, 0);
  auto store = Store::Open(folder.path(), Store::Mode::kWrite);
  EXPECT_EQ(store->counts().documents, 1);
  EXPECT_THAT(store->Check(), IsEmpty());
  store->Begin();
  Add(*store, MakeDocument("more", "penguin words"));
  store->Commit();
  EXPECT_THAT(store->Check(), IsEmpty());
}

TEST(FullDisk, AVectorsFileThatDoesNotFitIsNotNamed) {
  const TempFolder folder;
  {
    auto store = OpenWithSettings(folder.path());
    store->Begin();
    Add(*store, MakeDocument("a", std::string(40'000, 'x'), 1, 10));
    store->Commit();
  }
  const int status = test::RunInChild([&] {
    auto store = Store::Open(folder.path(), Store::Mode::kWrite);
    LimitFileSize(100'000);
    return Expect(ErrorCode::kIo, "free some space",
                  [&] { VectorIndex::Publish(*store, {}, nullptr, {}); });
  });
  EXPECT_EQ(status, 0);
  auto store = Store::Open(folder.path(), Store::Mode::kWrite);
  EXPECT_EQ(store->vector_file().file_name, "");
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("vectors.")) << entry.path();
  }
  EXPECT_TRUE(VectorIndex::Publish(*store, {}, nullptr, {}));
  EXPECT_EQ(VectorIndex::Open(*store, {}, nullptr, {})->size(), 4'000);
}

class ReadOnlyFolder : public ::testing::Test {
 protected:
  void MakeIndex() {
    auto store = OpenWithSettings(folder_.path());
    store->Begin();
    Add(*store, MakeDocument("a", "walrus words"));
    store->Commit();
    VectorIndex::Publish(*store, {}, nullptr, {});
  }
  void Protect() {
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      chmod(entry.path().c_str(), 0444);
    chmod(folder_.path().c_str(), 0555);
  }
  void TearDown() override { chmod(folder_.path().c_str(), 0755); }

  TempFolder folder_;
};

TEST_F(ReadOnlyFolder, IsReadButNotWritten) {
  MakeIndex();
  Protect();
  const int status = test::RunInChild([&] {
    test::BecomeOrdinaryUser();
    const int result =
        Expect(ErrorCode::kIo, "lock", [&] { Store::Open(folder_.path(), Store::Mode::kWrite); });
    if (result != 0) return result;
    auto store = Store::Open(folder_.path(), Store::Mode::kRead);
    if (store->LexicalSearch("walrus", 3).size() != 1) return 4;
    if (!store->Check().empty()) return 5;
    const auto index = VectorIndex::Open(*store, {}, nullptr, {});
    return index->Search(test::UnitVector(1), 3).size() == 1 ? 0 : 6;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(ReadOnlyFolder, CannotBeMade) {
  Protect();
  const int status = test::RunInChild([&] {
    test::BecomeOrdinaryUser();
    return Expect(ErrorCode::kIo, "new",
                  [&] { Store::Open(folder_.path() / "new", Store::Mode::kWrite); });
  });
  EXPECT_EQ(status, 0);
}

TEST_F(ReadOnlyFolder, WithChangesOfAnInterruptedRunSaysWhatToDo) {
  MakeIndex();
  // Dies with a commit that is in the log alone.
  const int died = test::RunInChild([&]() -> int {
    auto store = Store::Open(folder_.path(), Store::Mode::kWrite);
    store->Begin();
    Add(*store, MakeDocument("b", "penguin words"));
    store->Commit();
    _exit(7);
  });
  ASSERT_EQ(died, 7);
  ASSERT_GT(fs::file_size(folder_.path() / "fovea.sqlite-wal"), 0u);
  fs::remove(folder_.path() / "fovea.sqlite-shm");
  Protect();
  const int status = test::RunInChild([&] {
    test::BecomeOrdinaryUser();
    return Expect(ErrorCode::kIo, "interrupted run",
                  [&] { Store::Open(folder_.path(), Store::Mode::kRead); });
  });
  EXPECT_EQ(status, 0);
  chmod(folder_.path().c_str(), 0755);
  for (const auto& entry : fs::directory_iterator(folder_.path()))
    chmod(entry.path().c_str(), 0644);
  EXPECT_EQ(Store::Open(folder_.path(), Store::Mode::kRead)->counts().documents, 2);
}

TEST_F(ReadOnlyFolder, ItsReaderKeepsWritersOut) {
  MakeIndex();
  Protect();
  int ready[2];
  int done[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(done), 0);
  const pid_t child = test::Spawn([&] {
    test::BecomeOrdinaryUser();
    auto store = Store::Open(folder_.path(), Store::Mode::kRead);
    char byte = 'r';
    if (write(ready[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1) return 1;
    return store->LexicalSearch("walrus", 3).size() == 1 ? 0 : 4;
  });
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  chmod(folder_.path().c_str(), 0755);
  for (const auto& entry : fs::directory_iterator(folder_.path()))
    chmod(entry.path().c_str(), 0644);
  EXPECT_ERROR(Store::Open(folder_.path(), Store::Mode::kWrite), ErrorCode::kBusy,
               "is being read by");
  ASSERT_EQ(write(done[1], &byte, 1), 1);
  EXPECT_EQ(test::Wait(child), 0);
  EXPECT_NO_THROW(Store::Open(folder_.path(), Store::Mode::kWrite));
  for (const int descriptor : {ready[0], ready[1], done[0], done[1]}) close(descriptor);
}

TEST(TwoProcesses, ASecondWriterIsRefusedUntilTheFirstIsKilled) {
  const TempFolder folder;
  OpenWithSettings(folder.path());
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = test::Spawn([&] {
    auto store = Store::Open(folder.path(), Store::Mode::kWrite);
    const char byte = 'r';
    if (write(ready[1], &byte, 1) != 1) return 1;
    pause();
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_ERROR(Store::Open(folder.path(), Store::Mode::kWrite), ErrorCode::kBusy,
               std::string("is being indexed by process ").append(std::to_string(child)));
  EXPECT_NO_THROW(Store::Open(folder.path(), Store::Mode::kRead));
  kill(child, SIGKILL);
  EXPECT_EQ(test::Wait(child), 256 + SIGKILL);
  EXPECT_NO_THROW(Store::Open(folder.path(), Store::Mode::kWrite));
  close(ready[0]);
  close(ready[1]);
}

// One version of all documents a transaction; a reader must never see two at once, whatever the
// file says.
TEST(TwoProcesses, AReaderAlwaysSeesOneGeneration) {
  constexpr int kDocuments = 12;
  constexpr int kVersions = 40;
  const TempFolder folder;
  const auto put = [&](Store& store, int version) {
    store.Begin();
    for (int i = 0; i < kDocuments; ++i) {
      Add(store,
          MakeDocument(std::to_string(i), std::string("version ").append(std::to_string(version)),
                       static_cast<std::uint64_t>(version * 100 + i)));
    }
    store.Commit();
    VectorIndex::Publish(store, {}, nullptr, {}, true);
  };
  put(*OpenWithSettings(folder.path()), 0);
  const pid_t child = test::Spawn([&] {
    auto store = Store::Open(folder.path(), Store::Mode::kWrite);
    for (int version = 1; version <= kVersions; ++version) put(*store, version);
    return 0;
  });
  std::set<std::string> seen;
  int status = 0;
  do {
    auto store = Store::Open(folder.path(), Store::Mode::kRead);
    store->BeginSnapshot();
    const auto index = VectorIndex::Open(*store, {}, nullptr, {});
    std::vector<ChunkId> chunks;
    for (const DenseHit& hit : index->Search(test::UnitVector(3), 1'000))
      chunks.push_back(hit.chunk);
    std::set<std::string> texts;
    for (const Passage& passage : store->Passages(chunks)) texts.insert(passage.text);
    EXPECT_EQ(chunks.size(), static_cast<std::size_t>(kDocuments));
    EXPECT_EQ(store->Passages(chunks).size(), static_cast<std::size_t>(kDocuments));
    EXPECT_EQ(texts.size(), 1u);
    EXPECT_EQ(store->LexicalSearch("version", 100).size(), static_cast<std::size_t>(kDocuments));
    store->EndSnapshot();
    if (!texts.empty()) seen.insert(*texts.begin());
  } while (waitpid(child, &status, WNOHANG) == 0 && !HasFailure());
  EXPECT_EQ(status, 0);
  EXPECT_GE(seen.size(), 2u);
  EXPECT_THAT(Store::Open(folder.path(), Store::Mode::kRead)->Check(), IsEmpty());
}

}  // namespace
}  // namespace fovea
