#include <unistd.h>

#include <limits>

#include "retriever/searcher.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/terminal.h"
#include "tools/text_lines.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

constexpr std::size_t kSnippetLines = 3;

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json OrNull(const std::optional<float>& value) {
  return value ? JsonNumber(*value) : Json(nullptr);
}

Json HitJson(const Hit& hit) {
  return {{"document", JsonText(hit.passage.document)},
          {"title", JsonText(hit.passage.title)},
          {"heading", JsonText(hit.passage.heading)},
          {"begin", hit.passage.range.begin},
          {"end", hit.passage.range.end},
          {"score", hit.score},
          {"dense_rank", OrNull(hit.dense_rank)},
          {"lexical_rank", OrNull(hit.lexical_rank)},
          {"dense_score", OrNull(hit.dense_score)},
          {"lexical_score", OrNull(hit.lexical_score)},
          {"weight", OrNull(hit.weight)},
          {"text", JsonText(hit.passage.text)}};
}

std::string HitText(std::size_t rank, const Hit& hit, const Style& style, std::size_t width) {
  std::string text = std::string(style.bold) + std::to_string(rank) + ". " +
                     std::string(style.reset) + std::string(style.cyan) +
                     ForTerminal(hit.passage.document) + ":" +
                     std::to_string(hit.passage.range.begin) + "-" +
                     std::to_string(hit.passage.range.end) + std::string(style.reset) + "  " +
                     std::string(style.dim) + "score " + FormatFixed(hit.score, 3);
  if (hit.weight) text += ", weight " + FormatFixed(*hit.weight, 3);
  text += std::string(style.reset) + "\n";
  std::string heading = hit.passage.title;
  if (!hit.passage.heading.empty()) {
    if (!heading.empty()) heading += kHeadingSeparator;
    heading += hit.passage.heading;
  }
  if (!heading.empty())
    text +=
        "   " + std::string(style.green) + ForTerminal(heading) + std::string(style.reset) + "\n";
  const std::vector<std::string> lines = WrapText(ForTerminal(hit.passage.text), width - 3);
  for (std::size_t i = 0; i < lines.size() && i < kSnippetLines; ++i) {
    text += "   " + lines[i] +
            (i + 1 == kSnippetLines && lines.size() > kSnippetLines ? " …" : "") + "\n";
  }
  return text;
}

class SearchCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Positional("QUERY", &words_, 1, std::numeric_limits<std::size_t>::max());
    table.Integer("k", &options_.k, 1, "passages to show (default: 10)", 100'000);
    table.Choice("mode", &mode_, {"read", "hybrid", "dense", "lexical"},
                 "how to rank (default: read, the first hybrid hits reordered by the reader)");
    table.Text("filter", &options_.document_glob, "GLOB", "only documents whose name matches");
  }

  int Run(Session& session) override {
    const std::string query = JoinWords(words_);
    if (IsBlank(query)) throw UsageError("QUERY is empty");
    options_.mode = ParseSearchMode(mode_);
    Pipeline pipeline(session.ForPipeline(session.options().index));
    const std::vector<Hit> hits = pipeline.searcher().Search(query, options_);
    if (session.options().json) {
      for (const Hit& hit : hits) session.out().WriteJson(HitJson(hit));
      return kDone;
    }
    const Style style(IsTerminal(STDOUT_FILENO));
    const std::size_t width = TerminalWidth(STDOUT_FILENO);
    for (std::size_t i = 0; i < hits.size(); ++i)
      session.out().Write(HitText(i + 1, hits[i], style, width));
    if (hits.empty()) session.out().Write("nothing found\n");
    return kDone;
  }

 private:
  std::vector<std::string> words_;
  SearchOptions options_;
  std::string mode_ = "read";
};

}  // namespace

std::unique_ptr<Command> MakeSearchCommand() { return std::make_unique<SearchCommand>(); }

}  // namespace fovea::tools
