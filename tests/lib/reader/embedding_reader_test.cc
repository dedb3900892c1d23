#include "lib/reader/embedding_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/thread_pool.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"

namespace fovea {
namespace {

const std::vector<std::pair<std::string, std::string>>& Texts() {
  static const std::vector<std::pair<std::string, std::string>> texts = {
      {"Lighthouses",
       "The tower of Harrow Point was finished in 1871. Its lamp burns rape oil. Two keepers live "
       "there."},
      {"Bees",
       "A queen bee lays eggs all summer. Worker bees gather nectar from clover and lime trees."},
      {"Bread", "Rye bread rises slowly. A sour dough needs flour, water and time."},
  };
  return texts;
}

class EmbeddingReaderTest : public ::testing::Test {
 protected:
  EmbeddingReaderTest() {
    for (const auto& [title, text] : Texts()) {
      Passage passage;
      passage.document = title + ".txt";
      passage.title = title;
      passage.text = text;
      passage.range = {0, text.size()};
      passages_.push_back(passage);
    }
  }
  std::vector<ReaderInput> Inputs() const {
    std::vector<ReaderInput> inputs;
    for (const Passage& passage : passages_)
      inputs.push_back({&passage, std::nullopt, std::nullopt});
    return inputs;
  }
  Reading Read(const std::string& question, const std::vector<ReaderInput>& inputs,
               int threads = 2) {
    ThreadPool pool(threads);
    return reader_.Read(question, inputs, &pool);
  }

