#include "lib/nn/gguf.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/support/expect_error.h"
#include "tests/support/model_files.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

class Gguf : public ::testing::Test {
 protected:
  GgufFile Open(const std::string& bytes) { return GgufFile(folder_.Write("model.gguf", bytes)); }
  GgufFile Open(const GgufWriter& writer) { return Open(writer.Bytes()); }

  void ExpectRefused(const std::string& bytes, ErrorCode code, const std::string& message) {
    SCOPED_TRACE(message);
    EXPECT_ERROR(Open(bytes), code, message);
    EXPECT_ERROR(Open(bytes), code, "model.gguf");
  }
  void ExpectCorrupt(const GgufWriter& writer, const std::string& message) {
    ExpectRefused(writer.Bytes(), ErrorCode::kCorrupt, message);
  }
  // A file whose only pair has this value.
  void ExpectCorruptValue(std::uint32_t type, const std::string& payload,
                          const std::string& message) {
    GgufWriter writer;
    writer.AddRaw("key", type, payload);
    ExpectCorrupt(writer, message);
  }

  TempFolder folder_;
};

TEST_F(Gguf, GivesEveryKindOfValue) {
  GgufWriter writer;
  writer.AddRaw("u8", 0, RawBytes(std::uint8_t{200}));
  writer.AddRaw("i8", 1, RawBytes(std::int8_t{-3}));
  writer.AddRaw("u16", 2, RawBytes(std::uint16_t{60000}));
  writer.AddRaw("i16", 3, RawBytes(std::int16_t{-300}));
  writer.AddRaw("u32", 4, RawBytes(std::uint32_t{4000000000}));
  writer.AddRaw("i32", 5, RawBytes(std::int32_t{-70000}));
  writer.AddRaw("f32", 6, RawBytes(1.5f));
  writer.AddRaw("bool", 7, RawBytes(std::uint8_t{1}));
  writer.AddString("string", "é");
  writer.AddRaw("u64", 10, RawBytes(std::uint64_t{1} << 62));
  writer.AddRaw("i64", 11, RawBytes(std::int64_t{-1} << 62));
  writer.AddRaw("f64", 12, RawBytes(2.25));
  writer.AddStrings("strings", {"a", "", "ccc"});
  writer.AddIntegers("integers", {1, -2});
  const std::string flags =
      RawBytes(std::uint32_t{7}) + RawBytes(std::uint64_t{2}) + std::string("\1\0", 2);
  writer.AddRaw("bools", 9, flags);
  writer.AddRaw("floats", 9,
                RawBytes(std::uint32_t{6}) + RawBytes(std::uint64_t{1}) + RawBytes(0.5f));
  const GgufFile file = Open(writer);
  EXPECT_EQ(file.metadata().size(), 16u);
  EXPECT_EQ(file.Integer("u8"), 200);
  EXPECT_EQ(file.Integer("i8"), -3);
  EXPECT_EQ(file.Integer("u16"), 60000);
  EXPECT_EQ(file.Integer("i16"), -300);
  EXPECT_EQ(file.Integer("u32"), 4000000000);
  EXPECT_EQ(file.Integer("i32"), -70000);
  EXPECT_EQ(file.Number("f32"), 1.5);
  EXPECT_EQ(file.Number("i8"), -3.0);
  EXPECT_TRUE(file.BoolOr("bool", false));
  EXPECT_EQ(file.String("string"), "é");
  EXPECT_EQ(file.Integer("u64"), std::int64_t{1} << 62);
  EXPECT_EQ(file.Integer("i64"), std::int64_t{-1} << 62);
  EXPECT_EQ(file.Number("f64"), 2.25);
  EXPECT_EQ(file.Strings("strings"), (std::vector<std::string>{"a", "", "ccc"}));
  EXPECT_EQ(file.IntegersOrEmpty("integers"), (std::vector<std::int64_t>{1, -2}));
  EXPECT_EQ(file.IntegersOrEmpty("bools"), (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(std::get<std::vector<double>>(file.metadata().at("floats")), std::vector<double>{0.5});
}

TEST_F(Gguf, NamesTheKeyThatIsMissingOrOfAnotherType) {
  GgufWriter writer;
  writer.AddString("text", "x");
  const GgufFile file = Open(writer);
  EXPECT_ERROR(file.Integer("none"), ErrorCode::kCorrupt, "\"none\" is missing");
  EXPECT_ERROR(file.Number("none"), ErrorCode::kCorrupt, "\"none\" is missing");
  EXPECT_ERROR(file.Strings("none"), ErrorCode::kCorrupt, "\"none\" is missing");
  EXPECT_ERROR(file.Integer("text"), ErrorCode::kCorrupt, "\"text\" is not an integer");
  EXPECT_ERROR(file.NumberOr("text", 1), ErrorCode::kCorrupt, "\"text\" is not a number");
  EXPECT_ERROR(file.BoolOr("text", true), ErrorCode::kCorrupt, "\"text\" is not a boolean");
  EXPECT_EQ(file.IntegerOr("none", 7), 7);
  EXPECT_EQ(file.NumberOr("none", 0.5), 0.5);
  EXPECT_EQ(file.StringOr("none", "y"), "y");
  EXPECT_TRUE(file.IntegersOrEmpty("none").empty());
}

TEST_F(Gguf, GivesTensorsWithTheirBytes) {
  GgufWriter writer;
  writer.AddTensor("a", 0, {2}, RawBytes(std::vector<float>{1, 2}));
  writer.AddTensor("b", 8, {64, 3}, std::string(2 * 34 * 3, 'b'));
  const GgufFile file = Open(writer);
  const GgufTensor& b = file.tensors().at("b");
  EXPECT_EQ(file.tensors().at("a").data.size(), 8u);
  EXPECT_EQ(b.shape, (std::vector<std::size_t>{64, 3}));
  EXPECT_EQ(b.type, 8u);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(b.data.data()), b.data.size()),
            std::string(2 * 34 * 3, 'b'));
  EXPECT_EQ(GgufTypeName(b.type), "Q8_0");
  EXPECT_EQ(GgufTypeName(99), "type 99");
}

