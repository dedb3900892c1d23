// Chat templates by family (ChatML, Llama 3, Gemma), recognised from the GGUF's text; no Jinja.
//
// Control tokens come from here alone: message text is tokenised so that it can never form one.

#pragma once

#include <optional>
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

// A value; it borrows nothing.
class ChatTemplate {
 public:
  // Recognises the family of the decoder's template. Throws Error(kUnsupported) that names the
  // markers looked for.
  static ChatTemplate FromDecoder(const Decoder& decoder);

  // The same from the template's text (Jinja) and the tokenizer that has its control tokens. `bos`
  // is put first where the family wants it (Llama 3, Gemma). Throws Error(kCorrupt) if the
  // tokenizer lacks a control token of the family.
  static ChatTemplate FromText(std::string_view jinja, const Bpe& tokenizer, TokenId bos);

  // Ids of the messages, followed by the start of the assistant's turn. `tokenizer` is the one the
  // template was made with. ChatML templates that insert a system message of their own do so where
  // the first message is none; Gemma has no system turn: its text goes in front of the first user
  // message. Throws Error(kInvalidArgument) on another role.
  std::vector<TokenId> Render(const Bpe& tokenizer, std::span<const ChatMessage> messages) const;

  // How many of the first tokens of `rendered` do not depend on what comes after the messages
  // `fixed`, which it begins with and which a message of the user follows.
  std::size_t FixedTokens(const Bpe& tokenizer, std::span<const ChatMessage> fixed,
                          std::span<const TokenId> rendered) const;

  // The token that ends a turn.
  TokenId end_of_turn() const { return end_of_turn_; }
  ChatFamily family() const { return family_; }

 private:
  ChatTemplate() = default;
  std::vector<TokenId> RenderChatMl(const Bpe& tokenizer,
                                    std::span<const ChatMessage> messages) const;
  std::vector<TokenId> RenderLlama3(const Bpe& tokenizer,
                                    std::span<const ChatMessage> messages) const;
  std::vector<TokenId> RenderGemma(const Bpe& tokenizer,
                                   std::span<const ChatMessage> messages) const;

  ChatFamily family_ = ChatFamily::kChatMl;
  TokenId start_of_turn_{-1};  // <|im_start|>, <|start_header_id|>, <start_of_turn>
  TokenId end_of_header_{-1};  // <|end_header_id|>, Llama 3 alone
  TokenId end_of_turn_{-1};    // <|im_end|>, <|eot_id|>, <end_of_turn>
  TokenId bos_{-1};            // -1: none
  std::optional<std::string> default_system_;
};

}  // namespace fovea
