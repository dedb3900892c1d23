#include <generator/pipeline.h>
#include <lib/base/error.h>

#include <cstdio>

int main() {
  try {
    fovea::Pipeline pipeline({.index = "no-such-folder"});
  } catch (const fovea::Error& error) {
    std::printf("%s\n", error.what());
    return error.code() == fovea::ErrorCode::kNotFound ? 0 : 1;
  }
  return 1;
}
