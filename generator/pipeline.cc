#include "generator/pipeline.h"

#include <algorithm>
#include <chrono>

#include "generator/announced.h"
#include "generator/answer_text.h"
#include "generator/answer_writer.h"
#include "generator/doubt.h"
#include "generator/evidence.h"
#include "generator/grounding.h"
#include "generator/load_reader.h"
#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/nn/decoder.h"
#include "lib/nn/model_path.h"
#include "lib/reader/cross_attention_reader.h"
#include "retriever/store.h"

namespace fovea {
namespace {

constexpr const char* kNotFoundAnswer = "I could not find an answer to this in the documents.";

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
  if (options.fused_passages < 1) reject("the number of fused passages must be >= 1");
  if (options.fused_passages > 1 && options.reuse_evidence)
    reject("evidence is reused in one prompt: passages cannot be fused beside it");
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
  std::optional<PrefixCache> prefixes;   // nullopt: none are kept
  std::unique_ptr<AnswerWriter> writer;  // nullptr: not yet needed
  double load_seconds = 0;               // not yet reported in an answer

  AnswerWriter& Writer() {
    if (writer) return *writer;
    const Stopwatch watch;
    auto decoder = Decoder::Load(
        ResolveModel(models, options.generator.empty() ? kDefaultGenerator : options.generator),
        {.pool = pool.get()});
    writer = std::make_unique<AnswerWriter>(std::move(decoder), prefixes ? &*prefixes : nullptr,
                                            options.log, pool.get());
    load_seconds += watch.Seconds();
    return *writer;
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
    const EvidenceSentence& best = sentences.front();
    const std::optional<Announcement> announced =
        AnnouncementOf(passages[best.passage].text, best.range);
    // What a sentence announces is quoted: the decoder would have to copy a list.
    if (options.mode == AnswerMode::kGenerate && !announced) {
      pieces = state.Writer().Write({passages, reading, sentences}, options, answer, stop);
    }
    if (pieces.empty()) pieces = Quote(passages, sentences, announced, options, answer);
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
const Decoder& Pipeline::decoder() { return state_->Writer().decoder(); }
ThreadPool& Pipeline::pool() { return *state_->pool; }

}  // namespace fovea
