// A conversation over a pipeline: questions of which a later one may lean on the earlier ones ("and
// when was it released?").
//
//     fovea::Conversation conversation(pipeline);
//     conversation.Ask("Which release brought window functions?");
//     fovea::ConversationAnswer answer = conversation.Ask("and when was it released?");
//
// A question is searched and read with the earlier questions that it leans on (contextual query
// rewriting). Which they are is one attention head from the question over the earlier turns,
//
//     weight(t) = softmax_t((q · k_t − recency · age(t)) / temperature),
//
// q and k_t being the embedder's vectors of the question and of turn t as it was searched, age 0
// the last turn. Whether it leans on them at all the documents decide: a question that says what it
// is about finds a passage close to it alone, and an earlier one in front draws it away from there;
// one that does not finds a closer passage with it. How much closer it must be depends on whether
// the question's words point back (generator/anaphora.h). What was measured: docs/retrieval.md.
//
// Used by one thread at a time, as its pipeline.

#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "generator/pipeline.h"

namespace fovea {

struct ConversationOptions {
  // Turns that a question may lean on, the latest; older ones are shown to the decoder alone. >= 0
  int attended_turns = 8;
  float recency = 0.25f;     // taken off an earlier turn's score for each turn since. >= 0
  float temperature = 0.1f;  // > 0
  // The question is searched in context if the best passage's cosine becomes at least this many
  // times that of the question alone: where its words point back, and where they do not. > 0
  double least_gain_anaphoric = 1.1;
  double least_gain = 1.8;

  // Throws Error(kInvalidArgument) that names the option.
  void validate() const;
};

// A turn as the later ones see it.
struct ConversationTurn {
  std::string question;
  std::vector<std::string> context;  // the earlier questions that it was searched with
  std::string answer;                // what the user read
  bool abstained = false;
  std::vector<Citation> citations = {};
};

// An earlier question that joins a later one.
struct ContextPart {
  std::size_t turn = 0;  // from 0: the one that attention took, whose own context comes along
  std::string text;
  float weight = 0;  // of the attention over the earlier turns
};

struct ContextualQuery {
  std::string text;                  // what is searched: context, then question
  std::vector<ContextPart> context;  // oldest first; empty: the question alone
  double gain = 1;  // best cosine with the likeliest context ÷ without; 1 where there is none
};

struct ConversationAnswer {
  Answer answer;
  ContextualQuery query;
};

class Conversation {
 public:
  // Borrows the pipeline, which must have an index and outlive the conversation.
  explicit Conversation(Pipeline& pipeline, const ConversationOptions& options = {});

  // What `question` would be searched with now, among the documents that match `document_glob` ("":
  // all). Throws as Searcher::Search.
  ContextualQuery Rewrite(std::string_view question, const std::string& document_glob = {}) const;

  // Answers and remembers the turn; one that throws is not remembered. `options.history` and
  // `options.contextual_question` are set here. Throws as Pipeline::Ask.
  ConversationAnswer Ask(std::string_view question, AskOptions options = {},
                         std::stop_token stop = {});

  // Takes up a turn of an earlier session.
  void Add(ConversationTurn turn);
  void Reset();

  // Oldest first.
  const std::vector<ConversationTurn>& turns() const { return turns_; }

 private:
  // The turn that attention takes, and the weight of it.
  ContextPart Attend(std::string_view question) const;

  Pipeline& pipeline_;
  ConversationOptions options_;
  std::vector<ConversationTurn> turns_;
  std::vector<std::vector<float>> keys_;  // [turns][D]
};

}  // namespace fovea
