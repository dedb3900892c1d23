#include "lib/reader/reader_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "lib/base/file.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

class ReaderFileTest : public ::testing::Test {
 protected:
  ReaderFileTest() : matrix_(20, 12), vector_(1, 20), head_(2, 12) {
    std::mt19937_64 random(3);
    std::normal_distribution<float> normal;
    for (Matrix* matrix : {&matrix_, &vector_, &head_}) {
      for (std::size_t i = 0; i < matrix->rows() * matrix->cols(); ++i)
        matrix->data()[i] = normal(random);
    }
    info_.base = "tiny";
    info_.base_fingerprint = "0123";
    info_.apart_layers = 3;
    info_.joint_layers = 2;
    info_.joint_feed_forward = 960;
    info_.abstain_threshold = 0.1f;
    info_.retrieval_weight = 2.5f;
    info_.answer_signs = {{3, 0.25f}, {6, 0.5f}, {7, 0.75f}, {8, 0.125f}};
    info_.card = {{"data", "made up"}, {"licence", "none"}};
  }

  std::vector<NamedTensor> Parameters() const {
    return {{"layer.weight", {20, 12}, matrix_.view()},
            {"layer.bias", {1, 20}, vector_.view()},
            {"head.weight", {2, 12}, head_.view()}};
  }
  std::filesystem::path Write(ReaderFileType type = ReaderFileType::kInt8) const {
    WriteReaderFile(path_, info_, Parameters(), type);
    return path_;
  }
  static std::vector<float> Values(const Matrix& matrix) {
    return {matrix.data(), matrix.data() + matrix.rows() * matrix.cols()};
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_.path() / "reader.safetensors";
  Matrix matrix_, vector_, head_;
  ReaderFileInfo info_;
};

TEST_F(ReaderFileTest, WhatIsSaidOfItIsReadBack) {
  const ReaderFile file(Write());
  EXPECT_EQ(file.info().base, info_.base);
  EXPECT_EQ(file.info().base_fingerprint, info_.base_fingerprint);
  EXPECT_EQ(file.info().frozen_layers, 0u);
  EXPECT_EQ(file.info().apart_layers, 3u);
  EXPECT_EQ(file.info().joint_layers, 2u);
  EXPECT_EQ(file.info().joint_feed_forward, 960u);
  EXPECT_EQ(file.info().abstain_threshold, 0.1f);
  EXPECT_EQ(file.info().retrieval_weight, 2.5f);
  const AnswerSigns& signs = file.info().answer_signs;
  EXPECT_EQ(signs.lead.nats, 3);
  EXPECT_EQ(signs.lead.neutral, 0.25f);
  EXPECT_EQ(signs.covered.nats, 6);
  EXPECT_EQ(signs.covered.neutral, 0.5f);
  EXPECT_EQ(signs.known.nats, 7);
  EXPECT_EQ(signs.known.neutral, 0.75f);
  EXPECT_EQ(signs.share.nats, 8);
  EXPECT_EQ(signs.share.neutral, 0.125f);
  EXPECT_EQ(file.info().card, info_.card);
}

TEST_F(ReaderFileTest, MatricesLoseHalfAScaleAtMostVectorsAndHeadsNothing) {
  const ReaderFile file(Write());
  EXPECT_EQ(file.Vector("layer.bias", 20), Values(vector_));
  EXPECT_EQ(file.Matrix("head.weight", 2, 12), Values(head_));
  const std::vector<float> read = file.Matrix("layer.weight", 20, 12);
  for (std::size_t r = 0; r < 20; ++r) {
    float greatest = 0;
    for (const float value : matrix_.row(r)) greatest = std::max(greatest, std::abs(value));
    // Half a scale, and the rounding of scale, quotient and product (a unit of f32 each).
    const float bound = greatest / 254 + 3 * greatest * std::numeric_limits<float>::epsilon();
    for (std::size_t i = 0; i < 12; ++i)
      EXPECT_LE(std::abs(read[r * 12 + i] - matrix_.row(r)[i]), bound) << r << ", " << i;
  }
}

TEST_F(ReaderFileTest, InF32NothingIsLost) {
  const ReaderFile file(Write(ReaderFileType::kF32));
  EXPECT_EQ(file.Matrix("layer.weight", 20, 12), Values(matrix_));
}

TEST_F(ReaderFileTest, TheFingerprintFollowsTheContent) {
  const std::string first = ReaderFile(Write()).Fingerprint();
  EXPECT_EQ(ReaderFile(Write()).Fingerprint(), first);
  matrix_.row(0)[0] += 1;
  EXPECT_NE(ReaderFile(Write()).Fingerprint(), first);
}

TEST_F(ReaderFileTest, AWrongShapeOrAMissingTensorIsNamed) {
  for (const ReaderFileType type : {ReaderFileType::kInt8, ReaderFileType::kF32}) {
    const ReaderFile file(Write(type));
    EXPECT_ERROR(file.Matrix("layer.weight", 20, 24), ErrorCode::kCorrupt,
                 "reader.safetensors: tensor \"layer.weight\" has");
    EXPECT_ERROR(file.Vector("layer.bias", 21), ErrorCode::kCorrupt, "tensor \"layer.bias\" has");
    EXPECT_ERROR(file.Matrix("other.weight", 20, 12), ErrorCode::kCorrupt,
                 "tensor \"other.weight\" is missing");
  }
}

TEST_F(ReaderFileTest, ATruncatedFileIsCorrupt) {
  const std::string bytes = ReadFile(Write());
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, bytes.size() / 2, bytes.size() - 1})
    EXPECT_ERROR(ReaderFile(folder_.Write("cut", bytes.substr(0, size))), ErrorCode::kCorrupt,
                 "cut");
}

