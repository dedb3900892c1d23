// Seeded mutations of small model files: a reader gives an Error that names the file, or a model
// that can be used.

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "lib/nn/decoder.h"
#include "lib/nn/encoder.h"
#include "lib/nn/gguf.h"
#include "lib/nn/safetensors.h"
#include "tests/fuzz/mutated.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_files.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

struct Outcome {
  int read = 0;
  int refused = 0;
};

// use(path) reads the file; whatever it throws must be an Error that names the file.
Outcome Fuzz(const std::string& bytes, std::size_t head, int rounds, std::uint32_t seed,
             const std::function<void(const std::filesystem::path&)>& use) {
  const TempFolder folder;
  std::mt19937 random(seed);
  Outcome outcome;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    const std::filesystem::path path = folder.Write("fuzzed.bin", Mutated(bytes, head, random));
    try {
      use(path);
      ++outcome.read;
    } catch (const Error& error) {
      ++outcome.refused;
      EXPECT_THAT(std::string(error.what()), ::testing::HasSubstr("fuzzed.bin"));
      EXPECT_TRUE(error.code() == ErrorCode::kCorrupt || error.code() == ErrorCode::kUnsupported)
          << error.what();
    }
  }
  return outcome;
}

// Sums the bytes, so that a tensor out of the file's bounds is noticed.
unsigned Touch(std::span<const std::byte> data) {
  unsigned sum = 0;
  for (const std::byte byte : data) sum += static_cast<unsigned>(byte);
  return sum;
}

TEST(ModelFilesFuzz, SafetensorsAreReadOrRefused) {
  SafetensorsWriter writer;
  writer.Add("first.weight", "F32", {3, 4}, std::string(48, '\1'));
  writer.Add("second.weight", "F16", {5}, std::string(10, '\2'));
  writer.Add("third", "I64", {2}, std::string(16, '\3'));
  const std::string bytes = writer.Bytes();
  const Outcome outcome =
      Fuzz(bytes, bytes.size() - 74, 2000, 1, [](const std::filesystem::path& path) {
        const SafetensorsFile file(path);
        for (const auto& [name, tensor] : file.tensors()) {
          Touch(tensor.data);
          if (tensor.dtype == "F32" || tensor.dtype == "F16") file.Floats(name, tensor.shape);
        }
      });
  EXPECT_GT(outcome.read, 50);
  EXPECT_GT(outcome.refused, 200);
}

TEST(ModelFilesFuzz, GgufFilesAreReadOrRefused) {
  GgufWriter writer;
  writer.AddString("general.architecture", "llama");
  writer.AddInteger("llama.block_count", 2);
  writer.AddFloat("llama.epsilon", 1e-5f);
  writer.AddStrings("tokens", {"a", "bc", "def"});
  writer.AddIntegers("types", {1, 2, 3});
  writer.AddInteger("general.alignment", 32);
  writer.AddTensor("first.weight", 0, {3, 4}, std::string(48, '\1'));
  writer.AddTensor("second.weight", 3, {64, 2}, std::string(80, '\2'));
  const std::string bytes = writer.Bytes();
  const Outcome outcome =
      Fuzz(bytes, bytes.size() - 144, 2000, 2, [](const std::filesystem::path& path) {
        const GgufFile file(path);
        for (const auto& [name, tensor] : file.tensors()) Touch(tensor.data);
      });
  EXPECT_GT(outcome.read, 50);
  EXPECT_GT(outcome.refused, 200);
}

TEST(ModelFilesFuzz, DecodersAreLoadedAndRunOrRefused) {
  const std::string bytes = TinyLlama({.type = WeightType::kQ4_1}).writer.Bytes();
  const std::vector<TokenId> ids = {TokenId{1}, TokenId{200}, TokenId{3}};
  const Outcome outcome = Fuzz(bytes, 6000, 500, 3, [&](const std::filesystem::path& path) {
    const auto decoder = Decoder::Load(path);
    KvCache cache;
    EXPECT_EQ(decoder->Forward(cache, ids, nullptr).size(), 257u);
  });
  EXPECT_GT(outcome.read, 10);
  EXPECT_GT(outcome.refused, 200);
}

TEST(ModelFilesFuzz, EncodersAreLoadedAndRunOrRefused) {
  const TempFolder folder;
  const TinyBert model;
  model.Write(folder.path());
  const std::size_t head = model.safetensors.find('}', model.safetensors.rfind("data_offsets"));
  std::mt19937 random(4);
  int read = 0;
  int refused = 0;
  const std::vector<std::string> names = {"config.json", "modules.json", "1_Pooling/config.json",
                                          "model.safetensors"};
  std::vector<std::string> contents;
  for (const std::string& name : names) {
    std::ifstream file(folder.path() / name, std::ios::binary);
    contents.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    const std::size_t which = random() % names.size();
    folder.Write(names[which],
                 Mutated(contents[which], which == 3 ? head : contents[which].size(), random));
    try {
      const auto encoder = Encoder::Load(folder.path());
      const std::vector<std::vector<TokenId>> sequences = {{TokenId{2}, TokenId{5}, TokenId{3}},
                                                           {TokenId{1}}};
      EXPECT_EQ(encoder->Embed(sequences, nullptr).cols(), 24u);
      ++read;
    } catch (const Error& error) {
      ++refused;
      EXPECT_THAT(std::string(error.what()), ::testing::HasSubstr(folder.path().string()));
    }
    folder.Write(names[which], contents[which]);
  }
  EXPECT_GT(read, 10);
  EXPECT_GT(refused, 200);
}

}  // namespace
}  // namespace fovea
