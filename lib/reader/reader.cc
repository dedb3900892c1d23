#include "lib/reader/reader.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"

namespace fovea {

std::vector<float> LexicalShares(std::span<const ReaderInput> passages) {
  float greatest = 0;
  for (const ReaderInput& input : passages)
    greatest = std::max(greatest, input.lexical_score.value_or(0));
  std::vector<float> shares(passages.size(), 0.0f);
  for (std::size_t p = 0; p < passages.size() && greatest > 0; ++p)
    shares[p] = std::max(0.0f, passages[p].lexical_score.value_or(0)) / greatest;
  return shares;
}

float DoubtAt(const ReaderInput& input, std::size_t at) {
  const bool doubtful =
      std::any_of(input.doubtful.begin(), input.doubtful.end(),
                  [&](const ByteRange& range) { return range.begin <= at && at < range.end; });
  return doubtful ? kDoubt : 0;
}

void RaiseAnswer(Reading& reading, double nats) {
  double answered = 0;
  for (const PassageReading& passage : reading.passages)
    answered += static_cast<double>(passage.weight);
  if (nats == 0 || answered <= 0) return;
  const double none = std::max(0.0, static_cast<double>(reading.none_weight));
  const double raised = answered / (answered + none * std::exp(-nats));
  const double factor = raised / answered;
  const auto scale = [](float& weight, double by) {
    weight = static_cast<float>(static_cast<double>(weight) * by);
  };
  reading.none_weight = static_cast<float>(1 - raised);
  for (PassageReading& passage : reading.passages) {
    scale(passage.weight, factor);
    for (SentenceWeight& sentence : passage.sentences) scale(sentence.weight, factor);
    for (TokenWeight& token : passage.tokens) {
      scale(token.start, factor);
      scale(token.end, factor);
    }
  }
  // A start times an end.
  for (AnswerSpan& span : reading.spans) scale(span.score, factor * factor);
}

void CheckQuestion(std::string_view question) {
  if (question.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos)
    throw Error(ErrorCode::kInvalidArgument, "the question is empty");
}

}  // namespace fovea