TEST_F(ReaderFileTest, AFileOfAnotherFormatIsRefused) {
  WriteSafetensors(path_, Parameters(), {{"format", "pt"}});
  EXPECT_ERROR(ReaderFile{path_}, ErrorCode::kUnsupported, "is not a reader of the format");
  EXPECT_ERROR(ReaderFile{folder_.path() / "none"}, ErrorCode::kNotFound, "none");
}

TEST_F(ReaderFileTest, MetadataThatIsMissingOrNoNumberIsNamed) {
  std::map<std::string, std::string> metadata = {
      {"format", "fovea reader 1"}, {"base", "b"},
      {"base_fingerprint", "f"},    {"frozen_layers", "0"},
      {"apart_layers", "3"},        {"joint_layers", "3"},
      {"abstain_threshold", "0.5"}, {"retrieval_weight", "0"}};
  const auto expect = [&](const std::string& key, const std::string& value, const char* message) {
    auto changed = metadata;
    changed[key] = value;
    WriteSafetensors(path_, Parameters(), changed);
    EXPECT_ERROR(ReaderFile{path_}, ErrorCode::kCorrupt, message);
  };
  expect("base", "", "metadata \"base\" is missing");
  expect("apart_layers", "three", "\"apart_layers\" is \"three\", not a number");
  expect("apart_layers", "-1", "not a number");
  expect("joint_layers", "0", "\"joint_layers\" is 0");
  expect("joint_feed_forward", "-1", "\"joint_feed_forward\" is \"-1\", not a number");
  expect("frozen_layers", "1000000000", "too many");
  expect("abstain_threshold", "nan", "\"abstain_threshold\" is not finite");
  expect("retrieval_weight", "-1", "\"retrieval_weight\" is not a finite number >= 0");
  expect("sign_lead", "inf", "\"sign_lead\" is not finite");
  expect("neutral_covered", "half", "\"neutral_covered\" is \"half\", not a number");
}

TEST_F(ReaderFileTest, RetrievalsWeightAndTheSignsAreZeroWhereTheyAreMissing) {
  WriteSafetensors(path_, Parameters(),
                   {{"format", "fovea reader 1"},
                    {"base", "b"},
                    {"base_fingerprint", "f"},
                    {"frozen_layers", "0"},
                    {"apart_layers", "3"},
                    {"joint_layers", "3"},
                    {"abstain_threshold", "0.5"}});
  EXPECT_EQ(ReaderFile{path_}.info().retrieval_weight, 0);
  EXPECT_EQ(ReaderFile{path_}.info().answer_signs.lead.nats, 0);
  EXPECT_EQ(ReaderFile{path_}.info().answer_signs.share.nats, 0);
}

TEST_F(ReaderFileTest, NumbersThatAreNotFiniteAreNeitherWrittenNorRead) {
  matrix_.row(1)[3] = std::numeric_limits<float>::infinity();
  EXPECT_ERROR(Write(), ErrorCode::kInvalidArgument, "tensor \"layer.weight\"");
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::map<std::string, std::string> metadata = {
      {"format", "fovea reader 1"}, {"base", "b"},
      {"base_fingerprint", "f"},    {"frozen_layers", "0"},
      {"apart_layers", "3"},        {"joint_layers", "3"},
      {"abstain_threshold", "0.5"}, {"retrieval_weight", "0"}};
  WriteSafetensors(path_, Parameters(), metadata);
  EXPECT_ERROR(ReaderFile{path_}.Matrix("layer.weight", 20, 12), ErrorCode::kCorrupt, "not finite");
}

TEST_F(ReaderFileTest, SignsThatAreNotFiniteAreNotWritten) {
  info_.answer_signs.covered.nats = std::numeric_limits<float>::quiet_NaN();
  EXPECT_ERROR(Write(), ErrorCode::kInvalidArgument, "finite signs");
}

TEST_F(ReaderFileTest, InformationThatIsNotCompleteIsRefused) {
  info_.base_fingerprint.clear();
  EXPECT_ERROR(Write(), ErrorCode::kInvalidArgument, "the fingerprint of its base");
}

}  // namespace
}  // namespace fovea
