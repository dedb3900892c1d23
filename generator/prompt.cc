#include "generator/prompt.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "lib/base/error.h"
#include "lib/text/utf8.h"

namespace fovea {
namespace {

constexpr const char* kInstructions =
    "You turn short answers into one short sentence, using words from the sources.";

// What the reply is to look like: shown before every question, and the same for all, so that its
// keys and values can be kept.
struct BuiltInExample {
  const char* source;
  const char* question;
  const char* short_answer;
  const char* reply;
};
constexpr BuiltInExample kExamples[] = {
    {"The bridge was built in 1894 by John Wolfe Barry.", "When was the bridge built?", "1894",
     "The bridge was built in 1894."},
    {"Its eggs are laid in spring, mostly in nests of moss.", "What are the nests made of?", "moss",
     "The nests are made of moss."}};

// Messages that every prompt begins with.
constexpr std::size_t kFixedMessages = 1 + 2 * std::size(kExamples);

// What the decoder is to phrase.
std::string Task(std::string_view question, std::string_view short_answer) {
  std::string text = "Question: " + std::string(question);
  if (!short_answer.empty()) text += "\nShort answer: " + std::string(short_answer);
  return text;
}

std::string WithSources(const std::string& evidence, std::string_view task) {
  return "Sources:\n" + evidence + "\n" + std::string(task);
}

// A sentence that may be shown.
struct Candidate {
  std::size_t passage = 0;
  std::size_t index = 0;  // among the passage's sentences
  ByteRange range;        // of the passage's text
  float weight = 0;
};

// Chooses sentences and knows how they are shown.
class Packer {
 public:
  Packer(std::span<const Passage> passages, const Bpe& tokenizer)
      : passages_(passages), tokenizer_(tokenizer) {
    for (const Passage& passage : passages)
      document_order_.try_emplace(passage.document, document_order_.size());
  }

  // Adds the sentence if the block stays within `budget` tokens. A sentence already shown counts as
  // added.
  bool Add(const Candidate& candidate, int budget) {
    if (Shown(candidate)) return true;
    chosen_.push_back(candidate);
    if (Tokens() <= budget) return true;
    chosen_.pop_back();
    return false;
  }

  // As much of the beginning of the sentence as fits.
  void AddBeginning(Candidate candidate, int budget) {
    const Passage& passage = passages_[candidate.passage];
    const Encoding encoding = tokenizer_.Encode(Slice(passage.text, candidate.range));
    const std::size_t begin = candidate.range.begin;
    for (std::size_t kept = std::min(encoding.ids.size(), static_cast<std::size_t>(budget));
         kept > 0; --kept) {
      const std::size_t end = FloorToCharacter(passage.text, begin + encoding.ranges[kept - 1].end);
      if (end <= begin) return;
      candidate.range.end = end;
      if (Add(candidate, budget)) return;
    }
  }

  bool empty() const { return chosen_.empty(); }

  std::vector<Evidence> Runs() const {
    std::vector<Candidate> order = chosen_;
    std::sort(order.begin(), order.end(),
              [&](const Candidate& a, const Candidate& b) { return Position(a) < Position(b); });
    std::vector<Evidence> runs;
    const Candidate* last = nullptr;
    for (const Candidate& candidate : order) {
      if (last != nullptr && last->passage == candidate.passage &&
          last->index + 1 == candidate.index) {
        runs.back().range.end = candidate.range.end;
        runs.back().weight += candidate.weight;
      } else {
        runs.push_back({candidate.passage, candidate.range, candidate.weight});
      }
      last = &candidate;
    }
    return runs;
  }

  // The runs as they are shown.
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    for (const Evidence& run : Runs()) {
      std::string& line = lines.emplace_back('[' + std::to_string(lines.size() + 1) + "] ");
      line.append(Slice(passages_[run.passage].text, run.range));
      line += '\n';
    }
    return lines;
  }

  std::string Text() const {
    std::string text;
    for (const std::string& line : Lines()) text += line;
    return text;
  }

  int Tokens() const { return static_cast<int>(tokenizer_.EncodeIds(Text()).size()); }

