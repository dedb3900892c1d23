#include "tools/reader_data.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <sstream>

#include "generator/pipeline.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/hash.h"
#include "lib/base/thread_pool.h"
#include "lib/reader/reader_windows.h"
#include "lib/text/sentences.h"
#include "lib/text/utf8.h"
#include "retriever/store.h"
#include "tools/altered_question.h"
#include "tools/json_lines.h"
#include "tools/output.h"
#include "tools/session.h"
#include "tools/squad.h"
#include "tools/temporary_index.h"

namespace fovea::tools {
namespace {

constexpr int kCandidates = 12;
constexpr std::size_t kMaxContext = 1'000'000;  // bytes; longer: somebody's whole file

// Byte offset of the `characters`-th code point; nullopt outside the text.
std::optional<std::size_t> ByteOffset(std::string_view text, std::int64_t characters) {
  if (characters < 0) return std::nullopt;
  std::size_t at = 0;
  for (std::int64_t i = 0; i < characters; ++i) {
    if (at >= text.size()) return std::nullopt;
    at += static_cast<std::size_t>(DecodeUtf8(text, at).length);
  }
  return at;
}

[[noreturn]] void Bad(const JsonLine& line, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, line.where + ": " + what);
}

bool Blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

// A value that may be left out or null. Throws where it is of another type.
template <typename Value>
Value Optional(const JsonLine& line, const char* key, Value otherwise) {
  const auto found = line.object.find(key);
  if (found == line.object.end() || found->is_null()) return otherwise;
  if (found->type() != Json(otherwise).type())
    Bad(line, std::string("\"") + key + "\" is of another type");
  return found->get<Value>();
}

std::vector<ByteRange> Answers(const JsonLine& line, const std::string& context) {
  std::vector<ByteRange> answers;
  if (!Optional(line, "answerable", true)) return answers;
  const auto list = line.object.find("answers");
  if (list == line.object.end() || !list->is_array() || list->empty())
    Bad(line, "an answerable question needs \"answers\"");
  for (const auto& answer : *list) {
    if (!answer.is_object() || !answer.contains("text") || !answer["text"].is_string() ||
        !answer.contains("start") || !answer["start"].is_number_integer())
      Bad(line, "an answer needs \"text\" and \"start\"");
    const std::string text = answer["text"];
    const auto begin = ByteOffset(context, answer["start"].get<std::int64_t>());
    if (Blank(text) || !begin || context.compare(*begin, text.size(), text) != 0) {
      Bad(line, "the answer \"" + text + "\" does not stand at character " +
                    answer["start"].dump() + " of the context");
    }
    answers.push_back({*begin, *begin + text.size()});
  }
  return answers;
}

// First and last token of the bytes, and whether they are all of a window's.
std::pair<std::size_t, std::size_t> TokensOf(const Encoding& encoding, ByteRange range) {
  std::size_t first = 1;
  const std::size_t end = encoding.ids.size() - 1;
  while (first + 1 < end && encoding.ranges[first].end <= range.begin) ++first;
  std::size_t last = first;
  while (last + 1 < end && encoding.ranges[last + 1].begin < range.end) ++last;
  return {first, last};
}

void WriteCorpus(const TrainingData& data, const std::filesystem::path& file) {
  std::string corpus;
  for (std::size_t i = 0; i < data.contexts.size(); ++i) {
    const Json line{{"_id", std::to_string(i)},
                    {"title", data.contexts[i].title},
                    {"text", data.contexts[i].text}};
    corpus += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  WriteFileAtomically(file, corpus);
}

std::string FingerprintOf(const TrainingData& data, const std::vector<bool>& taken,
                          const Encoder& encoder) {
  ContentHasher hasher;
  hasher.Update(encoder.fingerprint());
  for (const TrainingContext& context : data.contexts)
    hasher.Update(context.title + "\n" + context.text + "\n");
  for (std::size_t i = 0; i < data.questions.size(); ++i)
    hasher.Update((taken[i] ? data.questions[i].question : "") + "\n");
  return hasher.Hex();
}

std::vector<Candidate> CandidatesOf(const std::vector<Hit>& hits) {
  float best = 0;
  for (const Hit& hit : hits) best = std::max(best, hit.lexical_score.value_or(0));
  std::vector<Candidate> candidates;
  for (const Hit& hit : hits) {
    candidates.push_back({static_cast<std::uint32_t>(std::stoul(hit.passage.document)),
                          hit.dense_score.value_or(0),
                          best > 0 ? hit.lexical_score.value_or(0) / best : 0});
  }
  return candidates;
}

// nullopt: there is none, or of other data, or not as it was written.
std::optional<std::vector<std::vector<Candidate>>> ReadCandidates(
    const std::filesystem::path& cache, const std::string& fingerprint, const TrainingData& data) {
  if (cache.empty() || !std::filesystem::exists(cache)) return std::nullopt;
  std::istringstream lines(ReadFile(cache));
  std::string line;
  if (!std::getline(lines, line) || line != fingerprint) return std::nullopt;
  std::vector<std::vector<Candidate>> candidates;
  try {
    while (std::getline(lines, line)) {
      candidates.emplace_back();
      for (const Json& entry : Json::parse(line)) {
        candidates.back().push_back({entry.at(0), entry.at(1), entry.at(2)});
        if (candidates.back().back().context >= data.contexts.size()) return std::nullopt;
      }
    }
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  if (candidates.size() != data.questions.size()) return std::nullopt;
  return candidates;
}

// The line's question, its context added to `data` where it is new; `known` finds the others.
void AddQuestion(const JsonLine& line, std::map<std::string, std::size_t>& known,
                 TrainingData& data) {
  const std::string context = line.Text("context");
  if (Blank(context)) Bad(line, "the context is empty");
  if (context.size() >= kMaxContext) {
    Bad(line, "the context has " + std::to_string(context.size()) + " bytes, the limit is " +
                  std::to_string(kMaxContext) + ": give the paragraph that holds the answer");
  }
  TrainingQuestion question{line.Text("question"), 0, Answers(line, context)};
  if (Blank(question.question)) Bad(line, "the question is empty");
  const std::string title = Optional(line, "title", std::string());
  const auto [entry, added] = known.emplace(context, data.contexts.size());
  if (added) data.contexts.push_back({title, context});
  question.context = entry->second;
  question.id = Optional(line, "id", std::string());
  data.questions.push_back(std::move(question));
}

}  // namespace

TrainingData ReadTrainingData(const std::vector<TrainingFile>& files, bool skip_bad) {
  TrainingData data;
  std::map<std::string, std::size_t> known;
  for (const TrainingFile& file : files) {
    const std::size_t begin = data.questions.size();
    for (const JsonLine& line : ReadJsonLines(file.path, skip_bad ? &data.skipped : nullptr)) {
      try {
        AddQuestion(line, known, data);
      } catch (const Error&) {
        if (!skip_bad) throw;
        ++data.skipped;
      }
    }
    data.files.push_back({begin, data.questions.size(), file.share});
  }
  if (data.questions.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                files.front().path + ": no questions to train on (" + std::to_string(data.skipped) +
                    " lines left out); see docs/formats.md, \"Training data\"");
  }
  data.asked_contexts = data.contexts.size();
  return data;
}

void AddPassagesOf(const std::filesystem::path& folder, TrainingData& data) {
  std::set<std::string> known;
  for (const TrainingContext& context : data.contexts) known.insert(context.text);
  const std::unique_ptr<Store> store = Store::Open(folder, Store::Mode::kRead);
  std::vector<ChunkId> chunks;
  store->ForEachChunkId([&](ChunkId chunk, DocumentId) {
    chunks.push_back(chunk);
    return true;
  });
  for (Passage& passage : store->Passages(chunks)) {
    if (Blank(passage.text) || !known.insert(passage.text).second) continue;
    data.contexts.push_back(
        {TitleAndHeading(passage.title, passage.heading), std::move(passage.text)});
  }
}

std::vector<std::vector<Candidate>> FindCandidates(Session& session, const TrainingData& data,
                                                   const std::vector<bool>& taken,
                                                   const std::filesystem::path& cache) {
  const std::unique_ptr<Encoder> encoder =
      Encoder::Load(session.EmbedderFolder(), &session.pool(), kDefaultPrecision);
  const std::string fingerprint = FingerprintOf(data, taken, *encoder);
  if (auto known = ReadCandidates(cache, fingerprint, data)) return std::move(*known);
  const TemporaryFolder folder;
  WriteCorpus(data, folder.path() / "corpus.jsonl");
  ChunkerOptions chunker;
  chunker.chunk_tokens = 0;
  BuildIndex(session, folder.path() / "index", folder.path() / "corpus.jsonl", chunker);
  const Searcher searcher(folder.path() / "index", *encoder, nullptr, &session.pool(),
                          session.log());
  std::vector<std::vector<Candidate>> all;
  std::string lines = fingerprint + "\n";
  for (std::size_t i = 0; i < data.questions.size(); ++i) {
    session.ThrowIfStopped();
    all.emplace_back();
    if (taken[i]) {
      all.back() = CandidatesOf(
          searcher.Search(data.questions[i].question,
                          {.k = kCandidates, .mode = SearchMode::kHybrid, .document_glob = ""}));
    }
    Json entry = Json::array();
    for (const Candidate& c : all.back()) entry.push_back({c.context, c.dense, c.lexical});
    lines += entry.dump() + "\n";
    session.Report("finding hard negatives", all.size(), data.questions.size());
  }
  if (!cache.empty()) WriteFileAtomically(cache, lines);
  return all;
}

std::vector<TokenId> PassageFront(std::string_view title, const Encoder& encoder) {
  return WindowFront(encoder.tokenizer(), title,
                     static_cast<std::size_t>(encoder.config().max_tokens));
}

std::size_t WindowTokens(std::span<const TokenId> front, const Encoder& encoder) {
  return static_cast<std::size_t>(encoder.config().max_tokens) - front.size() - 1;
}

ReaderPassage PassageTokens(std::span<const TokenId> front, const Encoding& text, std::size_t first,
                            std::size_t count) {
  ReaderPassage passage;
  passage.tokens.assign(front.begin(), front.end());
  passage.text = passage.tokens.size();
  const auto begin = text.ids.begin() + static_cast<std::ptrdiff_t>(first);
  passage.tokens.insert(passage.tokens.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
  passage.tokens.push_back(text.ids.back());
  return passage;
}

namespace {

// With each score less the best one, as the reader sees them.
std::vector<Candidate> LessTheBest(std::vector<Candidate> candidates) {
  float dense = -1, lexical = 0;
  for (const Candidate& candidate : candidates) {
    dense = std::max(dense, candidate.dense);
    lexical = std::max(lexical, candidate.lexical);
  }
  for (Candidate& candidate : candidates) {
    candidate.dense -= dense;
    candidate.lexical -= lexical;
  }
  return candidates;
}

}  // namespace

TrainingExamples::TrainingExamples(const TrainingData& data,
                                   std::vector<std::vector<Candidate>> candidates,
                                   const Encoder& encoder, const NearWords& near,
                                   const ReaderDataOptions& options, ThreadPool* pool)
    : data_(data),
      encoder_(encoder),
      near_(near),
      options_(options),
      questions_(data.files, options.seed),
      candidates_(std::move(candidates)),
      fronts_(data.contexts.size()),
      contexts_(data.contexts.size()) {
  pool->ParallelFor(contexts_.size(), 64, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      fronts_[i] = PassageFront(data.contexts[i].title, encoder);
      contexts_[i] = encoder.tokenizer().Encode(data.contexts[i].text);
    }
  });
}

