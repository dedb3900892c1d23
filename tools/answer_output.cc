#include "tools/answer_output.h"

#include <algorithm>

namespace fovea::tools {
namespace {

std::string_view SourceName(AnswerSource source) {
  switch (source) {
    case AnswerSource::kGenerated:
      return "generated";
    case AnswerSource::kQuoted:
      return "quoted";
    case AnswerSource::kNone:
      break;
  }
  return "none";
}

Json CitationJson(const Citation& citation) {
  return {{"document", JsonText(citation.document)}, {"title", JsonText(citation.title)},
          {"begin", citation.range.begin},           {"end", citation.range.end},
          {"text", JsonText(citation.text)},         {"weight", JsonNumber(citation.weight)}};
}

Json PassageJson(const AnswerPassage& passage) {
  return {{"document", JsonText(passage.passage.document)},
          {"title", JsonText(passage.passage.title)},
          {"begin", passage.passage.range.begin},
          {"end", passage.passage.range.end},
          {"weight", passage.weight},
          {"score", passage.score},
          {"text", JsonText(passage.passage.text)}};
}

Json WindowJson(const PromptWindow& window) {
  return {{"context", window.context},   {"instructions", window.instructions},
          {"examples", window.examples}, {"turns", window.turns},
          {"question", window.question}, {"evidence", window.evidence},
          {"reply", window.reply},       {"unused", window.unused()}};
}

// What the decoder was shown of the examples.
Json ExamplesJson(const Answer& answer) {
  Json shown = Json::array();
  for (const NearExample& near : answer.examples) {
    shown.push_back({{"question", JsonText(near.example.first)},
                     {"answer", JsonText(near.example.second)},
                     {"similarity", JsonNumber(near.similarity)}});
  }
  return {{"k", shown.size() + static_cast<std::size_t>(answer.examples_left_out)},
          {"shown", std::move(shown)},
          {"left_out", answer.examples_left_out}};
}

std::string Wrapped(std::string_view text, std::size_t width, const std::string& indent) {
  std::string out;
  for (const std::string& line :
       WrapText(ForTerminal(text), width - std::min(width - 10, indent.size()))) {
    out += indent + line + "\n";
  }
  return out;
}

std::string PlaceOf(const std::string& document, ByteRange range) {
  return ForTerminal(document) + ":" + std::to_string(range.begin) + "-" +
         std::to_string(range.end);
}

}  // namespace

Json AnswerJson(const Answer& answer) {
  Json citations = Json::array();
  for (const Citation& citation : answer.citations) citations.push_back(CitationJson(citation));
  Json passages = Json::array();
  for (const AnswerPassage& passage : answer.passages) passages.push_back(PassageJson(passage));
  const AnswerTimings& t = answer.timings;
  return {{"question", JsonText(answer.question)},
          {"answer", JsonText(answer.text)},
          {"short_answer", answer.short_answer ? JsonText(*answer.short_answer) : Json(nullptr)},
          {"source", SourceName(answer.source)},
          {"abstained", answer.abstained},
          {"confidence", answer.confidence},
          {"citations", std::move(citations)},
          {"passages", std::move(passages)},
          {"sentences_left_out", answer.sentences_left_out},
          {"examples", answer.window ? ExamplesJson(answer) : Json(nullptr)},
          {"window", answer.window ? WindowJson(*answer.window) : Json(nullptr)},
          {"timings",
           {{"load", t.load},
            {"retrieve", t.retrieve},
            {"read", t.read},
            {"prefill", t.prefill},
            {"generate", t.generate},
            {"tokens", t.tokens}}}};
}

std::string WindowText(const Answer& answer) {
  if (!answer.window) return "window: not used, the decoder was not asked";
  const PromptWindow& window = *answer.window;
  const auto count = [](int number, const std::string& noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
  };
  return "window of " + count(window.context, "token") + ": instructions " +
         std::to_string(window.instructions) + ", examples " + std::to_string(window.examples) +
         ", turns " + std::to_string(window.turns) + ", question " +
         std::to_string(window.question) + ", evidence " + std::to_string(window.evidence) +
         ", reply " + std::to_string(window.reply) + ", unused " + std::to_string(window.unused()) +
         "; left out: " + count(answer.examples_left_out, "example") + ", " +
         count(answer.sentences_left_out, "sentence");
}

std::string CitationsText(const Answer& answer, const Style& style, std::size_t width) {
  std::string text;
  for (std::size_t i = 0; i < answer.citations.size(); ++i) {
    const Citation& citation = answer.citations[i];
    const std::string place =
        "[" + std::to_string(i + 1) + "] " + PlaceOf(citation.document, citation.range);
    text += std::string(style.cyan) + place + std::string(style.reset);
    const std::string quote = "“" + citation.text + "”";
    if (CountCharacters(place) + 1 + CountCharacters(quote) <= width &&
        quote.find('\n') == std::string::npos) {
      text += " " + ForTerminal(quote) + "\n";
    } else {
      text += "\n" + Wrapped(quote, width, "    ");
    }
  }
  return text;
}

std::string SourcesText(const Answer& answer, const Style& style, std::size_t width) {
  std::string text = CitationsText(answer, style, width);
  for (const AnswerPassage& passage : answer.passages) {
    text += (text.empty() ? "" : "\n") + FormatFixed(100 * passage.weight, 1) + " %  " +
            std::string(style.cyan) + PlaceOf(passage.passage.document, passage.passage.range) +
            std::string(style.reset) + "  " + ForTerminal(passage.passage.title) + "\n" +
            Wrapped(passage.passage.text, width, "    ");
  }
  return text;
}

std::string AnswerText(const Answer& answer, const Style& style, std::size_t width) {
  std::string text = Wrapped(answer.text, width, "");
  if (!answer.citations.empty()) text += "\n" + CitationsText(answer, style, width);
  return text;
}

}  // namespace fovea::tools
