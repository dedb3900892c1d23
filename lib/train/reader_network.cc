#include "lib/train/reader_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "lib/base/error.h"
#include "lib/nn/encoder.h"
#include "lib/nn/encoder_weights.h"
#include "lib/nn/safetensors.h"
#include "lib/train/fixed_layers.h"

namespace fovea {
namespace {

// The weights of fusion (retriever/fusion.h), sharp enough that a passage that retrieval puts well
// behind needs a reason to win.
constexpr std::array<float, 2> kScoreWeights = {8.0f, 3.5f};
constexpr float kHeadSpread = 0.02f;  // standard deviation, as BERT's own heads start

void FillNormal(Parameter& parameter, std::mt19937_64& random) {
  std::normal_distribution<float> normal(0, kHeadSpread);
  for (float& value :
       std::span(parameter.value.data(), parameter.value.rows() * parameter.value.cols()))
    value = normal(random);
}

void FillZero(Parameter& parameter) {
  std::fill_n(parameter.value.data(), parameter.value.rows() * parameter.value.cols(), 0.0f);
}

LinearLayer Head(const std::string& name, std::size_t outputs, std::size_t width,
                 std::mt19937_64& random) {
  LinearLayer head = LinearLayer::Make(name, outputs, width);
  FillNormal(head.weight, random);
  FillZero(head.bias);
  return head;
}

// The parameter's value out of a BERT file, where query, key and value are three tensors.
void ReadFromBert(const SafetensorsFile& weights, Parameter& parameter) {
  const std::string prefix = BertPrefix(weights);
  std::vector<std::string> names = {parameter.name};
  if (const std::size_t at = parameter.name.find(".qkv."); at != std::string::npos) {
    names.clear();
    for (const char* part : {".query.", ".key.", ".value."})
      names.push_back(parameter.name.substr(0, at) + part + parameter.name.substr(at + 5));
  }
  std::vector<float> values;
  const std::size_t rows = parameter.value.rows() / names.size();
  const std::size_t cols = parameter.value.cols();
  for (const std::string& name : names) {
    const bool vector = parameter.value.rows() == 1;
    weights.AppendFloats(prefix + name,
                         vector ? std::vector<std::size_t>{cols / names.size()}
                                : std::vector<std::size_t>{rows, cols},
                         values);
  }
  std::copy(values.begin(), values.end(), parameter.value.data());
}

void ReadFromReader(const ReaderFile& file, Parameter& parameter) {
  const std::size_t rows = parameter.value.rows(), cols = parameter.value.cols();
  const std::vector<float> values =
      rows == 1 ? file.Vector(parameter.name, cols) : file.Matrix(parameter.name, rows, cols);
  std::copy(values.begin(), values.end(), parameter.value.data());
}

std::string LayerName(std::size_t layer) { return "encoder.layer." + std::to_string(layer) + "."; }

TransformerSizes Sizes(const EncoderConfig& config) {
  return {.width = static_cast<std::size_t>(config.width),
          .heads = static_cast<std::size_t>(config.heads),
          .feed_forward = static_cast<std::size_t>(config.feed_forward),
          .epsilon = config.epsilon};
}

DropoutOptions OfLayer(const DropoutOptions& dropout, std::size_t layer) {
  return {dropout.rate, dropout.seed * 64 + layer};
}

}  // namespace

// One forward pass: the rows of each sequence, apart and joint, and what the backward pass needs.
struct ReaderNetwork::Batch {
  struct Pair {
    std::size_t question;  // index of its sequence among those apart
    std::size_t passage;
  };

  std::vector<std::vector<TokenId>> sequences;  // each question, then its passages
  std::vector<std::size_t> starts;              // of the sequences
  std::vector<Pair> pairs;                      // one a passage of a question, in order
  std::vector<std::size_t> joint_starts;
  Matrix apart;           // [ΣT, D]
  Matrix joint;           // [ΣTj, D]
  Matrix firsts;          // [pairs, D]: the state of each pair's first token
  Matrix token_logits;    // [ΣTj, 2]
  Matrix passage_logits;  // [pairs, 2]
  std::vector<TransformerLayer::Trace> traces;
  // Of the backward pass.
  Matrix joint_gradient;
  Matrix apart_gradient;
  TransformerLayer::Scratch scratch;

