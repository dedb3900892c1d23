#include "retriever/encoding.h"

#include <iconv.h>
#include <uchardet/uchardet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>

#include "lib/base/ascii.h"
#include "lib/text/utf8.h"
#include "retriever/loader_text.h"

namespace fovea {
namespace {

constexpr std::size_t kSniffBytes = 8192;
constexpr std::size_t kDetectBytes = std::size_t{1} << 20;

struct Mark {
  std::string_view bytes;
  const char* encoding;
};

// UTF-32LE before UTF-16LE, whose mark it begins with.
constexpr std::array<Mark, 5> kMarks = {{{kUtf8ByteOrderMark, "UTF-8"},
                                         {std::string_view("\xFF\xFE\0\0", 4), "UTF-32LE"},
                                         {std::string_view("\0\0\xFE\xFF", 4), "UTF-32BE"},
                                         {"\xFF\xFE", "UTF-16LE"},
                                         {"\xFE\xFF", "UTF-16BE"}}};

const Mark* FindMark(std::string_view bytes) {
  for (const Mark& mark : kMarks) {
    if (bytes.starts_with(mark.bytes)) return &mark;
  }
  return nullptr;
}

std::size_t UnitBytes(std::string_view encoding) {
  if (encoding.starts_with("UTF-16")) return 2;
  if (encoding.starts_with("UTF-32")) return 4;
  return 1;
}

// Whether code units of `width` bytes with the significant byte at `position` read as text: nearly
// all are printable ASCII, white space, or at least of one of the scripts below U+2000.
bool ReadsAsWide(std::string_view bytes, std::size_t width, std::size_t low, std::size_t next) {
  std::size_t ascii = 0;
  std::size_t other = 0;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    bool high_zero = true;
    for (std::size_t i = 0; i < width; ++i) {
      if (i != low && i != next && bytes[at + i] != 0) high_zero = false;
    }
    const auto first = static_cast<unsigned char>(bytes[at + low]);
    const auto second = static_cast<unsigned char>(bytes[at + next]);
    const bool text = (first >= 0x20 && first != 0x7F) || (first >= '\t' && first <= '\r');
    if (high_zero && second == 0 && text) {
      ++ascii;
    } else if (!high_zero || second == 0 || second >= 0x20) {
      ++other;  // a control, or a script that is rare next to ASCII
    }
  }
  const std::size_t units = bytes.size() / width;
  return units >= 2 && ascii * 4 >= units && other * 20 <= units;
}

// UTF-16 or UTF-32 without a mark, told by where the zero bytes are; nullptr if it is neither.
const char* DetectWide(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, kSniffBytes);
  if (head.find('\0') == std::string_view::npos) return nullptr;
  if (ReadsAsWide(head, 4, 0, 1)) return "UTF-32LE";
  if (ReadsAsWide(head, 4, 3, 2)) return "UTF-32BE";
  if (ReadsAsWide(head, 2, 0, 1)) return "UTF-16LE";
  if (ReadsAsWide(head, 2, 1, 0)) return "UTF-16BE";
  return nullptr;
}

