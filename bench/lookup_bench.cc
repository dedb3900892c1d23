// Answers to the questions of a set, as `fovea ask` prompts for them, with and without prompt
// lookup, alternately; prints one line of JSON.
//
// usage: lookup_bench INDEX QUESTIONS.jsonl THREADS

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/run_main.h"
#include "generator/generate.h"
#include "generator/pipeline.h"
#include "generator/prompt.h"
#include "lib/base/thread_pool.h"
#include "lib/kernels/isa.h"
#include "lib/nn/decoder.h"
#include "tools/question_set.h"

namespace fovea {
namespace {

std::vector<TokenId> AskPrompt(Pipeline& pipeline, const ChatTemplate& chat,
                               const std::string& question) {
  const AskOptions ask;
  SearchOptions search;
  search.k = ask.passages;
  std::vector<Passage> passages;
  std::vector<ReaderInput> inputs;
  const std::vector<Hit> hits = pipeline.searcher().Search(question, search);
  for (const Hit& hit : hits) passages.push_back(hit.passage);
  for (std::size_t i = 0; i < hits.size(); ++i)
    inputs.push_back({&passages[i], hits[i].dense_score, hits[i].lexical_score});
  const Reading reading = pipeline.reader().Read(question, inputs, &pipeline.pool());
  return BuildPrompt(question, passages, reading, pipeline.decoder(), chat, {}).tokens;
}

struct Sums {
  std::size_t tokens = 0;
  int passes = 0;
  int drafted = 0;
  int accepted = 0;
  double seconds = 0;

  void Add(const Generation& generation) {
    tokens += generation.tokens.size();
    passes += generation.decode_passes;
    drafted += generation.drafted_tokens;
    accepted += generation.accepted_tokens;
    seconds += generation.decode_seconds;
  }
  double TokensPerSecond() const { return static_cast<double>(tokens) / seconds; }
};

void Run(char** argv) {
  Pipeline pipeline({.index = argv[1], .threads = std::stoi(argv[3])});
  const Decoder& decoder = pipeline.decoder();
  const ChatTemplate chat = ChatTemplate::FromDecoder(decoder);
  GenerateOptions options;
  options.max_tokens = AskOptions{}.max_tokens;
  options.stop_tokens = {chat.end_of_turn()};
  PromptCache cache;  // A prompt is read once.
  options.cache = &cache;
  Sums plain, lookup;
  int different = 0;
  for (const tools::PageQuestion& question : tools::ReadPageQuestions(argv[2])) {
    const std::vector<TokenId> prompt = AskPrompt(pipeline, chat, question.question);
    options.prompt_lookup = false;
    const Generation without = Generate(decoder, prompt, options, &pipeline.pool());
    options.prompt_lookup = true;
    const Generation with = Generate(decoder, prompt, options, &pipeline.pool());
    different += with.tokens != without.tokens;
    plain.Add(without);
    lookup.Add(with);
  }
  const nlohmann::json json = {
      {"plain_tokens_per_s", plain.TokensPerSecond()},
      {"lookup_tokens_per_s", lookup.TokensPerSecond()},
      {"ratio", lookup.TokensPerSecond() / plain.TokensPerSecond()},
      {"passes", static_cast<double>(lookup.passes) / plain.passes},
      {"drafted", lookup.drafted},
      {"accepted", static_cast<double>(lookup.accepted) / std::max(lookup.drafted, 1)},
      {"tokens", plain.tokens},
      {"different_answers", different},
      {"isa", Name(CurrentIsa())}};
  std::printf("%s\n", json.dump().c_str());
}

}  // namespace
}  // namespace fovea

int main(int argc, char** argv) {
  return fovea::RunMain(argc == 4, "lookup_bench INDEX QUESTIONS.jsonl THREADS",
                        [&] { fovea::Run(argv); });
}
