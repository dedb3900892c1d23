#include "retriever/chunker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>

#include "lib/text/utf8.h"
#include "retriever/markdown.h"
#include "tests/retriever/loader_fixtures.h"
#include "tests/support/expect_error.h"
#include "tests/support/models.h"

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WordPiece& TestTokenizer() {
  static const std::unique_ptr<WordPiece> tokenizer = WordPiece::Load(TestEmbedderFolder());
  return *tokenizer;
}

std::vector<Chunk> Chunks(const Document& document, int tokens, int overlap) {
  ChunkerOptions options;
  options.chunk_tokens = tokens;
  options.overlap_tokens = overlap;
  return ChunkDocument(document, TestTokenizer(), options);
}

std::vector<std::string> Texts(const Document& document, const std::vector<Chunk>& chunks) {
  std::vector<std::string> texts;
  for (const Chunk& chunk : chunks) texts.emplace_back(Slice(document.text, chunk.range));
  return texts;
}

Document Plain(std::string text) {
  Document document;
  document.sections = {{{}, {0, text.size()}}};
  document.text = std::move(text);
  return document;
}

Document Markdown(std::string_view text) { return Load("a.md", text).documents.at(0); }

TEST(ChunkDocument, FillsChunksWithWholeSentences) {
  const Document document = Plain("One two three. Four five six.  Seven eight nine. Ten.");
  EXPECT_THAT(Texts(document, Chunks(document, 8, 0)),
              ElementsAre("One two three. Four five six.", "Seven eight nine. Ten."));
}

TEST(ChunkDocument, RepeatsWholeSentencesUpToTheOverlap) {
  const Document document = Plain("One two three. Four five six. Seven eight nine. Ten.");
  EXPECT_THAT(Texts(document, Chunks(document, 8, 4)),
              ElementsAre("One two three. Four five six.", "Four five six. Seven eight nine.",
                          "Seven eight nine. Ten."));
  // What is repeated gives way where both do not fit.
  EXPECT_THAT(Texts(document, Chunks(document, 7, 6)),
              ElementsAre("One two three.", "Four five six.", "Seven eight nine. Ten."));
}

TEST(ChunkDocument, NeverCrossesHeadings) {
  const Document document =
      Markdown("Start.\n\n# A\n\nText a.\n\n## B\n\nText b.\n\n# C\n\nText c.\n");
  const std::vector<Chunk> chunks = Chunks(document, 160, 32);
  ASSERT_THAT(chunks, SizeIs(4));
  EXPECT_EQ(chunks[0].heading, "");
  EXPECT_EQ(chunks[2].heading, "A > B");
  EXPECT_THAT(Texts(document, chunks),
              ElementsAre("Start.", "# A\n\nText a.", "## B\n\nText b.", "# C\n\nText c."));
}

TEST(ChunkDocument, AHeadingAloneIsNoChunkWhereTheNextSectionNamesIt) {
  const Document document = Markdown("# *Top*\n\n## Inner\n\nText.\n\n# Leaf\n");
  const std::vector<Chunk> chunks = Chunks(document, 160, 32);
  EXPECT_THAT(Texts(document, chunks), ElementsAre("## Inner\n\nText.", "# Leaf"));
  EXPECT_EQ(chunks[0].heading, "Top > Inner");
}

TEST(ChunkDocument, AHeadingAloneAboveTheFirstIsNoChunk) {
  const Document document =
      Markdown("## Site\n\n## Page\n\nText.\n\n## Empty\n\n## Last\n\nEnd.\n");
  EXPECT_THAT(Texts(document, Chunks(document, 160, 32)),
              ElementsAre("## Page\n\nText.", "## Empty", "## Last\n\nEnd."));
}

TEST(ChunkDocument, LongSentencesAreCutAtWordBorders) {
  const Document document = Plain("one two three four five six seven eight nine ten");
  EXPECT_THAT(Texts(document, Chunks(document, 4, 3)),
              ElementsAre("one two three four", "five six seven eight", "nine ten"));
}

