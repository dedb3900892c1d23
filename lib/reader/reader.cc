#include "lib/reader/reader.h"

#include <algorithm>

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

void CheckQuestion(std::string_view question) {
  if (question.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos)
    throw Error(ErrorCode::kInvalidArgument, "the question is empty");
}

}  // namespace fovea
