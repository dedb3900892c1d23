// Which files a list of paths stands for.
//
// Folders are walked recursively. Left out: hidden entries, the index folder, files that IsLoadable
// refuses, what the globs leave out. Symbolic links are followed, every folder and linked file once
// (by device and inode; the real path wins over a link), so that loops end; a link to a folder
// above a given one is such a loop. A path that was given itself is taken even if it is hidden or
// of an unknown kind.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "retriever/loader.h"

namespace fovea {

struct SourceFile {
  std::string name;  // path from the current folder or from "/", as the root was given, normalised
  std::int64_t size = 0;         // bytes
  std::int64_t modified_ns = 0;  // since the epoch
};

struct WalkOptions {
  std::filesystem::path index_folder = {};
  std::vector<std::string> include = {};
  std::vector<std::string> exclude = {};
};

struct SourceWalk {
  std::vector<std::string> roots;  // normalised, as given otherwise
  std::vector<SourceFile> files;   // by name, each once
  std::vector<SkippedDocument> skipped;
};

// Throws Error(kNotFound) if one of the paths does not exist. Anything that cannot be read is in
// `skipped`.
SourceWalk WalkSources(const std::vector<std::filesystem::path>& paths, const WalkOptions& options);

// "./a//b/" is "a/b"; "a/../b" is "b" where the file system agrees (or has neither). "." stays ".".
std::string NormalizeSourcePath(const std::filesystem::path& path);

// Whether `name` is `root` or lies below it, both normalised.
bool IsAtOrBelow(const std::string& name, const std::string& root);

enum class FileState { kFile, kGone, kUnknown };
// kGone: no regular file of this name is there. kUnknown: the operating system does not say (a
// folder without permission).
FileState StateOfFile(const std::string& name);

}  // namespace fovea
