#include "lib/nn/encoder_config.h"

#include <gtest/gtest.h>

#include <string>

#include "lib/nn/encoder.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_models.h"

namespace fovea {
namespace {

class EncoderFolder : public ::testing::Test {
 protected:
  EncoderFolder() { TinyBert().Write(folder_.path() / "model"); }

  EncoderConfig Read(const std::string& name = "model") {
    return ReadEncoderFiles(folder_.path() / name).config;
  }

  // The error that a file of this content gives; the file is put back afterwards.
  void ExpectRefused(const std::string& file, const std::string& content, ErrorCode code,
                     const std::string& message) {
    SCOPED_TRACE(file + ": " + content);
    folder_.Write("model/" + file, content);
    EXPECT_ERROR(Encoder::Load(folder_.path() / "model"), code, message);
    EXPECT_ERROR(Encoder::Load(folder_.path() / "model"), code, file);
    std::filesystem::remove(folder_.path() / "model" / file);
    TinyBert().Write(folder_.path() / "model");
  }

  static std::string Config(const std::string& extra) {
    return R"({"model_type": "bert", "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
               "intermediate_size": 40, "vocab_size": 12, "max_position_embeddings": 16)" +
           extra + "}";
  }

  TempFolder folder_;
};

TEST_F(EncoderFolder, DefaultModelIsReadAsItsFilesSay) {
  const EncoderConfig& config = TestEncoder().config();
  EXPECT_EQ(config.layers, 6);
  EXPECT_EQ(config.width, 384);
  EXPECT_EQ(config.heads, 12);
  EXPECT_EQ(config.feed_forward, 1536);
  EXPECT_EQ(config.vocabulary, 30522);
  EXPECT_EQ(config.positions, 512);
  EXPECT_EQ(config.max_tokens, 256);
  EXPECT_EQ(config.pooling, Pooling::kMean);
  EXPECT_TRUE(config.normalize);
  EXPECT_EQ(config.query_prompt + config.passage_prompt, "");
  EXPECT_EQ(TestEncoder().name(), "all-MiniLM-L6-v2");
}

TEST_F(EncoderFolder, ReadsTheWindowAndDefaults) {
  EXPECT_EQ(Read().max_tokens, 16);
  folder_.Write("model/sentence_bert_config.json", R"({"max_seq_length": 9})");
  EXPECT_EQ(Read().max_tokens, 9);
  folder_.Write("model/sentence_bert_config.json", R"({"max_seq_length": 512})");
  EXPECT_EQ(Read().max_tokens, 16);
  folder_.Write("model/sentence_bert_config.json", R"({"max_seq_length": null})");
  EXPECT_EQ(Read().max_tokens, 16);
  std::filesystem::remove(folder_.path() / "model/modules.json");
  std::filesystem::remove_all(folder_.path() / "model/1_Pooling");
  EXPECT_EQ(Read().pooling, Pooling::kMean);
  EXPECT_TRUE(Read().normalize);
}

TEST_F(EncoderFolder, ReadsPoolingInBothForms) {
  folder_.Write("model/1_Pooling/config.json", R"({"pooling_mode": "cls"})");
  EXPECT_EQ(Read().pooling, Pooling::kCls);
  folder_.Write("model/1_Pooling/config.json",
                R"({"pooling_mode": "mean", "include_prompt": true})");
  EXPECT_EQ(Read().pooling, Pooling::kMean);
  folder_.Write("model/1_Pooling/config.json",
                R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  EXPECT_EQ(Read().pooling, Pooling::kCls);
}

TEST_F(EncoderFolder, ReadsPromptsAndKnowsTwoFamiliesThatNeedThem) {
  EXPECT_EQ(Read().query_prompt, "");
  folder_.Write("model/config_sentence_transformers.json",
                R"({"prompts": {"query": "q: ", "document": "d: "}, "default_prompt_name": null})");
  EXPECT_EQ(Read().query_prompt, "q: ");
  EXPECT_EQ(Read().passage_prompt, "d: ");
  folder_.Write(
      "model/config_sentence_transformers.json",
      R"({"prompts": {"query": "q: ", "passage": "p: ", "all": "x: "}, "default_prompt_name": "all"})");
  EXPECT_EQ(Read().passage_prompt, "p: ");
  folder_.Write("model/config_sentence_transformers.json",
                R"({"prompts": {"query": "q: ", "all": "x: "}, "default_prompt_name": "all"})");
  EXPECT_EQ(Read().passage_prompt, "x: ");

  for (const char* name : {"e5-small-v2", "e5_base", "intfloat-e5-large"}) {
    TinyBert().Write(folder_.path() / name);
    EXPECT_EQ(Read(name).query_prompt, "query: ") << name;
    EXPECT_EQ(Read(std::string(name) + "/").passage_prompt, "passage: ") << name;
  }
  TinyBert().Write(folder_.path() / "bge-small-en-v1.5");
  EXPECT_EQ(Read("bge-small-en-v1.5").query_prompt,
            "Represent this sentence for searching relevant passages: ");
  EXPECT_EQ(Read("bge-small-en-v1.5").passage_prompt, "");
  for (const char* name : {"gte-small", "code5", "e5", "bge-small-zh"}) {
    TinyBert().Write(folder_.path() / name);
    EXPECT_EQ(Read(name).query_prompt, std::string(name) == "e5" ? "query: " : "") << name;
  }
  folder_.Write("e5-small-v2/config_sentence_transformers.json",
                R"({"prompts": {"query": "own "}})");
  EXPECT_EQ(Read("e5-small-v2").query_prompt, "own ");
  EXPECT_EQ(Read("e5-small-v2").passage_prompt, "");
}

TEST_F(EncoderFolder, RefusesOtherArchitecturesByName) {
  for (const char* type : {"distilbert", "roberta", "mpnet", "nomic_bert", "xlm-roberta"}) {
    ExpectRefused("config.json", std::string(R"({"model_type": ")") + type + "\"}",
                  ErrorCode::kUnsupported, type);
  }
  ExpectRefused("config.json", Config(R"(, "hidden_act": "gelu_new")"), ErrorCode::kUnsupported,
                "gelu_new");
  ExpectRefused("config.json", Config(R"(, "position_embedding_type": "relative_key")"),
                ErrorCode::kUnsupported, "relative_key");
  ExpectRefused("config.json", Config(R"(, "is_decoder": true)"), ErrorCode::kUnsupported,
                "is_decoder");
  const std::string modules =
      R"([{"path": "", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"},)";
  ExpectRefused("modules.json",
                modules + R"({"path": "2_Dense", "type": "sentence_transformers.models.Dense"}])",
                ErrorCode::kUnsupported, "2_Dense");
  for (const char* mode :
       {"max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"}) {
    ExpectRefused("1_Pooling/config.json", std::string(R"({"pooling_mode_)") + mode + "\": true}",
                  ErrorCode::kUnsupported, mode);
  }
  ExpectRefused("1_Pooling/config.json",
                R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})",
                ErrorCode::kUnsupported, "cls_token + mean_tokens");
  ExpectRefused("1_Pooling/config.json", R"({"pooling_mode": "mean", "include_prompt": false})",
                ErrorCode::kUnsupported, "include_prompt");
}

