#include "generator/pipeline.h"

#include <algorithm>
#include <chrono>

#include "generator/chat_template.h"
#include "generator/copy_distribution.h"
#include "generator/doubt.h"
#include "generator/evidence.h"
#include "generator/evidence_vocabulary.h"
#include "generator/generate.h"
#include "generator/grounding.h"
#include "generator/load_reader.h"
#include "generator/prompt.h"
#include "lib/base/ascii.h"
#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/nn/decoder.h"
#include "lib/nn/model_path.h"
#include "lib/reader/cross_attention_reader.h"
#include "retriever/store.h"

namespace fovea {
namespace {

constexpr const char* kNotFoundAnswer = "I could not find an answer to this in the documents.";
// A quotation takes in a second sentence that weighs at least this share of the best one, up to
// this many words together.
constexpr float kSecondSentenceShare = 0.3f;
constexpr int kQuotedWords = 40;

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void ThrowIfStopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "stopped");
}

void Check(std::string_view question, const AskOptions& options) {
  const auto reject = [](const char* what) { throw Error(ErrorCode::kInvalidArgument, what); };
  if (CollapseSpace(question).empty()) reject("the question is empty");
  if (options.passages < 1) reject("the number of passages to read must be >= 1");
  if (options.max_tokens < 1) reject("max-tokens must be >= 1");
  if (options.max_words < 0) reject("max_words must be >= 0");
  if (options.nearest_examples < 0) reject("the number of examples to show must be >= 0");
  if (!(options.foreign_penalty >= 0)) reject("foreign_penalty must be >= 0");
  options.sampling.validate();
  options.copy.validate();
  if (options.reuse_evidence) options.reuse_evidence->validate();
}

// The question with what a conversation adds to it.
std::string_view FullQuestion(std::string_view question, const AskOptions& options) {
  return options.contextual_question.empty() ? question : options.contextual_question;
}

Citation Cite(std::span<const Passage> passages, const EvidenceSentence& sentence) {
  const Passage& passage = passages[sentence.passage];
  return {passage.document,
          passage.title,
          {passage.range.begin + sentence.range.begin, passage.range.begin + sentence.range.end},
          std::string(sentence.text),
          sentence.weight};
}

// The same sentence may be read in two overlapping passages: it is cited once.
void AddCitation(std::vector<Citation>& citations, Citation citation) {
  const bool there = std::any_of(citations.begin(), citations.end(), [&](const Citation& other) {
    return other.document == citation.document && other.range == citation.range;
  });
  if (!there) citations.push_back(std::move(citation));
}

// Sentences of an answer as they are put together: within the limit on words.
class AnswerText {
 public:
  explicit AnswerText(int max_words) : max_words_(max_words) {}

  // False if the sentence did not fit; the first one is cut around `part` instead.
  bool Add(std::string sentence, std::string_view part = {}) {
    if (max_words_ > 0 && words_ + CountWords(sentence) > max_words_) {
      if (words_ > 0) return false;
      // The marks of what is left out count as words, too.
      sentence = CutWords(sentence, std::max(1, max_words_ - 2), part);
    }
    words_ += CountWords(sentence);
    pieces_.push_back((pieces_.empty() ? "" : " ") + std::move(sentence));
    return true;
  }

  // Whatever the case.
  bool Contains(std::string_view words) const {
    std::string text;
    for (const std::string& piece : pieces_) text += AsciiLower(piece);
    return text.find(AsciiLower(words)) != std::string::npos;
  }

  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  int max_words_;
  int words_ = 0;
  std::vector<std::string> pieces_;
};

std::vector<std::string> Quote(std::span<const Passage> passages,
                               const std::vector<EvidenceSentence>& sentences,
                               const AskOptions& options, Answer& answer) {
  AnswerText text(options.max_words);
  answer.source = AnswerSource::kQuoted;
  answer.citations.clear();
  const EvidenceSentence& best = sentences.front();
  text.Add(CollapseSpace(best.text), answer.short_answer.value_or(""));
  AddCitation(answer.citations, Cite(passages, best));
  for (std::size_t i = 1;
       i < sentences.size() && sentences[i].weight >= kSecondSentenceShare * best.weight; ++i) {
    if (CollapseSpace(sentences[i].text) == CollapseSpace(best.text)) continue;
    if (CountWords(best.text) + CountWords(sentences[i].text) <= kQuotedWords &&
        text.Add(CollapseSpace(sentences[i].text))) {
      AddCitation(answer.citations, Cite(passages, sentences[i]));
    }
    break;
  }
  return text.pieces();
}

