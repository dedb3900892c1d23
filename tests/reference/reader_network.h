// The cross-attention reader (lib/train/reader_network.h) by its formulae, in double precision.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/train/reader_network.h"
#include "tests/reference/training.h"

namespace fovea::reference {

class ReaderReference {
 public:
  struct Logits {
    std::vector<std::vector<double>> start, end;  // [P][Tp], of the text alone
    std::vector<double> passage, none;
  };

  // From the encoder's states after its frozen layers. Borrows the encoder; `parameters` are the
  // network's, `heads` those of its layers.
  ReaderReference(const Encoder& encoder, const ReaderNetworkOptions& options, std::size_t heads,
                  NamedValues parameters);

  Logits Forward(const ReaderQuestion& question) const;
  // Without a teacher.
  double Loss(const ReaderQuestion& question) const;

  NamedValues values;

 private:
  DoubleMatrix Layer(std::size_t index, const DoubleMatrix& x) const;
  DoubleMatrix Apart(const std::vector<TokenId>& tokens) const;
  DoubleMatrix Joint(DoubleMatrix x, const DoubleMatrix& passage) const;

  const Encoder& encoder_;
  ReaderNetworkOptions options_;
  std::size_t heads_;
};

}  // namespace fovea::reference
