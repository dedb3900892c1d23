// Decoders that differ from the default model as files of their families do, against llama.cpp
// (tests/golden/make_decoder_goldens.py). The default model's golden logits are in decoder_test.cc.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "lib/kernels/isa.h"
#include "lib/nn/decoder.h"
#include "tests/lib/text/golden_texts.h"

namespace fovea {
namespace {

// max |a − b| / max |b|
double Distance(std::span<const float> a, std::span<const float> b) {
  double difference = 0;
  double size = 0;
  for (std::size_t v = 0; v < a.size(); ++v) {
    difference = std::max(difference, std::abs(static_cast<double>(a[v]) - b[v]));
    size = std::max(size, std::abs(static_cast<double>(b[v])));
  }
  return difference / size;
}

std::ptrdiff_t Top(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

// Both are f32: decoder_test holds ours to within 2e-5 of the formula in double, and llama.cpp's
// has as many roundings.
constexpr double kTolerance = 4e-5;

TEST(DecoderGolden, LogitsAreThoseOfLlamaCpp) {
  const std::string folder = "decoders/";
  for (const nlohmann::json& golden : ReadGolden(folder + "decoders.json")) {
    const std::string name = golden.at("name");
    const std::vector<float> expected = ReadGoldenNumbers<float>(folder + name + ".logits.f32");
    std::vector<TokenId> ids;
    for (const int id : golden.at("ids")) ids.push_back(TokenId{id});
    for (const Isa isa : AvailableIsas()) {
      SCOPED_TRACE(name + " " + std::string(Name(isa)));
      const ScopedIsa forced(isa);
      const auto decoder =
          Decoder::Load(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/" + folder + name + ".gguf",
                        {.precision = DecoderPrecision::kF32});
      KvCache cache;
      const Matrix logits = decoder->ForwardAll(cache, ids, nullptr);
      ASSERT_EQ(expected.size(), logits.rows() * logits.cols());
      for (std::size_t t = 0; t < ids.size(); ++t) {
        const auto row = std::span(expected).subspan(t * logits.cols(), logits.cols());
        EXPECT_LE(Distance(logits.row(t), row), kTolerance) << t;
        EXPECT_EQ(Top(logits.row(t)), Top(row)) << t;
      }
    }
  }
}

}  // namespace
}  // namespace fovea
