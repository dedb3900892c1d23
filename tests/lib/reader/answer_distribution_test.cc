#include "lib/reader/answer_distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace fovea {
namespace {

// Two passages of two words, one window each: [CLS] w w [SEP].
class AnswerDistributionTest : public ::testing::Test {
 protected:
  AnswerDistributionTest() : passages_(2), windows_(2), logits_(2) {
    passages_[0].text = "Yes. Now";
    passages_[1].text = "ef gh";
    windows_[0].ranges = {{0, 3}, {5, 8}};
    windows_[1].ranges = {{0, 2}, {3, 5}};
    for (std::size_t w = 0; w < 2; ++w) {
      windows_[w].passage = w;
      windows_[w].own_end = 2;
    }
    logits_[0].start = {9, 1, 0, 9};
    logits_[0].end = {9, 0, 2, 9};
    logits_[0].none = 1;
    logits_[1].start = {9, -1, 0, 9};
    logits_[1].end = {9, 0, 0, 9};
    logits_[1].none = 2;
  }
  std::vector<ReaderInput> Inputs() const {
    std::vector<ReaderInput> inputs;
    for (const Passage& passage : passages_)
      inputs.push_back({&passage, std::nullopt, std::nullopt});
    return inputs;
  }
  AnswerDistribution Distributed() const { return Distribute(Inputs(), windows_, logits_, fits_); }
  Reading Read() const { return ReadDistribution(Inputs(), windows_, logits_, Distributed(), 5); }

  std::vector<Passage> passages_;
  std::vector<ReaderWindow> windows_;
  std::vector<WindowLogits> logits_;
  std::vector<float> fits_ = {0.5f, -0.5f};
};

// Exact sums of a handful of exponentials; results are stored in f32.
constexpr double kTolerance = 1e-6;

TEST_F(AnswerDistributionTest, OneSoftmaxOverTheTextAndTheNoneOfAllPassages) {
  const AnswerDistribution got = Distributed();
  const double none = 2 * std::exp(1.5);  // 1 + 0.5 and 2 − 0.5
  const double all = std::exp(1.5) + std::exp(0.5) + std::exp(-1.5) + std::exp(-0.5) + none;
  EXPECT_NEAR(got.start[0][0], std::exp(1.5) / all, kTolerance);
  EXPECT_NEAR(got.start[1][0], std::exp(-1.5) / all, kTolerance);
  EXPECT_NEAR(got.none_start, none / all, kTolerance);
  const double ends = std::exp(0.5) + std::exp(2.5) + 2 * std::exp(-0.5) + none;
  EXPECT_NEAR(got.end[0][1], std::exp(2.5) / ends, kTolerance);
  EXPECT_NEAR(got.none_end, none / ends, kTolerance);
}

TEST_F(AnswerDistributionTest, WeightsSumToOneAndSentencesToTheirPassage) {
  const Reading reading = Read();
  ASSERT_EQ(reading.passages[0].sentences.size(), 2u);
  double total = static_cast<double>(reading.none_weight);
  for (const PassageReading& passage : reading.passages) {
    double sentences = 0;
    for (const SentenceWeight& sentence : passage.sentences)
      sentences += static_cast<double>(sentence.weight);
    EXPECT_NEAR(sentences, static_cast<double>(passage.weight), kTolerance);
    total += static_cast<double>(passage.weight);
  }
  EXPECT_NEAR(total, 1, kTolerance);
}

TEST_F(AnswerDistributionTest, ASentenceWeighsTheMeanOfItsTokensStartsAndEnds) {
  const PassageReading passage = Read().passages[0];
  ASSERT_EQ(passage.tokens.size(), 2u);
  for (std::size_t s = 0; s < 2; ++s) {
    EXPECT_NEAR(passage.sentences[s].weight, (passage.tokens[s].start + passage.tokens[s].end) / 2,
                kTolerance);
  }
  EXPECT_EQ(passage.tokens[1].range, (ByteRange{5, 8}));
}

TEST_F(AnswerDistributionTest, TheFirstSpanHasTheGreatestProductAndNoneOverlap) {
  std::replace(passages_[0].text.begin(), passages_[0].text.end(), '.', ',');
  const Reading reading = Read();
  const AnswerDistribution d = Distributed();
  ASSERT_FALSE(reading.spans.empty());
  EXPECT_EQ(reading.spans[0].passage, 0u);
  EXPECT_EQ(reading.spans[0].range, (ByteRange{0, 8}));
  EXPECT_NEAR(reading.spans[0].score, d.start[0][0] * d.end[0][1], kTolerance);
  for (std::size_t i = 1; i < reading.spans.size(); ++i) {
    EXPECT_EQ(reading.spans[i].passage, 1u);  // Nothing of the first is left.
    EXPECT_LE(reading.spans[i].score, reading.spans[i - 1].score);
  }
}

TEST_F(AnswerDistributionTest, ASpanLiesInOneSentence) {
  const Reading reading = Read();
  const AnswerDistribution d = Distributed();
  ASSERT_GE(reading.spans.size(), 2u);
  EXPECT_EQ(reading.spans[0].passage, 0u);
  EXPECT_EQ(reading.spans[0].range, (ByteRange{5, 8}));
  EXPECT_NEAR(reading.spans[0].score, d.start[0][1] * d.end[0][1], kTolerance);
  for (const AnswerSpan& span : reading.spans) EXPECT_NE(span.range, (ByteRange{0, 8}));
}

TEST_F(AnswerDistributionTest, WhatIsDoubtfulHardlyCompetesAndTheRestIsAsIfItWereNotThere) {
  std::vector<ReaderInput> inputs = Inputs();
  inputs[0].doubtful = {{5, 8}};
  const AnswerDistribution got = Distribute(inputs, windows_, logits_, fits_);
  const double none = 2 * std::exp(1.5);
  const double ends = std::exp(0.5) + std::exp(2.5 - kDoubt) + 2 * std::exp(-0.5) + none;
  EXPECT_NEAR(got.end[0][0], std::exp(0.5) / ends, kTolerance);
  EXPECT_NEAR(got.end[0][1], std::exp(2.5 - kDoubt) / ends, kTolerance);
  EXPECT_NEAR(got.none_end, none / ends, kTolerance);
  const Reading reading = ReadDistribution(inputs, windows_, logits_, got, 5);
  EXPECT_EQ(reading.passages[0].sentences.size(), 2u);
  EXPECT_LT(reading.passages[0].sentences[1].weight, 0.001f);
  EXPECT_GT(reading.passages[0].sentences[1].weight, 0.0f);
}

TEST_F(AnswerDistributionTest, ATokenOfTwoWindowsCountsInItsOwnAlone) {
  windows_[1] = windows_[0];
  windows_[0].own_end = 1;
  windows_[1].own_begin = 1;
  logits_[1].start = {9, 7, 0, 9};
  const AnswerDistribution d = Distributed();
  EXPECT_NEAR(d.start[0][0] + d.start[1][1] + d.none_start, 1, kTolerance);
  EXPECT_EQ(Read().passages[0].tokens.size(), 2u);
}

TEST_F(AnswerDistributionTest, APartsRowsAreSplitIntoQuestionOwnTokensAndTheRest) {
  windows_[1] = windows_[0];  // [CLS] Yes Now [SEP], each word of another window
  windows_[0].own_end = 1;
  windows_[1].own_begin = 1;
  for (WindowLogits& logits : logits_) {
    logits.attention = Matrix(1, 4);
    logits.head_attention = Matrix(2, 5);  // two heads, a question of one token
    const float rows[] = {0.5f,  0.0625f, 0.25f,  0.125f,  0.0625f,
                          0.25f, 0.5f,    0.125f, 0.0625f, 0.0625f};
    std::copy(std::begin(rows), std::end(rows), logits.head_attention.data());
  }
  const std::vector<PartAttention> parts = Read().passages[0].parts;
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].first_token, 0u);
  EXPECT_EQ(parts[1].first_token, 1u);
  for (const PartAttention& part : parts) EXPECT_EQ(part.tokens, 1u);
  // Halves of halves: exact.
  EXPECT_EQ(parts[0].weights, (std::vector<float>{0.5f, 0.25f, 0.25f, 0.25f, 0.125f, 0.625f}));
  EXPECT_EQ(parts[1].weights, (std::vector<float>{0.5f, 0.125f, 0.375f, 0.25f, 0.0625f, 0.6875f}));
}