std::string TrainingExamples::Description() const {
  const std::size_t others = data_.contexts.size() - data_.asked_contexts;
  return questions_.Description() + ", " + std::to_string(options_.passages) +
         " passages each, altered " + FormatFixed(static_cast<double>(options_.altered), 3) +
         (others == 0 ? "" : ", " + std::to_string(others) + " more passages");
}

std::vector<std::string> TrainingExamples::AnswerTexts(const TrainingQuestion& question) const {
  std::vector<std::string> answers;
  for (const ByteRange& range : question.answers)
    answers.emplace_back(Slice(data_.contexts[question.context].text, range));
  return answers;
}

ReaderPassage TrainingExamples::Passage(const Candidate& candidate,
                                        const TrainingQuestion* question) const {
  const Encoding& encoding = contexts_[candidate.context];
  const std::vector<TokenId>& front = fronts_[candidate.context];
  const std::size_t window = WindowTokens(front, encoder_);
  const std::size_t content = encoding.ids.size() - 2;
  std::size_t first = 1;
  std::vector<std::pair<std::size_t, std::size_t>> answers;
  if (question != nullptr) {
    for (const ByteRange& range : question->answers) answers.push_back(TokensOf(encoding, range));
    // Of a longer passage: the window around the first answer.
    if (content > window && !answers.empty() && answers[0].second > window) {
      const std::size_t middle = (answers[0].first + answers[0].second) / 2;
      first = std::min(middle - std::min(middle - 1, window / 2), content - window + 1);
    }
  }
  const std::size_t count = std::min(window, content);
  ReaderPassage passage = PassageTokens(front, encoding, first, count);
  passage.scores = {candidate.dense, candidate.lexical};
  for (const auto& [from, to] : answers) {
    if (from >= first && to < first + count)
      passage.answers.emplace_back(from - first + passage.text, to - first + passage.text);
  }
  return passage;
}

