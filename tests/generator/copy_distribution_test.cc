#include "generator/copy_distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lib/nn/decoder.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"

namespace fovea {
namespace {

constexpr std::string_view kText = "In 2016 the Denver\n  Broncos beat the Carolina Panthers.";

const Bpe& Tokens() { return TestDecoder().tokenizer(); }

TokenId First(const std::string& text) { return Tokens().EncodeIds(text).front(); }

TokenWeight Weigh(std::string_view word, float start, float end) {
  const std::size_t at = kText.find(word);
  return {{at, at + word.size()}, start, end};
}

// The reader points at "Denver Broncos", and a little at "Carolina".
std::vector<CopySource> Sources() {
  return {{kText,
           {Weigh("2016", 0, 0), Weigh("Denver", 0.8f, 0.1f), Weigh("Broncos", 0, 0.8f),
            Weigh("Carolina", 0.1f, 0), Weigh("Panthers", 0, 0)}}};
}

std::vector<double> Probabilities(const std::vector<float>& logits) {
  std::vector<double> p(logits.begin(), logits.end());
  double sum = 0;
  for (double& value : p) sum += value = std::exp(value);
  for (double& value : p) value /= sum;
  return p;
}

class CopyDistributionTest : public ::testing::Test {
 protected:
  // Logits that differ, mixed after `written`.
  std::vector<double> Mixed(std::string_view written, const CopyOptions& options = {}) const {
    std::vector<float> logits = logits_;
    CopyDistribution(Sources(), Tokens(), options).Mix(written, logits);
    return Probabilities(logits);
  }
  static double At(const std::vector<double>& p, const std::string& text) {
    return p[static_cast<std::size_t>(Value(First(text)))];
  }

  std::vector<float> logits_ = [] {
    std::vector<float> logits(static_cast<std::size_t>(Tokens().vocabulary_size()));
    for (std::size_t i = 0; i < logits.size(); ++i)
      logits[i] = static_cast<float>(i % 7) / 7.0f - 3.0f;
    return logits;
  }();
  std::vector<double> plain_ = Probabilities(logits_);
};

TEST_F(CopyDistributionTest, TheAnswerIsTheLikeliestSpanOfOneText) {
  EXPECT_EQ(CopyDistribution(Sources(), Tokens()).answer(), "Denver Broncos");
  EXPECT_EQ(CopyDistribution({}, Tokens()).answer(), "");
}

TEST_F(CopyDistributionTest, WhatAnAnswerBeginsWithBecomesLikelierByItsStartWeight) {
  const CopyOptions options = {.begin_gain = 20};
  const std::vector<double> p = Mixed("The winners were", options);
  const double others = p[0] / plain_[0];
  EXPECT_NEAR(At(p, " Denver") / At(plain_, " Denver") / others, 1 + 20 * 0.8, 1e-3);
  EXPECT_NEAR(At(p, " Carolina") / At(plain_, " Carolina") / others, 1 + 20 * 0.1, 1e-3);
  EXPECT_NEAR(At(p, " Panthers") / At(plain_, " Panthers"), others, 1e-4 * others);
}

TEST_F(CopyDistributionTest, AtTheBeginningWordsHaveNoSpaceBeforeThem) {
  const std::vector<double> p = Mixed("");
  EXPECT_EQ(std::max_element(p.begin(), p.end()) - p.begin(), Value(First("Denver")));
  const std::vector<double> quoted = Mixed("They are \"");
  EXPECT_EQ(std::max_element(quoted.begin(), quoted.end()) - quoted.begin(),
            Value(First("Denver")));
}

TEST_F(CopyDistributionTest, WhatWasBegunIsFollowedAsFarAsTheAnswerGoesOn) {
  const CopyOptions options = {.begin_gain = 20, .follow_share = 0.9f};
  const std::vector<double> p = Mixed("The winners were the Denver", options);
  // Begun with 0.8, ended with 0.1.
  const double share = 0.9 * 0.7;
  const double own = At(plain_, " Broncos");
  EXPECT_NEAR(At(p, " Broncos"), (1 - share) * own + share, 1e-4);
  EXPECT_NEAR(p[0], (1 - share) * plain_[0], 1e-9) << "the others keep their proportions";
}

TEST_F(CopyDistributionTest, WherePointersEndOrTheTextWasNotCopiedNothingIsFollowed) {
  for (const char* written : {"The winners were the Denver Broncos", "Denver is a city", "In 2016"})
    EXPECT_EQ(Mixed(written, {.begin_gain = 0}), plain_) << written;
}

TEST_F(CopyDistributionTest, NothingBeginsOnceTheAnswerIsWritten) {
  EXPECT_EQ(Mixed("The Denver Broncos won against"), plain_);
}

TEST_F(CopyDistributionTest, APartOfAWordIsNoCopy) {
  // "den" stands in "Denver" but begins no word there; "Golden" ends with it.
  EXPECT_EQ(Mixed("Golden", {.begin_gain = 0}), plain_);
}

TEST_F(CopyDistributionTest, RefusesOptionsThatMakeNoSense) {
  for (const CopyOptions& options : {CopyOptions{.begin_gain = -1}, CopyOptions{.begin_gain = NAN},
                                     CopyOptions{.follow_share = 1}})
    EXPECT_ERROR(CopyDistribution(Sources(), Tokens(), options), ErrorCode::kInvalidArgument,
                 "must be");
}

TEST_F(CopyDistributionTest, WithoutSourcesOrWeightsNothingChanges) {
  std::vector<float> logits = logits_;
  CopyDistribution({}, Tokens()).Mix("The winners were", logits);
  EXPECT_EQ(logits, logits_);
  CopyDistribution(std::vector<CopySource>{{"", {}}, {kText, {}}}, Tokens()).Mix("In 2016", logits);
  EXPECT_EQ(logits, logits_);
  EXPECT_EQ(Mixed("The winners were", {.begin_gain = 0, .follow_share = 0}), plain_);
}

}  // namespace
}  // namespace fovea
