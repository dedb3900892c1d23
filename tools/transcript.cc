#include "tools/transcript.h"

#include <cstdint>
#include <fstream>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "tools/answer_output.h"
#include "tools/json_lines.h"
#include "tools/text_lines.h"

namespace fovea::tools {
namespace {

constexpr const char* kHeaderKey = "fovea_transcript";
constexpr const char* kResetKey = "reset";
constexpr int kVersion = 1;

[[noreturn]] void Reject(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, where + ": " + what);
}

template <typename T>
T Field(const nlohmann::json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  try {
    if (found != object.end()) return found->get<T>();
  } catch (const nlohmann::json::exception&) {
    // Of another type, reported below.
  }
  Reject(where, std::string("\"") + key + "\" is missing or of another type");
}

Citation CitationOf(const nlohmann::json& object, const std::string& where) {
  return {Field<std::string>(object, "document", where),
          Field<std::string>(object, "title", where),
          {static_cast<std::size_t>(Field<std::uint64_t>(object, "begin", where)),
           static_cast<std::size_t>(Field<std::uint64_t>(object, "end", where))},
          Field<std::string>(object, "text", where),
          Field<float>(object, "weight", where)};
}

ConversationTurn TurnOf(const JsonLine& line) {
  ConversationTurn turn;
  turn.question = line.Text("question");
  turn.answer = line.Text("answer");
  turn.abstained = Field<bool>(line.object, "abstained", line.where);
  const auto search = Field<nlohmann::json>(line.object, "search", line.where);
  for (const nlohmann::json& part :
       Field<std::vector<nlohmann::json>>(search, "context", line.where)) {
    turn.context.push_back(Field<std::string>(part, "text", line.where));
  }
  for (const nlohmann::json& citation :
       Field<std::vector<nlohmann::json>>(line.object, "citations", line.where)) {
    turn.citations.push_back(CitationOf(citation, line.where));
  }
  return turn;
}

// The text up to where its last line ends: a line is written with its end, or was cut off.
std::string_view WholeLines(std::string_view text) { return text.substr(0, text.rfind('\n') + 1); }

}  // namespace

std::string TranscriptHeader() { return Json{{kHeaderKey, kVersion}}.dump() + "\n"; }

std::string TranscriptReset() { return Json{{kResetKey, true}}.dump() + "\n"; }

std::string TranscriptLine(const ConversationAnswer& answer) {
  Json json = ConversationAnswerJson(answer);
  // What can be found again, or means nothing later.
  for (const char* key : {"passages", "timings"}) json.erase(key);
  return json.dump() + "\n";
}

Json ConversationAnswerJson(const ConversationAnswer& answer) {
  Json json = AnswerJson(answer.answer);
  Json context = Json::array();
  for (const ContextPart& part : answer.query.context) {
    context.push_back({{"turn", part.turn + 1},
                       {"text", JsonText(part.text)},
                       {"weight", JsonNumber(part.weight)}});
  }
  json["search"] = {{"query", JsonText(answer.query.text)},
                    {"context", std::move(context)},
                    {"gain", answer.query.gain}};
  json["turns_left_out"] = answer.answer.turns_left_out;
  return json;
}

Transcript ReadTranscript(const std::filesystem::path& file) {
  const std::string text = ReadFile(file);
  const std::string_view whole = WholeLines(text);
  Transcript transcript;
  transcript.cut_off = whole.size() < text.size();
  bool headed = false;
  for (const JsonLine& line : ParseJsonLines(whole, file.string())) {
    if (!headed) {
      if (Field<int>(line.object, kHeaderKey, line.where) != kVersion)
        Reject(line.where, "a transcript of a version that this program does not know");
      headed = true;
    } else if (line.object.contains(kResetKey)) {
      transcript.turns.clear();
      transcript.lines.clear();
    } else {
      transcript.turns.push_back(TurnOf(line));
      transcript.lines += line.object.dump() + "\n";
    }
  }
  if (!headed) Reject(file.string(), "not a transcript of fovea chat");
  return transcript;
}

TranscriptLog::TranscriptLog(std::filesystem::path file) : file_(std::move(file)) {
  if (!std::filesystem::exists(file_) || std::filesystem::is_empty(file_)) {
    Append(TranscriptHeader());
    return;
  }
  found = ReadTranscript(file_);
  if (found.cut_off) WriteFileAtomically(file_, WholeLines(ReadFile(file_)));
}

void TranscriptLog::Append(const std::string& lines) const {
  std::ofstream out(file_, std::ios::binary | std::ios::app);
  out << lines << std::flush;
  if (!out) {
    throw Error(ErrorCode::kIo, "cannot write the transcript " + file_.string() +
                                    ": check that there is room and that it may be written");
  }
}

}  // namespace fovea::tools
