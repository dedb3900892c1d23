#include "tools/session.h"

#include <unistd.h>

#include "lib/base/error.h"
#include "lib/nn/model_path.h"

namespace fovea::tools {
namespace {

std::string LogLevelOf(const CommonOptions& options) {
  if (!options.log_level.empty()) return options.log_level;
  return options.quiet ? "error" : "warn";
}

}  // namespace

void CommonOptions::Declare(OptionTable& table) {
  table.Text("index", &index, "DIR", "folder of the index (default: ./.fovea)");
  table.Text("models", &models, "DIR",
             "folder of the models (default: $FOVEA_MODELS, else "
             "${XDG_DATA_HOME:-~/.local/share}/fovea/models)");
  table.Text("embedder", &embedder, "NAME|DIR",
             std::string("embedding model (default: the one the index was built with, else ") +
                 kDefaultEmbedder + ")");
  table.Text("generator", &generator, "NAME|FILE",
             std::string("decoder, a GGUF file (default: ") + kDefaultGenerator + ")");
  table.Text("reader", &reader, "FILE|embedding",
             "weights of a trained reader, or \"embedding\": the embedder alone reads (default: "
             "the reader of this release)");
  table.Integer("threads", &threads, 1, "threads to use (default: all cores)", 1024);
  table.Flag("json", &json, "print JSON and nothing else on standard output");
  table.Flag("quiet", &quiet, "no progress, no warnings");
  table.Choice("log-level", &log_level, {"debug", "info", "warn", "error", "off"},
               "what to log on standard error (default: warn)");
  table.Text("config", &config, "FILE", "options from an INI file; the command line wins");
}

Session::Session(const CommonOptions& options, Interrupt& interrupt)
    : options_(options),
      interrupt_(interrupt),
      out_(STDOUT_FILENO),
      messages_(LogLevelOf(options), options.quiet) {}

void Session::ThrowIfStopped() const {
  if (stop().stop_requested()) throw Error(ErrorCode::kCancelled, "stopped");
}

void Session::Report(std::string_view stage, std::uint64_t done, std::uint64_t total) {
  messages_.Report({stage, done, total});
}

LogCallback Session::log() {
  return [this](LogLevel level, std::string_view message) { messages_.Log(level, message); };
}

ProgressCallback Session::progress() {
  return [this](const Progress& progress) { messages_.Report(progress); };
}

std::filesystem::path Session::models_folder() const {
  return options_.models.empty() ? DefaultModelsFolder() : std::filesystem::path(options_.models);
}

std::filesystem::path Session::EmbedderFolder(const std::string& preferred) const {
  const std::string& name = !options_.embedder.empty() ? options_.embedder : preferred;
  return ResolveModel(models_folder(), name.empty() ? kDefaultEmbedder : name);
}

std::filesystem::path Session::GeneratorFile() const {
  return ResolveModel(models_folder(),
                      options_.generator.empty() ? kDefaultGenerator : options_.generator);
}

PipelineOptions Session::ForPipeline(const std::filesystem::path& index,
                                     const PromptCacheOption& prompt_cache) {
  PipelineOptions pipeline;
  pipeline.index = index;
  pipeline.models = models_folder();
  pipeline.embedder = options_.embedder;
  pipeline.generator = options_.generator;
  pipeline.reader = options_.reader;
  pipeline.prompt_cache_bytes = prompt_cache.bytes();
  pipeline.threads = options_.threads;
  pipeline.log = log();
  return pipeline;
}

ThreadPool& Session::pool() {
  if (!pool_) pool_ = std::make_unique<ThreadPool>(options_.threads);
  return *pool_;
}

void PromptCacheOption::Declare(OptionTable& table) {
  table.Integer("prompt-cache", &mebibytes, 0,
                "MiB of what prompts begin with that are kept computed, in memory and on disk; 0: "
                "nothing (default: " +
                    std::to_string(mebibytes) + ")");
}

void PrecisionOption::Declare(OptionTable& table) {
  table.Choice("precision", &name, {"f32", "int8"},
               "precision of the embedding computation (default: the one the index was built with, "
               "else " +
                   std::string(Name(kDefaultPrecision)) + ")");
}

Precision PrecisionOption::Resolve(const std::optional<IndexSettings>& settings) const {
  if (!name.empty()) return ParsePrecision(name);
  return settings ? ParsePrecision(settings->precision) : kDefaultPrecision;
}

}  // namespace fovea::tools
