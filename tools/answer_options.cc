#include "tools/answer_options.h"

#include <stdexcept>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "tools/attention_page.h"
#include "tools/json_lines.h"
#include "tools/usage_error.h"

namespace fovea::tools {
void AnswerOptions::DeclareMode(OptionTable& table) {
  table.Choice("mode", &mode, {"generate", "extract"},
               "write the answer, or quote it (default: " + mode + ")");
}

void AnswerOptions::DeclarePassages(OptionTable& table) {
  table.Integer("k", &passages, 1, "passages to read (default: " + std::to_string(passages) + ")",
                1000);
}

void AnswerOptions::DeclareSampling(OptionTable& table) {
  table.Integer("max-tokens", &ask.max_tokens, 1,
                "most tokens of the answer (default: " + std::to_string(ask.max_tokens) + ")");
  table.Number("temperature", &ask.sampling.temperature, 0, 100,
               "0 (default): the likeliest token each time");
  table.Custom(
      "top-p", "P",
      [this](const std::string& text) {
        const auto value = ParseNumber(text);
        if (!value || !(*value > 0 && *value <= 1)) {
          throw std::invalid_argument("a number above 0, at most 1");
        }
        ask.sampling.top_p = static_cast<float>(*value);
      },
      "sample among the likeliest tokens that hold this mass (default: 1)");
  table.Custom(
      "seed", "N",
      [this](const std::string& text) {
        const auto value = ParseInteger(text);
        if (!value || *value < 0) throw std::invalid_argument("a whole number from 0 on");
        ask.sampling.seed = static_cast<std::uint64_t>(*value);
      },
      "seed of the sampling (default: 0)");
}

void AnswerOptions::DeclareAbstain(OptionTable& table) {
  table.Custom(
      "abstain", "auto|never|T",
      [this](const std::string& text) {
        const auto value = ParseNumber(text);
        if (text != "auto" && text != "never" && !(value && *value >= 0 && *value <= 1)) {
          throw std::invalid_argument("auto, never or a number from 0 to 1");
        }
        abstain = text;
      },
      "give no answer where the reader's weight of \"none of these\" reaches T (default: " +
          abstain + ")");
}

void AnswerOptions::DeclareFilter(OptionTable& table) {
  table.Text("filter", &ask.document_glob, "GLOB", "only documents whose name matches");
}

void AnswerOptions::DeclareExamples(OptionTable& table) {
  table.Text("examples", &examples_file, "FILE",
             "in-context examples: one JSON object with \"question\" and \"answer\" a line");
}

void AnswerOptions::DeclareAttention(OptionTable& table) {
  table.Flag("show-attention", &show_attention, "show what the reader looked at (without --json)");
  table.Text(
      "attention-html", &attention_html, "FILE",
      "write a page for the browser: what each question token attends to, layer by layer and "
      "head by head");
}

AskOptions AnswerOptions::Resolve(bool json) const {
  AskOptions options = ask;
  options.passages = passages;
  options.mode = mode == "extract" ? AnswerMode::kExtract : AnswerMode::kGenerate;
  if (!attention_html.empty()) {
    options.attention = AttentionDetail::kHeads;
  } else if (show_attention && !json) {
    options.attention = AttentionDetail::kMean;
  }
  if (abstain == "never") {
    options.abstain_threshold = kNeverAbstain;
  } else if (abstain != "auto") {
    options.abstain_threshold = static_cast<float>(ParseNumber(abstain).value_or(kNeverAbstain));
  }
  if (!examples_file.empty()) {
    for (const JsonLine& line : ReadJsonLines(examples_file)) {
      options.examples.emplace_back(line.Text("question"), line.Text("answer"));
    }
  }
  return options;
}

void AnswerOptions::WriteAttentionPage(const Answer& answer) const {
  if (!attention_html.empty()) WriteFileAtomically(attention_html, AttentionPage(answer));
}

}  // namespace fovea::tools
