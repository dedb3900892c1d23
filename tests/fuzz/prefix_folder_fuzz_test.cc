// Seeded damage to the files of a folder of prompt prefixes: an entry is what was put, or is not
// there.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "generator/prefix_folder.h"
#include "lib/base/file.h"
#include "tests/fuzz/mutated.h"
#include "tests/support/temp_folder.h"

namespace fovea {
namespace {

TEST(PrefixFolderFuzz, AnEntryIsWhatWasPutOrIsNotThere) {
  const TempFolder temp;
  const std::vector<TokenId> tokens = {TokenId{1}, TokenId{700}, TokenId{3}};
  const std::vector<std::byte> data(300, std::byte{42});
  PrefixFolder folder(temp.path(), 1 << 20, {});
  folder.Put("model", tokens, data);
  const std::filesystem::path file = *std::filesystem::directory_iterator(temp.path());
  const std::string bytes = ReadFile(file);
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    const std::string damaged = Mutated(bytes, 80, random);
    temp.Write(file.filename().string(), damaged);
    const auto found = folder.Get("model", tokens, data.size());
    ASSERT_EQ(found.has_value(), damaged == bytes) << round;
    if (found) {
      ASSERT_EQ(*found, data) << round;
    }
    refused += found ? 0 : 1;
  }
  EXPECT_GT(refused, 4000);
}

// Names are input as well.
TEST(PrefixFolderFuzz, OddNamesAreNoEntries) {
  const TempFolder temp;
  const std::vector<TokenId> tokens = {TokenId{1}, TokenId{2}};
  PrefixFolder folder(temp.path(), 1 << 20, {});
  folder.Put("model", tokens, {});
  const std::string name =
      std::filesystem::directory_iterator(temp.path())->path().filename().string();
  std::mt19937 random(2);
  for (int round = 0; round < 1000; ++round) {
    std::string odd = Mutated(name, name.size(), random);
    std::erase_if(odd, [](char c) { return c == '/' || c == '\0'; });
    if (!odd.empty() && odd.size() < 200 && odd != "." && odd != "..") temp.Write(odd, "x");
  }
  const std::vector<std::size_t> lengths = folder.Lengths("model");
  EXPECT_TRUE(std::is_sorted(lengths.rbegin(), lengths.rend()));
  EXPECT_EQ(std::count(lengths.begin(), lengths.end(), 0u), 0);
  EXPECT_EQ(std::count(lengths.begin(), lengths.end(), 2u), 1);
}

}  // namespace
}  // namespace fovea
