#include "retriever/html_content.h"

#include <algorithm>
#include <array>
#include <string>

#include "lib/base/ascii.h"

namespace fovea {
namespace {

// Words of `class` and `id` that mark what surrounds the text of a page.
constexpr std::array<std::string_view, 89> kBoilerplate = {"ad",
                                                           "ads",
                                                           "advert",
                                                           "advertisement",
                                                           "banner",
                                                           "breadcrumb",
                                                           "breadcrumbs",
                                                           "cookie",
                                                           "cookie-banner",
                                                           "cookie-bar",
                                                           "cookie-consent",
                                                           "cookie-notice",
                                                           "cookies",
                                                           "consent",
                                                           "consent-banner",
                                                           "docnav",
                                                           "edit-link",
                                                           "editsection",
                                                           "fancy-toc",
                                                           "fancy_toc",
                                                           "footer",
                                                           "footer-nav",
                                                           "gdpr",
                                                           "global-nav",
                                                           "headerlink",
                                                           "hidden",
                                                           "invisible",
                                                           "linenodiv",
                                                           "linenos",
                                                           "main-menu",
                                                           "mainmenu",
                                                           "masthead",
                                                           "menu",
                                                           "menubar",
                                                           "mobile-nav",
                                                           "modal",
                                                           "mw-editsection",
                                                           "mw-navigation",
                                                           "nav",
                                                           "navbar",
                                                           "navbox",
                                                           "navfooter",
                                                           "navheader",
                                                           "navigation",
                                                           "newsletter",
                                                           "no-print",
                                                           "noprint",
                                                           "nosearch",
                                                           "on-this-page",
                                                           "page-footer",
                                                           "page-header",
                                                           "page-nav",
                                                           "page-toc",
                                                           "pager",
                                                           "pagination",
                                                           "popup",
                                                           "prev-next",
                                                           "print-hide",
                                                           "promo",
                                                           "related",
                                                           "related-posts",
                                                           "screen-reader-only",
                                                           "screen-reader-text",
                                                           "searchbox",
                                                           "searchmenu",
                                                           "share",
                                                           "sharing",
                                                           "sidebar",
                                                           "site-footer",
                                                           "site-header",
                                                           "sitenav",
                                                           "skip-link",
                                                           "skip-to-content",
                                                           "skiplink",
                                                           "social",
                                                           "social-share",
                                                           "sphinxsidebar",
                                                           "sponsors",
                                                           "sr-only",
                                                           "submenu",
                                                           "subscribe",
                                                           "table-of-contents",
                                                           "toc",
                                                           "toctitle",
                                                           "topbar",
                                                           "topnav",
                                                           "visually-hidden",
                                                           "visuallyhidden",
                                                           "wy-nav-side"};
constexpr std::array<std::string_view, 9> kRoles = {"alertdialog", "banner", "contentinfo",
                                                    "dialog",      "menu",   "menubar",
                                                    "navigation",  "search", "toolbar"};

template <std::size_t N>
bool Contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool HasBoilerplateWord(std::string_view attribute) {
  const std::string words = AsciiLower(attribute.substr(0, 1024));
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t begin = std::min(words.find_first_not_of(" \t\n\f\r", at), words.size());
    const std::size_t end = std::min(words.find_first_of(" \t\n\f\r", begin), words.size());
    if (end > begin && Contains(kBoilerplate, std::string_view(words).substr(begin, end - begin))) {
      return true;
    }
    at = end;
  }
  return false;
}

bool IsHidden(const HtmlNode& node) {
  if (node.has_attribute("hidden") || node.attribute("aria-hidden") == "true") return true;
  const std::string_view attribute = node.attribute("style");
  if (attribute.empty()) return false;
  std::string style = AsciiLower(attribute.substr(0, 1024));
  std::erase_if(style, IsAsciiSpace);
  return style.find("display:none") != std::string::npos ||
         style.find("visibility:hidden") != std::string::npos;
}

// Has no text to read, whatever its size.
bool IsNeverText(const HtmlNode& node) {
  switch (node.tag()) {
    case GUMBO_TAG_SCRIPT:
    case GUMBO_TAG_STYLE:
    case GUMBO_TAG_HEAD:
    case GUMBO_TAG_TITLE:
    case GUMBO_TAG_NOSCRIPT:
    case GUMBO_TAG_NOFRAMES:
    case GUMBO_TAG_NOEMBED:
    case GUMBO_TAG_IFRAME:
    case GUMBO_TAG_OBJECT:
    case GUMBO_TAG_APPLET:
    case GUMBO_TAG_AUDIO:
    case GUMBO_TAG_VIDEO:
    case GUMBO_TAG_CANVAS:
    case GUMBO_TAG_MAP:
    case GUMBO_TAG_SELECT:
    case GUMBO_TAG_TEXTAREA:
    case GUMBO_TAG_BUTTON:
    case GUMBO_TAG_DATALIST:
    case GUMBO_TAG_METER:
    case GUMBO_TAG_PROGRESS:
      return true;
    default:
      return false;
  }
}

// The text of a drawing is that of its <text> elements (a syntax diagram's words); the rest is
// tooltips and metadata.
bool IsDrawingText(const HtmlNode& node) {
  GumboStringPiece name = node.gumbo->v.element.original_tag;
  gumbo_tag_from_original_text(&name);
  const std::string lower =
      AsciiLower(std::string_view(name.data == nullptr ? "" : name.data, name.length));
  return lower == "text" || lower == "tspan" || lower == "textpath" || lower == "foreignobject";
}

bool IsInside(const std::vector<HtmlNode>& nodes, std::uint32_t index,
              std::initializer_list<GumboTag> tags) {
  for (std::uint32_t at = nodes[index].parent; at != 0; at = nodes[at].parent) {
    if (std::find(tags.begin(), tags.end(), nodes[at].tag()) != tags.end()) return true;
  }
  return false;
}

bool IsBoilerplate(const std::vector<HtmlNode>& nodes, std::uint32_t index) {
  const HtmlNode& node = nodes[index];
  switch (node.tag()) {
    case GUMBO_TAG_HTML:
    case GUMBO_TAG_BODY:
    case GUMBO_TAG_MAIN:
    case GUMBO_TAG_ARTICLE:
      return false;
    case GUMBO_TAG_NAV:
    case GUMBO_TAG_FORM:
      return true;
    case GUMBO_TAG_HEADER:
      if (!IsInside(nodes, index, {GUMBO_TAG_MAIN, GUMBO_TAG_ARTICLE, GUMBO_TAG_SECTION}))
        return true;
      break;
    case GUMBO_TAG_FOOTER:
      if (!IsInside(nodes, index, {GUMBO_TAG_ARTICLE, GUMBO_TAG_BLOCKQUOTE})) return true;
      break;
    default:
      break;
  }
  return IsHidden(node) || Contains(kRoles, node.attribute("role")) ||
         HasBoilerplateWord(node.attribute("class")) || HasBoilerplateWord(node.attribute("id"));
}

// Sums text_bytes of the text nodes that are not left out up to their ancestors.
void SumText(std::vector<HtmlNode>& nodes) {
  for (HtmlNode& node : nodes) {
    if (!node.is_text()) node.text_bytes = 0;
  }
  for (std::size_t i = nodes.size(); i-- > 1;) {
    if (!nodes[i].left_out) nodes[nodes[i].parent].text_bytes += nodes[i].text_bytes;
  }
}

// Marks whole subtrees for which `rule` holds.
template <typename Rule>
void LeaveOut(std::vector<HtmlNode>& nodes, const Rule& rule) {
  for (std::uint32_t i = 1; i < nodes.size();) {
    if (nodes[i].left_out || !rule(i)) {
      ++i;
      continue;
    }
    const std::uint32_t end = nodes[i].end;
    for (; i < end; ++i) nodes[i].left_out = true;
  }
}

}  // namespace

