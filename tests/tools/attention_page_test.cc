#include "tools/attention_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/tools/example_attention.h"

namespace fovea::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kReadingBegin = "id=\"reading\">";

std::string ReadingText(const std::string& page) {
  const std::size_t begin = page.find(kReadingBegin) + kReadingBegin.size();
  return page.substr(begin, page.find("</script>", begin) - begin);
}

nlohmann::json Reading(const Answer& answer) {
  return nlohmann::json::parse(ReadingText(AttentionPage(answer)));
}

// RFC 4648.
std::vector<std::uint8_t> Bytes(const std::string& base64) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::uint8_t> bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : base64) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(digits.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<std::uint8_t>(bits >> count));
  }
  return bytes;
}

TEST(AttentionPage, NeedsNothingButItself) {
  const std::string page = AttentionPage({});
  for (const char* part : {"http:", "https:", " src=", " href=", "@import", "url(", "@STYLE@",
                           "@SCRIPT@", "@NONCE@", "@READING@"})
    EXPECT_THAT(page, Not(HasSubstr(part)));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(AttentionPage, TheSameAnswerGivesTheSamePage) {
  EXPECT_EQ(AttentionPage(ExampleAttention()), AttentionPage(ExampleAttention()));
}

TEST(AttentionPage, EveryWeightIsThereWithinARoundingOfAByte) {
  const Answer answer = ExampleAttention();
  const nlohmann::json reading = Reading(answer);
  EXPECT_EQ(reading["layers"], 2);
  EXPECT_EQ(reading["heads"], 3);
  const std::size_t rows = 2 * 3 * 5;
  for (std::size_t p = 0; p < answer.passages.size(); ++p) {
    for (std::size_t i = 0; i < answer.passages[p].parts.size(); ++i) {
      const PartAttention& part = answer.passages[p].parts[i];
      const nlohmann::json& got = reading["passages"][p]["parts"][i];
      EXPECT_EQ(got["first"], part.first_token);
      EXPECT_EQ(got["tokens"], part.tokens);
      const std::vector<std::uint8_t> bytes = Bytes(got["weights"]);
      ASSERT_EQ(bytes.size(), rows * part.tokens);
      for (std::size_t row = 0; row < rows; ++row) {
        const float* weights = part.weights.data() + row * (5 + part.tokens + 1);
        const double scale = got["scales"][row];
        const double greatest =
            static_cast<double>(*std::max_element(weights + 5, weights + 5 + part.tokens));
        for (std::size_t t = 0; t < part.tokens; ++t) {
          const double share = bytes[row * part.tokens + t] / 255.0;
          const auto want = static_cast<double>(weights[5 + t]);
          EXPECT_NEAR(scale * share * share, want, PageError(want, greatest));
        }
        const double asked = std::accumulate(weights, weights + 5, 0.0);
        EXPECT_NEAR(got["question"][row].get<double>(), asked, 5e-4 * asked);
        EXPECT_NEAR(got["rest"][row].get<double>(), weights[5 + part.tokens],
                    5e-4 * static_cast<double>(weights[5 + part.tokens]));
      }
    }
  }
}

TEST(AttentionPage, PiecesAreTheTextAndEverySecondOneAToken) {
  const Answer answer = ExampleAttention();
  const nlohmann::json reading = Reading(answer);
  for (std::size_t p = 0; p < answer.passages.size(); ++p) {
    const AnswerPassage& passage = answer.passages[p];
    std::string text;
    std::vector<std::string> tokens;
    for (const auto& sentence : reading["passages"][p]["sentences"]) {
      ASSERT_EQ(sentence["pieces"].size() % 2, 1u);
      for (std::size_t i = 0; i < sentence["pieces"].size(); ++i) {
        text += sentence["pieces"][i].get<std::string>();
        if (i % 2 == 1) tokens.push_back(sentence["pieces"][i]);
      }
    }
    EXPECT_EQ(text, passage.passage.text);
    ASSERT_EQ(tokens.size(), passage.tokens.size());
    for (std::size_t t = 0; t < tokens.size(); ++t)
      EXPECT_EQ(tokens[t], Slice(passage.passage.text, passage.tokens[t].range));
  }
  EXPECT_EQ(reading["passages"][0]["sentences"][0]["pieces"].size(), 7u);  // It stood alone.
  EXPECT_EQ(reading["passages"][0]["answer"], (nlohmann::json{3, 5}));
  EXPECT_TRUE(reading["passages"][1]["answer"].is_null());
  EXPECT_EQ(reading["question_tokens"],
            (nlohmann::json{"[CLS]", "Who", "<b>kept</b>", "it?", "[SEP]"}));
}

TEST(AttentionPage, ADocumentCannotEndTheElementThatHoldsIt) {
  const std::string page = AttentionPage(ExampleAttention());
  EXPECT_THAT(ReadingText(page), Not(HasSubstr("<")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(ReadingText(page), HasSubstr("@NONCE@"));  // Nothing is filled in in a document.
}

TEST(AttentionPage, TextThatIsNoUtf8IsEscaped) {
  Answer answer = ExampleAttention();
  answer.passages[0].passage.text[1] = '\xFF';
  EXPECT_EQ(Reading(answer)["passages"][0]["sentences"][0]["pieces"][1], "I\\xFF");
}

TEST(AttentionPage, TokensThatShareTheirRangeAndEmptyPassagesDoNoHarm) {
  Answer answer = ExampleAttention();
  answer.passages[0].tokens[1].range = answer.passages[0].tokens[0].range;
  answer.passages[1].passage.text.clear();
  answer.passages[1].sentences.clear();
  answer.passages[1].tokens.clear();
  answer.passages[1].parts.clear();
  const nlohmann::json reading = Reading(answer);
  EXPECT_EQ(reading["passages"][0]["sentences"][0]["pieces"],
            (nlohmann::json{"", "It", "", "", " stood ", "alone.", "  "}));
  EXPECT_TRUE(reading["passages"][1]["sentences"].empty());
}

TEST(AttentionPage, AReaderWithoutHeadsGivesSentences) {
  Answer answer = ExampleAttention();
  answer.axes = {};
  for (AnswerPassage& passage : answer.passages) {
    passage.tokens.clear();
    passage.parts.clear();
  }
  const nlohmann::json reading = Reading(answer);
  EXPECT_EQ(reading["layers"], 0);
  EXPECT_EQ(reading["passages"][0]["sentences"][1]["pieces"],
            (nlohmann::json{"Anna Thorne kept it. "}));
}

}  // namespace
}  // namespace fovea::tools