class Converter {
 public:
  explicit Converter(const std::string& encoding)
      : handle_(iconv_open("UTF-8", encoding.c_str())) {}
  ~Converter() {
    if (valid()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  bool valid() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

  // Appends `bytes` converted; what is ill-formed becomes U+FFFD, `unit` bytes a time. Returns how
  // many bytes were.
  std::int64_t Convert(std::string_view bytes, std::size_t unit, std::string& out) {
    std::int64_t repaired = 0;
    // iconv takes a pointer to non-const for historical reasons; it does not write there.
    char* in = const_cast<char*>(bytes.data());
    std::size_t in_left = bytes.size();
    std::array<char, 32768> buffer;
    bool flushing = false;
    for (;;) {
      char* to = buffer.data();
      std::size_t room = buffer.size();
      const std::size_t result = flushing ? iconv(handle_, nullptr, nullptr, &to, &room)
                                          : iconv(handle_, &in, &in_left, &to, &room);
      const int error = errno;
      out.append(buffer.data(), buffer.size() - room);
      if (result != static_cast<std::size_t>(-1)) {
        if (flushing) return repaired;
        flushing = true;
      } else if (error != E2BIG) {
        if (flushing) return repaired;
        // EINVAL: the input ends inside a character; EILSEQ: this is none.
        const std::size_t skipped = error == EINVAL ? in_left : std::min(unit, in_left);
        AppendUtf8(kReplacementCharacter, out);
        repaired += static_cast<std::int64_t>(skipped);
        in += skipped;
        in_left -= skipped;
      }
    }
  }

 private:
  iconv_t handle_;
};

// uchardet on the part around the first byte that is not ASCII; "" if it cannot tell.
std::string Guess(std::string_view bytes) {
  const auto high = std::find_if(bytes.begin(), bytes.end(),
                                 [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  const auto first = static_cast<std::size_t>(high - bytes.begin());
  const std::string_view sample =
      bytes.substr(first < kDetectBytes / 2 ? 0 : first - kDetectBytes / 4, kDetectBytes);
  const std::unique_ptr<uchardet, decltype(&uchardet_delete)> detector(uchardet_new(),
                                                                       &uchardet_delete);
  if (uchardet_handle_data(detector.get(), sample.data(), sample.size()) != 0) return "";
  uchardet_data_end(detector.get());
  return uchardet_get_charset(detector.get());
}

std::string Upper(std::string_view name) {
  std::string upper;
  for (const char c : TrimText(name)) {
    upper += IsAsciiLower(c) ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return upper;
}

// Windows-1252 is what people mean by Latin-1 (and by ASCII): the two differ in 0x80 … 0x9F alone,
// where Latin-1 has control characters.
std::string Resolve(std::string encoding, std::string_view bytes) {
  if (encoding == "LATIN1" || encoding == "ISO8859-1" || encoding == "US-ASCII" ||
      encoding == "ASCII") {
    encoding = "ISO-8859-1";
  }
  if (encoding != "ISO-8859-1") return encoding;
  const bool c1 = std::any_of(bytes.begin(), bytes.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 && static_cast<unsigned char>(c) < 0xA0;
  });
  return c1 ? "WINDOWS-1252" : "ISO-8859-1";
}

// Quotes, dashes and the bullet of Windows-1252.
bool IsMarkAfterLetter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x91 && byte <= 0x97;
}

// A capital that no word begins with, nor stands alone, nor is of a word in capitals.
bool IsStrayCapital(std::string_view bytes, std::size_t at) {
  const auto byte = static_cast<unsigned char>(bytes[at]);
  if (byte < 0xC0 || byte > 0xDE) return false;
  const char next = at + 1 < bytes.size() ? bytes[at + 1] : ' ';
  const char before = at > 0 ? bytes[at - 1] : ' ';
  if (IsAsciiAlpha(next) || static_cast<unsigned char>(next) >= 0xC0) return false;
  if (before >= 'A' && before <= 'Z') return false;
  return !(IsAsciiSpace(next) && IsAsciiSpace(before));
}

enum class FewBytes { kNoSuchThing, kWindows1252, kDamage };

// A few bytes that are not ASCII in text that is are too little for uchardet, whose answer would be
// a matter of chance. They are either letters and typographic marks of Windows-1252 or damage:
// bytes that it does not have, cut UTF-8, capitals that no word begins with.
FewBytes JudgeFewBytes(std::string_view bytes) {
  constexpr std::size_t kFew = 16;
  std::size_t count = 0;
  bool damage = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto byte = static_cast<unsigned char>(bytes[at]);
    if (byte < 0x80) {
      ++at;
      continue;
    }
    if (++count >= kFew) return FewBytes::kNoSuchThing;
    const Utf8Char c = DecodeUtf8(bytes, at);
    const bool unused = byte == 0x81 || byte == 0x8D || byte == 0x8F || byte == 0x90 ||
                        byte == 0x9D || byte >= 0xFE;
    damage = damage || unused || (c.length > 1 && !IsMarkAfterLetter(bytes[at + 1])) ||
             IsStrayCapital(bytes, at);
    at += static_cast<std::size_t>(c.length);
  }
  if (count * 6 > bytes.size()) return FewBytes::kNoSuchThing;
  return damage ? FewBytes::kDamage : FewBytes::kWindows1252;
}

// Whether bytes that are not valid UTF-8 are damaged UTF-8 rather than of another encoding: most
// of what is not ASCII is well-formed.
bool IsMostlyUtf8(std::string_view bytes) {
  std::size_t good = 0;
  std::size_t bad = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    if (static_cast<unsigned char>(bytes[at]) < 0x80) {
      ++at;
      continue;
    }
    const Utf8Char c = DecodeUtf8(bytes, at);
    ++(c.valid ? good : bad);
    at += static_cast<std::size_t>(c.length);
  }
  return good > 2 * bad;
}

DecodedText Repaired(std::string_view bytes) {
  DecodedText decoded;
  decoded.text = RepairUtf8(bytes, &decoded.repaired_bytes);
  decoded.verbatim = decoded.repaired_bytes == 0;
  return decoded;
}

std::optional<DecodedText> Converted(std::string_view bytes, const std::string& encoding) {
  if (encoding.empty() || encoding == "UTF-8" || encoding == "UTF8") return std::nullopt;
  Converter converter(encoding);
  if (!converter.valid()) return std::nullopt;
  DecodedText decoded;
  decoded.encoding = encoding;
  decoded.verbatim = false;
  decoded.repaired_bytes = converter.Convert(bytes, UnitBytes(encoding), decoded.text);
  // glibc passes on what Unicode does not allow in UTF-8 from a few encodings.
  if (!IsValidUtf8(decoded.text)) decoded.text = RepairUtf8(decoded.text);
  return decoded;
}

}  // namespace

