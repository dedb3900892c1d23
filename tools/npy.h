// NumPy's .npy files, format 1.0: two-dimensional, little-endian float32, C order.

#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

namespace fovea::tools {

// The 128 bytes in front of the data: magic, version, length, then a Python dict padded with
// spaces, ending in "\n".
std::string NpyHeader(std::size_t rows, std::size_t columns);

// Writes row by row under a temporary name beside the file, which Finish publishes; without Finish
// nothing stays.
class NpyWriter {
 public:
  // Throws Error(kIo) if the folder cannot be written, Error(kInvalidArgument) if `file` exists and
  // is no regular file.
  NpyWriter(std::filesystem::path file, std::size_t columns);
  ~NpyWriter();
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;

  // row [columns]. Throws Error(kIo).
  void Append(std::span<const float> row);
  void Finish();

 private:
  void ThrowIo() const;

  std::filesystem::path file_;
  std::filesystem::path temporary_;
  std::ofstream stream_;
  std::size_t columns_;
  std::size_t rows_ = 0;
  bool finished_ = false;
};

}  // namespace fovea::tools
