#include "lib/train/reader_network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <random>

#include "lib/base/thread_pool.h"
#include "lib/nn/encoder.h"
#include "lib/nn/safetensors.h"
#include "lib/reader/reader_file.h"
#include "lib/train/adamw.h"
#include "tests/reference/training.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

using reference::DoubleMatrix;
using Values = std::map<std::string, DoubleMatrix>;

constexpr std::size_t kHeads = 3;  // of TinyBert
constexpr float kNever = -std::numeric_limits<float>::infinity();

std::vector<TokenId> Tokens(std::initializer_list<int> ids) {
  std::vector<TokenId> tokens;
  for (const int id : ids) tokens.push_back(TokenId{id});
  return tokens;
}

// One with its answer in the second of two passages (the first has a title), one without an answer,
// one with a single passage and two answers.
std::vector<ReaderQuestion> Questions() {
  std::vector<ReaderQuestion> questions(3);
  questions[0].tokens = Tokens({2, 5, 7, 3});
  questions[0].passages = {
      {.tokens = Tokens({2, 9, 3, 4, 5, 6, 3}), .text = 3, .scores = {0.3f, 0.9f}},
      {.tokens = Tokens({2, 8, 7, 10, 11, 3}), .scores = {0.7f, 0.2f}, .answers = {{2, 3}}}};
  questions[1].tokens = Tokens({2, 6, 3});
  questions[1].passages = {{.tokens = Tokens({2, 4, 4, 3}), .scores = {0.1f, 0.5f}},
                           {.tokens = Tokens({2, 11, 3}), .scores = {-0.2f, 0}}};
  questions[2].tokens = Tokens({2, 4, 10, 3});
  questions[2].passages = {
      {.tokens = Tokens({2, 5, 4, 9, 5, 3}), .scores = {0.6f, 1}, .answers = {{1, 2}, {4, 4}}}};
  return questions;
}

// The network by its formulae (reader_network.h), in double precision, from the encoder's frozen
// states.
class Reference {
 public:
  Reference(const Encoder& encoder, const ReaderNetworkOptions& options, Values parameters)
      : values(std::move(parameters)), encoder_(encoder), options_(options) {}

  struct Logits {
    std::vector<std::vector<double>> start, end;  // [P][Tp], of the text alone
    std::vector<double> passage, none;
  };

  Logits Forward(const ReaderQuestion& question) const {
    Logits logits;
    const DoubleMatrix asked = Apart(question.tokens);
    for (const ReaderPassage& passage : question.passages) {
      const DoubleMatrix joint = Joint(asked, Apart(passage.tokens));
      const auto head = [&](const std::string& name, std::size_t row, std::size_t output) {
        const DoubleMatrix& weight = values.at(name + ".weight");
        double sum = values.at(name + ".bias").values[output];
        for (std::size_t i = 0; i < joint.cols; ++i) sum += weight.at(output, i) * joint.at(row, i);
        return sum;
      };
      const DoubleMatrix& scores = values.at("score_weights");
      const double fit = head("passage_head", 0, 0) +
                         scores.values[0] * static_cast<double>(passage.scores[0]) +
                         scores.values[1] * static_cast<double>(passage.scores[1]);
      logits.passage.push_back(fit);
      logits.none.push_back(head("passage_head", 0, 1) + fit);
      logits.start.emplace_back();
      logits.end.emplace_back();
      for (std::size_t t = passage.text; t + 1 < passage.tokens.size(); ++t) {
        logits.start.back().push_back(head("token_head", asked.rows + t, 0) + fit);
        logits.end.back().push_back(head("token_head", asked.rows + t, 1) + fit);
      }
    }
    return logits;
  }

  double Loss(const ReaderQuestion& question) const {
    const Logits logits = Forward(question);
    const std::size_t passages = question.passages.size();
    double loss = 0;
    for (const bool starts : {true, false}) {
      loss += Span(question, logits, starts, 0, passages);
      for (std::size_t p = 0; p < passages; ++p) {
        loss += static_cast<double>(options_.loss.local) / static_cast<double>(passages) *
                Span(question, logits, starts, p, p + 1);
      }
    }
    double all = 0, right = 0;
    for (std::size_t p = 0; p < passages; ++p) {
      all += std::exp(logits.passage[p]);
      if (!question.passages[p].answers.empty()) right += std::exp(logits.passage[p]);
    }
    if (right <= 0 || passages < 2) return loss;
    return loss - static_cast<double>(options_.loss.rank) * std::log(right / all);
  }

  Values values;