  std::size_t QuestionTokens(const Pair& pair) const { return sequences[pair.question].size(); }
};

ReaderNetwork::ReaderNetwork(const Encoder& encoder, const SafetensorsFile& weights,
                             const ReaderNetworkOptions& options, std::uint64_t seed)
    : encoder_(encoder), options_(options), batch_(std::make_unique<Batch>()) {
  options.loss.Validate();
  const EncoderConfig& config = encoder.config();
  const std::size_t layers = options.frozen_layers + options.apart_layers + options.joint_layers;
  if (layers > static_cast<std::size_t>(config.layers) || options.joint_layers == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                encoder.name() + " has " + std::to_string(config.layers) + " layers; a reader of " +
                    std::to_string(layers) + " with " + std::to_string(options.joint_layers) +
                    " joint ones cannot start from it");
  }
  if (options.joint_feed_forward > static_cast<std::size_t>(config.feed_forward)) {
    throw Error(ErrorCode::kInvalidArgument,
                encoder.name() + " has feed-forward layers of " +
                    std::to_string(config.feed_forward) + " units; a reader of " +
                    std::to_string(options.joint_feed_forward) + " cannot start from it");
  }
  const TransformerSizes sizes = Sizes(config);
  if (options_.joint_feed_forward == 0) options_.joint_feed_forward = sizes.feed_forward;
  for (std::size_t i = options.frozen_layers; i < layers; ++i) {
    const bool joint = i >= options.frozen_layers + options.apart_layers;
    TransformerLayer& layer = (joint ? joint_ : apart_).emplace_back(LayerName(i), sizes);
    for (Parameter* parameter : layer.parameters()) ReadFromBert(weights, *parameter);
    if (joint) layer.KeepLargestUnits(options_.joint_feed_forward);
  }
  std::mt19937_64 random(seed);
  segment_ = MakeParameter("segment", 1, sizes.width, false);
  FillZero(segment_);
  token_head_ = Head("token_head", 2, sizes.width, random);
  passage_head_ = Head("passage_head", 2, sizes.width, random);
  score_weights_ = MakeParameter("score_weights", 1, 2, false);
  std::copy(kScoreWeights.begin(), kScoreWeights.end(), score_weights_.value.data());
  batch_->traces.resize(apart_.size() + joint_.size());
}

ReaderNetwork::~ReaderNetwork() = default;

std::vector<Parameter*> ReaderNetwork::parameters() {
  std::vector<Parameter*> parameters;
  for (auto* group : {&apart_, &joint_}) {
    for (TransformerLayer& layer : *group) {
      const auto of_layer = layer.parameters();
      parameters.insert(parameters.end(), of_layer.begin(), of_layer.end());
    }
  }
  for (Parameter* parameter : Heads()) parameters.push_back(parameter);
  return parameters;
}

std::vector<Parameter*> ReaderNetwork::Heads() {
  return {&segment_,           &token_head_.weight, &token_head_.bias, &passage_head_.weight,
          &passage_head_.bias, &score_weights_};
}

std::vector<NamedTensor> ReaderNetwork::Tensors() {
  std::vector<NamedTensor> tensors;
  for (const Parameter* parameter : parameters()) {
    const Matrix& value = parameter->value;
    tensors.push_back({parameter->name, {value.rows(), value.cols()}, value.view()});
  }
  return tensors;
}

ReaderFileInfo ReaderNetwork::FileInfo() const {
  ReaderFileInfo info;
  info.base = encoder_.name();
  info.base_fingerprint = encoder_.fingerprint();
  info.frozen_layers = options_.frozen_layers;
  info.apart_layers = options_.apart_layers;
  info.joint_layers = options_.joint_layers;
  info.joint_feed_forward = options_.joint_feed_forward;
  return info;
}

