#include "tools/beir.h"

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "tools/json_lines.h"
#include "tools/option_table.h"
#include "tools/text_lines.h"

namespace fovea::tools {

std::map<std::string, Judgements> ParseQrels(std::string_view text, const std::string& file) {
  std::map<std::string, Judgements> qrels;
  std::size_t number = 0;
  for (std::string_view line : SplitLines(text)) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (IsBlank(line)) continue;
    const std::size_t first = line.find('\t');
    const std::size_t second = first == std::string_view::npos ? first : line.find('\t', first + 1);
    const auto score =
        second == std::string_view::npos ? std::nullopt : ParseInteger(line.substr(second + 1));
    if (!score) {
      if (number == 1) continue;  // The header.
      throw Error(ErrorCode::kInvalidArgument, file + ":" + std::to_string(number) +
                                                   ": not \"query-id<TAB>corpus-id<TAB>score\"");
    }
    qrels[std::string(line.substr(0, first))]
         [std::string(line.substr(first + 1, second - first - 1))] = static_cast<int>(*score);
  }
  return qrels;
}

std::vector<JudgedQuery> ReadJudgedQueries(const std::filesystem::path& folder) {
  const std::string qrels_file = (folder / "qrels" / "test.tsv").string();
  const std::map<std::string, Judgements> qrels = ParseQrels(ReadFile(qrels_file), qrels_file);
  std::vector<JudgedQuery> queries;
  for (const JsonLine& line : ReadJsonLines((folder / "queries.jsonl").string())) {
    const std::string id = line.Text("_id");
    if (const auto found = qrels.find(id); found != qrels.end()) {
      queries.push_back({id, line.Text("text"), found->second});
    }
  }
  return queries;
}

}  // namespace fovea::tools
