#include "lib/kernels/matrix.h"

#include <algorithm>

namespace fovea {

Matrix Matrix::Clone() const {
  Matrix copy(rows_, cols_);
  std::copy_n(data(), rows_ * cols_, copy.data());
  return copy;
}

}  // namespace fovea
