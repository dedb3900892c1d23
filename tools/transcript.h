// A conversation on disk: JSON Lines, described in docs/formats.md.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "generator/conversation.h"
#include "tools/output.h"

namespace fovea::tools {

// Lines, each with its end.
std::string TranscriptHeader();
std::string TranscriptLine(const ConversationAnswer& answer);
std::string TranscriptReset();

// The object of a turn for programs: that of `ask`, and under "search" what was searched.
Json ConversationAnswerJson(const ConversationAnswer& answer);

struct Transcript {
  std::vector<ConversationTurn> turns;  // since the last reset, oldest first
  std::string lines;                    // those of the turns
  bool cut_off = false;                 // There is a last line without its end, left out.
};

// Throws Error(kNotFound | kIo), Error(kInvalidArgument) that names the line.
Transcript ReadTranscript(const std::filesystem::path& file);

// A transcript that grows with the conversation.
class TranscriptLog {
 public:
  // Takes up `file`, or begins it. A last line that was cut off is taken out of the file. Throws as
  // ReadTranscript, Error(kIo) if it cannot be written.
  explicit TranscriptLog(std::filesystem::path file);

  // Adds whole lines. Throws Error(kIo) that names the file.
  void Append(const std::string& lines) const;

  Transcript found;  // what the file held

 private:
  std::filesystem::path file_;
};

}  // namespace fovea::tools
