#include "tools/output.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <system_error>

#include "lib/text/utf8.h"

namespace fovea::tools {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

}  // namespace

void Output::Write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) Flush();
}

void Output::WriteJson(const Json& object) {
  Write(object.dump(-1, ' ', false, Json::error_handler_t::replace));
  Write("\n");
}

void Output::Flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = write(descriptor_, rest.data(), rest.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      const int reason = errno;
      buffer_.clear();  // So that nobody tries again.
      throw OutputError(
          "cannot write to standard output: " + std::generic_category().message(reason),
          reason == EPIPE);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  buffer_.clear();
}

Json JsonText(std::string_view text) { return EscapeInvalidUtf8(text); }

Json JsonNumber(float value) {
  if (!std::isfinite(value)) return nullptr;
  std::array<char, 32> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  double wide = 0;
  std::from_chars(digits.data(), written.ptr, wide);
  return wide;
}

Json JsonShare(double sum, std::size_t count) {
  return count == 0 ? Json(nullptr) : Json(sum / static_cast<double>(count));
}

std::string FormatFixed(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  std::array<char, 400> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                          std::chars_format::fixed, decimals);
  return std::string(digits.data(), end);
}

}  // namespace fovea::tools
