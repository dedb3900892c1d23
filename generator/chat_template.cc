#include "generator/chat_template.h"

#include <algorithm>

#include "lib/base/error.h"

namespace fovea {
namespace {

constexpr std::string_view kImStart = "<|im_start|>";
constexpr std::string_view kImEnd = "<|im_end|>";
constexpr std::string_view kStartHeader = "<|start_header_id|>";
constexpr std::string_view kEndHeader = "<|end_header_id|>";
constexpr std::string_view kEot = "<|eot_id|>";
constexpr std::string_view kStartOfTurn = "<start_of_turn>";
constexpr std::string_view kEndOfTurn = "<end_of_turn>";

TokenId Control(const Bpe& tokenizer, std::string_view text) {
  if (const auto id = tokenizer.ControlToken(text)) return *id;
  throw Error(ErrorCode::kCorrupt, "the model's chat template uses " + std::string(text) +
                                       ", which its tokenizer does not have as a control token");
}

void Append(std::vector<TokenId>& ids, const Bpe& tokenizer, const std::string& text) {
  const std::vector<TokenId> more = tokenizer.EncodeIds(text);
  ids.insert(ids.end(), more.begin(), more.end());
}

std::string Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin));
}

// The literal system message that a ChatML template inserts where messages do not start with one. A
// template that computes it
// ("{{") has none that we could know.
std::optional<std::string> DefaultSystem(std::string_view jinja) {
  if (jinja.find("messages[0]") == std::string_view::npos) return std::nullopt;
  for (const std::string_view head : {"<|im_start|>system\n", "<|im_start|>system\\n"}) {
    const std::size_t begin = jinja.find(head);
    if (begin == std::string_view::npos) continue;
    const std::string_view rest = jinja.substr(begin + head.size());
    const std::size_t end = rest.find(kImEnd);
    if (end == std::string_view::npos) continue;
    const std::string_view text = rest.substr(0, end);
    if (text.find_first_of("'{}") == std::string_view::npos) return std::string(text);
  }
  return std::nullopt;
}

void CheckRoles(std::span<const ChatMessage> messages) {
  for (const ChatMessage& message : messages) {
    if (message.role != "system" && message.role != "user" && message.role != "assistant") {
      throw Error(ErrorCode::kInvalidArgument, "unknown chat role \"" + message.role +
                                                   "\": system, user and assistant are known");
    }
  }
}

}  // namespace

ChatTemplate ChatTemplate::FromDecoder(const Decoder& decoder) {
  return FromText(decoder.config().chat_template, decoder.tokenizer(), decoder.config().bos);
}

ChatTemplate ChatTemplate::FromText(std::string_view jinja, const Bpe& tokenizer, TokenId bos) {
  const auto has = [&](std::string_view marker) {
    return jinja.find(marker) != std::string_view::npos;
  };
  ChatTemplate chat;
  if (has(kImStart)) {
    chat.family_ = ChatFamily::kChatMl;
    chat.start_of_turn_ = Control(tokenizer, kImStart);
    chat.end_of_turn_ = Control(tokenizer, kImEnd);
    chat.default_system_ = DefaultSystem(jinja);
  } else if (has(kStartHeader)) {
    chat.family_ = ChatFamily::kLlama3;
    chat.start_of_turn_ = Control(tokenizer, kStartHeader);
    chat.end_of_header_ = Control(tokenizer, kEndHeader);
    chat.end_of_turn_ = Control(tokenizer, kEot);
    chat.bos_ = bos;
  } else if (has(kStartOfTurn)) {
    chat.family_ = ChatFamily::kGemma;
    chat.start_of_turn_ = Control(tokenizer, kStartOfTurn);
    chat.end_of_turn_ = Control(tokenizer, kEndOfTurn);
    chat.bos_ = bos;
  } else {
    throw Error(ErrorCode::kUnsupported,
                std::string(jinja.empty() ? "the model has no chat template"
                                          : "the model's chat template is of no known family") +
                    ": <|im_start|>, <|start_header_id|> and <start_of_turn> are recognised; use "
                    "an instruction-tuned "
                    "ChatML, Llama 3 or Gemma type model, or generate without a template");
  }
  return chat;
}

