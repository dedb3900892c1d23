#include "generator/conversation.h"

#include <cmath>
#include <numeric>

#include "lib/base/thread_pool.h"
#include "retriever/indexer.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kTower = "When was the tower of Harrow Point finished?";
constexpr const char* kKeeper = "And who was its first keeper?";
constexpr const char* kBees = "How many eggs may a queen bee lay a day?";

struct Corpus {
  TempFolder folder;
  std::filesystem::path index = folder.path() / "index";

  Corpus() {
    folder.Write(
        "texts/lighthouse.md",
        "# Harrow Point lighthouse\n\nThe tower of Harrow Point was finished in 1871 after "
        "six years of work. Its first keeper was Edith Marlow.\n\n## Lamp\n\nThe lamp "
        "burned rape oil until 1904, when paraffin replaced it.\n");
    folder.Write("texts/bees.txt",
                 "Worker bees gather nectar from clover and lime trees. A queen bee may lay 2,000 "
                 "eggs a day in June. Beekeepers feed a colony with sugar syrup in autumn.\n");
    folder.Write("texts/bread.txt",
                 "A sour dough needs flour, water and time. Rye bread keeps for a week because its "
                 "crumb holds water.\n");
    const auto store = Store::Open(index, Store::Mode::kWrite);
    ThreadPool pool(2);
    Indexer(*store, TestEncoder(), {}, &pool).Add({folder.path() / "texts"});
  }
};

const Corpus& TestCorpus() {
  static const Corpus corpus;
  return corpus;
}

Pipeline& TestPipeline() {
  static Pipeline pipeline({.index = TestCorpus().index, .threads = 2});
  return pipeline;
}

AskOptions Extract() {
  AskOptions options;
  options.mode = AnswerMode::kExtract;
  return options;
}

ConversationTurn Turn(const std::string& question, std::vector<std::string> context = {}) {
  ConversationTurn turn;
  turn.question = question;
  turn.context = std::move(context);
  turn.answer = "An answer.";
  return turn;
}

std::vector<std::string> Texts(const ContextualQuery& query) {
  std::vector<std::string> texts;
  for (const ContextPart& part : query.context) texts.push_back(part.text);
  return texts;
}

TEST(ConversationTest, AFollowUpIsSearchedAndReadWithTheQuestionThatItLeansOn) {
  Conversation conversation(TestPipeline());
  const ConversationAnswer first = conversation.Ask(kTower, Extract());
  EXPECT_THAT(first.query.context, IsEmpty());
  EXPECT_EQ(first.query.text, kTower);
  const ConversationAnswer second = conversation.Ask(kKeeper, Extract());
  EXPECT_THAT(Texts(second.query), ElementsAre(kTower));
  EXPECT_EQ(second.query.context[0].turn, 0u);
  EXPECT_EQ(second.query.context[0].weight, 1);
  EXPECT_EQ(second.query.text, std::string(kTower) + " " + kKeeper);
  EXPECT_GE(second.query.gain, ConversationOptions{}.least_gain_anaphoric);
  EXPECT_EQ(second.answer.question, kKeeper);
  EXPECT_EQ(second.answer.read_question, second.query.text);
  ASSERT_FALSE(second.answer.citations.empty());
  EXPECT_THAT(second.answer.citations[0].document, HasSubstr("lighthouse.md"));
}

TEST(ConversationTest, AQuestionThatSaysAllIsSearchedAlone) {
  Conversation conversation(TestPipeline());
  conversation.Ask(kTower, Extract());
  const ConversationAnswer second = conversation.Ask(kBees, Extract());
  EXPECT_THAT(second.query.context, IsEmpty());
  EXPECT_EQ(second.query.text, kBees);
  EXPECT_LT(second.query.gain, ConversationOptions{}.least_gain);
  const Answer alone = TestPipeline().Ask(kBees, Extract());
  EXPECT_EQ(second.answer.text, alone.text);
  EXPECT_EQ(second.answer.confidence, alone.confidence);
}

