#include "tools/attention_page.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/hash.h"
#include "tools/attention_page_template.h"
#include "tools/output.h"

namespace fovea::tools {
namespace {

// To four significant digits.
Json Rounded(double value) {
  std::array<char, 32> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                     std::chars_format::general, 4);
  std::from_chars(digits.data(), written.ptr, value);
  return value;
}

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(bytes.size() - i, 3);
    std::uint32_t group = 0;
    for (std::size_t b = 0; b < 3; ++b)
      group = group << 8 | (b < count ? static_cast<unsigned char>(bytes[i + b]) : 0u);
    for (std::size_t d = 0; d < 4; ++d)
      text += d <= count ? kDigits[group >> (18 - 6 * d) & 63] : '=';
  }
  return text;
}

// Roots, so that small weights keep their digits: w = scale · (byte / 255)².
void AppendBytes(const float* weights, std::size_t count, double scale, std::string& bytes) {
  for (std::size_t i = 0; i < count; ++i) {
    const double root = scale > 0 ? std::sqrt(static_cast<double>(weights[i]) / scale) : 0;
    bytes += static_cast<char>(static_cast<unsigned char>(std::lround(255 * std::min(root, 1.0))));
  }
}

Json PartJson(const PartAttention& part, std::size_t asked) {
  const std::size_t keys = asked + part.tokens + 1;
  Json scales = Json::array(), question = Json::array(), rest = Json::array();
  std::string bytes;
  for (std::size_t begin = 0; begin < part.weights.size(); begin += keys) {
    const float* row = part.weights.data() + begin;
    double on_question = 0;
    for (std::size_t q = 0; q < asked; ++q) on_question += static_cast<double>(row[q]);
    const float* own = row + asked;
    const Json scale = Rounded(
        part.tokens > 0 ? static_cast<double>(*std::max_element(own, own + part.tokens)) : 0);
    AppendBytes(own, part.tokens, scale.get<double>(), bytes);
    scales.push_back(scale);
    question.push_back(Rounded(on_question));
    rest.push_back(Rounded(static_cast<double>(own[part.tokens])));
  }
  return {{"first", part.first_token},   {"tokens", part.tokens},
          {"scales", std::move(scales)}, {"question", std::move(question)},
          {"rest", std::move(rest)},     {"weights", Base64(bytes)}};
}

// A passage's text cut into sentences and these into pieces, every second one a token.
class Cutter {
 public:
  explicit Cutter(const AnswerPassage& passage) : passage_(passage) {}

  Json Sentences() {
    Json sentences = Json::array();
    const std::vector<SentenceWeight>& all = passage_.sentences;
    for (std::size_t s = 0; s < all.size(); ++s) {
      const bool last = s + 1 == all.size();
      const std::size_t end = last ? passage_.passage.text.size() : all[s + 1].range.begin;
      sentences.push_back(
          {{"weight", Rounded(static_cast<double>(all[s].weight))}, {"pieces", Pieces(end, last)}});
    }
    return sentences;
  }

 private:
  // From where the sentence before ended; the last one takes all tokens that are left.
  Json Pieces(std::size_t end, bool last) {
    Json pieces = Json::array();
    for (; token_ < passage_.tokens.size(); ++token_) {
      const ByteRange range = passage_.tokens[token_].range;
      if (!last && range.begin >= end) break;
      pieces.push_back(Text(range.begin));
      pieces.push_back(Text(range.end));
    }
    pieces.push_back(Text(end));
    return pieces;
  }

  // Up to `end`; nothing where two tokens share a range.
  Json Text(std::size_t end) {
    const std::size_t begin = std::exchange(at_, std::max(at_, end));
    return JsonText(Slice(passage_.passage.text, {begin, at_}));
  }

  const AnswerPassage& passage_;
  std::size_t token_ = 0;
  std::size_t at_ = 0;
};

// [first, end) of the tokens that the short answer touches; null if it lies elsewhere.
Json AnswerTokens(const AnswerPassage& passage) {
  if (!passage.short_answer) return nullptr;
  const auto first = std::find_if(
      passage.tokens.begin(), passage.tokens.end(),
      [&](const TokenWeight& token) { return token.range.end > passage.short_answer->begin; });
  const auto end = std::find_if(first, passage.tokens.end(), [&](const TokenWeight& token) {
    return token.range.begin >= passage.short_answer->end;
  });
  return {first - passage.tokens.begin(), end - passage.tokens.begin()};
}

Json PassageJson(const AnswerPassage& passage, std::size_t asked) {
  Json start = Json::array(), end = Json::array(), parts = Json::array();
  for (const TokenWeight& token : passage.tokens) {
    start.push_back(Rounded(static_cast<double>(token.start)));
    end.push_back(Rounded(static_cast<double>(token.end)));
  }
  for (const PartAttention& part : passage.parts) parts.push_back(PartJson(part, asked));
  return {{"document", JsonText(passage.passage.document)},
          {"title", JsonText(passage.passage.title)},
          {"begin", passage.passage.range.begin},
          {"end", passage.passage.range.end},
          {"weight", Rounded(passage.weight)},
          {"answer", AnswerTokens(passage)},
          {"sentences", Cutter(passage).Sentences()},
          {"starts", std::move(start)},
          {"ends", std::move(end)},
          {"parts", std::move(parts)}};
}

// The question's tokens as its text has them; the markers at its ends by their names.
Json QuestionTokens(const Answer& answer) {
  Json tokens = Json::array();
  const std::vector<ByteRange>& ranges = answer.axes.question;
  for (std::size_t q = 0; q < ranges.size(); ++q) {
    if (ranges[q].empty()) {
      tokens.push_back(q == 0 ? "[CLS]" : "[SEP]");
    } else {
      tokens.push_back(JsonText(Slice(answer.read_question, ranges[q])));
    }
  }
  return tokens;
}

Json ReadingJson(const Answer& answer) {
  Json passages = Json::array();
  for (const AnswerPassage& passage : answer.passages)
    passages.push_back(PassageJson(passage, answer.axes.question.size()));
  return {{"question", JsonText(answer.read_question)},
          {"answer", JsonText(answer.text)},
          {"short_answer", answer.short_answer ? JsonText(*answer.short_answer) : Json(nullptr)},
          {"none", Rounded(1.0 - answer.confidence)},
          {"layers", answer.axes.layers},
          {"heads", answer.axes.heads},
          {"question_tokens", QuestionTokens(answer)},
          {"passages", std::move(passages)}};
}

// No "</script" or "<!--" of a document may end the element that the text lies in.
std::string ForScript(std::string_view json) {
  std::string text;
  for (const char c : json) c == '<' ? text += "\\u003c" : text += c;
  return text;
}

// `page` with `value` in every place of `name`.
std::string Filled(std::string_view page, std::string_view name, std::string_view value) {
  std::string filled;
  for (std::size_t at; (at = page.find(name)) != std::string_view::npos;) {
    filled.append(page.substr(0, at)).append(value);
    page.remove_prefix(at + name.size());
  }
  return filled.append(page);
}

}  // namespace

std::string AttentionPage(const Answer& answer) {
  const std::string reading = ForScript(ReadingJson(answer).dump());
  // The reading last: nothing is looked for in it. A document cannot know its hash.
  return Filled(Filled(kAttentionPageTemplate, "@NONCE@", ContentHash(reading)), "@READING@",
                reading);
}

}  // namespace fovea::tools
