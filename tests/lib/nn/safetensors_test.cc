#include "lib/nn/safetensors.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "lib/nn/float16.h"
#include "tests/reference/weights.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_files.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

class Safetensors : public ::testing::Test {
 protected:
  SafetensorsFile Open(const std::string& bytes) {
    return SafetensorsFile(folder_.Write("model.safetensors", bytes));
  }

  void ExpectCorrupt(const std::string& bytes, const std::string& message) {
    SCOPED_TRACE(message);
    EXPECT_ERROR(Open(bytes), ErrorCode::kCorrupt, message);
    EXPECT_ERROR(Open(bytes), ErrorCode::kCorrupt, "model.safetensors");
  }
  void ExpectCorruptHeader(const std::string& header, const std::string& message,
                           std::size_t data_bytes = 8) {
    ExpectCorrupt(SafetensorsWriter::Raw(header, std::string(data_bytes, '\1')), message);
  }

  TempFolder folder_;
};

TEST_F(Safetensors, GivesTensorsAndMetadataAsTheyWereWritten) {
  SafetensorsWriter writer;
  writer.Add("a", "F32", {2, 3}, RawBytes(std::vector<float>{1, 2, 3, 4, 5, 6}));
  writer.Add("empty", "F32", {0, 7}, "");
  writer.Add("scalar", "I64", {}, RawBytes(std::int64_t{-5}));
  const SafetensorsFile file = Open(writer.Bytes());
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.Floats("a", {2, 3}), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(file.Floats("empty", {0, 7}).empty());
  EXPECT_EQ(file.tensors().at("scalar").data.size(), 8u);
  EXPECT_TRUE(file.tensors().at("scalar").shape.empty());
  EXPECT_TRUE(file.Has("a"));
  EXPECT_FALSE(file.Has("b"));

  const SafetensorsFile other = Open(SafetensorsWriter::Raw(
      R"({"__metadata__":{"format":"pt","note":"x"},"é":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   )",
      "z"));
  EXPECT_EQ(other.metadata().at("format"), "pt");
  EXPECT_TRUE(other.Has("é"));
  EXPECT_TRUE(Open(SafetensorsWriter::Raw("{}", "")).tensors().empty());
}

TEST_F(Safetensors, ConvertsEveryHalfAndBFloat16Exactly) {
  std::vector<std::uint16_t> bits(65536);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  SafetensorsWriter writer;
  writer.Add("half", "F16", {bits.size()}, RawBytes(bits));
  writer.Add("brain", "BF16", {bits.size()}, RawBytes(bits));
  const SafetensorsFile file = Open(writer.Bytes());
  const std::vector<float> halves = file.Floats("half", {bits.size()});
  const std::vector<float> brains = file.Floats("brain", {bits.size()});
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if ((i & 0x7C00) == 0x7C00) {
      EXPECT_EQ(std::isinf(halves[i]), (i & 0x3FF) == 0) << i;
      EXPECT_EQ(std::isnan(halves[i]), (i & 0x3FF) != 0) << i;
    } else {
      EXPECT_EQ(static_cast<double>(halves[i]), reference::HalfValue(bits[i])) << i;
    }
    EXPECT_EQ(std::bit_cast<std::uint32_t>(brains[i]), i << 16);
    EXPECT_EQ(std::signbit(halves[i]), i >= 32768) << i;
  }
}

TEST_F(Safetensors, RefusesAnotherShapeNameOrType) {
  SafetensorsWriter writer;
  writer.Add("a", "F32", {2, 3}, std::string(24, '\0'));
  writer.Add("i", "I64", {1}, std::string(8, '\0'));
  const SafetensorsFile file = Open(writer.Bytes());
  EXPECT_ERROR(file.Floats("a", {3, 2}), ErrorCode::kCorrupt, "[2, 3], not [3, 2]");
  EXPECT_ERROR(file.Floats("b", {1}), ErrorCode::kCorrupt, "\"b\" is missing");
  EXPECT_ERROR(file.Floats("i", {1}), ErrorCode::kUnsupported, "I64");
}

TEST_F(Safetensors, RefusesFilesOfTheWrongSize) {
  EXPECT_ERROR(SafetensorsFile(folder_.path() / "none"), ErrorCode::kNotFound, "none");
  ExpectCorrupt("", "has only 0 bytes");
  ExpectCorrupt("1234567", "has only 7 bytes");
  ExpectCorrupt(RawBytes(std::uint64_t{100}) + "{}", "longer than the file");
  ExpectCorrupt(RawBytes(std::numeric_limits<std::uint64_t>::max()) + "{}", "longer than the file");
  ExpectCorrupt(RawBytes(std::uint64_t{0}), "not a JSON object");

  SafetensorsWriter writer;
  writer.Add("a", "F32", {4}, std::string(16, 'x'));
  const std::string whole = writer.Bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_ERROR(Open(whole.substr(0, size)), ErrorCode::kCorrupt, "get it again");
  }
  ExpectCorrupt(whole + "y", "1 bytes at the end belong to no tensor");
}

