#include "retriever/html_layout.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/ascii.h"
#include "retriever/loader_text.h"

namespace fovea {
namespace {

// A cell with more text than this is laid out as blocks.
constexpr std::uint32_t kMaxCellBytes = 1500;
constexpr std::uint32_t kMinParagraphBytes = 100;

int HeadingLevel(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_H1:
      return 1;
    case GUMBO_TAG_H2:
      return 2;
    case GUMBO_TAG_H3:
      return 3;
    case GUMBO_TAG_H4:
      return 4;
    case GUMBO_TAG_H5:
      return 5;
    case GUMBO_TAG_H6:
      return 6;
    default:
      return 0;
  }
}

// Line breaks around a block: 0 for inline elements, 1 a line, 2 a paragraph.
int BlockBreaks(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_P:
    case GUMBO_TAG_UL:
    case GUMBO_TAG_OL:
    case GUMBO_TAG_DL:
    case GUMBO_TAG_TABLE:
    case GUMBO_TAG_BLOCKQUOTE:
    case GUMBO_TAG_FIGURE:
    case GUMBO_TAG_ARTICLE:
    case GUMBO_TAG_SECTION:
    case GUMBO_TAG_MAIN:
    case GUMBO_TAG_HEADER:
    case GUMBO_TAG_FOOTER:
    case GUMBO_TAG_ASIDE:
    case GUMBO_TAG_ADDRESS:
    case GUMBO_TAG_DETAILS:
    case GUMBO_TAG_FIELDSET:
    case GUMBO_TAG_HR:
    case GUMBO_TAG_SVG:
      return 2;
    case GUMBO_TAG_DIV:
    case GUMBO_TAG_CENTER:
    case GUMBO_TAG_FORM:
    case GUMBO_TAG_NAV:
    case GUMBO_TAG_LI:
    case GUMBO_TAG_DT:
    case GUMBO_TAG_DD:
    case GUMBO_TAG_TR:
    case GUMBO_TAG_CAPTION:
    case GUMBO_TAG_FIGCAPTION:
    case GUMBO_TAG_SUMMARY:
    case GUMBO_TAG_LEGEND:
    case GUMBO_TAG_HGROUP:
    case GUMBO_TAG_BODY:
      return 1;
    default:
      return 0;
  }
}

bool IsPreformatted(GumboTag tag) {
  return tag == GUMBO_TAG_PRE || tag == GUMBO_TAG_LISTING || tag == GUMBO_TAG_XMP ||
         tag == GUMBO_TAG_PLAINTEXT;
}

bool IsCell(GumboTag tag) { return tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH; }

class Layout {
 public:
  Layout(const std::vector<HtmlNode>& nodes, HtmlWriter& writer) : nodes_(nodes), writer_(writer) {
    FindLayoutTables();
  }

  void Write(std::uint32_t root) {
    std::vector<std::uint32_t> open;
    for (std::uint32_t i = root; i < nodes_[root].end;) {
      while (!open.empty() && nodes_[open.back()].end <= i) {
        Leave(open.back());
        open.pop_back();
      }
      const HtmlNode& node = nodes_[i];
      if (node.left_out) {
        i = node.end;
        continue;
      }
      if (node.is_text()) {
        WriteText(node.text());
      } else {
        Enter(i);
        open.push_back(i);
      }
      ++i;
    }
    for (; !open.empty(); open.pop_back()) Leave(open.back());
  }

 private:
  struct List {
    bool ordered = false;
    long next = 1;
  };

  void WriteText(std::string_view text) {
    if (preformatted_ > 0) {
      writer_.PreformattedText(text);
    } else {
      writer_.Text(text);
    }
  }