TEST_F(EncoderFolder, RefusesDamagedFilesByName) {
  EXPECT_ERROR(Encoder::Load(folder_.path() / "none"), ErrorCode::kNotFound, "config.json");
  ExpectRefused("config.json", "{", ErrorCode::kCorrupt, "not valid JSON");
  ExpectRefused("config.json", "[]", ErrorCode::kCorrupt, "not a JSON object");
  ExpectRefused("config.json", R"({"model_type": "bert"})", ErrorCode::kCorrupt,
                "num_hidden_layers");
  for (const char* bad :
       {"0", "-1", "1e3", "\"24\"", "4294967296", "99999999999999999999", "24.5"}) {
    ExpectRefused("config.json",
                  std::string(R"({"model_type": "bert", "num_hidden_layers": )") + bad + "}",
                  ErrorCode::kCorrupt, "num_hidden_layers");
  }
  ExpectRefused("config.json", Config(R"(, "layer_norm_eps": "x")"), ErrorCode::kCorrupt,
                "layer_norm_eps");
  ExpectRefused("modules.json", "{}", ErrorCode::kCorrupt, "not a JSON list");
  ExpectRefused("modules.json", "[1]", ErrorCode::kCorrupt, "no \"type\"");
  ExpectRefused("modules.json", R"([{"path": "", "type": "Transformer"}])", ErrorCode::kCorrupt,
                "no Pooling");
  ExpectRefused("modules.json", R"([{"path": "../x", "type": "Pooling"}])", ErrorCode::kCorrupt,
                "out of the folder");
  ExpectRefused("sentence_bert_config.json", R"({"max_seq_length": 2})", ErrorCode::kCorrupt,
                "max_seq_length");
  ExpectRefused("config_sentence_transformers.json", R"({"prompts": []})", ErrorCode::kCorrupt,
                "prompts");
  ExpectRefused("config_sentence_transformers.json", R"({"prompts": {"query": 1}})",
                ErrorCode::kCorrupt, "query");
}

TEST_F(EncoderFolder, RefusesWeightsThatDoNotFitTheConfiguration) {
  const auto load = [&] { Encoder::Load(folder_.path() / "model"); };
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string config = Config("");
    config.replace(config.find(from), from.size(), to);
    folder_.Write("model/config.json", config);
  };
  with("\"hidden_size\": 24", "\"hidden_size\": 48");
  EXPECT_ERROR(load(), ErrorCode::kCorrupt, "word_embeddings.weight");
  with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
  EXPECT_ERROR(load(), ErrorCode::kCorrupt,
               "encoder.layer.2.attention.self.query.weight\" is missing");
  with("\"intermediate_size\": 40", "\"intermediate_size\": 41");
  EXPECT_ERROR(load(), ErrorCode::kCorrupt, "intermediate.dense.weight");
  with("\"vocab_size\": 12", "\"vocab_size\": 11");
  EXPECT_ERROR(load(), ErrorCode::kCorrupt, "vocab_size is 11");
  with("\"num_attention_heads\": 3", "\"num_attention_heads\": 5");
  EXPECT_ERROR(load(), ErrorCode::kCorrupt, "num_attention_heads");
  folder_.Write("model/config.json", Config(""));
  EXPECT_NO_THROW(load());
  std::filesystem::remove(folder_.path() / "model/model.safetensors");
  EXPECT_ERROR(load(), ErrorCode::kNotFound, "model.safetensors");
}

}  // namespace
}  // namespace fovea