 private:
  // −log P of the right starts or ends over the passages [begin, end).
  static double Span(const ReaderQuestion& question, const Logits& logits, bool starts,
                     std::size_t begin, std::size_t end) {
    double all = 0, right = 0, none = 0;
    bool answerable = false;
    for (std::size_t p = begin; p < end; ++p) {
      const std::vector<double>& row = (starts ? logits.start : logits.end)[p];
      const ReaderPassage& passage = question.passages[p];
      none += std::exp(logits.none[p]);
      for (std::size_t t = 0; t < row.size(); ++t) {
        all += std::exp(row[t]);
        for (const auto& [first, last] : passage.answers) {
          if (t + passage.text == (starts ? first : last)) right += std::exp(row[t]);
        }
      }
      answerable = answerable || !passage.answers.empty();
    }
    return -std::log((answerable ? right : none) / (all + none));
  }

  DoubleMatrix Layer(std::size_t index, const DoubleMatrix& x) const {
    const std::string prefix = "encoder.layer." + std::to_string(index) + ".";
    const auto linear = [&](const DoubleMatrix& in, const std::string& name) {
      return reference::Linear(in, values.at(prefix + name + ".weight"),
                               values.at(prefix + name + ".bias"));
    };
    const auto norm = [&](const DoubleMatrix& in, const std::string& name) {
      return reference::LayerNorm(in, values.at(prefix + name + ".weight"),
                                  values.at(prefix + name + ".bias"),
                                  static_cast<double>(encoder_.config().epsilon));
    };
    const DoubleMatrix context =
        reference::SelfAttention(linear(x, "attention.self.qkv"), kHeads, {0, x.rows});
    const DoubleMatrix attended = norm(reference::Sum(x, linear(context, "attention.output.dense")),
                                       "attention.output.LayerNorm");
    const DoubleMatrix inner = reference::Gelu(linear(attended, "intermediate.dense"));
    return norm(reference::Sum(attended, linear(inner, "output.dense")), "output.LayerNorm");
  }

  DoubleMatrix Apart(const std::vector<TokenId>& tokens) const {
    const Matrix frozen = encoder_.HiddenStates(std::span(&tokens, 1), nullptr,
                                                static_cast<int>(options_.frozen_layers));
    DoubleMatrix x{frozen.rows(), frozen.cols(), {}};
    x.values.assign(frozen.data(), frozen.data() + frozen.rows() * frozen.cols());
    for (std::size_t i = 0; i < options_.apart_layers; ++i)
      x = Layer(options_.frozen_layers + i, x);
    return x;
  }

  DoubleMatrix Joint(DoubleMatrix x, const DoubleMatrix& passage) const {
    const DoubleMatrix& segment = values.at("segment");
    for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] += segment.values[i % x.cols];
    x.rows += passage.rows;
    x.values.insert(x.values.end(), passage.values.begin(), passage.values.end());
    for (std::size_t i = 0; i < options_.joint_layers; ++i)
      x = Layer(options_.frozen_layers + options_.apart_layers + i, x);
    return x;
  }

  const Encoder& encoder_;
  ReaderNetworkOptions options_;
};

std::size_t Size(const Matrix& matrix) { return matrix.rows() * matrix.cols(); }

class ReaderNetworkTest : public testing::Test {
 protected:
  ReaderNetworkTest() {
    TinyBert().Write(folder_.path() / "tiny");
    encoder_ = Encoder::Load(folder_.path() / "tiny");
    weights_ = std::make_unique<SafetensorsFile>(folder_.path() / "tiny" / "model.safetensors");
  }

  // With heads, segment and score weights large enough to matter.
  std::unique_ptr<ReaderNetwork> Network(const ReaderNetworkOptions& options = kOptions) const {
    auto network = std::make_unique<ReaderNetwork>(*encoder_, *weights_, options, 7);
    std::mt19937 random(5);
    std::uniform_real_distribution<float> uniform(-0.5f, 0.5f);
    for (Parameter* parameter : network->parameters()) {
      if (parameter->name.starts_with("encoder.")) continue;
      for (std::size_t i = 0; i < Size(parameter->value); ++i)
        parameter->value.data()[i] = uniform(random);
    }
    return network;
  }

  Reference ReferenceOf(ReaderNetwork& network) const {
    Values values;
    for (const Parameter* parameter : network.parameters()) {
      const Matrix& value = parameter->value;
      values[parameter->name] = {
          value.rows(), value.cols(), {value.data(), value.data() + Size(value)}};
    }
    return {*encoder_, network.options(), std::move(values)};
  }

  static constexpr ReaderNetworkOptions kOptions = {.apart_layers = 1, .joint_layers = 1};

