#include "lib/train/reader_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>

#include "lib/train/reader_network.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr ReaderLossWeights kWeights = {.shared = 0.9f, .local = 0.75f, .rank = 0.5f};
constexpr ReaderLossWeights kTaught = {
    .shared = 0.9f, .local = 0.75f, .rank = 0.5f, .teacher = 0.3f, .temperature = 2.5f};

ReaderPassage Passage(std::size_t tokens,
                      std::vector<std::pair<std::size_t, std::size_t>> answers = {}) {
  ReaderPassage passage;
  passage.tokens.assign(tokens, TokenId{1});
  passage.answers = std::move(answers);
  return passage;
}

ReaderLogits RandomLogits(const ReaderQuestion& question, std::uint32_t seed = 5) {
  std::mt19937 random(seed);
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

bool Answerable(const ReaderQuestion& question) {
  return std::any_of(question.passages.begin(), question.passages.end(),
                     [](const ReaderPassage& passage) { return !passage.answers.empty(); });
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

// KL(p ‖ q) of masses that are not normalised.
double Divergence(const std::vector<double>& p, const std::vector<double>& q) {
  const double all_p = std::accumulate(p.begin(), p.end(), 0.0);
  const double all_q = std::accumulate(q.begin(), q.end(), 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] > 0) sum += p[i] / all_p * std::log(p[i] / all_p / (q[i] / all_q));
  }
  return sum;
}

// T² KL(teacher ‖ student) of the starts (or ends) over the passages [begin, end), likewise.
double SpanDivergence(const ReaderLogits& student, const ReaderLogits& teacher, double temperature,
                      bool start, std::size_t begin, std::size_t end) {
  const auto masses = [&](const ReaderLogits& logits) {
    std::vector<double> all;
    for (std::size_t p = begin; p < end; ++p) {
      all.push_back(std::exp(static_cast<double>(logits.none[p]) / temperature));
      for (const float value : (start ? logits.start : logits.end)[p])
        all.push_back(std::exp(static_cast<double>(value) / temperature));
    }
    return all;
  };
  return temperature * temperature * Divergence(masses(teacher), masses(student));
}

double Reference(const ReaderQuestion& question, const ReaderLogits& logits,
                 const ReaderLossWeights& weights, const ReaderLogits& teacher) {
  const std::size_t passages = question.passages.size();
  const bool answerable = std::any_of(question.passages.begin(), question.passages.end(),
                                      [](const auto& passage) { return !passage.answers.empty(); });
  const double taught = answerable ? static_cast<double>(weights.teacher) : 0;
  const auto temperature = static_cast<double>(weights.temperature);
  double loss = 0;
  const auto spans = [&](std::size_t begin, std::size_t end, double weight) {
    for (const bool start : {true, false}) {
      loss += weight * (1 - taught) * Span(question, logits, start, begin, end);
      loss += weight * taught * SpanDivergence(logits, teacher, temperature, start, begin, end);
    }
  };
  spans(0, passages, static_cast<double>(weights.shared));
  for (std::size_t p = 0; p < passages; ++p)
    spans(p, p + 1, static_cast<double>(weights.local) / static_cast<double>(passages));
  if (passages < 2) return loss;
  double all = 0, right = 0;
  std::vector<double> ours, theirs;
  for (std::size_t p = 0; p < passages; ++p) {
    all += Mass(logits.passage[p]);
    if (!question.passages[p].answers.empty()) right += Mass(logits.passage[p]);
    ours.push_back(std::exp(static_cast<double>(logits.passage[p]) / temperature));
    theirs.push_back(std::exp(static_cast<double>(teacher.passage[p]) / temperature));
  }
  const auto rank = static_cast<double>(weights.rank);
  if (right > 0) loss -= rank * (1 - taught) * std::log(right / all);
  return loss + rank * taught * temperature * temperature * Divergence(theirs, ours);
}

std::vector<ReaderQuestion> Questions() {
  std::vector<ReaderQuestion> questions(4);
  questions[0].passages = {Passage(6), Passage(9, {{2, 4}})};
  questions[1].passages = {Passage(9, {{2, 4}, {2, 5}, {7, 7}}), Passage(5, {{1, 1}}), Passage(4)};
  questions[2].passages = {Passage(5), Passage(7)};
  questions[3].passages = {Passage(8, {{3, 3}})};
  return questions;
}

class ReaderLossOf : public testing::TestWithParam<ReaderLossWeights> {};

TEST_P(ReaderLossOf, IsTheFormula) {
  for (const ReaderQuestion& question : Questions()) {
    const ReaderLogits logits = RandomLogits(question), teacher = RandomLogits(question, 6);
    ReaderLogits gradient;
    const ReaderLoss loss = LossOf(question, logits, &teacher, GetParam(), gradient);
    EXPECT_EQ(loss.questions, 1u);
    EXPECT_NEAR(loss.total(GetParam()), Reference(question, logits, GetParam(), teacher), 1e-12);
  }
}

