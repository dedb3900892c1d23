#include "retriever/loader.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "lib/text/utf8.h"
#include "retriever/beir.h"
#include "retriever/encoding.h"
#include "retriever/html.h"
#include "retriever/loader_format.h"
#include "retriever/loader_text.h"
#include "retriever/markdown.h"
#include "retriever/vector_file_name.h"

namespace fovea {
namespace {

void ApplyOutline(MarkupOutline outline, Document& document) {
  if (!outline.title.empty()) document.title = std::move(outline.title);
  document.sections = std::move(outline.sections);
}

// Title, sections and format; for HTML the text too. Returns "" or the reason why not.
std::string Structure(FileFormat format, Document& document) {
  document.sections = {{{}, {0, document.text.size()}}};
  switch (format) {
    case FileFormat::kMarkdown:
      document.format = "markdown";
      ApplyOutline(MarkdownOutline(document.text), document);
      return "";
    case FileFormat::kRst:
      ApplyOutline(RstOutline(document.text), document);
      return "";
    case FileFormat::kAsciiDoc:
      ApplyOutline(AsciiDocOutline(document.text), document);
      return "";
    case FileFormat::kHtml: {
      document.format = "html";
      const std::string html = std::move(document.text);
      return LoadHtml(html, document);
    }
    case FileFormat::kCode:
      document.format = "code";
      return "";
    case FileFormat::kText:
    case FileFormat::kJsonLines:
    case FileFormat::kSkipped:
      return "";
  }
  return "";
}

std::string TooLarge(std::size_t limit) {
  return "larger than " + std::to_string(limit >> 20) + " MiB: split the file";
}

// Why the bytes are not read as text at all; "" if they are.
std::string ReasonAgainst(const std::filesystem::path& path, std::string_view bytes,
                          const LoaderOptions& options) {
  if (bytes.empty()) return "empty";
  if (bytes.size() > options.max_file_bytes) return TooLarge(options.max_file_bytes);
  std::string reason = BinaryFormatReason(path, bytes);
  if (reason.empty() && LooksBinary(bytes)) {
    reason = bytes.substr(0, 8192).find('\0') != std::string_view::npos
                 ? "binary (NUL bytes)"
                 : "binary (control characters)";
  }
  return reason;
}

void WarnOfRepairs(const std::string& name, const DecodedText& decoded, const LoaderSink& sink) {
  if (decoded.repaired_bytes == 0 || !sink.warning) return;
  const bool one = decoded.repaired_bytes == 1;
  sink.warning(EscapeInvalidUtf8(name) + ": " + std::to_string(decoded.repaired_bytes) +
               (one ? " byte is" : " bytes are") + " not valid " + decoded.encoding +
               " and became U+FFFD");
}

}  // namespace

void LoadDocuments(const std::filesystem::path& path, const std::string& name,
                   std::string_view bytes, const LoaderOptions& options, const LoaderSink& sink) {
  const auto skip = [&](std::string reason) {
    if (sink.skipped) sink.skipped({name, std::move(reason), false});
  };
  if (std::string reason = ReasonAgainst(path, bytes, options); !reason.empty()) {
    return skip(std::move(reason));
  }
  std::optional<FileFormat> format = FormatByName(path);
  if (!format || *format == FileFormat::kSkipped) format = FormatByContent(bytes);
  const std::string declared =
      *format == FileFormat::kHtml ? HtmlDeclaredEncoding(bytes) : std::string();
  DecodedText decoded = DecodeText(bytes, declared);
  WarnOfRepairs(name, decoded, sink);
  if (*format == FileFormat::kJsonLines && LooksLikeBeir(decoded.text)) {
    return LoadBeir(name, decoded.text, sink);
  }
  Document document;
  document.name = name;
  document.title = path.filename().string();
  if (!IsValidUtf8(document.title)) document.title = EscapeInvalidUtf8(document.title);
  document.text = std::move(decoded.text);
  document.encoding = std::move(decoded.encoding);
  document.repaired_bytes = decoded.repaired_bytes;
  if (std::string reason = Structure(*format, document); !reason.empty()) {
    return skip(std::move(reason));
  }
  if (TrimText(document.text).empty()) {
    return skip(*format == FileFormat::kHtml ? "no text in the page" : "only white space");
  }
  if (*format == FileFormat::kJsonLines && sink.warning) {
    sink.warning(EscapeInvalidUtf8(name) +
                 ": not BEIR (no `_id` and `text` in its lines), read as plain text");
  }
  if (sink.document) sink.document(std::move(document));
}

bool IsLoadable(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  // fovea's own files, should an index lie among the documents.
  if (name.starts_with("fovea.sqlite") || IsVectorFileName(name)) return false;
  return FormatByName(path) != FileFormat::kSkipped;
}

}  // namespace fovea