std::vector<TokenId> ChatTemplate::Render(const Bpe& tokenizer,
                                          std::span<const ChatMessage> messages) const {
  CheckRoles(messages);
  switch (family_) {
    case ChatFamily::kLlama3:
      return RenderLlama3(tokenizer, messages);
    case ChatFamily::kGemma:
      return RenderGemma(tokenizer, messages);
    case ChatFamily::kChatMl:
      break;
  }
  return RenderChatMl(tokenizer, messages);
}

std::size_t ChatTemplate::FixedTokens(const Bpe& tokenizer, std::span<const ChatMessage> fixed,
                                      std::span<const TokenId> rendered) const {
  std::vector<ChatMessage> messages(fixed.begin(), fixed.end());
  messages.push_back({"user", ""});
  const std::vector<TokenId> empty = Render(tokenizer, messages);
  const auto differing =
      std::mismatch(rendered.begin(), rendered.end(), empty.begin(), empty.end());
  return static_cast<std::size_t>(differing.first - rendered.begin());
}

// Text between two control tokens is tokenised in one piece, as the rendered string would be.
std::vector<TokenId> ChatTemplate::RenderChatMl(const Bpe& tokenizer,
                                                std::span<const ChatMessage> messages) const {
  std::vector<TokenId> ids;
  const auto turn = [&](const std::string& role, const std::string& text) {
    ids.push_back(start_of_turn_);
    Append(ids, tokenizer, role + "\n" + text);
    ids.push_back(end_of_turn_);
    Append(ids, tokenizer, "\n");
  };
  if (default_system_ && (messages.empty() || messages.front().role != "system")) {
    turn("system", *default_system_);
  }
  for (const ChatMessage& message : messages) turn(message.role, message.text);
  ids.push_back(start_of_turn_);
  Append(ids, tokenizer, "assistant\n");
  return ids;
}

std::vector<TokenId> ChatTemplate::RenderLlama3(const Bpe& tokenizer,
                                                std::span<const ChatMessage> messages) const {
  std::vector<TokenId> ids;
  if (Value(bos_) >= 0) ids.push_back(bos_);
  const auto header = [&](const std::string& role) {
    ids.push_back(start_of_turn_);
    Append(ids, tokenizer, role);
    ids.push_back(end_of_header_);
  };
  for (const ChatMessage& message : messages) {
    header(message.role);
    Append(ids, tokenizer, "\n\n" + Trim(message.text));
    ids.push_back(end_of_turn_);
  }
  header("assistant");
  Append(ids, tokenizer, "\n\n");
  return ids;
}

std::vector<TokenId> ChatTemplate::RenderGemma(const Bpe& tokenizer,
                                               std::span<const ChatMessage> messages) const {
  std::vector<TokenId> ids;
  if (Value(bos_) >= 0) ids.push_back(bos_);
  std::string system;
  const auto turn = [&](const std::string& head, const std::string& text) {
    ids.push_back(start_of_turn_);
    Append(ids, tokenizer, head + text);
    ids.push_back(end_of_turn_);
    Append(ids, tokenizer, "\n");
  };
  for (const ChatMessage& message : messages) {
    if (message.role == "system") {
      system += Trim(message.text) + "\n\n";
    } else if (message.role == "user") {
      turn("user\n" + system, Trim(message.text));
      system.clear();
    } else {
      turn("model\n", Trim(message.text));
    }
  }
  if (!system.empty()) turn("user\n", Trim(system));
  ids.push_back(start_of_turn_);
  Append(ids, tokenizer, "model\n");
  return ids;
}

}  // namespace fovea
