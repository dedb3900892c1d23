// EXPECT_ERROR(statement, code, "part of the message")

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"

#define EXPECT_ERROR(statement, expected_code, message_part)                                        \
  try {                                                                                             \
    statement;                                                                                      \
    ADD_FAILURE() << #statement << " did not throw";                                                \
  } catch (const ::fovea::Error& error) {                                                           \
    EXPECT_EQ(error.code(), expected_code) << error.what();                                         \
    EXPECT_THAT(std::string(error.what()), ::testing::HasSubstr(message_part));                     \
  }