TEST_F(Gguf, HonoursTheAlignmentKey) {
  for (const std::uint32_t alignment : {1u, 64u, 4096u}) {
    GgufWriter writer;
    writer.AddInteger("general.alignment", alignment);
    writer.AddTensorAt("a", 24, {4}, 0);
    std::string bytes = writer.Bytes();
    std::string head =
        bytes;  // The writer aligns to 32: the padding goes, and that of `alignment` comes.
    head.resize(4 + 4 + 8 + 8 + (8 + 17 + 4 + 4) + (8 + 1 + 4 + 8 + 4 + 8));
    head.resize((head.size() + alignment - 1) / alignment * alignment);
    const GgufFile file = Open(head + "abcd");
    EXPECT_EQ(file.tensors().at("a").data[3], std::byte{'d'});
  }
  for (const std::uint32_t alignment : {0u, 3u, 48u, 0xFFFFFFFFu, 0x80000000u}) {
    GgufWriter writer;
    writer.AddInteger("general.alignment", alignment);
    ExpectCorrupt(writer, "not a power of two");
  }
  GgufWriter writer;
  writer.AddString("general.alignment", "32");
  ExpectCorrupt(writer, "is not an integer");
}

TEST_F(Gguf, RefusesOtherVersionsAndFormats) {
  EXPECT_ERROR(GgufFile(folder_.path() / "none"), ErrorCode::kNotFound, "none");
  ExpectRefused("", ErrorCode::kCorrupt, "not a GGUF file");
  ExpectRefused("GGML1234", ErrorCode::kCorrupt, "not a GGUF file");
  const auto version = [](std::uint32_t number) {
    return "GGUF" + RawBytes(number) + std::string(16, '\0');
  };
  EXPECT_TRUE(Open(version(2)).tensors().empty());
  EXPECT_TRUE(Open(version(3)).tensors().empty());
  ExpectRefused(version(1), ErrorCode::kUnsupported, "version 1");
  ExpectRefused(version(4), ErrorCode::kUnsupported, "version 4");
  ExpectRefused(version(0x03000000), ErrorCode::kUnsupported, "big-endian");
}

TEST_F(Gguf, RefusesEveryTruncation) {
  GgufWriter writer;
  writer.AddStrings("strings", {"abc", "d"});
  writer.AddIntegers("integers", {1, 2, 3});
  writer.AddTensor("a", 0, {5}, std::string(20, 'x'));
  writer.AddTensor("b", 3, {32, 2}, std::string(40, 'y'));
  const std::string whole = writer.Bytes();
  ASSERT_EQ(Open(whole).tensors().size(), 2u);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_ERROR(Open(whole.substr(0, size)), ErrorCode::kCorrupt, "model.gguf");
  }
}

