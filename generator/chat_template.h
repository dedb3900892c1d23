// Chat templates by family (ChatML, Llama 3, Gemma), recognised from the GGUF's text; no Jinja.
//
// Control tokens come from here alone: message text is tokenised so that it can never form one.

#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/nn/decoder.h"

namespace fovea {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string text;
};

enum class ChatFamily { kChatMl, kLlama3, kGemma };

class ChatTemplate {
 public:
  // Recognises the family of the decoder's template. Throws Error(kUnsupported) that names the markers looked for. Borrows nothing.
  static ChatTemplate FromDecoder(const Decoder& decoder);

  // Ids of the messages, followed by the start of the assistant's turn.
  std::vector<TokenId> Render(const Bpe& tokenizer, std::span<const ChatMessage> messages) const;
  // The token that ends a turn.
  TokenId end_of_turn() const { return end_of_turn_; }
  ChatFamily family() const { return family_; }

 private:
  ChatTemplate(ChatFamily family, TokenId end_of_turn) : family_(family), end_of_turn_(end_of_turn) {}
  ChatFamily family_;
  TokenId end_of_turn_;
};

}  // namespace fovea
