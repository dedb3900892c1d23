// Reads what a GGUF file says about a decoder of the Llama or Qwen2 family.

#pragma once

#include "lib/nn/decoder.h"
#include "lib/nn/gguf.h"
#include "lib/text/bpe.h"

namespace fovea {

// Hyper-parameters under `llama.*` or `qwen2.*` and the tokenizer's special ids. Throws
// Error(kUnsupported) that names what is not handled (another architecture, an unknown RoPE scaling,
// experts, a sliding window), Error(kCorrupt) on values that do not fit together.
DecoderConfig ReadDecoderConfig(const GgufFile& file);

// The byte-level BPE under `tokenizer.ggml.*`. Throws Error(kUnsupported) on a SentencePiece or
// other tokenizer.
BpeModel ReadBpeModel(const GgufFile& file);

}  // namespace fovea
