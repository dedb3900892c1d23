#include "retriever/encoding.h"

#include <gtest/gtest.h>

#include <string>

namespace fovea {
namespace {

using namespace std::string_literals;

// Written out unit by unit, not by the converter under test.
std::string Utf16(std::u16string_view text, bool big_endian) {
  std::string bytes;
  for (const char16_t unit : text) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xFF);
    bytes += big_endian ? high : low;
    bytes += big_endian ? low : high;
  }
  return bytes;
}

std::string Utf32(std::u32string_view text, bool big_endian) {
  std::string bytes;
  for (const char32_t unit : text) {
    for (int i = 0; i < 4; ++i) {
      bytes += static_cast<char>((unit >> (big_endian ? 24 - 8 * i : 8 * i)) & 0xFF);
    }
  }
  return bytes;
}

TEST(DecodeText, ValidUtf8IsLeftByteForByteWithItsMark) {
  const std::string text =
      "\xEF\xBB\xBF"
      "caf\xC3\xA9\r\nna\xC3\xAFve \xF0\x9F\x98\x80\r\n";
  const DecodedText decoded = DecodeText(text);
  EXPECT_EQ(decoded.text, text);
  EXPECT_EQ(decoded.encoding, "UTF-8");
  EXPECT_EQ(decoded.repaired_bytes, 0);
  EXPECT_TRUE(decoded.verbatim);
}

TEST(DecodeText, MarksTellUtf16AndUtf32) {
  const std::string expected =
      "Gr\xC3\xBC\xC3\x9F"
      "e \xF0\x9F\x98\x80\n";
  for (const bool big_endian : {false, true}) {
    const DecodedText wide = DecodeText(Utf16(u"\uFEFFGrüße \U0001F600\n", big_endian));
    EXPECT_EQ(wide.text, expected);
    EXPECT_EQ(wide.encoding, big_endian ? "UTF-16BE" : "UTF-16LE");
    EXPECT_FALSE(wide.verbatim);
    const DecodedText wider = DecodeText(Utf32(U"\uFEFFGrüße \U0001F600\n", big_endian));
    EXPECT_EQ(wider.text, expected);
    EXPECT_EQ(wider.encoding, big_endian ? "UTF-32BE" : "UTF-32LE");
  }
}

TEST(DecodeText, Utf16AndUtf32WithoutAMarkAreRecognised) {
  for (const bool big_endian : {false, true}) {
    const DecodedText wide = DecodeText(Utf16(u"The quick brown fox, über.\r\n", big_endian));
    EXPECT_EQ(wide.text,
              "The quick brown fox, \xC3\xBC"
              "ber.\r\n");
    EXPECT_EQ(wide.encoding, big_endian ? "UTF-16BE" : "UTF-16LE");
    const DecodedText wider = DecodeText(Utf32(U"The quick brown fox.", big_endian));
    EXPECT_EQ(wider.text, "The quick brown fox.");
  }
}

TEST(DecodeText, LoneSurrogatesAndOddBytesAreRepairedAndCounted) {
  const std::string lone = "\xFF\xFE"s + Utf16(u"ab", false) + "\x00\xD8"s + Utf16(u"cd", false);
  const DecodedText surrogate = DecodeText(lone);
  EXPECT_EQ(surrogate.text,
            "ab\xEF\xBF\xBD"
            "cd");
  EXPECT_EQ(surrogate.repaired_bytes, 2);
  const DecodedText odd = DecodeText("\xFF\xFE"s + Utf16(u"ab", false) + "c");
  EXPECT_EQ(odd.text, "ab\xEF\xBF\xBD");
  EXPECT_EQ(odd.repaired_bytes, 1);
}

TEST(DecodeText, DamagedUtf8IsRepairedNotTakenForAnotherEncoding) {
  const std::string good = "Über die Brücke gehen wir täglich, schön wär's. ";
  const DecodedText decoded = DecodeText(good + "\xC3(" + good + "\xF0\x9F\x98" + good);
  EXPECT_EQ(decoded.text, good + "\xEF\xBF\xBD(" + good + "\xEF\xBF\xBD" + good);
  EXPECT_EQ(decoded.encoding, "UTF-8");
  EXPECT_EQ(decoded.repaired_bytes, 4);
  EXPECT_FALSE(decoded.verbatim);
}

TEST(DecodeText, LatinOneIsConverted) {
  const DecodedText decoded = DecodeText(
      "Le caf\xE9 \xE9tait ferm\xE9 \xE0 midi; la for\xEAt pr\xE8s du ch\xE2teau, d\xE9serte. "
      "Il a \xE9t\xE9 tr\xE8s d\xE9\xE7u.");
  EXPECT_EQ(decoded.text,
            "Le café était fermé à midi; la forêt près du château, déserte. Il a été très déçu.");
  EXPECT_EQ(decoded.repaired_bytes, 0);
}

