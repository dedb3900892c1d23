#include "generator/doubt.h"

#include <algorithm>
#include <optional>

#include "generator/answer_signs.h"
#include "generator/grounding.h"
#include "generator/turns.h"
#include "lib/text/sentences.h"

namespace fovea {
namespace {

std::vector<ByteRange> Doubtful(std::string_view question, const Passage& passage) {
  if (!IsAbout(question, passage)) return {{0, passage.text.size()}};
  std::vector<ByteRange> doubtful;
  for (const ByteRange sentence : SplitSentences(passage.text)) {
    if (Repeats(Slice(passage.text, sentence), question)) doubtful.push_back(sentence);
  }
  return doubtful;
}

}  // namespace

Reading ReadWithDoubt(const Reader& reader, std::string_view question, std::span<const Hit> hits,
                      std::span<const Passage> passages, const ReadOptions& options,
                      ThreadPool* pool) {
  std::vector<ReaderInput> inputs;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    inputs.push_back({&passages[i], hits[i].dense_score, hits[i].lexical_score,
                      Doubtful(question, passages[i])});
  }
  std::vector<ReaderInput> statements = inputs;
  bool has_turns = false;
  for (ReaderInput& input : statements) {
    const std::optional<ByteRange> turns = FindTurns(input.passage->text);
    if (!turns) continue;
    input.doubtful.push_back(*turns);
    has_turns = true;
  }
  const auto read = [&](std::span<const ReaderInput> from) {
    Reading reading = reader.Read(question, from, options, pool);
    RaiseAnswer(reading, AnswerNats(reader.answer_signs(), question, hits, passages, reading));
    return reading;
  };
  Reading reading = read(statements);
  if (!has_turns || reading.none_weight < reader.abstain_threshold()) return reading;
  return read(inputs);
}

}  // namespace fovea
