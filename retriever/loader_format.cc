#include "retriever/loader_format.h"

#include <algorithm>
#include <array>

#include "lib/base/ascii.h"
#include "retriever/loader_text.h"

namespace fovea {
namespace {

// Space-separated lists: easier to read and to add to than tables.
constexpr std::string_view kMarkdownNames = " md markdown mdown mkd mkdn mdwn mdx rmd qmd ";
constexpr std::string_view kRstNames = " rst rest ";
constexpr std::string_view kAsciiDocNames = " adoc asciidoc asc ";
constexpr std::string_view kHtmlNames = " html htm xhtml xht shtml ";
constexpr std::string_view kJsonLinesNames = " jsonl ndjson ";
constexpr std::string_view kTextNames = " txt text log csv tsv tex org srt vtt eml mbox po nfo ";
constexpr std::string_view kCodeNames =
    " c h cc cpp cxx c++ hh hpp hxx h++ inl ipp cu cuh m mm swift rs go java kt kts scala groovy "
    "clj"
    " cljs erl ex exs elm hs ml mli fs fsx fsi cs vb pas pp d nim zig v sv vhd vhdl asm s py pyi "
    "pyx"
    " rb pl pm t php lua tcl r jl sh bash zsh fish ksh bat cmd ps1 psm1 awk sed js mjs cjs jsx ts"
    " tsx vue svelte css scss sass less sql cmake mk make gradle bzl ninja dockerfile proto thrift"
    " graphql json json5 yaml yml toml ini cfg conf properties xml xsd xsl xslt dtd el lisp lsp scm"
    " rkt vim f f77 f90 f95 for ada adb ads cob y l lex patch diff tf hcl nix ";
constexpr std::string_view kSkippedNames =
    // images, sound, video, fonts
    " png jpg jpeg gif bmp tif tiff webp ico icns svg svgz psd xcf heic heif avif raw cr2 nef eps "
    "ps"
    " mp3 wav flac ogg oga opus m4a aac wma mid midi mp4 m4v mkv avi mov wmv webm mpg mpeg flv ogv"
    " ttf otf woff woff2 eot pfb pfm afm"
    // archives and packages
    " zip gz tgz bz2 tbz xz txz zst lz lz4 lzma z 7z rar tar cab iso img dmg deb rpm apk jar war "
    "whl"
    " egg gem crx xpi"
    // programs and what compilers leave behind
    " exe dll so dylib o obj a lib pyc pyo pyd class elc beam wasm bin com msi sys ko pdb map"
    // data bases, numbers, models, keys
    " sqlite sqlite3 db db3 mdb accdb sqlite-wal sqlite-shm sqlite-journal faiss npy npz parquet"
    " feather arrow h5 hdf5 mat pkl pickle pt pth onnx gguf safetensors tflite dat idx pack rdb"
    " swp swo bak tmp lock mo crt der p12 pfx jks ";

bool Holds(std::string_view list, std::string_view word) {
  return word.find(' ') == std::string_view::npos &&
         list.find(std::string(" ").append(word).append(" ")) != std::string_view::npos;
}

std::string LowerExtension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  if (!extension.empty()) extension.erase(0, 1);
  return AsciiLower(extension);
}

struct Magic {
  std::string_view bytes;
  std::string_view reason;
};

constexpr std::string_view kUnpack = "archive: unpack it and index the folder";
constexpr std::array<Magic, 27> kMagics = {{
    {"%PDF-", "PDF: convert it to text first, for example with pdftotext"},
    {"%!PS", "PostScript: convert it to text first, for example with ps2ascii"},
    {std::string_view("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8),
     "old Microsoft Office document: convert it first, for example with soffice --convert-to txt"},
    {"{\\rtf", "RTF: convert it first, for example with soffice --convert-to txt"},
    {"\x1F\x8B", "gzip archive: unpack it first, for example with gunzip"},
    {"BZh", "bzip2 archive: unpack it first, for example with bunzip2"},
    {std::string_view("\xFD"
                      "7zXZ\0",
                      6),
     "xz archive: unpack it first, for example with unxz"},
    {std::string_view("\x28\xB5\x2F\xFD", 4), "Zstandard archive: unpack it first with unzstd"},
    {std::string_view("7z\xBC\xAF\x27\x1C", 6), kUnpack},
    {"Rar!\x1A", kUnpack},
    {"!<arch>\n", kUnpack},
    {"\x89PNG", "image (PNG)"},
    {"\xFF\xD8\xFF", "image (JPEG)"},
    {"GIF87a", "image (GIF)"},
    {"GIF89a", "image (GIF)"},
    {std::string_view("II*\0", 4), "image (TIFF)"},
    {std::string_view("MM\0*", 4), "image (TIFF)"},
    {"RIFF", "sound, video or image (RIFF)"},
    {"OggS", "sound or video (Ogg)"},
    {"fLaC", "sound (FLAC)"},
    {"ID3", "sound (MP3)"},
    {"\x7F"
     "ELF",
     "program (ELF)"},
    {std::string_view("\xCA\xFE\xBA\xBE", 4), "program (Java class or Mach-O)"},
    {std::string_view("\xCF\xFA\xED\xFE", 4), "program (Mach-O)"},
    {std::string_view("SQLite format 3\0", 16), "SQLite database: export it to text first"},
    {"GGUF", "model weights (GGUF)"},
    {std::string_view("\0asm", 4), "program (WebAssembly)"},
}};

std::string ZipReason(const std::filesystem::path& path) {
  const std::string extension = LowerExtension(path);
  if (Holds(" docx docm dotx odt ott ods odp pptx xlsx xlsm pptm ", extension)) {
    return "office document: convert it first, for example with soffice --convert-to txt";
  }
  if (extension == "epub") return "EPUB: convert it to HTML first, for example with pandoc";
  return "ZIP archive: unpack it and index the folder";
}

}  // namespace

std::optional<FileFormat> FormatByName(const std::filesystem::path& path) {
  const std::string extension = LowerExtension(path);
  const std::string name = path.filename().string();
  if (name == "Makefile" || name == "CMakeLists.txt" || name == "Dockerfile" ||
      name == "GNUmakefile" || name == "meson.build" || name == "BUILD" || name == "Rakefile") {
    return FileFormat::kCode;
  }
  if (Holds(kMarkdownNames, extension)) return FileFormat::kMarkdown;
  if (Holds(kHtmlNames, extension)) return FileFormat::kHtml;
  if (Holds(kJsonLinesNames, extension)) return FileFormat::kJsonLines;
  if (Holds(kRstNames, extension)) return FileFormat::kRst;
  if (Holds(kAsciiDocNames, extension)) return FileFormat::kAsciiDoc;
  if (Holds(kTextNames, extension)) return FileFormat::kText;
  if (Holds(kCodeNames, extension)) return FileFormat::kCode;
  if (Holds(kSkippedNames, extension)) return FileFormat::kSkipped;
  return std::nullopt;
}

FileFormat FormatByContent(std::string_view bytes) {
  const std::string head = AsciiLower(TrimText(bytes.substr(0, 1024)).substr(0, 512));
  const bool html = head.starts_with("<!doctype html") || head.starts_with("<html") ||
                    (head.starts_with("<?xml") && head.find("<html") != std::string::npos) ||
                    (head.starts_with("<!--") && head.find("<html") != std::string::npos);
  return html ? FileFormat::kHtml : FileFormat::kText;
}

std::string BinaryFormatReason(const std::filesystem::path& path, std::string_view bytes) {
  if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06")) return ZipReason(path);
  for (const Magic& magic : kMagics) {
    if (!bytes.starts_with(magic.bytes)) continue;
    // Short marks of printable characters also begin ordinary text ("ID3 tags are …").
    const bool printable = std::all_of(magic.bytes.begin(), magic.bytes.end(),
                                       [](char c) { return c >= 0x20 && c < 0x7F; });
    if (printable && !magic.bytes.starts_with("%") && !magic.bytes.starts_with("{") &&
        bytes.substr(0, 8192).find('\0') == std::string_view::npos) {
      continue;
    }
    return std::string(magic.reason);
  }
  return "";
}

}  // namespace fovea
