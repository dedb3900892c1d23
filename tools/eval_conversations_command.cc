// eval conversations: whether each turn of a conversation finds its page.

#include <array>
#include <iterator>

#include "generator/conversation.h"
#include "lib/base/error.h"
#include "tools/answer_options.h"
#include "tools/command.h"
#include "tools/exit_status.h"
#include "tools/question_set.h"
#include "tools/ranking.h"
#include "tools/squad.h"
#include "tools/terminal.h"
#include "tools/usage_error.h"

namespace fovea::tools {
namespace {

constexpr std::array<std::size_t, 2> kDepths = {1, 5};

// Over the conversations' turns of one number.
struct TurnScores {
  std::size_t questions = 0;
  std::size_t with_page = 0;
  std::size_t with_context = 0;  // searched with what came before
  std::size_t with_answer = 0;
  std::size_t contained = 0;
  // By the name of the way of searching: how many found their page, by depth.
  std::map<std::string, std::array<std::size_t, kDepths.size()>> found;

  void Count(const std::string& search, const std::optional<std::size_t>& rank) {
    for (std::size_t i = 0; i < kDepths.size(); ++i)
      found[search][i] += rank && *rank <= kDepths[i];
  }

  Json ToJson() const {
    Json json{{"questions", questions}, {"with_page", with_page}, {"with_context", with_context}};
    for (const auto& [search, counts] : found) {
      for (std::size_t i = 0; i < kDepths.size(); ++i) {
        json["modes"][search]["page@" + std::to_string(kDepths[i])] =
            JsonShare(static_cast<double>(counts[i]), with_page);
      }
    }
    json["contains"] = JsonShare(static_cast<double>(contained), with_answer);
    return json;
  }
};

class EvalConversationsCommand final : public Command {
 public:
  void Declare(OptionTable& table) override {
    table.Positional("FILE", &files_, 1, 1);
    table.Text("split", &split_, "NAME", "only conversations whose \"split\" is NAME");
    table.Flag("unrelated", &unrelated_,
               "ask the first question of each after that of the conversation half the file on: it "
               "must be found as if it had been asked alone");
    options_.DeclarePassages(table);
    options_.DeclareMode(table);
    options_.DeclareSampling(table);
    options_.DeclareAbstain(table);
  }

  int Run(Session& session) override {
    const std::vector<PageConversation> conversations = Chosen();
    const AskOptions ask = options_.Resolve();
    Pipeline pipeline(session.ForPipeline(session.options().index));
    std::vector<TurnScores> scores;
    Json details = Json::array();
    for (std::size_t i = 0; i < conversations.size(); ++i) {
      Conversation conversation(pipeline);
      const std::vector<PageQuestion>& turns = conversations[i].turns;
      scores.resize(std::max(scores.size(), turns.size()));
      Json detail{{"id", JsonText(conversations[i].id)}, {"turns", Json::array()}};
      for (std::size_t t = 0; t < turns.size(); ++t) {
        detail["turns"].push_back(
            Evaluate(session, pipeline, conversation, turns[t], ask, scores[t]));
      }
      details.push_back(std::move(detail));
      session.Report("asking", i + 1, conversations.size());
    }
    session.ClearProgress();
    Json json{{"conversations", conversations.size()}, {"turns", Json::array()}};
    for (const TurnScores& turn : scores) json["turns"].push_back(turn.ToJson());
    json["details"] = std::move(details);
    Print(session, json);
    return kDone;
  }

 private:
  std::vector<PageConversation> Chosen() const {
    std::vector<PageConversation> conversations = ReadPageConversations(files_.front());
    if (!split_.empty()) {
      std::erase_if(conversations, [&](const PageConversation& c) { return c.split != split_; });
      if (conversations.empty())
        throw UsageError("--split " + split_ + ": no conversation of " + files_.front() + " is so");
    }
    if (!unrelated_) return conversations;
    std::vector<PageConversation> after_others = conversations;
    for (std::size_t i = 0; i < conversations.size(); ++i) {
      const std::size_t other = (i + conversations.size() / 2) % conversations.size();
      after_others[i].turns = {conversations[other].turns.front(), conversations[i].turns.front()};
    }
    return after_others;
  }

  // Asks the question, after it has been searched as the conversation searches it and, for
  // comparison, alone.
  static Json Evaluate(Session& session, Pipeline& pipeline, Conversation& conversation,
                       const PageQuestion& question, const AskOptions& ask, TurnScores& scores) {
    session.ThrowIfStopped();
    const ContextualQuery query = conversation.Rewrite(question.question);
    Json json{{"question", JsonText(question.question)}, {"query", JsonText(query.text)}};
    ++scores.questions;
    scores.with_context += !query.context.empty();
    if (!question.documents.empty()) {
      ++scores.with_page;
      const auto search = [&](const std::string& name, const std::string& text, SearchMode mode) {
        const std::optional<std::size_t> rank = RankOfPage(
            SearchDocuments(pipeline.searcher(), text, mode, kDepths.back()), question.documents);
        scores.Count(name, rank);
        json["rank"][name] = rank ? Json(*rank) : Json(nullptr);
      };
      for (const SearchMode mode : {SearchMode::kHybrid, SearchMode::kRead})
        search(std::string(Name(mode)), query.text, mode);
      search("hybrid, alone", question.question, SearchMode::kHybrid);
    }
    const Answer answer = conversation.Ask(question.question, ask, session.stop()).answer;
    json["answer"] = JsonText(answer.text);
    json["abstained"] = answer.abstained;
    if (!question.answers.empty()) {
      ++scores.with_answer;
      scores.contained += !answer.abstained && ReplyContains(answer.text, question.answers);
    }
    return json;
  }

  static void Print(Session& session, const Json& json) {
    if (session.options().json) return session.out().WriteJson(json);
    const auto number = [](const Json& value) {
      return value.is_null() ? "-" : FormatFixed(value.get<double>(), 4);
    };
    Output& out = session.out();
    out.Write(json["conversations"].dump() + " conversations\n");
    std::size_t turn = 0;
    for (const Json& scores : json["turns"]) {
      out.Write("\nturn " + std::to_string(++turn) + ": " + scores["questions"].dump() +
                " questions, " + scores["with_context"].dump() + " searched with context\n");
      if (!scores.contains("modes")) continue;
      out.Write("mode            page@1  page@5\n");
      for (const auto& [mode, shares] : scores["modes"].items()) {
        std::string line = mode;
        line.resize(16, ' ');
        out.Write(line + number(shares["page@1"]) + "  " + number(shares["page@5"]) + "\n");
      }
    }
    out.Write("\nNot among the first 5 (hybrid):\n");
    for (const Json& conversation : json["details"]) {
      for (const Json& asked : conversation["turns"]) {
        if (!asked.contains("rank") || !asked["rank"]["hybrid"].is_null()) continue;
        out.Write(ForTerminal(conversation["id"].get<std::string>()) + "  " +
                  ForTerminal(asked["question"].get<std::string>()) + "  →  " +
                  ForTerminal(asked["query"].get<std::string>()) + "\n");
      }
    }
  }

  std::vector<std::string> files_;
  std::string split_;
  bool unrelated_ = false;
  AnswerOptions options_;
};

}  // namespace

std::unique_ptr<Command> MakeEvalConversationsCommand() {
  return std::make_unique<EvalConversationsCommand>();
}

}  // namespace fovea::tools