 private:
  // Document first, then where the sentence stands in it.
  std::tuple<std::size_t, std::size_t, std::size_t> Position(const Candidate& candidate) const {
    const Passage& passage = passages_[candidate.passage];
    return {document_order_.at(passage.document), passage.range.begin + candidate.range.begin,
            candidate.passage};
  }

  static ByteRange InDocument(const Passage& passage, const Candidate& candidate) {
    return {passage.range.begin + candidate.range.begin, passage.range.begin + candidate.range.end};
  }

  bool Shown(const Candidate& candidate) const {
    const Passage& passage = passages_[candidate.passage];
    return std::any_of(chosen_.begin(), chosen_.end(), [&](const Candidate& other) {
      const Passage& shown = passages_[other.passage];
      if (shown.document != passage.document) return false;
      if (&shown == &passage) return other.index == candidate.index;
      return Overlap(InDocument(passage, candidate), InDocument(shown, other));
    });
  }

  std::span<const Passage> passages_;
  const Bpe& tokenizer_;
  std::map<std::string, std::size_t> document_order_;
  std::vector<Candidate> chosen_;
};

Candidate CandidateAt(const Reading& reading, std::size_t passage, std::size_t index) {
  const SentenceWeight& sentence = reading.passages[passage].sentences[index];
  return {passage, index, sentence.range, sentence.weight};
}

// The sentences that are evidence, best first.
std::vector<Candidate> Ranked(const Reading& reading, float least_share, int* left_out) {
  std::vector<Candidate> candidates;
  float best = 0;
  for (std::size_t p = 0; p < reading.passages.size(); ++p) {
    for (std::size_t i = 0; i < reading.passages[p].sentences.size(); ++i) {
      candidates.push_back(CandidateAt(reading, p, i));
      best = std::max(best, candidates.back().weight);
    }
  }
  std::erase_if(candidates, [&](const Candidate& c) { return c.weight < best * least_share; });
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.weight > b.weight; });
  // Far more than any budget holds: bounds the work where a passage has thousands of equal
  // sentences.
  constexpr std::size_t kMost = 256;
  *left_out = static_cast<int>(candidates.size() - std::min(candidates.size(), kMost));
  candidates.resize(std::min(candidates.size(), kMost));
  return candidates;
}

// Pairs of question and answer.
using Turns = std::span<const std::pair<std::string, std::string>>;

std::vector<ChatMessage> Messages(std::string_view task, const std::string& evidence,
                                  Turns examples, Turns history) {
  std::vector<ChatMessage> messages = {{"system", kInstructions}};
  for (const BuiltInExample& example : kExamples) {
    messages.push_back({"user", WithSources(std::string("[1] ") + example.source + "\n",
                                            Task(example.question, example.short_answer))});
    messages.push_back({"assistant", example.reply});
  }
  for (const Turns turns : {examples, history}) {
    for (const auto& [earlier_question, earlier_answer] : turns) {
      messages.push_back({"user", Task(earlier_question, "")});
      messages.push_back({"assistant", earlier_answer});
    }
  }
  messages.push_back({"user", WithSources(evidence, task)});
  return messages;
}

std::vector<std::size_t> Blocks(std::span<const TokenId> prompt,
                                const std::vector<std::string>& lines, const Bpe& tokenizer) {
  std::vector<TokenId> joined;
  std::vector<std::size_t> blocks = {0};
  for (const std::string& line : lines) {
    const std::vector<TokenId> tokens = tokenizer.EncodeIds(line);
    joined.insert(joined.end(), tokens.begin(), tokens.end());
    blocks.push_back(joined.size());
  }
  const auto at = std::search(prompt.begin(), prompt.end(), joined.begin(), joined.end());
  if (lines.empty() || at == prompt.end()) return {};
  for (std::size_t& block : blocks) block += static_cast<std::size_t>(at - prompt.begin());
  return blocks;
}

}  // namespace

void PromptOptions::validate() const {
  const auto reject = [](const char* what) { throw Error(ErrorCode::kInvalidArgument, what); };
  if (evidence_tokens <= 0) reject("evidence_tokens must be > 0");
  if (reply_tokens < 0) reject("reply_tokens must be >= 0");
  if (!(least_share >= 0 && least_share <= 1)) reject("least_share must be in [0, 1]");
  if (neighbours < 0) reject("neighbours must be >= 0");
  if (history_tokens < 0) reject("history_tokens must be >= 0");
}

