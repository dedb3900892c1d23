// Results on stdout: buffered, every write checked, no exception lost.

#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace fovea::tools {

// Keeps keys in the order they were written.
using Json = nlohmann::ordered_json;

// stdout is gone (`closed`: the other end of a pipe) or refuses (a full disk).
class OutputError : public std::runtime_error {
 public:
  OutputError(const std::string& message, bool was_closed)
      : std::runtime_error(message), closed(was_closed) {}
  bool closed;
};

class Output {
 public:
  // Borrows the descriptor.
  explicit Output(int descriptor) : descriptor_(descriptor) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Buffers; throws OutputError when the buffer has to be written and cannot be.
  void Write(std::string_view text);
  // The object on one line.
  void WriteJson(const Json& object);
  void Flush();

 private:
  int descriptor_;
  std::string buffer_;
};

// A JSON string of any bytes: ill-formed UTF-8 is escaped as "\xNN".
Json JsonText(std::string_view text);
// A float as the shortest decimal that reads back as the same float (0.61, not 0.6100000143).
Json JsonNumber(float value);
// sum / count; null where there is nothing to take the share of.
Json JsonShare(double sum, std::size_t count);

// Fixed decimals, without the locale.
std::string FormatFixed(double value, int decimals);

}  // namespace fovea::tools
