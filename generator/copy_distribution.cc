#include "generator/copy_distribution.h"

#include <algorithm>
#include <cmath>

#include "lib/base/ascii.h"
#include "lib/base/error.h"
#include "lib/reader/reader_windows.h"

namespace fovea {
namespace {

constexpr float kLeastMass = 0.01f;        // of a token that an answer may begin with
constexpr std::size_t kLookAhead = 48;     // bytes that are enough to tell the next token
constexpr std::size_t kLongestCopy = 256;  // bytes of what was written that are looked for

// `text` with every run of white space as one space, and the tokens' ranges moved along.
void Collapse(std::string_view text, std::string& collapsed, std::vector<TokenWeight>& tokens) {
  std::vector<std::size_t> moved;
  for (const char c : text) {
    const bool space = IsAsciiSpace(c);
    moved.push_back(collapsed.size());
    if (space && !collapsed.empty() && collapsed.back() == ' ') continue;
    collapsed += space ? ' ' : c;
  }
  moved.push_back(collapsed.size());
  for (TokenWeight& token : tokens)
    token.range = {moved[token.range.begin], moved[token.range.end]};
}

bool BeginsWord(std::string_view text, std::size_t at) {
  return at == 0 || !IsWordByte(text[at - 1]) || !IsWordByte(text[at]);
}

// How many bytes at the end of `written` stand in `text` before `at`, cut at a word's beginning.
std::size_t CopiedBefore(std::string_view text, std::size_t at, std::string_view written) {
  const std::size_t most = std::min({at, written.size(), kLongestCopy});
  std::size_t copied = 0;
  while (copied < most && text[at - copied - 1] == written[written.size() - copied - 1]) ++copied;
  while (copied > 0 &&
         !(BeginsWord(text, at - copied) && BeginsWord(written, written.size() - copied)))
    --copied;
  return copied;
}

}  // namespace

void CopyOptions::validate() const {
  const auto reject = [](const char* what) { throw Error(ErrorCode::kInvalidArgument, what); };
  if (!(begin_gain >= 0) || std::isinf(begin_gain))
    reject("begin_gain must be a finite number >= 0");
  if (!(follow_share >= 0 && follow_share < 1)) reject("follow_share must be in [0, 1)");
}

CopyDistribution::CopyDistribution(std::span<const CopySource> sources, const Tokenizer& tokenizer,
                                   const CopyOptions& options)
    : tokenizer_(tokenizer), options_(options) {
  options_.validate();
  float best = 0;
  for (const CopySource& given : sources) {
    Source& source = sources_.emplace_back();
    source.tokens = given.tokens;
    Collapse(given.text, source.text, source.tokens);
    const auto& tokens = source.tokens;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      for (std::size_t j = i; j < std::min(i + kLongestAnswerTokens, tokens.size()); ++j) {
        const float score = tokens[i].start * tokens[j].end;
        if (score <= best) continue;
        best = score;
        answer_ = Slice(source.text, {tokens[i].range.begin, tokens[j].range.end});
      }
    }
  }
}

std::vector<CopyDistribution::Share> CopyDistribution::Begins(std::string_view written) const {
  if (options_.begin_gain <= 0 || answer_.empty() || written.find(answer_) != written.npos)
    return {};
  std::vector<Share> shares;
  const bool within = !written.empty() && !IsAsciiSpace(written.back()) && written.back() != '(' &&
                      written.back() != '"';
  for (const Source& source : sources_) {
    for (const TokenWeight& token : source.tokens) {
      if (token.start < kLeastMass) continue;
      std::string next(source.text, token.range.begin, kLookAhead);
      if (within) next.insert(next.begin(), ' ');
      const std::vector<TokenId> ids = tokenizer_.EncodeIds(next);
      if (!ids.empty()) shares.push_back({ids.front(), token.start});
    }
  }
  return shares;
}

std::vector<CopyDistribution::Share> CopyDistribution::Follows(std::string_view written) const {
  std::vector<Share> shares;
  for (const Source& source : sources_) {
    for (std::size_t at = 1; at < source.text.size(); ++at) {
      const std::size_t copied = CopiedBefore(source.text, at, written);
      if (copied == 0) continue;
      float inside = 0;
      for (const TokenWeight& token : source.tokens) {
        if (token.range.begin >= at) break;
        if (token.range.begin >= at - copied) inside += token.start;
        if (token.range.end <= at && token.range.end > at - copied) inside -= token.end;
      }
      if (inside < kLeastMass) continue;
      const std::vector<TokenId> ids = tokenizer_.EncodeIds(source.text.substr(at, kLookAhead));
      if (!ids.empty()) shares.push_back({ids.front(), std::min(inside, 1.0f)});
    }
  }
  return shares;
}

void CopyDistribution::Mix(std::string_view written, std::span<float> logits) const {
  const auto at = [&](TokenId token) -> float& {
    return logits[static_cast<std::size_t>(Value(token))];
  };
  std::vector<Share> follows = options_.follow_share > 0 ? Follows(written) : std::vector<Share>();
  if (follows.empty()) {
    std::vector<Share> begins = Begins(written);
    std::sort(begins.begin(), begins.end(),
              [](const Share& a, const Share& b) { return Value(a.token) < Value(b.token); });
    for (std::size_t i = 0; i < begins.size();) {
      const TokenId token = begins[i].token;
      float mass = 0;
      for (; i < begins.size() && begins[i].token == token; ++i) mass += begins[i].mass;
      at(token) += std::log1p(options_.begin_gain * mass);
    }
    return;
  }
  // Σ exp of the logits, so that shares of probability can be added to them.
  const float greatest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - greatest));
  float total = 0;
  for (const Share& share : follows) total += share.mass;
  const float factor = options_.follow_share / std::max(total, 1.0f);
  const double rest = 1 - static_cast<double>(factor * total);
  for (const Share& share : follows) {
    const double own = std::exp(static_cast<double>(at(share.token) - greatest)) * rest;
    // In the scale of the others, whose probabilities all lose the same factor.
    const double copied = static_cast<double>(share.mass * factor) * sum;
    at(share.token) = greatest + static_cast<float>(std::log((own + copied) / rest));
  }
}

}  // namespace fovea
