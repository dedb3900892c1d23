// Walks the main text of a page and writes it.

#pragma once

#include "retriever/html_tree.h"
#include "retriever/html_writer.h"

namespace fovea {

// Writes the subtree of `root` (an index of tree.nodes()) but for what is left out.
void WriteHtml(const HtmlTree& tree, std::uint32_t root, HtmlWriter& writer);

}  // namespace fovea
