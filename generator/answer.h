// What may be asked of a pipeline, and what it answers.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "generator/copy_distribution.h"
#include "generator/evidence_cache.h"
#include "generator/examples.h"
#include "generator/prompt_window.h"
#include "generator/sampler.h"
#include "lib/base/byte_range.h"
#include "lib/reader/reader.h"
#include "lib/text/document.h"

namespace fovea {

enum class AnswerMode { kGenerate, kExtract };
enum class AnswerSource { kGenerated, kQuoted, kNone };

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
  // Where the evidence does not bear out what the decoder phrased, it writes once more, held to the
  // words of the sentence with the short answer, in their order. Else that sentence is quoted.
  bool write_in_order = true;
  // nullopt: the reader's own threshold; > 1: never abstain.
  std::optional<float> abstain_threshold;
  // Passages, the heaviest first, that the decoder reads in a prompt each, fused token by token by
  // the reader's weights (passage_fusion.h); 1: the evidence of all stands in one prompt. >= 1, and
  // 1 with reuse_evidence.
  int fused_passages = 1;
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
  // 1 − the reader's "none of these", with the signs of an answer (generator/answer_signs.h).
  double confidence = 0;
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

}  // namespace fovea