void Deliver(const std::vector<std::string>& pieces, const AskOptions& options, Answer& answer) {
  for (const std::string& piece : pieces) {
    answer.text += piece;
    if (options.on_text) options.on_text(piece);
  }
}

}  // namespace

void Abstain(Answer& answer) {
  answer.abstained = true;
  answer.text = kNotFoundAnswer;
  answer.source = AnswerSource::kNone;
  answer.citations.clear();
  answer.short_answer.reset();
  for (AnswerPassage& passage : answer.passages) passage.short_answer.reset();
}

struct Pipeline::State {
  PipelineOptions options;
  std::filesystem::path models;
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Encoder> encoder;
  std::unique_ptr<PassageStateCache> states;  // before the reader, which borrows it
  LoadedReader reader;
  std::unique_ptr<Searcher> searcher;
  std::unique_ptr<Decoder> decoder;
  std::optional<ChatTemplate> chat;
  std::optional<TokenWords> token_words;  // the decoder's
  PromptCache cache;
  std::optional<PrefixCache> prefixes;  // nullopt: none are kept
  EvidenceCache evidence{kDefaultPromptCacheBytes};
  double load_seconds = 0;  // not yet reported in an answer

  void LoadDecoder() {
    if (decoder) return;
    const Stopwatch watch;
    auto loaded = Decoder::Load(
        ResolveModel(models, options.generator.empty() ? kDefaultGenerator : options.generator),
        {.pool = pool.get()});
    chat = ChatTemplate::FromDecoder(*loaded);
    token_words.emplace(loaded->tokenizer());
    decoder = std::move(loaded);
    load_seconds += watch.Seconds();
  }

  void Log(const std::string& text) const {
    if (options.log) options.log(LogLevel::kDebug, text);
  }

  void UseStateCache() {
    if (reader.learned == nullptr || options.state_cache_bytes <= 0) return;
    states = OpenStateCache(options.index, reader.learned->fingerprint(), options.state_cache_bytes,
                            options.log);
    reader.learned->UseCache(states.get());
  }

  // Passages of the index's chunk size whose states the cache holds; at least one.
  std::int64_t PassagesThatFit() const {
    const EncoderConfig& config = encoder->config();
    const int chunk_tokens = searcher->settings().chunk_tokens;
    const std::int64_t tokens = chunk_tokens > 0 ? chunk_tokens : config.max_tokens;
    const auto token_bytes = static_cast<std::int64_t>(sizeof(float)) + config.width;
    return std::max<std::int64_t>(options.state_cache_bytes / (tokens * token_bytes), 1);
  }

