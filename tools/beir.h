// The queries and judgements of a BEIR folder (Thakur et al. 2021): queries.jsonl and
// qrels/test.tsv.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/eval_metrics.h"

namespace fovea::tools {

struct JudgedQuery {
  std::string id;
  std::string text;
  Judgements judgements;  // not empty
};

// In the order of queries.jsonl; queries without judgements are left out. Throws Error(kNotFound |
// kIo | kInvalidArgument) that names the file and line.
std::vector<JudgedQuery> ReadJudgedQueries(const std::filesystem::path& folder);

// qrels: "query-id<TAB>corpus-id<TAB>score" a line, the header line optional.
std::map<std::string, Judgements> ParseQrels(std::string_view text, const std::string& file);

}  // namespace fovea::tools
