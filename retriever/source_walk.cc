#include "retriever/source_walk.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>

#include "lib/base/error.h"
#include "retriever/glob.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

using FileKey = std::pair<dev_t, ino_t>;

FileKey KeyOf(const struct stat& status) { return {status.st_dev, status.st_ino}; }

std::string Join(const std::string& folder, const std::string& name) {
  if (folder == ".") return name;
  return folder.back() == '/' ? folder + name : folder + "/" + name;
}

bool MatchesAny(const std::vector<std::string>& globs, const std::string& name) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return MatchesGlob(glob, name); });
}

class Walker {
 public:
  explicit Walker(const WalkOptions& options) : options_(options) {
    struct stat status;
    if (stat(options.index_folder.c_str(), &status) == 0) folders_.insert(KeyOf(status));
  }

  void AddRoot(const fs::path& given) {
    const std::string root = NormalizeSourcePath(given);
    struct stat status;
    if (stat(root.c_str(), &status) != 0) {
      const int error = errno;
      if (error == ENOENT || error == ENOTDIR) {
        throw Error(ErrorCode::kNotFound,
                    given.string() + ": does not exist; nothing was changed. (fovea remove takes " +
                        "documents out whose files are gone.)");
      }
      walk_.roots.push_back(root);
      Skip(root, std::strerror(error));
      return;
    }
    walk_.roots.push_back(root);
    if (S_ISDIR(status.st_mode)) {
      RememberAncestors(root);
      open_.push_back(root);
    } else if (S_ISREG(status.st_mode)) {
      if (Wanted(root)) given_files_.emplace_back(root, status);
    } else {
      Skip(root, "not a regular file");
    }
  }

  SourceWalk Finish() {
    // Roots one after the other, in the order given: the first one names what several of them hold.
    std::reverse(open_.begin(), open_.end());
    WalkOpenFolders();
    for (const auto& [name, status] : given_files_) Take(name, status);
    // Links last, so that the real path of a file wins over them.
    while (!links_.empty()) {
      std::vector<std::string> links = std::exchange(links_, {});
      std::sort(links.begin(), links.end());
      for (const std::string& link : links) {
        Follow(link);
        WalkOpenFolders();
      }
    }
    auto& files = walk_.files;
    std::sort(files.begin(), files.end(),
              [](const SourceFile& a, const SourceFile& b) { return a.name < b.name; });
    files.erase(
        std::unique(files.begin(), files.end(),
                    [](const SourceFile& a, const SourceFile& b) { return a.name == b.name; }),
        files.end());
    return std::move(walk_);
  }

 private:
  void Skip(const std::string& name, const std::string& reason) {
    walk_.skipped.push_back({.document = name, .reason = reason, .keep_stored = true});
  }

  bool Wanted(const std::string& name) const {
    return (options_.include.empty() || MatchesAny(options_.include, name)) &&
           !MatchesAny(options_.exclude, name);
  }

  void RememberAncestors(const std::string& root) {
    std::error_code error;
    fs::path folder = fs::canonical(root, error);
    while (!error && folder.has_relative_path()) {
      folder = folder.parent_path();
      struct stat status;
      if (stat(folder.c_str(), &status) == 0) ancestors_.insert(KeyOf(status));
    }
  }

  void Take(const std::string& name, const struct stat& status) {
    taken_.insert(KeyOf(status));
    walk_.files.push_back(
        {.name = name,
         .size = static_cast<std::int64_t>(status.st_size),
         .modified_ns = static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 +
                        static_cast<std::int64_t>(status.st_mtim.tv_nsec)});
  }

  void WalkOpenFolders() {
    while (!open_.empty()) {
      const std::string folder = std::move(open_.back());
      open_.pop_back();
      struct stat status;
      if (stat(folder.c_str(), &status) != 0) {
        Skip(folder, std::strerror(errno));
      } else if (folders_.insert(KeyOf(status)).second) {
        WalkFolder(folder);
      }
    }
  }

  void WalkFolder(const std::string& folder) {
    std::error_code error;
    std::vector<std::string> names;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      std::string name = at->path().filename().string();
      if (!name.empty() && name.front() != '.') names.push_back(std::move(name));
    }
    if (error) Skip(folder, error.message());
    // Folders are taken from the end of open_.
    std::sort(names.begin(), names.end(), std::greater<>());
    for (const std::string& name : names) WalkEntry(Join(folder, name));
  }

  void WalkEntry(const std::string& name) {
    struct stat status;
    if (lstat(name.c_str(), &status) != 0) {
      if (errno != ENOENT) Skip(name, std::strerror(errno));
    } else if (S_ISLNK(status.st_mode)) {
      links_.push_back(name);
    } else if (S_ISDIR(status.st_mode)) {
      open_.push_back(name);
    } else if (S_ISREG(status.st_mode) && IsLoadable(name) && Wanted(name)) {
      Take(name, status);
    }
  }

  void Follow(const std::string& link) {
    struct stat status;
    if (stat(link.c_str(), &status) != 0) {
      Skip(link, errno == ENOENT ? "a symbolic link to nothing" : std::strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
      if (!ancestors_.contains(KeyOf(status))) open_.push_back(link);
    } else if (S_ISREG(status.st_mode) && !taken_.contains(KeyOf(status)) && IsLoadable(link) &&
               Wanted(link)) {
      Take(link, status);
    }
  }

  const WalkOptions& options_;
  SourceWalk walk_;
  std::vector<std::string> open_;  // folders still to be read
  std::vector<std::string> links_;
  std::vector<std::pair<std::string, struct stat>> given_files_;
  std::set<FileKey> folders_;    // read, or never to be read
  std::set<FileKey> ancestors_;  // of the roots
  std::set<FileKey> taken_;
};

}  // namespace

SourceWalk WalkSources(const std::vector<std::filesystem::path>& paths,
                       const WalkOptions& options) {
  Walker walker(options);
  for (const fs::path& path : paths) walker.AddRoot(path);
  return walker.Finish();
}

std::string NormalizeSourcePath(const std::filesystem::path& path) {
  const auto trimmed = [](const fs::path& p) {
    std::string text = p.string();
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    return text.empty() ? std::string(".") : text;
  };
  const std::string collapsed = trimmed(path.lexically_normal());
  struct stat given;
  struct stat normal;
  // Behind a linked folder ".." is another place than the text says.
  if (stat(path.c_str(), &given) == 0 &&
      (stat(collapsed.c_str(), &normal) != 0 || KeyOf(given) != KeyOf(normal))) {
    fs::path kept;
    for (const fs::path& part : path) {
      if (part != "." && !part.empty()) kept /= part;
    }
    return trimmed(kept);
  }
  return collapsed;
}

bool IsAtOrBelow(const std::string& name, const std::string& root) {
  if (root == ".") return !name.starts_with('/') && name != ".." && !name.starts_with("../");
  if (!name.starts_with(root)) return false;
  return name.size() == root.size() || root.back() == '/' || name[root.size()] == '/';
}

FileState StateOfFile(const std::string& name) {
  struct stat status;
  if (stat(name.c_str(), &status) == 0) {
    return S_ISREG(status.st_mode) ? FileState::kFile : FileState::kGone;
  }
  return errno == ENOENT || errno == ENOTDIR ? FileState::kGone : FileState::kUnknown;
}

}  // namespace fovea