TEST(ChunkDocument, LongWordsAreCutAtCharacterBorders) {
  const Document document = Plain("日本語日本語日本語日本語");
  for (const Chunk& chunk : Chunks(document, 5, 0)) {
    EXPECT_TRUE(IsValidUtf8(Slice(document.text, chunk.range)));
    EXPECT_LE(chunk.tokens, 5);
  }
  const Document path = Plain("a/b/c/d/e/f/g/h");
  EXPECT_THAT(Texts(path, Chunks(path, 4, 0)), ElementsAre("a/b/", "c/d/", "e/f/", "g/h"));
}

TEST(ChunkDocument, ZeroTokensMeansOneChunk) {
  const Document document = Markdown("\xEF\xBB\xBF  # A\n\nText a.\n\n# B\n\nText b.\n\n");
  const std::vector<Chunk> chunks = Chunks(document, 0, 0);
  ASSERT_THAT(chunks, SizeIs(1));
  EXPECT_EQ(Slice(document.text, chunks[0].range), "# A\n\nText a.\n\n# B\n\nText b.");
  EXPECT_EQ(chunks[0].tokens, TestTokenizer().Count(document.text));
}

TEST(ChunkDocument, NoTextGivesNoChunk) {
  for (const char* text : {"", " \n\t", "\xEF\xBB\xBF", "\xC2\xA0\xE3\x80\x80"}) {
    EXPECT_THAT(Chunks(Plain(text), 160, 32), IsEmpty());
    EXPECT_THAT(Chunks(Plain(text), 0, 0), IsEmpty());
  }
  EXPECT_THAT(Chunks(Document(), 160, 32), IsEmpty());
}

TEST(ChunkerOptions, RefusesWhatMakesNoSense) {
  EXPECT_ERROR(Chunks(Plain("x"), -1, 0), ErrorCode::kInvalidArgument, "chunk_tokens");
  EXPECT_ERROR(Chunks(Plain("x"), 32, 32), ErrorCode::kInvalidArgument, "overlap_tokens");
  EXPECT_ERROR(Chunks(Plain("x"), 32, -1), ErrorCode::kInvalidArgument, "overlap_tokens");
}

// Text of words, punctuation, headings, scripts and junk, as a seed makes it.
std::string RandomMarkdown(std::mt19937& random) {
  static const std::vector<std::string> kPieces = {
      "word",
      "another",
      "of",
      "it",
      "antidisestablishmentarianism",
      "3.14",
      "e.g.",
      "naïve",
      "日本語",
      "Ελληνικά",
      "\xF0\x9F\x98\x80",
      "U.S.",
      ".",
      "!",
      "?",
      ",",
      "\n",
      "\n\n",
      "\r\n",
      "\t",
      "  ",
      "\n# Head\n",
      "\n## Sub head\n\n",
      "\n### Deep\n",
      "- item",
      "| a | b",
      "[SEP]",
      "\xE2\x80\x8B",
      "\xC2\xA0",
      "`code()`",
      "a/b/c/d/e/f/g/h/i/j/k",
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
      std::string(300, 'x'),
      std::string("\0", 1),
      "é\xCC\x81\xCC\x82"};
  std::string text;
  const int count = std::uniform_int_distribution<int>(0, 400)(random);
  for (int i = 0; i < count; ++i) {
    text += kPieces[std::uniform_int_distribution<std::size_t>(0, kPieces.size() - 1)(random)];
    if (random() % 3 != 0) text += ' ';
  }
  return text;
}

bool IsSpaceOrMark(std::string_view character) {
  return character.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos ||
         character == "\xC2\xA0" || character == "\xEF\xBB\xBF";
}

// The section of a byte.
std::size_t SectionOf(const Document& document, std::size_t at) {
  std::size_t section = 0;
  while (section + 1 < document.sections.size() &&
         document.sections[section + 1].range.begin <= at) {
    ++section;
  }
  return section;
}

