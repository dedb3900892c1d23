#include "lib/train/reader_trainer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/nn/safetensors.h"
#include "lib/nn/safetensors_writer.h"

namespace fovea {
namespace {

constexpr double kSmoothing = 0.98;  // of the loss that is shown

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::size_t Tokens(const ReaderQuestion& question) {
  std::size_t tokens = 0;
  for (const ReaderPassage& passage : question.passages)
    tokens += question.tokens.size() + passage.tokens.size();
  return tokens;
}

}  // namespace

void ReaderTrainerOptions::Validate() const {
  const auto check = [](bool holds, const char* what) {
    if (!holds) throw Error(ErrorCode::kInvalidArgument, std::string("training: ") + what);
  };
  check(epochs >= 1, "epochs must be at least 1");
  check(batch_questions >= 1, "batch_questions must be at least 1");
  check(rate > 0 && std::isfinite(rate), "rate must be positive");
  check(warm_up >= 0 && warm_up < 1, "warm_up must be a share of the steps");
  check(dropout >= 0 && dropout < 1, "dropout must be from 0 up to 1");
}

ReaderTrainer::ReaderTrainer(ReaderNetwork& network, const ReaderExamples& examples,
                             const ReaderTrainerOptions& options, ReaderNetwork* teacher)
    : network_(network),
      examples_(examples),
      options_(options),
      teacher_(teacher),
      parameters_(network.parameters()),
      optimiser_(parameters_, {}) {
  options_.Validate();
  if ((teacher != nullptr) != (network.options().loss.teacher > 0)) {
    throw Error(ErrorCode::kInvalidArgument,
                "training: a teacher needs a weight in the loss, and the weight a teacher");
  }
  const auto batch = static_cast<std::int64_t>(options_.batch_questions);
  steps_a_epoch_ = (static_cast<std::int64_t>(examples.size()) + batch - 1) / batch;
}

// Fisher and Yates; std::shuffle may differ between libraries.
std::vector<std::size_t> ReaderTrainer::Order(std::uint64_t epoch) const {
  std::vector<std::size_t> order(examples_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(options_.seed * 1000 + epoch);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

ReaderLoss ReaderTrainer::Step(std::span<const std::size_t> order, std::uint64_t epoch,
                               ThreadPool* pool) {
  std::vector<ReaderQuestion> questions;
  for (const std::size_t index : order) questions.push_back(examples_.Get(index, epoch));
  const float weight = 1.0f / static_cast<float>(questions.size());
  ReaderLoss sum;
  std::uint64_t part = 0;
  for (std::size_t begin = 0; begin < questions.size(); ++part) {
    std::size_t end = begin;
    std::size_t tokens = 0;
    do {
      tokens += Tokens(questions[end++]);
    } while (end < questions.size() && tokens + Tokens(questions[end]) <= options_.pass_tokens);
    const DropoutOptions dropout = {
        options_.dropout,
        (options_.seed * 1'000'003 + static_cast<std::uint64_t>(step_)) * 64 + part};
    const auto pass = std::span<const ReaderQuestion>(questions).subspan(begin, end - begin);
    std::vector<ReaderLogits> taught;
    if (teacher_ != nullptr) taught = teacher_->Forward(pass, pool);
    sum.Add(network_.ForwardBackward(pass, weight, dropout, pool, taught));
    tokens_ += tokens;
    begin = end;
  }
  return sum;
}

void ReaderTrainer::Run(const std::function<void(const TrainingProgress&)>& progress,
                        const std::function<bool(int epoch, const TrainingProgress&)>& after_epoch,
                        std::stop_token stop, ThreadPool* pool) {
  TrainingProgress shown;
  shown.steps = steps_a_epoch_ * options_.epochs;
  const auto warm_up =
      static_cast<std::int64_t>(options_.warm_up * static_cast<float>(shown.steps)) + 1;
  const double start = Now();
  const std::int64_t first_step = step_;
  double saved = start;
  std::vector<std::size_t> order;
  while (step_ < shown.steps && !finished_) {
    const auto epoch = static_cast<std::uint64_t>(step_ / steps_a_epoch_);
    if (order.empty() || step_ % steps_a_epoch_ == 0) order = Order(epoch);
    const auto at = static_cast<std::size_t>(step_ % steps_a_epoch_) * options_.batch_questions;
    const auto batch =
        std::span(order).subspan(at, std::min(options_.batch_questions, order.size() - at));
    const ReaderLoss loss = Step(batch, epoch, pool);
    if (!std::isfinite(loss.total(network_.options().loss))) {
      throw Error(ErrorCode::kInvalidArgument,
                  "training: the loss is not a number at step " + std::to_string(step_) +
                      "; the last checkpoint is whole: resume from it with a lower rate");
    }
    shown.rate = static_cast<double>(WarmUpThenDecay(step_, warm_up, shown.steps, options_.rate));
    shown.gradient_norm = optimiser_.Step(static_cast<float>(shown.rate), pool);
    const double keep = step_ == first_step ? 0 : kSmoothing;
    shown.loss = keep * shown.loss + (1 - keep) * loss.span;
    shown.rank_loss = keep * shown.rank_loss + (1 - keep) * loss.rank;
    shown.teacher_loss = keep * shown.teacher_loss + (1 - keep) * loss.teacher;
    shown.step = ++step_;
    const double seconds = Now() - start;
    shown.tokens_per_s = static_cast<double>(tokens_) / seconds;
    shown.seconds_left = seconds / static_cast<double>(step_ - first_step) *
                         static_cast<double>(shown.steps - step_);
    if (progress) progress(shown);
    const bool epoch_ends = step_ % steps_a_epoch_ == 0;
    if (epoch_ends) {
      const bool goes_on = !after_epoch || after_epoch(static_cast<int>(epoch) + 1, shown);
      finished_ = !goes_on || step_ == shown.steps;
    }
    if (epoch_ends || stop.stop_requested() || Now() - saved > options_.checkpoint_seconds) {
      Save();
      saved = Now();
    }
    if (stop.stop_requested() && !finished_) throw Error(ErrorCode::kCancelled, "stopped");
  }
}

std::string ReaderTrainer::Description() const {
  std::string text = examples_.Description() + ", " + std::to_string(options_.epochs) +
                     " epochs of batches of " + std::to_string(options_.batch_questions) +
                     ", seed " + std::to_string(options_.seed) + ", rate " +
                     std::to_string(options_.rate) + ", shared softmax " +
                     std::to_string(network_.options().loss.shared);
  if (teacher_ == nullptr) return text;
  ContentHasher hasher;
  for (const Parameter* parameter : teacher_->parameters()) {
    const Matrix& value = parameter->value;
    hasher.Update(
        {reinterpret_cast<const char*>(value.data()), value.rows() * value.cols() * sizeof(float)});
  }
  const ReaderLossWeights& loss = network_.options().loss;
  return text + ", teacher " + hasher.Hex() + " with weight " + std::to_string(loss.teacher) +
         " at temperature " + std::to_string(loss.temperature);
}

void ReaderTrainer::Save() const {
  if (options_.checkpoint.empty()) return;
  std::vector<NamedTensor> tensors;
  const auto add = [&](const std::string& name, const Matrix& matrix) {
    tensors.push_back({name, {matrix.rows(), matrix.cols()}, matrix.view()});
  };
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    add(parameters_[p]->name, parameters_[p]->value);
    add(parameters_[p]->name + ".m", optimiser_.moments()[2 * p]);
    add(parameters_[p]->name + ".v", optimiser_.moments()[2 * p + 1]);
  }
  WriteSafetensors(options_.checkpoint, tensors,
                   {{"step", std::to_string(step_)},
                    {"updates", std::to_string(optimiser_.steps())},
                    {"finished", finished_ ? "yes" : "no"},
                    {"training", Description()}});
}

namespace {

std::string Metadata(const SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  return found == file.metadata().end() ? std::string() : found->second;
}

std::int64_t Count(const SafetensorsFile& file, const std::string& key) {
  const std::string text = Metadata(file, key);
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0) {
    throw Error(ErrorCode::kCorrupt, file.file().path().string() + ": metadata \"" + key +
                                         "\" is no number; the file is damaged: remove it");
  }
  return count;
}

}  // namespace

bool ReaderTrainer::IsUnfinished(const std::filesystem::path& checkpoint) {
  if (!std::filesystem::exists(checkpoint)) return false;
  try {
    return Metadata(SafetensorsFile(checkpoint), "finished") != "yes";
  } catch (const Error&) {
    return false;  // damaged: nothing that could be taken up
  }
}

void ReaderTrainer::Resume() {
  if (options_.checkpoint.empty() || !std::filesystem::exists(options_.checkpoint)) return;
  const SafetensorsFile file(options_.checkpoint);
  if (Metadata(file, "training") != Description()) {
    throw Error(ErrorCode::kMismatch, options_.checkpoint.string() + ": is of another training (" +
                                          Metadata(file, "training") + "; now " + Description() +
                                          "): remove it or give the same options");
  }
  const auto read = [&](const std::string& name, Matrix& matrix) {
    const auto values = file.Floats(name, {matrix.rows(), matrix.cols()});
    std::copy(values.begin(), values.end(), matrix.data());
  };
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    read(parameters_[p]->name, parameters_[p]->value);
    read(parameters_[p]->name + ".m", optimiser_.moments()[2 * p]);
    read(parameters_[p]->name + ".v", optimiser_.moments()[2 * p + 1]);
  }
  step_ = Count(file, "step");
  optimiser_.set_steps(Count(file, "updates"));
  finished_ = Metadata(file, "finished") == "yes";
}

}  // namespace fovea