  TempFolder folder_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<SafetensorsFile> weights_;
};

std::vector<Matrix> Gradients(ReaderNetwork& network) {
  std::vector<Matrix> gradients;
  for (const Parameter* parameter : network.parameters())
    gradients.push_back(parameter->gradient.Clone());
  return gradients;
}

void ExpectSameBits(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

void ExpectSameBits(const ReaderLogits& a, const ReaderLogits& b) {
  ASSERT_EQ(a.start.size(), b.start.size());
  for (std::size_t p = 0; p < a.start.size(); ++p) {
    ExpectSameBits(a.start[p], b.start[p]);
    ExpectSameBits(a.end[p], b.end[p]);
  }
  ExpectSameBits(a.passage, b.passage);
  ExpectSameBits(a.none, b.none);
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
      const Reference::Logits want = ReferenceOf(*network).Forward(questions[q]);
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
  Reference reference = ReferenceOf(*network);
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

TEST_F(ReaderNetworkTest, StartsFromTheEncodersOwnLayers) {
  const auto network = Network({.frozen_layers = 1, .apart_layers = 0, .joint_layers = 1});
  const std::vector<Parameter*> parameters = network->parameters();
  ASSERT_EQ(parameters[0]->name, "encoder.layer.1.attention.self.qkv.weight");
  const std::vector<float> key =
      weights_->Floats("encoder.layer.1.attention.self.key.weight", {24, 24});
  for (std::size_t i = 0; i < key.size(); ++i)
    EXPECT_EQ(parameters[0]->value.data()[24 * 24 + i], key[i]);
}

TEST_F(ReaderNetworkTest, GoesOnFromATrainedReader) {
  const std::vector<ReaderQuestion> questions = Questions();
  const auto trained = Network();
  ReaderFileInfo info = {.base = "tiny",
                         .base_fingerprint = encoder_->fingerprint(),
                         .frozen_layers = 0,
                         .apart_layers = 1,
                         .joint_layers = 1,
                         .abstain_threshold = 0.5f,
                         .card = {}};
  const std::filesystem::path path = folder_.path() / "reader.safetensors";
  WriteReaderFile(path, info, trained->Tensors(), ReaderFileType::kF32);
  ReaderNetwork fresh(*encoder_, *weights_, kOptions, 99);
  fresh.StartFrom(ReaderFile(path));
  ExpectSameBits(fresh.Forward(questions, nullptr)[0], trained->Forward(questions, nullptr)[0]);

  const auto other = Network({.apart_layers = 0, .joint_layers = 2});
  EXPECT_ERROR(other->StartFrom(ReaderFile(path)), ErrorCode::kMismatch,
               "has 0 frozen, 1 apart, 1 joint layers; to be trained are 0 frozen, 0 apart");
  info.base_fingerprint = "another";
  WriteReaderFile(path, info, trained->Tensors(), ReaderFileType::kF32);
  EXPECT_ERROR(fresh.StartFrom(ReaderFile(path)), ErrorCode::kMismatch, "was trained on tiny");
}

TEST_F(ReaderNetworkTest, AttentionAloneLeavesTheRestOfTheLayersAsItIs) {
  const auto network = Network();
  network->TrainAttentionAlone();
  std::vector<Matrix> before;
  for (const Parameter* parameter : network->parameters())
    before.push_back(parameter->value.Clone());
  AdamW optimiser(network->parameters(), {});
  network->ForwardBackward(Questions(), 1, {}, nullptr);
  optimiser.Step(0.01f, nullptr);
  std::size_t p = 0;
  for (const Parameter* parameter : network->parameters()) {
    const std::string& name = parameter->name;
    const bool kept = name.find("LayerNorm") != std::string::npos ||
                      name.find("intermediate") != std::string::npos ||
                      name.starts_with("encoder.layer.0.output") ||
                      name.starts_with("encoder.layer.1.output");
    EXPECT_EQ(std::memcmp(before[p].data(), parameter->value.data(),
                          Size(before[p]) * sizeof(float)) == 0,
              kept)
        << name;
    ++p;
  }
}

TEST_F(ReaderNetworkTest, RefusesMoreLayersThanTheEncoderHas) {
  EXPECT_ERROR(Network({.apart_layers = 2, .joint_layers = 1}), ErrorCode::kInvalidArgument,
               "tiny has 2 layers; a reader of 3");
  EXPECT_ERROR(Network({.apart_layers = 2, .joint_layers = 0}), ErrorCode::kInvalidArgument,
               "0 joint");
}

}  // namespace
}  // namespace fovea
