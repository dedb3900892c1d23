#include "generator/generate.h"

#include <random>

#include "generator/chat_template.h"
#include "lib/base/thread_pool.h"
#include "lib/text/utf8.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

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

// Every prompt, with and without lookup, must give the same in every respect.
void ExpectSameWithoutLookup(const Decoder& decoder, std::span<const TokenId> prompt,
                             GenerateOptions options, ThreadPool* pool) {
  PromptCache caches[2];
  std::vector<std::string> pieces[2];
  Generation generations[2];
  for (const bool lookup : {false, true}) {
    options.prompt_lookup = lookup;
    options.cache = &caches[lookup];
    options.on_text = [&](std::string_view piece) { pieces[lookup].emplace_back(piece); };
    generations[lookup] = Generate(decoder, prompt, options, pool);
  }
  EXPECT_EQ(generations[0].tokens, generations[1].tokens);
  EXPECT_EQ(generations[0].text, generations[1].text);
  EXPECT_EQ(generations[0].stopped, generations[1].stopped);
  EXPECT_EQ(pieces[0], pieces[1]);
  EXPECT_EQ(caches[0].tokens, caches[1].tokens);
  EXPECT_EQ(caches[0].keys_values.size(), caches[1].keys_values.size());
  if (caches[0].tokens.size() < static_cast<std::size_t>(decoder.config().context)) {
    // The keys and values, by what follows them.
    EXPECT_EQ(decoder.Forward(caches[0].keys_values, {prompt.data(), 1}, pool),
              decoder.Forward(caches[1].keys_values, {prompt.data(), 1}, pool));
  }
  EXPECT_EQ(generations[0].drafted_tokens, 0);
  EXPECT_EQ(generations[0].accepted_tokens, 0);
  EXPECT_EQ(generations[1].decode_passes + generations[1].accepted_tokens,
            generations[0].decode_passes);
}

// The tiny models soon repeat themselves, so that drafts are right, wrong, cut by the end and by a
// stop token.
TEST_F(GenerateTest, PromptLookupChangesNothingOfRandomModels) {
  std::mt19937 random(1);
  int drafted = 0;
  int accepted = 0;
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    const TempFolder folder;
    const TinyLlama model({.type = WeightType::kQ4_1, .seed = seed});
    const auto decoder = Decoder::Load(folder.Write("tiny.gguf", model.writer.Bytes()));
    for (int round = 0; round < 24; ++round) {
      SCOPED_TRACE(testing::Message() << "model " << seed << " prompt " << round);
      std::vector<TokenId> prompt(1 + random() % 60);
      for (TokenId& id : prompt) id = TokenId{static_cast<std::int32_t>(random() % 8)};
      GenerateOptions options;
      options.max_tokens = static_cast<int>(random() % 40);
      if (round % 6 == 0)  // Up to the last place of the context.
        options.max_tokens = TinyLlama::kContext - static_cast<int>(prompt.size());
      if (round % 3 == 0) options.sampling = {0.5f, 0.9f, seed};
      const Generation generation = Generate(*decoder, prompt, options, &pool_);
      drafted += generation.drafted_tokens;
      accepted += generation.accepted_tokens;
      ExpectSameWithoutLookup(*decoder, prompt, options, &pool_);
      if (generation.tokens.empty()) continue;
      options.stop_tokens = {generation.tokens[random() % generation.tokens.size()]};
      ExpectSameWithoutLookup(*decoder, prompt, options, nullptr);
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, drafted);
}

TEST_F(GenerateTest, PromptLookupChangesNothingOfTheDefaultModel) {
  for (const char* question :
       {"Repeat this: The ferry to the island leaves at nine and at noon, except on Sundays.",
        "Why is the sky blue?", "Count from one to ten.", "Say a, a, a, a, a, a, a, a."}) {
    SCOPED_TRACE(question);
    for (const int most : {1, 2, 3, 40}) {
      for (const float temperature : {0.0f, 0.7f}) {
        GenerateOptions options = Most(most);
        options.sampling.temperature = temperature;
        ExpectSameWithoutLookup(TestDecoder(), Ask(question), options, &pool_);
      }
    }
  }
}

TEST_F(GenerateTest, TextOfThePromptNeedsFewerPasses) {
  const Generation generation = Run(
      Ask("Repeat this: The ferry to the island leaves at nine and at noon, except on Sundays."),
      Most(40));
  EXPECT_GT(generation.accepted_tokens, 5);
  EXPECT_LT(generation.decode_passes, static_cast<int>(generation.tokens.size()) - 5);
}

TEST_F(GenerateTest, ACancelledDraftLeavesWhatWasTaken) {
  const auto prompt = Ask("Say a, a, a, a, a, a, a, a.");
  for (int most = 1; most < 12; ++most) {
    std::vector<TokenId> taken[2];
    for (const bool lookup : {false, true}) {
      PromptCache cache;
      GenerateOptions options = Most(20);
      options.prompt_lookup = lookup;
      options.cache = &cache;
      options.stop_tokens.clear();
      std::stop_source stop;
      int pieces = 0;
      options.on_text = [&](std::string_view) {
        if (++pieces == most) stop.request_stop();
      };
      EXPECT_ERROR(Run(prompt, options, stop.get_token()), ErrorCode::kCancelled, "stopped");
      EXPECT_EQ(cache.tokens.size(), cache.keys_values.size());
      taken[lookup] = cache.tokens;
    }
    EXPECT_EQ(taken[0], taken[1]) << most;
  }
}

TEST_F(GenerateTest, FusedPromptsAreMixed) {
  const std::vector<TokenId> paris = Ask("What is the capital of France? One word.");
  const std::vector<TokenId> rome = Ask("What is the capital of Italy? One word.");
  GenerateOptions options = Most(20);
  const std::string alone = Run(paris, options).text;
  options.fused = {{paris, 1}};
  EXPECT_EQ(Run(paris, options).text, alone) << "twice the same is the same";
  options.fused = {{rome, 1e9}};
  EXPECT_EQ(Run(paris, options).text, Run(rome, Most(20)).text);
  options.fused = {{rome, 1e-9}};
  EXPECT_EQ(Run(paris, options).text, alone);
  options.fused = {{{}, 1}};
  EXPECT_ERROR(Run(paris, options), ErrorCode::kInvalidArgument, "empty");
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
