// Where things lie in a vectors file. Internal to retriever/vector_file*.cc.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace fovea {

// kFlatF32 has no codes: its exact vectors are scanned.
enum class VectorFileType : std::uint32_t { kFlat = 0, kHnsw = 1, kIvf = 2, kFlatF32 = 3 };

// The first bytes of the file, little-endian; zeros follow up to the first section.
struct VectorFileHeader {
  std::array<char, 8> magic = {'F', 'O', 'V', 'E', 'A', 'V', 'E', 'C'};
  std::uint32_t version = 1;
  std::uint32_t byte_order = 0x01020304;  // as this machine writes it
  VectorFileType type = VectorFileType::kFlat;
  std::uint32_t dimensions = 0;  // D
  std::uint64_t count = 0;       // N
  float greatest_norm = 0;       // of the exact vectors, rounded up
  std::uint32_t links = 0;       // M of a graph, C of lists; 0 without, as all below
  std::uint32_t effort =
      0;  // of searching: the least efSearch, or number of lists, that reached the recall
  std::uint32_t entry = 0;       // a row of the highest level
  std::uint64_t upper_rows = 0;  // U
  std::uint64_t upper_lists = 0;
};
static_assert(sizeof(VectorFileHeader) == 64);

// Sections start at multiples of this: pages, so that what is mapped brings nothing of its
// neighbours along.
inline constexpr std::uint64_t kSectionAlignment = 4096;

struct VectorFileSection {
  std::uint64_t offset = 0;  // bytes; 0 for one that is empty
  std::uint64_t bytes = 0;
};

struct VectorFileLayout {
  VectorFileSection exact;          // [N, D] f32
  VectorFileSection ids;            // [N] i64
  VectorFileSection codes;          // [N, CodeStride(D)] i8, unless kFlatF32, as the next
  VectorFileSection scales;         // [N] CodeScale
  VectorFileSection base;           // [N, 2 M] i32
  VectorFileSection upper_rows;     // [U] u32
  VectorFileSection upper_begin;    // [U + 1] u32, with a graph
  VectorFileSection upper;          // [upper_lists, M] i32
  VectorFileSection centres;        // [C, CodeStride(D)] i8
  VectorFileSection centre_scales;  // [C] CodeScale
  VectorFileSection list_begin;     // [C + 1] u32
  VectorFileSection list_rows;      // [N] u32
  std::uint64_t bytes = 0;          // of the file
};

// nullopt if the numbers are beyond what a file can hold, so that nothing overflows.
std::optional<VectorFileLayout> LayOut(const VectorFileHeader& header);

// "flat", "hnsw", "ivf", "flat_f32"
std::string Name(VectorFileType type);

}  // namespace fovea
