// Internal to lib/kernels and lib/attention: the functions that each instruction set provides, as
// one table of pointers.
//
// The choice is made once, above the loops. Files of one ISA include this header and nothing from
// std:: that instantiates code: an inline function compiled there could be the copy that the linker
// keeps for every CPU.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/kernels/isa.h"

namespace fovea {

// Weights are packed in panels of 16 outputs: [inputs, 16], so that a vector register holds
// neighbouring outputs.
inline constexpr std::size_t kPanelWidth = 16;
// Panels that one call of multiply_panels takes at most.
inline constexpr std::size_t kGroupPanels = 4;
// Weights of a GGUF block, along the inputs.
inline constexpr std::size_t kBlockInputs = 32;

// sums[r, 16·p + lane] (+)= Σ_k input[r, k] · panels[p][k, lane], where input[r, k] is at
// input + r · input_stride + k · input_step, k ascending in one chain of
// multiply-adds an output, which makes the result of a row independent of how rows, panels and k
// are cut into blocks.
struct PanelProduct {
  const float* input;  // [rows, inputs]
  std::size_t input_stride;
  std::size_t input_step = 1;
  std::size_t rows;
  std::size_t inputs;
  const float* panels[kGroupPanels];  // each [inputs, 16]
  std::size_t panel_count;            // 1 … kGroupPanels
  float* sums;                        // [rows, 16 · panel_count]
  std::size_t sums_stride;
  bool accumulate;  // false: sums are overwritten
};

// Rows up to which a product with panels of halves is faster than converting them first.
inline constexpr std::size_t kFewRows = 3;

// The sums of PanelProduct, bit for bit, out of panels of halves: each weight is converted in a
// register and used at once, so that a few rows read little memory.
struct PackedProduct {
  const float* input;  // [rows, inputs]
  std::size_t input_stride;
  std::size_t rows;    // 1 … kFewRows
  std::size_t inputs;  // all of the panels' inputs
  const std::byte* panels[kGroupPanels];
  std::size_t panel_count;  // 1 … kGroupPanels
  float* sums;              // [rows, 16 · panel_count], overwritten
  std::size_t sums_stride;
};

enum class RowActivation { kNone, kGelu, kSilu };

// out[i] = act(sums[i] + bias[i]) · multiplier[i] + residual[i]; a null pointer leaves its step
// out. `out` may be `residual`.
struct RowEpilogue {
  const float* sums;
  std::size_t outputs;
  const float* bias;
  RowActivation activation;
  const float* multiplier;
  const float* residual;
  float* out;
};

struct KernelTable {
  void (*multiply_panels)(const PanelProduct&);
  void (*multiply_f16)(const PackedProduct&);
  void (*finish_row)(const RowEpilogue&);

  // panel[inputs, 16] in f32 out of one of halves.
  void (*unpack_f16)(const std::byte* packed, std::size_t inputs, float* panel);

  // halves[n] of a row: to nearest, ties to even; what is beyond ±65504 becomes that, NaN stays
  // NaN.
  void (*round_to_f16)(const float* row, std::size_t n, std::uint16_t* halves);

  // panel[i, r] = rows[r, i] for r < row_count <= 16, and 0 for the lanes past it.
  void (*pack_panel)(const float* rows, std::size_t stride, std::size_t row_count,
                     std::size_t inputs, float* panel);

  float (*dot)(const float* a, const float* b, std::size_t n);
  void (*dot_rows)(const float* query, const float* vectors, std::size_t stride, std::size_t rows,
                   std::size_t n, float* out);
  void (*softmax)(float* row, std::size_t n);
  // dx[i] = dy[i] · (Φ(x[i]) + x[i] φ(x[i])), the derivative of GELU. dx may be dy.
  void (*gelu_gradient)(const float* x, const float* dy, std::size_t n, float* dx);
  // row[i] *= factor
  void (*scale)(float* row, std::size_t n, float factor);
  // out[i] += factor · row[i]
  void (*add_scaled)(const float* row, std::size_t n, float factor, float* out);
  // out = normal ⊙ γ + β, normal = (row − mean) · inverse; gives inverse = 1 / √(var + ε). `normal`
  // may be null: not wanted. `out` may be `row`.
  float (*layer_norm)(const float* row, const float* gamma, const float* beta, float epsilon,
                      std::size_t n, float* normal, float* out);
  // dx[i] = inverse · (g[i] − mean(g) − normal[i] · mean(g ⊙ normal)), g = dy ⊙ γ: LayerNorm's
  // backward pass. dx may be dy.
  void (*layer_norm_gradient)(const float* normal, const float* gamma, const float* dy,
                              float inverse, std::size_t n, float* dx);
  void (*rms_norm)(const float* row, const float* gamma, float epsilon, std::size_t n, float* out);
};

const KernelTable& ScalarKernels();
const KernelTable& Avx2Kernels();
const KernelTable& Avx512Kernels();

// The table of CurrentIsa().
const KernelTable& CurrentKernels();

// Asks the CPU; AvailableIsas() keeps the answer.
std::vector<Isa> DetectIsas();

// The ISA that the name asks for, or the last (best) of `available` where it is null or empty.
// Throws Error(kInvalidArgument) for a name that is unknown or not among them.
Isa ChooseIsa(const char* name, const std::vector<Isa>& available);

}  // namespace fovea
