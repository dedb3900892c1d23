// The one exception type of the library.
//
// Bad input and corrupt files throw Error in every build; `assert` is for our own bugs. Libraries
// never print, exit or abort.

#pragma once

#include <stdexcept>
#include <string>

namespace fovea {

enum class ErrorCode {
  kInvalidArgument,  // The caller asked for something that makes no sense.
  kNotFound,         // A file, document or model is not there.
  kCorrupt,          // Something stored is damaged: truncated, wrong checksum, impossible size.
  kIo,               // The operating system refused: permission, full disk, read-only medium.
  kUnsupported,      // Well-formed, but of a kind that is not handled.
  kBusy,             // Another process holds the index.
  kMismatch,         // Two things that must agree do not: an index and a model, say.
  kCancelled,        // Stopped by the caller's std::stop_token.
};

// `what()` names the file or argument, what was wrong, and what to do about it.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace fovea
