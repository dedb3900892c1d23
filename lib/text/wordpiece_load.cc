// Reads the tokenizer files of a BERT model folder.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/text/utf8.h"
#include "lib/text/wordpiece_state.h"

namespace fovea {
namespace {

using Json = nlohmann::json;

// Takes in tokenizer.json: the vocabulary as a list, which as a tree of JSON values would cost more
// than all else at the start of a process; the rest as such a tree.
class TokenizerJson : public nlohmann::json_sax<Json> {
 public:
  Json tree;
  std::vector<std::pair<std::string, std::int64_t>> vocabulary;  // In file order.
  bool has_vocabulary = false;

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(std::int64_t value) override { return PutNumber(value); }
  bool number_unsigned(std::uint64_t value) override {
    return PutNumber(static_cast<std::int64_t>(value));
  }
  bool number_float(double value, const std::string&) override { return Put(value); }
  bool string(std::string& value) override { return Put(std::move(value)); }
  bool binary(Json::binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    if (in_vocabulary_) return false;
    if (open_.size() == 2 && keys_.back() == "model" && open_.back()->is_object() &&
        key_ == "vocab") {
      in_vocabulary_ = has_vocabulary = true;
      vocabulary.clear();
      return true;
    }
    return Open(Json::object());
  }
  bool key(std::string& name) override {
    key_ = std::move(name);
    return true;
  }
  bool end_object() override {
    if (!std::exchange(in_vocabulary_, false)) Close();
    return true;
  }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_array() override {
    Close();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

 private:
  template <typename Value>
  bool PutNumber(Value value) {
    if (!in_vocabulary_) return Put(value);
    vocabulary.emplace_back(std::move(key_), value);
    return true;
  }
  template <typename Value>
  bool Put(Value&& value) {
    if (in_vocabulary_) return false;  // A token whose id is no whole number.
    Add(Json(std::forward<Value>(value)));
    return true;
  }
  Json& Add(Json value) {
    if (open_.empty()) return tree = std::move(value);
    Json& parent = *open_.back();
    if (parent.is_object()) return parent[key_] = std::move(value);
    parent.push_back(std::move(value));
    return parent.back();
  }
  bool Open(Json empty) {
    if (in_vocabulary_) return false;
    // What is open does not move: nothing is added to its parent before it is closed.
    open_.push_back(&Add(std::move(empty)));
    keys_.push_back(key_);
    return true;
  }
  void Close() {
    open_.pop_back();
    keys_.pop_back();
  }

  std::vector<Json*> open_;        // Objects and arrays around the value at hand, outermost first.
  std::vector<std::string> keys_;  // Theirs.
  std::string key_;
  bool in_vocabulary_ = false;
};

constexpr std::int64_t kMaxVocabulary = 1 << 24;
constexpr std::size_t kMaxFile = std::size_t{1} << 28;

class Reader {
 public:
  explicit Reader(std::filesystem::path path) : path_(std::move(path)) {}

  [[noreturn]] void Fail(ErrorCode code, const std::string& what) const {
    throw Error(code, path_.string() + ": " + what);
  }

  Json Parse() const {
    Json json = Json::parse(ReadFile(path_, kMaxFile), nullptr, false);
    if (json.is_discarded() || !json.is_object())
      Fail(ErrorCode::kCorrupt, "is not a JSON object; fetch the model again");
    return json;
  }

  void Put(std::vector<std::string>& tokens, std::int64_t id, std::string token) const {
    if (id < 0 || id >= kMaxVocabulary)
      Fail(ErrorCode::kCorrupt, "token id " + std::to_string(id) + " is out of range");
    const auto index = static_cast<std::size_t>(id);
    if (index >= tokens.size()) tokens.resize(index + 1);
    if (!tokens[index].empty() && tokens[index] != token) {
      Fail(ErrorCode::kCorrupt, "token id " + std::to_string(id) + " stands twice");
    }
    tokens[index] = std::move(token);
  }

  std::int32_t IdOf(const WordPieceModel& model, const std::string& token) const {
    const auto found = std::find(model.tokens.begin(), model.tokens.end(), token);
    if (found == model.tokens.end())
      Fail(ErrorCode::kCorrupt, "the vocabulary has no \"" + token + "\"");
    return static_cast<std::int32_t>(found - model.tokens.begin());
  }

