#include "generator/prefix_folder.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/hash.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".kv";
constexpr std::string_view kTemporary = ".kv.tmp";  // as WriteFileAtomically names them
constexpr std::size_t kHashDigits = 32;
// A temporary file of this age has no writer any more.
constexpr std::chrono::hours kAbandoned{1};

struct FileHeader {
  char magic[8] = {'F', 'O', 'V', 'E', 'A', 'K', 'V', '\n'};
  std::uint32_t version = 1;
  std::uint32_t tokens = 0;
  std::uint64_t data_bytes = 0;
  char model[kHashDigits] = {};  // ContentHash of the fingerprint
};
static_assert(sizeof(FileHeader) == 56);

std::string_view Characters(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Of everything before it.
std::string ChecksumOf(std::string_view bytes) {
  const std::uint64_t checksum = Checksum64(std::as_bytes(std::span(bytes)));
  return std::string(Characters(std::as_bytes(std::span(&checksum, 1))));
}

// All that stands before the data: header and tokens.
std::string Head(const std::string& model, std::span<const TokenId> tokens,
                 std::size_t data_bytes) {
  FileHeader header;
  header.tokens = static_cast<std::uint32_t>(tokens.size());
  header.data_bytes = data_bytes;
  const std::string hash = ContentHash(model);
  std::copy_n(hash.begin(), kHashDigits, header.model);
  std::string head(Characters(std::as_bytes(std::span(&header, 1))));
  head += Characters(std::as_bytes(tokens));
  return head;
}

bool IsTemporary(std::string_view name) { return name.find(kTemporary) != std::string_view::npos; }

// The number of tokens in the name of an entry of the model with this hash.
std::optional<std::size_t> TokensInName(std::string_view name, std::string_view model_hash) {
  if (!name.starts_with(model_hash) || !name.ends_with(kExtension)) return std::nullopt;
  name.remove_prefix(model_hash.size());
  if (!name.starts_with('-')) return std::nullopt;
  std::size_t tokens = 0;
  const auto [end, error] =
      std::from_chars(name.data() + 1, name.data() + name.size() - kExtension.size(), tokens);
  if (error != std::errc() || *end != '-' || tokens == 0) return std::nullopt;
  return tokens;
}

// Whether this cache made the file; others are left alone.
bool IsOurs(std::string_view name) {
  return name.find_first_not_of("0123456789abcdef") == kHashDigits && name[kHashDigits] == '-' &&
         (name.ends_with(kExtension) || IsTemporary(name));
}

// visit(entry) for every regular file; none where the folder cannot be read.
template <typename Visit>
void ForEachFile(const fs::path& folder, const Visit& visit) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->is_regular_file(gone)) visit(*at);
  }
}

}  // namespace

PrefixFolder::PrefixFolder(fs::path folder, std::int64_t max_bytes, LogCallback log)
    : folder_(std::move(folder)), max_bytes_(max_bytes), log_(std::move(log)) {}

fs::path PrefixFolder::PathOf(const std::string& model, std::span<const TokenId> tokens) const {
  const std::string hash = ContentHash(Characters(std::as_bytes(tokens)));
  return folder_ / (ContentHash(model) + "-" + std::to_string(tokens.size()) + "-" + hash +
                    std::string(kExtension));
}

void PrefixFolder::Warn(const std::string& what) const {
  if (log_) log_(LogLevel::kWarning, what);
}

std::vector<std::size_t> PrefixFolder::Lengths(const std::string& model) const {
  const std::string hash = ContentHash(model);
  std::vector<std::size_t> lengths;
  ForEachFile(folder_, [&](const fs::directory_entry& file) {
    if (const auto tokens = TokensInName(file.path().filename().string(), hash))
      lengths.push_back(*tokens);
  });
  std::sort(lengths.rbegin(), lengths.rend());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  return lengths;
}

std::optional<std::vector<std::byte>> PrefixFolder::Get(const std::string& model,
                                                        std::span<const TokenId> tokens,
                                                        std::size_t size) {
  const std::string head = Head(model, tokens, size);
  const std::size_t checked = head.size() + size;
  std::string file;
  try {
    file = ReadFile(PathOf(model, tokens), checked + sizeof(std::uint64_t));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInvalidArgument) Drop(model, tokens, "it is too long");
    return std::nullopt;
  }
  const std::string_view bytes = file;
  if (bytes.size() != checked + sizeof(std::uint64_t) || !bytes.starts_with(head) ||
      ChecksumOf(bytes.substr(0, checked)) != bytes.substr(checked)) {
    Drop(model, tokens, "it is damaged");
    return std::nullopt;
  }
  Touch(model, tokens);
  const auto data = std::as_bytes(std::span(bytes.substr(head.size(), size)));
  return std::vector<std::byte>(data.begin(), data.end());
}

void PrefixFolder::Put(const std::string& model, std::span<const TokenId> tokens,
                       std::span<const std::byte> data) {
  if (!writable_) return;
  std::string bytes = Head(model, tokens, data.size());
  bytes += Characters(data);
  bytes += ChecksumOf(bytes);
  if (static_cast<std::int64_t>(bytes.size()) > max_bytes_) return;
  try {
    std::error_code failed;
    // Prompts are nobody else's business.
    if (fs::create_directories(folder_, failed))
      fs::permissions(folder_, fs::perms::owner_all, failed);
    WriteFileAtomically(PathOf(model, tokens), bytes);
  } catch (const Error& error) {
    writable_ = false;
    Warn(std::string("prompt prefixes are not kept: ") + error.what());
    return;
  }
  Touch(model, tokens);
  Shrink();
}

void PrefixFolder::Touch(const std::string& model, std::span<const TokenId> tokens) const {
  // The time that the file system gives by itself is too coarse to tell two uses apart.
  std::error_code cannot;
  fs::last_write_time(PathOf(model, tokens), fs::file_time_type::clock::now(), cannot);
}

void PrefixFolder::Drop(const std::string& model, std::span<const TokenId> tokens,
                        std::string_view why) {
  const fs::path path = PathOf(model, tokens);
  Warn(path.string() + ": " + std::string(why) + "; the prompt's prefix is computed anew");
  std::error_code cannot;
  fs::remove(path, cannot);
}

void PrefixFolder::Shrink() const {
  struct File {
    fs::file_time_type used;
    std::int64_t bytes = 0;
    fs::path path;
  };
  std::vector<File> files;
  std::int64_t total = 0;
  ForEachFile(folder_, [&](const fs::directory_entry& file) {
    std::error_code gone;
    const fs::file_time_type used = file.last_write_time(gone);
    const std::uintmax_t bytes = gone ? 0 : file.file_size(gone);
    const std::string name = file.path().filename().string();
    if (gone || !IsOurs(name)) return;
    if (IsTemporary(name) && used > fs::file_time_type::clock::now() - kAbandoned) return;
    files.push_back({used, static_cast<std::int64_t>(bytes), file.path()});
    total += files.back().bytes;
  });
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.used < b.used; });
  for (std::size_t i = 0; i < files.size() && total > max_bytes_; ++i) {
    std::error_code gone;  // Another process was first.
    fs::remove(files[i].path, gone);
    total -= files[i].bytes;
  }
}

}  // namespace fovea
