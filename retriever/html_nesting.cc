#include "retriever/html_nesting.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <vector>

#include "lib/base/ascii.h"

namespace fovea {
namespace {

// What the tree builder does with an element; bits.
enum Kind : unsigned {
  // Never have content.
  kVoid = 1u << 0,
  // Never below another of their kind without a <table> between.
  kSingle = 1u << 1,
  // Their content is text up to the end tag.
  kRawText = 1u << 2,
  // An end tag does not reach through these.
  kBarrier = 1u << 3,
  kTablePart = 1u << 4,
  kHeading = 1u << 5,
  // Close an open <p>.
  kClosesParagraph = 1u << 6,
  // End tags of these take them out from below blocks that are still open (the "adoption agency").
  kFormatting = 1u << 7,
  // The end tag of any other element than these does not close one of these ("special" elements).
  kSpecial = 1u << 8,
  // Special, but with the end tag of an ordinary element.
  kOrdinaryEnd = 1u << 9,
  kListItem = 1u << 10,
  kDefinition = 1u << 11,
  kOption = 1u << 12,
  kOptionGroup = 1u << 13,
  kForeign = 1u << 14,
};

struct KindNames {
  unsigned kind;
  std::string_view names;
};

constexpr KindNames kKinds[] = {
    {kVoid,
     "area base br col embed frame hr img input keygen link meta param source track "
     "wbr"},
    {kSingle, "html head body colgroup tr tbody thead tfoot"},
    {kRawText, "script style xmp iframe noembed noframes textarea title"},
    {kBarrier, "table td th caption template object applet marquee svg math"},
    {kTablePart, "caption colgroup tbody td tfoot th thead tr"},
    {kHeading, "h1 h2 h3 h4 h5 h6"},
    {kClosesParagraph,
     "address article aside blockquote center details dir div dl dt dd fieldset "
     "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr li listing main "
     "menu nav ol p pre section summary ul"},
    {kFormatting, "a b big code em font i nobr s small strike strong tt u"},
    {kSpecial,
     "address applet article aside blockquote body button caption center colgroup dd "
     "details dir div dl dt fieldset figcaption figure footer form frameset h1 h2 h3 "
     "h4 h5 h6 head header hgroup html iframe li listing main marquee menu nav noembed "
     "noframes noscript object ol optgroup option p plaintext pre script search "
     "section select style summary table tbody td template textarea tfoot th thead "
     "title tr ul xmp"},
    {kOrdinaryEnd, "option optgroup noscript search xmp"},
    {kListItem, "li"},
    {kDefinition, "dd dt"},
    {kOption, "option"},
    {kOptionGroup, "optgroup"},
    {kForeign, "svg math"},
};

std::unordered_map<std::string, unsigned> MakeKinds() {
  std::unordered_map<std::string, unsigned> kinds;
  for (const KindNames& row : kKinds) {
    for (std::size_t at = 0; at < row.names.size();) {
      const std::size_t end = std::min(row.names.find(' ', at), row.names.size());
      kinds[std::string(row.names.substr(at, end - at))] |= row.kind;
      at = end + 1;
    }
  }
  return kinds;
}

unsigned KindsOf(const std::string& name) {
  static const std::unordered_map<std::string, unsigned> kinds = MakeKinds();
  const auto found = kinds.find(name);
  return found == kinds.end() ? 0 : found->second;
}

constexpr int kMaxActiveFormatting = 16;

struct Tag {
  std::size_t begin = 0;
  std::size_t end = 0;  // past ">"
  std::string name;     // lower case
  unsigned kinds = 0;
  bool closing = false;
  bool self_closing = false;
  int attributes = 0;

  bool is(unsigned kind) const { return (kinds & kind) != 0; }
};

struct OpenElement {
  std::string name;
  unsigned kinds = 0;

  bool is(unsigned kind) const { return (kinds & kind) != 0; }
};

class Limiter {
 public:
  explicit Limiter(std::string_view html) : html_(html) {}

  bool Run(std::string& limited) {
    for (std::size_t at = html_.find('<'); at < html_.size(); at = html_.find('<', at)) {
      at = Markup(at);
    }
    if (copied_ == 0) return false;
    out_.append(html_.substr(copied_));
    limited = std::move(out_);
    return true;
  }

