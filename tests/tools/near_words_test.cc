#include "tools/near_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/thread_pool.h"
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

// In one test: to compare all words takes seconds.
TEST(NearWords, AreWhatTheEmbedderPutsBesideAWholeWord) {
  const SafetensorsFile weights(TestEmbedderFolder() / "model.safetensors");
  ThreadPool pool(2);
  const NearWords near(TestEncoder(), weights, &pool);
  const auto of = [&](std::string_view word) {
    const auto others = near.Of(word);
    return std::vector<std::string>(others.begin(), others.end());
  };
  EXPECT_THAT(of("north"), Contains("south"));
  EXPECT_THAT(of("river"), Contains("lake"));
  EXPECT_EQ(of("king").front(), "queen");

  // Forms of the word are left out; and there is a limit.
  EXPECT_THAT(of("north"), Each(Not(StartsWith("nort"))));
  EXPECT_THAT(of("river"), SizeIs(testing::Le(12u)));

  for (const char* no_whole_word : {"##ing", "the", "1821", "lampkeepership", ""})
    EXPECT_THAT(of(no_whole_word), IsEmpty()) << no_whole_word;
}

}  // namespace
}  // namespace fovea::tools
