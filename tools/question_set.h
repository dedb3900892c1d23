// Sets of questions about an index: which page answers them, and how (corpora/*/questions.jsonl).

#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::tools {

struct PageQuestion {
  std::string id;
  std::string question;
  // The right pages, each a path as its end: "lang/select.html". Empty: there is none.
  std::vector<std::string> documents;
  std::vector<std::string> answers;  // accepted ones
  bool answerable = true;
};

// Throws Error(kNotFound | kIo | kInvalidArgument) that names the line.
std::vector<PageQuestion> ReadPageQuestions(const std::filesystem::path& file);

struct PageConversation {
  std::string id;
  std::string split;  // "": none is said
  std::vector<PageQuestion> turns;
};

// The same of conversations, one a line: "turns" holds the questions of each
// (corpora/*/conversations.jsonl). A line without it is a conversation of one question.
std::vector<PageConversation> ReadPageConversations(const std::filesystem::path& file);

// Whether `document` is `suffix` or ends in "/" + suffix.
bool EndsInPath(std::string_view document, std::string_view suffix);

// Rank from 1 of the first of `documents` that ends in one of `suffixes`; nullopt: none does.
std::optional<std::size_t> RankOfPage(const std::vector<std::string>& documents,
                                      std::span<const std::string> suffixes);

}  // namespace fovea::tools
