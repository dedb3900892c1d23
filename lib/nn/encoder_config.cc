#include "lib/nn/encoder_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/file.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxTokenizerBytes = std::size_t{256} << 20;
constexpr int kMaxSize =
    1 << 24;  // Of any dimension; the tensors' shapes are checked against the file afterwards.

// A JSON file of the folder, with the errors that name it.
class ConfigFile {
 public:
  ConfigFile(fs::path path, const std::string& text) : path_(std::move(path)) {
    root_ = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (root_.is_discarded()) Corrupt("is not valid JSON");
  }

  const json& root() const { return root_; }
  [[noreturn]] void Corrupt(const std::string& what) const { Fail(ErrorCode::kCorrupt, what); }
  [[noreturn]] void Unsupported(const std::string& what) const {
    Fail(ErrorCode::kUnsupported, what);
  }

  // The value under `key`, or null if it is missing or JSON's null.
  const json* Find(const std::string& key) const {
    if (!root_.is_object()) Corrupt("is not a JSON object");
    const auto found = root_.find(key);
    return found == root_.end() || found->is_null() ? nullptr : &*found;
  }

  int Integer(const std::string& key, int least) const {
    const json* value = Find(key);
    if (value == nullptr) Corrupt("key \"" + key + "\" is missing");
    return CheckedInteger(key, *value, least);
  }
  std::optional<int> OptionalInteger(const std::string& key, int least) const {
    const json* value = Find(key);
    if (value == nullptr) return std::nullopt;
    return CheckedInteger(key, *value, least);
  }
  std::string StringOr(const std::string& key, const std::string& fallback) const {
    const json* value = Find(key);
    if (value == nullptr) return fallback;
    if (!value->is_string()) Corrupt("key \"" + key + "\" is not a string");
    return value->get<std::string>();
  }
  bool BoolOr(const std::string& key, bool fallback) const {
    const json* value = Find(key);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) Corrupt("key \"" + key + "\" is not true or false");
    return value->get<bool>();
  }

 private:
  int CheckedInteger(const std::string& key, const json& value, int least) const {
    if (!value.is_number_integer() || value < least || value > kMaxSize) {
      Corrupt("key \"" + key + "\" is not an integer from " + std::to_string(least) + " to " +
              std::to_string(kMaxSize));
    }
    return value.get<int>();
  }
  [[noreturn]] void Fail(ErrorCode code, const std::string& what) const {
    throw Error(code, path_.string() + ": " + what);
  }

  fs::path path_;
  json root_;
};

// Reads files of the folder and keeps what was read for the fingerprint.
class Folder {
 public:
  Folder(const fs::path& path, EncoderFiles& files) : path_(path), files_(files) {}

  const fs::path& path() const { return path_; }

  const std::string* Keep(const std::string& name, std::size_t limit) {
    std::error_code ignored;
    if (!fs::exists(path_ / name, ignored)) return nullptr;
    files_.contents.emplace_back(name, ReadFile(path_ / name, limit));
    return &files_.contents.back().second;
  }

  std::optional<ConfigFile> Config(const std::string& name) {
    const std::string* text = Keep(name, kMaxConfigBytes);
    if (text == nullptr) return std::nullopt;
    return ConfigFile(path_ / name, *text);
  }

 private:
  const fs::path& path_;
  EncoderFiles& files_;
};

void ReadModel(Folder& folder, EncoderConfig& config) {
  const std::optional<ConfigFile> file = folder.Config("config.json");
  if (!file) {
    throw Error(
        ErrorCode::kNotFound,
        (folder.path() / "config.json").string() +
            ": not found; an embedding model is a folder in the sentence-transformers layout");
  }
  const std::string type = file->StringOr("model_type", "");
  if (type != "bert") {
    file->Unsupported("model_type \"" + type +
                      "\" is not supported; BERT models are (all-MiniLM, bge, e5, gte)");
  }
  const std::string activation = file->StringOr("hidden_act", "gelu");
  if (activation != "gelu")
    file->Unsupported("hidden_act \"" + activation + "\" is not supported, \"gelu\" is");
  const std::string positions = file->StringOr("position_embedding_type", "absolute");
  if (positions != "absolute") {
    file->Unsupported("position_embedding_type \"" + positions +
                      "\" is not supported, \"absolute\" is");
  }
  if (file->BoolOr("is_decoder", false))
    file->Unsupported("is_decoder is set: this is not an encoder");
  config.layers = file->Integer("num_hidden_layers", 1);
  config.width = file->Integer("hidden_size", 1);
  config.heads = file->Integer("num_attention_heads", 1);
  config.feed_forward = file->Integer("intermediate_size", 1);
  config.vocabulary = file->Integer("vocab_size", 1);
  config.positions = file->Integer("max_position_embeddings", 2);
  if (config.width % config.heads != 0)
    file->Corrupt("num_attention_heads does not divide hidden_size");
  if (const json* epsilon = file->Find("layer_norm_eps")) {
    if (!epsilon->is_number() || *epsilon < 0.0 || *epsilon > 1.0)
      file->Corrupt("layer_norm_eps is not between 0 and 1");
    config.epsilon = epsilon->get<float>();
  }
}