std::vector<double> Embedded(const std::string& text) {
  const Matrix row =
      TestEncoder().Embed(std::vector<std::vector<TokenId>>{TestEncoder().Tokenize(text)}, nullptr);
  return {row.data(), row.data() + row.cols()};
}

TEST(ConversationTest, TheWeightOfATurnIsASoftmaxOverTheTurnsWithRecency) {
  ConversationOptions options;
  options.least_gain = options.least_gain_anaphoric =
      1e-6;  // Always in context: which one is the question here.
  // The pipeline's encoder computes in 8 bits, the reference in floats.
  constexpr double kTolerance = 0.05;
  for (const float recency : {0.0f, 0.25f, 2.0f}) {
    options.recency = recency;
    Conversation conversation(TestPipeline(), options);
    const std::vector<std::string> earlier = {kBees, kTower, "Why does rye bread keep?"};
    for (const std::string& question : earlier) conversation.Add(Turn(question));
    const std::string question = "How many eggs does the queen lay in a week?";
    const std::vector<double> query = Embedded(question);
    std::vector<double> weights;
    double total = 0;
    for (std::size_t i = 0; i < earlier.size(); ++i) {
      const std::vector<double> key = Embedded(earlier[i]);
      const double score = std::inner_product(query.begin(), query.end(), key.begin(), 0.0);
      const double age = static_cast<double>(earlier.size() - 1 - i);
      weights.push_back(
          std::exp((score - static_cast<double>(recency) * age) / static_cast<double>(0.1f)));
      total += weights.back();
    }
    const auto best = static_cast<std::size_t>(std::max_element(weights.begin(), weights.end()) -
                                               weights.begin());
    EXPECT_EQ(best, recency < 1 ? 0u : 2u) << "the test's own expectation";
    const ContextualQuery got = conversation.Rewrite(question);
    ASSERT_EQ(got.context.size(), 1u);
    EXPECT_EQ(got.context[0].turn, best);
    EXPECT_NEAR(static_cast<double>(got.context[0].weight), weights[best] / total, kTolerance);
  }
}

TEST(ConversationTest, WordsThatPointBackNeedLessOfAGain) {
  ConversationOptions options;
  for (const auto& [anaphoric, other] : {std::pair{1e-6, 1e6}, std::pair{1e6, 1e-6}}) {
    options.least_gain_anaphoric = anaphoric;
    options.least_gain = other;
    Conversation conversation(TestPipeline(), options);
    conversation.Add(Turn(kTower));
    EXPECT_EQ(conversation.Rewrite(kKeeper).context.empty(), anaphoric > 1);
    EXPECT_EQ(conversation.Rewrite(kBees).context.empty(), other > 1);
  }
}

TEST(ConversationTest, AChainKeepsTheQuestionThatNamesTheSubject) {
  ConversationOptions options;
  options.least_gain = options.least_gain_anaphoric = 1e-6;
  Conversation conversation(TestPipeline(), options);
  conversation.Add(Turn(kTower));
  conversation.Add(Turn(kKeeper, {kTower}));
  EXPECT_THAT(Texts(conversation.Rewrite("and after her?")), ElementsAre(kTower, kKeeper));
  conversation.Add(Turn("and after her?", {kTower, kKeeper}));
  EXPECT_THAT(Texts(conversation.Rewrite("and then?")), ElementsAre(kTower, "and after her?"))
      << "the context must not grow with the conversation";
}

TEST(ConversationTest, OnlyTheLatestTurnsAreAttended) {
  ConversationOptions options;
  options.least_gain = options.least_gain_anaphoric = 1e-6;
  options.recency = 0;
  options.attended_turns = 1;
  Conversation conversation(TestPipeline(), options);
  conversation.Add(Turn(kBees));
  conversation.Add(Turn(kTower));
  EXPECT_EQ(conversation.Rewrite(kBees).context.at(0).turn, 1u);
  options.attended_turns = 0;
  Conversation none(TestPipeline(), options);
  none.Add(Turn(kBees));
  EXPECT_THAT(none.Rewrite(kBees).context, IsEmpty());
}