std::optional<ReaderPassage> TrainingExamples::Shortened(std::size_t which,
                                                         const Candidate& right) const {
  const TrainingQuestion& question = data_.questions[which];
  const std::string& text = data_.contexts[question.context].text;
  const std::vector<std::string> answers = AnswerTexts(question);
  std::string rest;
  for (const ByteRange& sentence : SplitSentences(text)) {
    const std::string spelt(Slice(text, sentence));
    if (!ContainsAnswer(spelt, answers)) rest += (rest.empty() ? "" : " ") + spelt;
  }
  if (answers.empty() || rest.empty() || ContainsAnswer(rest, answers)) return std::nullopt;
  const Encoding encoding = encoder_.tokenizer().Encode(rest);
  const std::vector<TokenId>& front = fronts_[right.context];
  ReaderPassage passage = PassageTokens(
      front, encoding, 1, std::min(WindowTokens(front, encoder_), encoding.ids.size() - 2));
  passage.scores = {right.dense, right.lexical};
  return passage;
}

ExampleParts TrainingExamples::Parts(std::size_t which) const {
  const TrainingQuestion& question = data_.questions[which];
  ExampleParts parts;
  parts.question = encoder_.Tokenize(question.question);
  const std::vector<Candidate> candidates = LessTheBest(candidates_[which]);
  // One that retrieval missed looks no better to the reader than the last that it found.
  if (!candidates.empty()) parts.right = candidates.back();
  parts.right.context = static_cast<std::uint32_t>(question.context);
  const std::vector<std::string> answers = AnswerTexts(question);
  const auto may_answer = [&](std::size_t context) {
    return answers.empty() ? context >= data_.asked_contexts
                           : ContainsAnswer(data_.contexts[context].text, answers);
  };
  for (const Candidate& candidate : candidates) {
    if (candidate.context == question.context) {
      parts.right = candidate;
    } else if (!may_answer(candidate.context)) {
      parts.wrong.push_back(candidate);
    }
  }
  return parts;
}

