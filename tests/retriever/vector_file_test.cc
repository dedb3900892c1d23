#include "retriever/vector_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>

#include "lib/base/file.h"
#include "lib/base/hash.h"
#include "lib/base/thread_pool.h"
#include "tests/retriever/store_fixtures.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

constexpr std::int64_t kRows = 600;
constexpr int kDimensions = 16;

struct Written {
  TempFolder folder;
  std::filesystem::path path = folder.path() / "vectors.1.index";
  VectorFileRecord record;

  explicit Written(VectorFileType type, ThreadPool* pool = nullptr) {
    VectorFileWriter writer(path, kDimensions, kRows);
    for (std::int64_t i = 0; i < kRows; ++i) {
      writer.Add(ChunkId{3 * i + 1}, test::UnitVector(static_cast<std::uint64_t>(i)));
    }
    if (type == VectorFileType::kIvf) {
      EXPECT_GE(writer.BuildLists(0.9, pool), 0.9);
    }
    if (type == VectorFileType::kHnsw) {
      EXPECT_GE(writer.BuildGraph({.links = 4, .effort = 40}, 0.9, pool), 0.9);
    }
    writer.Finish(record, pool);
  }

  // Changes the file's bytes and gives the record the checksum that fits them: damage that only a
  // look at the contents finds.
  void Forge(const std::function<void(std::string&, const VectorFileLayout&)>& change) {
    std::string bytes = ReadFile(path);
    VectorFileHeader header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    change(bytes, LayOut(header).value());
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    // The definition in docs/formats.md, for files below 1 MiB.
    ASSERT_LT(bytes.size(), std::size_t{1} << 20);
    const std::uint64_t block = Checksum64(std::as_bytes(std::span(bytes)));
    record.bytes = static_cast<std::int64_t>(bytes.size());
    record.checksum = Checksum64(std::as_bytes(std::span(&block, 1)));
  }
};

template <typename T>
void Put(std::string& bytes, std::uint64_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

TEST(VectorFile, HoldsWhatWasWritten) {
  for (const VectorFileType type :
       {VectorFileType::kFlat, VectorFileType::kHnsw, VectorFileType::kIvf}) {
    const Written written(type);
    EXPECT_EQ(written.record.type, Name(type));
    EXPECT_EQ(written.record.count, kRows);
    EXPECT_EQ(written.record.last_chunk, 3 * (kRows - 1) + 1);
    ThreadPool pool(2);
    const auto file = VectorFile::Open(written.path, written.record, &pool);
    EXPECT_EQ(file->approximate(), type != VectorFileType::kFlat);
    ASSERT_EQ(file->ids().size(), static_cast<std::size_t>(kRows));
    std::vector<float> exact(kDimensions);
    for (std::size_t i = 0; i < file->ids().size(); ++i) {
      EXPECT_EQ(file->ids()[i], static_cast<std::int64_t>(3 * i + 1));
      file->vectors().exact.Read(i, exact);
      EXPECT_EQ(exact, test::UnitVector(i));
      std::vector<std::int8_t> codes(CodeStride(kDimensions));
      const CodeScale scale = EncodeRow(exact, codes);
      EXPECT_EQ(file->vectors().scales[i].scale, scale.scale);
      EXPECT_EQ(file->vectors().scales[i].error, scale.error);
      EXPECT_TRUE(std::equal(codes.begin(), codes.end(), file->vectors().codes.row(i)));
    }
  }
}

TEST(VectorFile, TheGraphFindsAStoredVectorByItself) {
  const Written written(VectorFileType::kHnsw);
  const auto file = VectorFile::Open(written.path, written.record, nullptr);
  std::size_t found = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(kRows); ++i) {
    const std::vector<float> vector = test::UnitVector(i);
    const CodedQuery query(vector);
    const auto hits = file->SearchApproximately(query, 10);
    ASSERT_GE(hits.size(), 10u);
    EXPECT_TRUE(std::is_sorted(hits.begin(), hits.end(), [](const CodedHit& a, const CodedHit& b) {
      return a.score != b.score ? a.score > b.score : a.row < b.row;
    }));
    found += hits.front().row == i ? 1 : 0;
  }
  EXPECT_GE(found, 0.99 * kRows);
}

