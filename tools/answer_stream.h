// An answer written as it is made.

#pragma once

#include <string>
#include <string_view>

#include "tools/output.h"

namespace fovea::tools {

// Writes the answer's text as it comes, and what the final answer adds to it or replaces in it.
class AnswerStream {
 public:
  // Borrows `out`.
  explicit AnswerStream(Output& out) : out_(out) {}

  void Piece(std::string_view piece);
  // The answer may differ from what was streamed: an unsupported one gives way to a quotation.
  void Finish(const std::string& answer);

 private:
  Output& out_;
  std::string written_;
};

}  // namespace fovea::tools