std::uint32_t FindMainText(HtmlTree& tree) {
  std::vector<HtmlNode>& nodes = tree.nodes();
  LeaveOut(nodes, [&](std::uint32_t i) {
    const HtmlNode& node = nodes[i];
    if (node.is_text()) return nodes[node.parent].is_svg() && !IsDrawingText(nodes[node.parent]);
    return !node.is_element() || IsNeverText(node);
  });
  SumText(nodes);
  const std::uint32_t total = nodes[0].text_bytes;
  LeaveOut(nodes, [&](std::uint32_t i) {
    return nodes[i].is_element() && nodes[i].text_bytes <= total / 2 && IsBoilerplate(nodes, i);
  });
  SumText(nodes);
  std::uint32_t main = 0;
  std::uint32_t article = 0;
  int articles = 0;
  for (std::uint32_t i = 1; i < nodes.size(); ++i) {
    if (nodes[i].left_out || !nodes[i].is_element()) continue;
    if (nodes[i].tag() == GUMBO_TAG_MAIN || nodes[i].attribute("role") == "main") {
      if (nodes[i].text_bytes > nodes[main].text_bytes || main == 0) main = i;
    } else if (nodes[i].tag() == GUMBO_TAG_ARTICLE) {
      article = i;
      ++articles;
    }
  }
  const std::uint32_t most = nodes[0].text_bytes / 2;
  if (main != 0 && nodes[main].text_bytes > most) return main;
  if (articles == 1 && nodes[article].text_bytes > most) return article;
  return 0;
}

}  // namespace fovea
