// What every command works with: the common options, where results and messages go, the models.

#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "generator/pipeline.h"
#include "lib/base/callbacks.h"
#include "lib/base/thread_pool.h"
#include "tools/interrupt.h"
#include "tools/messages.h"
#include "tools/option_table.h"
#include "tools/output.h"

namespace fovea::tools {

struct CommonOptions {
  std::string index = ".fovea";
  std::string models;     // "": DefaultModelsFolder()
  std::string embedder;   // "": the index's, else kDefaultEmbedder
  std::string generator;  // "": kDefaultGenerator
  std::string reader;     // "": the reader of this release
  int threads = 0;        // 0: all cores
  bool json = false;
  bool quiet = false;
  std::string log_level;  // "": "warn", or "error" with --quiet
  std::string config;

  void Declare(OptionTable& table);
};

// --prompt-cache, which the commands share that generate.
struct PromptCacheOption {
  int mebibytes = static_cast<int>(kDefaultPromptCacheBytes >> 20);

  void Declare(OptionTable& table);
  std::int64_t bytes() const { return std::int64_t{mebibytes} << 20; }
};

class Session {
 public:
  // Borrows both, which must outlive the session.
  Session(const CommonOptions& options, Interrupt& interrupt);

  const CommonOptions& options() const { return options_; }
  std::stop_token stop() const { return interrupt_.token(); }
  // After Ctrl-C stopped a call: whether the program may go on, with a new stop().
  bool ResumeAfterInterrupt() { return interrupt_.Resume(); }
  // Throws Error(kCancelled) when a stop was requested.
  void ThrowIfStopped() const;

  Output& out() { return out_; }
  void Warn(const std::string& message) { messages_.Log(LogLevel::kWarning, message); }
  // What was asked for: written whatever the log level.
  void Tell(const std::string& message) { messages_.Tell(message); }
  void Info(const std::string& message) { messages_.Log(LogLevel::kInfo, message); }
  // Progress of a loop of this program.
  void Report(std::string_view stage, std::uint64_t done, std::uint64_t total);
  void ClearProgress() { messages_.ClearProgress(); }
  // For the libraries; the session must outlive whoever holds them.
  LogCallback log();
  ProgressCallback progress();

  std::filesystem::path models_folder() const;
  // The embedder's folder: --embedder, else `preferred` (what an index names), else the default
  // one.
  std::filesystem::path EmbedderFolder(const std::string& preferred = "") const;
  std::filesystem::path GeneratorFile() const;
  // Options of a Pipeline over `index` (empty: none).
  PipelineOptions ForPipeline(const std::filesystem::path& index,
                              const PromptCacheOption& prompt_cache = {});

  // Made at the first call, --threads wide.
  ThreadPool& pool();

 private:
  const CommonOptions& options_;
  Interrupt& interrupt_;
  Output out_;
  Messages messages_;
  std::unique_ptr<ThreadPool> pool_;
};

// --precision, which index, embed and eval share.
struct PrecisionOption {
  std::string name;  // "": not given

  void Declare(OptionTable& table);
  // What was given, else what the index was built with, else the default.
  Precision Resolve(const std::optional<IndexSettings>& settings) const;
};

}  // namespace fovea::tools
