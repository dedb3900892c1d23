#include "retriever/vector_file_layout.h"

#include "retriever/coded_vectors.h"

namespace fovea {
namespace {

// Rows are 32-bit numbers, links signed ones.
constexpr std::uint64_t kMostRows = std::uint64_t{1} << 31;
constexpr std::uint32_t kMostDimensions = 131'072;
constexpr std::uint32_t kMostLinks = 1 << 20;
constexpr std::uint64_t kMostLists = std::uint64_t{1} << 36;

}  // namespace

std::optional<VectorFileLayout> LayOut(const VectorFileHeader& header) {
  if (header.count >= kMostRows || header.dimensions > kMostDimensions ||
      header.links > kMostLinks || header.upper_rows > header.count ||
      header.upper_lists > kMostLists) {
    return std::nullopt;
  }
  VectorFileLayout layout;
  layout.bytes = sizeof(VectorFileHeader);
  const auto place = [&](VectorFileSection& section, std::uint64_t rows, std::uint64_t row_bytes) {
    section.bytes = rows * row_bytes;
    if (section.bytes == 0) return;
    section.offset = (layout.bytes + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
    layout.bytes = section.offset + section.bytes;
  };
  place(layout.exact, header.count, header.dimensions * sizeof(float));
  place(layout.ids, header.count, sizeof(std::int64_t));
  if (header.type == VectorFileType::kFlatF32) return layout;
  place(layout.codes, header.count, CodeStride(header.dimensions));
  place(layout.scales, header.count, sizeof(CodeScale));
  const std::uint64_t links = header.links;
  if (header.type == VectorFileType::kIvf) {
    place(layout.centres, links, CodeStride(header.dimensions));
    place(layout.centre_scales, links, sizeof(CodeScale));
    place(layout.list_begin, links + 1, sizeof(std::uint32_t));
    place(layout.list_rows, header.count, sizeof(std::uint32_t));
  }
  if (header.type != VectorFileType::kHnsw) return layout;
  place(layout.base, header.count, 2 * links * sizeof(std::int32_t));
  place(layout.upper_rows, header.upper_rows, sizeof(std::uint32_t));
  place(layout.upper_begin, header.upper_rows + 1, sizeof(std::uint32_t));
  place(layout.upper, header.upper_lists, links * sizeof(std::int32_t));
  return layout;
}

std::string Name(VectorFileType type) {
  switch (type) {
    case VectorFileType::kFlat:
      return "flat";
    case VectorFileType::kHnsw:
      return "hnsw";
    case VectorFileType::kIvf:
      return "ivf";
    case VectorFileType::kFlatF32:
      return "flat_f32";
  }
  return "";  // A number that is none of them.
}

}  // namespace fovea
