#include "lib/train/reader_trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <random>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/thread_pool.h"
#include "lib/nn/encoder.h"
#include "lib/nn/safetensors.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

// Made-up questions: the answer is where the question's one word stands in the right passage.
class Riddles final : public ReaderExamples {
 public:
  explicit Riddles(std::size_t size) : size_(size) {}
  std::size_t size() const override { return size_; }
  ReaderQuestion Get(std::size_t index, std::uint64_t epoch) const override {
    std::mt19937 random(static_cast<std::uint32_t>(index + 1000 * epoch));
    const int word = 4 + static_cast<int>(random() % 8);
    ReaderQuestion question;
    question.tokens = {TokenId{2}, TokenId{word}, TokenId{3}};
    const std::size_t right = random() % 3;  // 2: in none
    for (std::size_t p = 0; p < 2; ++p) {
      ReaderPassage passage;
      passage.tokens = {TokenId{2}};
      const std::size_t count = 4 + random() % 6;
      for (std::size_t t = 0; t < count; ++t) {
        int other = 4 + static_cast<int>(random() % 8);
        if (other == word) other = 4 + (word - 3) % 8;
        passage.tokens.push_back(TokenId{other});
      }
      if (p == right) {
        const std::size_t at = 1 + random() % count;
        passage.tokens[at] = TokenId{word};
        passage.answers = {{at, at}};
      }
      passage.tokens.push_back(TokenId{3});
      passage.scores = {static_cast<float>(random() % 100) / 100, p == right ? 0.9f : 0.3f};
      question.passages.push_back(std::move(passage));
    }
    return question;
  }

 private:
  std::size_t size_;
};

class ReaderTraining : public testing::Test {
 protected:
  ReaderTraining() {
    TinyBert().Write(folder_.path() / "tiny");
    encoder_ = Encoder::Load(folder_.path() / "tiny");
    weights_ = std::make_unique<SafetensorsFile>(folder_.path() / "tiny" / "model.safetensors");
  }

  std::unique_ptr<ReaderNetwork> Network(ReaderNetworkOptions options = {.apart_layers = 1,
                                                                         .joint_layers = 1}) const {
    return std::make_unique<ReaderNetwork>(*encoder_, *weights_, options, 7);
  }

  ReaderTrainerOptions Options() const {
    ReaderTrainerOptions options;
    options.epochs = 2;
    options.batch_questions = 8;
    options.pass_tokens = 64;
    options.rate = 3e-3f;
    return options;
  }

  static std::vector<float> Values(ReaderNetwork& network) {
    std::vector<float> values;
    for (const Parameter* parameter : network.parameters())
      values.insert(values.end(), parameter->value.data(),
                    parameter->value.data() + parameter->value.rows() * parameter->value.cols());
    return values;
  }

  TempFolder folder_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<SafetensorsFile> weights_;
};

double Loss(ReaderNetwork& network, const std::vector<ReaderQuestion>& questions) {
  const ReaderLoss loss = network.ForwardBackward(questions, 0, {}, nullptr);
  return loss.total(network.options().loss);
}

