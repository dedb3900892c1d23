// Where a ReaderNetwork's weights come from, and which of them are trained.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>

#include "lib/reader/reader_file.h"
#include "lib/train/adamw.h"
#include "lib/train/reader_network.h"
#include "tests/lib/train/reader_network_fixture.h"
#include "tests/support/expect_error.h"

namespace fovea {
namespace {

using ReaderNetworkStart = ReaderNetworkTest;

TEST_F(ReaderNetworkStart, StartsFromTheEncodersOwnLayers) {
  const auto network = Network({.frozen_layers = 1, .apart_layers = 0, .joint_layers = 1});
  const std::vector<Parameter*> parameters = network->parameters();
  ASSERT_EQ(parameters[0]->name, "encoder.layer.1.attention.self.qkv.weight");
  const std::vector<float> key =
      weights_->Floats("encoder.layer.1.attention.self.key.weight", {24, 24});
  for (std::size_t i = 0; i < key.size(); ++i)
    EXPECT_EQ(parameters[0]->value.data()[24 * 24 + i], key[i]);
}

TEST_F(ReaderNetworkStart, GoesOnFromATrainedReader) {
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
  EXPECT_ERROR(
      other->StartFrom(ReaderFile(path)), ErrorCode::kMismatch,
      "has 0 frozen, 1 apart, 1 joint layers of 40 units; to be trained are 0 frozen, 0 apart");
  info.base_fingerprint = "another";
  WriteReaderFile(path, info, trained->Tensors(), ReaderFileType::kF32);
  EXPECT_ERROR(fresh.StartFrom(ReaderFile(path)), ErrorCode::kMismatch, "was trained on tiny");
}

TEST_F(ReaderNetworkStart, KeepsTheUnitsThatWeighMost) {
  const auto trained = Network();
  const auto parameter = [](ReaderNetwork& network, const std::string& name) {
    for (Parameter* candidate : network.parameters()) {
      if (candidate->name == "encoder.layer.1." + name) return candidate;
    }
    throw std::logic_error(name);
  };
  const std::set<std::size_t> idle = {0, 1, 7, 20, 38, 39};
  Matrix& out = parameter(*trained, "output.dense.weight")->value;
  for (std::size_t d = 0; d < out.rows(); ++d) {
    for (const std::size_t unit : idle) out.row(d)[unit] = 0;
  }
  const std::filesystem::path path = folder_.path() / "reader.safetensors";
  WriteReaderFile(path, trained->FileInfo(), trained->Tensors(), ReaderFileType::kF32);
  ReaderNetworkOptions options = kOptions;
  options.joint_feed_forward = 34;
  ReaderNetwork narrow(*encoder_, *weights_, options, 99);
  narrow.StartFrom(ReaderFile(path));
  EXPECT_EQ(narrow.FileInfo().joint_feed_forward, 34u);

  const Matrix& whole_in = parameter(*trained, "intermediate.dense.weight")->value;
  const Matrix& in = parameter(narrow, "intermediate.dense.weight")->value;
  ASSERT_EQ(in.rows(), 34u);
  std::size_t kept = 0;
  for (std::size_t unit = 0; unit < 40; ++unit) {
    if (idle.count(unit) != 0) continue;
    EXPECT_TRUE(std::equal(in.row(kept).begin(), in.row(kept).end(), whole_in.row(unit).begin()));
    ++kept;
  }
  const std::vector<ReaderQuestion> questions = Questions();
  const ReaderLogits want = trained->Forward(questions, nullptr)[0];
  const ReaderLogits got = narrow.Forward(questions, nullptr)[0];
  for (std::size_t p = 0; p < want.none.size(); ++p) {
    EXPECT_NEAR(got.none[p], want.none[p], 1e-4);
    EXPECT_NEAR(got.start[p][3], want.start[p][3], 1e-4);
  }

  EXPECT_ERROR(trained->StartFrom([&] {
    WriteReaderFile(path, narrow.FileInfo(), narrow.Tensors());
    return ReaderFile(path);
  }()),
               ErrorCode::kMismatch, "1 joint layers of 34 units; to be trained are");
  options.joint_feed_forward = 41;
  EXPECT_ERROR(Network(options), ErrorCode::kInvalidArgument, "feed-forward layers of 40 units");
}

TEST_F(ReaderNetworkStart, LeavesOutTheLastJointLayersOfItsStart) {
  const auto trained = Network({.apart_layers = 0, .joint_layers = 2});
  const std::filesystem::path path = folder_.path() / "reader.safetensors";
  WriteReaderFile(path, trained->FileInfo(), trained->Tensors(), ReaderFileType::kF32);
  const auto shorter = Network({.apart_layers = 0, .joint_layers = 1});
  shorter->StartFrom(ReaderFile(path));
  const auto theirs = trained->parameters();
  for (const Parameter* parameter : shorter->parameters()) {
    const auto same = std::find_if(theirs.begin(), theirs.end(), [&](const Parameter* other) {
      return other->name == parameter->name;
    });
    ASSERT_NE(same, theirs.end()) << parameter->name;
    EXPECT_EQ(std::memcmp((*same)->value.data(), parameter->value.data(),
                          Size(parameter->value) * sizeof(float)),
              0)
        << parameter->name;
  }
}

TEST_F(ReaderNetworkStart, AttentionAloneLeavesTheRestOfTheLayersAsItIs) {
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

TEST_F(ReaderNetworkStart, RefusesMoreLayersThanTheEncoderHas) {
  EXPECT_ERROR(Network({.apart_layers = 2, .joint_layers = 1}), ErrorCode::kInvalidArgument,
               "tiny has 2 layers; a reader of 3");
  EXPECT_ERROR(Network({.apart_layers = 2, .joint_layers = 0}), ErrorCode::kInvalidArgument,
               "0 joint");
}

TEST_F(ReaderNetworkStart, RefusesLossWeightsThatMakeNoSense) {
  ReaderNetworkOptions options = kOptions;
  options.loss.teacher = 1.5f;
  EXPECT_ERROR(Network(options), ErrorCode::kInvalidArgument, "from 0 to 1");
  options.loss = {.temperature = 0};
  EXPECT_ERROR(Network(options), ErrorCode::kInvalidArgument, "temperature");
  options.loss = {.local = -1};
  EXPECT_ERROR(Network(options), ErrorCode::kInvalidArgument, "at least 0");
}

}  // namespace
}  // namespace fovea
