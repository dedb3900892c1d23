// Mutated files of every kind: loading and its ranges hold, whatever the bytes.

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "lib/text/utf8.h"
#include "tests/retriever/loader_fixtures.h"

namespace fovea {
namespace {

using namespace std::string_literals;

struct Seed {
  std::string name;
  std::string bytes;
};

const std::vector<Seed>& Seeds() {
  static const std::vector<Seed> seeds = {
      {"a.txt", "Plain text. With sentences!\r\n\r\nÜber 日本語 \xF0\x9F\x98\x80 end.\n"},
      {"a.md",
       "---\ntitle: T\n---\n# A\n\ntext `x`\n\n```\n# code\n```\n\nB\n---\n- [l](u)\n\n## C ##\n"},
      {"a.rst", "=====\nTitle\n=====\n\ntext\n\nSub\n---\n\nmore\n"},
      {"a.adoc", "= T\n\n== A\n\n----\ncode\n----\n\n=== B\ntext\n"},
      {"a.html",
       "<!DOCTYPE html><html><head><meta charset=utf-8><title>T &amp; U</title><style>x{}</style>"
       "</head><body><nav>n</nav><main><h1 id=\"a\">H</h1><p class='x y' hidden>p<br>q<b>r<i>s</b>t"
       "</i><table><tr><th>a<td>b<tr><td><ul><li>c<ol start=3><li>d</table><pre>\n l\n  m</pre>"
       "<svg><text>w</text><![CDATA[z]]></svg><dl><dt>x<dd>y</dl>2<sup>3</sup><q>q</q><!-- c -->"
       "<select><option>o</select><template><p>t</template><math><mi>x</math></main>"
       "<script>if(a<b){}</script><textarea><b></textarea><form><input></form></body></html>"},
      {"page", "<html><p>unknown name&#x41;&eacute;&bogus;</p>"},
      {"corpus.jsonl",
       "{\"_id\": \"1\", \"title\": \"T\", \"text\": \"Body \\u00e9\", \"k\": [1, {\"a\": null}]}\n"
       "{\"_id\": 2, \"text\": \"Second\"}\n"},
      {"a.cc", "int main() {\n  return 0;  // x\n}\n"},
      {"wide.txt", "\xFF\xFEh\0e\0l\0l\0o\0 \0\x3D\xD8\x00\xDE\n\0"s},
      {"latin.txt",
       "Le caf\xE9 \xE9tait ferm\xE9 \xE0 midi, pr\xE8s du ch\xE2teau; d\xE9j\xE0 vu"}};
  return seeds;
}

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::size_t Below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  void Mutate(std::string& bytes) {
    static const std::vector<std::string> kTokens = {
        "<",           ">",          "</",        "<table>",
        "<svg>",       "<b>",        "</p>",      "<!--",
        "-->",         "<![CDATA[",  "&#",        "\"",
        "'",           "<template>", "</html>",   "<frameset>",
        "<plaintext>", "<h1>",       "</h1>",     "<select>",
        "<body>",      "<math>",     "<caption>", "<a>",
        "<button>",    "<form>",     "<pre>",     "<tr>",
        "\0"s,         "\xFF",       "\xC3",      "\xEF\xBB\xBF",
        "\xFE\xFF",    "\r",         "\n",        "# ",
        "---\n",       "```\n",      "{",         "}",
        "[",           "\\u",        "====\n",    "\xE2\x80\xA8"};
    const std::size_t at = Below(bytes.size() + 1);
    switch (Below(6)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(Below(256));
        break;
      case 1:
        bytes.erase(at, Below(16) + 1);
        break;
      case 2:
        bytes.insert(at, kTokens[Below(kTokens.size())]);
        break;
      case 3: {
        const std::string copy = bytes.substr(at, Below(64) + 1);
        bytes.insert(Below(bytes.size() + 1), copy);
        break;
      }
      case 4:
        bytes.resize(at);
        break;
      default: {
        const Seed& other = Seeds()[Below(Seeds().size())];
        bytes.insert(at, other.bytes.substr(Below(other.bytes.size()), Below(64)));
      }
    }
  }

 private:
  std::mt19937 random_;
};

void CheckDocument(const Document& document) {
  ASSERT_TRUE(IsValidUtf8(document.text));
  ASSERT_TRUE(IsValidUtf8(document.title));
  ASSERT_GE(document.repaired_bytes, 0);
  ASSERT_FALSE(document.text.empty());
  ASSERT_TRUE(nlohmann::json::parse(document.metadata_json).is_object());
  std::size_t at = 0;
  for (const Section& section : document.sections) {
    ASSERT_EQ(section.range.begin, at);
    ASSERT_LE(section.range.begin, section.range.end);
    at = section.range.end;
    ASSERT_EQ(FloorToCharacter(document.text, at), at);
    for (const std::string& heading : section.heading_path) ASSERT_TRUE(IsValidUtf8(heading));
  }
  ASSERT_EQ(at, document.text.size());
}

TEST(LoaderFuzz, AnyBytesGiveSoundDocumentsOrAReason) {
  Mutator mutator(20250602);
  for (int round = 0; round < 20000; ++round) {
    const Seed& seed = Seeds()[static_cast<std::size_t>(round) % Seeds().size()];
    std::string bytes = seed.bytes;
    for (std::size_t i = mutator.Below(12) + 1; i > 0; --i) mutator.Mutate(bytes);
    SCOPED_TRACE("round " + std::to_string(round) + ", " + seed.name);
    const Loaded loaded = Load(seed.name, bytes);
    EXPECT_GE(loaded.documents.size() + loaded.skipped.size(), 1u);
    for (const Document& document : loaded.documents) CheckDocument(document);
    for (const SkippedDocument& skipped : loaded.skipped) EXPECT_NE(skipped.reason, "");
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace fovea
