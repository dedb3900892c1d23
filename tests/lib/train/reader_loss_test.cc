#include "lib/train/reader_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

namespace fovea {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr float kRankWeight = 0.5f;

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
  }
  logits.none = uniform(random);
  return logits;
}

// The formula, by plain sums in double precision.
double Reference(const ReaderQuestion& question, const ReaderLogits& logits) {
  const auto mass = [](float value) { return std::exp(static_cast<double>(value)); };
  double loss = 0;
  bool answerable = false;
  for (const auto* values : {&logits.start, &logits.end}) {
    double all = mass(logits.none);
    for (const auto& row : *values) {
      for (const float value : row) all += mass(value);
    }
    double right = 0;
    for (std::size_t p = 0; p < question.passages.size(); ++p) {
      for (std::size_t t = 0; t < (*values)[p].size(); ++t) {
        bool gold = false;
        for (const auto& [first, last] : question.passages[p].answers)
          gold = gold || t == (values == &logits.start ? first : last);
        if (gold) right += mass((*values)[p][t]);
        answerable = answerable || gold;
      }
    }
    loss -= std::log((answerable ? right : mass(logits.none)) / all);
  }
  if (!answerable || question.passages.size() < 2) return loss;
  double all = 0, right = 0;
  for (std::size_t p = 0; p < question.passages.size(); ++p) {
    all += mass(logits.passage[p]);
    if (!question.passages[p].answers.empty()) right += mass(logits.passage[p]);
  }
  return loss - static_cast<double>(kRankWeight) * std::log(right / all);
}

double Total(const ReaderLossTerms& terms) {
  return terms.span + static_cast<double>(kRankWeight) * terms.rank;
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
    EXPECT_NEAR(Total(LossOf(question, logits, kRankWeight, gradient)), Reference(question, logits),
                1e-12);
  }
}

TEST(ReaderLoss, ItsGradientIsTheDerivative) {
  for (const ReaderQuestion& question : Questions()) {
    ReaderLogits logits = RandomLogits(question);
    ReaderLogits gradient;
    LossOf(question, logits, kRankWeight, gradient);
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
    }
    check(logits.none, gradient.none);
  }
}

TEST(ReaderLoss, StaysFiniteWhereTheAnswerIsOutOfReach) {
  ReaderQuestion question;
  question.passages = {Passage(5, {{1, 1}})};
  ReaderLogits logits = RandomLogits(question);
  logits.start[0][1] = -1e30f;
  ReaderLogits gradient;
  EXPECT_TRUE(std::isfinite(LossOf(question, logits, kRankWeight, gradient).span));
  for (const float value : gradient.start[0]) EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace fovea
