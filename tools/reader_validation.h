// How well a network in training reads a file of questions.

#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

#include "lib/nn/encoder.h"
#include "lib/train/reader_network.h"
#include "tools/squad.h"

namespace fovea::tools {

class Session;

struct ReaderScores {
  std::size_t questions = 0;
  double f1 = 0;  // means over the questions, of the best span of the gold paragraph
  double em = 0;
  // Share of the questions whose gold paragraph fits better than the next three paragraphs of the
  // file, by the texts alone; those that hold an answer are left out.
  double passage_accuracy = 0;
};

class ReaderValidation {
 public:
  // The answerable questions of the file, at most `limit`. Borrows the encoder. Throws as
  // ReadQuestionFile, and Error(kInvalidArgument) if there is none.
  ReaderValidation(const std::filesystem::path& file, std::optional<std::size_t> limit,
                   const Encoder& encoder);

  // Throws Error(kCancelled) when the session is stopped.
  ReaderScores Score(Session& session, ReaderNetwork& network) const;

 private:
  ReaderQuestion Example(const SquadQuestion& question) const;
  ReaderPassage Passage(std::size_t paragraph) const;

  SquadFile squad_;
  std::vector<SquadQuestion> questions_;
  const Encoder& encoder_;
  std::vector<std::vector<TokenId>> fronts_;  // of each paragraph
  std::vector<Encoding> texts_;
};

}  // namespace fovea::tools
