// Bytes in, complete UTF-8 characters out: tokens may end inside a character.

#pragma once

#include <string>
#include <string_view>

namespace fovea {

class Utf8Stream {
 public:
  // The text that `bytes`, after those kept from before, complete; malformed bytes become U+FFFD.
  std::string Append(std::string_view bytes);
  // What is left at the end: "" or one U+FFFD for a character that was never completed.
  std::string Finish();

 private:
  std::string pending_;  // The beginning of a character.
};

}  // namespace fovea
