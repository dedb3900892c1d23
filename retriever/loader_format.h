// What a file is: by its name, and by its first bytes.

#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace fovea {

enum class FileFormat { kText, kMarkdown, kRst, kAsciiDoc, kHtml, kCode, kJsonLines, kSkipped };

// By extension or well-known name; nullopt for those that are not known. kSkipped: images,
// archives, programs and the like, which hold no text to read.
std::optional<FileFormat> FormatByName(const std::filesystem::path& path);

// For files of unknown name: HTML by its first tag, else text.
FileFormat FormatByContent(std::string_view bytes);

// Why a file that begins with these bytes is not text, and what to do about it ("PDF: convert it to
// text first, …"); "" if its first bytes are not of a format known to be binary.
std::string BinaryFormatReason(const std::filesystem::path& path, std::string_view bytes);

}  // namespace fovea
