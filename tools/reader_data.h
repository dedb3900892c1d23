// Training questions (docs/formats.md, "Training data") with the passages that retrieval finds for
// them.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "lib/nn/encoder.h"
#include "lib/train/reader_trainer.h"
#include "tools/training_files.h"

namespace fovea::tools {

class NearWords;
class Session;

struct TrainingContext {
  std::string title;
  std::string text;
};

struct TrainingQuestion {
  std::string question;
  std::size_t context = 0;         // index into TrainingData::contexts
  std::vector<ByteRange> answers;  // in the context; empty: not answerable
  std::string id = {};             // "": the line has none
};

struct TrainingData {
  std::vector<TrainingContext> contexts;  // each once: the questions' first, then others
  std::size_t asked_contexts = 0;         // that questions are about
  std::vector<TrainingQuestion> questions;
  std::vector<EpochQuestions::Part> files;  // whose questions they are, in order
  std::size_t skipped = 0;
};

// Reads JSONL files. A line that is no JSON object, whose answer does not stand where it says,
// whose context is empty or has 1 MB, is Error(kInvalidArgument) naming file and line; with
// `skip_bad` it is counted and left out. No question at all is the same error. `files` must not be
// empty.
TrainingData ReadTrainingData(const std::vector<TrainingFile>& files, bool skip_bad);

// Adds the passages of the index in `folder` that are not among the contexts yet: no question is
// about them, but retrieval finds them too. Throws as Store::Open does.
void AddPassagesOf(const std::filesystem::path& folder, TrainingData& data);

// A context that retrieval gives for a question.
struct Candidate {
  std::uint32_t context = 0;
  float dense = 0;    // cosine
  float lexical = 0;  // BM25 by the question's best, 0 … 1
};

// The first contexts of a hybrid search for each of the questions that are `taken` (one flag each),
// best first; none for the others. Kept in `cache`, and taken from there when data, taken questions
// and embedder are the same.
std::vector<std::vector<Candidate>> FindCandidates(Session& session, const TrainingData& data,
                                                   const std::vector<bool>& taken,
                                                   const std::filesystem::path& cache);

struct ReaderDataOptions {
  std::size_t passages = 2;      // read together: the right one and hard negatives
  float without_answer = 0.08f;  // share of questions from which the right passage is withheld
  float altered = 0.3f;          // share that are altered so that no passage answers
  float shortened = 0.1f;        // share whose right passage loses the sentences with the answer
  std::uint64_t seed = 1;
};

// What the examples of one question are drawn from. Scores are less the question's best.
struct ExampleParts {
  std::vector<TokenId> question;
  Candidate right;
  // That do not hold the answer, best first. Of a question without an answer: among the contexts
  // that questions are about; elsewhere it may have one.
  std::vector<Candidate> wrong;
};

// The examples of the trainer. Borrows data, encoder and near words.
class TrainingExamples final : public ReaderExamples {
 public:
  TrainingExamples(const TrainingData& data, std::vector<std::vector<Candidate>> candidates,
                   const Encoder& encoder, const NearWords& near, const ReaderDataOptions& options,
                   ThreadPool* pool);

  std::size_t size() const override { return questions_.size(); }
  ReaderQuestion Get(std::size_t index, std::uint64_t epoch) const override;
  std::string Description() const override;

  // Of TrainingData::questions[which].
  ExampleParts Parts(std::size_t which) const;
  // Its right passage, with the answers.
  ReaderPassage Right(std::size_t which, const Candidate& right) const {
    return Passage(right, &data_.questions[which]);
  }
  // The same without the sentences with the answer; nullopt if nothing would be left.
  std::optional<ReaderPassage> Shortened(std::size_t which, const Candidate& right) const;
  // The question altered so that its passage no longer answers it; nullopt where nothing can be.
  std::optional<std::vector<TokenId>> Altered(std::size_t which, std::mt19937_64& random) const;
  // The beginning of a passage, without answers.
  ReaderPassage Passage(const Candidate& candidate) const { return Passage(candidate, nullptr); }

 private:
  ReaderPassage Passage(const Candidate& candidate, const TrainingQuestion* question) const;
  std::vector<std::string> AnswerTexts(const TrainingQuestion& question) const;

  const TrainingData& data_;
  const Encoder& encoder_;
  const NearWords& near_;
  ReaderDataOptions options_;
  EpochQuestions questions_;
  std::vector<std::vector<Candidate>> candidates_;
  std::vector<std::vector<TokenId>> fronts_;  // of each context
  std::vector<Encoding> contexts_;
};

// What stands in front of a passage of this title (lib/reader/reader_windows.h).
std::vector<TokenId> PassageFront(std::string_view title, const Encoder& encoder);

// How many of a text's tokens fit behind it.
std::size_t WindowTokens(std::span<const TokenId> front, const Encoder& encoder);

// Tokens [first, first + count) of a text (1 is the first after [CLS]) behind their front.
ReaderPassage PassageTokens(std::span<const TokenId> front, const Encoding& text, std::size_t first,
                            std::size_t count);

}  // namespace fovea::tools
