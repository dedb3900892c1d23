#include "retriever/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "lib/text/utf8.h"
#include "tests/retriever/loader_fixtures.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Document Page(std::string_view html) {
  Document document;
  EXPECT_EQ(LoadHtml(html, document), "");
  return document;
}

std::string TextOf(std::string_view html) { return Page(html).text; }

TEST(LoadHtml, LaysOutBlocks) {
  EXPECT_EQ(TextOf("<h1>Head</h1><p>One\n two<p>Three<br>four<ul><li>a<li>b<ol><li>x<li>y</ol></ul>"
                   "<dl><dt>t<dd>d</dl>end"),
            "Head\n\nOne two\n\nThree\nfour\n\n- a\n- b\n  1. x\n  2. y\n\nt\nd\n\nend");
}

TEST(LoadHtml, TableRowsAreLines) {
  EXPECT_EQ(TextOf("<table><caption>C</caption><tr><th>A<th>B</tr><tr><td><p>1</p><p>2</p><td>"
                   "<tr><td><td>3</table>after"),
            "C\nA | B\n1 2\n | 3\n\nafter");
}

TEST(LoadHtml, TablesThatOnlyPlaceThingsHaveNoRows) {
  EXPECT_EQ(TextOf("<table><tr><td><ul><li>a</ul><td><pre>x\n y</pre></table>"), "- a\n\nx\n y");
}

TEST(LoadHtml, PreformattedLinesAreKept) {
  EXPECT_EQ(TextOf("<p>see<pre>\n\n  int x;  \n\tint <b>y</b>;\n\n\nz\n</pre>after   it"),
            "see\n\n  int x;\n\tint y;\n\n\nz\n\nafter it");
}

TEST(LoadHtml, EntitiesAndSpacesAreDecoded) {
  EXPECT_EQ(TextOf("<p>a&nbsp;&amp;&lt;b&gt; &eacute;&#x20AC; so&shy;ft</p>"), "a &<b> é€ soft");
}

TEST(LoadHtml, ExponentsAreTold) {
  EXPECT_EQ(TextOf("<p>2<sup>64</sup>-1, H<sub>2</sub>O, 1<sup>st</sup>, note<sup><a>3</a></sup>"),
            "2^64-1, H2O, 1st, note 3");
}

TEST(LoadHtml, WhatSurroundsTheTextIsLeftOut) {
  const std::string filler = Repeated("This is the main text of the page. ", 20);
  const std::string text = TextOf(
      "<html><head><title>T</title><style>s{}</style></head><body>"
      "<header>HEADER</header><nav>NAV</nav><div class='menu x'>MENU</div>"
      "<div id=cookie-banner>COOKIE</div><div class=toc>TOC</div><p hidden>HIDDEN</p>"
      "<p style='display : none'>INVISIBLE</p><script>SCRIPT</script><noscript>NOSCRIPT</noscript>"
      "<form>FORM<input value=VALUE></form><button>BUTTON</button><!-- COMMENT -->"
      "<div role=navigation>ROLE</div><h2>Kept<a class=headerlink>PILCROW</a></h2><p>" +
      filler + "</p><footer>FOOTER</footer></body></html>");
  EXPECT_EQ(text, "Kept\n\n" + filler.substr(0, filler.size() - 1));
}

TEST(LoadHtml, WhatHoldsMostOfTheTextIsKeptWhateverItsName) {
  EXPECT_EQ(TextOf("<body><form class=menu><p>All of the page.</p></form></body>"),
            "All of the page.");
}

TEST(LoadHtml, MainIsPreferredWhereItHoldsMostOfTheText) {
  const std::string filler = Repeated("Main text. ", 20);
  EXPECT_THAT(TextOf("<div>around</div><main><p>" + filler + "</main>"), Not(HasSubstr("around")));
  EXPECT_THAT(TextOf("<div>" + filler + "</div><main><p>little</main>"), HasSubstr("Main text."));
  EXPECT_THAT(TextOf("<p>around</p><article>" + filler + "</article>"), Not(HasSubstr("around")));
}

TEST(LoadHtml, SectionsFollowTheHeadings) {
  const Document page = Page("intro<h1>A</h1>x<h3>B <i>b</i></h3>y<h2>C</h2><h2></h2>z");
  EXPECT_THAT(HeadingPaths(page), ElementsAre("", "A", "A > B b", "A > C"));
  std::size_t at = 0;
  for (const Section& section : page.sections) {
    EXPECT_EQ(section.range.begin, at);
    at = section.range.end;
  }
  EXPECT_EQ(at, page.text.size());
  EXPECT_TRUE(Slice(page.text, page.sections[2].range).starts_with("B b"));
}

TEST(LoadHtml, TheTitleFallsBackToTheFirstHeading) {
  EXPECT_EQ(Page("<title> The\n title </title><h1>H</h1>").title, "The title");
  EXPECT_EQ(Page("<title></title><h2>no</h2><h1>H</h1>").title, "H");
  EXPECT_EQ(Page("<p>x<svg><title>icon</title></svg>").title, "");
}

TEST(LoadHtml, TheWordsOfDrawingsAreRead) {
  EXPECT_EQ(TextOf("<p>a</p><svg><title>T</title><text>CREATE</text><text>INDEX</text></svg>b"),
            "a\n\nCREATE INDEX\n\nb");
}

