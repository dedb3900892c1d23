#include "tools/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "tests/support/expect_error.h"

namespace fovea::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Standard input, for as long as it lives, is a pipe that the test writes to.
class Input {
 public:
  Input() : kept_(dup(STDIN_FILENO)) {
    if (pipe(pipe_) != 0 || dup2(pipe_[0], STDIN_FILENO) < 0) throw std::runtime_error("pipe");
    close(pipe_[0]);
  }
  ~Input() {
    Close();
    dup2(kept_, STDIN_FILENO);
    close(kept_);
  }
  void Write(const std::string& text) const {
    ASSERT_EQ(write(pipe_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void Close() {
    if (pipe_[1] >= 0) close(pipe_[1]);
    pipe_[1] = -1;
  }

 private:
  int kept_;
  int pipe_[2] = {-1, -1};
};

std::vector<std::string> ReadAll(const std::string& text, std::size_t most_bytes = 100) {
  Input input;
  std::thread writer([&] {  // A pipe holds less than the longest text here.
    input.Write(text);
    input.Close();
  });
  std::vector<std::string> lines;
  LineReader reader(most_bytes);
  while (const auto line = reader.Next({})) lines.push_back(line->too_long ? "…" : line->text);
  writer.join();
  return lines;
}

TEST(LineReader, GivesLinesWithoutTheirEnds) {
  EXPECT_THAT(ReadAll(""), IsEmpty());
  EXPECT_THAT(ReadAll("one\n\ntwo\r\n"), ElementsAre("one", "", "two"));
  EXPECT_THAT(ReadAll("a\nthe last needs no end"), ElementsAre("a", "the last needs no end"));
  EXPECT_THAT(ReadAll("\n"), ElementsAre(""));
}

TEST(LineReader, PassesOverALineThatIsTooLongAndGoesOnBehindIt) {
  for (const std::size_t length : {9u, 10u, 11u, 4096u, 5000u, 200000u}) {
    const std::string line(length, 'x');
    EXPECT_THAT(ReadAll("a\n" + line + "\nb\n" + line, 10),
                ElementsAre("a", length > 10 ? "…" : line, "b", length > 10 ? "…" : line))
        << length;
  }
}

TEST(LineReader, JoinsWhatComesInPieces) {
  Input input;
  LineReader reader(100);
  input.Write("on");
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    input.Write("e\ntwo\n");
  });
  EXPECT_EQ(reader.Next({})->text, "one");
  later.join();
  EXPECT_EQ(reader.Next({})->text, "two");
}

TEST(LineReader, StopsWaitingWhenAsked) {
  const Input input;
  std::stop_source source;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    source.request_stop();
  });
  LineReader reader(100);
  EXPECT_ERROR(reader.Next(source.get_token()), ErrorCode::kCancelled, "stopped");
  later.join();
}

}  // namespace
}  // namespace fovea::tools
