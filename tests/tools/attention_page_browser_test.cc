// The page of --attention-html in a real browser.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/browser.h"
#include "tests/tools/example_attention.h"
#include "tools/attention_page.h"

namespace fovea::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The page, at whose end a script drives it as a user would.
std::string Driven(const std::string& page, const std::string& script) {
  const std::string_view name = "'nonce-";
  const std::size_t nonce = page.find(name) + name.size();
  return page + "<script nonce=\"" + page.substr(nonce, page.find('\'', nonce) - nonce) + "\">" +
         script + "</script>";
}

class AttentionPageInBrowser : public ::testing::Test {
 protected:
  // Layers, heads, question tokens: one, or all for their mean.
  double Mean(std::vector<std::size_t> layers, std::vector<std::size_t> heads,
              std::vector<std::size_t> questions, const PartAttention& part, std::size_t token,
              double& error) const {
    double sum = 0;
    error = 0;
    const double count = static_cast<double>(layers.size() * heads.size() * questions.size());
    for (const std::size_t l : layers) {
      for (const std::size_t h : heads) {
        for (const std::size_t q : questions) {
          double greatest = 0;
          for (std::size_t t = 0; t < part.tokens; ++t)
            greatest = std::max(greatest, WeightOf(answer_.axes, part, l, h, q, t));
          const double weight = WeightOf(answer_.axes, part, l, h, q, token);
          sum += weight / count;
          error += PageError(weight, greatest) / count;
        }
      }
    }
    return sum;
  }

  const Answer answer_ = ExampleAttention();
  const std::string page_ = AttentionPage(answer_);
};

TEST_F(AttentionPageInBrowser, TheMapShowsTheChosenHeadsWeights) {
  const BrowserResult shown = OpenInBrowser(page_, "layer=2&head=3&passage=2&shade=start");
  EXPECT_THAT(shown.messages, IsEmpty());
  EXPECT_THAT(shown.Text("map-title"), HasSubstr("passage 2, layer 2, head 3"));
  const std::vector<std::string> weights = shown.Attributes("data-weight");
  const AnswerPassage& passage = answer_.passages[1];
  const std::size_t tokens = passage.tokens.size();
  // The map's cells, then the words of both passages, by the start probability here.
  const std::size_t words = answer_.passages[0].tokens.size();
  ASSERT_EQ(weights.size(), 5 * tokens + words + tokens);
  for (std::size_t q = 0; q < 5; ++q) {
    for (std::size_t t = 0; t < tokens; ++t) {
      const PartAttention& part = passage.parts[t < 3 ? 0 : 1];
      double error = 0;
      const double want = Mean({1}, {2}, {q}, part, t - part.first_token, error);
      EXPECT_NEAR(std::stod(weights[q * tokens + t]), want, error) << q << " " << t;
    }
  }
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto start = static_cast<double>(passage.tokens[t].start);
    EXPECT_NEAR(std::stod(weights[5 * tokens + words + t]), start, 6e-3 * start);
  }
}

TEST_F(AttentionPageInBrowser, WordsAreShadedByTheMeanUnlessAHeadOrTokenIsChosen) {
  const std::vector<std::size_t> all_layers = {0, 1}, all_heads = {0, 1, 2},
                                 all_questions = {0, 1, 2, 3, 4};
  for (const bool chosen : {false, true}) {
    const BrowserResult shown = OpenInBrowser(page_, chosen ? "head=2&question=3" : "");
    const std::vector<std::string> weights = shown.Attributes("data-weight");
    const PartAttention& part = answer_.passages[0].parts[0];
    ASSERT_GT(weights.size(), 6 * part.tokens);
    for (std::size_t t = 0; t < part.tokens; ++t) {
      double error = 0;
      const double want = chosen ? Mean(all_layers, {1}, {2}, part, t, error)
                                 : Mean(all_layers, all_heads, all_questions, part, t, error);
      EXPECT_NEAR(std::stod(weights[5 * part.tokens + t]), want, error) << t;
    }
  }
}

TEST_F(AttentionPageInBrowser, TextOfDocumentsStaysText) {
  const BrowserResult shown = OpenInBrowser(page_, "passage=2");
  EXPECT_THAT(shown.messages, IsEmpty());
  EXPECT_EQ(shown.Title(), "Who &lt;b&gt;kept&lt;/b&gt; it?");
  EXPECT_THAT(shown.dom, Not(HasSubstr("<img")));
  EXPECT_THAT(shown.dom, Not(HasSubstr("<u>")));
  EXPECT_THAT(shown.dom, HasSubstr("&lt;/script&gt;&lt;script&gt;document.title='owned'"));
  EXPECT_THAT(shown.dom, HasSubstr(">&lt;!--&lt;script&gt;<"));
  EXPECT_THAT(shown.dom, HasSubstr("\xC3\xA9t\xC3\xA9.<"));
}