DecodedText DecodeText(std::string_view bytes, std::string_view declared) {
  const std::string declared_name = Upper(declared);
  if (const Mark* mark = FindMark(bytes)) {
    if (mark->bytes == kUtf8ByteOrderMark) return Repaired(bytes);
    return Converted(bytes.substr(mark->bytes.size()), mark->encoding).value_or(Repaired(bytes));
  }
  if (const char* wide = DetectWide(bytes)) {
    if (auto decoded = Converted(bytes, wide)) return *std::move(decoded);
  }
  if (declared_name.starts_with("ISO-2022-")) {
    if (auto decoded = Converted(bytes, declared_name)) return *std::move(decoded);
  }
  if (IsValidUtf8(bytes)) return {std::string(bytes), "UTF-8", 0, true};
  if (IsMostlyUtf8(bytes)) return Repaired(bytes);
  // A page that calls itself UTF-16 in ASCII bytes is wrong about it.
  if (!declared_name.starts_with("UTF-")) {
    if (auto decoded = Converted(bytes, Resolve(declared_name, bytes))) return *std::move(decoded);
  }
  const FewBytes few = JudgeFewBytes(bytes);
  if (few == FewBytes::kDamage) return Repaired(bytes);
  const std::string guess = few == FewBytes::kWindows1252 ? "ISO-8859-1" : Upper(Guess(bytes));
  if (auto decoded = Converted(bytes, Resolve(guess, bytes))) return *std::move(decoded);
  return Repaired(bytes);
}

bool LooksBinary(std::string_view bytes) {
  if (FindMark(bytes) != nullptr || DetectWide(bytes) != nullptr) return false;
  const std::string_view head = bytes.substr(0, kSniffBytes);
  std::size_t controls = 0;
  for (const char c : head) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return true;
    // Terminal logs are full of escapes and backspaces.
    if (byte < 0x20 && !(byte >= '\b' && byte <= '\r') && byte != 0x1B) ++controls;
  }
  return controls * 10 > head.size();
}

}  // namespace fovea
