#include "lib/train/reader_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/error.h"
#include "lib/train/reader_network.h"

namespace fovea {
namespace {

struct Rows {
  std::size_t begin;
  std::size_t end;
};

// Logits that compete: of each passage some values and its none.
struct Scores {
  const std::vector<std::vector<float>>& values;
  const std::vector<float>& none;
};

struct Gradient {
  std::vector<std::vector<float>>& values;
  std::vector<float>& none;
};

// softmax(z / temperature) over the scores of the rows.
class Softmax {
 public:
  Softmax(const Scores& scores, Rows rows, double temperature) : temperature_(temperature) {
    double greatest = -std::numeric_limits<double>::infinity();
    const auto for_each = [&](const auto& body) {
      for (std::size_t p = rows.begin; p < rows.end; ++p) {
        body(static_cast<double>(scores.none[p]) / temperature);
        for (const float value : scores.values[p]) body(static_cast<double>(value) / temperature);
      }
    };
    for_each([&](double score) { greatest = std::max(greatest, score); });
    double all = 0;
    for_each([&](double score) { all += std::exp(score - greatest); });
    log_all_ = greatest + std::log(all);
  }
  double Log(float value) const { return static_cast<double>(value) / temperature_ - log_all_; }
  double operator()(float value) const { return std::exp(Log(value)); }

 private:
  double temperature_;
  double log_all_;
};

// −log of the probability that falls on `gold`; `weight` times its gradient is added. gold[p] holds
// positions in values[p]; without any in the rows, their none is right.
double NegativeLogLikelihood(const Scores& scores, Rows rows,
                             const std::vector<std::vector<std::size_t>>& gold, double weight,
                             Gradient& gradient) {
  const Softmax softmax(scores, rows, 1);
  double right = 0, none = 0;
  bool answerable = false;
  for (std::size_t p = rows.begin; p < rows.end; ++p) {
    none += softmax(scores.none[p]);
    for (const std::size_t t : gold[p]) right += softmax(scores.values[p][t]);
    answerable = answerable || !gold[p].empty();
  }
  if (!answerable) right = none;
  // Too unlikely for a double: as good as a loss of 700, and the gradient stays finite.
  right = std::max(right, std::numeric_limits<double>::min());
  for (std::size_t p = rows.begin; p < rows.end; ++p) {
    for (std::size_t t = 0; t < scores.values[p].size(); ++t)
      gradient.values[p][t] += static_cast<float>(weight * softmax(scores.values[p][t]));
    for (const std::size_t t : gold[p])
      gradient.values[p][t] -= static_cast<float>(weight * softmax(scores.values[p][t]) / right);
    gradient.none[p] +=
        static_cast<float>(weight * softmax(scores.none[p]) * (1 - (answerable ? 0 : 1 / right)));
  }
  return -std::log(right);
}

// T² · KL(teacher ‖ student), both softened by T, so that its gradient T · (student − teacher) does
// not shrink with it (Hinton et al. 2015, section 2); `weight` times that is added.
double Divergence(const Scores& student, const Scores& teacher, Rows rows, double temperature,
                  double weight, Gradient& gradient) {
  const Softmax ours(student, rows, temperature);
  const Softmax theirs(teacher, rows, temperature);
  double sum = 0;
  const auto add = [&](float our, float their, float& slope) {
    const double wanted = theirs(their);
    if (wanted > 0) sum += wanted * (theirs.Log(their) - ours.Log(our));
    slope += static_cast<float>(weight * temperature * (ours(our) - wanted));
  };
  for (std::size_t p = rows.begin; p < rows.end; ++p) {
    add(student.none[p], teacher.none[p], gradient.none[p]);
    for (std::size_t t = 0; t < student.values[p].size(); ++t)
      add(student.values[p][t], teacher.values[p][t], gradient.values[p][t]);
  }
  return temperature * temperature * sum;
}

using Positions = std::vector<std::vector<std::size_t>>;  // in each passage, each once

Positions Gold(const ReaderQuestion& question, bool starts) {
  Positions gold;
  for (const ReaderPassage& passage : question.passages) {
    gold.emplace_back();
    for (const auto& [first, last] : passage.answers) gold.back().push_back(starts ? first : last);
    std::sort(gold.back().begin(), gold.back().end());
    gold.back().erase(std::unique(gold.back().begin(), gold.back().end()), gold.back().end());
  }
  return gold;
}

bool Answerable(const ReaderQuestion& question) {
  return std::any_of(question.passages.begin(), question.passages.end(),
                     [](const ReaderPassage& passage) { return !passage.answers.empty(); });
}

// One question's loss: every term of it is the data's and the teacher's together.
class QuestionLoss {
 public:
  QuestionLoss(const ReaderQuestion& question, const ReaderLogits& logits,
               const ReaderLogits* teacher, const ReaderLossWeights& weights,
               ReaderLogits& gradient)
      : question_(question),
        logits_(logits),
        teacher_(weights.teacher > 0 ? teacher : nullptr),
        temperature_(static_cast<double>(weights.temperature)),
        gradient_(gradient) {
    if (weights.teacher > 0) CheckTeacher();
    if (Answerable(question)) {
      taught_ = static_cast<double>(weights.teacher);
    } else {
      teacher_ = nullptr;
    }
  }