TEST(VectorFile, EveryListTogetherHoldsEveryRowOnce) {
  ThreadPool pool(2);
  const Written written(VectorFileType::kIvf, &pool);
  const auto file = VectorFile::Open(written.path, written.record, nullptr);
  const std::vector<float> vector = test::UnitVector(5);
  const auto few = file->SearchApproximately(CodedQuery(vector), 10);
  EXPECT_GE(few.size(), 10u);
  EXPECT_LT(few.size(), static_cast<std::size_t>(kRows));
  auto all = file->SearchApproximately(CodedQuery(vector), static_cast<std::size_t>(kRows));
  std::sort(all.begin(), all.end(),
            [](const CodedHit& a, const CodedHit& b) { return a.row < b.row; });
  ASSERT_EQ(all.size(), static_cast<std::size_t>(kRows));
  for (std::uint32_t row = 0; row < kRows; ++row) EXPECT_EQ(all[row].row, row);
}

TEST(VectorFile, OneVectorMakesAGraphOfItself) {
  const TempFolder folder;
  VectorFileRecord record;
  VectorFileWriter writer(folder.path() / "one", kDimensions, 1);
  writer.Add(ChunkId{7}, test::UnitVector(1));
  EXPECT_EQ(writer.BuildGraph({}, 0.99, nullptr), 1.0);
  writer.Finish(record, nullptr);
  const auto file = VectorFile::Open(folder.path() / "one", record, nullptr);
  const std::vector<float> vector = test::UnitVector(1);
  EXPECT_EQ(file->SearchApproximately(CodedQuery(vector), 5).size(), 1u);
}

TEST(VectorFile, AnEmptyOneIsRead) {
  const TempFolder folder;
  VectorFileRecord record;
  VectorFileWriter(folder.path() / "none", kDimensions, 0).Finish(record, nullptr);
  EXPECT_TRUE(VectorFile::Open(folder.path() / "none", record, nullptr)->ids().empty());
}

TEST(VectorFile, TheWriterCountsItsVectors) {
  const TempFolder folder;
  VectorFileRecord record;
  VectorFileWriter writer(folder.path() / "two", kDimensions, 2);
  writer.Add(ChunkId{1}, test::UnitVector(1));
  EXPECT_ERROR(writer.Finish(record, nullptr), ErrorCode::kCorrupt, "1 vectors came instead of 2");
  EXPECT_ERROR(VectorFileWriter(folder.path() / "x", 0, 2), ErrorCode::kUnsupported,
               "0 dimensions");
  EXPECT_ERROR(VectorFileWriter(folder.path() / "x", 9, std::int64_t{1} << 40),
               ErrorCode::kUnsupported, "cannot hold");
}

