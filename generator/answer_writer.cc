#include "generator/answer_writer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "generator/answer_text.h"
#include "generator/copy_distribution.h"
#include "generator/evidence.h"
#include "generator/ordered_words.h"
#include "generator/shorten_prompt.h"
#include "lib/base/ascii.h"
#include "lib/base/thread_pool.h"

namespace fovea {
namespace {

// Whether one of the citations holds the short answer, whatever the case.
bool Hold(std::span<const Citation> citations, std::string_view short_answer) {
  return std::any_of(citations.begin(), citations.end(), [&](const Citation& citation) {
    return ContainsInAnyCase(CollapseSpace(citation.text), short_answer);
  });
}

// What of the likeliest answer lies in the sentence: bytes of the sentence.
ByteRange PartIn(const EvidenceSentence& sentence, const AnswerSpan& span) {
  const std::size_t begin = std::max(span.range.begin, sentence.range.begin);
  const std::size_t end = std::min(span.range.end, sentence.range.end);
  return {begin - sentence.range.begin, end - sentence.range.begin};
}

// How much the decoder would have liked to write what it was held to: the shares of probability
// that each step left it. (The least ones, by measurement: docs/generation.md.)
class Willingness {
 public:
  void Add(double share) {
    least_ = std::min(least_, share);
    log_sum_ += std::log(share);
    ++steps_;
  }
  bool Enough() const {
    constexpr double kLeastShare = 0.003;
    constexpr double kLeastMeanLog = -1;
    return least_ >= kLeastShare && log_sum_ >= kLeastMeanLog * steps_;
  }

 private:
  double least_ = 1;
  double log_sum_ = 0;
  int steps_ = 0;
};

std::string AsSentence(std::string_view words) {
  std::string sentence = CollapseSpace(words);
  constexpr std::string_view kEnds = ".!?";
  if (!sentence.empty() && kEnds.find(sentence.back()) == std::string_view::npos) sentence += '.';
  return sentence;
}

// The reading as if no other passage held evidence.
Reading OnlyPassage(Reading reading, std::size_t passage) {
  for (std::size_t p = 0; p < reading.passages.size(); ++p) {
    if (p == passage) continue;
    for (SentenceWeight& sentence : reading.passages[p].sentences) sentence.weight = 0;
  }
  std::erase_if(reading.spans, [&](const AnswerSpan& span) { return span.passage != passage; });
  return reading;
}

std::vector<std::size_t> HeaviestPassages(const Reading& reading, std::size_t count) {
  std::vector<std::size_t> order(reading.passages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return reading.passages[a].weight > reading.passages[b].weight;
  });
  order.resize(std::min(order.size(), count));
  return order;
}

}  // namespace

AnswerWriter::AnswerWriter(std::unique_ptr<Decoder> decoder, PrefixCache* prefixes, LogCallback log,
                           ThreadPool* pool)
    : decoder_(std::move(decoder)),
      chat_(ChatTemplate::FromDecoder(*decoder_)),
      token_words_(decoder_->tokenizer()),
      prefixes_(prefixes),
      log_(std::move(log)),
      pool_(pool) {}

std::vector<std::string> AnswerWriter::Write(const ReadEvidence& read, const AskOptions& ask,
                                             Answer& answer, const std::stop_token& stop) {
  const Prompt prompt = MakePrompt(read, ask, answer);
  std::vector<std::string> pieces = WriteFreely(read, prompt, ask, answer, stop);
  if (pieces.empty() && ask.write_in_order) pieces = WriteInOrder(read, ask, answer, stop);
  if (!pieces.empty()) answer.source = AnswerSource::kGenerated;
  return pieces;
}

PromptOptions AnswerWriter::PromptOptionsFor(const AskOptions& ask, const Answer& answer) const {
  PromptOptions options;
  options.reply_tokens = ask.max_tokens;
  options.short_answer = answer.short_answer.value_or("");
  for (const NearExample& near : answer.examples) options.examples.push_back(near.example);
  options.history = ask.history;
  options.history_tokens = ask.history_tokens;
  return options;
}

Prompt AnswerWriter::MakePrompt(const ReadEvidence& read, const AskOptions& ask,
                                Answer& answer) const {
  if (ask.examples)
    answer.examples = ask.examples->Nearest(answer.read_question, ask.nearest_examples, pool_);
  Prompt prompt = BuildPrompt(answer.question, read.passages, read.reading, *decoder_, chat_,
                              PromptOptionsFor(ask, answer));
  answer.window = prompt.window;
  answer.examples.erase(answer.examples.begin(),
                        answer.examples.begin() + prompt.examples_left_out);
  answer.examples_left_out = prompt.examples_left_out;
  answer.sentences_left_out = prompt.sentences_left_out;
  answer.turns_left_out = prompt.turns_left_out;
  return prompt;
}

std::vector<WeightedPrompt> AnswerWriter::PassagePrompts(const ReadEvidence& read,
                                                         const AskOptions& ask,
                                                         const Answer& answer) const {
  std::vector<WeightedPrompt> prompts;
  PromptOptions options = PromptOptionsFor(ask, answer);
  for (const std::size_t p :
       HeaviestPassages(read.reading, static_cast<std::size_t>(ask.fused_passages))) {
    const Reading alone = OnlyPassage(read.reading, p);
    options.short_answer.clear();
    if (!alone.spans.empty())
      options.short_answer = CollapseSpace(Slice(read.passages[p].text, alone.spans.front().range));
    Prompt prompt = BuildPrompt(answer.question, read.passages, alone, *decoder_, chat_, options);
    if (prompt.evidence.empty()) continue;
    // Where every passage weighs nothing, they count the same.
    constexpr double kLeastWeight = 1e-9;
    prompts.push_back(
        {std::move(prompt.tokens),
         std::max(kLeastWeight, static_cast<double>(read.reading.passages[p].weight))});
  }
  return prompts;
}

