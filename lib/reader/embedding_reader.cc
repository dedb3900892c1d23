#include "lib/reader/embedding_reader.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lib/base/ascii.h"
#include "lib/base/error.h"
#include "lib/reader/short_answer.h"
#include "lib/text/sentences.h"
#include "lib/text/utf8.h"

namespace fovea {
namespace {

// A sentence of a passage that is read.
struct Key {
  std::size_t passage = 0;
  ByteRange range;
  std::set<TokenId> words;
  double logit = 0;
};

double Dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

bool IsWord(std::string_view piece) { return std::any_of(piece.begin(), piece.end(), IsWordByte); }

// Word pieces that hold a letter or a digit: punctuation says nothing about the subject.
std::set<TokenId> Words(const WordPiece& tokenizer, std::string_view text) {
  std::set<TokenId> words;
  const Encoding encoding = tokenizer.Encode(text);
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    if (IsWord(Slice(text, encoding.ranges[i]))) words.insert(encoding.ids[i]);
  }
  return words;
}

// The title in front, as retrieval embeds passages; a long one must not fill the encoder's window.
std::string InContext(const Passage& passage, std::string_view separator, std::string_view text) {
  constexpr std::size_t kTitleBytes = 160;
  std::string context = passage.title.substr(0, FloorToCharacter(passage.title, kTitleBytes));
  if (!context.empty()) context += separator;
  return context.append(text);
}

// log(1 + S / (1 + df)): a word of the question weighs more the fewer of the S sentences read hold
// it.
std::map<TokenId, double> WordWeights(const std::set<TokenId>& question,
                                      const std::vector<Key>& keys) {
  std::map<TokenId, double> weights;
  for (const TokenId word : question) {
    const auto count = std::count_if(keys.begin(), keys.end(),
                                     [&](const Key& key) { return key.words.contains(word); });
    weights[word] =
        std::log(1.0 + static_cast<double>(keys.size()) / (1.0 + static_cast<double>(count)));
  }
  return weights;
}

double Overlap(const std::map<TokenId, double>& weights, const std::set<TokenId>& words) {
  double total = 0;
  double found = 0;
  for (const auto& [word, weight] : weights) {
    total += weight;
    if (words.contains(word)) found += weight;
  }
  return total > 0 ? found / total : 0;
}

// Softmax over the sentences and the "none" slot, in order of size so that the sum does not depend
// on the order of the passages.
double Softmax(std::vector<Key>& keys, double none_logit) {
  double greatest = none_logit;
  for (const Key& key : keys) greatest = std::max(greatest, key.logit);
  std::vector<double> terms = {std::exp(none_logit - greatest)};
  for (Key& key : keys) terms.push_back(key.logit = std::exp(key.logit - greatest));
  std::sort(terms.begin(), terms.end());
  double total = 0;
  for (const double term : terms) total += term;
  for (Key& key : keys) key.logit /= total;
  return std::exp(none_logit - greatest) / total;
}

std::vector<Key> SplitPassages(const WordPiece& tokenizer, std::span<const ReaderInput> passages) {
  std::vector<Key> keys;
  for (std::size_t p = 0; p < passages.size(); ++p) {
    const std::string& text = passages[p].passage->text;
    for (const ByteRange range : SplitSentences(text)) {
      keys.push_back({p, range, Words(tokenizer, Slice(text, range)), 0});
    }
  }
  return keys;
}

}  // namespace

void EmbeddingReaderOptions::validate() const {
  const auto reject = [](const char* what) { throw Error(ErrorCode::kInvalidArgument, what); };
  if (!(temperature > 0) || std::isinf(temperature))
    reject("reader temperature must be a finite number > 0");
  for (const float weight : {dense_weight, lexical_weight, overlap_weight, none_score}) {
    if (!std::isfinite(weight)) reject("reader weights and none_score must be finite numbers");
  }
}

EmbeddingReader::EmbeddingReader(const Encoder& encoder, const EmbeddingReaderOptions& options)
    : encoder_(encoder), options_(options) {
  options_.validate();
}

Reading EmbeddingReader::Read(std::string_view question, std::span<const ReaderInput> passages,
                              const ReadOptions&, ThreadPool* pool) const {
  CheckQuestion(question);
  Reading reading;
  reading.passages.resize(passages.size());
  reading.none_weight = 1;
  std::vector<Key> keys = SplitPassages(encoder_.tokenizer(), passages);
  if (keys.empty()) return reading;

  // Sequences: the question, the sentences, then those passages whose cosine retrieval did not
  // give.
  const EncoderConfig& config = encoder_.config();
  std::vector<std::vector<TokenId>> sequences = {
      encoder_.Tokenize(config.query_prompt + std::string(question))};
  for (const Key& key : keys) {
    const Passage& passage = *passages[key.passage].passage;
    sequences.push_back(encoder_.Tokenize(
        config.passage_prompt + InContext(passage, ": ", Slice(passage.text, key.range))));
  }
  std::vector<std::size_t> row_of_passage(passages.size(), 0);
  for (std::size_t p = 0; p < passages.size(); ++p) {
    if (passages[p].dense_score) continue;
    row_of_passage[p] = sequences.size();
    const Passage& passage = *passages[p].passage;
    sequences.push_back(
        encoder_.Tokenize(config.passage_prompt + InContext(passage, "\n", passage.text)));
  }
  const Matrix vectors = encoder_.Embed(sequences, pool);

  const auto weights = WordWeights(Words(encoder_.tokenizer(), question), keys);
  const std::vector<float> lexical = LexicalShares(passages);
  const bool has_lexical =
      std::any_of(lexical.begin(), lexical.end(), [](float share) { return share > 0; });
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::size_t p = keys[i].passage;
    const double dense = passages[p].dense_score
                             ? *passages[p].dense_score
                             : Dot(vectors.row(0), vectors.row(row_of_passage[p]));
    const double score = Dot(vectors.row(0), vectors.row(i + 1)) + options_.dense_weight * dense +
                         static_cast<double>(options_.lexical_weight) * lexical[p] +
                         options_.overlap_weight * Overlap(weights, keys[i].words);
    keys[i].logit = score / options_.temperature - DoubtAt(passages[p], keys[i].range.begin);
  }
  const double none = options_.none_score + (has_lexical ? options_.lexical_weight : 0.0f);
  reading.none_weight = static_cast<float>(Softmax(keys, none / options_.temperature));

  for (const Key& key : keys) {
    PassageReading& passage = reading.passages[key.passage];
    const float weight = static_cast<float>(key.logit);
    passage.sentences.push_back({key.range, weight});
    passage.weight += weight;
  }
  reading.spans = ShortAnswers(question, passages, reading.passages);
  return reading;
}

}  // namespace fovea