 private:
  std::filesystem::path path_;
};

void ReadNormalizer(const Reader& reader, const Json& json, BertNormalizer& normalizer) {
  if (!json.is_object() || json.value("type", "") != "BertNormalizer") {
    reader.Fail(ErrorCode::kUnsupported,
                "its normalizer is not BertNormalizer, the only one that is handled");
  }
  normalizer.clean_text = json.value("clean_text", true);
  normalizer.handle_chinese_chars = json.value("handle_chinese_chars", true);
  normalizer.lowercase = json.value("lowercase", true);
  const auto strip = json.find("strip_accents");
  const bool given = strip != json.end() && !strip->is_null();
  normalizer.strip_accents = given ? strip->get<bool>() : normalizer.lowercase;
}

void ReadAddedTokens(const Reader& reader, const Json& json, WordPieceModel& model) {
  for (const Json& entry : json) {
    AddedToken token;
    token.text = entry.at("content").get<std::string>();
    const auto id = entry.at("id").get<std::int64_t>();
    token.special = entry.value("special", false);
    if (token.text.empty()) continue;
    if (entry.value("single_word", false) || entry.value("normalized", !token.special)) {
      reader.Fail(ErrorCode::kUnsupported,
                  "the added token \"" + token.text +
                      "\" is single_word or normalized, which is not handled");
    }
    reader.Put(model.tokens, id, token.text);
    token.id = static_cast<std::int32_t>(id);
    model.added.push_back(std::move(token));
  }
}

// [CLS] and [SEP] as the post-processor puts them around one sequence.
void ReadPostProcessor(const Reader& reader, const Json& json, WordPieceModel& model) {
  const std::string type = json.is_object() ? json.value("type", "") : "";
  if (type == "BertProcessing") {
    model.cls = reader.IdOf(model, json.at("cls").at(0).get<std::string>());
    model.sep = reader.IdOf(model, json.at("sep").at(0).get<std::string>());
    return;
  }
  if (type == "TemplateProcessing") {
    const Json& single = json.at("single");
    const bool known = single.size() == 3 && single[0].contains("SpecialToken") &&
                       single[1].contains("Sequence") && single[2].contains("SpecialToken");
    const auto id = [&](const Json& piece) {
      const Json& ids = json.at("special_tokens")
                            .at(piece.at("SpecialToken").at("id").get<std::string>())
                            .at("ids");
      const auto value = ids.at(0).get<std::int64_t>();
      if (value < 0 || value >= static_cast<std::int64_t>(model.tokens.size()) || ids.size() != 1) {
        reader.Fail(ErrorCode::kCorrupt,
                    "the post_processor names a token that the vocabulary does not have");
      }
      return static_cast<std::int32_t>(value);
    };
    if (known) {
      model.cls = id(single[0]);
      model.sep = id(single[2]);
      return;
    }
  }
  reader.Fail(ErrorCode::kUnsupported,
              "its post_processor does not put one token before and one behind the text");
}

WordPieceModel FromTokenizerJson(const std::filesystem::path& path) {
  const Reader reader(path);
  TokenizerJson file;
  if (!Json::sax_parse(ReadFile(path, kMaxFile), &file) || !file.tree.is_object()) {
    reader.Fail(ErrorCode::kCorrupt,
                "is not a JSON object with whole numbers as ids; fetch the model again");
  }
  const Json& json = file.tree;
  try {
    const Json& vocabulary_model = json.at("model");
    const std::string type = vocabulary_model.value("type", "WordPiece");
    if (type != "WordPiece") {
      reader.Fail(ErrorCode::kUnsupported,
                  "is a " + type + " tokenizer; the embedder must be a BERT model with WordPiece");
    }
    const Json pre_tokenizer = json.value("pre_tokenizer", Json());
    if (!pre_tokenizer.is_object() || pre_tokenizer.value("type", "") != "BertPreTokenizer") {
      reader.Fail(ErrorCode::kUnsupported,
                  "its pre_tokenizer is not BertPreTokenizer, the only one that is handled");
    }
    WordPieceModel model;
    ReadNormalizer(reader, json.value("normalizer", Json()), model.normalizer);
    if (!file.has_vocabulary) reader.Fail(ErrorCode::kCorrupt, "has no vocabulary");
    for (auto& [token, id] : file.vocabulary) reader.Put(model.tokens, id, std::move(token));
    if (json.contains("added_tokens")) ReadAddedTokens(reader, json.at("added_tokens"), model);
    model.prefix = vocabulary_model.value("continuing_subword_prefix", "##");
    model.max_characters = vocabulary_model.value("max_input_chars_per_word", std::size_t{100});
    model.unknown = reader.IdOf(model, vocabulary_model.value("unk_token", "[UNK]"));
    ReadPostProcessor(reader, json.value("post_processor", Json()), model);
    const Json decoder = json.value("decoder", Json());
    if (decoder.is_object()) model.cleanup = decoder.value("cleanup", true);
    return model;
  } catch (const Json::exception& error) {
    reader.Fail(ErrorCode::kCorrupt, std::string("is not a tokenizer file: ") + error.what());
  }
}

WordPieceModel FromVocabulary(const std::filesystem::path& folder) {
  const Reader reader(folder / "vocab.txt");
  const std::string text = ReadFile(folder / "vocab.txt", kMaxFile);
  if (!IsValidUtf8(text))
    reader.Fail(ErrorCode::kCorrupt, "is not valid UTF-8; fetch the model again");
  WordPieceModel model;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    reader.Put(model.tokens, static_cast<std::int64_t>(model.tokens.size()), std::move(line));
    begin = end + 1;
  }
  Json config = Json::object();
  const Reader config_reader(folder / "tokenizer_config.json");
  if (std::filesystem::exists(folder / "tokenizer_config.json")) config = config_reader.Parse();
  try {
    model.normalizer.lowercase = config.value("do_lower_case", true);
    model.normalizer.handle_chinese_chars = config.value("tokenize_chinese_chars", true);
    const Json strip = config.value("strip_accents", Json());
    model.normalizer.strip_accents =
        strip.is_null() ? model.normalizer.lowercase : strip.get<bool>();
    const auto named = [&](const char* key, const char* usual) {
      const Json token = config.value(key, Json(usual));
      return token.is_object() ? token.at("content").get<std::string>() : token.get<std::string>();
    };
    const std::string unknown = named("unk_token", "[UNK]"), cls = named("cls_token", "[CLS]");
    const std::string sep = named("sep_token", "[SEP]");
    model.unknown = reader.IdOf(model, unknown);
    model.cls = reader.IdOf(model, cls);
    model.sep = reader.IdOf(model, sep);
    for (const std::string& token :
         {unknown, cls, sep, named("pad_token", "[PAD]"), named("mask_token", "[MASK]")}) {
      const bool twice = std::any_of(model.added.begin(), model.added.end(),
                                     [&](const AddedToken& added) { return added.text == token; });
      if (!twice && !token.empty()) model.added.push_back({token, reader.IdOf(model, token), true});
    }
  } catch (const Json::exception& error) {
    config_reader.Fail(ErrorCode::kCorrupt,
                       std::string("is not a tokenizer configuration: ") + error.what());
  }
  return model;
}

}  // namespace

WordPieceModel ReadWordPieceModel(const std::filesystem::path& model_folder) {
  const bool has_json = std::filesystem::exists(model_folder / "tokenizer.json");
  if (!has_json && !std::filesystem::exists(model_folder / "vocab.txt")) {
    throw Error(
        ErrorCode::kNotFound,
        model_folder.string() +
            ": has neither tokenizer.json nor vocab.txt; is it the folder of a BERT model?");
  }
  WordPieceModel model =
      has_json ? FromTokenizerJson(model_folder / "tokenizer.json") : FromVocabulary(model_folder);
  // Where several match, the longest counts.
  std::stable_sort(
      model.added.begin(), model.added.end(),
      [](const AddedToken& a, const AddedToken& b) { return a.text.size() > b.text.size(); });
  return model;
}

}  // namespace fovea
