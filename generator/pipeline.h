// Retriever, reader and decoder in one object: ask a question, get a cited answer.
//
//     fovea::Pipeline pipeline({.index = "./.fovea"});
//     fovea::Answer answer = pipeline.Ask("How do I make a partial index?");
//     std::cout << answer.text << '\n';
//     for (const auto& c : answer.citations) std::cout << c.document << ':' << c.range.begin << ' '
//     << c.text << '\n';
//
// The reader's weights choose the evidence and the words that answer; the decoder makes a sentence
// of them; what the evidence does not bear out, or lacks those words, is replaced by a quotation,
// and no evidence means "not in these documents". The same index, question and options give the
// same answer for any number of threads. A Pipeline is used by one thread at a time.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "generator/copy_distribution.h"
#include "generator/evidence_cache.h"
#include "generator/examples.h"
#include "generator/prefix_cache.h"
#include "generator/prompt_window.h"
#include "generator/sampler.h"
#include "lib/base/byte_range.h"
#include "lib/base/callbacks.h"
#include "retriever/searcher.h"
#include "retriever/state_cache.h"

namespace fovea {

class Decoder;

enum class AnswerMode { kGenerate, kExtract };
enum class AnswerSource { kGenerated, kQuoted, kNone };

struct PipelineOptions {
  // Empty: no index; only AskPassages then works.
  std::filesystem::path index = ".fovea";
  // Empty: DefaultModelsFolder().
  std::filesystem::path models = {};
  // Name below `models`, or a path. Empty: the one the index was built with.
  std::string embedder = {};
  std::string generator = {};  // Empty: kDefaultGenerator. Loaded when first needed.
  std::string reader = {};  // A file of weights, "embedding", or empty (generator/load_reader.h).
  // Bytes of passage states kept in the index folder, oldest out first; 0: none are kept.
  std::int64_t state_cache_bytes = kDefaultStateCacheBytes;
  // Keys and values of the beginnings of prompts (instructions, examples): bytes kept in memory,
  // and as many in the folder, least recently used out first; 0: none are kept.
  std::int64_t prompt_cache_bytes = kDefaultPromptCacheBytes;
  std::filesystem::path prompt_cache = {};  // Empty: DefaultPromptCacheFolder().
  int threads = 0;                          // 0: all cores
  LogCallback log = {};
};

struct AskOptions {
  int passages = 8;  // read, >= 1
  AnswerMode mode = AnswerMode::kGenerate;
  int max_tokens = 96;  // >= 1
  // Of the answer, which ends with a sentence if possible; a quotation is cut around the short
  // answer. 0: no limit.
  int max_words = 40;
  SamplingOptions sampling;
  CopyOptions copy;  // how the reader's weights steer the decoder
  // Nats off words that neither the evidence nor the question holds; >= 0, 0: they are free.
  float foreign_penalty = 6;
  // nullopt: the reader's own threshold; > 1: never abstain.
  std::optional<float> abstain_threshold;
  // Computes the evidence's sentences apart from each other and uses them again where the same ones
  // are shown: less to compute, but not quite the same answers (docs/performance.md).
  std::optional<EvidenceReuse> reuse_evidence;
  std::string document_glob;
  // In-context examples for the decoder, of Pipeline::EmbedExamples; may be null.
  std::shared_ptr<const ExampleSet> examples;
  int nearest_examples = 3;  // of them that are shown, >= 0
  // In a conversation: its earlier turns (question, answer), for the decoder, and the question with
  // what it leaves unsaid, which is searched and read instead of it (generator/conversation.h).
  std::vector<std::pair<std::string, std::string>> history;
  int history_tokens = 256;                            // as PromptOptions
  std::string contextual_question;                     // "": the question says all
  AttentionDetail attention = AttentionDetail::kNone;  // AnswerPassage::tokens, parts
  // Called with each sentence of the answer once it has been checked against the evidence; together
  // they are Answer::text. An abstention is given too.
  std::function<void(std::string_view piece)> on_text;
};

struct Citation {
  std::string document;
  std::string title;
  ByteRange range;   // of the document's text
  std::string text;  // == that range
  float weight = 0;
};

struct AnswerPassage {
  Passage passage;
  double weight = 0;  // the reader's
  double score = 0;   // retrieval's
  std::vector<SentenceWeight> sentences;
  std::vector<TokenWeight> tokens;  // of readers that weigh them
  std::vector<PartAttention> parts = {};
  // Where it was found: bytes of this passage's text.
  std::optional<ByteRange> short_answer = {};
};

struct AnswerTimings {  // seconds
  double load = 0;
  double retrieve = 0;
  double read = 0;
  double prefill = 0;
  double generate = 0;
  int tokens = 0;  // generated
};

struct Answer {
  std::string question;
  std::string read_question;  // What was searched and read: with the context of a conversation.
  std::string text;           // What the user reads; when abstained, a sentence that says so.
  std::optional<std::string> short_answer;
  AnswerSource source = AnswerSource::kNone;
  bool abstained = false;
  double confidence = 0;  // 1 − the reader's "none of these"
  std::vector<Citation> citations;
  std::vector<AnswerPassage> passages;  // those read, greatest weight first
  AttentionAxes axes = {};              // of their parts
  // How the decoder's context was spent; nullopt where no prompt was made.
  std::optional<PromptWindow> window;
  std::vector<NearExample> examples;  // that the decoder was shown, in that order
  int examples_left_out = 0;          // near ones that did not fit the prompt
  int sentences_left_out = 0;         // evidence that did not fit
  int turns_left_out = 0;             // of AskOptions::history, that did not
  AnswerTimings timings;
};

// Makes it what a pipeline answers that abstains: a sentence that says so, without short answer and
// citations.
void Abstain(Answer& answer);

class Pipeline {
 public:
  // Opens the index and loads the embedder. Throws Error as Searcher and Encoder do.
  explicit Pipeline(const PipelineOptions& options);
  ~Pipeline();

  // Retrieves and answers. Throws Error(kInvalidArgument) on an empty question, Error(kCancelled)
  // on `stop`.
  Answer Ask(std::string_view question, const AskOptions& options = {}, std::stop_token stop = {});

  // The same from given passages, without an index. Scores and ranks of the hits may be left empty.
  Answer AskPassages(std::string_view question, std::vector<Hit> hits,
                     const AskOptions& options = {}, std::stop_token stop = {});

  // Computes and keeps the reader's states of the index's passages, as many as the cache holds; the
  // reader then finds them at once. Gives the number of passages: 0 where the reader has no states
  // or they cannot be kept. Throws Error(kCancelled) on `stop`.
  std::int64_t CacheStates(const ProgressCallback& progress = {}, std::stop_token stop = {});

  // For AskOptions::examples of this pipeline, which must outlive them. Throws as ExampleSet.
  std::shared_ptr<const ExampleSet> EmbedExamples(std::vector<Example> examples);

  // Throws Error(kInvalidArgument) if the pipeline has no index.
  Searcher& searcher();
  const Encoder& encoder() const;
  const Reader& reader() const;
  const Decoder& decoder();  // Loads it if need be.
  ThreadPool& pool();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fovea