void CheckChunks(const Document& document, int limit, int overlap) {
  const std::vector<Chunk> chunks = Chunks(document, limit, overlap);
  const std::string_view text = document.text;
  std::vector<bool> covered(text.size());
  std::vector<bool> has_chunk(document.sections.size());
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const ByteRange range = chunks[i].range;
    ASSERT_LT(range.begin, range.end);
    ASSERT_LE(range.end, text.size());
    const std::string_view slice = Slice(text, range);
    EXPECT_TRUE(IsValidUtf8(slice));
    EXPECT_FALSE(IsSpaceOrMark(slice.substr(0, 1)));
    EXPECT_FALSE(IsSpaceOrMark(slice.substr(slice.size() - 1)));
    EXPECT_LE(chunks[i].tokens, limit);
    EXPECT_LE(TestTokenizer().Count(slice), limit);
    EXPECT_LE(slice.size(), static_cast<std::size_t>(limit) * kMaxBytesPerToken);
    const std::size_t section = SectionOf(document, range.begin);
    EXPECT_EQ(section, SectionOf(document, range.end - 1));
    has_chunk[section] = true;
    std::fill(covered.begin() + static_cast<std::ptrdiff_t>(range.begin),
              covered.begin() + static_cast<std::ptrdiff_t>(range.end), true);
    if (i == 0) continue;
    EXPECT_GE(range.begin, chunks[i - 1].range.begin);
    EXPECT_GT(range.end, chunks[i - 1].range.end);
    if (range.begin < chunks[i - 1].range.end) {
      EXPECT_LE(TestTokenizer().Count(Slice(text, {range.begin, chunks[i - 1].range.end})),
                overlap);
    }
  }
  for (std::size_t at = 0; at < text.size();) {
    const auto length = static_cast<std::size_t>(DecodeUtf8(text, at).length);
    const std::size_t section = SectionOf(document, at);
    if (!covered[at] && !IsSpaceOrMark(text.substr(at, length))) {
      // Only headings that the next section carries, or that the document begins with.
      ASSERT_FALSE(has_chunk[section]) << "at " << at << " in: " << text;
      ASSERT_LT(section + 1, document.sections.size());
      EXPECT_FALSE(document.sections[section].heading_path.empty());
      const bool carried = document.sections[section + 1].heading_path.size() >
                           document.sections[section].heading_path.size();
      const std::size_t first = text.find_first_not_of(" \t\r\n");
      EXPECT_TRUE(carried || SectionOf(document, first) == section);
    }
    at += length;
  }
}

TEST(ChunkDocument, HoldsItsPromisesOnRandomDocuments) {
  std::mt19937 random(20250601);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    Document document;
    document.text = RandomMarkdown(random);
    document.sections = MarkdownOutline(document.text).sections;
    const int limit = std::uniform_int_distribution<int>(6, 80)(random);
    const int overlap = std::uniform_int_distribution<int>(0, limit - 1)(random);
    CheckChunks(document, limit, overlap);
    if (HasFatalFailure()) return;
  }
}

TEST(ChunkDocument, OneHugeLineTakesLinearTime) {
  // Words, one word of digits, a word of many tokens, and nothing to see.
  for (const auto& [piece, bytes] :
       {std::pair{std::string("lorem ipsum "), 20'000'000},
        std::pair{std::string("0123456789"), 4'000'000}, std::pair{std::string("a-b-"), 4'000'000},
        std::pair{std::string("\xE2\x80\x8B"), 4'000'000}}) {
    const Document document = Plain(Repeated(piece, bytes / static_cast<int>(piece.size())));
    const auto start = std::chrono::steady_clock::now();
    const std::vector<Chunk> chunks = Chunks(document, 160, 32);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    EXPECT_GT(chunks.size(), 300u);
    EXPECT_LT(elapsed.count(), 60.0);  // a second or two; hours when quadratic
  }
}

TEST(ContextualText, PutsTitleAndHeadingInFront) {
  EXPECT_EQ(ContextualText("T", "A > B", "x"), "T > A > B\nx");
  EXPECT_EQ(ContextualText("", "A", "x"), "A\nx");
  EXPECT_EQ(ContextualText("T", "", "x"), "T x");
  EXPECT_EQ(ContextualText("", "", "x"), "x");
}

TEST(ContextualText, DoesNotRepeatItself) {
  EXPECT_EQ(ContextualText("A", "A > B", "x"), "A > B\nx");
  EXPECT_EQ(ContextualText("A", "A", "x"), "A\nx");
  EXPECT_EQ(ContextualText("A", "AB", "x"), "A > AB\nx");
  EXPECT_EQ(ContextualText("only a title", "", "only a title"), "only a title");
}

}  // namespace
}  // namespace fovea
