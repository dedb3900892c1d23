#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "tools/answer_options.h"
#include "tools/answer_output.h"
#include "tools/chunking_options.h"
#include "tools/command.h"
#include "tools/eval_metrics.h"
#include "tools/exit_status.h"
#include "tools/question_file.h"
#include "tools/temporary_index.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

// Has-answer F1 that an abstention threshold may cost where no_answer_accuracy is reported for it.
constexpr double kF1Drop = 0.05;
// Retrieved beyond those that are read, so that enough are left when some are withheld.
constexpr int kWithheldPassages = 16;

bool Abstained(const Answer& answer, float threshold) {
  return answer.abstained || 1.0 - answer.confidence >= static_cast<double>(threshold);
}

struct Tally {
  std::size_t questions = 0, answerable = 0, retrieved = 0, replies = 0, quoted = 0;
  double em = 0, f1 = 0, has_answer_f1 = 0, no_answer = 0, contains = 0;
  std::vector<AnswerConfidence> confidences;  // of all questions, F1 as if none were abstained

  // Gives the prediction that counts. `gold`: empty if there is no answer in what was read.
  std::string Add(std::span<const std::string> gold, const Answer& answer,
                  float abstain_threshold) {
    const bool abstained = Abstained(answer, abstain_threshold);
    const std::string span = answer.short_answer.value_or("");
    const std::string prediction = abstained ? "" : span;
    ++questions;
    replies += !abstained;
    quoted += !abstained && answer.source == AnswerSource::kQuoted;
    const double question_f1 = F1(prediction, gold);
    confidences.push_back({answer.confidence, !gold.empty(), F1(span, gold)});
    em += ExactMatch(prediction, gold);
    f1 += question_f1;
    if (gold.empty()) {
      no_answer += prediction.empty();
      return prediction;
    }
    ++answerable;
    has_answer_f1 += question_f1;
    contains += !abstained && ReplyContains(answer.text, gold);
    return prediction;
  }
};

class EvalQaCommand final : public Command {
 public:
  EvalQaCommand() {
    options_.mode = "extract";
    options_.abstain.clear();  // by the file's version
  }

  void Declare(OptionTable& table) override {
    table.Text("squad", &file_, "FILE", "questions in SQuAD's JSON (v1.1 or v2.0) or JSON Lines");
    table.Flag(
        "open", &open_,
        "index all paragraphs of the file and retrieve from them, instead of giving the right one");
    table.Flag("withhold", &withhold_,
               "with --open: leave out the right paragraph and what holds a right answer, so that "
               "none is right for every question");
    options_.DeclarePassages(table);
    options_.DeclareMode(table);
    options_.DeclareSampling(table);
    options_.DeclareReuse(table);
    table.Custom(
        "abstain", "auto|never|T", [this](const std::string& text) { SetAbstain(text); },
        "as in ask (default: never for v1.1 files, auto for v2.0)");
    table.Integer("limit", &limit_, 1, "only the first N questions");
    table.Text("predictions", &predictions_file_, "FILE",
               "write question ids with their answers, as the official script reads them");
    table.Text("answers", &answers_file_, "FILE",
               "write what ask --json gives to each question, with its id and right answers, one "
               "a line");
    chunking_.Declare(table);
  }

