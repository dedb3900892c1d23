// Forward passes of the trainable layers in double precision, and derivatives by finite
// differences: what backward passes are checked against.

#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "tests/reference/double_matrix.h"

namespace fovea::reference {

DoubleMatrix Linear(const DoubleMatrix& x, const DoubleMatrix& weight, const DoubleMatrix& bias);
DoubleMatrix LayerNorm(const DoubleMatrix& x, const DoubleMatrix& gamma, const DoubleMatrix& beta,
                       double epsilon);
DoubleMatrix Gelu(const DoubleMatrix& x);
// Self-attention of ragged sequences; query, key and value side by side in [T, 3·D].
DoubleMatrix SelfAttention(const DoubleMatrix& query_key_value, std::size_t heads,
                           const std::vector<std::size_t>& starts);
DoubleMatrix Sum(const DoubleMatrix& a, const DoubleMatrix& b);

// d loss / d value by central differences, `value` being changed in place and put back.
double Derivative(const std::function<double()>& loss, double& value);

}  // namespace fovea::reference