void ReaderNetwork::StartFrom(const ReaderFile& file) {
  const ReaderFileInfo& info = file.info();
  TransformerSizes sizes = Sizes(encoder_.config());
  const std::size_t units = info.JointFeedForward(sizes.feed_forward);
  const auto layers = [](std::size_t frozen, std::size_t apart, std::size_t joint,
                         std::size_t feed_forward) {
    return std::to_string(frozen) + " frozen, " + std::to_string(apart) + " apart, " +
           std::to_string(joint) + " joint layers of " + std::to_string(feed_forward) + " units";
  };
  if (info.frozen_layers != options_.frozen_layers || info.apart_layers != options_.apart_layers ||
      info.joint_layers < options_.joint_layers || units < options_.joint_feed_forward) {
    throw Error(ErrorCode::kMismatch,
                file.path().string() + ": has " +
                    layers(info.frozen_layers, info.apart_layers, info.joint_layers, units) +
                    "; to be trained are " +
                    layers(options_.frozen_layers, options_.apart_layers, options_.joint_layers,
                           options_.joint_feed_forward));
  }
  if (info.base_fingerprint != encoder_.fingerprint()) {
    throw Error(ErrorCode::kMismatch, file.path().string() + ": was trained on " + info.base +
                                          ", not on these weights of " + encoder_.name());
  }
  std::vector<TransformerLayer> apart, joint;
  for (std::size_t i = 0; i < apart_.size() + joint_.size(); ++i) {
    const bool is_joint = i >= apart_.size();
    if (is_joint) sizes.feed_forward = units;
    TransformerLayer& layer =
        (is_joint ? joint : apart).emplace_back(LayerName(options_.frozen_layers + i), sizes);
    for (Parameter* parameter : layer.parameters()) ReadFromReader(file, *parameter);
    if (is_joint) layer.KeepLargestUnits(options_.joint_feed_forward);
  }
  std::vector<Parameter> rest;
  for (const Parameter* parameter : Heads()) {
    rest.push_back(MakeParameter(parameter->name, parameter->value.rows(), parameter->value.cols(),
                                 parameter->decays));
    ReadFromReader(file, rest.back());
  }
  std::move(apart.begin(), apart.end(), apart_.begin());
  std::move(joint.begin(), joint.end(), joint_.begin());
  const std::vector<Parameter*> heads = Heads();
  for (std::size_t i = 0; i < heads.size(); ++i) *heads[i] = std::move(rest[i]);
}

void ReaderNetwork::TrainJointAlone(std::size_t cache_bytes) {
  for (TransformerLayer& layer : apart_) {
    for (Parameter* parameter : layer.parameters()) parameter->trained = false;
  }
  fixed_ = std::make_unique<FixedLayers>(encoder_, options_.frozen_layers, apart_, cache_bytes);
}

void ReaderNetwork::TrainAttentionAlone() {
  for (Parameter* parameter : parameters()) {
    const std::string& name = parameter->name;
    parameter->trained = !name.starts_with("encoder.") ||
                         name.find("attention.self.qkv") != std::string::npos ||
                         name.find("attention.output.dense") != std::string::npos;
  }
}