 private:
  // What begins with "<" at `at`; returns where to go on.
  std::size_t Markup(std::size_t at) {
    const std::string_view rest = html_.substr(at, 9);
    if (rest.starts_with("<!--")) return SkipComment(at);
    if (rest == "<![CDATA[" && in_foreign_ > 0) return FindEnd(at, "]]>");
    if (rest.size() < 2) return html_.size();
    const bool closing = rest[1] == '/';
    const std::size_t name_at = closing ? 2 : 1;
    if (name_at < rest.size() && IsAsciiAlpha(rest[name_at])) {
      const Tag tag = ReadTag(at, closing);
      if (closing) {
        Close(tag);
        return tag.end;
      }
      return Open(tag);
    }
    if (rest[1] == '!' || rest[1] == '?' || rest[1] == '/') return FindEnd(at, ">");
    return at + 1;
  }

  std::size_t FindEnd(std::size_t at, std::string_view end) const {
    const std::size_t found = html_.find(end, at);
    return found == std::string_view::npos ? html_.size() : found + end.size();
  }

  std::size_t SkipComment(std::size_t at) const {
    // From the first dash: "<!-->" is a whole comment.
    for (std::size_t dash = html_.find("--", at + 2); dash != std::string_view::npos;
         dash = html_.find("--", dash + 1)) {
      const std::string_view tail = html_.substr(dash + 2, 2);
      if (tail.starts_with(">")) return dash + 3;
      if (tail == "!>" && dash >= at + 4) return dash + 4;
    }
    return html_.size();
  }

  std::size_t SkipSpace(std::size_t at) const {
    while (at < html_.size() && (IsAsciiSpace(html_[at]) || html_[at] == '/')) ++at;
    return at;
  }

  Tag ReadTag(std::size_t begin, bool closing) const {
    Tag tag;
    tag.begin = begin;
    tag.closing = closing;
    std::size_t at = begin + (closing ? 2 : 1);
    const std::size_t name_end = std::min(html_.find_first_of(" \t\n\v\f\r/>", at), html_.size());
    for (; at < name_end; ++at) {
      // No element that matters has a longer name.
      if (tag.name.size() < 32) tag.name += AsciiLower(html_[at]);
    }
    tag.kinds = KindsOf(tag.name);
    for (;;) {
      at = SkipSpace(at);
      if (at >= html_.size()) break;
      if (html_[at] == '>') {
        tag.self_closing = html_[at - 1] == '/';
        ++at;
        break;
      }
      ++tag.attributes;
      at = SkipAttribute(at);
    }
    tag.end = at;
    return tag;
  }

  std::size_t SkipAttribute(std::size_t at) const {
    at = std::min(html_.find_first_of(" \t\n\v\f\r/>=", at + 1), html_.size());
    std::size_t value = at;
    while (value < html_.size() && IsAsciiSpace(html_[value])) ++value;
    if (value >= html_.size() || html_[value] != '=') return at;
    do ++value;
    while (value < html_.size() && IsAsciiSpace(html_[value]));
    if (value >= html_.size()) return value;
    if (html_[value] == '"' || html_[value] == '\'') {
      return std::min(html_.find(html_[value], value + 1), html_.size() - 1) + 1;
    }
    return std::min(html_.find_first_of(" \t\n\v\f\r>", value), html_.size());
  }

  std::size_t Open(const Tag& tag) {
    if (tag.name == "plaintext") return html_.size();
    if (in_foreign_ == 0 && tag.is(kRawText)) return SkipRawText(tag);
    if (tag.attributes > kMaxHtmlAttributes) Replace(tag, "<" + tag.name + ">");
    if (in_foreign_ == 0) CloseWhatEndsHere(tag);
    if (tag.is(kVoid) || (in_foreign_ > 0 ? tag.self_closing : tag.is(kSingle))) return tag.end;
    const bool formatting = tag.is(kFormatting);
    if (open_.size() >= static_cast<std::size_t>(kMaxHtmlDepth) ||
        (formatting && active_total_ >= kMaxActiveFormatting)) {
      ++left_out_[tag.name];
      Replace(tag, " ");
      return tag.end;
    }
    if (formatting) {
      ++active_[tag.name];
      ++active_total_;
    }
    if (tag.is(kForeign)) ++in_foreign_;
    ++open_names_[tag.name];
    open_.push_back({tag.name, tag.kinds});
    return tag.end;
  }

  // Elements whose end tags pages rightly leave out end where the next one begins.
  void CloseWhatEndsHere(const Tag& tag) {
    if (tag.is(kTablePart)) {
      PopTo("table", /*inclusive=*/false);
    } else if (tag.is(kListItem)) {
      PopItem(kListItem);
    } else if (tag.is(kDefinition)) {
      PopItem(kDefinition);
    } else if (tag.is(kOption | kOptionGroup)) {
      PopTop(kOption);
      if (tag.is(kOptionGroup) && open_names_["select"] > 0) PopTop(kOptionGroup);
    }
    if (tag.is(kClosesParagraph)) {
      for (std::size_t i = open_.size(); i > 0 && open_names_["p"] > 0; --i) {
        if (open_[i - 1].is(kBarrier) || open_[i - 1].name == "button") break;
        if (open_[i - 1].name == "p") return Take(i - 1, open_.size());
      }
    }
    if (tag.is(kHeading)) PopTop(kHeading);
  }