TEST_F(Safetensors, RefusesOffsetsThatDoNotFit) {
  const auto tensor = [](const std::string& name, const std::string& offsets) {
    return "\"" + name + R"(":{"dtype":"U8","shape":[4],"data_offsets":[)" + offsets + "]}";
  };
  ExpectCorruptHeader("{" + tensor("a", "4,8") + "," + tensor("b", "6,10") + "}",
                      "lies at bytes 6 to 10 of 8");
  ExpectCorruptHeader("{" + tensor("a", "0,4") + "," + tensor("b", "3,7") + "}", "overlaps");
  ExpectCorruptHeader("{" + tensor("a", "0,4") + "," + tensor("b", "0,4") + "}", "overlaps");
  ExpectCorruptHeader("{" + tensor("a", "4,8") + "}", "belong to no tensor");
  ExpectCorruptHeader("{" + tensor("a", "0,4") + "}", "belong to no tensor");
  ExpectCorruptHeader("{" + tensor("a", "4,0") + "}", "lies at bytes 4 to 0");
  ExpectCorruptHeader("{" + tensor("a", "0,18446744073709551615") + "}",
                      "lies at bytes 0 to 18446744073709551615");
  ExpectCorruptHeader("{" + tensor("a", "0") + "}", "lacks");
  ExpectCorruptHeader("{" + tensor("a", "0,4,8") + "}", "too many");
  ExpectCorruptHeader("{" + tensor("a", "-1,4") + "}", "negative");
  ExpectCorruptHeader("{" + tensor("a", "0.5,4") + "}", "fraction");
  ExpectCorruptHeader("{" + tensor("a", "0,18446744073709551616") + "}", "fraction");
}

TEST_F(Safetensors, RefusesShapesThatDoNotFitTheBytes) {
  const auto header = [](const std::string& dtype, const std::string& shape) {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":[)" + shape + R"(],"data_offsets":[0,8]}})";
  };
  ExpectCorruptHeader(header("F32", "3"), "not what its shape and dtype F32 need");
  ExpectCorruptHeader(header("F32", "0"), "not what its shape");
  ExpectCorruptHeader(header("U8", "4294967296,4294967296,8"), "not what its shape");
  ExpectCorruptHeader(header("F32", "4611686018427387906"), "not what its shape");
  ExpectCorruptHeader(header("U8", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,8"), "too many");
  EXPECT_ERROR(Open(SafetensorsWriter::Raw(header("F31", "2"), "12345678")),
               ErrorCode::kUnsupported, "F31");
  EXPECT_EQ(Open(SafetensorsWriter::Raw(header("F32", "2"), "12345678")).tensors().size(), 1u);
}

TEST_F(Safetensors, RefusesHeadersThatAreNotOfTheFormat) {
  ExpectCorruptHeader("[]", "not a JSON object");
  ExpectCorruptHeader("{", "not valid JSON");
  ExpectCorruptHeader("{} x", "not valid JSON");
  ExpectCorruptHeader(std::string("{}\0{", 4), "NUL");
  ExpectCorruptHeader(R"({"a":1})", "number");
  ExpectCorruptHeader(R"({"a":"x"})", "string");
  ExpectCorruptHeader(R"({"a":[]})", "list");
  ExpectCorruptHeader(R"({"a":null})", "null");
  ExpectCorruptHeader(R"({"a":true})", "boolean");
  ExpectCorruptHeader(R"({"a":{}})", "lacks");
  ExpectCorruptHeader(R"({"":{}})", "without a name");
  ExpectCorruptHeader(R"({"a":{"dtype":"U8","shape":[8],"offsets":[0,8]}})",
                      "\"offsets\" is not known");
  ExpectCorruptHeader(R"({"a":{"dtype":{"dtype":{}}}})", "nested too deeply");
  ExpectCorruptHeader(R"({"a":{"shape":[[1]]}})", "list");
  ExpectCorruptHeader(R"({"a":{"shape":["1"]}})", "string");
  ExpectCorruptHeader(R"({"a":{"dtype":7}})", "number");
  ExpectCorruptHeader(R"({"__metadata__":{"a":1}})", "number");
  ExpectCorruptHeader(R"({"__metadata__":{"a":{}}})", "nested too deeply");
  ExpectCorruptHeader(R"({"__metadata__":"a"})", "string");
  ExpectCorruptHeader("{\"\xff\":{}}", "not valid JSON");
  ExpectCorruptHeader("{\"\xed\xa0\x80\":{}}", "not valid JSON");
}

TEST_F(Safetensors, RefusesWhatIsThereTwice) {
  const std::string body = R"({"dtype":"U8","shape":[8],"data_offsets":[0,8]})";
  ExpectCorruptHeader("{\"a\":" + body + ",\"a\":" + body + "}", "\"a\" is there twice");
  ExpectCorruptHeader(R"({"a":{"dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
                      "twice");
  ExpectCorruptHeader(R"({"a":{"dtype":"U8","shape":[8],"shape":[8],"data_offsets":[0,8]}})",
                      "twice");
  ExpectCorruptHeader(R"({"__metadata__":{"k":"1","k":"2"}})", "twice");
  ExpectCorruptHeader(R"({"__metadata__":{},"__metadata__":{}})", "twice");
}

TEST_F(Safetensors, RefusesDeepNestingWithoutRecursion) {
  for (const char* opening : {"[", "{\"a\":"}) {
    std::string header = "{\"a\":";
    for (int i = 0; i < 1000000; ++i) header += opening;
    EXPECT_ERROR(Open(SafetensorsWriter::Raw(header, "")), ErrorCode::kCorrupt, "header");
  }
}

}  // namespace
}  // namespace fovea
