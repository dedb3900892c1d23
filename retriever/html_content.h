// Which parts of a page are its main text.

#pragma once

#include <cstdint>

#include "retriever/html_tree.h"

namespace fovea {

// Fills text_bytes and left_out of every node: scripts, styles, form controls, hidden elements,
// navigation, page headers and footers, tables of contents, cookie banners and the like are left
// out. Something that holds most of the page's text is kept, whatever it is called. Returns the
// index of the element to read: <main> or the only <article> where it holds most of the text, else
// the root.
std::uint32_t FindMainText(HtmlTree& tree);

}  // namespace fovea
