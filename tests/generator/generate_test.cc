#include "generator/generate.h"

#include "generator/chat_template.h"
#include "lib/base/thread_pool.h"
#include "lib/text/utf8.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"

namespace fovea {
namespace {

std::vector<TokenId> Ask(const std::string& question) {
  const ChatTemplate chat = ChatTemplate::FromDecoder(TestDecoder());
  const std::vector<ChatMessage> messages = {{"user", question}};
  return chat.Render(TestDecoder().tokenizer(), messages);
}

GenerateOptions Most(int max_tokens) {
  GenerateOptions options;
  options.max_tokens = max_tokens;
  options.stop_tokens = {ChatTemplate::FromDecoder(TestDecoder()).end_of_turn()};
  return options;
}

class GenerateTest : public ::testing::Test {
 protected:
  Generation Run(std::span<const TokenId> prompt, const GenerateOptions& options,
                 std::stop_token stop = {}) {
    return Generate(TestDecoder(), prompt, options, &pool_, stop);
  }
  ThreadPool pool_{2};
};

TEST_F(GenerateTest, AnswersAndStopsAtTheEndOfTheTurn) {
  const Generation generation = Run(Ask("What is the capital of France? One word."), Most(40));
  EXPECT_TRUE(generation.stopped);
  EXPECT_THAT(generation.text, ::testing::HasSubstr("Paris"));
  EXPECT_LT(generation.tokens.size(), 40u);
  for (const TokenId token : generation.tokens)
    EXPECT_FALSE(TestDecoder().tokenizer().IsControl(token));
  EXPECT_GT(generation.prefill_seconds, 0);
  EXPECT_GT(generation.decode_seconds, 0);
}

TEST_F(GenerateTest, MaxTokensEndsIt) {
  const Generation generation = Run(Ask("Count from one to fifty."), Most(5));
  EXPECT_EQ(generation.tokens.size(), 5u);
  EXPECT_FALSE(generation.stopped);
  EXPECT_TRUE(Run(Ask("Hello"), Most(0)).tokens.empty());
}

TEST_F(GenerateTest, AStopTokenIsNotInTheResult) {
  const Generation whole = Run(Ask("Count from one to ten."), Most(12));
  ASSERT_GE(whole.tokens.size(), 6u);
  GenerateOptions options = Most(12);
  options.stop_tokens = {whole.tokens[5]};
  const Generation stopped = Run(Ask("Count from one to ten."), options);
  EXPECT_TRUE(stopped.stopped);
  const auto first = std::find(whole.tokens.begin(), whole.tokens.end(), whole.tokens[5]);
  EXPECT_EQ(stopped.tokens, std::vector<TokenId>(whole.tokens.begin(), first));
}

TEST_F(GenerateTest, PiecesAreCompleteUtf8AndJoinToTheText) {
  std::string joined;
  GenerateOptions options = Most(48);
  options.on_text = [&](std::string_view piece) {
    EXPECT_TRUE(IsValidUtf8(piece)) << piece;
    EXPECT_FALSE(piece.empty());
    joined += piece;
  };
  // At a high temperature tokens that are parts of characters come up.
  options.sampling = {3.0f, 1.0f, 7};
  options.stop_tokens.clear();
  const Generation generation = Run(Ask("Write 日本語 and emoji 🦊🦊🦊."), options);
  EXPECT_EQ(joined, generation.text);
  EXPECT_TRUE(IsValidUtf8(generation.text));
  EXPECT_EQ(RepairUtf8(TestDecoder().tokenizer().Decode(generation.tokens)), generation.text);
}

TEST_F(GenerateTest, GreedyIsTheSameForAnyNumberOfThreads) {
  ThreadPool one(1);
  const auto prompt = Ask("Why is the sky blue?");
  EXPECT_EQ(Run(prompt, Most(20)).tokens, Generate(TestDecoder(), prompt, Most(20), &one).tokens);
}

TEST_F(GenerateTest, ASeedGivesTheSameTokensAgain) {
  GenerateOptions options = Most(16);
  options.sampling = {1.0f, 0.9f, 42};
  const auto prompt = Ask("Tell me a story.");
  const auto first = Run(prompt, options).tokens;
  EXPECT_EQ(first, Run(prompt, options).tokens);
  options.sampling.seed = 43;
  EXPECT_NE(first, Run(prompt, options).tokens);
}

TEST_F(GenerateTest, ACacheChangesNothing) {
  PromptCache cache;
  GenerateOptions cached = Most(10);
  cached.cache = &cache;
  for (const char* question :
       {"Why is the sky blue?", "Why is the sky red?", "Why is the sky red?", "Hi"}) {
    const auto prompt = Ask(question);
    EXPECT_EQ(Run(prompt, cached).tokens, Run(prompt, Most(10)).tokens) << question;
    EXPECT_EQ(cache.tokens.size(), cache.keys_values.size());
  }
}

TEST_F(GenerateTest, ACancelledCallLeavesTheCacheUsable) {
  PromptCache cache;
  GenerateOptions options = Most(10);
  options.cache = &cache;
  std::stop_source stop;
  options.on_text = [&](std::string_view) { stop.request_stop(); };
  const auto prompt = Ask("Why is the sky blue?");
  EXPECT_ERROR(Run(prompt, options, stop.get_token()), ErrorCode::kCancelled, "stopped");
  options.on_text = {};
  EXPECT_EQ(Run(prompt, options).tokens, Run(prompt, Most(10)).tokens);
}

TEST_F(GenerateTest, AStopRequestedBeforeItBeginsIsSeen) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_ERROR(Run(Ask("Hello"), Most(4), stop.get_token()), ErrorCode::kCancelled, "stopped");
}

TEST_F(GenerateTest, WhatExceedsTheContextIsRefused) {
  const auto context = static_cast<std::size_t>(TestDecoder().config().context);
  const std::vector<TokenId> prompt(context - 3, TokenId(100));
  EXPECT_ERROR(Run(prompt, Most(4)), ErrorCode::kInvalidArgument, std::to_string(context));
}

TEST_F(GenerateTest, BadOptionsAreNamed) {
  EXPECT_ERROR(Run({}, Most(4)), ErrorCode::kInvalidArgument, "empty");
  EXPECT_ERROR(Run(Ask("Hello"), Most(-1)), ErrorCode::kInvalidArgument, "max-tokens");
}

}  // namespace
}  // namespace fovea
