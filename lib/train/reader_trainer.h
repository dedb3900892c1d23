// Trains a ReaderNetwork on questions that are handed in.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/train/adamw.h"
#include "lib/train/reader_network.h"

namespace fovea {

// Where the questions come from. What is given depends on its arguments alone, so that a resumed
// run goes on as if it had not stopped.
class ReaderExamples {
 public:
  virtual ~ReaderExamples() = default;
  virtual std::size_t size() const = 0;  // of an epoch
  virtual ReaderQuestion Get(std::size_t index, std::uint64_t epoch) const = 0;
  // Kept in checkpoints, which only the same examples take up.
  virtual std::string Description() const { return std::to_string(size()) + " questions"; }
};

struct ReaderTrainerOptions {
  int epochs = 2;
  std::size_t batch_questions = 32;  // a step
  std::size_t pass_tokens = 6144;    // run through the network at once: bounds memory
  float rate = 1e-4f;                // at its peak
  float warm_up = 0.06f;             // share of all steps
  float dropout = 0.1f;
  std::uint64_t seed = 1;
  std::filesystem::path checkpoint;  // "": none
  double checkpoint_seconds = 180;

  // Throws Error(kInvalidArgument) that names the field.
  void Validate() const;
};

struct TrainingProgress {
  std::int64_t step = 0;
  std::int64_t steps = 0;  // in all
  double loss = 0;         // mean of the last 100 steps
  double rank_loss = 0;
  double teacher_loss = 0;
  double gradient_norm = 0;
  double rate = 0;
  double tokens_per_s = 0;
  double seconds_left = 0;
};

class ReaderTrainer {
 public:
  // Borrows all. The teacher reads each question without dropout, and its logits are what the
  // network's loss takes for the teacher's; it may have other layers. Throws
  // Error(kInvalidArgument) unless there is one exactly where it has a weight.
  ReaderTrainer(ReaderNetwork& network, const ReaderExamples& examples,
                const ReaderTrainerOptions& options, ReaderNetwork* teacher = nullptr);

  // Whether there is a checkpoint of a training that did not come to its end: not to be written
  // over unasked.
  static bool IsUnfinished(const std::filesystem::path& checkpoint);

  // Takes up the checkpoint if there is one. Throws Error(kCorrupt | kMismatch) if it is none of
  // this network, these examples and options.
  void Resume();

  // Runs to the end, or until stopped (a checkpoint is then written). `after_epoch` may stop early
  // by returning false; a run that is taken up calls it for every epoch that was not saved after
  // it. Does nothing where the checkpoint taken up was at its end. A loss that is not a number is
  // Error(kInvalidArgument): the last checkpoint is whole.
  void Run(const std::function<void(const TrainingProgress&)>& progress,
           const std::function<bool(int epoch, const TrainingProgress&)>& after_epoch,
           std::stop_token stop, ThreadPool* pool);

 private:
  std::vector<std::size_t> Order(std::uint64_t epoch) const;
  ReaderLoss Step(std::span<const std::size_t> order, std::uint64_t epoch, ThreadPool* pool);
  void Save() const;
  std::string Description() const;

  ReaderNetwork& network_;
  const ReaderExamples& examples_;
  ReaderTrainerOptions options_;
  ReaderNetwork* teacher_;
  std::vector<Parameter*> parameters_;
  AdamW optimiser_;
  std::int64_t step_ = 0;  // next
  bool finished_ = false;
  std::int64_t steps_a_epoch_ = 0;
  std::size_t tokens_ = 0;  // seen in this run
};

}  // namespace fovea