// The path of the pooling module, and whether a Normalize module follows.
std::string ReadModules(Folder& folder, EncoderConfig& config) {
  const std::optional<ConfigFile> file = folder.Config("modules.json");
  if (!file) return "1_Pooling";
  if (!file->root().is_array()) file->Corrupt("is not a JSON list");
  std::string pooling;
  config.normalize = false;
  for (const json& module : file->root()) {
    const auto text = [&](const char* key) {
      if (!module.is_object() || !module.contains(key) || !module[key].is_string()) {
        file->Corrupt(std::string("a module has no \"") + key + "\"");
      }
      return module[key].get<std::string>();
    };
    const std::string type = text("type");
    const std::string kind = type.substr(type.rfind('.') + 1);
    if (kind == "Pooling") {
      pooling = text("path");
    } else if (kind == "Normalize") {
      config.normalize = true;
    } else if (kind != "Transformer" || !text("path").empty()) {
      file->Unsupported(
          "module \"" + type + "\" at \"" + text("path") +
          "\" is not supported; a Transformer in the folder itself, Pooling and Normalize are");
    }
  }
  if (pooling.empty()) file->Corrupt("names no Pooling module");
  const fs::path path(pooling);
  if (path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end()) {
    file->Corrupt("the Pooling module's path \"" + pooling + "\" leads out of the folder");
  }
  return pooling;
}

void ReadPooling(Folder& folder, const std::string& name, EncoderConfig& config) {
  const std::optional<ConfigFile> file = folder.Config(name + "/config.json");
  if (!file) return;
  if (!file->BoolOr("include_prompt", true))
    file->Unsupported("include_prompt false is not supported");
  std::string modes = file->StringOr("pooling_mode", "");  // As the newest versions write it.
  if (modes.empty()) {
    for (const auto& [key, value] : file->root().items()) {
      if (key.rfind("pooling_mode_", 0) != 0 || !file->BoolOr(key, false)) continue;
      modes += (modes.empty() ? "" : " + ") + key.substr(std::string_view("pooling_mode_").size());
    }
  }
  if (modes == "mean_tokens" || modes == "mean") {
    config.pooling = Pooling::kMean;
  } else if (modes == "cls_token" || modes == "cls") {
    config.pooling = Pooling::kCls;
  } else {
    file->Unsupported("pooling \"" + modes + "\" is not supported; mean_tokens and cls_token are");
  }
}

void ReadWindow(Folder& folder, EncoderConfig& config) {
  config.max_tokens = config.positions;
  const std::optional<ConfigFile> file = folder.Config("sentence_bert_config.json");
  if (!file) return;
  // [CLS], [SEP] and something between them.
  const std::optional<int> window = file->OptionalInteger("max_seq_length", 3);
  if (window) config.max_tokens = std::min(*window, config.positions);
}

// "e5" as a word of the folder's name: "e5-small-v2", "multilingual_e5_small".
bool NameHasWord(const std::string& name, std::string_view word) {
  for (std::size_t at = name.find(word); at != std::string::npos; at = name.find(word, at + 1)) {
    const auto is_border = [&](std::size_t i) {
      return i >= name.size() || name[i] == '-' || name[i] == '_';
    };
    if ((at == 0 || is_border(at - 1)) && is_border(at + word.size())) return true;
  }
  return false;
}

void SetFamilyPrompts(const std::string& name, EncoderConfig& config) {
  if (NameHasWord(name, "e5") && !NameHasWord(name, "instruct")) {
    config.query_prompt = "query: ";
    config.passage_prompt = "passage: ";
  } else if (NameHasWord(name, "bge") && NameHasWord(name, "en")) {
    config.query_prompt = "Represent this sentence for searching relevant passages: ";
  }
}

void ReadPrompts(Folder& folder, const std::string& name, EncoderConfig& config) {
  const std::optional<ConfigFile> file = folder.Config("config_sentence_transformers.json");
  const json* prompts = file ? file->Find("prompts") : nullptr;
  if (prompts != nullptr && !prompts->is_object())
    file->Corrupt("\"prompts\" is not a JSON object");
  if (prompts == nullptr || prompts->empty()) return SetFamilyPrompts(name, config);
  for (const auto& [key, value] : prompts->items()) {
    if (!value.is_string()) file->Corrupt("prompt \"" + key + "\" is not a string");
  }
  const std::string fallback = file->StringOr("default_prompt_name", "");
  const auto prompt = [&](std::initializer_list<std::string> names) -> std::string {
    for (const std::string& key : names) {
      if (!key.empty() && prompts->contains(key)) return (*prompts)[key].get<std::string>();
    }
    return "";
  };
  config.query_prompt = prompt({"query", fallback});
  config.passage_prompt = prompt({"document", "passage", fallback});
}

}  // namespace

EncoderFiles ReadEncoderFiles(const fs::path& folder_path) {
  EncoderFiles files;
  Folder folder(folder_path, files);
  ReadModel(folder, files.config);
  ReadPooling(folder, ReadModules(folder, files.config), files.config);
  ReadWindow(folder, files.config);
  const fs::path normal = folder_path.lexically_normal();
  ReadPrompts(folder, (normal.has_filename() ? normal : normal.parent_path()).filename().string(),
              files.config);
  for (const char* name : {"tokenizer.json", "vocab.txt", "tokenizer_config.json"})
    folder.Keep(name, kMaxTokenizerBytes);
  return files;
}

}  // namespace fovea
