// Internal to lib/kernels/code_dot*.cc: what each instruction set provides. Files of one ISA
// include nothing from std:: that instantiates code (kernel_table.h says why).

#pragma once

#include <cstddef>
#include <cstdint>

namespace fovea {

struct CodeDotTable {
  // n is a multiple of kCodeAlignment; rows are n bytes apart.
  void (*dot_rows)(const std::int8_t* query, const std::int8_t* rows, std::size_t count,
                   std::size_t n, std::int32_t* out);
  void (*dot_listed)(const std::int8_t* query, const std::int8_t* rows, const std::uint32_t* listed,
                     std::size_t count, std::size_t n, std::int32_t* out);
};

const CodeDotTable& ScalarCodeDots();
const CodeDotTable& Avx2CodeDots();
const CodeDotTable& Avx512CodeDots();
const CodeDotTable& Avx512VnniCodeDots();

}  // namespace fovea
