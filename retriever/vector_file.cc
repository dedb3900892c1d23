#include "retriever/vector_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lib/base/error.h"
#include "retriever/block_checksum.h"

namespace fovea {
namespace {

Error Damaged(const std::filesystem::path& path, const std::string& what) {
  return Error(ErrorCode::kCorrupt, path.string() + ": " + what);
}

void CheckBytes(const Descriptor& file, const VectorFileRecord& record, ThreadPool* pool) {
  const std::uint64_t bytes = file.Size();
  if (record.bytes < 0 || bytes != static_cast<std::uint64_t>(record.bytes)) {
    throw Damaged(file.path(), "has " + std::to_string(bytes) + " bytes instead of " +
                                   std::to_string(record.bytes));
  }
  if (FileChecksum(file, bytes, pool) != record.checksum) {
    throw Damaged(file.path(), "its checksum is wrong");
  }
}

VectorFileHeader ReadHeader(const Descriptor& file, const VectorFileRecord& record) {
  VectorFileHeader header;
  const VectorFileHeader expected;
  if (static_cast<std::uint64_t>(record.bytes) < sizeof(header)) {
    throw Damaged(file.path(), "is too short for a vectors file");
  }
  file.ReadAt(0, std::as_writable_bytes(std::span(&header, 1)));
  if (header.magic != expected.magic || header.version != expected.version ||
      header.byte_order != expected.byte_order) {
    throw Damaged(file.path(), "is no vectors file of this version of fovea");
  }
  if (Name(header.type).empty() || Name(header.type) != record.type) {
    throw Damaged(file.path(), "is not an index of type " + record.type);
  }
  if (header.count != static_cast<std::uint64_t>(record.count) ||
      header.dimensions != static_cast<std::uint32_t>(record.dimensions)) {
    throw Damaged(file.path(),
                  "holds another number of vectors or dimensions than the index names");
  }
  const auto layout = LayOut(header);
  if (!layout || layout->bytes != static_cast<std::uint64_t>(record.bytes)) {
    throw Damaged(file.path(), "its parts do not add up to its size");
  }
  return header;
}

template <typename T>
std::span<const T> View(const MappedFile& mapping, const VectorFileSection& section) {
  return {reinterpret_cast<const T*>(mapping.bytes().data() + section.offset),
          section.bytes / sizeof(T)};
}

}  // namespace

VectorFile::VectorFile(Descriptor file, MappedFile mapping, const VectorFileHeader& header)
    : file_(std::move(file)), mapping_(std::move(mapping)), header_(header) {
  const VectorFileLayout layout = LayOut(header).value();
  ids_ = View<std::int64_t>(mapping_, layout.ids);
  vectors_ = {.codes = {View<std::int8_t>(mapping_, layout.codes).data(),
                        coded() ? header.count : 0, CodeStride(header.dimensions)},
              .scales = View<CodeScale>(mapping_, layout.scales),
              .exact = {&file_, layout.exact.offset, header.dimensions},
              .greatest_norm = header.greatest_norm};
  if (header.type == VectorFileType::kIvf) {
    lists_ = {.centres = {View<std::int8_t>(mapping_, layout.centres).data(), header.links,
                          vectors_.codes.stride},
              .centre_scales = View<CodeScale>(mapping_, layout.centre_scales),
              .begin = View<std::uint32_t>(mapping_, layout.list_begin),
              .rows = View<std::uint32_t>(mapping_, layout.list_rows)};
  }
  if (header.type != VectorFileType::kHnsw) return;
  graph_ = {.links = header.links,
            .entry = header.entry,
            .base = View<std::int32_t>(mapping_, layout.base),
            .upper_rows = View<std::uint32_t>(mapping_, layout.upper_rows),
            .upper_begin = View<std::uint32_t>(mapping_, layout.upper_begin),
            .upper = View<std::int32_t>(mapping_, layout.upper)};
}

void VectorFile::CheckContents(const VectorFileRecord& record) const {
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (ids_[i] <= (i == 0 ? 0 : ids_[i - 1])) {
      throw Damaged(file_.path(), "its ids are not ascending");
    }
  }
  if ((ids_.empty() ? 0 : ids_.back()) != record.last_chunk) {
    throw Damaged(file_.path(), "its last id is not the one the index names");
  }
  if (!approximate()) return;
  const std::string problem = header_.type == VectorFileType::kIvf ? lists_.Problem(ids_.size())
                                                                   : graph_.Problem(ids_.size());
  if (!problem.empty() || header_.effort < 1) {
    throw Damaged(file_.path(), problem.empty() ? "its search effort is 0" : problem);
  }
}

std::unique_ptr<VectorFile> VectorFile::Open(const std::filesystem::path& path,
                                             const VectorFileRecord& record, ThreadPool* pool) {
  Descriptor file(path, Descriptor::Mode::kRead);
  CheckBytes(file, record, pool);
  const VectorFileHeader header = ReadHeader(file, record);
  std::unique_ptr<VectorFile> opened(new VectorFile(std::move(file), MappedFile(path), header));
  opened->CheckContents(record);
  return opened;
}

std::vector<CodedHit> VectorFile::SearchApproximately(const CodedQuery& query,
                                                      std::size_t count) const {
  if (header_.type == VectorFileType::kIvf) {
    return SearchInvertedLists(lists_, vectors_, query, header_.effort, count);
  }
  return SearchHnsw(graph_, vectors_, query, std::max<std::size_t>(header_.effort, count));
}

void VerifyVectorFile(const std::filesystem::path& path, const VectorFileRecord& record,
                      ThreadPool* pool) {
  CheckBytes(Descriptor(path, Descriptor::Mode::kRead), record, pool);
}

}  // namespace fovea
