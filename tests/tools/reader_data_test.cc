#include "tools/reader_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/thread_pool.h"
#include "retriever/indexer.h"
#include "retriever/store.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"
#include "tools/near_words.h"

namespace fovea::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kGood =
    R"({"id":"1","title":"Öl","context":"Die Lampe — sie brennt Öl.","question":"What burns?",)"
    R"("answers":[{"text":"Öl","start":23}],"answerable":true})";

class TrainingFile : public testing::Test {
 protected:
  std::string Write(const std::string& text) const {
    return folder_.Write("data.jsonl", text).string();
  }
  TrainingData Read(const std::string& text, bool skip_bad = false) const {
    return ReadTrainingData({{Write(text)}}, skip_bad);
  }
  TempFolder folder_;
};

TEST_F(TrainingFile, StartsCountCharactersAndRangesCountBytes) {
  const TrainingData data = Read(kGood);
  ASSERT_EQ(data.questions.size(), 1u);
  const TrainingQuestion& question = data.questions[0];
  EXPECT_EQ(question.question, "What burns?");
  ASSERT_EQ(question.answers.size(), 1u);
  const ByteRange range = question.answers[0];
  EXPECT_EQ(data.contexts[0].text.substr(range.begin, range.end - range.begin), "Öl");
  EXPECT_EQ(data.contexts[0].title, "Öl");
}

TEST_F(TrainingFile, AContextIsKeptOnce) {
  const TrainingData data = Read(
      "{\"context\":\"a b\",\"question\":\"q\",\"answerable\":false}\n"
      "{\"context\":\"c\",\"question\":\"r\",\"answers\":[],\"answerable\":false}\n\n"
      "{\"context\":\"a b\",\"title\":null,\"question\":\"s\","
      "\"answers\":[{\"text\":\"b\",\"start\":2}]}\n");
  ASSERT_EQ(data.contexts.size(), 2u);
  ASSERT_EQ(data.questions.size(), 3u);
  EXPECT_EQ(data.questions[2].context, 0u);
  EXPECT_THAT(data.questions[0].answers, IsEmpty());
}

struct BadLine {
  std::string line;
  const char* message;
};

std::vector<BadLine> BadLines() {
  const auto answer = [](const std::string& answers) {
    return R"({"context":"the lamp","question":"q","answers":)" + answers + "}";
  };
  const std::string long_context(1'000'000, 'a');
  return {
      {"{", "not a JSON object"},
      {"[1]", "not a JSON object"},
      {"\xff", "not a JSON object"},
      {R"({"version":"1.1","data":[]})", "no text under \"context\""},
      {R"({"context":"","question":"q","answerable":false})", "the context is empty"},
      {R"({"context":" \n","question":"q","answerable":false})", "the context is empty"},
      {R"({"context":7,"question":"q","answerable":false})", "no text under \"context\""},
      {R"({"context":"c","answerable":false})", "no text under \"question\""},
      {R"({"context":"c","question":" ","answerable":false})", "the question is empty"},
      {R"({"context":"c","question":"q","answerable":"no"})", "\"answerable\" is of another type"},
      {R"({"context":"c","title":1,"question":"q","answerable":false})",
       "\"title\" is of another type"},
      {R"({"context":"c","question":"q"})", "needs \"answers\""},
      {answer("[]"), "needs \"answers\""},
      {answer("7"), "needs \"answers\""},
      {answer(R"(["lamp"])"), "needs \"text\" and \"start\""},
      {answer(R"([{"text":"lamp","start":"4"}])"), "needs \"text\" and \"start\""},
      {answer(R"([{"text":"lamp","start":4.5}])"), "needs \"text\" and \"start\""},
      {answer(R"([{"text":"lamp","start":3}])"), "does not stand at character 3"},
      {answer(R"([{"text":"the","start":-1}])"), "does not stand at character -1"},
      {answer(R"([{"text":"lamp","start":400}])"), "does not stand at character 400"},
      {answer(R"([{"text":"lamps","start":4}])"), "does not stand at character 4"},
      {answer(R"([{"text":"","start":4}])"), "does not stand at character 4"},
      {R"({"context":")" + long_context + R"(","question":"q","answerable":false})",
       "the context has 1000000 bytes"},
  };
}

TEST_F(TrainingFile, ABadLineIsNamed) {
  for (const BadLine& bad : BadLines()) {
    SCOPED_TRACE(bad.line.substr(0, 100));
    const std::string text = std::string(kGood) + "\n\n" + bad.line + "\n" + kGood + "\n";
    EXPECT_ERROR(Read(text), ErrorCode::kInvalidArgument, "data.jsonl:3: ");
    EXPECT_ERROR(Read(text), ErrorCode::kInvalidArgument, bad.message);
  }
}

