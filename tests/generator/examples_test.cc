#include "generator/examples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/thread_pool.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<Example>& Examples() {
  static const std::vector<Example> examples = {
      {"When was the lighthouse built?", "In 1871."},
      {"How many eggs does a queen bee lay?", "2,000."},
      {"Who kept the light in the tower?", "Edith Marlow."},
      {"What does rye bread need?", "Time."}};
  return examples;
}

std::vector<std::string> Answers(const std::vector<NearExample>& examples) {
  std::vector<std::string> answers;
  for (const NearExample& near : examples) answers.push_back(near.example.second);
  return answers;
}

TEST(ExampleSet, TheNearestAreGivenTheNearestLast) {
  ThreadPool pool(2);
  const ExampleSet set(Examples(), TestEncoder(), &pool);
  const auto two = set.Nearest("When was the tower of the lighthouse built?", 2, &pool);
  EXPECT_THAT(Answers(two), ElementsAre("Edith Marlow.", "In 1871."));
  EXPECT_LT(two[0].similarity, two[1].similarity);
  EXPECT_LE(two[1].similarity, 1.0001f);
  EXPECT_GT(two[1].similarity, 0.7f);
  EXPECT_THAT(Answers(set.Nearest("How many eggs do bees lay?", 1, &pool)), ElementsAre("2,000."));
}

TEST(ExampleSet, NoneAllAndMoreThanThereAre) {
  const ExampleSet set(Examples(), TestEncoder(), nullptr);
  EXPECT_THAT(set.Nearest("Bread?", 0, nullptr), IsEmpty());
  EXPECT_EQ(set.Nearest("Bread?", 9, nullptr).size(), 4u);
  EXPECT_THAT(ExampleSet({}, TestEncoder(), nullptr).Nearest("Bread?", 3, nullptr), IsEmpty());
}

TEST(ExampleSet, OfEquallyNearOnesTheEarlierIsNearer) {
  const ExampleSet set({{"Bread?", "first"}, {"Bees?", "other"}, {"Bread?", "second"}},
                       TestEncoder(), nullptr);
  EXPECT_THAT(Answers(set.Nearest("Bread?", 2, nullptr)), ElementsAre("second", "first"));
}

TEST(ExampleSet, BlankOnesAreRefusedAndLongOnesCounted) {
  EXPECT_ERROR(ExampleSet({{"A?", "a"}, {" ", "b"}}, TestEncoder(), nullptr),
               ErrorCode::kInvalidArgument, "example 2");
  EXPECT_ERROR(ExampleSet({{"A?", "\n"}}, TestEncoder(), nullptr), ErrorCode::kInvalidArgument,
               "example 1");
  std::string longest;
  for (int i = 0; i < 300; ++i) longest += "why ";
  EXPECT_EQ(ExampleSet({{longest, "a"}, {"B?", "b"}}, TestEncoder(), nullptr).questions_cut(), 1u);
}

}  // namespace
}  // namespace fovea
