#include "tools/answer_options.h"

#include <stdexcept>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "tools/attention_page.h"
#include "tools/json_lines.h"
#include "tools/text_lines.h"
#include "tools/usage_error.h"

namespace fovea::tools {
void AnswerOptions::Declare(OptionTable& table) {
  DeclarePassages(table);
  DeclareMode(table);
  DeclareSampling(table);
  DeclareReuse(table);
  DeclareAbstain(table);
  DeclareFilter(table);
  DeclareExamples(table);
  DeclareVerbose(table);
  DeclareAttention(table);
}

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
  table.Choice(
      "decoding", &decoding, {"copy", "plain"},
      "copy: the reader's weights and the evidence's words steer the decoder; plain: they do not "
      "(default: " +
          decoding + ")");
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

void AnswerOptions::DeclareAttention(OptionTable& table) {
  table.Flag("show-attention", &show_attention, "show what the reader looked at (without --json)");
  table.Text(
      "attention-html", &attention_html, "FILE",
      "write a page for the browser: what each question token attends to, layer by layer and "
      "head by head");
}

void AnswerOptions::DeclareExamples(OptionTable& table) {
  table.Text("examples", &examples_file, "FILE",
             "in-context examples: one JSON object with \"question\" and \"answer\" a line");
  table.Integer("examples-k", &ask.nearest_examples, 0,
                "how many of them are shown: those nearest to the question (default: " +
                    std::to_string(ask.nearest_examples) + ")",
                1000);
}

void AnswerOptions::DeclareVerbose(OptionTable& table) {
  table.Flag("verbose", &verbose,
             "tell on standard error how the decoder's context was spent and what was left out");
}

void AnswerOptions::DeclareReuse(OptionTable& table) {
  table.Integer("fuse-passages", &ask.fused_passages, 1,
                "read the N heaviest passages in a prompt each and mix what the decoder makes of "
                "them token by token (default: 1, all in one prompt)");
  table.Flag("reuse-evidence", &reuse_evidence,
             "compute the evidence's sentences apart and use them again: less to compute, but not "
             "quite the same answers");
  table.Number("reuse-temperature", &reuse.temperature, 0.1, 10,
               "of the attention to evidence that is reused (default: 1)");
  table.Integer("reuse-recompute", &reuse.recomputed, 0,
                "tokens at the beginning of each run of evidence that are computed anew (default: "
                "0)");
}

AskOptions AnswerOptions::Resolve(bool json) const {
  AskOptions options = ask;
  options.passages = passages;
  if (decoding == "plain") {
    options.copy = {.begin_gain = 0, .follow_share = 0};
    options.foreign_penalty = 0;
    options.write_in_order = false;
  }
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
  if (reuse_evidence) options.reuse_evidence = reuse;
  return options;
}

void AnswerOptions::AddExamples(Session& session, Pipeline& pipeline, AskOptions& options) const {
  if (examples_file.empty()) return;
  std::vector<Example> examples;
  for (const JsonLine& line : ReadJsonLines(examples_file)) {
    examples.emplace_back(line.Text("question"), line.Text("answer"));
    if (IsBlank(examples.back().first) || IsBlank(examples.back().second)) {
      throw Error(ErrorCode::kInvalidArgument,
                  line.where + ": question or answer is blank: an example has both");
    }
  }
  options.examples = pipeline.EmbedExamples(std::move(examples));
  if (const std::size_t cut = options.examples->questions_cut(); cut > 0) {
    session.Warn(examples_file + ": " + std::to_string(cut) +
                 " questions are longer than the embedder's window: they are compared by their "
                 "beginning");
  }
}

void AnswerOptions::WriteAttentionPage(const Answer& answer) const {
  if (!attention_html.empty()) WriteFileAtomically(attention_html, AttentionPage(answer));
}

}  // namespace fovea::tools
