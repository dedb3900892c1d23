#include "tools/near_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/thread_pool.h"
#include "lib/nn/encoder_weights.h"
#include "lib/nn/safetensors.h"
#include "tests/support/models.h"

namespace fovea::tools {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class EmbeddersWords : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const SafetensorsFile weights(TestEmbedderFolder() / "model.safetensors");
    const auto rows = static_cast<std::size_t>(TestEncoder().tokenizer().vocabulary_size());
    const auto width = static_cast<std::size_t>(TestEncoder().config().width);
    const std::vector<float> words =
        weights.Floats(BertPrefix(weights) + "embeddings.word_embeddings.weight", {rows, width});
    ThreadPool pool(2);
    near_ = new NearWords(TestEncoder().tokenizer(), {words.data(), rows, width, width}, &pool);
  }
  static void TearDownTestSuite() { delete near_; }

  static std::vector<std::string> Of(std::string_view word) {
    const auto near = near_->Of(word);
    return {near.begin(), near.end()};
  }

  static NearWords* near_;
};

NearWords* EmbeddersWords::near_ = nullptr;

TEST_F(EmbeddersWords, AreNearWhatCouldStandInTheirPlace) {
  EXPECT_THAT(Of("north"), Contains("south"));
  EXPECT_THAT(Of("river"), Contains("lake"));
  EXPECT_EQ(Of("king").front(), "queen");
}

TEST_F(EmbeddersWords, AreNoFormsOfTheWordAndAtMostADozen) {
  EXPECT_THAT(Of("north"), Each(Not(StartsWith("nort"))));
  EXPECT_THAT(Of("north"), Not(IsEmpty()));
  EXPECT_THAT(Of("river"), SizeIs(testing::Le(12u)));
}

TEST_F(EmbeddersWords, AreNoneOfWhatIsNoWholeWord) {
  EXPECT_THAT(Of("##ing"), IsEmpty());
  EXPECT_THAT(Of("the"), IsEmpty());
  EXPECT_THAT(Of("1821"), IsEmpty());
  EXPECT_THAT(Of("lampkeepership"), IsEmpty());
  EXPECT_THAT(Of(""), IsEmpty());
}

}  // namespace
}  // namespace fovea::tools
