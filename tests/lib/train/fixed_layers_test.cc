#include "lib/train/fixed_layers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "lib/train/adamw.h"
#include "tests/lib/train/reader_network_fixture.h"

namespace fovea {
namespace {

constexpr std::size_t kPlenty = 1 << 20;

class FixedLayersTest : public ReaderNetworkTest {
 protected:
  // The states of the encoder's first two layers of one sequence, without FixedLayers.
  Matrix Reference(const std::vector<TokenId>& tokens) const {
    return encoder_->HiddenStates({{tokens}}, nullptr, 2);
  }
  std::vector<FixedLayers::Sequence> Sequences() const {
    return {{question_, false}, {passage_, true}};
  }

  std::vector<TokenId> question_ = Tokens({2, 5, 7, 3});
  std::vector<TokenId> passage_ = Tokens({2, 9, 4, 5, 6, 3});
};

TEST_F(FixedLayersTest, AQuestionsStatesAreExactAPassagesWithinHalfAStepOfEightBits) {
  FixedLayers fixed(*encoder_, 2, {}, kPlenty);
  const Matrix states = fixed.States(Sequences(), nullptr);
  ASSERT_EQ(states.rows(), question_.size() + passage_.size());
  const Matrix question = Reference(question_);
  EXPECT_EQ(std::memcmp(states.data(), question.data(), Size(question) * sizeof(float)), 0);
  const Matrix passage = Reference(passage_);
  bool rounded = false;
  for (std::size_t r = 0; r < passage.rows(); ++r) {
    float greatest = 0;
    for (const float value : passage.row(r)) greatest = std::max(greatest, std::abs(value));
    for (std::size_t i = 0; i < passage.cols(); ++i) {
      const float state = states.row(question_.size() + r)[i];
      // Half a step, and the rounding of a float.
      EXPECT_NEAR(state, passage.row(r)[i], greatest / 127 * 0.5001f);
      rounded = rounded || state != passage.row(r)[i];
    }
  }
  EXPECT_TRUE(rounded);
}

TEST_F(FixedLayersTest, StatesAreTheSameHeldComputedOrTwiceAtOnce) {
  FixedLayers holding(*encoder_, 2, {}, kPlenty);
  FixedLayers forgetting(*encoder_, 2, {}, 0);
  std::vector<FixedLayers::Sequence> twice = Sequences();
  twice.push_back({passage_, true});
  const Matrix first = holding.States(twice, nullptr);
  EXPECT_EQ(holding.held_passages(), 1u);
  const Matrix again = holding.States(twice, nullptr);
  const Matrix anew = forgetting.States(twice, nullptr);
  EXPECT_EQ(forgetting.held_passages(), 0u);
  EXPECT_EQ(std::memcmp(first.data(), again.data(), Size(first) * sizeof(float)), 0);
  EXPECT_EQ(std::memcmp(first.data(), anew.data(), Size(first) * sizeof(float)), 0);
  EXPECT_EQ(std::memcmp(first.row(4).data(), first.row(10).data(),
                        passage_.size() * first.cols() * sizeof(float)),
            0);
}

TEST_F(FixedLayersTest, HoldsAsManyPassagesAsFit) {
  const std::size_t bytes = passage_.size() * (24 + sizeof(float));  // D is 24
  FixedLayers fixed(*encoder_, 2, {}, bytes);
  const std::vector<TokenId> other = Tokens({2, 4, 4, 3});
  fixed.States(std::vector<FixedLayers::Sequence>{{passage_, true}, {other, true}}, nullptr);
  EXPECT_EQ(fixed.held_passages(), 1u);
  FixedLayers less(*encoder_, 2, {}, bytes - 1);
  less.States(std::vector<FixedLayers::Sequence>{{passage_, true}, {other, true}}, nullptr);
  EXPECT_EQ(less.held_passages(), 1u);  // the shorter one
}

TEST_F(FixedLayersTest, TheLayersApartStayAndTheJointOnesLearnAsBefore) {
  const std::vector<ReaderQuestion> questions = Questions();
  const auto all = Network(), joint = Network();
  joint->TrainJointAlone(kPlenty);
  all->ForwardBackward(questions, 1, {}, nullptr);
  joint->ForwardBackward(questions, 1, {}, nullptr);
  const std::vector<Matrix> expected = Gradients(*all), gradients = Gradients(*joint);
  std::vector<Matrix> before;
  for (const Parameter* parameter : joint->parameters()) before.push_back(parameter->value.Clone());
  AdamW(joint->parameters(), {}).Step(0.01f, nullptr);
  std::size_t p = 0;
  for (const Parameter* parameter : joint->parameters()) {
    const std::size_t bytes = Size(before[p]) * sizeof(float);
    const bool apart = parameter->name.starts_with("encoder.layer.0.");
    EXPECT_EQ(std::memcmp(before[p].data(), parameter->value.data(), bytes) == 0, apart)
        << parameter->name;
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < Size(expected[p]); ++i) {
      const double wanted = apart ? 0 : static_cast<double>(expected[p].data()[i]);
      difference += std::pow(static_cast<double>(gradients[p].data()[i]) - wanted, 2);
      size += wanted * wanted;
    }
    // States in 8 bits are off by half a percent or so of their greatest.
    EXPECT_LE(std::sqrt(difference), 0.05 * std::sqrt(size) + 1e-6) << parameter->name;
    ++p;
  }
}

}  // namespace
}  // namespace fovea
