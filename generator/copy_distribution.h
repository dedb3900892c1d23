// The reader's weights over the evidence as a copy distribution beside the decoder's own
// (pointer-generator networks, See et al. 2017), so that the answer's words are those that the
// reader points at.
//
//   begin:  p'(y) ∝ p(y) (1 + begin_gain Σ start(i))    i: evidence tokens that y is the beginning
//   of follow: p'(y) = (1 − g) p(y) + g [y goes on with the evidence just copied],
//           g = follow_share · P(the answer began in what was copied and has not ended)
//
// A static distribution over the evidence repeats its top word. So a copy begins by start weight,
// as a factor of the decoder's probability (where the decoder wants a function word, nothing is
// forced), and then follows the evidence until the reader's end weight stops it. Once the likeliest
// answer is written, nothing begins any more.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/reader/reader.h"
#include "lib/text/tokenizer.h"

namespace fovea {

// A text that may be copied, with the reader's weights of its tokens: ranges of `text`, in order.
struct CopySource {
  std::string_view text;
  std::vector<TokenWeight> tokens;
};

struct CopyOptions {
  float begin_gain = 100;      // >= 0; 0: copies do not begin
  float follow_share = 0.95f;  // 0 … below 1; 0: copies are not followed

  // Throws Error(kInvalidArgument) that names the option.
  void validate() const;
};

// Immutable; borrows the tokenizer.
class CopyDistribution {
 public:
  // Sources may be few words or none. Throws as options.validate().
  CopyDistribution(std::span<const CopySource> sources, const Tokenizer& tokenizer,
                   const CopyOptions& options = {});

  // logits [V] of the token after `written` (what was generated so far) become those of p'.
  void Mix(std::string_view written, std::span<float> logits) const;

  // The likeliest answer of all sources, white space collapsed; "" without one.
  const std::string& answer() const { return answer_; }

 private:
  struct Source {
    std::string text;  // white space collapsed
    std::vector<TokenWeight> tokens;
  };
  struct Share {
    TokenId token{};
    float mass = 0;
  };

  std::vector<Share> Begins(std::string_view written) const;
  std::vector<Share> Follows(std::string_view written) const;

  const Tokenizer& tokenizer_;
  CopyOptions options_;
  std::vector<Source> sources_;
  std::string answer_;
};

}  // namespace fovea
