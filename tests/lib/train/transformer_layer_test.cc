#include "lib/train/transformer_layer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "lib/base/thread_pool.h"
#include "tests/reference/training.h"

namespace fovea {
namespace {

using reference::DoubleMatrix;
using reference::ToDouble;

constexpr TransformerSizes kSizes = {.width = 8, .heads = 2, .feed_forward = 12, .epsilon = 1e-12f};
const std::vector<std::size_t> kStarts = {0, 4, 5, 7};

// Numbers of order 1 pass through a few dozen additions and two divisions by a standard deviation:
// some hundred roundings of 6e-8, on gradients of up to about ten.
constexpr double kTolerance = 2e-4;

void Fill(Matrix& matrix, std::mt19937& random, float around, float spread) {
  std::uniform_real_distribution<float> uniform(around - spread, around + spread);
  for (std::size_t i = 0; i < matrix.rows() * matrix.cols(); ++i)
    matrix.data()[i] = uniform(random);
}

class TransformerLayerTest : public testing::Test {
 protected:
  TransformerLayerTest()
      : layer_("layer.", kSizes), input_(7, kSizes.width), seed_(7, kSizes.width) {
    std::mt19937 random(3);
    for (Parameter* parameter : layer_.parameters()) {
      const bool gamma = parameter->name.ends_with("LayerNorm.weight");
      Fill(parameter->value, random, gamma ? 1.0f : 0.0f, 0.5f);
      values_[parameter->name] = ToDouble(parameter->value.view());
    }
    Fill(input_, random, 0, 1);
    Fill(seed_, random, 0, 1);
    x_ = ToDouble(input_.view());
    weights_ = ToDouble(seed_.view());
  }

  DoubleMatrix Output() const {
    return reference::TransformerLayer(values_, "layer.", x_, kSizes.heads, kStarts, 1e-12);
  }

  // Σ seed ⊙ output: its gradient with respect to the output is `seed`.
  double Loss() const {
    const DoubleMatrix output = Output();
    double loss = 0;
    for (std::size_t i = 0; i < output.values.size(); ++i)
      loss += output.values[i] * weights_.values[i];
    return loss;
  }

  Matrix Backward(ThreadPool* pool) {
    Matrix hidden = input_.Clone();
    TransformerLayer::Trace trace;
    layer_.Forward(kStarts, {}, hidden.view(), trace, pool);
    Matrix gradient = seed_.Clone();
    TransformerLayer::Scratch scratch;
    layer_.Backward(trace, gradient.view(), scratch, pool);
    return gradient;
  }

  TransformerLayer layer_;
  Matrix input_;
  Matrix seed_;
  reference::NamedValues values_;
  DoubleMatrix x_;
  DoubleMatrix weights_;
};

TEST_F(TransformerLayerTest, ForwardIsTheFormula) {
  Matrix hidden = input_.Clone();
  TransformerLayer::Trace trace;
  layer_.Forward(kStarts, {}, hidden.view(), trace, nullptr);
  const DoubleMatrix want = Output();
  for (std::size_t i = 0; i < want.values.size(); ++i)
    EXPECT_NEAR(hidden.data()[i], want.values[i], 1e-4);
}

TEST_F(TransformerLayerTest, EveryGradientIsTheDerivative) {
  const Matrix gradient = Backward(nullptr);
  for (std::size_t i = 0; i < x_.values.size(); ++i) {
    const double want = reference::Derivative([&] { return Loss(); }, x_.values[i]);
    EXPECT_NEAR(gradient.data()[i], want, kTolerance * (1 + std::abs(want))) << "input " << i;
  }
  for (const Parameter* parameter : layer_.parameters()) {
    DoubleMatrix& value = values_.at(parameter->name);
    for (std::size_t i = 0; i < value.values.size(); ++i) {
      const double want = reference::Derivative([&] { return Loss(); }, value.values[i]);
      EXPECT_NEAR(parameter->gradient.data()[i], want, kTolerance * (1 + std::abs(want)))
          << parameter->name << " " << i;
    }
  }
}

TEST_F(TransformerLayerTest, GradientsAddUpOverBackwardPasses) {
  Backward(nullptr);
  std::vector<Matrix> once;
  for (const Parameter* parameter : layer_.parameters())
    once.push_back(parameter->gradient.Clone());
  Backward(nullptr);
  std::size_t p = 0;
  for (const Parameter* parameter : layer_.parameters()) {
    for (std::size_t i = 0; i < once[p].rows() * once[p].cols(); ++i)
      EXPECT_NEAR(parameter->gradient.data()[i], 2 * once[p].data()[i],
                  1e-5 * (1 + std::abs(once[p].data()[i])));
    ++p;
  }
}

TEST_F(TransformerLayerTest, ThreadsChangeNoBit) {
  const Matrix one = Backward(nullptr);
  std::vector<Matrix> gradients;
  for (Parameter* parameter : layer_.parameters()) {
    gradients.push_back(parameter->gradient.Clone());
    std::fill_n(parameter->gradient.data(), parameter->gradient.rows() * parameter->gradient.cols(),
                0.0f);
  }
  ThreadPool pool(3);
  const Matrix three = Backward(&pool);
  for (std::size_t i = 0; i < one.rows() * one.cols(); ++i)
    ASSERT_EQ(one.data()[i], three.data()[i]);
  std::size_t p = 0;
  for (const Parameter* parameter : layer_.parameters()) {
    for (std::size_t i = 0; i < gradients[p].rows() * gradients[p].cols(); ++i)
      ASSERT_EQ(parameter->gradient.data()[i], gradients[p].data()[i]) << parameter->name;
    ++p;
  }
}

// With dropout, the loss is still a function of the input: its gradient must be that function's,
// which only the same draws in both passes give.
TEST_F(TransformerLayerTest, DropoutIsTheSameInBothPasses) {
  const DropoutOptions dropout = {.rate = 0.3f, .seed = 99};
  const auto loss = [&](const Matrix& input) {
    Matrix hidden = input.Clone();
    TransformerLayer::Trace trace;
    layer_.Forward(kStarts, dropout, hidden.view(), trace, nullptr);
    double sum = 0;
    for (std::size_t i = 0; i < hidden.rows() * hidden.cols(); ++i)
      sum += static_cast<double>(hidden.data()[i]) * seed_.data()[i];
    return sum;
  };
  Matrix hidden = input_.Clone();
  TransformerLayer::Trace trace;
  layer_.Forward(kStarts, dropout, hidden.view(), trace, nullptr);
  Matrix gradient = seed_.Clone();
  TransformerLayer::Scratch scratch;
  layer_.Backward(trace, gradient.view(), scratch, nullptr);
  // In f32, with a step large enough for its rounding (1e-6 / 1e-2): 1e-3 at best.
  constexpr float kStep = 1e-2f;
  for (std::size_t i = 0; i < input_.rows() * input_.cols(); ++i) {
    Matrix moved = input_.Clone();
    moved.data()[i] += kStep;
    const double above = loss(moved);
    moved.data()[i] -= 2 * kStep;
    const double slope = (above - loss(moved)) / (2 * static_cast<double>(kStep));
    EXPECT_NEAR(gradient.data()[i], slope, 2e-2 * (1 + std::abs(slope))) << i;
  }
}

}  // namespace
}  // namespace fovea