  // The decoder's answer as far as the evidence bears it out; empty if it does not, or if the short
  // answer is not in it.
  std::vector<std::string> Write(std::span<const Passage> passages, const Reading& reading,
                                 const std::vector<EvidenceSentence>& sentences,
                                 const AskOptions& ask, Answer& answer,
                                 const std::stop_token& stop) {
    LoadDecoder();
    PromptOptions prompt_options;
    prompt_options.reply_tokens = ask.max_tokens;
    prompt_options.short_answer = answer.short_answer.value_or("");
    if (ask.examples)
      answer.examples =
          ask.examples->Nearest(answer.read_question, ask.nearest_examples, pool.get());
    for (const NearExample& near : answer.examples) prompt_options.examples.push_back(near.example);
    prompt_options.history = ask.history;
    prompt_options.history_tokens = ask.history_tokens;
    const Prompt prompt =
        BuildPrompt(answer.question, passages, reading, *decoder, *chat, prompt_options);
    answer.window = prompt.window;
    answer.examples.erase(answer.examples.begin(),
                          answer.examples.begin() + prompt.examples_left_out);
    answer.examples_left_out = prompt.examples_left_out;
    answer.sentences_left_out = prompt.sentences_left_out;
    answer.turns_left_out = prompt.turns_left_out;
    GenerateOptions generate;
    generate.max_tokens = ask.max_tokens;
    generate.sampling = ask.sampling;
    generate.stop_tokens = {chat->end_of_turn()};
    generate.cache = &cache;
    const std::vector<CopySource> sources = CopySources(passages, reading, prompt);
    const CopyDistribution distribution(sources, decoder->tokenizer(), ask.copy);
    std::vector<std::string_view> texts = {answer.read_question};
    for (const CopySource& source : sources) texts.push_back(source.text);
    const EvidenceVocabulary vocabulary(*token_words, texts);
    generate.steer = [&](std::string_view written, std::span<float> logits) {
      if (ask.foreign_penalty > 0) vocabulary.Penalise(written, ask.foreign_penalty, logits);
      distribution.Mix(written, logits);
    };
    generate.fixed_tokens = prompt.fixed_tokens;
    generate.prefixes = prefixes ? &*prefixes : nullptr;
    if (ask.reuse_evidence) {
      generate.blocks = prompt.blocks;
      generate.evidence = &evidence;
      generate.evidence_reuse = *ask.reuse_evidence;
    }
    const Generation generation = Generate(*decoder, prompt.tokens, generate, pool.get(), stop);
    answer.timings.prefill = generation.prefill_seconds;
    answer.timings.generate = generation.decode_seconds;
    answer.timings.tokens = static_cast<int>(generation.tokens.size());

    const std::vector<EvidenceSentence> shown = ShownIn(prompt, sentences);
    AnswerText text(ask.max_words);
    std::vector<Citation> citations;
    for (const GroundedStatement& statement :
         Ground(generation.text, shown, answer.read_question)) {
      if (!text.Add(statement.text)) break;
      AddCitation(citations, Cite(passages, shown[statement.evidence]));
    }
    if (text.pieces().empty() || !text.Contains(answer.short_answer.value_or(""))) {
      Log("quoted, for the evidence does not bear out, or \"" + answer.short_answer.value_or("") +
          "\" is not in: " + generation.text);
      return {};
    }
    answer.source = AnswerSource::kGenerated;
    answer.citations = std::move(citations);
    return text.pieces();
  }
};

Pipeline::Pipeline(const PipelineOptions& options) : state_(std::make_unique<State>()) {
  const Stopwatch watch;
  State& state = *state_;
  state.options = options;
  state.models = options.models.empty() ? DefaultModelsFolder() : options.models;
  state.pool = std::make_unique<ThreadPool>(options.threads);
  if (options.prompt_cache_bytes > 0) {
    state.prefixes.emplace(PrefixCacheOptions{
        .folder = options.prompt_cache.empty() ? DefaultPromptCacheFolder() : options.prompt_cache,
        .max_bytes = options.prompt_cache_bytes,
        .log = options.log});
  }
  std::string embedder = options.embedder;
  Precision precision = kDefaultPrecision;
  if (!options.index.empty()) {
    const auto settings = Store::Open(options.index, Store::Mode::kRead, options.log)->settings();
    if (settings && embedder.empty()) embedder = settings->embedder;
    if (settings) precision = ParsePrecision(settings->precision);
  }
  if (embedder.empty()) embedder = kDefaultEmbedder;
  state.encoder = Encoder::Load(ResolveModel(state.models, embedder), state.pool.get(), precision);
  state.reader = LoadReader({.reader = options.reader, .models = state.models, .log = options.log},
                            *state.encoder, state.pool.get());
  if (!options.index.empty()) {
    state.searcher = std::make_unique<Searcher>(
        options.index, *state.encoder, state.reader.reader.get(), state.pool.get(), options.log);
    state.UseStateCache();
  }
  state.load_seconds = watch.Seconds();
}

Pipeline::~Pipeline() = default;

Answer Pipeline::Ask(std::string_view question, const AskOptions& options, std::stop_token stop) {
  Check(question, options);
  ThrowIfStopped(stop);
  const Stopwatch watch;
  SearchOptions search;
  search.k = options.passages;
  search.mode = SearchMode::kHybrid;
  search.document_glob = options.document_glob;
  std::vector<Hit> hits = searcher().Search(FullQuestion(question, options), search);
  const double seconds = watch.Seconds();
  Answer answer = AskPassages(question, std::move(hits), options, stop);
  answer.timings.retrieve = seconds;
  return answer;
}

