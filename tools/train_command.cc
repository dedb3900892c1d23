// fovea train reader: trains or fine-tunes the reader.

#include <algorithm>
#include <limits>

#include "lib/base/error.h"
#include "lib/nn/safetensors.h"
#include "lib/nn/safetensors_writer.h"
#include "lib/train/reader_trainer.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/output.h"
#include "tools/reader_data.h"
#include "tools/session.h"
#include "tools/squad.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

constexpr std::size_t kLongestAnswer = 30;  // tokens
constexpr std::size_t kValidationBatch = 16;

// The likeliest span of a single passage, as bytes of its text.
ByteRange BestSpan(const ReaderLogits& logits, std::size_t text, const Encoding& encoding) {
  const std::vector<float>& start = logits.start[0];
  const std::vector<float>& end = logits.end[0];
  float best = -std::numeric_limits<float>::infinity();
  ByteRange range{0, 0};
  for (std::size_t i = text; i + 1 < start.size(); ++i) {
    for (std::size_t j = i; j + 1 < end.size() && j < i + kLongestAnswer; ++j) {
      if (start[i] + end[j] <= best) continue;
      best = start[i] + end[j];
      range = {encoding.ranges[i - text + 1].begin, encoding.ranges[j - text + 1].end};
    }
  }
  return range;
}

class TrainReaderCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.TextList("data", &files_, "FILE", "questions to train on (JSONL); repeatable");
    table.Text("out", &out_, "FILE", "where the trained reader goes (safetensors)");
    table.Text("valid", &valid_, "FILE", "questions in SQuAD's JSON to validate on");
    table.Flag("resume", &resume_, "go on from the checkpoint beside --out");
    table.Flag("skip-bad", &skip_bad_, "leave out lines that are wrong, and count them");
    table.Integer("epochs", &options_.epochs, 1, "passes over the data (default: 2)");
    table.Integer("seed", &seed_, 0, "seed of everything random (default: 1)");
    table.Integer("passages", &passages_, 1, "passages read together (default: 2)");
    table.Integer("frozen", &frozen_, 0, "lower layers left as they are (default: 0)");
    table.Integer("apart", &apart_, 0,
                  "layers over question and passages apart (default: 3 with the frozen ones)");
    table.Integer("joint", &joint_, 1, "layers over both together (default: 3)");
    table.Integer("valid-limit", &valid_limit_, 1, "only the first N validation questions");
    table.Number("rate", &options_.rate, 1e-7, 1, "learning rate at its peak (default: 0.0001)");
  }

  int Run(Session& session) override {
    if (files_.empty()) throw UsageError("--data: missing");
    if (out_.empty()) throw UsageError("--out: missing");
    const std::filesystem::path folder = session.EmbedderFolder();
    const std::unique_ptr<Encoder> encoder = Encoder::Load(folder, &session.pool());
    const SafetensorsFile weights(folder / "model.safetensors");
    const TrainingData data = ReadTrainingData(files_, skip_bad_);
    if (data.skipped > 0) session.Warn(std::to_string(data.skipped) + " lines left out");
    ReaderNetworkOptions network_options;
    network_options.frozen_layers = static_cast<std::size_t>(frozen_);
    network_options.apart_layers =
        static_cast<std::size_t>(apart_.value_or(std::max(0, 3 - frozen_)));
    network_options.joint_layers = static_cast<std::size_t>(joint_);
    options_.seed = static_cast<std::uint64_t>(seed_);
    options_.checkpoint = out_ + ".checkpoint";
    const TrainingExamples examples(
        data, FindCandidates(session, data, out_ + ".candidates"), *encoder,
        {.passages = static_cast<std::size_t>(passages_), .seed = options_.seed}, &session.pool());
    ReaderNetwork network(*encoder, weights, network_options, options_.seed);
    ReaderTrainer trainer(network, examples, options_);
    if (resume_) trainer.Resume();
    trainer.Run([&](const TrainingProgress& progress) { Show(session, progress); },
                [&](int epoch) {
                  Write(network);
                  Validate(session, network, *encoder, epoch);
                  return true;
                },
                session.stop(), &session.pool());
    session.ClearProgress();
    return kDone;
  }

 private:
  static void Show(Session& session, const TrainingProgress& progress) {
    if (progress.step % 50 == 0) {
      session.Info("step " + std::to_string(progress.step) + "/" + std::to_string(progress.steps) +
                   " loss " + FormatFixed(progress.loss, 3) + " rank " +
                   FormatFixed(progress.rank_loss, 3) + " norm " +
                   FormatFixed(progress.gradient_norm, 2) + " tokens/s " +
                   FormatFixed(progress.tokens_per_s, 0) + " left " +
                   FormatFixed(progress.seconds_left / 60, 1) + " min");
    }
    session.Report("training", static_cast<std::uint64_t>(progress.step),
                   static_cast<std::uint64_t>(progress.steps));
  }

  void Write(ReaderNetwork& network) const {
    std::vector<NamedTensor> tensors;
    for (const Parameter* parameter : network.parameters()) {
      tensors.push_back({parameter->name,
                         {parameter->value.rows(), parameter->value.cols()},
                         parameter->value.view()});
    }
    WriteSafetensors(out_, tensors, {{"format", "fovea reader"}});
  }

  void Validate(Session& session, ReaderNetwork& network, const Encoder& encoder, int epoch) const {
    if (valid_.empty()) return;
    const SquadFile squad = ReadSquad(valid_);
    std::vector<ReaderQuestion> batch;
    std::vector<const SquadQuestion*> questions;
    std::vector<Encoding> encodings;
    double f1 = 0, em = 0;
    std::size_t count = 0;
    const auto flush = [&] {
      const std::vector<ReaderLogits> logits = network.Forward(batch, &session.pool());
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const std::string& text = squad.paragraphs[questions[i]->paragraph].text;
        const ByteRange range = BestSpan(logits[i], batch[i].passages[0].text, encodings[i]);
        const std::string answer = text.substr(range.begin, range.end - range.begin);
        f1 += F1(answer, questions[i]->answers);
        em += ExactMatch(answer, questions[i]->answers);
        ++count;
      }
      batch.clear();
      questions.clear();
      encodings.clear();
    };
    for (const SquadQuestion& question : squad.questions) {
      if (question.answers.empty()) continue;
      if (valid_limit_ && count + batch.size() >= static_cast<std::size_t>(*valid_limit_)) break;
      const SquadParagraph& paragraph = squad.paragraphs[question.paragraph];
      encodings.push_back(encoder.tokenizer().Encode(paragraph.text));
      const Encoding title = EncodeTitle(paragraph.title, encoder);
      batch.push_back({encoder.Tokenize(question.question), {}});
      batch.back().passages.push_back(
          PassageTokens(title, encodings.back(), 1,
                        std::min(WindowTokens(title, encoder), encodings.back().ids.size() - 2)));
      questions.push_back(&question);
      if (batch.size() == kValidationBatch) flush();
    }
    flush();
    session.Info("epoch " + std::to_string(epoch) + ": F1 " +
                 FormatFixed(100 * f1 / static_cast<double>(count), 2) + ", EM " +
                 FormatFixed(100 * em / static_cast<double>(count), 2) + " on " +
                 std::to_string(count) + " questions");
  }

  std::vector<std::string> files_;
  std::string out_;
  std::string valid_;
  bool resume_ = false;
  bool skip_bad_ = false;
  int seed_ = 1;
  int passages_ = 2;
  int frozen_ = 0;
  std::optional<int> apart_;
  int joint_ = 3;
  std::optional<int> valid_limit_;
  ReaderTrainerOptions options_;
};

}  // namespace

std::unique_ptr<Command> MakeTrainReaderCommand() { return std::make_unique<TrainReaderCommand>(); }

}  // namespace fovea::tools
