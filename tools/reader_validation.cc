#include "tools/reader_validation.h"

#include <algorithm>
#include <limits>

#include "lib/base/error.h"
#include "lib/reader/reader_windows.h"
#include "tools/reader_data.h"
#include "tools/question_file.h"
#include "tools/session.h"

namespace fovea::tools {
namespace {

constexpr std::size_t kBatch = 16;  // questions
constexpr std::size_t kOthers = 3;  // paragraphs beside the gold one

// The likeliest span of passage 0, as bytes of its text.
ByteRange BestSpan(const ReaderLogits& logits, std::size_t text, const Encoding& encoding) {
  const std::vector<float>& start = logits.start[0];
  const std::vector<float>& end = logits.end[0];
  float best = -std::numeric_limits<float>::infinity();
  ByteRange range{0, 0};
  for (std::size_t i = text; i + 1 < start.size(); ++i) {
    for (std::size_t j = i; j + 1 < end.size() && j < i + kLongestAnswerTokens; ++j) {
      if (start[i] + end[j] <= best) continue;
      best = start[i] + end[j];
      range = {encoding.ranges[i - text + 1].begin, encoding.ranges[j - text + 1].end};
    }
  }
  return range;
}

}  // namespace

ReaderValidation::ReaderValidation(const std::filesystem::path& file,
                                   std::optional<std::size_t> limit, const Encoder& encoder)
    : squad_(ReadQuestionFile(file)), encoder_(encoder) {
  for (const SquadQuestion& question : squad_.questions) {
    if (limit && questions_.size() >= *limit) break;
    if (!question.answers.empty()) questions_.push_back(question);
  }
  if (questions_.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                file.string() + ": no answerable question to validate on");
  }
  for (const SquadParagraph& paragraph : squad_.paragraphs) {
    fronts_.push_back(PassageFront(paragraph.title, encoder));
    texts_.push_back(encoder.tokenizer().Encode(paragraph.text));
  }
}

ReaderPassage ReaderValidation::Passage(std::size_t paragraph) const {
  const std::size_t window = WindowTokens(fronts_[paragraph], encoder_);
  return PassageTokens(fronts_[paragraph], texts_[paragraph], 1,
                       std::min(window, texts_[paragraph].ids.size() - 2));
}

ReaderQuestion ReaderValidation::Example(const SquadQuestion& question) const {
  ReaderQuestion example;
  example.tokens = encoder_.Tokenize(question.question);
  example.passages.push_back(Passage(question.paragraph));
  const std::size_t paragraphs = squad_.paragraphs.size();
  for (std::size_t i = 1; i < paragraphs && example.passages.size() <= kOthers; ++i) {
    const std::size_t other = (question.paragraph + i) % paragraphs;
    if (!ContainsAnswer(squad_.paragraphs[other].text, question.answers))
      example.passages.push_back(Passage(other));
  }
  return example;
}

ReaderScores ReaderValidation::Score(Session& session, ReaderNetwork& network) const {
  ReaderScores scores;
  for (std::size_t begin = 0; begin < questions_.size(); begin += kBatch) {
    session.ThrowIfStopped();
    std::vector<ReaderQuestion> batch;
    for (std::size_t i = begin; i < std::min(begin + kBatch, questions_.size()); ++i)
      batch.push_back(Example(questions_[i]));
    const std::vector<ReaderLogits> logits = network.Forward(batch, &session.pool());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const SquadQuestion& question = questions_[begin + i];
      const ByteRange range =
          BestSpan(logits[i], batch[i].passages[0].text, texts_[question.paragraph]);
      const std::string answer =
          squad_.paragraphs[question.paragraph].text.substr(range.begin, range.end - range.begin);
      scores.f1 += F1(answer, question.answers);
      scores.em += ExactMatch(answer, question.answers);
      const std::vector<float>& fits = logits[i].passage;
      scores.passage_accuracy += std::max_element(fits.begin(), fits.end()) == fits.begin() ? 1 : 0;
    }
    session.Report("validating", begin + batch.size(), questions_.size());
  }
  scores.questions = questions_.size();
  for (double* mean : {&scores.f1, &scores.em, &scores.passage_accuracy})
    *mean /= static_cast<double>(scores.questions);
  return scores;
}

}  // namespace fovea::tools
