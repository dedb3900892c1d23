#include "tools/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace fovea::tools {
namespace {

TEST(Output, ReportsAFullDisk) {
  const int full = open("/dev/full", O_WRONLY);
  ASSERT_GE(full, 0);
  Output out(full);
  out.Write("text");
  try {
    out.Flush();
    ADD_FAILURE() << "no error";
  } catch (const OutputError& error) {
    EXPECT_FALSE(error.closed);
    EXPECT_NE(std::string(error.what()).find("No space left on device"), std::string::npos);
  }
  out.Flush();  // What could not be written is not tried again.
  close(full);
}

TEST(Output, WritesJsonInTheOrderOfItsKeysOneObjectALine) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Output out(ends[1]);
  out.WriteJson({{"z", 1}, {"a", JsonNumber(0.61f)}, {"text", JsonText("\xFF")}});
  out.Flush();
  char buffer[100];
  const ssize_t count = read(ends[0], buffer, sizeof buffer);
  EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(count)),
            "{\"z\":1,\"a\":0.61,\"text\":\"\\\\xFF\"}\n");
  close(ends[0]);
  close(ends[1]);
}

TEST(JsonShare, OfNothingIsNull) {
  EXPECT_EQ(JsonShare(3, 4).dump(), "0.75");
  EXPECT_TRUE(JsonShare(0, 0).is_null());
}

TEST(JsonNumber, IsTheShortestDecimalOfTheFloat) {
  EXPECT_EQ(JsonNumber(0.1f).dump(), "0.1");
  EXPECT_EQ(JsonNumber(1.0f / 3.0f).dump(), "0.33333334");
  EXPECT_TRUE(JsonNumber(std::numeric_limits<float>::quiet_NaN()).is_null());
}

TEST(FormatFixed, RoundsToTheDecimalsAskedFor) {
  EXPECT_EQ(FormatFixed(0.12345, 3), "0.123");
  EXPECT_EQ(FormatFixed(2, 1), "2.0");
  EXPECT_EQ(FormatFixed(std::numeric_limits<double>::infinity(), 1), "-");
}

}  // namespace
}  // namespace fovea::tools