Prompt BuildPrompt(std::string_view question, std::span<const Passage> passages,
                   const Reading& reading, const Decoder& decoder, const ChatTemplate& chat,
                   const PromptOptions& options) {
  options.validate();
  const Bpe& tokenizer = decoder.tokenizer();
  const int context = decoder.config().context;
  const std::string task = Task(question, options.short_answer);
  const auto frame_tokens = [&](std::string_view shown_task, Turns examples, Turns history) {
    return static_cast<int>(
        chat.Render(tokenizer, Messages(shown_task, "", examples, history)).size());
  };
  int frame = frame_tokens(task, {}, {});
  int room = context - options.reply_tokens - frame;
  if (room < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "the question with its instructions has " + std::to_string(frame) +
                    " tokens; with a reply of " + std::to_string(options.reply_tokens) +
                    " it exceeds the context of " + decoder.name() + " (" +
                    std::to_string(context) + "): shorten it");
  }
  // Where the evidence meets the frame a few tokens may come out differently than apart.
  constexpr int kSeam = 4;

  Prompt prompt;
  Turns examples;  // from the last backwards, as many as leave the evidence its budget
  while (examples.size() < options.examples.size()) {
    const Turns longer = Turns(options.examples).last(examples.size() + 1);
    const int tokens = frame_tokens(task, longer, {}) - frame;
    if (tokens > room - options.evidence_tokens - kSeam) break;
    examples = longer;
    prompt.window.examples = tokens;
  }
  prompt.examples_left_out = static_cast<int>(options.examples.size() - examples.size());
  frame += prompt.window.examples;
  room -= prompt.window.examples;
  Turns history;  // from the newest turn backwards, as many as there is room for
  const int history_room = std::min(options.history_tokens, room - options.evidence_tokens - kSeam);
  while (history.size() < options.history.size()) {
    const Turns longer = Turns(options.history).last(history.size() + 1);
    const int tokens = frame_tokens(task, examples, longer) - frame;
    if (tokens > history_room) break;
    history = longer;
    prompt.window.turns = tokens;
  }
  prompt.turns_left_out = static_cast<int>(options.history.size() - history.size());
  frame += prompt.window.turns;
  room -= prompt.window.turns;
  const int budget = std::min(options.evidence_tokens, room - kSeam);
  Packer packer(passages, tokenizer);
  const std::vector<Candidate> ranked =
      Ranked(reading, options.least_share, &prompt.sentences_left_out);
  for (const Candidate& candidate : ranked) {
    if (budget <= 0 || !packer.Add(candidate, budget)) ++prompt.sentences_left_out;
  }
  if (packer.empty() && !ranked.empty() && budget > 0) packer.AddBeginning(ranked.front(), budget);
  for (const Candidate& candidate : ranked) {
    for (int distance = 1; distance <= options.neighbours && budget > 0; ++distance) {
      const auto step = static_cast<std::size_t>(distance);
      const std::size_t count = reading.passages[candidate.passage].sentences.size();
      if (candidate.index >= step) {
        packer.Add(CandidateAt(reading, candidate.passage, candidate.index - step), budget);
      }
      if (candidate.index + step < count) {
        packer.Add(CandidateAt(reading, candidate.passage, candidate.index + step), budget);
      }
    }
  }
  prompt.evidence = packer.Runs();
  const std::vector<ChatMessage> messages = Messages(task, packer.Text(), examples, history);
  prompt.tokens = chat.Render(tokenizer, messages);
  prompt.fixed_tokens =
      chat.FixedTokens(tokenizer, std::span(messages).first(kFixedMessages), prompt.tokens);
  prompt.blocks = Blocks(prompt.tokens, packer.Lines(), tokenizer);
  prompt.window.context = context;
  prompt.window.instructions = frame_tokens(Task("", ""), {}, {});
  prompt.window.question =
      frame - prompt.window.examples - prompt.window.turns - prompt.window.instructions;
  prompt.window.evidence = static_cast<int>(prompt.tokens.size()) - frame;
  prompt.window.reply = options.reply_tokens;
  return prompt;
}

}  // namespace fovea
