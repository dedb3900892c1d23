#include "tools/question_set.h"

#include "lib/base/error.h"
#include "tools/json_lines.h"

namespace fovea::tools {
namespace {

std::vector<std::string> Answers(const JsonLine& line) {
  const auto found = line.object.find("answer");
  if (found == line.object.end() || found->is_null()) return {};
  if (found->is_string()) return {found->get<std::string>()};
  std::vector<std::string> answers;
  for (const nlohmann::json& answer : *found) {
    if (!answer.is_string())
      throw Error(ErrorCode::kInvalidArgument,
                  line.where + ": \"answer\" is no text or list of texts");
    answers.push_back(answer.get<std::string>());
  }
  return answers;
}

}  // namespace

std::vector<PageQuestion> ReadPageQuestions(const std::filesystem::path& file) {
  std::vector<PageQuestion> questions;
  for (const JsonLine& line : ReadJsonLines(file.string())) {
    PageQuestion question;
    question.id = line.object.contains("id") ? line.Text("id") : line.where;
    question.question = line.Text("question");
    if (const auto page = line.object.find("document");
        page != line.object.end() && !page->is_null()) {
      question.document = line.Text("document");
    }
    question.answers = Answers(line);
    if (const auto answerable = line.object.find("answerable"); answerable != line.object.end()) {
      if (!answerable->is_boolean()) {
        throw Error(ErrorCode::kInvalidArgument,
                    line.where + ": \"answerable\" is neither true nor false");
      }
      question.answerable = answerable->get<bool>();
    }
    questions.push_back(std::move(question));
  }
  return questions;
}

bool EndsInPath(std::string_view document, std::string_view suffix) {
  if (!document.ends_with(suffix)) return false;
  return document.size() == suffix.size() || document[document.size() - suffix.size() - 1] == '/';
}

std::optional<std::size_t> RankOfPage(const std::vector<std::string>& documents,
                                      std::string_view suffix) {
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (EndsInPath(documents[i], suffix)) return i + 1;
  }
  return std::nullopt;
}

}  // namespace fovea::tools