TEST_P(ReaderLossOf, ItsGradientIsTheDerivative) {
  for (const ReaderQuestion& question : Questions()) {
    ReaderLogits logits = RandomLogits(question);
    const ReaderLogits teacher = RandomLogits(question, 6);
    ReaderLogits gradient;
    LossOf(question, logits, &teacher, GetParam(), gradient);
    const auto check = [&](float& value, float got) {
      if (value == kNever) {
        EXPECT_EQ(got, 0.0f);
        return;
      }
      constexpr float kStep = 1.0f / 256;  // exact; error of order step²
      const float before = value;
      value = before + kStep;
      const double above = Reference(question, logits, GetParam(), teacher);
      value = before - kStep;
      const double below = Reference(question, logits, GetParam(), teacher);
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

INSTANTIATE_TEST_SUITE_P(Weights, ReaderLossOf,
                         testing::Values(kWeights, kTaught,
                                         ReaderLossWeights{.teacher = 1, .temperature = 1}),
                         [](const auto& weights) {
                           return "Teacher" +
                                  std::to_string(std::lround(100 * weights.param.teacher));
                         });

TEST(ReaderLoss, ATeacherThatAgreesTeachesNothing) {
  for (const ReaderQuestion& question : Questions()) {
    if (!Answerable(question)) continue;
    const ReaderLogits logits = RandomLogits(question);
    ReaderLogits gradient;
    const ReaderLoss loss = LossOf(question, logits, &logits, {.teacher = 1}, gradient);
    EXPECT_EQ(loss.teacher, 0);
    for (const auto* rows : {&gradient.start, &gradient.end}) {
      for (const auto& row : *rows) EXPECT_EQ(row, std::vector<float>(row.size()));
    }
    const std::vector<float> zeros(question.passages.size());
    EXPECT_EQ(gradient.none, zeros);
    EXPECT_EQ(gradient.passage, zeros);
  }
}

TEST(ReaderLoss, NoTeacherIsHeardWhereNoPassageAnswers) {
  for (const ReaderQuestion& question : Questions()) {
    if (Answerable(question)) continue;
    const ReaderLogits logits = RandomLogits(question), teacher = RandomLogits(question, 6);
    ReaderLogits taught, alone;
    const ReaderLoss loss = LossOf(question, logits, &teacher, kTaught, taught);
    EXPECT_EQ(LossOf(question, logits, nullptr, kWeights, alone).data(kWeights), loss.teacher);
    EXPECT_EQ(taught.start, alone.start);
    EXPECT_EQ(taught.end, alone.end);
    EXPECT_EQ(taught.none, alone.none);
    EXPECT_EQ(taught.passage, alone.passage);
  }
}

TEST(ReaderLoss, ATeachersWeightNeedsItsLogitsOfTheSamePassages) {
  const std::vector<ReaderQuestion> questions = Questions();
  const ReaderLogits logits = RandomLogits(questions[0]);
  ReaderLogits gradient;
  const auto run = [&](const ReaderLogits* teacher) {
    LossOf(questions[0], logits, teacher, kTaught, gradient);
  };
  EXPECT_ERROR(run(nullptr), ErrorCode::kInvalidArgument, "teacher");
  for (const std::size_t other : {1u, 2u}) {  // more passages; shorter ones
    const ReaderLogits teacher = RandomLogits(questions[other]);
    EXPECT_ERROR(run(&teacher), ErrorCode::kInvalidArgument, "same question and passages");
  }
}

TEST(ReaderLoss, StaysFiniteWhereTheAnswerIsOutOfReach) {
  ReaderQuestion question;
  question.passages = {Passage(5, {{1, 1}})};
  ReaderLogits logits = RandomLogits(question);
  logits.start[0][1] = -1e30f;
  ReaderLogits gradient;
  EXPECT_TRUE(std::isfinite(LossOf(question, logits, nullptr, kWeights, gradient).span));
  for (const float value : gradient.start[0]) EXPECT_TRUE(std::isfinite(value));
}

TEST(ReaderLoss, WithoutALocalWeightThePassagesCompeteAlone) {
  const ReaderQuestion question = Questions()[0];
  const ReaderLogits logits = RandomLogits(question);
  ReaderLogits gradient;
  const ReaderLoss loss = LossOf(question, logits, nullptr, {.local = 0, .rank = 0}, gradient);
  EXPECT_EQ(loss.local, 0);
  EXPECT_NEAR(loss.span, Span(question, logits, true, 0, 2) + Span(question, logits, false, 0, 2),
              1e-12);
}

}  // namespace
}  // namespace fovea
