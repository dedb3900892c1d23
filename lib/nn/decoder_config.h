// Reads what a GGUF file says about a Llama-type decoder.

#pragma once

#include "lib/nn/decoder.h"
#include "lib/nn/gguf.h"
#include "lib/text/bpe.h"

namespace fovea {

// Hyper-parameters under `llama.*` and the tokenizer's special ids. Throws Error(kUnsupported) that
// names what is not handled (another architecture, scaled RoPE, experts), Error(kCorrupt) on values
// that do not fit together.
DecoderConfig ReadDecoderConfig(const GgufFile& file);

// The byte-level BPE under `tokenizer.ggml.*`. Throws Error(kUnsupported) on a SentencePiece or
// other tokenizer.
BpeModel ReadBpeModel(const GgufFile& file);

}  // namespace fovea
