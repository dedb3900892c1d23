#include "retriever/beir.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "retriever/loader_text.h"

namespace fovea {
namespace {

using Json = nlohmann::json;

// nlohmann-json's parser recurses in no way, but its values do when they are copied and destroyed.
constexpr int kMaxDepth = 64;

// The line as an object, or a null value with the reason why not.
Json ParseLine(std::string_view line, std::string& reason) {
  bool too_deep = false;
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return depth <= kMaxDepth;
  };
  Json object = Json::parse(line, limit_depth, /*allow_exceptions=*/false);
  if (object.is_discarded()) {
    reason = "not valid JSON";
  } else if (too_deep) {
    reason = "JSON nested deeper than " + std::to_string(kMaxDepth);
  } else if (!object.is_object()) {
    reason = "not a JSON object";
  }
  return reason.empty() ? object : Json();
}

// A string, or "" if the key is missing or null; anything else is a reason to skip the line.
std::string StringField(const Json& object, const char* key, std::string& reason) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "";
  if (!found->is_string()) {
    reason = std::string("`") + key + "` is not a string";
    return "";
  }
  return found->get<std::string>();
}

std::string IdField(const Json& object, std::string& reason) {
  const auto found = object.find("_id");
  if (found == object.end()) {
    reason = "no `_id`";
  } else if (found->is_string()) {
    if (found->get_ref<const std::string&>().empty()) reason = "`_id` is empty";
    return found->get<std::string>();
  } else if (found->is_number()) {
    return found->dump();
  } else {
    reason = "`_id` is neither a string nor a number";
  }
  return "";
}

Document MakeDocument(Json object, std::string& reason) {
  Document document;
  document.format = "beir";
  document.name = IdField(object, reason);
  if (!reason.empty()) return document;
  document.title = StringField(object, "title", reason);
  document.text = StringField(object, "text", reason);
  if (!reason.empty()) return document;
  // A document known by its title alone is still one that can be found.
  if (TrimText(document.text).empty()) document.text = document.title;
  if (TrimText(document.text).empty()) reason = "no text and no title";
  document.sections.push_back({{}, {0, document.text.size()}});
  for (const char* key : {"_id", "title", "text"}) object.erase(key);
  document.metadata_json = object.dump(-1, ' ', false, Json::error_handler_t::replace);
  return document;
}

// The next line that is not blank, advancing `rest` and `number`.
bool NextLine(std::string_view& rest, std::int64_t& number, std::string_view& line) {
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    line = TrimText(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    if (!line.empty()) return true;
  }
  return false;
}

}  // namespace

bool LooksLikeBeir(std::string_view text) {
  std::int64_t number = 0;
  std::string_view line;
  // A damaged first line must not cost the whole corpus.
  for (int i = 0; i < 10 && NextLine(text, number, line); ++i) {
    std::string reason;
    const Json object = ParseLine(line, reason);
    if (object.is_object() && object.contains("_id") &&
        (object.contains("text") || object.contains("title"))) {
      return true;
    }
  }
  return false;
}

void LoadBeir(const std::string& file_name, std::string_view text, const LoaderSink& sink) {
  std::int64_t number = 0;
  std::string_view line;
  while (NextLine(text, number, line)) {
    std::string reason;
    Json object = ParseLine(line, reason);
    if (reason.empty()) {
      Document document = MakeDocument(std::move(object), reason);
      if (reason.empty()) {
        if (sink.document) sink.document(std::move(document));
        continue;
      }
    }
    if (sink.skipped) sink.skipped({file_name + ":" + std::to_string(number), reason, false});
  }
}

}  // namespace fovea
