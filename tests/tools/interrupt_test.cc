#include "tools/interrupt.h"

#include <gtest/gtest.h>

#include <chrono>

namespace fovea::tools {
namespace {

// Whether a stop is requested soon: another thread passes the signal on.
bool Stops(const std::stop_token& token) {
  for (int i = 0; i < 500 && !token.stop_requested(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return token.stop_requested();
}

TEST(Interrupt, CtrlCStopsTheCallAndAfterResumingTheNextOne) {
  Interrupt interrupt;
  EXPECT_FALSE(interrupt.Resume()) << "nothing to resume from";
  for (int round = 0; round < 3; ++round) {
    const std::stop_token token = interrupt.token();
    EXPECT_FALSE(token.stop_requested());
    raise(SIGINT);
    EXPECT_EQ(interrupt.signal_received(), SIGINT);
    EXPECT_TRUE(Stops(token));
    EXPECT_TRUE(interrupt.Resume());
    EXPECT_EQ(interrupt.signal_received(), 0);
  }
}

TEST(Interrupt, ASignalThatWasResumedFromStopsNothingLater) {
  Interrupt interrupt;
  for (int round = 0; round < 100; ++round) {
    raise(SIGINT);
    EXPECT_TRUE(interrupt.Resume());  // maybe before the other thread has come to it
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_FALSE(interrupt.token().stop_requested());
}

TEST(Interrupt, ThereIsNoResumingFromSigterm) {
  Interrupt interrupt;
  raise(SIGTERM);
  EXPECT_TRUE(Stops(interrupt.token()));
  EXPECT_FALSE(interrupt.Resume());
  EXPECT_EQ(interrupt.signal_received(), SIGTERM);
}

}  // namespace
}  // namespace fovea::tools
