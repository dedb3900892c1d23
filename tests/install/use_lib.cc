#include <lib/text/sentences.h>

#include <cstdio>

int main() {
  const std::size_t sentences = fovea::SplitSentences("One. Two.").size();
  std::printf("%zu sentences\n", sentences);
  return sentences == 2 ? 0 : 1;
}
