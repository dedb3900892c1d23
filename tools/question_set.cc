#include "tools/question_set.h"

#include <algorithm>
#include <utility>

#include "lib/base/error.h"
#include "tools/json_lines.h"

namespace fovea::tools {
namespace {

// A text, a list of texts, or nothing.
std::vector<std::string> Texts(const JsonLine& line, const char* key) {
  const auto found = line.object.find(key);
  if (found == line.object.end() || found->is_null()) return {};
  if (found->is_string()) return {found->get<std::string>()};
  std::vector<std::string> texts;
  for (const nlohmann::json& text : *found) {
    if (!text.is_string()) {
      throw Error(ErrorCode::kInvalidArgument,
                  line.where + ": \"" + key + "\" is no text or list of texts");
    }
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

PageQuestion QuestionOf(const JsonLine& line) {
  PageQuestion question;
  question.id = line.object.contains("id") ? line.Text("id") : line.where;
  question.question = line.Text("question");
  if (const auto page = line.object.find("document");
      page != line.object.end() && !page->is_null()) {
    question.documents = {line.Text("document")};
    for (const char* further : {"also", "elsewhere"}) {
      for (std::string& other : Texts(line, further))
        question.documents.push_back(std::move(other));
    }
  }
  question.answers = Texts(line, "answer");
  if (const auto answerable = line.object.find("answerable"); answerable != line.object.end()) {
    if (!answerable->is_boolean()) {
      throw Error(ErrorCode::kInvalidArgument,
                  line.where + ": \"answerable\" is neither true nor false");
    }
    question.answerable = answerable->get<bool>();
  }
  return question;
}

}  // namespace

std::vector<PageQuestion> ReadPageQuestions(const std::filesystem::path& file) {
  std::vector<PageQuestion> questions;
  for (const JsonLine& line : ReadJsonLines(file.string())) questions.push_back(QuestionOf(line));
  return questions;
}

std::vector<PageConversation> ReadPageConversations(const std::filesystem::path& file) {
  std::vector<PageConversation> conversations;
  for (const JsonLine& line : ReadJsonLines(file.string())) {
    PageConversation& conversation = conversations.emplace_back();
    conversation.id = line.object.contains("id") ? line.Text("id") : line.where;
    if (line.object.contains("split")) conversation.split = line.Text("split");
    const auto turns = line.object.find("turns");
    if (turns == line.object.end()) {
      conversation.turns.push_back(QuestionOf(line));
      continue;
    }
    if (!turns->is_array() || turns->empty())
      throw Error(ErrorCode::kInvalidArgument, line.where + ": \"turns\" is no list of questions");
    for (const nlohmann::json& turn : *turns) {
      const std::string where =
          line.where + ", turn " + std::to_string(conversation.turns.size() + 1);
      if (!turn.is_object())
        throw Error(ErrorCode::kInvalidArgument, where + ": not a JSON object");
      conversation.turns.push_back(QuestionOf({where, turn}));
    }
  }
  return conversations;
}

bool EndsInPath(std::string_view document, std::string_view suffix) {
  if (!document.ends_with(suffix)) return false;
  return document.size() == suffix.size() || document[document.size() - suffix.size() - 1] == '/';
}

std::optional<std::size_t> RankOfPage(const std::vector<std::string>& documents,
                                      std::span<const std::string> suffixes) {
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const bool right =
        std::any_of(suffixes.begin(), suffixes.end(),
                    [&](const std::string& suffix) { return EndsInPath(documents[i], suffix); });
    if (right) return i + 1;
  }
  return std::nullopt;
}

}  // namespace fovea::tools
