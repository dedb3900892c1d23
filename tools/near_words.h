// Words that an embedder's own table of words puts near each other: rather what could stand in the
// other's place (north, south; river, lake) than what means the same.

#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

class Encoder;
class SafetensorsFile;
class ThreadPool;

namespace tools {

class NearWords {
 public:
  // Of the encoder's tokens that are whole words of ASCII letters, four at least; `weights` is its
  // model.safetensors. Takes seconds: every word is compared with every other. Throws
  // Error(kCorrupt) as SafetensorsFile.
  NearWords(const Encoder& encoder, const SafetensorsFile& weights, ThreadPool* pool);
  explicit NearWords(std::map<std::string, std::vector<std::string>, std::less<>> lists);

  // Up to a dozen, nearest first, in lower case as `word` must be; none that begins with the same
  // four letters, as other forms of it do. Empty for a word that is no token.
  std::span<const std::string> Of(std::string_view word) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> lists_;
};

}  // namespace tools
}  // namespace fovea
