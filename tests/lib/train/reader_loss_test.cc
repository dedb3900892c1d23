#include "lib/train/reader_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

namespace fovea {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr ReaderLossWeights kWeights = {.local = 0.75f, .rank = 0.5f};

ReaderPassage Passage(std::size_t tokens,
                      std::vector<std::pair<std::size_t, std::size_t>> answers = {}) {
  ReaderPassage passage;
  passage.tokens.assign(tokens, TokenId{1});
  passage.answers = std::move(answers);
  return passage;
}

ReaderLogits RandomLogits(const ReaderQuestion& question) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-2, 2);
  ReaderLogits logits;
  for (const ReaderPassage& passage : question.passages) {
    for (auto* values : {&logits.start, &logits.end}) {
      values->emplace_back(passage.tokens.size(), kNever);
      for (std::size_t t = 1; t + 1 < passage.tokens.size(); ++t)
        values->back()[t] = uniform(random);
    }
    logits.passage.push_back(uniform(random));
    logits.none.push_back(uniform(random));
  }
  return logits;
}

double Mass(float value) { return std::exp(static_cast<double>(value)); }

// −log P of the right starts (or ends) over the passages [begin, end), by plain sums in double
// precision.
double Span(const ReaderQuestion& question, const ReaderLogits& logits, bool start,
            std::size_t begin, std::size_t end) {
  double all = 0, right = 0, none = 0;
  bool answerable = false;
  for (std::size_t p = begin; p < end; ++p) {
    const std::vector<float>& row = (start ? logits.start : logits.end)[p];
    none += Mass(logits.none[p]);
    for (std::size_t t = 0; t < row.size(); ++t) {
      bool gold = false;
      for (const auto& [first, last] : question.passages[p].answers)
        gold = gold || t == (start ? first : last);
      if (gold) right += Mass(row[t]);
      all += Mass(row[t]);
      answerable = answerable || gold;
    }
  }
  return -std::log((answerable ? right : none) / (all + none));
}

double Reference(const ReaderQuestion& question, const ReaderLogits& logits) {
  const std::size_t passages = question.passages.size();
  double loss = 0, local = 0;
  for (const bool start : {true, false}) {
    loss += Span(question, logits, start, 0, passages);
    for (std::size_t p = 0; p < passages; ++p)
      local += Span(question, logits, start, p, p + 1) / static_cast<double>(passages);
  }
  loss += static_cast<double>(kWeights.local) * local;
  double all = 0, right = 0;
  for (std::size_t p = 0; p < passages; ++p) {
    all += Mass(logits.passage[p]);
    if (!question.passages[p].answers.empty()) right += Mass(logits.passage[p]);
  }
  if (right <= 0 || passages < 2) return loss;
  return loss - static_cast<double>(kWeights.rank) * std::log(right / all);
}

double Total(const ReaderLossTerms& terms) {
  return terms.span + static_cast<double>(kWeights.local) * terms.local +
         static_cast<double>(kWeights.rank) * terms.rank;
}

std::vector<ReaderQuestion> Questions() {
  std::vector<ReaderQuestion> questions(4);
  questions[0].passages = {Passage(6), Passage(9, {{2, 4}})};
  questions[1].passages = {Passage(9, {{2, 4}, {2, 5}, {7, 7}}), Passage(5, {{1, 1}}), Passage(4)};
  questions[2].passages = {Passage(5), Passage(7)};
  questions[3].passages = {Passage(8, {{3, 3}})};
  return questions;
}

TEST(ReaderLoss, IsTheFormula) {
  for (const ReaderQuestion& question : Questions()) {
    const ReaderLogits logits = RandomLogits(question);
    ReaderLogits gradient;
    EXPECT_NEAR(Total(LossOf(question, logits, kWeights, gradient)), Reference(question, logits),
                1e-12);
  }
}

TEST(ReaderLoss, ItsGradientIsTheDerivative) {
  for (const ReaderQuestion& question : Questions()) {
    ReaderLogits logits = RandomLogits(question);
    ReaderLogits gradient;
    LossOf(question, logits, kWeights, gradient);
    const auto check = [&](float& value, float got) {
      if (value == kNever) {
        EXPECT_EQ(got, 0.0f);
        return;
      }
      constexpr float kStep = 1.0f / 256;  // exact; error of order step²
      const float before = value;
      value = before + kStep;
      const double above = Reference(question, logits);
      value = before - kStep;
      const double below = Reference(question, logits);
      value = before;
      EXPECT_NEAR(got, (above - below) / (2 * static_cast<double>(kStep)), 2e-5);
    };
    for (std::size_t p = 0; p < question.passages.size(); ++p) {
      for (std::size_t t = 0; t < logits.start[p].size(); ++t) {
        check(logits.start[p][t], gradient.start[p][t]);
        check(logits.end[p][t], gradient.end[p][t]);
      }
      check(logits.passage[p], gradient.passage[p]);
      check(logits.none[p], gradient.none[p]);
    }
  }
}

TEST(ReaderLoss, StaysFiniteWhereTheAnswerIsOutOfReach) {
  ReaderQuestion question;
  question.passages = {Passage(5, {{1, 1}})};
  ReaderLogits logits = RandomLogits(question);
  logits.start[0][1] = -1e30f;
  ReaderLogits gradient;
  EXPECT_TRUE(std::isfinite(LossOf(question, logits, kWeights, gradient).span));
  for (const float value : gradient.start[0]) EXPECT_TRUE(std::isfinite(value));
}

TEST(ReaderLoss, WithoutALocalWeightThePassagesCompeteAlone) {
  const ReaderQuestion question = Questions()[0];
  const ReaderLogits logits = RandomLogits(question);
  ReaderLogits gradient;
  const ReaderLossTerms terms = LossOf(question, logits, {.local = 0, .rank = 0}, gradient);
  EXPECT_EQ(terms.local, 0);
  EXPECT_NEAR(terms.span, Span(question, logits, true, 0, 2) + Span(question, logits, false, 0, 2),
              1e-12);
}

}  // namespace
}  // namespace fovea
