#include "lib/train/reader_network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <utility>

#include "lib/base/thread_pool.h"
#include "tests/lib/train/reader_network_fixture.h"
#include "tests/reference/reader_network.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

reference::ReaderReference ReferenceOf(const Encoder& encoder, ReaderNetwork& network) {
  constexpr std::size_t kHeads = 3;  // of TinyBert
  reference::NamedValues values;
  for (const Parameter* parameter : network.parameters())
    values[parameter->name] = reference::ToDouble(parameter->value.view());
  return {encoder, network.options(), kHeads, std::move(values)};
}

// Some hundred roundings of 6e-8 a layer, on values of order 1 to 10.
constexpr double kTolerance = 4e-4;

TEST_F(ReaderNetworkTest, LogitsAreTheFormula) {
  const std::vector<ReaderQuestion> questions = Questions();
  for (const ReaderNetworkOptions& options :
       {kOptions, ReaderNetworkOptions{.frozen_layers = 1, .apart_layers = 0, .joint_layers = 1},
        ReaderNetworkOptions{.apart_layers = 0, .joint_layers = 2}}) {
    const auto network = Network(options);
    const std::vector<ReaderLogits> logits = network->Forward(questions, nullptr);
    ASSERT_EQ(logits.size(), questions.size());
    for (std::size_t q = 0; q < questions.size(); ++q) {
      const reference::ReaderReference::Logits want =
          ReferenceOf(*encoder_, *network).Forward(questions[q]);
      for (std::size_t p = 0; p < questions[q].passages.size(); ++p) {
        EXPECT_NEAR(logits[q].none[p], want.none[p], kTolerance);
        EXPECT_NEAR(logits[q].passage[p], want.passage[p], kTolerance);
        const std::size_t text = questions[q].passages[p].text;
        for (std::size_t t = 0; t < want.start[p].size(); ++t) {
          EXPECT_NEAR(logits[q].start[p][text + t], want.start[p][t], kTolerance);
          EXPECT_NEAR(logits[q].end[p][text + t], want.end[p][t], kTolerance);
        }
      }
    }
  }
}

// Every number of the vectors and heads; of the layers' matrices, which are checked in full in
// transformer_layer_test.cc, forty each.
TEST_F(ReaderNetworkTest, EveryGradientIsTheDerivative) {
  const std::vector<ReaderQuestion> questions = Questions();
  const auto network = Network();
  reference::ReaderReference reference = ReferenceOf(*encoder_, *network);
  const auto loss = [&] {
    double sum = 0;
    for (const ReaderQuestion& question : questions) sum += reference.Loss(question);
    return sum;
  };
  const ReaderLoss got = network->ForwardBackward(questions, 1, {}, nullptr);
  EXPECT_EQ(got.questions, questions.size());
  EXPECT_NEAR(got.total(network->options().loss), loss() / static_cast<double>(questions.size()),
              kTolerance);
  std::mt19937 random(3);
  for (const Parameter* parameter : network->parameters()) {
    std::vector<double>& values = reference.values.at(parameter->name).values;
    const std::size_t checked = values.size() > 100 ? 40 : values.size();
    for (std::size_t n = 0; n < checked; ++n) {
      const std::size_t i = checked == values.size() ? n : random() % values.size();
      const double want = reference::Derivative(loss, values[i]);
      EXPECT_NEAR(parameter->gradient.data()[i], want, kTolerance * (1 + std::abs(want)))
          << parameter->name << " " << i;
    }
  }
}

TEST_F(ReaderNetworkTest, GradientsAddUpAndScaleWithTheWeight) {
  const std::vector<ReaderQuestion> questions = Questions();
  const auto network = Network();
  network->ForwardBackward(questions, 1, {}, nullptr);
  const std::vector<Matrix> once = Gradients(*network);
  network->ForwardBackward(questions, 0.5f, {}, nullptr);
  const std::vector<Matrix> more = Gradients(*network);
  for (std::size_t p = 0; p < once.size(); ++p) {
    for (std::size_t i = 0; i < Size(once[p]); ++i)
      EXPECT_NEAR(more[p].data()[i], 1.5 * once[p].data()[i],
                  1e-5 * (1 + std::abs(once[p].data()[i])));
  }
}

// The data's part and the teacher's add up; what a teacher's logits do to the gradient of the
// logits is checked in reader_loss_test.cc.
TEST_F(ReaderNetworkTest, TheTeachersGradientTakesTheTeachersShare) {
  const std::vector<ReaderQuestion> questions = Questions();
  ReaderNetworkOptions options = {.apart_layers = 0, .joint_layers = 1};
  const std::vector<ReaderLogits> teacher = Network(options)->Forward(questions, nullptr);
  const auto gradients = [&](float share) {
    options = kOptions;
    options.loss.teacher = share;
    const auto network = Network(options);
    network->ForwardBackward(questions, 1, {}, nullptr, teacher);
    return Gradients(*network);
  };
  const std::vector<Matrix> data = gradients(0), taught = gradients(1), both = gradients(0.25f);
  for (std::size_t p = 0; p < data.size(); ++p) {
    for (std::size_t i = 0; i < Size(data[p]); ++i) {
      const double want = 0.75 * static_cast<double>(data[p].data()[i]) +
                          0.25 * static_cast<double>(taught[p].data()[i]);
      ASSERT_NEAR(both[p].data()[i], want, 1e-4 * (1 + std::abs(want))) << p << " " << i;
    }
  }
}

