#include <array>
#include <map>

#include "lib/base/error.h"
#include "tools/answer_options.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/question_set.h"
#include "tools/ranking.h"
#include "tools/squad.h"
#include "tools/terminal.h"

namespace fovea::tools {
namespace {

constexpr std::array<std::size_t, 3> kDepths = {1, 5, 10};

class EvalQuestionsCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Positional("FILE", &files_, 1, 1);
    table.Choice("search-mode", &search_mode_, {"all", "dense", "lexical", "hybrid", "read"},
                 "ways of searching to evaluate (default: all)");
    table.Flag("answers", &ask_, "ask each question as well");
    options_.DeclarePassages(table);
    options_.DeclareMode(table);
    options_.DeclareSampling(table);
    options_.DeclareAbstain(table);
  }

  int Run(Session& session) override {
    const std::vector<PageQuestion> questions = ReadPageQuestions(files_.front());
    const AskOptions ask = options_.Resolve();
    Pipeline pipeline(session.ForPipeline(session.options().index));
    std::vector<Json> details;
    std::size_t with_page = 0;
    std::size_t answerable = 0;
    for (const PageQuestion& question : questions) {
      details.push_back({{"id", JsonText(question.id)}, {"question", JsonText(question.question)}});
      with_page += !question.documents.empty();
      answerable += question.answerable;
    }
    Json json{
        {"questions", questions.size()}, {"answerable", answerable}, {"with_page", with_page}};
    std::vector<std::string> modes = {"dense", "lexical", "hybrid", "read"};
    if (search_mode_ != "all") modes = {search_mode_};
    for (const std::string& mode : modes) {
      json["modes"][mode] = EvaluatePages(session, pipeline, questions, mode, with_page, details);
    }
    if (ask_) json["answers"] = EvaluateAnswers(session, pipeline, questions, ask, details);
    json["details"] = details;
    session.ClearProgress();
    Print(session, json);
    return kDone;
  }

 private:
  static Json EvaluatePages(Session& session, Pipeline& pipeline,
                            const std::vector<PageQuestion>& questions, const std::string& mode,
                            std::size_t with_page, std::vector<Json>& details) {
    std::map<std::size_t, std::size_t> found;  // by depth
    for (std::size_t i = 0; i < questions.size(); ++i) {
      session.ThrowIfStopped();
      if (!questions[i].documents.empty()) {
        const std::vector<std::string> pages = SearchDocuments(
            pipeline.searcher(), questions[i].question, ParseSearchMode(mode), kDepths.back());
        const std::optional<std::size_t> rank = RankOfPage(pages, questions[i].documents);
        for (const std::size_t depth : kDepths) found[depth] += rank && *rank <= depth;
        details[i]["rank"][mode] = rank ? Json(*rank) : Json(nullptr);
      }
      session.Report("searching (" + mode + ")", i + 1, questions.size());
    }
    Json json;
    for (const std::size_t depth : kDepths)
      json["page@" + std::to_string(depth)] =
          JsonShare(static_cast<double>(found[depth]), with_page);
    return json;
  }

  static Json EvaluateAnswers(Session& session, Pipeline& pipeline,
                              const std::vector<PageQuestion>& questions, const AskOptions& options,
                              std::vector<Json>& details) {
    std::size_t with_answer = 0, contained = 0, answerable = 0, abstained = 0, unanswerable = 0,
                refused = 0;
    double seconds = 0;
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const PageQuestion& question = questions[i];
      const Answer answer = pipeline.Ask(question.question, options, session.stop());
      seconds += answer.timings.retrieve + answer.timings.read + answer.timings.prefill +
                 answer.timings.generate;
      details[i]["answer"] = JsonText(answer.text);
      details[i]["abstained"] = answer.abstained;
      if (question.answerable) {
        ++answerable;
        abstained += answer.abstained;
        if (!question.answers.empty()) {
          ++with_answer;
          const bool contains = !answer.abstained && ReplyContains(answer.text, question.answers);
          contained += contains;
          details[i]["contains"] = contains;
        }
      } else {
        ++unanswerable;
        refused += answer.abstained;
      }
      session.Report("asking", i + 1, questions.size());
    }
    return {{"contains", JsonShare(static_cast<double>(contained), with_answer)},
            {"abstained_answerable", JsonShare(static_cast<double>(abstained), answerable)},
            {"abstained_unanswerable", JsonShare(static_cast<double>(refused), unanswerable)},
            {"seconds_per_question", JsonShare(seconds, questions.size())}};
  }

  static void Print(Session& session, const Json& json) {
    if (session.options().json) {
      session.out().WriteJson(json);
      return;
    }
    session.out().Write(json["questions"].dump() + " questions, " + json["with_page"].dump() +
                        " with a page\n\n");
    const auto number = [](const Json& value) {
      return value.is_null() ? "-" : FormatFixed(value.get<double>(), 4);
    };
    session.out().Write("mode      page@1  page@5  page@10\n");
    for (const auto& [mode, scores] : json["modes"].items()) {
      std::string line = mode;
      line.resize(10, ' ');
      session.out().Write(line + number(scores["page@1"]) + "  " + number(scores["page@5"]) + "  " +
                          number(scores["page@10"]) + "\n");
    }
    if (const auto answers = json.find("answers"); answers != json.end()) {
      session.out().Write("\n");
      for (const auto& [name, value] : answers->items()) {
        std::string line = name;
        line.resize(24, ' ');
        session.out().Write(line + number(value) + "\n");
      }
    }
    session.out().Write("\nNot among the first 5 (rank by mode):\n");
    for (const Json& detail : json["details"]) {
      const auto ranks = detail.find("rank");
      if (ranks == detail.end()) continue;
      bool missed = false;
      for (const auto& [mode, rank] : ranks->items())
        missed = missed || rank.is_null() || rank.get<int>() > 5;
      if (missed) {
        session.out().Write(ForTerminal(detail["id"].get<std::string>()) + "  " + ranks->dump() +
                            "  " + ForTerminal(detail["question"].get<std::string>()) + "\n");
      }
    }
  }

  std::vector<std::string> files_;
  std::string search_mode_ = "all";
  bool ask_ = false;
  AnswerOptions options_;
};

}  // namespace

std::unique_ptr<Command> MakeEvalQuestionsCommand() {
  return std::make_unique<EvalQuestionsCommand>();
}

}  // namespace fovea::tools