Answer Pipeline::AskPassages(std::string_view question, std::vector<Hit> hits,
                             const AskOptions& options, std::stop_token stop) {
  Check(question, options);
  ThrowIfStopped(stop);
  State& state = *state_;
  Answer answer;
  answer.question = question;
  answer.read_question = FullQuestion(question, options);
  std::vector<Passage> passages;
  for (Hit& hit : hits) passages.push_back(std::move(hit.passage));
  const Stopwatch watch;
  Reading reading = ReadWithDoubt(*state.reader.reader, answer.read_question, hits, passages,
                                  {.attention = options.attention}, state.pool.get());
  answer.timings.read = watch.Seconds();
  ThrowIfStopped(stop);

  answer.confidence = 1.0 - static_cast<double>(reading.none_weight);
  const std::vector<EvidenceSentence> sentences = SentencesByWeight(passages, reading);
  const float threshold =
      options.abstain_threshold.value_or(state.reader.reader->abstain_threshold());
  if (sentences.empty() || reading.none_weight >= threshold) {
    Abstain(answer);
    if (options.on_text) options.on_text(answer.text);
  } else {
    if (!reading.spans.empty()) {
      const AnswerSpan& span = reading.spans.front();
      answer.short_answer = CollapseSpace(Slice(passages[span.passage].text, span.range));
    }
    std::vector<std::string> pieces;
    if (options.mode == AnswerMode::kGenerate) {
      pieces = state.Write(passages, reading, sentences, options, answer, stop);
    }
    if (pieces.empty()) pieces = Quote(passages, sentences, options, answer);
    Deliver(pieces, options, answer);
  }
  for (std::size_t i = 0; i < passages.size(); ++i) {
    PassageReading& read = reading.passages[i];
    answer.passages.push_back({std::move(passages[i]), static_cast<double>(read.weight),
                               hits[i].score, std::move(read.sentences), std::move(read.tokens),
                               std::move(read.parts)});
  }
  if (answer.short_answer)
    answer.passages[reading.spans.front().passage].short_answer = reading.spans.front().range;
  answer.axes = std::move(reading.axes);
  std::stable_sort(
      answer.passages.begin(), answer.passages.end(),
      [](const AnswerPassage& a, const AnswerPassage& b) { return a.weight > b.weight; });
  answer.timings.load = std::exchange(state.load_seconds, 0.0);
  return answer;
}

std::int64_t Pipeline::CacheStates(const ProgressCallback& progress, std::stop_token stop) {
  constexpr std::size_t kPassagesAtOnce = 64;
  const Store& store = searcher().store();
  State& state = *state_;
  if (state.states == nullptr) return 0;
  std::vector<ChunkId> chunks;
  store.ForEachChunkId([&](ChunkId chunk, DocumentId) {
    chunks.push_back(chunk);
    return static_cast<std::int64_t>(chunks.size()) < state.PassagesThatFit();
  });
  for (std::size_t begin = 0; begin < chunks.size(); begin += kPassagesAtOnce) {
    ThrowIfStopped(stop);
    const auto group =
        std::span(chunks).subspan(begin, std::min(kPassagesAtOnce, chunks.size() - begin));
    state.reader.learned->CacheStates(store.Passages(group), state.pool.get());
    if (progress) progress({"caching states", begin + group.size(), chunks.size()});
  }
  return static_cast<std::int64_t>(chunks.size());
}

std::shared_ptr<const ExampleSet> Pipeline::EmbedExamples(std::vector<Example> examples) {
  return std::make_shared<const ExampleSet>(std::move(examples), *state_->encoder,
                                            state_->pool.get());
}

Searcher& Pipeline::searcher() {
  if (!state_->searcher) {
    throw Error(ErrorCode::kInvalidArgument,
                "this pipeline was opened without an index: give it one to search");
  }
  return *state_->searcher;
}
const Encoder& Pipeline::encoder() const { return *state_->encoder; }
const Reader& Pipeline::reader() const { return *state_->reader.reader; }
const Decoder& Pipeline::decoder() {
  state_->LoadDecoder();
  return *state_->decoder;
}
ThreadPool& Pipeline::pool() { return *state_->pool; }

}  // namespace fovea