TEST_F(AnswerDistributionTest, ASpanHasAtMostThirtyTokens) {
  const std::size_t count = 40;
  passages_.resize(1);
  windows_.resize(1);
  logits_.resize(1);
  passages_[0].text = std::string(count, 'a');
  windows_[0].ranges.clear();
  for (std::size_t t = 0; t < count; ++t) windows_[0].ranges.push_back({t, t + 1});
  windows_[0].own_end = count;
  logits_[0].start.assign(count + 2, 0);
  logits_[0].end.assign(count + 2, 0);
  logits_[0].start[1] = 20;
  logits_[0].end[count] = 20;      // 40 tokens from there
  logits_[0].end[count - 10] = 5;  // 30
  EXPECT_EQ(Read().spans[0].range, (ByteRange{0, 30}));
}

TEST_F(AnswerDistributionTest, TheOrderOfThePassagesDoesNotMatter) {
  const Reading there = Read();
  std::swap(passages_[0], passages_[1]);
  std::swap(windows_[0], windows_[1]);
  std::swap(windows_[0].passage, windows_[1].passage);
  std::swap(logits_[0], logits_[1]);
  std::swap(fits_[0], fits_[1]);
  const Reading back = Read();
  EXPECT_EQ(there.none_weight, back.none_weight);
  EXPECT_EQ(there.passages[0].weight, back.passages[1].weight);
  EXPECT_EQ(there.spans[0].score, back.spans[0].score);
}

TEST_F(AnswerDistributionTest, WithoutPassagesEverythingIsNone) {
  const Reading reading = ReadDistribution({}, {}, {}, Distribute({}, {}, {}, {}), 5);
  EXPECT_EQ(reading.none_weight, 1);
  EXPECT_TRUE(reading.spans.empty());
}

}  // namespace
}  // namespace fovea