std::optional<std::vector<TokenId>> TrainingExamples::Altered(std::size_t which,
                                                              std::mt19937_64& random) const {
  const TrainingQuestion& question = data_.questions[which];
  const std::optional<std::string> altered =
      AlterQuestion(question.question, data_.contexts[question.context].text, near_, random);
  return altered ? std::optional(encoder_.Tokenize(*altered)) : std::nullopt;
}

ReaderQuestion TrainingExamples::Get(std::size_t index, std::uint64_t epoch) const {
  const std::size_t which = questions_.Question(index, epoch);
  std::mt19937_64 random((options_.seed * 31 + epoch) * 1'000'003 + which);
  ExampleParts parts = Parts(which);
  ReaderQuestion example;
  example.tokens = std::move(parts.question);
  const auto draw = static_cast<float>(random() >> 40) / static_cast<float>(1 << 24);
  const bool withhold = draw < options_.without_answer && !parts.wrong.empty();
  if (!withhold) {
    std::optional<ReaderPassage> shortened;
    if (draw < options_.without_answer + options_.shortened)
      shortened = Shortened(which, parts.right);
    example.passages.push_back(shortened ? std::move(*shortened) : Right(which, parts.right));
  }
  if (!withhold && draw >= 1 - options_.altered) {
    if (std::optional<std::vector<TokenId>> altered = Altered(which, random)) {
      example.tokens = std::move(*altered);
      example.passages.front().answers.clear();
    }
  }
  while (example.passages.size() < options_.passages && !parts.wrong.empty()) {
    const std::size_t pick = random() % parts.wrong.size();
    example.passages.push_back(Passage(parts.wrong[pick]));
    parts.wrong.erase(parts.wrong.begin() + static_cast<std::ptrdiff_t>(pick));
  }
  return example;
}

}  // namespace fovea::tools
