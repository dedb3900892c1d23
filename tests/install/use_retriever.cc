#include <lib/base/error.h>
#include <retriever/store.h>

#include <cstdio>

int main() {
  try {
    fovea::Store::Open("no-such-folder", fovea::Store::Mode::kRead);
  } catch (const fovea::Error& error) {
    std::printf("%s\n", error.what());
    return error.code() == fovea::ErrorCode::kNotFound ? 0 : 1;
  }
  return 1;
}