TEST(VectorFile, DamageBehindARightChecksumIsNoticed) {
  struct Damage {
    const char* says;
    std::function<void(std::string&, const VectorFileLayout&)> change;
    VectorFileType type = VectorFileType::kHnsw;
  };
  const auto at = [](std::size_t offset, auto value) {
    return [=](std::string& bytes, const VectorFileLayout&) { Put(bytes, offset, value); };
  };
  const Damage damages[] = {
      {"version of fovea", at(0, 'f')},
      {"version of fovea", at(offsetof(VectorFileHeader, version), 2u)},
      {"version of fovea", at(offsetof(VectorFileHeader, byte_order), 0x04030201u)},
      {"not an index of type", at(offsetof(VectorFileHeader, type), 0u)},
      {"not an index of type", at(offsetof(VectorFileHeader, type), 77u)},
      {"another number", at(offsetof(VectorFileHeader, count), std::uint64_t{601})},
      {"another number", at(offsetof(VectorFileHeader, dimensions), 15u)},
      {"do not add up", at(offsetof(VectorFileHeader, links), 5u)},
      {"do not add up", at(offsetof(VectorFileHeader, links), 0xFFFFFFFFu)},
      {"do not add up", at(offsetof(VectorFileHeader, upper_lists), ~std::uint64_t{0})},
      {"search effort", at(offsetof(VectorFileHeader, effort), 0u)},
      {"impossible", at(offsetof(VectorFileHeader, entry), 600u)},
      {"not ascending",
       [](std::string& bytes, const VectorFileLayout& layout) {
         Put(bytes, layout.ids.offset + 8, std::int64_t{1});
       }},
      {"last id",
       [](std::string& bytes, const VectorFileLayout& layout) {
         Put(bytes, layout.ids.offset + 8 * (kRows - 1), std::int64_t{1'000'000});
       }},
      {"impossible links",
       [](std::string& bytes, const VectorFileLayout& layout) {
         Put(bytes, layout.base.offset, std::int32_t{600});
       }},
      {"impossible links",
       [](std::string& bytes, const VectorFileLayout& layout) {
         Put(bytes, layout.base.offset, std::int32_t{-2});
       }},
      {"impossible levels",
       [](std::string& bytes, const VectorFileLayout& layout) {
         Put(bytes, layout.upper_rows.offset, 600u);
       }},
      {"impossible levels",
       [](std::string& bytes, const VectorFileLayout& layout) {
         Put(bytes, layout.upper_begin.offset + 4, 100'000u);
       }},
      {"lack their level",
       [](std::string& bytes, const VectorFileLayout& layout) {
         // The least row that stands on level 0 alone.
         std::uint32_t low = 0;
         while (bytes.compare(layout.upper_rows.offset + 4 * low, 4,
                              reinterpret_cast<const char*>(&low), 4) == 0) {
           ++low;
         }
         Put(bytes, layout.upper.offset, low);
       }},
      {"impossible rows",
       [](std::string& bytes, const VectorFileLayout& layout) {
         Put(bytes, layout.list_rows.offset, 600u);
       },
       VectorFileType::kIvf},
      {"impossible sizes",
       [](std::string& bytes, const VectorFileLayout& layout) {
         Put(bytes, layout.list_begin.offset + 4, 601u);
       },
       VectorFileType::kIvf},
      {"do not add up", at(offsetof(VectorFileHeader, links), 7u), VectorFileType::kIvf},
      {"search effort", at(offsetof(VectorFileHeader, effort), 0u), VectorFileType::kIvf},
      {"do not add up", [](std::string& bytes, const VectorFileLayout&) { bytes.push_back('x'); }},
      {"too short", [](std::string& bytes, const VectorFileLayout&) { bytes.resize(10); }},
  };
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.says);
    Written written(damage.type);
    written.Forge(damage.change);
    EXPECT_ERROR(VectorFile::Open(written.path, written.record, nullptr), ErrorCode::kCorrupt,
                 damage.says);
  }
}

TEST(VectorFile, TheChecksumIsTheDocumentedOneWhateverTheThreads) {
  const TempFolder folder;
  std::string bytes((std::size_t{3} << 20) + 5, 'a');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 131 >> 7);
  folder.Write("big", bytes);
  std::vector<std::uint64_t> blocks;
  for (std::size_t at = 0; at < bytes.size(); at += std::size_t{1} << 20) {
    blocks.push_back(Checksum64(
        std::as_bytes(std::span(bytes))
            .subspan(at, std::min<std::size_t>(std::size_t{1} << 20, bytes.size() - at))));
  }
  VectorFileRecord record;
  record.bytes = static_cast<std::int64_t>(bytes.size());
  record.checksum = Checksum64(std::as_bytes(std::span(blocks)));
  ThreadPool pool(3);
  EXPECT_NO_THROW(VerifyVectorFile(folder.path() / "big", record, nullptr));
  EXPECT_NO_THROW(VerifyVectorFile(folder.path() / "big", record, &pool));
  ++record.checksum;
  EXPECT_ERROR(VerifyVectorFile(folder.path() / "big", record, &pool), ErrorCode::kCorrupt,
               "checksum");
  ++record.bytes;
  EXPECT_ERROR(VerifyVectorFile(folder.path() / "big", record, &pool), ErrorCode::kCorrupt,
               "bytes");
  EXPECT_ERROR(VerifyVectorFile(folder.path() / "absent", record, &pool), ErrorCode::kNotFound,
               "absent");
}

}  // namespace
}  // namespace fovea
