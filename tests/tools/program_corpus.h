// The built program with the real models on a tiny corpus.

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/tools/program.h"

namespace fovea {

using Arguments = std::vector<std::string>;

inline void ExpectKeys(const nlohmann::json& object, const std::vector<std::string>& keys) {
  for (const std::string& key : keys)
    EXPECT_TRUE(object.contains(key)) << key << " is missing in " << object;
}

// A folder with three documents, indexed once for all tests that only read.
class Corpus : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder();
    Fill(*folder_);
    indexed_ = new ProgramResult(RunProgram({"index", "docs", "--json"}, Here()));
  }
  static void TearDownTestSuite() {
    delete indexed_;
    delete folder_;
  }

  static void Fill(const TempFolder& folder) {
    folder.Write("docs/lamp.md",
                 "# The lamp\n\nThe lamp burns whale oil. It was lit in 1821 by Ada Fenn.\n");
    folder.Write("docs/ferry.txt",
                 "The ferry leaves at seven in the morning. A ticket costs four crowns.\n");
    folder.Write("docs/bees.txt",
                 "Honeybees keep the nest at thirty-five degrees. Workers fan with their wings.\n");
    folder.Write("docs/empty.txt", "");
  }
  static ProgramRun Here() { return {.folder = folder_->path()}; }
  static ProgramResult Ok(Arguments arguments, ProgramRun run = Here()) {
    ProgramResult result = RunProgram(arguments, run);
    EXPECT_EQ(result.status, 0) << testing::PrintToString(arguments) << "\n" << result.err;
    return result;
  }

  static inline TempFolder* folder_ = nullptr;
  static inline ProgramResult* indexed_ = nullptr;
};

}  // namespace fovea
