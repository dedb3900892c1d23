// Keeps hostile HTML from costing quadratic time: the tree builder walks its stack of open elements
// for every tag, so a page nested 100,000 deep would take minutes.

#pragma once

#include <string>
#include <string_view>

namespace fovea {

// Browsers stop at 512 open elements; pages people write stay below 100.
inline constexpr int kMaxHtmlDepth = 256;
// The tree builder compares every attribute with those before it.
inline constexpr int kMaxHtmlAttributes = 256;

// `html` with the tags (not the text) below kMaxHtmlDepth left out, and the attributes of tags that
// have more than kMaxHtmlAttributes. Returns whether anything was; else `limited` is not touched.
bool LimitHtmlNesting(std::string_view html, std::string& limited);

}  // namespace fovea