  void PopTop(unsigned kinds) {
    if (!open_.empty() && open_.back().is(kinds)) Take(open_.size() - 1, open_.size());
  }

  void PopItem(unsigned kind) {
    for (std::size_t i = open_.size(); i > 0; --i) {
      const std::string& name = open_[i - 1].name;
      if (open_[i - 1].is(kind)) return Take(i - 1, open_.size());
      if (open_[i - 1].is(kSpecial) && name != "address" && name != "div" && name != "p") return;
    }
  }

  void PopTo(std::string_view name, bool inclusive) {
    for (std::size_t i = open_.size(); i > 0; --i) {
      if (open_[i - 1].name == name) return Take(inclusive ? i - 1 : i, open_.size());
      if (open_[i - 1].name == "template") return;
    }
  }

  void Close(const Tag& tag) {
    if (!left_out_.empty()) {
      const auto left_out = left_out_.find(tag.name);
      if (left_out != left_out_.end()) {
        if (--left_out->second == 0) left_out_.erase(left_out);
        Replace(tag, " ");
        return;
      }
    }
    const bool formatting = tag.is(kFormatting);
    if (formatting && active_[tag.name] > 0) {
      --active_[tag.name];
      --active_total_;
    }
    if (in_foreign_ == 0 && (tag.name == "table" || tag.is(kSingle))) {
      // The ends of rows end what is open in them; those of <body> and <html> nothing.
      if (tag.name == "table" || tag.is(kTablePart)) PopTo("table", tag.name == "table");
      return;
    }
    if (tag.is(kHeading)) return CloseHeading();
    const auto open = open_names_.find(tag.name);
    if (open == open_names_.end() || open->second == 0) return;
    const bool ordinary = !tag.is(kSpecial) || tag.is(kOrdinaryEnd);
    bool over_special = tag.name == "form";  // whose end tag closes nothing else
    for (std::size_t i = open_.size(); i > 0; --i) {
      const OpenElement& element = open_[i - 1];
      if (element.name == tag.name) return Take(i - 1, over_special ? i : open_.size());
      if (element.is(kBarrier)) return;
      if (tag.name == "li" && (element.name == "ul" || element.name == "ol")) return;
      over_special = over_special || (ordinary && element.is(kSpecial));
      if (over_special && ordinary && !formatting) return;
    }
  }

  // Any heading's end tag ends any heading.
  void CloseHeading() {
    for (std::size_t i = open_.size(); i > 0 && !open_[i - 1].is(kBarrier); --i) {
      if (open_[i - 1].is(kHeading)) return Take(i - 1, open_.size());
    }
  }

  // Elements [begin, end) of the stack are open no more.
  void Take(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      if (open_[i].is(kForeign)) --in_foreign_;
      --open_names_[open_[i].name];
    }
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(begin),
                open_.begin() + static_cast<std::ptrdiff_t>(end));
  }

  std::size_t SkipRawText(const Tag& tag) const {
    for (std::size_t at = html_.find("</", tag.end); at != std::string_view::npos;
         at = html_.find("</", at + 2)) {
      const std::string_view name = html_.substr(at + 2, tag.name.size());
      const std::size_t after = at + 2 + tag.name.size();
      const bool same = std::equal(name.begin(), name.end(), tag.name.begin(), tag.name.end(),
                                   [](char a, char b) { return AsciiLower(a) == b; });
      if (same && (after >= html_.size() || IsAsciiSpace(html_[after]) || html_[after] == '/' ||
                   html_[after] == '>')) {
        return FindEnd(at, ">");
      }
    }
    return html_.size();
  }

  void Replace(const Tag& tag, std::string_view replacement) {
    if (tag.begin < copied_) return;  // replaced already
    out_.append(html_.substr(copied_, tag.begin - copied_)).append(replacement);
    copied_ = tag.end;
  }

  std::string_view html_;
  std::string out_;
  std::size_t copied_ = 0;  // how much of html_ is in out_
  std::vector<OpenElement> open_;
  std::map<std::string, int> open_names_;
  std::map<std::string, int> left_out_;
  // Formatting elements without their end tag: what the tree builder opens again in every block.
  std::map<std::string, int> active_;
  int active_total_ = 0;
  int in_foreign_ = 0;  // open <svg> and <math>
};

}  // namespace

bool LimitHtmlNesting(std::string_view html, std::string& limited) {
  return Limiter(html).Run(limited);
}

}  // namespace fovea
