#include "generator/conversation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "generator/anaphora.h"
#include "generator/grounding.h"
#include "lib/base/error.h"
#include "lib/kernels/kernels.h"
#include "lib/nn/encoder.h"

namespace fovea {
namespace {

// Of an earlier question: more would fill the encoder's window and leave no room for the new one.
constexpr int kContextWords = 48;

std::vector<float> Embed(Pipeline& pipeline, const std::string& question) {
  const Encoder& encoder = pipeline.encoder();
  const std::vector<std::vector<TokenId>> tokens = {
      encoder.Tokenize(encoder.config().query_prompt + question)};
  const Matrix vector = encoder.Embed(tokens, &pipeline.pool());
  return {vector.data(), vector.data() + vector.cols()};
}

std::string InContext(const std::vector<std::string>& context, std::string_view question) {
  std::string text;
  for (const std::string& part : context) text += part + " ";
  return text.append(question);
}

// Cosine of the passage that is closest to the query; −1 where there is none.
double BestCosine(const Searcher& searcher, std::string_view query, const std::string& glob) {
  SearchOptions options;
  options.k = 1;
  options.mode = SearchMode::kDense;
  options.document_glob = glob;
  const std::vector<Hit> hits = searcher.Search(query, options);
  return hits.empty() ? -1.0 : hits.front().score;
}

}  // namespace

void ConversationOptions::validate() const {
  const auto reject = [](const char* what) { throw Error(ErrorCode::kInvalidArgument, what); };
  if (attended_turns < 0) reject("attended_turns must be >= 0");
  if (!(recency >= 0) || std::isinf(recency)) reject("recency must be a finite number >= 0");
  if (!(temperature > 0) || std::isinf(temperature))
    reject("the temperature over the turns must be a finite number > 0");
  if (!(least_gain_anaphoric > 0 && least_gain > 0))
    reject("least_gain_anaphoric and least_gain must be > 0");
}

Conversation::Conversation(Pipeline& pipeline, const ConversationOptions& options)
    : pipeline_(pipeline), options_(options) {
  options_.validate();
}

ContextPart Conversation::Attend(std::string_view question) const {
  const std::vector<float> query = Embed(pipeline_, std::string(question));
  const std::size_t attended =
      std::min(turns_.size(), static_cast<std::size_t>(options_.attended_turns));
  std::vector<float> weights;  // [attended], the last turn first
  for (std::size_t age = 0; age < attended; ++age) {
    const float score = Dot(query, keys_[turns_.size() - 1 - age]);
    weights.push_back((score - options_.recency * static_cast<float>(age)) / options_.temperature);
  }
  SoftmaxInPlace(weights);
  const auto best = std::max_element(weights.begin(), weights.end());
  const std::size_t turn = turns_.size() - 1 - static_cast<std::size_t>(best - weights.begin());
  return {turn, turns_[turn].question, *best};
}

ContextualQuery Conversation::Rewrite(std::string_view question,
                                      const std::string& document_glob) const {
  ContextualQuery query;
  query.text = question;
  if (turns_.empty() || options_.attended_turns == 0) return query;
  const Searcher& searcher = pipeline_.searcher();
  const double alone = BestCosine(searcher, question, document_glob);
  ContextPart chosen = Attend(question);
  chosen.text = CutWords(chosen.text, kContextWords);
  std::vector<std::string> context;
  // A turn that leaned on another says only with it what it is about: the first of them, which
  // leaned on none.
  if (!turns_[chosen.turn].context.empty()) context.push_back(turns_[chosen.turn].context.front());
  context.push_back(chosen.text);
  std::string text = InContext(context, question);
  const double in_context = BestCosine(searcher, text, document_glob);
  if (alone > 0) query.gain = in_context / alone;
  const double least =
      LooksAnaphoric(question) ? options_.least_gain_anaphoric : options_.least_gain;
  if (in_context <= 0 || in_context < least * alone) return query;
  query.text = std::move(text);
  for (const std::string& part : context)
    query.context.push_back({chosen.turn, part, chosen.weight});
  return query;
}

ConversationAnswer Conversation::Ask(std::string_view question, AskOptions options,
                                     std::stop_token stop) {
  ConversationAnswer result;
  result.query = Rewrite(question, options.document_glob);
  options.contextual_question = result.query.context.empty() ? "" : result.query.text;
  options.history.clear();
  for (const ConversationTurn& turn : turns_) {
    // That nothing was found is nothing to go on from.
    if (!turn.abstained) options.history.emplace_back(turn.question, turn.answer);
  }
  result.answer = pipeline_.Ask(question, options, stop);
  ConversationTurn turn;
  turn.question = question;
  for (const ContextPart& part : result.query.context) turn.context.push_back(part.text);
  turn.answer = result.answer.text;
  turn.abstained = result.answer.abstained;
  turn.citations = result.answer.citations;
  Add(std::move(turn));
  return result;
}

void Conversation::Add(ConversationTurn turn) {
  keys_.push_back(Embed(pipeline_, InContext(turn.context, turn.question)));
  turns_.push_back(std::move(turn));
}

void Conversation::Reset() {
  turns_.clear();
  keys_.clear();
}

}  // namespace fovea
