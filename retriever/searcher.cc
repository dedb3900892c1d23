#include "retriever/searcher.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "retriever/fusion.h"

namespace fovea {
namespace {

// Candidates that each side hands to the fusion, at least; deeper lists change nothing that was
// measured (docs/retrieval.md).
constexpr int kFusionDepth = 200;

constexpr std::pair<SearchMode, std::string_view> kModes[] = {{SearchMode::kRead, "read"},
                                                              {SearchMode::kHybrid, "hybrid"},
                                                              {SearchMode::kDense, "dense"},
                                                              {SearchMode::kLexical, "lexical"}};

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

// Everything read during its lifetime is of one generation.
class Snapshot {
 public:
  explicit Snapshot(Store& store) : store_(store) { store_.BeginSnapshot(); }
  ~Snapshot() { store_.EndSnapshot(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Store& store_;
};

float InnerProduct(std::span<const float> a, std::span<const float> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0f);
}

// What a point of fusion's score counts beside the logarithm of the reader's share.
constexpr double kScoreWeight = 5;
// What "none of these" counts beside a hit's share of the reader's weight.
constexpr double kNoneWeight = 2;

// Above 1: the heavier of two weights counts for more than its part in their sum.
double Sharpened(double weight) { return std::pow(weight, 1.5); }

// By (share^1.5 + kNoneWeight · none^1.5) · exp(kScoreWeight · score): the reader's weights and
// retrieval's scores in a logarithmic opinion pool (Genest and Zidek 1986). The more "none of
// these" weighs, the less does the order change.
void SortByReading(float none_weight, std::span<Hit> hits) {
  double all = 0;
  for (const Hit& hit : hits) all += *hit.weight;
  const double beside = kNoneWeight * Sharpened(static_cast<double>(none_weight) * all);
  const auto pooled = [&](const Hit& hit) {
    return (Sharpened(*hit.weight) + beside) * std::exp(kScoreWeight * hit.score);
  };
  std::stable_sort(hits.begin(), hits.end(),
                   [&](const Hit& a, const Hit& b) { return pooled(a) > pooled(b); });
}

}  // namespace

SearchMode ParseSearchMode(std::string_view name) {
  for (const auto& [mode, mode_name] : kModes) {
    if (name == mode_name) return mode;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "search mode \"" + std::string(name) + "\": must be read, hybrid, dense or lexical");
}

std::string_view Name(SearchMode mode) {
  for (const auto& [known, name] : kModes) {
    if (known == mode) return name;
  }
  return "unknown";
}

struct Searcher::State {
  std::unique_ptr<Store> store;
  const Encoder& encoder;
  const Reader* reader;
  ThreadPool* pool;
  LogCallback log;
  IndexSettings settings;
  std::unique_ptr<VectorIndex> vectors;
  std::int64_t generation = -1;  // that `vectors` and `settings` are of

  // Inside a snapshot.
  void FollowGeneration() {
    if (vectors != nullptr && store->generation() == generation) return;
    CheckSettings();
    vectors = VectorIndex::Open(*store, {}, pool, log);
    generation = store->generation();
  }

  void CheckSettings() {
    const auto stored = store->settings();
    if (!stored) return;  // Nothing was indexed yet.
    if (stored->embedder_fingerprint != encoder.fingerprint()) {
      const bool same_name = stored->embedder == encoder.name();
      throw Error(
          ErrorCode::kMismatch,
          store->folder().string() + ": was built with the embedder " + stored->embedder +
              (same_name ? ", but the files of that model are others now: restore them"
                         : ", not " + encoder.name() + ": use --embedder " + stored->embedder) +
              ", or index again into another folder");
    }
    if (stored->precision != Name(encoder.precision())) {
      throw Error(ErrorCode::kMismatch, store->folder().string() + ": was embedded in " +
                                            stored->precision + ", the query would be in " +
                                            std::string(Name(encoder.precision())) +
                                            ": load the embedder in the index's precision");
    }
    settings = *stored;
  }

  std::vector<float> Embed(std::string_view query) const {
    const std::vector<std::vector<TokenId>> tokens = {
        encoder.Tokenize(encoder.config().query_prompt + std::string(query))};
    const Matrix embedded = encoder.Embed(tokens, pool);
    return {embedded.data(), embedded.data() + embedded.cols()};
  }

  std::vector<DenseHit> SearchDense(std::span<const float> query, int k,
                                    const std::string& glob) const {
    if (glob.empty()) return vectors->Search(query, k);
    const std::vector<DocumentId> matching = store->DocumentsMatching(glob);
    if (matching.empty()) return {};
    std::unordered_set<std::int64_t> accepted;
    for (const DocumentId id : matching) accepted.insert(Value(id));
    return vectors->Search(
        query, k, [&](ChunkId, DocumentId document) { return accepted.contains(Value(document)); });
  }