  // −log P of the right starts and ends over the rows; its gradient times `weight` is added.
  double Spans(Rows rows, double weight) {
    double sum = 0;
    for (const bool starts : {true, false}) {
      const auto scores = [&](const ReaderLogits& logits) {
        return Scores{starts ? logits.start : logits.end, logits.none};
      };
      Gradient slope = {starts ? gradient_.start : gradient_.end, gradient_.none};
      sum += NegativeLogLikelihood(scores(logits_), rows, Gold(question_, starts),
                                   (1 - taught_) * weight, slope);
      if (teacher_ != nullptr) Teach(scores(logits_), scores(*teacher_), rows, weight, slope);
    }
    return sum;
  }

  // −log P of the right passages among all; 0 where none is right.
  double Rank(double weight) {
    Positions right(1);
    for (std::size_t p = 0; p < question_.passages.size(); ++p) {
      if (!question_.passages[p].answers.empty()) right[0].push_back(p);
    }
    const std::vector<float> never = {-std::numeric_limits<float>::infinity()};
    const std::vector<std::vector<float>> ours = {logits_.passage};
    std::vector<std::vector<float>> slopes = {std::move(gradient_.passage)};
    std::vector<float> unused = {0};
    Gradient slope = {slopes, unused};
    double loss = 0;
    if (!right[0].empty()) {
      loss = NegativeLogLikelihood({ours, never}, {0, 1}, right, (1 - taught_) * weight, slope);
    }
    if (teacher_ != nullptr) {
      const std::vector<std::vector<float>> theirs = {teacher_->passage};
      Teach({ours, never}, {theirs, never}, {0, 1}, weight, slope);
    }
    gradient_.passage = std::move(slopes[0]);
    return loss;
  }

  // Of all terms so far, with their weights.
  double divergence() const { return divergence_; }

 private:
  void Teach(const Scores& ours, const Scores& theirs, Rows rows, double weight, Gradient& slope) {
    divergence_ += weight * Divergence(ours, theirs, rows, temperature_, taught_ * weight, slope);
  }

  void CheckTeacher() const {
    const auto same = [](const auto& ours, const auto& theirs) {
      return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                        [](const auto& a, const auto& b) { return a.size() == b.size(); });
    };
    if (teacher_ == nullptr || !same(logits_.start, teacher_->start) ||
        !same(logits_.end, teacher_->end) || logits_.passage.size() != teacher_->passage.size() ||
        logits_.none.size() != teacher_->none.size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "reader loss: a teacher's weight needs its logits of the same question and "
                  "passages");
    }
  }

  const ReaderQuestion& question_;
  const ReaderLogits& logits_;
  const ReaderLogits* teacher_;
  double taught_ = 0;
  double temperature_;
  ReaderLogits& gradient_;
  double divergence_ = 0;
};

}  // namespace

void ReaderLossWeights::Validate() const {
  const auto check = [](bool holds, const char* what) {
    if (!holds) throw Error(ErrorCode::kInvalidArgument, std::string("reader loss: ") + what);
  };
  check(shared >= 0 && local >= 0 && rank >= 0, "weights must be at least 0");
  check(teacher >= 0 && teacher <= 1, "the teacher's weight must be from 0 to 1");
  check(temperature > 0 && std::isfinite(temperature), "the temperature must be positive");
}

void ReaderLoss::Add(const ReaderLoss& other) {
  questions += other.questions;
  if (questions == 0) return;
  const double share = static_cast<double>(other.questions) / static_cast<double>(questions);
  span += share * (other.span - span);
  local += share * (other.local - local);
  rank += share * (other.rank - rank);
  teacher += share * (other.teacher - teacher);
}

ReaderLoss LossOf(const ReaderQuestion& question, const ReaderLogits& logits,
                  const ReaderLogits* teacher, const ReaderLossWeights& weights,
                  ReaderLogits& gradient) {
  const std::size_t passages = question.passages.size();
  gradient = {};
  gradient.none.assign(passages, 0.0f);
  gradient.passage.assign(passages, 0.0f);
  for (std::size_t p = 0; p < passages; ++p) {
    gradient.start.emplace_back(logits.start[p].size(), 0.0f);
    gradient.end.emplace_back(logits.end[p].size(), 0.0f);
  }
  QuestionLoss terms(question, logits, teacher, weights, gradient);
  ReaderLoss loss;
  loss.questions = 1;
  loss.span = terms.Spans({0, passages}, static_cast<double>(weights.shared));
  if (weights.local > 0) {
    const auto count = static_cast<double>(passages);
    for (std::size_t p = 0; p < passages; ++p)
      loss.local += terms.Spans({p, p + 1}, static_cast<double>(weights.local) / count) / count;
  }
  if (passages > 1) loss.rank = terms.Rank(static_cast<double>(weights.rank));
  loss.teacher = terms.divergence();
  if (!Answerable(question)) loss.teacher = loss.data(weights);
  return loss;
}

}  // namespace fovea