  int Run(Session& session) override {
    if (file_.empty()) throw UsageError("--squad: missing");
    if (withhold_ && !open_) throw UsageError("--withhold: needs --open");
    const ChunkerOptions chunker = chunking_.Resolve(std::nullopt);
    const SquadFile squad = ReadQuestionFile(file_);
    if (options_.abstain.empty())
      options_.abstain = squad.version_2 || withhold_ ? "auto" : "never";
    AskOptions ask = options_.Resolve();
    std::optional<TemporaryFolder> folder;
    if (open_) {
      folder.emplace();
      WriteCorpus(squad, folder->path() / "corpus.jsonl");
      BuildIndex(session, folder->path() / "index", folder->path() / "corpus.jsonl", chunker);
    }
    Pipeline pipeline(
        session.ForPipeline(open_ ? folder->path() / "index" : std::filesystem::path()));

    // Every question is answered; what would have been abstained is counted as such, so that one
    // run shows every threshold.
    const float threshold = ask.abstain_threshold.value_or(pipeline.reader().abstain_threshold());
    ask.abstain_threshold = kNeverAbstain;

    const std::size_t count =
        std::min(squad.questions.size(),
                 limit_ ? static_cast<std::size_t>(*limit_) : squad.questions.size());
    const auto start = std::chrono::steady_clock::now();
    Tally tally;
    Json predictions = Json::object();
    std::string answers;
    for (std::size_t i = 0; i < count; ++i) {
      session.ThrowIfStopped();
      const SquadQuestion& question = squad.questions[i];
      Answer answer = Ask(session, pipeline, squad, question, ask);
      const std::span<const std::string> gold =
          withhold_ ? std::span<const std::string>() : question.answers;
      const std::string prediction = tally.Add(gold, answer, threshold);
      if (!question.answers.empty())
        tally.retrieved += Holds(answer, squad.paragraphs[question.paragraph].name);
      predictions[question.id] = prediction;
      if (!answers_file_.empty()) {
        if (Abstained(answer, threshold)) Abstain(answer);
        answers += Line(question.id, gold, answer);
      }
      session.Report("asking", i + 1, count);
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    session.ClearProgress();
    if (!predictions_file_.empty()) {
      WriteFileAtomically(predictions_file_,
                          predictions.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    }
    if (!answers_file_.empty()) WriteFileAtomically(answers_file_, answers);
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

  static std::string Line(const std::string& id, std::span<const std::string> gold,
                          const Answer& answer) {
    Json line{{"id", JsonText(id)}, {"gold", Json::array()}};
    for (const std::string& right : gold) line["gold"].push_back(JsonText(right));
    line.update(AnswerJson(answer));
    return line.dump() + "\n";
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
    const SquadParagraph& paragraph = squad.paragraphs[question.paragraph];
    if (withhold_) {
      return pipeline.AskPassages(question.question,
                                  HitsWithout(pipeline, question, paragraph.name, options), options,
                                  session.stop());
    }
    if (open_) return pipeline.Ask(question.question, options, session.stop());
    Hit hit;
    hit.passage.chunk = ChunkId{1};
    hit.passage.document_id = DocumentId{1};
    hit.passage.document = paragraph.name;
    hit.passage.title = paragraph.title;
    hit.passage.range = {0, paragraph.text.size()};
    hit.passage.text = paragraph.text;
    return pipeline.AskPassages(question.question, {std::move(hit)}, options, session.stop());
  }

  static std::vector<Hit> HitsWithout(Pipeline& pipeline, const SquadQuestion& question,
                                      const std::string& paragraph, const AskOptions& options) {
    SearchOptions search;
    search.k = options.passages + kWithheldPassages;
    std::vector<Hit> hits = pipeline.searcher().Search(question.question, search);
    std::erase_if(hits, [&](const Hit& hit) {
      return hit.passage.document == paragraph ||
             ContainsAnswer(hit.passage.text, question.answers);
    });
    hits.resize(std::min(hits.size(), static_cast<std::size_t>(options.passages)));
    return hits;
  }

  static bool Holds(const Answer& answer, const std::string& document) {
    return std::any_of(answer.passages.begin(), answer.passages.end(),
                       [&](const AnswerPassage& p) { return p.passage.document == document; });
  }

  void Print(Session& session, const Tally& tally, double seconds) const {
    const std::size_t unanswerable = tally.questions - tally.answerable;
    Json json{{"questions", tally.questions},
              {"em", JsonShare(tally.em, tally.questions)},
              {"f1", JsonShare(tally.f1, tally.questions)},
              {"has_answer_f1", JsonShare(tally.has_answer_f1, tally.answerable)},
              {"no_answer_accuracy", JsonShare(tally.no_answer, unanswerable)},
              {"contains", JsonShare(tally.contains, tally.answerable)},
              {"quoted", JsonShare(static_cast<double>(tally.quoted), tally.replies)}};
    if (open_) {
      json["retrieved@" + std::to_string(options_.passages)] =
          JsonShare(static_cast<double>(tally.retrieved), tally.answerable);
    }
    if (tally.answerable > 0 && unanswerable > 0) {
      const AbstentionPoint point = AbstainWithin(kF1Drop, tally.confidences);
      json["answerable_auc"] = AnswerableAuc(tally.confidences);
      json["at_f1_drop_0.05"] = {{"abstain", point.threshold},
                                 {"has_answer_f1", point.has_answer_f1},
                                 {"no_answer_accuracy", point.no_answer_accuracy}};
    }
    json["seconds_per_question"] = JsonShare(seconds, tally.questions);
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
  bool withhold_ = false;
  AnswerOptions options_;
  std::optional<int> limit_;
  std::string predictions_file_;
  std::string answers_file_;
  ChunkingOptions chunking_;
};

}  // namespace

std::unique_ptr<Command> MakeEvalQaCommand() { return std::make_unique<EvalQaCommand>(); }

}  // namespace fovea::tools
