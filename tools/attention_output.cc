#include "tools/attention_output.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "tools/output.h"

namespace fovea::tools {
namespace {

constexpr std::size_t kBarCells = 20;
constexpr std::string_view kSpaces = " \n\t\r\f\v";

// A word of a passage and how warm it is.
struct Word {
  ByteRange range;
  double heat = 0;
};

// The words of a sentence; each is as warm as the warmest token in it.
std::vector<Word> WordsOf(const AnswerPassage& passage, ByteRange sentence) {
  const std::string_view text = passage.passage.text;
  std::vector<Word> words;
  auto token = passage.tokens.begin();
  for (std::size_t at = sentence.begin; at < sentence.end;) {
    at = std::min(text.find_first_not_of(kSpaces, at), sentence.end);
    if (at == sentence.end) break;
    Word word{{at, std::min(text.find_first_of(kSpaces, at), sentence.end)}};
    for (; token != passage.tokens.end() && token->range.begin < word.range.end; ++token) {
      if (token->range.begin >= word.range.begin)
        word.heat = std::max(word.heat, static_cast<double>(token->attention));
    }
    words.push_back(word);
    at = word.range.end;
  }
  return words;
}

// Of all passages' items, the greatest value of one kind.
template <auto kItems, auto kValue>
double Greatest(const Answer& answer) {
  double greatest = 0;
  for (const AnswerPassage& passage : answer.passages) {
    for (const auto& item : passage.*kItems)
      greatest = std::max(greatest, static_cast<double>(item.*kValue));
  }
  return greatest;
}

class AttentionWriter {
 public:
  AttentionWriter(const Answer& answer, const Style& style, std::size_t width)
      : style_(style),
        width_(width),
        greatest_heat_(Greatest<&AnswerPassage::tokens, &TokenWeight::attention>(answer)),
        greatest_sentence_(Greatest<&AnswerPassage::sentences, &SentenceWeight::weight>(answer)) {}

  void Passage(const AnswerPassage& passage) {
    const double weight = std::clamp(passage.weight, 0.0, 1.0);
    const auto full = static_cast<std::size_t>(std::lround(weight * kBarCells));
    text_ += Styled(style_.bold, std::string(full, '#') + std::string(kBarCells - full, '.')) +
             " " + FormatFixed(passage.weight, 3) + "  " +
             Styled(style_.cyan, ForTerminal(passage.passage.document) + ":" +
                                     std::to_string(passage.passage.range.begin) + "-" +
                                     std::to_string(passage.passage.range.end)) +
             "\n";
    for (const SentenceWeight& sentence : passage.sentences) Sentence(passage, sentence);
  }

  std::string Finish(double none) {
    return text_ + "none of these: " + FormatFixed(none, 3) + "\n";
  }

 private:
  std::string Styled(std::string_view style, const std::string& text) const {
    return style.empty() ? text : std::string(style) + text + std::string(style_.reset);
  }

  std::string Shade(const Word& word, const SentenceWeight& sentence) const {
    if (greatest_heat_ > 0) return style_.Shade(word.heat / greatest_heat_);
    return style_.Shade(
        greatest_sentence_ > 0 ? static_cast<double>(sentence.weight) / greatest_sentence_ : 0);
  }

  // Its words in lines behind its weight.
  void Sentence(const AnswerPassage& passage, const SentenceWeight& sentence) {
    std::string margin = " " + FormatFixed(sentence.weight, 3) + "  ";
    const std::size_t indent = margin.size();
    std::size_t used = 0;
    text_ += margin;
    for (const Word& word : WordsOf(passage, sentence.range)) {
      const std::string shown = ForTerminal(Slice(passage.passage.text, word.range));
      const std::size_t length = CountCharacters(shown);
      if (used > 0 && indent + used + 1 + length > width_) {
        text_ += "\n" + std::string(indent, ' ');
        used = 0;
      }
      if (used > 0) {
        text_ += ' ';
        ++used;
      }
      text_ += Styled(Shade(word, sentence), shown);
      used += length;
    }
    text_ += "\n";
  }

  const Style& style_;
  std::size_t width_;
  double greatest_heat_;
  double greatest_sentence_;
  std::string text_;
};

}  // namespace

std::string AttentionText(const Answer& answer, const Style& style, std::size_t width) {
  AttentionWriter writer(answer, style, width);
  for (const AnswerPassage& passage : answer.passages) writer.Passage(passage);
  return writer.Finish(1.0 - answer.confidence);
}

}  // namespace fovea::tools
