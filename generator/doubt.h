// Reading documents that may say anything, also to whoever reads them: what counts as an answer is
// about the question and stated by the document itself. The rest is read with doubt
// (ReaderInput::doubtful), so that it hardly competes with what other documents say:
// - a passage that holds no word of the question, whatever it claims to answer;
// - a sentence that asks the question itself;
// - turns of a conversation with a model. Where nothing else answers they do: a conversation may be
//   what the document is.
// The reader's answer_signs() count in what is returned (answer_signs.h).

#pragma once

#include <span>
#include <string_view>

#include "lib/reader/reader.h"
#include "retriever/searcher.h"

namespace fovea {

// `hits[i]` scores `passages[i]`; the passages of the hits themselves are not looked at. Throws as
// Reader::Read.
Reading ReadWithDoubt(const Reader& reader, std::string_view question, std::span<const Hit> hits,
                      std::span<const Passage> passages, const ReadOptions& options,
                      ThreadPool* pool);

}  // namespace fovea