TEST_F(ReaderTraining, LearnsToPointAtTheWordAndToSayNone) {
  const auto network = Network();
  const Riddles riddles(400);
  std::vector<ReaderQuestion> fresh;
  for (std::size_t i = 0; i < 100; ++i) fresh.push_back(riddles.Get(10'000 + i, 99));
  const double before = Loss(*network, fresh);
  ReaderTrainerOptions options = Options();
  options.epochs = 8;
  options.dropout = 0;
  ReaderTrainer trainer(*network, riddles, options);
  ThreadPool pool(2);
  trainer.Run({}, {}, {}, &pool);
  const double after = Loss(*network, fresh);
  EXPECT_LT(after, before / 3) << before;
}

TEST_F(ReaderTraining, AResumedRunEndsLikeAnUndisturbedOne) {
  const Riddles riddles(50);
  ReaderTrainerOptions options = Options();
  const auto whole = Network();
  ReaderTrainer(*whole, riddles, options).Run({}, {}, {}, nullptr);

  options.checkpoint = folder_.path() / "checkpoint";
  std::stop_source stop;
  const auto stopped = Network();
  EXPECT_ERROR(ReaderTrainer(*stopped, riddles, options)
                   .Run(
                       [&](const TrainingProgress& progress) {
                         if (progress.step == 9) stop.request_stop();
                       },
                       {}, stop.get_token(), nullptr),
               ErrorCode::kCancelled, "stopped");
  const auto resumed = Network();
  ReaderTrainer trainer(*resumed, riddles, options);
  trainer.Resume();
  ThreadPool pool(3);
  trainer.Run({}, {}, {}, &pool);
  EXPECT_EQ(Values(*resumed), Values(*whole));
}

class Distillation : public ReaderTraining {
 protected:
  // A reader of two joint layers that has learnt something.
  std::unique_ptr<ReaderNetwork> Teacher() const {
    auto teacher = Network({.apart_layers = 0, .joint_layers = 2});
    const Riddles riddles(100);
    ReaderTrainer(*teacher, riddles, Options()).Run({}, {}, {}, nullptr);
    return teacher;
  }
  std::unique_ptr<ReaderNetwork> Student(float weight) const {
    return Network({.apart_layers = 1, .joint_layers = 1, .loss = {.teacher = weight}});
  }
};

TEST_F(Distillation, TheTeacherAloneIsEnoughToComeNearIt) {
  const auto teacher = Teacher(), student = Student(1);
  const Riddles riddles(100);
  std::vector<ReaderQuestion> fresh;
  for (std::size_t i = 0; i < 50; ++i) fresh.push_back(riddles.Get(10'000 + i, 99));
  const auto distance = [&] {
    return student->ForwardBackward(fresh, 0, {}, nullptr, teacher->Forward(fresh, nullptr))
        .teacher;
  };
  const double before = distance();
  ReaderTrainerOptions options = Options();
  options.epochs = 6;
  options.dropout = 0;
  ReaderTrainer(*student, riddles, options, teacher.get()).Run({}, {}, {}, nullptr);
  EXPECT_LT(distance(), before / 3) << before;
}

TEST_F(Distillation, AResumedRunEndsLikeAnUndisturbedOneAndNeedsTheSameTeacher) {
  const auto teacher = Teacher();
  const Riddles riddles(50);
  ReaderTrainerOptions options = Options();
  const auto whole = Student(0.5f);
  ReaderTrainer(*whole, riddles, options, teacher.get()).Run({}, {}, {}, nullptr);

  options.checkpoint = folder_.path() / "checkpoint";
  std::stop_source stop;
  const auto stopped = Student(0.5f);
  const auto stop_at_nine = [&](const TrainingProgress& progress) {
    EXPECT_GT(progress.teacher_loss, 0);
    if (progress.step == 9) stop.request_stop();
  };
  EXPECT_ERROR(ReaderTrainer(*stopped, riddles, options, teacher.get())
                   .Run(stop_at_nine, {}, stop.get_token(), nullptr),
               ErrorCode::kCancelled, "stopped");
  const auto resumed = Student(0.5f);
  ReaderTrainer trainer(*resumed, riddles, options, teacher.get());
  trainer.Resume();
  ThreadPool pool(3);
  trainer.Run({}, {}, {}, &pool);
  EXPECT_EQ(Values(*resumed), Values(*whole));

  const auto other = Network();
  EXPECT_ERROR(ReaderTrainer(*resumed, riddles, options, other.get()).Resume(),
               ErrorCode::kMismatch, "of another training");
  EXPECT_ERROR(ReaderTrainer(*other, riddles, options).Resume(), ErrorCode::kMismatch,
               "of another training");
}

TEST_F(Distillation, ATeacherNeedsAWeightAndTheWeightATeacher) {
  const auto plain = Network(), taught = Student(0.5f);
  const Riddles riddles(5);
  EXPECT_ERROR(ReaderTrainer(*plain, riddles, Options(), taught.get()), ErrorCode::kInvalidArgument,
               "a teacher needs a weight");
  EXPECT_ERROR(ReaderTrainer(*taught, riddles, Options()), ErrorCode::kInvalidArgument,
               "the weight a teacher");
}

TEST_F(ReaderTraining, StopsEarlyWhenToldToAndStaysStopped) {
  const Riddles riddles(20);
  ReaderTrainerOptions options = Options();
  options.epochs = 5;
  options.checkpoint = folder_.path() / "checkpoint";
  const auto network = Network();
  std::vector<int> epochs;
  bool unfinished = false;
  const auto until_two = [&](int epoch, const TrainingProgress& progress) {
    EXPECT_EQ(progress.step, 3 * epoch);
    epochs.push_back(epoch);
    unfinished = unfinished || ReaderTrainer::IsUnfinished(options.checkpoint);
    return epoch < 2;
  };
  EXPECT_FALSE(ReaderTrainer::IsUnfinished(options.checkpoint));
  ReaderTrainer(*network, riddles, options).Run({}, until_two, {}, nullptr);
  EXPECT_EQ(epochs, (std::vector<int>{1, 2}));
  EXPECT_TRUE(unfinished);
  EXPECT_FALSE(ReaderTrainer::IsUnfinished(options.checkpoint));
  const auto again = Network();
  ReaderTrainer trainer(*again, riddles, options);
  trainer.Resume();
  trainer.Run({}, until_two, {}, nullptr);
  EXPECT_EQ(epochs.size(), 2u);
  EXPECT_EQ(Values(*again), Values(*network));
}

TEST_F(ReaderTraining, RefusesACheckpointThatIsAnothersOrCutOff) {
  const Riddles riddles(20);
  ReaderTrainerOptions options = Options();
  options.checkpoint = folder_.path() / "checkpoint";
  const auto network = Network();
  ReaderTrainer(*network, riddles, options).Run({}, {}, {}, nullptr);

  ReaderTrainerOptions other = options;
  other.seed = 2;
  ReaderTrainer different(*network, riddles, other);
  EXPECT_ERROR(different.Resume(), ErrorCode::kMismatch, "of another training");

  const std::string bytes = ReadFile(options.checkpoint);
  folder_.Write("checkpoint", bytes.substr(0, bytes.size() / 2));
  ReaderTrainer again(*network, riddles, options);
  EXPECT_ERROR(again.Resume(), ErrorCode::kCorrupt, "checkpoint");
}

TEST_F(ReaderTraining, StopsAtALossThatIsNoNumberAndKeepsTheCheckpoint) {
  const Riddles riddles(20);
  ReaderTrainerOptions options = Options();
  options.checkpoint = folder_.path() / "checkpoint";
  options.checkpoint_seconds = 0;  // after every step
  const auto network = Network();
  std::string good;
  const auto keep_the_first = [&](const TrainingProgress& progress) {
    if (progress.step == 2) good = ReadFile(options.checkpoint);  // of step 1
  };
  ReaderTrainer(*network, riddles, options).Run(keep_the_first, {}, {}, nullptr);
  folder_.Write("checkpoint", good);
  ReaderTrainer trainer(*network, riddles, options);
  trainer.Resume();
  network->parameters().back()->value.data()[0] = std::nanf("");
  EXPECT_ERROR(trainer.Run({}, {}, {}, nullptr), ErrorCode::kInvalidArgument,
               "not a number at step 1");
  EXPECT_EQ(ReadFile(options.checkpoint), good);
}

TEST_F(ReaderTraining, RefusesOptionsThatMakeNoSense) {
  const auto network = Network();
  ReaderTrainerOptions options = Options();
  options.dropout = 1;
  EXPECT_ERROR(ReaderTrainer(*network, Riddles(5), options), ErrorCode::kInvalidArgument,
               "dropout");
}

}  // namespace
}  // namespace fovea