TEST_F(ReaderNetworkTest, ATeacherOfOtherQuestionsIsRefused) {
  const std::vector<ReaderQuestion> questions = Questions();
  ReaderNetworkOptions options = kOptions;
  options.loss.teacher = 0.5f;
  const auto network = Network(options);
  std::vector<ReaderLogits> teacher = network->Forward(questions, nullptr);
  const auto run = [&] { network->ForwardBackward(questions, 1, {}, nullptr, teacher); };
  std::swap(teacher[0], teacher[2]);
  EXPECT_ERROR(run(), ErrorCode::kInvalidArgument, "same question and passages");
  teacher.pop_back();
  EXPECT_ERROR(run(), ErrorCode::kInvalidArgument, "the teacher read 2 questions of 3");
  teacher.clear();
  EXPECT_ERROR(run(), ErrorCode::kInvalidArgument, "teacher");
}

TEST_F(ReaderNetworkTest, NoAnswerBeginsOrEndsOutsideTheText) {
  const std::vector<ReaderQuestion> questions = Questions();
  const auto network = Network();
  const std::vector<ReaderLogits> logits = network->Forward(questions, nullptr);
  for (std::size_t q = 0; q < questions.size(); ++q) {
    for (std::size_t p = 0; p < questions[q].passages.size(); ++p) {
      const ReaderPassage& passage = questions[q].passages[p];
      ASSERT_EQ(logits[q].start[p].size(), passage.tokens.size());
      ASSERT_EQ(logits[q].end[p].size(), passage.tokens.size());
      for (std::size_t t = 0; t < passage.tokens.size(); ++t) {
        const bool text = t >= passage.text && t + 1 < passage.tokens.size();
        EXPECT_EQ(logits[q].start[p][t] == kNever, !text) << q << " " << p << " " << t;
        EXPECT_EQ(logits[q].end[p][t] == kNever, !text) << q << " " << p << " " << t;
      }
    }
  }
}

TEST_F(ReaderNetworkTest, PassagesDoNotSeeEachOther) {
  std::vector<ReaderQuestion> questions = Questions();
  const auto network = Network();
  const ReaderLogits before = network->Forward(questions, nullptr)[0];
  questions[0].passages[1] = {.tokens = Tokens({2, 4, 5, 4, 5, 4, 5, 3}), .scores = {0.5f, 0.5f}};
  const ReaderLogits after = network->Forward(questions, nullptr)[0];
  ExpectSameBits(before.start[0], after.start[0]);
  ExpectSameBits(before.end[0], after.end[0]);
  EXPECT_EQ(before.passage[0], after.passage[0]);
  EXPECT_NE(before.passage[1], after.passage[1]);
  EXPECT_EQ(before.none[0], after.none[0]);
}

TEST_F(ReaderNetworkTest, AQuestionsLogitsDependOnNoOtherQuestion) {
  std::vector<ReaderQuestion> questions = Questions();
  const auto network = Network();
  const std::vector<ReaderLogits> together = network->Forward(questions, nullptr);
  for (std::size_t q = 0; q < questions.size(); ++q)
    ExpectSameBits(network->Forward(std::span(questions).subspan(q, 1), nullptr)[0], together[q]);
  std::swap(questions[0], questions[2]);
  ExpectSameBits(network->Forward(questions, nullptr)[0], together[2]);
}

TEST_F(ReaderNetworkTest, ThreadsChangeNoBit) {
  const std::vector<ReaderQuestion> questions = Questions();
  const DropoutOptions dropout = {.rate = 0.2f, .seed = 11};
  const auto one = Network();
  const auto three = Network();
  ThreadPool pool(3);
  one->ForwardBackward(questions, 1, dropout, nullptr);
  three->ForwardBackward(questions, 1, dropout, &pool);
  const std::vector<Matrix> want = Gradients(*one);
  const std::vector<Matrix> got = Gradients(*three);
  for (std::size_t p = 0; p < want.size(); ++p)
    EXPECT_EQ(std::memcmp(want[p].data(), got[p].data(), Size(want[p]) * sizeof(float)), 0) << p;
  const auto logits = one->Forward(questions, nullptr);
  const auto shared = three->Forward(questions, &pool);
  for (std::size_t q = 0; q < questions.size(); ++q) ExpectSameBits(logits[q], shared[q]);
}

TEST_F(ReaderNetworkTest, DropoutChangesTheLossByItsSeedAlone) {
  const std::vector<ReaderQuestion> questions = Questions();
  const auto network = Network();
  const auto loss = [&](float rate, std::uint64_t seed) {
    return network->ForwardBackward(questions, 0, {.rate = rate, .seed = seed}, nullptr).span;
  };
  EXPECT_EQ(loss(0.3f, 1), loss(0.3f, 1));
  EXPECT_NE(loss(0.3f, 1), loss(0.3f, 2));
  EXPECT_NE(loss(0.3f, 1), loss(0, 1));
}

TEST_F(ReaderNetworkTest, NoQuestionsGiveNoLogitsAndNoGradient) {
  const auto network = Network();
  EXPECT_TRUE(network->Forward({}, nullptr).empty());
  const ReaderLoss loss = network->ForwardBackward({}, 1, {}, nullptr);
  EXPECT_EQ(loss.questions, 0u);
  EXPECT_EQ(loss.span, 0);
  for (const Matrix& gradient : Gradients(*network)) {
    for (std::size_t i = 0; i < Size(gradient); ++i) ASSERT_EQ(gradient.data()[i], 0);
  }
}

}  // namespace
}  // namespace fovea
