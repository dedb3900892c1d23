// Retriever, reader and decoder in one object: ask a question, get a cited answer.
//
//     fovea::Pipeline pipeline({.index = "./.fovea"});
//     fovea::Answer answer = pipeline.Ask("How do I make a partial index?");
//     std::cout << answer.text << '\n';
//     for (const auto& c : answer.citations) std::cout << c.document << ':' << c.range.begin << ' '
//     << c.text << '\n';
//
// The reader's weights choose the evidence and the words that answer; the decoder makes a sentence
// of them; what the evidence does not bear out, or lacks those words, is written again in the
// evidence's own words or replaced by a quotation, and no evidence means "not in these documents".
// The same index, question and options give the same answer for any number of threads. A Pipeline
// is used by one thread at a time.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "generator/answer.h"
#include "generator/prefix_cache.h"
#include "lib/base/callbacks.h"
#include "retriever/searcher.h"
#include "retriever/state_cache.h"

namespace fovea {

class Decoder;

struct PipelineOptions {
  // Empty: no index; only AskPassages then works.
  std::filesystem::path index = ".fovea";
  // Empty: DefaultModelsFolder().
  std::filesystem::path models = {};
  // Name below `models`, or a path. Empty: the one the index was built with.
  std::string embedder = {};
  std::string generator = {};  // Empty: kDefaultGenerator. Loaded when first needed.
  std::string reader = {};  // A file of weights, "embedding", or empty (generator/load_reader.h).
  // Bytes of passage states kept in the index folder, oldest out first; 0: none are kept.
  std::int64_t state_cache_bytes = kDefaultStateCacheBytes;
  // Keys and values of the beginnings of prompts (instructions, examples): bytes kept in memory,
  // and as many in the folder, least recently used out first; 0: none are kept.
  std::int64_t prompt_cache_bytes = kDefaultPromptCacheBytes;
  std::filesystem::path prompt_cache = {};  // Empty: DefaultPromptCacheFolder().
  int threads = 0;                          // 0: all cores
  LogCallback log = {};
};

class Pipeline {
 public:
  // Opens the index and loads the embedder. Throws Error as Searcher and Encoder do.
  explicit Pipeline(const PipelineOptions& options);
  ~Pipeline();

  // Retrieves and answers. Throws Error(kInvalidArgument) on an empty question, Error(kCancelled)
  // on `stop`.
  Answer Ask(std::string_view question, const AskOptions& options = {}, std::stop_token stop = {});

  // The same from given passages, without an index. Scores and ranks of the hits may be left empty.
  Answer AskPassages(std::string_view question, std::vector<Hit> hits,
                     const AskOptions& options = {}, std::stop_token stop = {});

  // Computes and keeps the reader's states of the index's passages, as many as the cache holds; the
  // reader then finds them at once. Gives the number of passages: 0 where the reader has no states
  // or they cannot be kept. Throws Error(kCancelled) on `stop`.
  std::int64_t CacheStates(const ProgressCallback& progress = {}, std::stop_token stop = {});

  // For AskOptions::examples of this pipeline, which must outlive them. Throws as ExampleSet.
  std::shared_ptr<const ExampleSet> EmbedExamples(std::vector<Example> examples);

  // Throws Error(kInvalidArgument) if the pipeline has no index.
  Searcher& searcher();
  const Encoder& encoder() const;
  const Reader& reader() const;
  const Decoder& decoder();  // Loads it if need be.
  ThreadPool& pool();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fovea
