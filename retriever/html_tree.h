// An HTML page as a flat list of its nodes, in document order: loops instead of recursion, whatever
// the nesting.
//
// Owns the parsed tree; belongs to one thread.

#pragma once

#include <gumbo.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

struct HtmlNode {
  const GumboNode* gumbo = nullptr;
  std::uint32_t parent = 0;      // index; the root is its own
  std::uint32_t end = 0;         // descendants are the nodes after this one, up to `end`
  std::uint32_t text_bytes = 0;  // that are not white space, of the whole subtree
  bool left_out = false;         // not part of the main text, nor is its subtree

  bool is_element() const { return gumbo->type == GUMBO_NODE_ELEMENT; }
  bool is_text() const {
    return gumbo->type == GUMBO_NODE_TEXT || gumbo->type == GUMBO_NODE_WHITESPACE ||
           gumbo->type == GUMBO_NODE_CDATA;
  }
  // GUMBO_TAG_UNKNOWN for text.
  GumboTag tag() const { return is_element() ? gumbo->v.element.tag : GUMBO_TAG_UNKNOWN; }
  bool is_svg() const {
    return is_element() && gumbo->v.element.tag_namespace == GUMBO_NAMESPACE_SVG;
  }
  std::string_view text() const { return is_text() ? gumbo->v.text.text : std::string_view(); }
  // "" if the attribute is missing.
  std::string_view attribute(const char* name) const;
  bool has_attribute(const char* name) const;
};

struct HtmlLimits {
  std::size_t max_tree_bytes = std::size_t{512} << 20;
  // A page takes milliseconds; this stops what was built to be slow.
  double max_seconds = 60;
};

class HtmlTree {
 public:
  // `html` is valid UTF-8. Returns null and the reason if the page is over a limit.
  static std::unique_ptr<HtmlTree> Parse(std::string_view html, const HtmlLimits& limits,
                                         std::string& problem);
  ~HtmlTree();

  // The first is the root element, <html>.
  std::vector<HtmlNode>& nodes() { return nodes_; }
  const std::vector<HtmlNode>& nodes() const { return nodes_; }

 private:
  struct Arena;
  HtmlTree();
  void Flatten(const GumboNode* root);

  std::string limited_;  // the page as parsed, where tags had to be left out
  std::unique_ptr<Arena> arena_;
  std::vector<HtmlNode> nodes_;
};

}  // namespace fovea
