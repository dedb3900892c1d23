// The cross-attention reader as it is trained: layers of the embedder, the lower ones over question
// and passages apart (DeFormer, Cao et al. 2020), the upper ones over the question together with
// each passage, and one softmax over the answers of all passages (Clark and Gardner 2018).
//
//   H₀ = the encoder's states after `frozen_layers` layers, of every sequence alone
//   H₁ = `apart_layers` trained layers, of every sequence alone: does not depend on the question
//   H₂ = `joint_layers` trained layers over [question + segment; passage], which
//        attend to themselves and to each other
//
//   r_p = w_r · h_cls(p) + w_d dense_p + w_l lexical_p         how well a passage fits
//   n_p = w_n · h_cls(p)                                       no answer in p
//   P(start = t) = softmax over the text tokens and "none" of all passages of
//                  [w_s · h_t + r_p; n_p + r_p]
//   P(end = t)     likewise with w_e
//
// Loss of a question: weights.shared times −log P(start ∈ gold) − log P(end ∈ gold); plus
// weights.local times the mean over the passages of the same within each passage alone, whose
// "none" is right where the answer is not in it (Devlin et al. 2019, section 4.3); minus
// weights.rank · log softmax(r)[gold]. Where no passage answers, all of "none" is right, and there
// is no last term. h_cls(p) is the state of the question's first token beside p.
//
// With a teacher (Hinton et al. 2015), each of those terms −log P(gold) becomes
//   (1 − weights.teacher) · −log P(gold) + weights.teacher · T² KL(teacher's P_T ‖ P_T),
// P_T being the same softmax of logits / T. Where no passage answers, the data alone counts: what a
// teacher gives such a question is the answer that took it in.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lib/base/ids.h"
#include "lib/reader/reader_file.h"
#include "lib/train/reader_loss.h"
#include "lib/train/transformer_layer.h"

namespace fovea {

class Encoder;
class FixedLayers;
class SafetensorsFile;
class ThreadPool;

struct ReaderNetworkOptions {
  std::size_t frozen_layers = 0;
  std::size_t apart_layers = 3;
  std::size_t joint_layers = 3;
  // F of the joint layers: the largest units of what they start from. 0: the encoder's F.
  std::size_t joint_feed_forward = 0;
  ReaderLossWeights loss = {};
};

// [CLS] (title [SEP]) text [SEP]; answers can only be in the text.
struct ReaderPassage {
  std::vector<TokenId> tokens;
  std::size_t text = 1;  // the text's first token
  // Dense (cosine) and lexical (BM25 by the question's best), each less that of the question's best
  // passage: at most 0.
  std::array<float, 2> scores = {};
  // Where the answer is, as first and last token; empty if it is not here.
  std::vector<std::pair<std::size_t, std::size_t>> answers = {};
};

struct ReaderQuestion {
  std::vector<TokenId> tokens;          // [CLS] … [SEP]
  std::vector<ReaderPassage> passages;  // at least one
};

// Of one question.
struct ReaderLogits {
  // [P][Tp], −∞ outside the text; r_p is in them.
  std::vector<std::vector<float>> start;
  std::vector<std::vector<float>> end;
  std::vector<float> passage;  // [P], r_p
  std::vector<float> none;     // [P], n_p + r_p
};

class ReaderNetwork {
 public:
  // Starts from the encoder's own layers, whose weights are read from `weights` (its
  // model.safetensors); heads are drawn from `seed`. Borrows the encoder. Throws
  // Error(kInvalidArgument) if it has fewer layers, or fewer units in their feed-forward part, than
  // the options name or the loss weights make no sense, Error(kCorrupt) as SafetensorsFile.
  ReaderNetwork(const Encoder& encoder, const SafetensorsFile& weights,
                const ReaderNetworkOptions& options, std::uint64_t seed);
  ~ReaderNetwork();

  std::vector<ReaderLogits> Forward(std::span<const ReaderQuestion> questions, ThreadPool* pool);
  // Adds the gradients of `weight` · Σ loss of the questions; gives their mean loss. `teacher`:
  // what its Forward gives for the same questions, empty where it has no weight; else
  // Error(kInvalidArgument) if it is of others.
  ReaderLoss ForwardBackward(std::span<const ReaderQuestion> questions, float weight,
                             const DropoutOptions& dropout, ThreadPool* pool,
                             std::span<const ReaderLogits> teacher = {});

  // Goes on from a trained reader. Of one with more joint layers the last are left out, of one with
  // more units in their feed-forward part the smallest. Throws Error(kMismatch) if it has other
  // layers apart, fewer joint ones or units, or another base, Error(kCorrupt) as ReaderFile; the
  // network is as it was then.
  void StartFrom(const ReaderFile& file);
  // Of the layers, only the attention projections (query, key, value, output) are trained from now
  // on, with segment, heads and score weights.
  void TrainAttentionAlone();
  // The layers apart are left as they are from now on (FixedLayers): a step takes half the time,
  // and `cache_bytes` bounds the passages' states that are held for it.
  void TrainJointAlone(std::size_t cache_bytes);

  std::vector<Parameter*> parameters();
  // For WriteReaderFile: the parameters' values, borrowed; and base and layers, the rest of the
  // info as it starts.
  std::vector<NamedTensor> Tensors();
  ReaderFileInfo FileInfo() const;
  const ReaderNetworkOptions& options() const { return options_; }

 private:
  struct Batch;
  // All but the layers.
  std::vector<Parameter*> Heads();
  // The layers' traces are kept for Backward, or all written over one.
  void Run(std::span<const ReaderQuestion> questions, const DropoutOptions& dropout,
           bool keep_traces, Batch& batch, ThreadPool* pool);
  void Backward(std::span<const ReaderQuestion> questions, Batch& batch, MatrixView token_gradient,
                MatrixView passage_gradient, ThreadPool* pool);

  const Encoder& encoder_;
  ReaderNetworkOptions options_;
  std::vector<TransformerLayer> apart_;
  std::vector<TransformerLayer> joint_;
  Parameter segment_;                   // [1, D], marks the question in the joint layers
  LinearLayer token_head_;              // [2, D]: start, end
  LinearLayer passage_head_;            // [2, D]: fit, none
  Parameter score_weights_;             // [1, 2]: dense, lexical; starts from retrieval's order
  std::unique_ptr<Batch> batch_;        // kept between calls for its memory
  std::unique_ptr<FixedLayers> fixed_;  // null while the layers apart are trained
};

}  // namespace fovea
