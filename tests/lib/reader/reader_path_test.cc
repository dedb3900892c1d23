#include "lib/reader/reader_path.h"

#include <gtest/gtest.h>

#include "lib/reader/reader_file.h"

namespace fovea {
namespace {

TEST(FindReaderFile, GivesTheWeightsOfThisBuildWhereTheRepositoryHasThem) {
  const bool shipped =
      std::filesystem::exists(FOVEA_SOURCE_DIR "/lib/reader/weights/reader.safetensors");
  const auto found = FindReaderFile();
  ASSERT_TRUE(found || !shipped);
  if (found) {
    EXPECT_FALSE(ReaderFile(*found).info().base.empty());
  }
}

}  // namespace
}  // namespace fovea