GenerateOptions AnswerWriter::OptionsFor(std::size_t fixed_tokens, const AskOptions& ask) {
  GenerateOptions options;
  options.max_tokens = ask.max_tokens;
  options.sampling = ask.sampling;
  options.stop_tokens = {chat_.end_of_turn()};
  options.cache = &cache_;
  options.fixed_tokens = fixed_tokens;
  options.prefixes = prefixes_;
  return options;
}

Generation AnswerWriter::Run(std::span<const TokenId> prompt, const GenerateOptions& options,
                             Answer& answer, const std::stop_token& stop) const {
  Generation generation = Generate(*decoder_, prompt, options, pool_, stop);
  answer.timings.prefill += generation.prefill_seconds;
  answer.timings.generate += generation.decode_seconds;
  answer.timings.tokens += static_cast<int>(generation.tokens.size());
  return generation;
}

std::vector<std::string> AnswerWriter::WriteFreely(const ReadEvidence& read, const Prompt& prompt,
                                                   const AskOptions& ask, Answer& answer,
                                                   const std::stop_token& stop) {
  const std::vector<CopySource> sources = CopySources(read.passages, read.reading, prompt);
  const CopyDistribution copies(sources, decoder_->tokenizer(), ask.copy);
  std::optional<EvidenceVocabulary> vocabulary;
  if (ask.foreign_penalty > 0) {
    std::vector<std::string_view> texts = {answer.read_question};
    for (const CopySource& source : sources) texts.push_back(source.text);
    vocabulary.emplace(token_words_, texts);
  }
  GenerateOptions options = OptionsFor(prompt.fixed_tokens, ask);
  if (ask.reuse_evidence) {
    options.blocks = prompt.blocks;
    options.evidence = &evidence_;
    options.evidence_reuse = *ask.reuse_evidence;
  }
  options.steer = [&](const Generation& so_far, std::span<float> logits) {
    if (vocabulary) vocabulary->Penalise(so_far.text, ask.foreign_penalty, logits);
    copies.Mix(so_far.text, logits);
  };
  std::vector<TokenId> tokens = prompt.tokens;
  if (ask.fused_passages > 1) {
    options.fused = PassagePrompts(read, ask, answer);
    if (!options.fused.empty()) {
      options.fusion_weight = options.fused.front().weight;
      tokens = std::move(options.fused.front().tokens);
      options.fused.erase(options.fused.begin());
    }
  }
  const Generation generation = Run(tokens, options, answer, stop);

  const std::vector<EvidenceSentence> shown = ShownIn(prompt, read.sentences);
  AnswerText text(ask.max_words);
  std::vector<Citation> citations;
  for (const GroundedStatement& statement : Ground(generation.text, shown, answer.read_question)) {
    if (!text.Add(statement.text)) break;
    AddCitation(citations, Cite(read.passages, shown[statement.evidence]));
  }
  const std::string& short_answer = answer.short_answer.value_or("");
  if (text.pieces().empty() || !text.Contains(short_answer) || !Hold(citations, short_answer)) {
    Log("the evidence does not bear out, or \"" + short_answer +
        "\" is not in: " + generation.text);
    return {};
  }
  answer.citations = std::move(citations);
  return text.pieces();
}

std::vector<std::string> AnswerWriter::WriteInOrder(const ReadEvidence& read, const AskOptions& ask,
                                                    Answer& answer, const std::stop_token& stop) {
  if (read.reading.spans.empty()) return {};
  const EvidenceSentence& sentence = read.sentences.front();
  // What is longer is hardly a sentence.
  constexpr int kMostWords = 160;
  if (CountWords(sentence.text) > kMostWords) return {};
  const ByteRange part = PartIn(sentence, read.reading.spans.front());
  const ShortenPrompt prompt =
      BuildShortenPrompt(sentence.text, Slice(sentence.text, part), *decoder_, chat_);
  const auto room = static_cast<std::size_t>(decoder_->config().context);
  if (prompt.tokens.size() + static_cast<std::size_t>(ask.max_tokens) > room) return {};
  const OrderedWords order(sentence.text, part, decoder_->tokenizer(), chat_.end_of_turn());
  GenerateOptions options = OptionsFor(prompt.fixed_tokens, ask);
  options.cache = &shorten_cache_;
  Willingness willingness;
  options.steer = [&](const Generation& so_far, std::span<float> logits) {
    willingness.Add(order.Restrict(so_far.tokens, logits));
  };
  const Generation generation = Run(prompt.tokens, options, answer, stop);
  const std::string statement = AsSentence(generation.text);
  if (!generation.stopped || !willingness.Enough() ||
      Ground(statement, {&sentence, 1}, answer.read_question).size() != 1) {
    Log("quoted, for this is not what the decoder would say, or the evidence does not bear it "
        "out: " +
        generation.text);
    return {};
  }
  AnswerText text(ask.max_words);
  text.Add(statement, answer.short_answer.value_or(""));
  answer.citations = {Cite(read.passages, sentence)};
  return text.pieces();
}

void AnswerWriter::Log(const std::string& text) const {
  if (log_) log_(LogLevel::kDebug, text);
}

}  // namespace fovea
