#include "tools/example_file.h"

#include <map>
#include <set>

#include "lib/base/file.h"
#include "tools/output.h"
#include "tools/session.h"

namespace fovea::tools {
namespace {

constexpr int kAlterations = 8;  // drawn of each question

// Numbers passages by their tokens, and writes each once, before it is named.
class Passages {
 public:
  explicit Passages(std::string& lines) : lines_(lines) {}

  std::size_t Number(const ReaderPassage& passage) {
    const auto [entry, added] = numbers_.emplace(passage.tokens, numbers_.size());
    if (added) lines_ += Json({{"passage", passage.tokens}, {"text", passage.text}}).dump() + "\n";
    return entry->second;
  }

  // [number, dense, lexical]
  Json Scored(const ReaderPassage& passage) {
    return {Number(passage), JsonNumber(passage.scores[0]), JsonNumber(passage.scores[1])};
  }

 private:
  std::string& lines_;
  std::map<std::vector<TokenId>, std::size_t> numbers_;
};

}  // namespace

void WriteExampleFile(Session& session, const TrainingData& data, const TrainingExamples& examples,
                      std::uint64_t seed, const std::filesystem::path& path) {
  std::string lines = Json({{"fovea_examples", 1}}).dump() + "\n";
  Passages passages(lines);
  std::size_t file = 0;
  for (std::size_t i = 0; i < data.questions.size(); ++i) {
    session.ThrowIfStopped();
    while (i >= data.files[file].end) ++file;
    const ExampleParts parts = examples.Parts(i);
    const ReaderPassage right = examples.Right(i, parts.right);
    Json line = {{"question", parts.question},      {"file", file},
                 {"right", passages.Scored(right)}, {"answers", right.answers},
                 {"wrong", Json::array()},          {"altered", Json::array()}};
    for (const Candidate& wrong : parts.wrong)
      line["wrong"].push_back(passages.Scored(examples.Passage(wrong)));
    if (const auto shortened = examples.Shortened(i, parts.right))
      line["shortened"] = passages.Scored(*shortened);
    std::mt19937_64 random(seed * 1'000'003 + i);
    std::set<std::vector<TokenId>> altered;
    for (int draw = 0; draw < kAlterations; ++draw) {
      if (auto tokens = examples.Altered(i, random)) altered.insert(std::move(*tokens));
    }
    line["altered"] = altered;
    lines += line.dump() + "\n";
    session.Report("writing examples", i + 1, data.questions.size());
  }
  WriteFileAtomically(path, lines);
}

}  // namespace fovea::tools
