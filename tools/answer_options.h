// Options of a question that ask, chat, read and eval share.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "generator/pipeline.h"
#include "tools/option_table.h"
#include "tools/session.h"

namespace fovea::tools {

constexpr float kNeverAbstain = 2.0f;  // a threshold that no weight reaches

struct AnswerOptions {
  int passages = 8;
  std::string mode = "generate";
  std::string decoding = "copy";
  std::string abstain = "auto";  // "auto", "never", or a threshold
  AskOptions ask;
  std::string examples_file;
  bool verbose = false;  // tell how the decoder's context was spent
  bool reuse_evidence = false;
  EvidenceReuse reuse;
  bool show_attention = false;
  std::string attention_html;  // a file, or none

  // All of them, of an index that is asked.
  void Declare(OptionTable& table);
  void DeclareMode(OptionTable& table);
  void DeclarePassages(OptionTable& table);
  void DeclareSampling(OptionTable& table);
  void DeclareAbstain(OptionTable& table);
  void DeclareFilter(OptionTable& table);
  void DeclareAttention(OptionTable& table);
  void DeclareExamples(OptionTable& table);
  void DeclareVerbose(OptionTable& table);
  void DeclareReuse(OptionTable& table);
  // The library's options out of all this. With --json nothing is computed for --show-attention.
  // Throws UsageError, Error.
  AskOptions Resolve(bool json = false) const;
  // Reads --examples, if given, and has the pipeline embed them for `options`. Throws Error that
  // names file and line.
  void AddExamples(Session& session, Pipeline& pipeline, AskOptions& options) const;
  // Writes the page of --attention-html, if asked for. Throws Error(kIo) that names it.
  void WriteAttentionPage(const Answer& answer) const;
};

}  // namespace fovea::tools