TEST_F(AttentionPageInBrowser, MarkupThatGotInWouldNotRun) {
  const BrowserResult shown =
      OpenInBrowser(page_ +
                    "<script>document.title='owned'</script>"
                    "<img src=\"data:,\" onerror=\"document.title='owned'\">");
  EXPECT_THAT(shown.Title(), HasSubstr("Who"));
  EXPECT_THAT(shown.messages, Not(IsEmpty()));  // The browser's refusals.
}

TEST_F(AttentionPageInBrowser, TheArrowKeysMoveFromCellToCellAndTheAddressFollows) {
  const BrowserResult shown = OpenInBrowser(Driven(page_, R"(
      const press = (key) => document.activeElement.dispatchEvent(
          new KeyboardEvent('keydown', {key, bubbles: true}));
      document.querySelector('.cell[tabindex="0"]').focus();
      for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowUp', 'ArrowDown']) press(key);
      document.title = location.hash + ' ' + document.activeElement.getAttribute('aria-label');)"),
                                            "layer=1&head=1");
  EXPECT_THAT(shown.messages, IsEmpty());
  double error = 0;
  const double want = Mean({0}, {0}, {1}, answer_.passages[0].parts[0], 2, error);
  const std::string start =
      "#layer=1&amp;head=1&amp;passage=1&amp;question=2&amp;word=3 Who, alone.: ";
  ASSERT_THAT(shown.Title(), ::testing::StartsWith(start));
  EXPECT_NEAR(std::stod(shown.Title().substr(start.size())), want, error);
  EXPECT_THAT(shown.Text("readout"), HasSubstr("“Who” → “alone.”"));
  EXPECT_EQ(shown.Text("tip"), shown.Text("readout"));
}

TEST_F(AttentionPageInBrowser, WordsAreReachedWithTheKeyboardToo) {
  const BrowserResult shown = OpenInBrowser(Driven(page_, R"(
      document.querySelectorAll('.word[tabindex="0"]')[1].focus();
      for (const key of ['End', 'ArrowLeft', 'Home', 'ArrowRight'])
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
      document.title = location.hash + ' ' + document.activeElement.textContent;)"));
  EXPECT_THAT(shown.messages, IsEmpty());
  EXPECT_EQ(shown.Title(), "#passage=2&amp;word=2 src=x");
}

TEST_F(AttentionPageInBrowser, PointingAtAQuestionsTokenShadesWhatItAttendsTo) {
  const BrowserResult shown = OpenInBrowser(Driven(page_, R"(
      document.querySelectorAll('#question-tokens .choice')[2].dispatchEvent(
          new PointerEvent('pointerenter'));
      document.querySelector('.cell').dispatchEvent(new PointerEvent('pointerout', {bubbles: true}));
      document.querySelector('.word').dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));)"));
  EXPECT_THAT(shown.messages, IsEmpty());
  const PartAttention& part = answer_.passages[0].parts[0];
  double error = 0;
  const double want = Mean({0, 1}, {0, 1, 2}, {1}, part, 0, error);
  EXPECT_NEAR(std::stod(shown.Attributes("data-weight").at(5 * part.tokens)), want, error);
  EXPECT_THAT(shown.Text("tip"), HasSubstr("the question → “It”"));
}

TEST_F(AttentionPageInBrowser, AnAddressThatMeansNothingShowsTheMean) {
  const BrowserResult shown =
      OpenInBrowser(page_, "layer=99&head=x&passage=-1&question=0&word=1e9&shade=no");
  EXPECT_THAT(shown.messages, IsEmpty());
  EXPECT_THAT(shown.Text("map-title"),
              HasSubstr("passage 1, mean of the layers, mean of the heads"));
}

TEST_F(AttentionPageInBrowser, WithoutHeadsOrPassagesItSaysSo) {
  Answer answer = answer_;
  answer.axes = {};
  for (AnswerPassage& passage : answer.passages) {
    passage.tokens.clear();
    passage.parts.clear();
  }
  const BrowserResult sentences = OpenInBrowser(AttentionPage(answer), "layer=1&word=3");
  EXPECT_THAT(sentences.messages, IsEmpty());
  EXPECT_THAT(sentences.Text("notice"), HasSubstr("no attention over words"));
  EXPECT_THAT(sentences.dom, HasSubstr("Anna Thorne kept it."));
  EXPECT_THAT(sentences.Attributes("data-weight"), IsEmpty());
  answer.passages.clear();
  const BrowserResult none = OpenInBrowser(AttentionPage(answer));
  EXPECT_THAT(none.messages, IsEmpty());
  EXPECT_THAT(none.Text("notice"), HasSubstr("No passage was read"));
}

TEST(Browser, AnErrorOfAScriptIsSeen) {
  const BrowserResult shown = OpenInBrowser("<title>t</title><script>nowhere()</script>");
  ASSERT_EQ(shown.messages.size(), 1u);
  EXPECT_THAT(shown.messages[0], HasSubstr("nowhere is not defined"));
}

}  // namespace
}  // namespace fovea::tools
