#include "generator/load_reader.h"

#include <gtest/gtest.h>

#include "lib/nn/model_path.h"
#include "lib/reader/cross_attention_reader.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_reader.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

class LoadReaderTest : public ::testing::Test {
 protected:
  LoadReaderTest() {
    TinyBert().Write(folder_.path() / "tiny");
    tiny_ = Encoder::Load(folder_.path() / "tiny");
    const auto network =
        RandomReader(*tiny_, folder_.path() / "tiny", {.apart_layers = 1, .joint_layers = 1}, 1);
    WriteReader(*network, file_);
  }

  TempFolder folder_;
  std::filesystem::path file_ = folder_.path() / "reader.safetensors";
  std::unique_ptr<Encoder> tiny_;
};

TEST_F(LoadReaderTest, TheEmbeddersReaderIsThereWhenAskedFor) {
  const LoadedReader loaded = LoadReader({.reader = "embedding"}, *tiny_, nullptr);
  EXPECT_EQ(loaded.reader->name(), "embedding");
  EXPECT_EQ(loaded.learned, nullptr);
}

TEST_F(LoadReaderTest, AFileOfWeightsSharesTheEmbedderItWasTrainedOn) {
  const LoadedReader loaded = LoadReader({.reader = file_.string()}, *tiny_, nullptr);
  EXPECT_EQ(loaded.reader->name(), "cross-attention");
  EXPECT_EQ(loaded.reader.get(), loaded.learned);
  EXPECT_EQ(loaded.base, nullptr);
}

TEST_F(LoadReaderTest, BesideAnotherEmbedderItsBaseIsLoadedFromTheModels) {
  const LoadedReader loaded =
      LoadReader({.reader = file_.string(), .models = folder_.path()}, TestEncoder(), nullptr);
  ASSERT_NE(loaded.base, nullptr);
  EXPECT_EQ(loaded.base->name(), "tiny");
  EXPECT_ERROR(LoadReader({.reader = file_.string(), .models = folder_.path() / "none"},
                          TestEncoder(), nullptr),
               ErrorCode::kNotFound, "tiny");
}

TEST_F(LoadReaderTest, ABaseWithOtherFilesIsRefused) {
  TinyBert({.seed = 2}).Write(folder_.path() / "tiny");
  const auto other = Encoder::Load(folder_.path() / "tiny");
  EXPECT_ERROR(LoadReader({.reader = file_.string(), .models = folder_.path()}, *other, nullptr),
               ErrorCode::kMismatch, "was trained on top of tiny");
}

TEST_F(LoadReaderTest, AFileThatIsNotThereOrDamagedIsAnError) {
  EXPECT_ERROR(LoadReader({.reader = "no/such/file"}, *tiny_, nullptr), ErrorCode::kNotFound,
               "no/such/file");
  EXPECT_ERROR(LoadReader({.reader = folder_.Write("cut", "abc")}, *tiny_, nullptr),
               ErrorCode::kCorrupt, "cut");
}

}  // namespace
}  // namespace fovea