void ReaderNetwork::Run(std::span<const ReaderQuestion> questions, const DropoutOptions& dropout,
                        bool keep_traces, Batch& batch, ThreadPool* pool) {
  batch.sequences.clear();
  batch.pairs.clear();
  for (const ReaderQuestion& question : questions) {
    const std::size_t first = batch.sequences.size();
    batch.sequences.push_back(question.tokens);
    for (const ReaderPassage& passage : question.passages) {
      batch.pairs.push_back({first, batch.sequences.size()});
      batch.sequences.push_back(passage.tokens);
    }
  }
  batch.starts = {0};
  for (const auto& sequence : batch.sequences)
    batch.starts.push_back(batch.starts.back() + sequence.size());
  if (fixed_ != nullptr) {
    std::vector<FixedLayers::Sequence> sequences;
    for (const auto& tokens : batch.sequences) sequences.push_back({tokens, false});
    for (const Batch::Pair& pair : batch.pairs) sequences[pair.passage].is_passage = true;
    batch.apart = fixed_->States(sequences, pool);
  } else {
    batch.apart =
        encoder_.HiddenStates(batch.sequences, pool, static_cast<int>(options_.frozen_layers));
    for (std::size_t i = 0; i < apart_.size(); ++i) {
      apart_[i].Forward(batch.starts, OfLayer(dropout, i), batch.apart.view(),
                        batch.traces[keep_traces ? i : 0], pool);
    }
  }
  batch.joint_starts = {0};
  for (const Batch::Pair& pair : batch.pairs) {
    batch.joint_starts.push_back(batch.joint_starts.back() + batch.QuestionTokens(pair) +
                                 batch.sequences[pair.passage].size());
  }
  const std::size_t width = batch.apart.cols();
  batch.joint = Matrix(batch.joint_starts.back(), width);
  for (std::size_t p = 0; p < batch.pairs.size(); ++p) {
    const Batch::Pair& pair = batch.pairs[p];
    const std::size_t question_tokens = batch.QuestionTokens(pair);
    float* out = batch.joint.row(batch.joint_starts[p]).data();
    const float* question = batch.apart.row(batch.starts[pair.question]).data();
    for (std::size_t i = 0; i < question_tokens * width; ++i)
      out[i] = question[i] + segment_.value.data()[i % width];
    std::copy_n(batch.apart.row(batch.starts[pair.passage]).data(),
                batch.sequences[pair.passage].size() * width, out + question_tokens * width);
  }
  for (std::size_t i = 0; i < joint_.size(); ++i) {
    const std::size_t layer = apart_.size() + i;
    joint_[i].Forward(batch.joint_starts, OfLayer(dropout, layer), batch.joint.view(),
                      batch.traces[keep_traces ? layer : 0], pool);
  }
  batch.firsts = Matrix(batch.pairs.size(), width);
  for (std::size_t p = 0; p < batch.pairs.size(); ++p) {
    std::copy_n(batch.joint.row(batch.joint_starts[p]).data(), width, batch.firsts.row(p).data());
  }
  batch.token_logits = Matrix(batch.joint.rows(), 2);
  batch.passage_logits = Matrix(batch.pairs.size(), 2);
  token_head_.Forward(batch.joint.view(), batch.token_logits.view(), pool);
  passage_head_.Forward(batch.firsts.view(), batch.passage_logits.view(), pool);
}

namespace {

// The logits of a question whose first pair is `pair`.
template <typename Batch>
ReaderLogits LogitsOf(const ReaderQuestion& question, const Batch& batch, std::size_t pair,
                      const Parameter& score_weights) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  ReaderLogits logits;
  for (std::size_t p = 0; p < question.passages.size(); ++p) {
    const ReaderPassage& passage = question.passages[p];
    const float fit = batch.passage_logits.row(pair + p)[0] +
                      score_weights.value.data()[0] * passage.scores[0] +
                      score_weights.value.data()[1] * passage.scores[1];
    logits.passage.push_back(fit);
    logits.none.push_back(batch.passage_logits.row(pair + p)[1] + fit);
    std::vector<float> start(passage.tokens.size(), kNever), end(passage.tokens.size(), kNever);
    const std::size_t first = batch.joint_starts[pair + p] + question.tokens.size();
    for (std::size_t t = passage.text; t + 1 < passage.tokens.size(); ++t) {
      start[t] = batch.token_logits.row(first + t)[0] + fit;
      end[t] = batch.token_logits.row(first + t)[1] + fit;
    }
    logits.start.push_back(std::move(start));
    logits.end.push_back(std::move(end));
  }
  return logits;
}

}  // namespace

std::vector<ReaderLogits> ReaderNetwork::Forward(std::span<const ReaderQuestion> questions,
                                                 ThreadPool* pool) {
  Run(questions, {}, false, *batch_, pool);
  std::vector<ReaderLogits> logits;
  std::size_t pair = 0;
  for (const ReaderQuestion& question : questions) {
    logits.push_back(LogitsOf(question, *batch_, pair, score_weights_));
    pair += question.passages.size();
  }
  return logits;
}