TEST(LoadHtml, DeclaredEncodingsAreFound) {
  EXPECT_EQ(HtmlDeclaredEncoding("<meta charset=Shift_JIS>"), "shift_jis");
  EXPECT_EQ(HtmlDeclaredEncoding(
                "<META http-equiv='Content-Type' content='text/html; charset=iso-8859-2'>"),
            "iso-8859-2");
  EXPECT_EQ(HtmlDeclaredEncoding("<?xml version='1.0' encoding=\"koi8-r\"?><html>"), "koi8-r");
  EXPECT_EQ(HtmlDeclaredEncoding("<p>charset=x"), "");
  EXPECT_EQ(
      Load("a.html", "<meta charset=windows-1251><p>\xCF\xF0\xE8\xE2\xE5\xF2").documents.at(0).text,
      "Привет");
}

// Each of these is quadratic or overflows the stack without limits.
class HostileHtml : public ::testing::TestWithParam<std::pair<const char*, std::string>> {};

TEST_P(HostileHtml, IsReadOrRefusedQuickly) {
  const auto start = std::chrono::steady_clock::now();
  Document document;
  document.name = "x";
  const std::string problem = LoadHtml("<p>needle</p>" + GetParam().second, document);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  EXPECT_LT(elapsed.count(), 30.0);  // milliseconds here; minutes when quadratic
  if (problem.empty()) {
    EXPECT_THAT(document.text.substr(0, 100), HasSubstr("needle"));
    EXPECT_TRUE(IsValidUtf8(document.text));
  }
}

std::string Unclosed(std::string_view tags, int times) { return Repeated(tags, times) + "deep"; }

INSTANTIATE_TEST_SUITE_P(
    All, HostileHtml,
    ::testing::
        Values(
            std::pair{"Divs", Repeated("<div>", 100000) + "deep" + Repeated("</div>", 100000)},
            std::pair{"UnclosedDivs", Unclosed("<div>", 300000)},
            std::pair{"Formatting", Unclosed("<b><i><u><font size=1>", 50000)},
            std::pair{"FormattingOverParagraphs", Unclosed("<b><p>", 100000)},
            std::pair{"MisnestedFormatting", Unclosed("<b><i></b></i><a><div></a>", 50000)},
            std::pair{"Adoption", Unclosed("<a><div></a>", 50000)},
            std::pair{"UnknownElements", Unclosed("<x><div></x>", 50000)},
            std::pair{"Forms", Unclosed("<form><div></form>", 50000)},
            std::pair{"HeadingsOfFormatting", Unclosed("<h1><b></h1>", 50000)},
            std::pair{"DifferentFormatting",
                      [] {
                        std::string html;
                        for (int i = 0; i < 50000; ++i)
                          html += "<p><b id=" + std::to_string(i) + ">x";
                        return html;
                      }()},
            std::pair{"Lists", Unclosed("<ul><li>", 100000)},
            std::pair{"Tables", Unclosed("<table><tr><td>", 50000)},
            std::pair{"TablesClosedThrough", Unclosed("<div><table><td></div>", 50000)},
            std::pair{"FosterParents", "<table>" + Unclosed("x<b>y", 50000)},
            std::pair{"Svg", Unclosed("<svg><g>", 50000)},
            std::pair{"HiddenSvg", Unclosed("<svg><![CDATA[></svg>]]>", 50000)},
            std::pair{"SvgStyles", "<svg><style>" + Unclosed("<g>", 100000)},
            std::pair{"Templates", Unclosed("<template>", 100000)},
            std::pair{"Frames", Unclosed("<frameset>", 100000)},
            std::pair{"Quotes", Unclosed("<q><blockquote>", 50000)},
            std::pair{"EndTags", Unclosed("</p></br></div></x>", 100000)},
            std::pair{
                "Attributes", "<p " + Repeated("a1=b ", 10) + Repeated("x", 1000000) + "=1>t"},
            std::
                pair{
                    "ManyAttributes",
                    [] {
                      std::string tag = "<p";
                      for (int i = 0; i < 100000; ++i) tag += " a" + std::to_string(i);
                      return tag + ">text";
                    }()},
            std::pair{"HugeAttribute", "<p title='" + std::string(20000000, 'x') + "'>t"},
            std::pair{"UnclosedAttribute", "<p title='" + std::string(1000000, '<')},
            std::pair{"LessThanSigns", std::string(1000000, '<')},
            std::pair{"Comments", Unclosed("<!--", 100000)},
            std::pair{"Scripts", Unclosed("<script></scrip", 100000)},
            std::pair{"Entities", Unclosed("&am&#x;&#99999999;&notit;", 100000)},
            std::pair{"Headings", Unclosed("<h1><h2>", 50000)},
            std::pair{"Definitions", Unclosed("<dl><dt><dd>", 50000)},
            std::pair{"Terms", Repeated("<dt>", 100000)},
            std::pair{"Options", "<select>" + Unclosed("<option>", 100000)},
            std::pair{"Nul", std::string("<p>a\0b<\0p>", 10)}),
    [](const auto& test) { return std::string(test.param.first); });

TEST(LoadHtml, TextBelowTheDepthLimitIsKept) {
  EXPECT_THAT(TextOf(Repeated("<div>", 100000) + "<h2>deep</h2><p>down"), HasSubstr("deep"));
}

TEST(LoadHtml, ManyUnclosedParagraphsAndItemsAreNotNested) {
  const Document page = Page(Repeated("<p>a", 3000) + Repeated("<li>b", 3000) + "<table>" +
                             Repeated("<tr><td>c", 3000) + "</table><h1>H</h1>x");
  EXPECT_THAT(HeadingPaths(page), ElementsAre("", "H"));
  EXPECT_THAT(page.text, HasSubstr("a\n\na\n\na"));
}

}  // namespace
}  // namespace fovea
