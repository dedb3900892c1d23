#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "tools/answer_options.h"
#include "tools/chunking_options.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/squad.h"
#include "tools/temporary_index.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

constexpr std::size_t kContainsWords = 40;  // a longer answer does not count as containing one

struct Tally {
  std::size_t questions = 0, answerable = 0, retrieved = 0;
  double em = 0, f1 = 0, has_answer_f1 = 0, no_answer = 0, contains = 0;

  void Add(const SquadQuestion& question, const std::string& prediction,
           const std::string& answer) {
    ++questions;
    const double question_f1 = F1(prediction, question.answers);
    em += ExactMatch(prediction, question.answers);
    f1 += question_f1;
    if (question.answers.empty()) {
      no_answer += prediction.empty();
      return;
    }
    ++answerable;
    has_answer_f1 += question_f1;
    contains += CountWords(answer) <= kContainsWords && ContainsAnswer(answer, question.answers);
  }
};

// null where there is nothing to take the share of.
Json Share(double sum, std::size_t count) {
  return count == 0 ? Json(nullptr) : Json(sum / static_cast<double>(count));
}

class EvalQaCommand final : public Command {
 public:
  EvalQaCommand() {
    options_.mode = "extract";
    options_.abstain.clear();  // by the file's version
  }

  void Declare(OptionTable& table) override {
    table.Text("squad", &file_, "FILE", "questions in SQuAD's JSON (v1.1 or v2.0)");
    table.Flag(
        "open", &open_,
        "index all paragraphs of the file and retrieve from them, instead of giving the right one");
    options_.DeclarePassages(table);
    options_.DeclareMode(table);
    options_.DeclareSampling(table);
    table.Custom(
        "abstain", "auto|never|T", [this](const std::string& text) { SetAbstain(text); },
        "as in ask (default: never for v1.1 files, auto for v2.0)");
    table.Integer("limit", &limit_, 1, "only the first N questions");
    table.Text("predictions", &predictions_file_, "FILE",
               "write question ids with their answers, as the official script reads them");
    chunking_.Declare(table);
  }

  int Run(Session& session) override {
    if (file_.empty()) throw UsageError("--squad: missing");
    const ChunkerOptions chunker = chunking_.Resolve(std::nullopt);
    const SquadFile squad = ReadSquad(file_);
    if (options_.abstain.empty()) options_.abstain = squad.version_2 ? "auto" : "never";
    const AskOptions ask = options_.Resolve();
    std::optional<TemporaryFolder> folder;
    if (open_) {
      folder.emplace();
      WriteCorpus(squad, folder->path() / "corpus.jsonl");
      BuildIndex(session, folder->path() / "index", folder->path() / "corpus.jsonl", chunker);
    }
    Pipeline pipeline(
        session.ForPipeline(open_ ? folder->path() / "index" : std::filesystem::path()));

    const std::size_t count =
        std::min(squad.questions.size(),
                 limit_ ? static_cast<std::size_t>(*limit_) : squad.questions.size());
    const auto start = std::chrono::steady_clock::now();
    Tally tally;
    Json predictions = Json::object();
    for (std::size_t i = 0; i < count; ++i) {
      session.ThrowIfStopped();
      const SquadQuestion& question = squad.questions[i];
      const Answer answer = Ask(session, pipeline, squad, question, ask);
      const std::string prediction = answer.abstained ? "" : answer.short_answer.value_or("");
      tally.Add(question, prediction, answer.abstained ? "" : answer.text);
      if (!question.answers.empty())
        tally.retrieved += Holds(answer, squad.paragraphs[question.paragraph].name);
      predictions[question.id] = prediction;
      session.Report("asking", i + 1, count);
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    session.ClearProgress();
    if (!predictions_file_.empty()) {
      WriteFileAtomically(predictions_file_,
                          predictions.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    }
    Print(session, tally, seconds);
    return kDone;
  }

 private:
  void SetAbstain(const std::string& text) {
    const auto value = ParseNumber(text);
    if (text != "auto" && text != "never" && !(value && *value >= 0 && *value <= 1)) {
      throw std::invalid_argument("auto, never or a number from 0 to 1");
    }
    options_.abstain = text;
  }

  static void WriteCorpus(const SquadFile& squad, const std::filesystem::path& file) {
    std::string corpus;
    for (const SquadParagraph& paragraph : squad.paragraphs) {
      const Json line{
          {"_id", paragraph.name}, {"title", paragraph.title}, {"text", paragraph.text}};
      corpus += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    WriteFileAtomically(file, corpus);
  }

  Answer Ask(Session& session, Pipeline& pipeline, const SquadFile& squad,
             const SquadQuestion& question, const AskOptions& options) const {
    if (open_) return pipeline.Ask(question.question, options, session.stop());
    const SquadParagraph& paragraph = squad.paragraphs[question.paragraph];
    Hit hit;
    hit.passage.chunk = ChunkId{1};
    hit.passage.document_id = DocumentId{1};
    hit.passage.document = paragraph.name;
    hit.passage.title = paragraph.title;
    hit.passage.range = {0, paragraph.text.size()};
    hit.passage.text = paragraph.text;
    return pipeline.AskPassages(question.question, {std::move(hit)}, options, session.stop());
  }

  static bool Holds(const Answer& answer, const std::string& document) {
    return std::any_of(answer.passages.begin(), answer.passages.end(),
                       [&](const AnswerPassage& p) { return p.passage.document == document; });
  }

  void Print(Session& session, const Tally& tally, double seconds) const {
    const std::size_t unanswerable = tally.questions - tally.answerable;
    Json json{{"questions", tally.questions},
              {"em", Share(tally.em, tally.questions)},
              {"f1", Share(tally.f1, tally.questions)},
              {"has_answer_f1", Share(tally.has_answer_f1, tally.answerable)},
              {"no_answer_accuracy", Share(tally.no_answer, unanswerable)},
              {"contains", Share(tally.contains, tally.answerable)}};
    if (open_) {
      json["retrieved@" + std::to_string(options_.passages)] =
          Share(static_cast<double>(tally.retrieved), tally.answerable);
    }
    json["seconds_per_question"] = Share(seconds, tally.questions);
    if (session.options().json) {
      session.out().WriteJson(json);
      return;
    }
    for (const auto& [name, value] : json.items()) {
      std::string line = name;
      line.resize(22, ' ');
      session.out().Write(line +
                          (value.is_number_float() ? FormatFixed(value.get<double>(), 4)
                           : value.is_null()       ? "-"
                                                   : value.dump()) +
                          "\n");
    }
  }

  std::string file_;
  bool open_ = false;
  AnswerOptions options_;
  std::optional<int> limit_;
  std::string predictions_file_;
  ChunkingOptions chunking_;
};

}  // namespace

std::unique_ptr<Command> MakeEvalQaCommand() { return std::make_unique<EvalQaCommand>(); }

}  // namespace fovea::tools
