// Row-major f32 matrices: views that borrow, Matrix that owns.

#pragma once

#include <cstddef>
#include <span>

#include "lib/kernels/aligned_array.h"

namespace fovea {

// Borrows rows × cols floats; row r starts at data + r * stride, stride >= cols. Lives no longer than what it views.
struct ConstMatrixView {
  const float* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;

  const float* row(std::size_t r) const { return data + r * stride; }
  std::span<const float> row_span(std::size_t r) const { return {row(r), cols}; }
  ConstMatrixView Rows(std::size_t begin, std::size_t end) const {
    return {data + begin * stride, end - begin, cols, stride};
  }
  ConstMatrixView Cols(std::size_t begin, std::size_t end) const {
    return {data + begin, rows, end - begin, stride};
  }
};

struct MatrixView {
  float* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;

  float* row(std::size_t r) const { return data + r * stride; }
  std::span<float> row_span(std::size_t r) const { return {row(r), cols}; }
  MatrixView Rows(std::size_t begin, std::size_t end) const {
    return {data + begin * stride, end - begin, cols, stride};
  }
  MatrixView Cols(std::size_t begin, std::size_t end) const {
    return {data + begin, rows, end - begin, stride};
  }
  operator ConstMatrixView() const { return {data, rows, cols, stride}; }
};

// Owns its floats, aligned to 64 bytes, not initialised. Movable; a copy must be asked for by name.
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t cols)
      : rows_(rows), cols_(cols), data_(AllocateAligned<float>(rows * cols)) {}

  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  std::span<float> row(std::size_t r) { return {data() + r * cols_, cols_}; }
  std::span<const float> row(std::size_t r) const { return {data() + r * cols_, cols_}; }
  MatrixView view() { return {data(), rows_, cols_, cols_}; }
  ConstMatrixView view() const { return {data(), rows_, cols_, cols_}; }

  Matrix Clone() const;

 private:
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  AlignedArray<float> data_;
};

// Scratch of at least `rows` × cols: made anew, its numbers lost, where it is not.
inline void Reserve(Matrix& matrix, std::size_t rows, std::size_t cols) {
  if (matrix.rows() < rows || matrix.cols() != cols) matrix = Matrix(rows, cols);
}

}  // namespace fovea