ReaderLoss ReaderNetwork::ForwardBackward(std::span<const ReaderQuestion> questions, float weight,
                                          const DropoutOptions& dropout, ThreadPool* pool,
                                          std::span<const ReaderLogits> teacher) {
  if (!teacher.empty() && teacher.size() != questions.size()) {
    throw Error(ErrorCode::kInvalidArgument, "reader: the teacher read " +
                                                 std::to_string(teacher.size()) + " questions of " +
                                                 std::to_string(questions.size()));
  }
  Batch& batch = *batch_;
  Run(questions, dropout, true, batch, pool);
  Matrix token_gradient(batch.joint.rows(), 2);
  Matrix passage_gradient(batch.pairs.size(), 2);
  std::fill_n(token_gradient.data(), token_gradient.rows() * 2, 0.0f);
  ReaderLoss loss;
  std::size_t pair = 0;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    const ReaderQuestion& question = questions[q];
    const ReaderLogits logits = LogitsOf(question, batch, pair, score_weights_);
    ReaderLogits gradient;
    loss.Add(
        LossOf(question, logits, teacher.empty() ? nullptr : &teacher[q], options_.loss, gradient));
    for (std::size_t p = 0; p < question.passages.size(); ++p, ++pair) {
      float fit = gradient.passage[p] + gradient.none[p];
      const std::size_t first = batch.joint_starts[pair] + question.tokens.size();
      for (std::size_t t = 0; t < question.passages[p].tokens.size(); ++t) {
        token_gradient.row(first + t)[0] = weight * gradient.start[p][t];
        token_gradient.row(first + t)[1] = weight * gradient.end[p][t];
        fit += gradient.start[p][t] + gradient.end[p][t];
      }
      passage_gradient.row(pair)[0] = weight * fit;
      passage_gradient.row(pair)[1] = weight * gradient.none[p];
      for (std::size_t i = 0; i < 2; ++i) {
        score_weights_.gradient.data()[i] += weight * fit * question.passages[p].scores[i];
      }
    }
  }
  Backward(questions, batch, token_gradient.view(), passage_gradient.view(), pool);
  return loss;
}

void ReaderNetwork::Backward(std::span<const ReaderQuestion> questions, Batch& batch,
                             MatrixView token_gradient, MatrixView passage_gradient,
                             ThreadPool* pool) {
  if (questions.empty()) return;
  const std::size_t width = batch.joint.cols();
  Reserve(batch.joint_gradient, batch.joint_starts.back(), width);
  const MatrixView joint = batch.joint_gradient.view().Rows(0, batch.joint_starts.back());
  Matrix firsts(batch.pairs.size(), width);
  token_head_.Backward(batch.joint.view(), token_gradient, joint, false, pool);
  passage_head_.Backward(batch.firsts.view(), passage_gradient, firsts.view(), false, pool);
  for (std::size_t p = 0; p < batch.pairs.size(); ++p) {
    for (std::size_t i = 0; i < width; ++i) joint.row(batch.joint_starts[p])[i] += firsts.row(p)[i];
  }
  for (std::size_t i = joint_.size(); i-- > 0;)
    joint_[i].Backward(batch.traces[apart_.size() + i], joint, batch.scratch, pool);

  Reserve(batch.apart_gradient, batch.starts.back(), width);
  const MatrixView apart = batch.apart_gradient.view().Rows(0, batch.starts.back());
  std::fill_n(apart.data, apart.rows * width, 0.0f);
  for (std::size_t p = 0; p < batch.pairs.size(); ++p) {
    const Batch::Pair& pair = batch.pairs[p];
    const float* in = joint.row(batch.joint_starts[p]);
    float* question = apart.row(batch.starts[pair.question]);
    const std::size_t question_size = batch.QuestionTokens(pair) * width;
    for (std::size_t i = 0; i < question_size; ++i) {
      question[i] += in[i];
      segment_.gradient.data()[i % width] += in[i];
    }
    std::copy_n(in + question_size, batch.sequences[pair.passage].size() * width,
                apart.row(batch.starts[pair.passage]));
  }
  if (fixed_ != nullptr) return;
  for (std::size_t i = apart_.size(); i-- > 0;)
    apart_[i].Backward(batch.traces[i], apart, batch.scratch, pool);
}

}  // namespace fovea
