#include "retriever/index_pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class IndexPipelineTest : public ::testing::TestWithParam<int> {
 protected:
  IndexPipelineTest() {
    TinyBert().Write(folder_.path() / "model");
    encoder_ = Encoder::Load(folder_.path() / "model");
    store_ = Store::Open(folder_.path() / "index", Store::Mode::kWrite);
    store_->Begin();
    store_->SetSettings({.embedder = "tiny",
                         .embedder_fingerprint = encoder_->fingerprint(),
                         .dimensions = encoder_->config().width,
                         .chunk_tokens = chunker_.chunk_tokens,
                         .chunk_overlap = chunker_.overlap_tokens});
    store_->PutSource({.path = "source", .content_hash = "", .size = 0, .modified_ns = 0});
    store_->Commit();
    first_generation_ = store_->generation();
  }
  ~IndexPipelineTest() override { SetFaultHook({}); }

  std::unique_ptr<DocumentGroup> Group(const std::vector<std::string>& names) {
    auto group = std::make_unique<DocumentGroup>(*store_, *encoder_, chunker_, 1 << 20, pool_);
    for (const std::string& name : names) {
      Document document;
      document.name = name;
      document.text = "a b c " + name + ". d c b a.";
      group->AddDocument(document, "hash of " + name, "source", std::nullopt);
    }
    group->AddSourceBytes(names.size());
    return group;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    store_->ForEachDocument([&](const DocumentRecord& document) {
      names.push_back(document.name);
      return true;
    });
    return names;
  }
  std::int64_t Commits() const { return store_->generation() - first_generation_; }

  TempFolder folder_;
  ChunkerOptions chunker_{.chunk_tokens = 6, .overlap_tokens = 0};
  ThreadPool pool_{GetParam()};
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<Store> store_;
  std::int64_t first_generation_ = 0;
  std::vector<std::uint64_t> told_;
  IndexPipeline pipeline_{pool_, [this](std::uint64_t bytes) { told_.push_back(bytes); }};
};

INSTANTIATE_TEST_SUITE_P(Threads, IndexPipelineTest, ::testing::Values(1, 2, 4));

TEST_P(IndexPipelineTest, GroupsAreCommittedInOrderEachInOneTransaction) {
  for (int i = 0; i < 9; ++i) {
    pipeline_.Push(Group({std::to_string(i) + "x", std::to_string(i) + "y"}), {});
  }
  pipeline_.Drain({});
  EXPECT_TRUE(pipeline_.idle());
  EXPECT_EQ(Commits(), 9);
  std::int64_t last = 0;
  for (const std::string& name : Names()) {  // by name: in the order they were pushed
    const std::int64_t id = Value(store_->FindDocument(name)->id);
    EXPECT_GT(id, last);
    last = id;
  }
  EXPECT_EQ(Names().size(), 18u);
  EXPECT_EQ(told_, std::vector<std::uint64_t>(9, 2));
  EXPECT_THAT(store_->Check(), IsEmpty());
}

TEST_P(IndexPipelineTest, AnEmptyGroupIsToldButNotCommitted) {
  pipeline_.Push(Group({}), {});
  pipeline_.Drain({});
  EXPECT_EQ(Commits(), 0);
  EXPECT_THAT(told_, ElementsAre(0));
}

TEST_P(IndexPipelineTest, AStopCommitsWhatWasEmbeddedAndNothingElse) {
  std::stop_source stop;
  std::size_t pushed = 0;
  const auto push = [&] { pipeline_.Push(Group({std::to_string(pushed++)}), stop.get_token()); };
  for (int i = 0; i < 4; ++i) push();
  stop.request_stop();
  const std::size_t embedded = told_.size();
  EXPECT_ERROR(push(), ErrorCode::kCancelled, "stopped");
  EXPECT_EQ(told_.size(), embedded);
  EXPECT_EQ(Names().size(), embedded);
  EXPECT_GE(embedded, 3u);
  EXPECT_THAT(store_->Check(), IsEmpty());
}

TEST_P(IndexPipelineTest, AfterAFailedCommitNothingMoreIsWritten) {
  std::atomic<int> commits = 0;
  SetFaultHook([&](std::string_view step) {
    if (step == "sqlite-commit:before" && ++commits == 2) throw Error(ErrorCode::kIo, "disk full");
  });
  const auto push_all = [&] {
    for (int i = 0; i < 6; ++i) pipeline_.Push(Group({std::to_string(i)}), {});
    pipeline_.Drain({});
  };
  EXPECT_ERROR(push_all(), ErrorCode::kIo, "disk full");
  EXPECT_THAT(Names(), ElementsAre("0"));
  EXPECT_EQ(commits, 2);
  EXPECT_THAT(store_->Check(), IsEmpty());
}

TEST_P(IndexPipelineTest, MayBeLeftAtAnyMoment) {
  for (int pushed = 0; pushed < 4; ++pushed) {
    IndexPipeline left(pool_, [](std::uint64_t) {});
    for (int i = 0; i < pushed; ++i) {
      left.Push(Group({std::to_string(pushed) + "-" + std::to_string(i)}), {});
    }
  }
  EXPECT_THAT(store_->Check(), IsEmpty());
}

}  // namespace
}  // namespace fovea
