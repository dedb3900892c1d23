// What an optimiser changes.

#pragma once

#include <string>

#include "lib/kernels/matrix.h"

namespace fovea {

// A weight matrix (or a vector as one row) with its gradient of the same shape, both f32.
struct Parameter {
  std::string name;  // as in the weights file
  Matrix value;
  Matrix gradient;
  // Whether weight decay applies: to matrices, not to biases and norms (Devlin et al. 2019, A.2).
  bool decays = false;
  // false: the optimiser leaves it as it is, and its gradient out of the norm.
  bool trained = true;
};

// Of rows × cols, the gradient zero; the value is to be filled in.
Parameter MakeParameter(std::string name, std::size_t rows, std::size_t cols, bool decays);

}  // namespace fovea
