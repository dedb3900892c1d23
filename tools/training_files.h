// Files of training questions, and how much of each an epoch takes.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea::tools {

struct TrainingFile {
  std::string path;
  double share = 1;  // of its questions that an epoch takes: above 0, at most 1
};

// "FILE" or "FILE:SHARE". Where a file of the whole name exists, it is that one. Throws UsageError
// for a share that is no number or out of range.
TrainingFile ParseTrainingFile(const std::string& text);
// As ParseTrainingFile reads it, without the folders: the model card goes with the weights.
std::string NameAndShare(const TrainingFile& file);

// Which questions the epochs take. A file taken in part is shuffled once, by the seed; each epoch
// takes the next ones, and starts again at the end: after 1 / share epochs every question has been
// seen, and none is seen twice in an epoch.
class EpochQuestions {
 public:
  // The questions of one file lie together.
  struct Part {
    std::size_t begin, end;
    double share;
  };

  EpochQuestions(const std::vector<Part>& parts, std::uint64_t seed);

  // How many an epoch takes: of each file its share, rounded, but at least one.
  std::size_t size() const { return size_; }
  // The `index`-th of an epoch, index < size(): of a file taken whole in its order.
  std::size_t Question(std::size_t index, std::uint64_t epoch) const;
  // Of all questions, whether one of the first `epochs` takes them.
  std::vector<bool> TakenIn(int epochs) const;
  // What a checkpoint must agree with: "120 questions", and of how many of each file.
  std::string Description() const;

 private:
  struct Drawn {
    std::vector<std::size_t> order;  // all of a file's questions
    std::size_t count;               // taken in an epoch
  };
  std::vector<Drawn> files_;
  std::size_t size_ = 0;
};

}  // namespace fovea::tools