TEST(ConversationTest, ALongEarlierQuestionLeavesRoomForTheNewOne) {
  ConversationOptions options;
  options.least_gain = options.least_gain_anaphoric = 1e-6;
  Conversation conversation(TestPipeline(), options);
  std::string question = kTower;
  for (int i = 0; i < 5000; ++i) question += " lighthouse";
  conversation.Add(Turn(question));
  const std::string text = conversation.Rewrite(kKeeper).text;
  EXPECT_THAT(text, ::testing::StartsWith(kTower));
  EXPECT_THAT(text, ::testing::EndsWith(kKeeper));
  EXPECT_LT(TestEncoder().Tokenize(text).size(),
            static_cast<std::size_t>(TestEncoder().config().max_tokens));
}

TEST(ConversationTest, ResetForgetsWhatCameBefore) {
  Conversation conversation(TestPipeline());
  conversation.Ask(kTower, Extract());
  ASSERT_FALSE(conversation.Rewrite(kKeeper).context.empty());
  conversation.Reset();
  EXPECT_THAT(conversation.turns(), IsEmpty());
  EXPECT_THAT(conversation.Rewrite(kKeeper).context, IsEmpty());
}

TEST(ConversationTest, ATurnThatIsStoppedOrRefusedIsNotRemembered) {
  Conversation conversation(TestPipeline());
  conversation.Ask(kTower, Extract());
  std::stop_source source;
  source.request_stop();
  EXPECT_ERROR(conversation.Ask(kKeeper, Extract(), source.get_token()), ErrorCode::kCancelled,
               "stopped");
  EXPECT_ERROR(conversation.Ask(" \t", Extract()), ErrorCode::kInvalidArgument, "empty");
  EXPECT_EQ(conversation.turns().size(), 1u);
}

TEST(ConversationTest, TheDecoderSeesEarlierTurnsButNoneThatFoundNothing) {
  Conversation conversation(TestPipeline());
  conversation.Add(Turn(kTower));
  ConversationTurn nothing = Turn("Who won the football world cup?");
  nothing.abstained = true;
  conversation.Add(nothing);
  conversation.Add(Turn(kBees));
  AskOptions options;
  options.history_tokens = 0;
  EXPECT_EQ(conversation.Ask(kKeeper, options).answer.turns_left_out, 2);
  conversation.Reset();
  conversation.Add(Turn(kTower));
  EXPECT_EQ(conversation.Ask(kKeeper).answer.turns_left_out, 0);
}

TEST(ConversationTest, GoesTheSameWayForAnyNumberOfThreads) {
  std::vector<std::string> answers;
  for (const int threads : {1, 3}) {
    Pipeline pipeline({.index = TestCorpus().index, .threads = threads});
    Conversation conversation(pipeline);
    std::string all;
    for (const char* question : {kTower, kKeeper, kBees}) {
      const ConversationAnswer answer = conversation.Ask(question);
      all += answer.query.text + "\n" + std::to_string(answer.query.gain) + "\n" +
             answer.answer.text + "\n";
    }
    answers.push_back(std::move(all));
  }
  EXPECT_EQ(answers[0], answers[1]);
}

TEST(ConversationTest, RefusesOptionsThatMakeNoSense) {
  const auto refused = [](auto change, const char* what) {
    ConversationOptions options;
    change(options);
    EXPECT_ERROR(options.validate(), ErrorCode::kInvalidArgument, what);
  };
  refused([](ConversationOptions& o) { o.attended_turns = -1; }, "attended_turns");
  refused([](ConversationOptions& o) { o.recency = -0.1f; }, "recency");
  refused([](ConversationOptions& o) { o.temperature = 0; }, "temperature");
  refused([](ConversationOptions& o) { o.least_gain = std::nan(""); }, "least_gain");
  refused([](ConversationOptions& o) { o.least_gain_anaphoric = 0; }, "least_gain_anaphoric");
}

}  // namespace
}  // namespace fovea
