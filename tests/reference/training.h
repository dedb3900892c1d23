// Forward passes of the trainable layers in double precision, and derivatives by finite
// differences: what backward passes are checked against.

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/reference/double_matrix.h"

namespace fovea::reference {

DoubleMatrix Linear(const DoubleMatrix& x, const DoubleMatrix& weight, const DoubleMatrix& bias);
DoubleMatrix LayerNorm(const DoubleMatrix& x, const DoubleMatrix& gamma, const DoubleMatrix& beta,
                       double epsilon);
DoubleMatrix Gelu(const DoubleMatrix& x);
// Self-attention of ragged sequences; query, key and value side by side in [T, 3·D]. weights: if
// not null, receives [H·T, T].
DoubleMatrix SelfAttention(const DoubleMatrix& query_key_value, std::size_t heads,
                           const std::vector<std::size_t>& starts,
                           std::vector<double>* weights = nullptr);
// By the name of each parameter, as in a BERT file.
using NamedValues = std::map<std::string, DoubleMatrix>;
// A post-norm layer whose parameters begin with `prefix`, query, key and value as one
// "attention.self.qkv". weights as of SelfAttention.
DoubleMatrix TransformerLayer(const NamedValues& values, const std::string& prefix,
                              const DoubleMatrix& x, std::size_t heads,
                              const std::vector<std::size_t>& starts, double epsilon,
                              std::vector<double>* weights = nullptr);
DoubleMatrix Sum(const DoubleMatrix& a, const DoubleMatrix& b);

// d loss / d value by central differences, `value` being changed in place and put back.
double Derivative(const std::function<double()>& loss, double& value);

}  // namespace fovea::reference