TEST_F(Gguf, RefusesAbsurdCountsBeforeReservingMemory) {
  const auto counts = [](std::uint64_t tensors, std::uint64_t pairs) {
    return "GGUF" + RawBytes(std::uint32_t{3}) + RawBytes(tensors) + RawBytes(pairs) +
           std::string(64, '\0');
  };
  for (const std::uint64_t count : {kHuge, kHuge / 8, std::uint64_t{1} << 40, std::uint64_t{100}}) {
    ExpectRefused(counts(count, 0), ErrorCode::kCorrupt, "a number of tensors");
    ExpectRefused(counts(0, count), ErrorCode::kCorrupt, "a number of keys");
    ExpectCorruptValue(8, RawBytes(count) + "x", "the length of \"key\"");
    for (const std::uint32_t type : {0u, 5u, 7u, 8u, 12u}) {
      ExpectCorruptValue(9, RawBytes(type) + RawBytes(count) + std::string(16, '\0'),
                         "the list \"key\"");
    }
  }
  ExpectCorruptValue(9, RawBytes(std::uint32_t{8}) + RawBytes(std::uint64_t{1}) + RawBytes(kHuge),
                     "a string of \"key\"");
}

TEST_F(Gguf, RefusesValuesOfUnknownOrNestedType) {
  ExpectCorruptValue(13, RawBytes(std::uint64_t{0}), "unknown value type 13");
  ExpectCorruptValue(9, RawBytes(std::uint32_t{13}) + RawBytes(std::uint64_t{0}),
                     "unknown value type 13");
  ExpectCorruptValue(7, RawBytes(std::uint8_t{2}), "not a boolean");
  ExpectCorruptValue(10, RawBytes(kHuge), "too large");
  GgufWriter writer;
  writer.AddRaw("key", 9,
                RawBytes(std::uint32_t{9}) + RawBytes(std::uint64_t{1}) + std::string(32, '\0'));
  ExpectRefused(writer.Bytes(), ErrorCode::kUnsupported, "list of lists");
}

TEST_F(Gguf, RefusesNamesThatAreEmptyLongTwiceOrNotUtf8) {
  const auto with_key = [](const std::string& key) {
    GgufWriter writer;
    writer.AddInteger(key, 1);
    return writer;
  };
  ExpectCorrupt(with_key(""), "empty or too long");
  ExpectCorrupt(with_key(std::string(65536, 'k')), "empty or too long");
  ExpectCorrupt(with_key("a\xff"), "\"a\\xFF\" is not UTF-8");
  GgufWriter twice = with_key("same");
  twice.AddInteger("same", 1);
  ExpectCorrupt(twice, "\"same\" is there twice");

  GgufWriter tensors;
  tensors.AddTensor("same", 24, {1}, "x");
  tensors.AddTensor("same", 24, {1}, "y");
  ExpectCorrupt(tensors, "tensor \"same\" is there twice");
  GgufWriter unnamed;
  unnamed.AddTensor("", 24, {1}, "x");
  ExpectCorrupt(unnamed, "empty or too long");
}

TEST_F(Gguf, RefusesTensorsThatDoNotFit) {
  const auto with = [](std::uint32_t type, const std::vector<std::uint64_t>& shape,
                       std::uint64_t offset) {
    GgufWriter writer;
    writer.AddTensor("first", 24, {32}, std::string(32, 'x'));
    writer.AddTensorAt("t", type, shape, offset);
    std::string bytes = writer.Bytes();
    return bytes + std::string(64, 'y');
  };
  EXPECT_EQ(Open(with(0, {8}, 32)).tensors().size(), 2u);
  ExpectRefused(with(0, {8}, 0), ErrorCode::kCorrupt, "overlaps");
  ExpectRefused(with(0, {8}, 33), ErrorCode::kCorrupt, "not aligned");
  ExpectRefused(with(0, {64}, 32), ErrorCode::kCorrupt, "truncated");
  ExpectRefused(with(0, {8}, kHuge / 32 * 32), ErrorCode::kCorrupt, "truncated");
  ExpectRefused(with(0, {kHuge, kHuge}, 32), ErrorCode::kCorrupt, "impossibly large");
  ExpectRefused(with(0, {std::uint64_t{1} << 32, std::uint64_t{1} << 32, 1}, 32),
                ErrorCode::kCorrupt, "impossibly large");
  ExpectRefused(with(0, {8, 0}, 32), ErrorCode::kCorrupt, "size 0");
  ExpectRefused(with(0, {0}, 32), ErrorCode::kCorrupt, "size 0");
  ExpectRefused(with(0, {}, 32), ErrorCode::kCorrupt, "0 dimensions");
  ExpectRefused(with(0, {1, 1, 1, 1, 1}, 32), ErrorCode::kCorrupt, "5 dimensions");
  ExpectRefused(with(3, {33}, 32), ErrorCode::kCorrupt, "Q4_1");
  ExpectRefused(with(77, {32}, 32), ErrorCode::kUnsupported, "unknown type 77");
}

}  // namespace
}  // namespace fovea
