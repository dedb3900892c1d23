// SQuAD files (Rajpurkar et al. 2016, 2018) and the official scores.

#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::tools {

struct SquadQuestion {
  std::string id;
  std::string question;
  std::vector<std::string> answers;  // empty: unanswerable
  std::size_t paragraph = 0;         // index into SquadFile::paragraphs
};

struct SquadParagraph {
  std::string name;  // "title#i", i from 0 within the title; unique
  std::string title;
  std::string text;
};

struct SquadFile {
  bool version_2 = false;  // has unanswerable questions
  std::vector<SquadParagraph> paragraphs;
  std::vector<SquadQuestion> questions;
};

// Throws Error(kNotFound | kIo), Error(kInvalidArgument) that says what is missing where.
SquadFile ReadSquad(const std::filesystem::path& file);

// The official normalize_answer: lower case, without ASCII punctuation, without the articles a, an,
// the, words separated by single spaces.
std::string NormalizeAnswer(std::string_view text);

// Official exact match and F1 of a prediction: the best over the gold answers ("" alone where there
// is none).
double ExactMatch(std::string_view prediction, std::span<const std::string> gold);
double F1(std::string_view prediction, std::span<const std::string> gold);

// Whether the words of some normalised, non-empty gold answer occur in a row in the normalised
// text.
bool ContainsAnswer(std::string_view text, std::span<const std::string> gold);

// Words separated by white space.
std::size_t CountWords(std::string_view text);

// Whether a reply of at most 40 words contains an answer: a longer one may hold it by chance.
bool ReplyContains(std::string_view reply, std::span<const std::string> gold);

}  // namespace fovea::tools
