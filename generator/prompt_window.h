// What the decoder's context holds.

#pragma once

namespace fovea {

// How the decoder's context is spent, in tokens: what is shown makes up the prompt, and the reply
// has room behind it.
struct PromptWindow {
  int context = 0;
  int instructions = 0;  // with the chat template's own tokens
  int examples = 0;
  int turns = 0;  // earlier ones of the conversation
  int question = 0;
  int evidence = 0;  // with its labels
  int reply = 0;     // kept free

  int prompt() const { return instructions + examples + turns + question + evidence; }
  int unused() const { return context - prompt() - reply; }
};

}  // namespace fovea
