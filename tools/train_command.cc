// fovea train reader: trains or fine-tunes the reader.

#include <algorithm>
#include <charconv>

#include "lib/base/error.h"
#include "lib/nn/safetensors.h"
#include "lib/reader/reader_file.h"
#include "lib/train/reader_trainer.h"
#include "tools/command.h"
#include "tools/example_file.h"
#include "tools/exit_status.h"
#include "tools/near_words.h"
#include "tools/output.h"
#include "tools/progress_bar.h"
#include "tools/reader_data.h"
#include "tools/reader_validation.h"
#include "tools/session.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

constexpr int kStepsALogLine = 50;
constexpr const char* kBestF1 = "validation_f1";  // in the model card

std::string FileName(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

ReaderNetworkOptions LayersOf(const ReaderFileInfo& info) {
  return {.frozen_layers = info.frozen_layers,
          .apart_layers = info.apart_layers,
          .joint_layers = info.joint_layers,
          .joint_feed_forward = info.joint_feed_forward};
}

class TrainReaderCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.TextList("data", &data_, "FILE[:SHARE]",
                   "questions to train on (JSONL); repeatable. With a share (0.3), an epoch takes "
                   "so much of them, the next the next ones");
    table.Text("out", &out_, "FILE", "where the trained reader goes (safetensors)");
    table.Text("examples", &example_file_, "FILE",
               "write what the data's examples are drawn from, as token ids, and end: for training "
               "in another framework");
    table.Text("init", &init_, "FILE", "a trained reader to go on from (fine-tuning)");
    table.Choice("only", &only_, {"all", "attention", "joint"},
                 "what is trained: all layers; of them the attention projections; or the joint "
                 "layers, twice as fast (default: all)");
    table.Integer("state-cache", &state_cache_mib_, 0,
                  "MiB of passage states held in memory with --only joint (default: 2048)");
    table.Text("teacher", &teacher_, "FILE",
               "a trained reader whose answers are learnt too (distillation)");
    table.Number("teacher-weight", &teacher_loss_.teacher, 0.001, 1,
                 "share of the loss that the teacher has; the data has the rest (default: 0.5)");
    table.Number("teacher-temperature", &teacher_loss_.temperature, 0.1, 100,
                 "softens the teacher's probabilities and the reader's own (default: 2)");
    table.Text("valid", &valid_, "FILE",
               "questions in SQuAD's JSON or JSON Lines: the weights of the epoch that reads them "
               "best are kept");
    table.Integer("valid-limit", &valid_limit_, 1, "only the first N validation questions");
    table.Integer("patience", &patience_, 0,
                  "epochs without a better validation F1 before it stops; 0: never (default: 2)");
    table.Text("negatives", &negatives_, "DIR",
               "an index whose passages are hard negatives too, beside the data's own");
    table.Flag("resume", &resume_, "go on from the checkpoint beside --out, if there is one");
    table.Flag("skip-bad", &skip_bad_, "leave out lines that are wrong, and count them");
    table.Integer("epochs", &options_.epochs, 1, "passes over the data (default: 2)");
    table.Integer("seed", &seed_, 0, "seed of everything random (default: 1)");
    table.Integer("passages", &passages_, 1, "passages read together (default: 2)");
    table.Number("altered", &altered_, 0, 0.8,
                 "share of the questions that are altered so that no passage answers them; fewer "
                 "where the data has such questions (default: 0.3)");
    table.Integer("batch", &batch_, 1, "questions a step (default: 16)");
    table.Number("shared", &shared_, 0, 10,
                 "weight in the loss of the answers of all passages together; 0: every passage "
                 "learns alone (default: 1)");
    table.Number("rate", &options_.rate, 1e-7, 1, "learning rate at its peak (default: 0.0001)");
    table.Integer("frozen", &frozen_, 0,
                  "lower layers left as they are (default: those of --init, else 0)");
    table.Integer(
        "apart", &apart_, 0,
        "layers over question and passages apart (default: those of --init, else 3 with the "
        "frozen ones)");
    table.Integer(
        "joint", &joint_, 1,
        "layers over both together; of an --init with more the last are left out (default: "
        "those of --init, else 3)");
    table.Integer("feed-forward", &feed_forward_, 1,
                  "units of the joint layers' feed-forward part: of those of the start, the ones "
                  "whose weights are largest (default: all)");
    table.Choice("weights", &weights_type_, {"int8", "f32"},
                 "how the weights are written (default: int8)");
    table.Number(
        "abstain", &abstain_, 0, 1,
        "the weight of \"none of these\" from which on the reader abstains (default: that of "
        "--init, else 0.5)");
    table.Text("licence", &licence_, "TEXT", "of the data, for the model card");
  }

  int Run(Session& session) override {
    CheckOptions();
    const std::filesystem::path folder = session.EmbedderFolder();
    const std::unique_ptr<Encoder> encoder = Encoder::Load(folder, &session.pool());
    const SafetensorsFile weights(folder / "model.safetensors");
    if (!example_file_.empty()) return WriteExamples(session, *encoder, weights);
    std::optional<ReaderFile> start;
    if (!init_.empty()) start_ = start.emplace(init_).info();
    ReaderNetwork network(*encoder, weights, NetworkOptions(), options_.seed);
    if (start) network.StartFrom(*start);
    const std::unique_ptr<ReaderNetwork> teacher = Teacher(*encoder, weights);
    if (only_ == "attention") network.TrainAttentionAlone();
    if (only_ == "joint") network.TrainJointAlone(static_cast<std::size_t>(state_cache_mib_) << 20);
    if (!valid_.empty()) validation_.emplace(valid_, valid_limit_, *encoder);

    const TrainingData data = ReadData(session);
    const NearWords near(*encoder, weights, &session.pool());
    const EpochQuestions questions(data.files, options_.seed);
    const TrainingExamples examples =
        Examples(session, data, questions.TakenIn(options_.epochs), *encoder, near, out_);
    ReaderTrainer trainer(network, examples, options_, teacher.get());
    if (resume_) {
      trainer.Resume();
      RememberBest();
    }
    trainer.Run([&](const TrainingProgress& progress) { Show(session, progress); },
                [&](int epoch, const TrainingProgress& progress) {
                  return AfterEpoch(session, network, data, epoch, progress);
                },
                session.stop(), &session.pool());
    session.ClearProgress();
    return kDone;
  }

 private:
  void CheckOptions() {
    if (data_.empty()) throw UsageError("--data: missing");
    for (const std::string& text : data_) files_.push_back(ParseTrainingFile(text));
    if (out_.empty() == example_file_.empty())
      throw UsageError(out_.empty() ? "--out: missing" : "--out and --examples: give one of them");
    options_.seed = static_cast<std::uint64_t>(seed_);
    options_.batch_questions = static_cast<std::size_t>(batch_);
    if (out_.empty()) return;
    options_.checkpoint = out_ + ".checkpoint";
    if (!resume_ && ReaderTrainer::IsUnfinished(options_.checkpoint)) {
      throw Error(ErrorCode::kInvalidArgument,
                  options_.checkpoint.string() +
                      ": of a training that was stopped: go on with --resume, or remove it");
    }
  }

  TrainingData ReadData(Session& session) const {
    TrainingData data = ReadTrainingData(files_, skip_bad_);
    if (!negatives_.empty()) AddPassagesOf(negatives_, data);
    if (data.skipped > 0) session.Warn(std::to_string(data.skipped) + " lines left out");
    return data;
  }

  // Hard negatives, of the questions that are `taken`, are kept beside `out`.
  TrainingExamples Examples(Session& session, const TrainingData& data,
                            const std::vector<bool>& taken, const Encoder& encoder,
                            const NearWords& near, const std::string& out) const {
    return TrainingExamples(data, FindCandidates(session, data, taken, out + ".candidates"),
                            encoder, near,
                            {.passages = static_cast<std::size_t>(passages_),
                             .altered = altered_,
                             .seed = options_.seed},
                            &session.pool());
  }

  int WriteExamples(Session& session, const Encoder& encoder,
                    const SafetensorsFile& weights) const {
    const TrainingData data = ReadData(session);
    const NearWords near(encoder, weights, &session.pool());
    const std::vector<bool> all(data.questions.size(), true);
    WriteExampleFile(session, data, Examples(session, data, all, encoder, near, example_file_),
                     options_.seed, example_file_);
    session.ClearProgress();
    return kDone;
  }

  ReaderNetworkOptions NetworkOptions() const {
    ReaderNetworkOptions options;
    if (!init_.empty()) {
      options = LayersOf(start_);
    } else if (frozen_) {
      options.apart_layers = static_cast<std::size_t>(std::max(0, 3 - *frozen_));
    }
    if (frozen_) options.frozen_layers = static_cast<std::size_t>(*frozen_);
    if (apart_) options.apart_layers = static_cast<std::size_t>(*apart_);
    if (joint_) options.joint_layers = static_cast<std::size_t>(*joint_);
    if (feed_forward_) options.joint_feed_forward = static_cast<std::size_t>(*feed_forward_);
    if (!teacher_.empty()) options.loss = teacher_loss_;
    options.loss.shared = shared_;
    return options;
  }

  // With its own layers; null where none is asked for.
  std::unique_ptr<ReaderNetwork> Teacher(const Encoder& encoder,
                                         const SafetensorsFile& weights) const {
    if (teacher_.empty()) return nullptr;
    const ReaderFile file(teacher_);
    auto teacher =
        std::make_unique<ReaderNetwork>(encoder, weights, LayersOf(file.info()), options_.seed);
    teacher->StartFrom(file);
    return teacher;
  }

  void Show(Session& session, const TrainingProgress& progress) const {
    if (progress.step % kStepsALogLine == 0) {
      session.Info("step " + std::to_string(progress.step) + " of " +
                   std::to_string(progress.steps) + ": loss " + FormatFixed(progress.loss, 3) +
                   ", ranking " + FormatFixed(progress.rank_loss, 3) +
                   (teacher_.empty() ? "" : ", teacher " + FormatFixed(progress.teacher_loss, 3)) +
                   ", gradient " + FormatFixed(progress.gradient_norm, 2) + ", " +
                   FormatFixed(progress.tokens_per_s, 0) + " tokens/s, " +
                   FormatDuration(progress.seconds_left) + " left");
    }
    session.Report("training", static_cast<std::uint64_t>(progress.step),
                   static_cast<std::uint64_t>(progress.steps));
  }

  // Of a run that is taken up: how good the weights are that it has written.
  void RememberBest() {
    if (!validation_ || !std::filesystem::exists(out_)) return;
    const ReaderFile written(out_);
    const auto& card = written.info().card;
    const auto number = [&](const char* key, auto& value) {
      const auto found = card.find(key);
      if (found == card.end()) return;
      std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
    };
    number(kBestF1, best_f1_);
    number("epoch", best_epoch_);
  }

  // Writes the weights where they are the best so far; says whether to go on.
  bool AfterEpoch(Session& session, ReaderNetwork& network, const TrainingData& data, int epoch,
                  const TrainingProgress& progress) {
    std::string text = "epoch " + std::to_string(epoch) + ": loss " + FormatFixed(progress.loss, 3);
    Json line = {{"epoch", epoch},
                 {"loss", progress.loss},
                 {"rank_loss", progress.rank_loss},
                 {"tokens_per_s", progress.tokens_per_s}};
    if (!teacher_.empty()) line["teacher_loss"] = progress.teacher_loss;
    std::string figures;
    bool best = true;
    if (validation_) {
      const ReaderScores scores = validation_->Score(session, network);
      figures = "F1 " + FormatFixed(100 * scores.f1, 2) + ", EM " +
                FormatFixed(100 * scores.em, 2) + ", passage accuracy " +
                FormatFixed(100 * scores.passage_accuracy, 2) + " on " +
                std::to_string(scores.questions) + " questions";
      text += ", " + figures;
      line["f1"] = scores.f1;
      line["em"] = scores.em;
      line["passage_accuracy"] = scores.passage_accuracy;
      best = scores.f1 > best_f1_;
      if (best) {
        best_f1_ = scores.f1;
        best_epoch_ = epoch;
      }
    }
    if (best) Write(network, data, epoch, figures);
    session.ClearProgress();
    if (session.options().json) {
      session.out().WriteJson(line);
    } else {
      session.out().Write(text + "\n");
    }
    session.out().Flush();
    return !validation_ || patience_ == 0 || epoch - best_epoch_ < patience_;
  }

  void Write(ReaderNetwork& network, const TrainingData& data, int epoch,
             const std::string& figures) const {
    ReaderFileInfo info = network.FileInfo();
    info.abstain_threshold = abstain_.value_or(start_.abstain_threshold);
    info.retrieval_weight = start_.retrieval_weight;
    info.answer_signs = start_.answer_signs;
    info.card = Card(data, epoch, figures);
    WriteReaderFile(out_, info, network.Tensors(),
                    weights_type_ == "f32" ? ReaderFileType::kF32 : ReaderFileType::kInt8);
  }

  // Names of files, not where they lie: the card goes with the weights.
  std::map<std::string, std::string> Card(const TrainingData& data, int epoch,
                                          const std::string& figures) const {
    std::string files;
    std::string command = "fovea train reader";
    for (const TrainingFile& file : files_) {
      files += (files.empty() ? "" : ", ") + NameAndShare(file);
      command += " --data " + NameAndShare(file);
    }
    if (!init_.empty()) command += " --init " + FileName(init_);
    if (only_ != "all") command += " --only " + only_;
    if (!teacher_.empty()) {
      command += " --teacher " + FileName(teacher_) + " --teacher-weight " +
                 JsonNumber(teacher_loss_.teacher).dump() + " --teacher-temperature " +
                 JsonNumber(teacher_loss_.temperature).dump();
    }
    if (!negatives_.empty()) command += " --negatives " + FileName(negatives_);
    if (!valid_.empty()) command += " --valid " + FileName(valid_);
    if (shared_ != ReaderLossWeights{}.shared) command += " --shared " + JsonNumber(shared_).dump();
    const ReaderNetworkOptions network = NetworkOptions();
    command += " --epochs " + std::to_string(options_.epochs) + " --rate " +
               JsonNumber(options_.rate).dump() + " --passages " + std::to_string(passages_) +
               " --altered " + JsonNumber(altered_).dump() + " --batch " + std::to_string(batch_) +
               " --frozen " + std::to_string(network.frozen_layers) + " --apart " +
               std::to_string(network.apart_layers) + " --joint " +
               std::to_string(network.joint_layers) +
               (network.joint_feed_forward == 0
                    ? ""
                    : " --feed-forward " + std::to_string(network.joint_feed_forward)) +
               " --seed " + std::to_string(seed_);
    std::map<std::string, std::string> card = {
        {"data", std::to_string(data.questions.size()) + " questions over " +
                     std::to_string(data.contexts.size()) + " passages: " + files},
        {"command", command},
        {"epoch", std::to_string(epoch)}};
    if (!licence_.empty()) card["licence"] = licence_;
    if (!figures.empty()) {
      card["figures"] = FileName(valid_) + ": " + figures;
      card[kBestF1] = Json(best_f1_).dump();
    }
    return card;
  }

  std::vector<std::string> data_;
  std::vector<TrainingFile> files_;
  std::string out_;
  std::string example_file_;
  std::string init_;
  std::string only_ = "all";
  int state_cache_mib_ = 2048;
  std::string teacher_;
  ReaderLossWeights teacher_loss_ = {.teacher = 0.5f};
  std::string negatives_;
  std::string valid_;
  std::string licence_;
  std::optional<float> abstain_;
  ReaderFileInfo start_;  // of --init; without it, the defaults
  std::string weights_type_ = "int8";
  bool resume_ = false;
  bool skip_bad_ = false;
  int seed_ = 1;
  int passages_ = 2;
  float altered_ = ReaderDataOptions{}.altered;
  float shared_ = ReaderLossWeights{}.shared;
  int batch_ = 16;
  int patience_ = 2;
  std::optional<int> frozen_;
  std::optional<int> feed_forward_;
  std::optional<int> apart_;
  std::optional<int> joint_;
  std::optional<int> valid_limit_;
  ReaderTrainerOptions options_;

  std::optional<ReaderValidation> validation_;
  double best_f1_ = -1;
  int best_epoch_ = 0;
};

}  // namespace

std::unique_ptr<Command> MakeTrainReaderCommand() { return std::make_unique<TrainReaderCommand>(); }

}  // namespace fovea::tools