TEST_F(TrainingFile, BadLinesAreCountedAndLeftOutWhenAskedFor) {
  std::string text = std::string(kGood) + "\n";
  for (const BadLine& bad : BadLines()) text += bad.line + "\n";
  const TrainingData data = Read(text + kGood, true);
  EXPECT_EQ(data.skipped, BadLines().size());
  EXPECT_EQ(data.questions.size(), 2u);
  EXPECT_EQ(data.contexts.size(), 1u);  // nothing of a bad line stays
}

TEST_F(TrainingFile, NoQuestionAtAllIsAnError) {
  EXPECT_ERROR(Read(""), ErrorCode::kInvalidArgument, "no questions");
  EXPECT_ERROR(Read("{}\n[]\n", true), ErrorCode::kInvalidArgument, "2 lines left out");
  EXPECT_ERROR(ReadTrainingData({{(folder_.path() / "none").string()}}, true), ErrorCode::kNotFound,
               "none");
}

TEST_F(TrainingFile, PassagesOfAnIndexAreAddedOnce) {
  folder_.Write("docs/lamp.md", "# The lamp\n\n## Fuel\n\nIt burns whale oil.\n");
  folder_.Write("docs/bees.txt", "Ada Fenn kept bees.");
  const std::filesystem::path index = folder_.path() / "index";
  {
    ThreadPool pool{1};
    const std::unique_ptr<Store> store = Store::Open(index, Store::Mode::kWrite);
    Indexer(*store, TestEncoder(), {}, &pool).Add({folder_.path() / "docs"});
  }
  TrainingData data = Read(R"({"context":"Ada Fenn kept bees.","question":"Who?",)"
                           R"("answers":[{"text":"Ada Fenn","start":0}]})");
  EXPECT_EQ(data.asked_contexts, 1u);
  AddPassagesOf(index, data);
  ASSERT_EQ(data.contexts.size(), 2u);
  EXPECT_EQ(data.asked_contexts, 1u);
  EXPECT_EQ(data.contexts[1].title, "The lamp > Fuel");
  EXPECT_THAT(data.contexts[1].text, HasSubstr("It burns whale oil."));
  EXPECT_ERROR(AddPassagesOf(folder_.path() / "none", data), ErrorCode::kNotFound, "none");
}

// What the examples are made of: three contexts, the first longer than the model's window.
class Examples : public testing::Test {
 protected:
  Examples() {
    std::string text;
    for (int i = 0; i < 400; ++i) text += "word " + std::to_string(i) + " ";
    data_.contexts = {{"Numbers", text},
                      {"The lamp", "It burns whale oil. Ada Fenn lit it."},
                      {"", "Ada Fenn kept bees."}};
    data_.asked_contexts = 3;
    data_.questions = {{"Which word?", 0, {RangeIn(0, "357"), RangeIn(0, "359")}},
                       {"What does it burn?", 1, {RangeIn(1, "whale oil")}},
                       {"Who flew?", 1, {}},
                       {"Who lit it?", 1, {RangeIn(1, "Ada Fenn")}}};
    data_.files = {{0, 4, 1}};
  }

  ByteRange RangeIn(std::size_t context, const std::string& answer) const {
    const std::size_t at = data_.contexts[context].text.find(answer);
    return {at, at + answer.size()};
  }

  TrainingExamples Make(std::vector<std::vector<Candidate>> candidates,
                        const ReaderDataOptions& options = {
                            .passages = 3, .without_answer = 0, .altered = 0, .shortened = 0}) {
    return {data_, std::move(candidates), TestEncoder(), near_, options, &pool_};
  }

  static std::string Decode(const ReaderPassage& passage, std::size_t first, std::size_t last) {
    const auto begin = passage.tokens.begin();
    const std::vector<TokenId> tokens(begin + static_cast<std::ptrdiff_t>(first),
                                      begin + static_cast<std::ptrdiff_t>(last) + 1);
    return TestEncoder().tokenizer().Decode(tokens);
  }

  ThreadPool pool_{2};
  TrainingData data_;
  NearWords near_{{}};
};

const std::vector<std::vector<Candidate>> kFound = {
    {{1, 0.4f, 0.5f}},
    {{2, 0.5f, 1.0f}, {1, 0.4f, 0.2f}, {0, 0.1f, 0}},
    {{1, 0.4f, 1.0f}, {2, 0.3f, 0.1f}},
    {{2, 0.9f, 1.0f}, {0, 0.2f, 0}}};

