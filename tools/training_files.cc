#include "tools/training_files.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>
#include <random>

#include "tools/option_table.h"
#include "tools/output.h"
#include "tools/usage_error.h"

namespace fovea::tools {

TrainingFile ParseTrainingFile(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || std::filesystem::exists(text)) return {text, 1};
  const std::string path = text.substr(0, colon), after = text.substr(colon + 1);
  const std::optional<double> share = ParseNumber(after);
  if (!share && !std::filesystem::exists(path)) return {text, 1};  // a path like any other
  if (!share || !(*share > 0 && *share <= 1)) {
    throw UsageError("--data " + text + ": \"" + after +
                     "\" is no share of the questions (above 0, at most 1); a file that is named "
                     "twice is read twice an epoch");
  }
  return {path, *share};
}

std::string NameAndShare(const TrainingFile& file) {
  const std::string name = std::filesystem::path(file.path).filename().string();
  return file.share == 1 ? name : name + ":" + Json(file.share).dump();
}

EpochQuestions::EpochQuestions(const std::vector<Part>& parts, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const Part& part : parts) {
    Drawn file;
    file.order.resize(part.end - part.begin);
    std::iota(file.order.begin(), file.order.end(), part.begin);
    const double share = std::round(part.share * static_cast<double>(file.order.size()));
    file.count =
        std::min(file.order.size(), std::max<std::size_t>(1, static_cast<std::size_t>(share)));
    if (file.count < file.order.size()) {
      for (std::size_t i = file.order.size(); i > 1; --i)
        std::swap(file.order[i - 1], file.order[random() % i]);
    }
    size_ += file.count;
    files_.push_back(std::move(file));
  }
}

std::size_t EpochQuestions::Question(std::size_t index, std::uint64_t epoch) const {
  auto file = files_.begin();
  while (index >= file->count) index -= (file++)->count;
  const bool whole = file->count == file->order.size();
  return file->order[whole ? index : (epoch * file->count + index) % file->order.size()];
}

std::vector<bool> EpochQuestions::TakenIn(int epochs) const {
  std::size_t all = 0;
  for (const Drawn& file : files_) all += file.order.size();
  std::vector<bool> taken(all);
  for (const Drawn& file : files_) {
    const std::size_t count =
        std::min(file.order.size(), file.count * static_cast<std::size_t>(epochs));
    for (std::size_t i = 0; i < count; ++i) taken[file.order[i]] = true;
  }
  return taken;
}

std::string EpochQuestions::Description() const {
  std::string text = std::to_string(size_) + " questions";
  const auto whole = [](const Drawn& file) { return file.count == file.order.size(); };
  if (std::all_of(files_.begin(), files_.end(), whole)) return text;
  text += " of";
  for (const Drawn& file : files_)
    text += " " + std::to_string(file.count) + "/" + std::to_string(file.order.size());
  return text;
}

}  // namespace fovea::tools
