#include "generator/shorten_prompt.h"

#include <span>

#include "generator/grounding.h"

namespace fovea {
namespace {

constexpr const char* kInstructions = "You shorten sentences by leaving words out.";

struct Example {
  const char* sentence;
  const char* part;
  const char* shorter;
};
constexpr Example kExamples[] = {
    {"The bridge, which had been planned since 1871, was at last opened to traffic in 1894 and is "
     "still in use today.",
     "1894", "The bridge was opened to traffic in 1894."},
    {"In her second book, Maria Stern argued that the northern towns had depended on salt far more "
     "than on wool.",
     "salt", "Maria Stern argued that the northern towns had depended on salt."},
    {"Its eggs, four to six of them, are laid in spring, mostly in nests of moss and hair.",
     "nests of moss", "Its eggs are laid in nests of moss."}};

std::string Task(std::string_view sentence, std::string_view part) {
  return "Sentence: " + CollapseSpace(sentence) + "\nKeep: " + CollapseSpace(part);
}

}  // namespace

ShortenPrompt BuildShortenPrompt(std::string_view sentence, std::string_view part,
                                 const Decoder& decoder, const ChatTemplate& chat) {
  std::vector<ChatMessage> messages = {{"system", kInstructions}};
  for (const Example& example : kExamples) {
    messages.push_back({"user", Task(example.sentence, example.part)});
    messages.push_back({"assistant", example.shorter});
  }
  const std::size_t fixed = messages.size();
  messages.push_back({"user", Task(sentence, part)});
  ShortenPrompt prompt;
  prompt.tokens = chat.Render(decoder.tokenizer(), messages);
  prompt.fixed_tokens =
      chat.FixedTokens(decoder.tokenizer(), std::span(messages).first(fixed), prompt.tokens);
  return prompt;
}

}  // namespace fovea