  std::vector<Passage> passages_;
  EmbeddingReader reader_{TestEncoder()};
};

TEST_F(EmbeddingReaderTest, ADoubtfulSentenceHardlyCompetes) {
  const char* question = "When was the tower finished?";
  std::vector<ReaderInput> inputs = Inputs();
  const Reading sure = Read(question, inputs);
  const std::vector<SentenceWeight>& sentences = sure.passages[0].sentences;
  ASSERT_GT(sentences[0].weight, sentences[1].weight);
  inputs[0].doubtful = {sentences[0].range};
  const Reading unsure = Read(question, inputs);
  EXPECT_LT(unsure.passages[0].sentences[0].weight, sentences[0].weight / 1000);
  EXPECT_GT(unsure.passages[0].sentences[0].weight, 0);
  EXPECT_GT(unsure.passages[0].sentences[1].weight, sentences[1].weight);
  EXPECT_GT(unsure.none_weight, sure.none_weight);
}

TEST_F(EmbeddingReaderTest, WeightsSumToOneAndSentencesToTheirPassage) {
  for (const char* question :
       {"When was the tower finished?", "What do worker bees gather?", "Who is the president?"}) {
    const Reading reading = Read(question, Inputs());
    ASSERT_EQ(reading.passages.size(), 3u);
    double total = reading.none_weight;
    for (std::size_t p = 0; p < 3; ++p) {
      double sentences = 0;
      for (const SentenceWeight& sentence : reading.passages[p].sentences) {
        EXPECT_GE(sentence.weight, 0);
        sentences += sentence.weight;
      }
      EXPECT_NEAR(sentences, reading.passages[p].weight, 1e-6);
      total += reading.passages[p].weight;
    }
    EXPECT_NEAR(total, 1, 1e-5) << question;
  }
}

TEST_F(EmbeddingReaderTest, ThePassageAndTheSentenceThatAnswerWeighMost) {
  const Reading reading = Read("When was the tower of Harrow Point finished?", Inputs());
  EXPECT_GT(reading.passages[0].weight, 0.5f);
  ASSERT_EQ(reading.passages[0].sentences.size(), 3u);
  EXPECT_GT(reading.passages[0].sentences[0].weight, reading.passages[0].sentences[1].weight);
  EXPECT_LT(reading.none_weight, reader_.abstain_threshold());
  ASSERT_FALSE(reading.spans.empty());
  EXPECT_EQ(Slice(passages_[0].text, reading.spans[0].range), "1871");
}

TEST_F(EmbeddingReaderTest, AnUnrelatedQuestionFallsIntoTheNoneSlot) {
  EXPECT_GE(Read("Which team won the football world cup in Brazil?", Inputs()).none_weight,
            reader_.abstain_threshold());
}

TEST_F(EmbeddingReaderTest, TheOrderOfThePassagesDoesNotMatter) {
  const std::string question = "What does a sour dough need?";
  const Reading straight = Read(question, Inputs());
  std::vector<std::size_t> order = {0, 1, 2};
  while (std::next_permutation(order.begin(), order.end())) {
    std::vector<ReaderInput> inputs;
    for (const std::size_t p : order) inputs.push_back(Inputs()[p]);
    const Reading permuted = Read(question, inputs);
    EXPECT_EQ(permuted.none_weight, straight.none_weight);
    for (std::size_t i = 0; i < order.size(); ++i) {
      EXPECT_EQ(permuted.passages[i].weight, straight.passages[order[i]].weight);
    }
    EXPECT_EQ(order[permuted.spans[0].passage], straight.spans[0].passage);
  }
}

TEST_F(EmbeddingReaderTest, TheNumberOfThreadsDoesNotMatter) {
  const Reading one = Read("What burns in the lamp?", Inputs(), 1);
  const Reading three = Read("What burns in the lamp?", Inputs(), 3);
  EXPECT_EQ(one.none_weight, three.none_weight);
  for (std::size_t p = 0; p < one.passages.size(); ++p)
    EXPECT_EQ(one.passages[p].weight, three.passages[p].weight);
}

TEST_F(EmbeddingReaderTest, WeightsFollowTheFormula) {
  // One passage of one sentence without a title: its vector is the passage's, and its logit is
  // known by hand.
  Passage passage;
  passage.text = "Rye bread rises slowly";
  const std::string question = "Rye bread rises slowly";
  EmbeddingReaderOptions options;
  options.overlap_weight = 0.25f;
  options.none_score = 1.7f;
  options.temperature = 0.1f;
  const EmbeddingReader reader(TestEncoder(), options);
  ThreadPool pool(1);
  const std::vector<ReaderInput> inputs = {{&passage, 0.8f, 3.0f}};
  // q·k = 1, overlap 1, the only BM25 score is the greatest: 1 + 0.5·0.8 + 0.2 + 0.25 against 1.7 +
  // 0.2.
  const double difference = (1.85 - 1.9) / 0.1;
  EXPECT_NEAR(reader.Read(question, inputs, &pool).none_weight, 1 / (1 + std::exp(difference)),
              1e-4);
}

TEST_F(EmbeddingReaderTest, RetrievalScoresRaiseAPassage) {
  const std::string question = "What is slow?";
  std::vector<ReaderInput> inputs = Inputs();
  for (ReaderInput& input : inputs) input.lexical_score = 1.0f;
  const float before = Read(question, inputs).passages[1].weight;
  inputs[1].lexical_score = 9.0f;
  EXPECT_GT(Read(question, inputs).passages[1].weight, before);
}

TEST_F(EmbeddingReaderTest, WithoutPassagesEverythingIsNone) {
  const Reading reading = Read("What?", {});
  EXPECT_EQ(reading.none_weight, 1);
  EXPECT_TRUE(reading.passages.empty());
  EXPECT_TRUE(reading.spans.empty());
}

TEST_F(EmbeddingReaderTest, PassagesWithoutTextWeighNothing) {
  Passage blank;
  blank.text = " \n ";
  std::vector<ReaderInput> inputs = Inputs();
  inputs.push_back({&blank, std::nullopt, std::nullopt});
  const Reading reading = Read("What do bees gather?", inputs);
  EXPECT_EQ(reading.passages[3].weight, 0);
  EXPECT_TRUE(reading.passages[3].sentences.empty());
  const std::vector<ReaderInput> alone = {{&blank, std::nullopt, std::nullopt}};
  EXPECT_EQ(Read("What?", alone).none_weight, 1);
}

TEST_F(EmbeddingReaderTest, ExtremeScoresStayFinite) {
  std::vector<ReaderInput> inputs = Inputs();
  inputs[0].dense_score = 1e6f;
  inputs[1].lexical_score = std::numeric_limits<float>::max();
  const Reading reading = Read("What?", inputs);
  EXPECT_NEAR(reading.passages[0].weight, 1, 1e-5);
  EXPECT_TRUE(std::isfinite(reading.none_weight));
}

TEST_F(EmbeddingReaderTest, AnEmptyQuestionIsRefused) {
  EXPECT_ERROR(Read("", Inputs()), ErrorCode::kInvalidArgument, "question is empty");
  EXPECT_ERROR(Read(" \n", Inputs()), ErrorCode::kInvalidArgument, "question is empty");
}

TEST_F(EmbeddingReaderTest, BadOptionsAreRefused) {
  EXPECT_ERROR(EmbeddingReader(TestEncoder(), {.temperature = 0}), ErrorCode::kInvalidArgument,
               "temperature");
  EXPECT_ERROR(
      EmbeddingReader(TestEncoder(), {.none_score = std::numeric_limits<float>::quiet_NaN()}),
      ErrorCode::kInvalidArgument, "none_score");
}

}  // namespace
}  // namespace fovea
