#include "tools/npy.h"

#include <unistd.h>

#include <bit>
#include <cassert>
#include <cerrno>
#include <system_error>

#include "lib/base/error.h"
#include "lib/base/file.h"

namespace fovea::tools {

static_assert(std::endian::native == std::endian::little, "rows are written as they lie in memory");

std::string NpyHeader(std::size_t rows, std::size_t columns) {
  constexpr std::size_t kHeaderBytes =
      128;  // A multiple of 64, as the format asks, with room for any shape.
  constexpr std::size_t kPreamble = 10;
  std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) +
                     ", " + std::to_string(columns) + "), }";
  dict.resize(kHeaderBytes - kPreamble - 1, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xFF);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

NpyWriter::NpyWriter(std::filesystem::path file, std::size_t columns)
    : file_(std::move(file)), columns_(columns) {
  std::error_code ignored;
  const auto status = std::filesystem::status(file_, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(ErrorCode::kInvalidArgument,
                file_.string() + ": not a regular file; give --out another name");
  }
  temporary_ = file_;
  temporary_ += ".part-" + std::to_string(getpid());
  errno = 0;
  stream_.open(temporary_, std::ios::binary | std::ios::trunc);
  if (!stream_) ThrowIo();
  const std::string header = NpyHeader(0, columns_);
  stream_.write(header.data(), static_cast<std::streamsize>(header.size()));
}

NpyWriter::~NpyWriter() {
  if (finished_) return;
  stream_.close();
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

void NpyWriter::ThrowIo() const {
  const int reason = errno != 0 ? errno : EIO;
  throw Error(ErrorCode::kIo,
              "cannot write " + file_.string() + ": " + std::generic_category().message(reason));
}

void NpyWriter::Append(std::span<const float> row) {
  assert(row.size() == columns_);
  errno = 0;
  stream_.write(reinterpret_cast<const char*>(row.data()),
                static_cast<std::streamsize>(row.size_bytes()));
  if (!stream_) ThrowIo();
  ++rows_;
}

void NpyWriter::Finish() {
  const std::string header = NpyHeader(rows_, columns_);
  errno = 0;
  stream_.seekp(0);
  stream_.write(header.data(), static_cast<std::streamsize>(header.size()));
  stream_.close();
  if (!stream_) ThrowIo();
  PublishFile(temporary_, file_);
  finished_ = true;
}

}  // namespace fovea::tools
