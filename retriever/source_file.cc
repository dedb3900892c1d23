#include "retriever/source_file.h"

#include <chrono>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/hash.h"

namespace fovea {
namespace {

// Documents of larger files are not kept all at once.
constexpr std::size_t kStreamBytes = std::size_t{4} << 20;
// The coarsest step of file times that is common (FAT).
constexpr std::int64_t kTimeStepNs = 2'000'000'000;

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void HashField(ContentHasher& hasher, std::string_view field) {
  hasher.Update(std::to_string(field.size()) + ":");
  hasher.Update(field);
}

// "docs/a.txt: cannot be opened: Permission denied" without the name, which is told beside it.
std::string ReasonWithoutName(const std::string& name, const std::string& message) {
  return message.starts_with(name + ": ") ? message.substr(name.size() + 2) : message;
}

std::optional<std::string> ReadOrFail(const SourceFile& file, const LoaderOptions& options,
                                      LoadedFile& loaded) {
  const bool too_large =
      file.size >= 0 && static_cast<std::size_t>(file.size) > options.max_file_bytes;
  try {
    if (!too_large) return ReadFile(file.name, options.max_file_bytes);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) {
      loaded.failure = {file.name, ReasonWithoutName(file.name, error.what()), true};
      return std::nullopt;
    }
  }
  loaded.failure = {
      file.name,
      "larger than " + std::to_string(options.max_file_bytes >> 20) + " MiB: split the file",
      false};
  return std::nullopt;
}

void WarnOfRepeats(LoadedFile& loaded, const std::string& source, std::size_t seen) {
  const std::size_t repeats = seen - loaded.last_of_name.size();
  if (repeats == 0) return;
  loaded.warnings.push_back(source + ": " + std::to_string(repeats) +
                            " documents have the name of a later one and were replaced by it");
}

void LoadAll(const SourceFile& file, std::string_view bytes, const LoaderOptions& options,
             bool keep, LoadedFile& loaded) {
  std::size_t seen = 0;
  LoaderSink sink;
  sink.document = [&](Document document) {
    loaded.last_of_name.insert_or_assign(document.name, seen);
    ++seen;
    if (keep) {
      std::string hash = HashOf(document);
      loaded.documents.emplace_back(std::move(document), std::move(hash));
    }
  };
  sink.skipped = [&](SkippedDocument skipped) { loaded.skipped.push_back(std::move(skipped)); };
  sink.warning = [&](std::string warning) { loaded.warnings.push_back(std::move(warning)); };
  LoadDocuments(file.name, file.name, bytes, options, sink);
  loaded.document_count = loaded.last_of_name.size();
  WarnOfRepeats(loaded, file.name, seen);
}

}  // namespace

std::string HashOf(const Document& document) { return HashOf(document, document.title); }

std::string HashOf(const Document& document, std::string_view title) {
  ContentHasher hasher;
  HashField(hasher, title);
  HashField(hasher, document.text);
  HashField(hasher, document.metadata_json);
  HashField(hasher, document.format);
  for (const Section& section : document.sections) {
    HashField(hasher,
              std::to_string(section.range.begin) + "-" + std::to_string(section.range.end));
    HashField(hasher, std::to_string(section.heading_path.size()));
    for (const std::string& heading : section.heading_path) HashField(hasher, heading);
  }
  return hasher.Hex();
}

bool IsFileNameTitle(std::string_view title, const std::string& document_name) {
  return !title.empty() && title == std::filesystem::path(document_name).filename().string();
}

bool LooksUnchanged(const SourceFile& file, const SourceRecord& stored) {
  return !stored.content_hash.empty() && stored.modified_ns != -1 && stored.size == file.size &&
         stored.modified_ns == file.modified_ns;
}

LoadedFile LoadFile(const SourceFile& file, const SourceRecord* stored,
                    const LoaderOptions& options) {
  LoadedFile loaded;
  const std::int64_t read_at = NowNs();
  std::optional<std::string> bytes = ReadOrFail(file, options, loaded);
  if (!bytes) return loaded;
  const bool young = file.modified_ns > read_at - kTimeStepNs;
  loaded.record = {.path = file.name,
                   .content_hash = ContentHash(*bytes),
                   .size = file.size,
                   .modified_ns = young ? -1 : file.modified_ns};
  if (stored != nullptr && stored->content_hash == loaded.record.content_hash) {
    loaded.unchanged = true;
    return loaded;
  }
  const bool large = bytes->size() > kStreamBytes;
  LoadAll(file, *bytes, options, !large, loaded);
  if (large) loaded.bytes = std::move(*bytes);
  return loaded;
}

void VisitDocuments(const LoadedFile& file, const LoaderOptions& options,
                    const std::function<bool(const Document&, const std::string& hash)>& visit) {
  std::size_t seen = 0;
  bool more = true;
  const auto is_last = [&](const std::string& name) { return file.last_of_name.at(name) == seen; };
  for (const auto& [document, hash] : file.documents) {
    if (more && is_last(document.name)) more = visit(document, hash);
    ++seen;
  }
  if (file.bytes.empty()) return;
  LoaderSink sink;
  sink.document = [&](const Document& document) {
    if (more && is_last(document.name)) more = visit(document, HashOf(document));
    ++seen;
  };
  LoadDocuments(file.record.path, file.record.path, file.bytes, options, sink);
}

}  // namespace fovea