TEST_F(Examples, TheAnswersTokensSpellTheAnswer) {
  const TrainingExamples examples = Make(kFound);
  ASSERT_EQ(examples.size(), 4u);
  const ReaderQuestion question = examples.Get(1, 0);
  const ReaderPassage& right = question.passages[0];
  ASSERT_EQ(right.answers.size(), 1u);
  EXPECT_EQ(Decode(right, right.answers[0].first, right.answers[0].second), "whale oil");
  // [CLS] the lamp [SEP] It …
  EXPECT_EQ(right.text, 4u);
  EXPECT_THAT(Decode(right, right.text, right.tokens.size() - 2), testing::StartsWith("it burns"));
  // Less those of the best one.
  EXPECT_THAT(right.scores,
              ElementsAre(testing::FloatEq(0.4f - 0.5f), testing::FloatEq(0.2f - 1.0f)));
}

TEST_F(Examples, OfALongPassageTheWindowWithTheAnswerIsTaken) {
  const ReaderQuestion question = Make(kFound).Get(0, 0);
  const ReaderPassage& right = question.passages[0];
  EXPECT_EQ(right.tokens.size(), 256u);
  ASSERT_EQ(right.answers.size(), 2u);
  EXPECT_EQ(Decode(right, right.answers[0].first, right.answers[0].second), "357");
  EXPECT_EQ(Decode(right, right.answers[1].first, right.answers[1].second), "359");
}

TEST_F(Examples, OnlyPassagesWithoutTheAnswerAreHardNegatives) {
  const TrainingExamples examples = Make(kFound);
  // "Ada Fenn" stands in context 2 as well: only context 0 is left.
  const ReaderQuestion question = examples.Get(3, 0);
  ASSERT_EQ(question.passages.size(), 2u);
  EXPECT_THAT(Decode(question.passages[1], 1, 1), "numbers");
  EXPECT_THAT(question.passages[1].answers, IsEmpty());
  // Retrieval missed the right one: it has the scores of the last that was found.
  EXPECT_THAT(question.passages[0].scores,
              ElementsAre(testing::FloatEq(0.2f - 0.9f), testing::FloatEq(-1)));
}

TEST_F(Examples, AnUnanswerableQuestionHasItsContextAndNoAnswer) {
  const ReaderQuestion question = Make(kFound).Get(2, 0);
  ASSERT_EQ(question.passages.size(), 2u);
  for (const ReaderPassage& passage : question.passages) EXPECT_THAT(passage.answers, IsEmpty());
  EXPECT_THAT(Decode(question.passages[0], 1, 2), "the lamp");
}

// Nobody asked about them: they may answer it.
TEST_F(Examples, OtherPassagesAreNoHardNegativesOfAQuestionWithoutAnAnswer) {
  data_.contexts.push_back({"The hawk", "Bees fly."});
  const std::vector<std::vector<Candidate>> found = {
      {}, {{3, 0.5f, 1.0f}, {1, 0.4f, 0.2f}}, {{3, 0.5f, 1.0f}, {2, 0.3f, 0.1f}}, {}};
  const TrainingExamples examples = Make(found);
  const ReaderQuestion answerable = examples.Get(1, 0);
  ASSERT_EQ(answerable.passages.size(), 2u);
  EXPECT_THAT(Decode(answerable.passages[1], 1, 2), "the hawk");
  const ReaderQuestion unanswerable = examples.Get(2, 0);
  ASSERT_EQ(unanswerable.passages.size(), 2u);
  EXPECT_THAT(Decode(unanswerable.passages[1], 1, 3), HasSubstr("ada fenn"));
  EXPECT_THAT(examples.Description(), testing::EndsWith(", 1 more passages"));
}

TEST_F(Examples, TheRightPassageIsWithheldFromItsShareOfQuestions) {
  const TrainingExamples examples =
      Make(kFound, {.passages = 2, .without_answer = 0.2f, .altered = 0, .shortened = 0});
  int withheld = 0;
  constexpr int kDraws = 2000;
  for (std::uint64_t epoch = 0; epoch < kDraws; ++epoch)
    withheld += examples.Get(1, epoch).passages[0].answers.empty() ? 1 : 0;
  // Five standard deviations of a binomial: √(2000 · 0.2 · 0.8) = 18.
  EXPECT_NEAR(withheld, 0.2 * kDraws, 90);
}