  // Tables that only place things (headings, lists, code or other tables in their cells) have no
  // rows to show as lines.
  void FindLayoutTables() {
    is_layout_.resize(nodes_.size());
    std::vector<std::uint32_t> tables;
    std::vector<std::uint32_t> cells;
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      while (!tables.empty() && nodes_[tables.back()].end <= i) tables.pop_back();
      const HtmlNode& node = nodes_[i];
      if (node.left_out || !node.is_element()) continue;
      const GumboTag tag = node.tag();
      if (!tables.empty()) {
        const bool block = HeadingLevel(tag) > 0 || IsPreformatted(tag) || tag == GUMBO_TAG_TABLE ||
                           tag == GUMBO_TAG_DL || tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL ||
                           tag == GUMBO_TAG_BLOCKQUOTE;
        const bool large = IsCell(tag) && node.text_bytes > kMaxCellBytes;
        if (block || large) is_layout_[tables.back()] = true;
      }
      if (tag == GUMBO_TAG_TABLE) {
        tables.push_back(i);
        const std::string_view role = node.attribute("role");
        if (role == "presentation" || role == "none") is_layout_[i] = true;
      }
    }
  }

  // A <div> of some length is a paragraph.
  static int BreaksAround(const HtmlNode& node) {
    const bool paragraph = node.tag() == GUMBO_TAG_DIV && node.text_bytes > kMinParagraphBytes;
    return paragraph ? 2 : BlockBreaks(node.tag());
  }

  bool InDataTable() const { return !tables_.empty() && !is_layout_[tables_.back()]; }

  void Enter(std::uint32_t index) {
    const HtmlNode& node = nodes_[index];
    const GumboTag tag = node.tag();
    if (const int level = HeadingLevel(tag)) return writer_.BeginHeading(level);
    if (IsPreformatted(tag)) {
      ++preformatted_;
      return writer_.BeginPreformatted();
    }
    if (IsCell(tag) && !tables_.empty()) {
      if (InDataTable()) return writer_.Cell();
      return writer_.Break(2);
    }
    switch (tag) {
      case GUMBO_TAG_BR:
        if (preformatted_ > 0) return writer_.PreformattedText("\n");
        return writer_.LineBreak();
      case GUMBO_TAG_LI:
        return EnterItem();
      case GUMBO_TAG_UL:
      case GUMBO_TAG_OL:
        return EnterList(node);
      case GUMBO_TAG_DT:
        return writer_.Break(FollowsTerm(index) ? 1 : 2);
      case GUMBO_TAG_TABLE:
        writer_.Break(2);
        tables_.push_back(index);
        return;
      case GUMBO_TAG_TR:
        if (InDataTable()) return writer_.BeginRow();
        return writer_.Break(1);
      case GUMBO_TAG_SUP:
        return EnterSuperscript(index);
      case GUMBO_TAG_Q:
        return writer_.Text("\"");
      default:
        writer_.Break(BreaksAround(node));
        // The words of a drawing stand apart.
        if (node.is_svg()) writer_.Text(" ");
    }
  }

  void Leave(std::uint32_t index) {
    const HtmlNode& node = nodes_[index];
    const GumboTag tag = node.tag();
    if (HeadingLevel(tag) > 0) return writer_.EndHeading();
    if (IsPreformatted(tag)) {
      --preformatted_;
      return writer_.EndPreformatted();
    }
    switch (tag) {
      case GUMBO_TAG_UL:
      case GUMBO_TAG_OL:
        if (!lists_.empty()) lists_.pop_back();
        return writer_.Break(lists_.empty() ? 2 : 1);
      case GUMBO_TAG_TABLE:
        if (!tables_.empty()) tables_.pop_back();
        return writer_.Break(2);
      case GUMBO_TAG_TR:
        if (InDataTable()) return writer_.EndRow();
        return writer_.Break(1);
      case GUMBO_TAG_Q:
        return writer_.Glue("\"");
      default:
        writer_.Break(BreaksAround(node));
        if (node.is_svg()) writer_.Text(" ");
    }
  }

  void EnterList(const HtmlNode& node) {
    // A list in an item follows its line.
    writer_.Break(lists_.empty() ? 2 : 1);
    List list{node.tag() == GUMBO_TAG_OL, 1};
    const std::string_view start = node.attribute("start");
    if (!start.empty() && start.size() < 6 &&
        std::all_of(start.begin(), start.end(), IsAsciiDigit)) {
      list.next = std::stol(std::string(start));
    }
    lists_.push_back(list);
  }

  void EnterItem() {
    // Deeper lists than this are no deeper to the eye.
    const std::size_t depth = std::min<std::size_t>(lists_.size(), 8);
    std::string marker(depth > 1 ? 2 * (depth - 1) : 0, ' ');
    if (!lists_.empty() && lists_.back().ordered) {
      marker += std::to_string(lists_.back().next++) + ". ";
    } else {
      marker += "- ";
    }
    writer_.Marker(std::move(marker));
  }

  // Whether the element before this <dt> is a <dt> too: two terms, one definition.
  bool FollowsTerm(std::uint32_t index) const {
    const GumboNode* node = nodes_[index].gumbo;
    if (node->parent == nullptr || node->parent->type != GUMBO_NODE_ELEMENT) return false;
    const GumboVector& siblings = node->parent->v.element.children;
    for (std::size_t i = node->index_within_parent; i-- > 0;) {
      const auto* sibling = static_cast<const GumboNode*>(siblings.data[i]);
      if (sibling->type == GUMBO_NODE_ELEMENT) return sibling->v.element.tag == GUMBO_TAG_DT;
    }
    return false;
  }

  // 2<sup>64</sup> is 2^64, not 264; a footnote's number stands apart; "1<sup>st</sup>" is as it
  // reads.
  void EnterSuperscript(std::uint32_t index) {
    std::string text;
    for (std::uint32_t i = index + 1; i < nodes_[index].end && text.size() < 16; ++i) {
      if (nodes_[i].tag() == GUMBO_TAG_A) return writer_.Text(" ");
      text += nodes_[i].text();
    }
    const std::string_view exponent = TrimText(text);
    if (exponent.empty() || writer_.text().empty()) return;
    const char first = exponent[0];
    const char base = writer_.text().back();
    if ((IsAsciiDigit(first) || first == '-' || first == '+' || exponent.size() == 1) &&
        (IsAsciiDigit(base) || IsAsciiAlpha(base) || base == ')')) {
      writer_.Glue("^");
    }
  }

  const std::vector<HtmlNode>& nodes_;
  HtmlWriter& writer_;
  std::vector<bool> is_layout_;        // by node: a table that is not data
  std::vector<std::uint32_t> tables_;  // open ones
  std::vector<List> lists_;            // open ones
  int preformatted_ = 0;
};

}  // namespace

void WriteHtml(const HtmlTree& tree, std::uint32_t root, HtmlWriter& writer) {
  Layout(tree.nodes(), writer).Write(root);
}

}  // namespace fovea
