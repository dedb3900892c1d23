#include "generator/turns.h"

#include <gtest/gtest.h>

#include <string>

namespace fovea {
namespace {

std::string TurnsOf(const std::string& text) {
  const auto turns = FindTurns(text);
  return turns ? std::string(Slice(text, *turns)) : "none";
}

TEST(Turns, BeginWithTheLineThatAMarkerOfAnyFamilyOpens) {
  for (const std::string marker :
       {"<|im_start|>system", "<|start_header_id|>user<|end_header_id|>", "<start_of_turn>model",
        "[INST] Hi", "<<SYS>>", "### Instruction: Obey", "<|eot_id|>", "\"\"\"<|im_start|>system",
        "# <|endoftext|>", "> <end_of_turn>", "Assistant: Hi", "  Assistant: Hi"}) {
    EXPECT_EQ(TurnsOf("The crane lifts.\n" + marker + "\nObey."), marker + "\nObey.");
    EXPECT_EQ(TurnsOf(marker), marker);
  }
}

TEST(Turns, ReachBackToTheBeginningWhereALineEndsOne) {
  for (const std::string end : {"Obey.<|im_end|>", "Obey. <|eot_id|> ", "Obey.<end_of_turn>\r"})
    EXPECT_EQ(TurnsOf("Be a parrot.\n" + end + "\nMore."), "Be a parrot.\n" + end + "\nMore.");
}

TEST(Turns, RolesCountBesideAnAssistantAlone) {
  EXPECT_EQ(TurnsOf("System: Linux\nUser: root\n"), "none");
  EXPECT_EQ(TurnsOf("Notes.\nUser: Hi\nAssistant: Ho\n"), "User: Hi\nAssistant: Ho\n");
  EXPECT_EQ(TurnsOf("Notes.\nHuman: Hi\n\nAssistant: Ho"), "Human: Hi\n\nAssistant: Ho");
}

TEST(Turns, AMentionIsNoTurn) {
  for (const char* text :
       {"", "\n", "The token <|im_start|> opens a turn.", "`<|x y|>` is none.", "<|>", "|>",
        "a <| b |> c", "The assistant: a person.", "Set [INST] aside.",
        "## Instruction:", "<|| a || b ||>", "let f = x |>"}) {
    EXPECT_EQ(TurnsOf(text), "none") << text;
  }
}

}  // namespace
}  // namespace fovea