TEST_F(Examples, AnAlteredQuestionHasItsPassageAndNoAnswer) {
  // "it" stands for no name; "lit" has no opposite: the year alone can change.
  data_.questions[1].question = "What did it burn in 1821?";
  const std::vector<TokenId> plain = TestEncoder().Tokenize(data_.questions[1].question);
  const TrainingExamples examples =
      Make(kFound, {.passages = 2, .without_answer = 0, .altered = 0.25f, .shortened = 0});
  int altered = 0;
  constexpr int kDraws = 2000;
  for (std::uint64_t epoch = 0; epoch < kDraws; ++epoch) {
    const ReaderQuestion question = examples.Get(1, epoch);
    EXPECT_THAT(Decode(question.passages[0], 1, 2), "the lamp");
    EXPECT_EQ(question.passages[0].answers.empty(), question.tokens != plain);
    altered += question.tokens != plain ? 1 : 0;
  }
  // Five standard deviations of a binomial: √(2000 · 0.25 · 0.75) = 19.
  EXPECT_NEAR(altered, 0.25 * kDraws, 97);
}

TEST_F(Examples, AShortenedPassageLacksTheSentencesWithTheAnswer) {
  const TrainingExamples examples =
      Make(kFound, {.passages = 2, .without_answer = 0, .altered = 0, .shortened = 0.2f});
  int shortened = 0;
  constexpr int kDraws = 2000;
  for (std::uint64_t epoch = 0; epoch < kDraws; ++epoch) {
    const ReaderPassage right = examples.Get(1, epoch).passages[0];
    const std::string text = Decode(right, right.text, right.tokens.size() - 2);
    EXPECT_EQ(right.answers.empty(), text == "ada fenn lit it.");
    EXPECT_THAT(right.scores, ElementsAre(testing::FloatEq(-0.1f), testing::FloatEq(-0.8f)));
    shortened += right.answers.empty() ? 1 : 0;
  }
  // Five standard deviations of a binomial: √(2000 · 0.2 · 0.8) = 18.
  EXPECT_NEAR(shortened, 0.2 * kDraws, 90);
}

TEST_F(Examples, APassageThatIsAllAnswerIsNotShortened) {
  const TrainingExamples examples =
      Make(kFound, {.passages = 2, .without_answer = 0, .altered = 0, .shortened = 1});
  // One sentence of numbers; and one without an answer at all.
  EXPECT_EQ(examples.Get(0, 0).passages[0].answers.size(), 2u);
  const ReaderPassage whole = examples.Get(2, 0).passages[0];
  EXPECT_THAT(Decode(whole, whole.text, whole.tokens.size() - 2),
              testing::StartsWith("it burns whale oil. ada fenn"));
}

TEST_F(Examples, OfAFileTakenInPartAnEpochTakesTheNextOnes) {
  data_.files = {{0, 3, 0.34}, {3, 4, 1}};
  const TrainingExamples examples = Make(kFound);
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples.Description(), "2 questions of 1/3 1/1, 3 passages each, altered 0.000");
  const std::vector<TokenId> last = TestEncoder().Tokenize("Who lit it?");
  std::set<std::vector<TokenId>> seen;
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    seen.insert(examples.Get(0, epoch).tokens);
    EXPECT_EQ(examples.Get(1, epoch).tokens, last);
  }
  EXPECT_EQ(seen.size(), 3u);
}

TEST_F(Examples, DependOnSeedEpochAndIndexAlone) {
  const TrainingExamples one = Make(kFound, {.passages = 2, .seed = 3});
  const TrainingExamples same = Make(kFound, {.passages = 2, .seed = 3});
  bool differs = false;
  for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
    const ReaderQuestion a = one.Get(1, epoch), b = same.Get(1, epoch), c = one.Get(1, 100);
    ASSERT_EQ(a.passages.size(), b.passages.size());
    for (std::size_t p = 0; p < a.passages.size(); ++p)
      EXPECT_EQ(a.passages[p].tokens, b.passages[p].tokens);
    differs = differs || a.passages[1].tokens != c.passages[1].tokens;
  }
  EXPECT_TRUE(differs);
}

TEST(Title, IsCutAndLeavesRoomForTheText) {
  std::string title;
  for (int i = 0; i < 100; ++i) title += "lamp ";
  const std::vector<TokenId> front = PassageFront(title, TestEncoder());
  EXPECT_EQ(front.size(), 34u);
  EXPECT_EQ(front.back(), TestEncoder().tokenizer().sep());
  EXPECT_EQ(WindowTokens(front, TestEncoder()), 256u - 34 - 1);
  EXPECT_EQ(WindowTokens(PassageFront("", TestEncoder()), TestEncoder()), 254u);
}

}  // namespace
}  // namespace fovea::tools