TEST(DecodeText, WindowsQuotesAndDashesAreConverted) {
  const DecodedText decoded = DecodeText(
      "He said \x93hello\x94 \x96 and that was it. It\x92s the caf\xE9\x92s door, \x93yes\x94.");
  EXPECT_EQ(decoded.text, "He said “hello” – and that was it. It’s the café’s door, “yes”.");
  EXPECT_EQ(decoded.encoding, "WINDOWS-1252");
}

TEST(DecodeText, AFewStrayBytesInAsciiAreDamageWhereTheyAreNoLetters) {
  for (const auto& [bytes, repaired] : {std::pair{"some text \xFF\xFE with junk in it", 2},
                                        std::pair{"a cut euro sign \xE2\x82 in plain text", 2},
                                        std::pair{"the well-known pair \xC3\x28 of the tests", 1},
                                        std::pair{"an overlong slash \xC0\xAF in a path", 2}}) {
    const DecodedText decoded = DecodeText(bytes);
    EXPECT_EQ(decoded.encoding, "UTF-8") << bytes;
    EXPECT_EQ(decoded.repaired_bytes, repaired) << bytes;
  }
  const DecodedText letters = DecodeText("One caf\xE9, that is all there is in this text.");
  EXPECT_EQ(letters.text, "One café, that is all there is in this text.");
  EXPECT_EQ(letters.encoding, "ISO-8859-1");
}

TEST(DecodeText, ShiftJisAndCyrillicAreRecognised) {
  // "日本語の文章です。これはテストです。" three times
  const std::string sentence =
      "\x93\xFA\x96{"
      "\x8C\xEA\x82\xCC\x95\xB6\x8F\xCD\x82\xC5\x82\xB7\x81\x42\x82\xB1\x82\xEA\x82\xCD"
      "\x83\x65\x83\x58\x83\x67\x82\xC5\x82\xB7\x81\x42";
  const DecodedText japanese = DecodeText(sentence + sentence + sentence);
  EXPECT_EQ(japanese.text.substr(0, std::string("日本語の文章です。").size()),
            "日本語の文章です。");
  // "Привет, как дела? Это простой русский текст." in KOI8-R
  const DecodedText russian = DecodeText(
      "\xF0\xD2\xC9\xD7\xC5\xD4, \xCB\xC1\xCB \xC4\xC5\xCC\xC1? \xFC\xD4\xCF "
      "\xD0\xD2\xCF\xD3\xD4\xCF"
      "\xCA \xD2\xD5\xD3\xD3\xCB\xC9\xCA \xD4\xC5\xCB\xD3\xD4.");
  EXPECT_EQ(russian.text, "Привет, как дела? Это простой русский текст.");
  EXPECT_EQ(russian.encoding, "KOI8-R");
}

TEST(DecodeText, ADeclaredEncodingIsBelievedUnlessTheBytesAreUtf8) {
  EXPECT_EQ(DecodeText("\xCF\xF0\xE8\xE2\xE5\xF2", "windows-1251").text, "Привет");
  EXPECT_EQ(DecodeText("na\xC3\xAFve", "iso-8859-1").text, "naïve");
  EXPECT_EQ(DecodeText("\x1B$B$3$l\x1B(B", "ISO-2022-JP").text, "これ");
  EXPECT_EQ(DecodeText("plain", "no-such-encoding").text, "plain");
}

TEST(LooksBinary, TellsTextWithNulsFarInsideFromBinary) {
  EXPECT_TRUE(LooksBinary("abc\0def"s));
  EXPECT_FALSE(LooksBinary(std::string(9000, 'a') + "\0b"s));
  EXPECT_FALSE(LooksBinary(Utf16(u"hello world, this is text", false)));
  EXPECT_FALSE(LooksBinary(Utf16(u"\uFEFFこれは", true)));
  EXPECT_FALSE(LooksBinary("\x1B[31mred\x1B[0m plain"));
  EXPECT_TRUE(LooksBinary("\x01\x02\x03\x04\x05\x06 xyz"));
  EXPECT_FALSE(LooksBinary(""));
}

TEST(DecodeText, SmallIntegersAreNotTakenForUtf16) {
  std::string numbers;
  for (int i = 0; i < 4000; ++i) {
    numbers += static_cast<char>(i % 32);
    numbers += '\0';
  }
  EXPECT_TRUE(LooksBinary(numbers));
}

}  // namespace
}  // namespace fovea