  std::vector<FusedHit> SearchHybrid(std::string_view query, int k, const std::string& glob) const {
    const int depth = std::max(kFusionDepth, k > kFusionDepth ? k + k / 2 : k);
    const std::vector<float> embedded = Embed(query);
    const std::vector<DenseHit> dense = SearchDense(embedded, depth, glob);
    const std::vector<LexicalHit> lexical = store->LexicalSearch(query, depth, glob);
    std::unordered_set<std::int64_t> known;
    for (const DenseHit& hit : dense) known.insert(Value(hit.chunk));
    std::vector<DenseHit> dense_of_lexical;
    for (const LexicalHit& hit : lexical) {
      if (known.contains(Value(hit.chunk))) continue;
      dense_of_lexical.push_back({hit.chunk, InnerProduct(embedded, store->Vector(hit.chunk))});
    }
    return Fuse(dense, lexical, {}, dense_of_lexical);
  }

  // Of one side alone, in the form of a fused ranking.
  std::vector<FusedHit> SearchOneSide(std::string_view query, const SearchOptions& options) const {
    std::vector<FusedHit> ranked;
    if (options.mode == SearchMode::kDense) {
      for (const DenseHit& hit : SearchDense(Embed(query), options.k, options.document_glob)) {
        FusedHit& fused = ranked.emplace_back();
        fused.chunk = hit.chunk;
        fused.score = static_cast<double>(hit.score);
        fused.dense_score = hit.score;
        fused.dense_rank = static_cast<int>(ranked.size());
      }
      return ranked;
    }
    for (const LexicalHit& hit : store->LexicalSearch(query, options.k, options.document_glob)) {
      FusedHit& fused = ranked.emplace_back();
      fused.chunk = hit.chunk;
      fused.score = static_cast<double>(hit.score);
      fused.lexical_score = hit.score;
      fused.lexical_rank = static_cast<int>(ranked.size());
    }
    return ranked;
  }

  std::vector<Hit> WithPassages(std::span<const FusedHit> ranked) const {
    std::vector<ChunkId> chunks;
    std::unordered_map<std::int64_t, const FusedHit*> by_chunk;
    for (const FusedHit& hit : ranked) {
      chunks.push_back(hit.chunk);
      by_chunk.emplace(Value(hit.chunk), &hit);
    }
    std::vector<Hit> hits;
    for (Passage& passage : store->Passages(chunks)) {
      const FusedHit& fused = *by_chunk.at(Value(passage.chunk));
      Hit& hit = hits.emplace_back();
      hit.passage = std::move(passage);
      hit.score = fused.score;
      hit.dense_rank = fused.dense_rank;
      hit.lexical_rank = fused.lexical_rank;
      hit.dense_score = fused.dense_score;
      hit.lexical_score = fused.lexical_score;
    }
    return hits;
  }

  void Reorder(std::string_view query, std::span<Hit> hits) const {
    if (hits.empty()) return;
    std::vector<ReaderInput> inputs;
    for (const Hit& hit : hits)
      inputs.push_back({&hit.passage, hit.dense_score, hit.lexical_score});
    const Reading reading = reader->Read(query, inputs, pool);
    for (std::size_t i = 0; i < hits.size(); ++i)
      hits[i].weight = static_cast<double>(reading.passages[i].weight);
    SortByReading(reading.none_weight, hits);
  }
};

Searcher::Searcher(const std::filesystem::path& index_folder, const Encoder& encoder,
                   const Reader* reader, ThreadPool* pool, LogCallback log)
    : state_(
          std::make_unique<State>(State{.store = Store::Open(index_folder, Store::Mode::kRead, log),
                                        .encoder = encoder,
                                        .reader = reader,
                                        .pool = pool,
                                        .log = std::move(log),
                                        .settings = {},
                                        .vectors = nullptr})) {
  Refresh();
}

Searcher::~Searcher() = default;

std::vector<Hit> Searcher::Search(std::string_view query, const SearchOptions& options) const {
  State& state = *state_;
  if (options.k < 1) throw Error(ErrorCode::kInvalidArgument, "a search needs k >= 1");
  if (IsBlank(query)) throw Error(ErrorCode::kInvalidArgument, "the query is empty");
  const bool read = options.mode == SearchMode::kRead;
  if (read && state.reader == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                "search mode read needs a reader; use hybrid, dense or lexical");
  }
  const Snapshot snapshot(*state.store);
  state.FollowGeneration();
  if (!state.store->settings()) return {};

  const int read_passages = read ? std::max(options.read_passages, 0) : 0;
  const auto wanted = static_cast<std::size_t>(std::max(options.k, read_passages));
  std::vector<FusedHit> ranked =
      read || options.mode == SearchMode::kHybrid
          ? state.SearchHybrid(query, static_cast<int>(wanted), options.document_glob)
          : state.SearchOneSide(query, options);
  if (ranked.size() > wanted) ranked.resize(wanted);
  std::vector<Hit> hits = state.WithPassages(ranked);
  state.Reorder(
      query, std::span(hits).first(std::min(hits.size(), static_cast<std::size_t>(read_passages))));
  if (hits.size() > static_cast<std::size_t>(options.k))
    hits.resize(static_cast<std::size_t>(options.k));
  return hits;
}

void Searcher::Refresh() {
  const Snapshot snapshot(*state_->store);
  state_->FollowGeneration();
}

const Store& Searcher::store() const { return *state_->store; }
const VectorIndex& Searcher::vectors() const { return *state_->vectors; }
const IndexSettings& Searcher::settings() const { return state_->settings; }

}  // namespace fovea
