// An answer with attention weights drawn at random: two passages, two layers of three heads. The
// second passage was read in two parts and is a hostile document.

#pragma once

#include <cmath>
#include <random>
#include <string>

#include "generator/pipeline.h"

namespace fovea {

inline constexpr const char* kHostileText =
    "</script><script>document.title='owned'</script><img src=x "
    "onerror=\"document.title='owned'\"> "
    "@NONCE@ <!--<script> &amp; \xC3\xA9t\xC3\xA9.";

// Every run of letters or other characters that are not white space is a token.
inline std::vector<TokenWeight> TokensOf(const std::string& text, std::mt19937& random) {
  std::vector<TokenWeight> tokens;
  for (std::size_t at = 0; (at = text.find_first_not_of(" ", at)) != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_of(" ", at), text.size());
    TokenWeight& token = tokens.emplace_back();
    token.range = {at, end};
    token.start = static_cast<float>(random() % 1000) / 1e4f;
    token.end = static_cast<float>(random() % 1000) / 1e7f;
    at = end;
  }
  return tokens;
}

// Rows that sum to 1, their logits from −8 to 4: weights of all sizes.
inline PartAttention RandomPart(const AttentionAxes& axes, std::size_t first, std::size_t tokens,
                                std::mt19937& random) {
  PartAttention part{first, tokens, {}};
  const std::size_t keys = axes.question.size() + tokens + 1;
  for (std::size_t row = 0; row < axes.layers * axes.heads * axes.question.size(); ++row) {
    float sum = 0;
    for (std::size_t k = 0; k < keys; ++k) {
      part.weights.push_back(std::exp(static_cast<float>(random() % 1201) / 100.0f - 8.0f));
      sum += part.weights.back();
    }
    for (std::size_t k = 0; k < keys; ++k) part.weights[row * keys + k] /= sum;
  }
  return part;
}

inline Answer ExampleAttention() {
  std::mt19937 random(1);
  Answer answer;
  answer.question = answer.read_question = "Who <b>kept</b> it?";
  answer.text = "Anna <i>Thorne</i>.";
  answer.short_answer = "Anna Thorne";
  answer.confidence = 0.75;
  answer.axes = {2, 3, {{0, 0}, {0, 3}, {4, 15}, {16, 19}, {0, 0}}};
  for (const std::string text : {"It stood alone.  Anna Thorne kept it. ", kHostileText}) {
    AnswerPassage& passage = answer.passages.emplace_back();
    passage.passage.document = "<u>a</u>.txt";
    passage.passage.title = "</title><script>";
    passage.passage.text = text;
    passage.passage.range = {100, 100 + text.size()};
    passage.tokens = TokensOf(text, random);
    passage.weight = 0.5;
    passage.sentences = {{{0, text.size()}, 0.5f}};
  }
  AnswerPassage& first = answer.passages[0];
  first.sentences = {{{0, 15}, 0.125f}, {{17, 37}, 0.375f}};
  first.short_answer = ByteRange{17, 28};
  first.parts.push_back(RandomPart(answer.axes, 0, first.tokens.size(), random));
  AnswerPassage& second = answer.passages[1];
  second.parts.push_back(RandomPart(answer.axes, 0, 3, random));
  second.parts.push_back(RandomPart(answer.axes, 3, second.tokens.size() - 3, random));
  return answer;
}

// What one row of a part gives to one of its tokens.
inline double WeightOf(const AttentionAxes& axes, const PartAttention& part, std::size_t layer,
                       std::size_t head, std::size_t question, std::size_t token) {
  const std::size_t asked = axes.question.size(), keys = asked + part.tokens + 1;
  const std::size_t row = (layer * axes.heads + head) * asked + question;
  return static_cast<double>(part.weights[row * keys + asked + token]);
}

// How far the page may be off: a byte holds the root of the weight's share of its row's greatest,
// which is given to four digits; what is shown has three.
inline double PageError(double weight, double greatest) {
  const double step = 0.5 / 255;
  return greatest * step * (2 * std::sqrt(weight / greatest) + step) + 5e-4 * weight +
         5e-3 * weight + 1e-9;
}

}  // namespace fovea
