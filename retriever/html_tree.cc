#include "retriever/html_tree.h"

#include <algorithm>
#include <chrono>
#include <csetjmp>
#include <memory_resource>
#include <new>

#include "lib/base/ascii.h"
#include "retriever/html_nesting.h"

namespace fovea {

// Gumbo's memory. Freed all at once: gumbo's own destructor recurses once a level, and would
// overflow the stack on a page nested deep. Gumbo cannot be told that memory is out, so the parse
// is left by longjmp, over frames of C alone.
struct HtmlTree::Arena {
  static constexpr std::size_t kHeader = alignof(std::max_align_t);
  static constexpr unsigned kCallsBetweenLooksAtClock = 4096;

  std::pmr::unsynchronized_pool_resource pool;
  HtmlLimits limits;
  std::size_t used = 0;
  unsigned calls = 0;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  bool out_of_time = false;
  GumboOutput* output = nullptr;
  std::jmp_buf escape;

  bool IsLate() {
    if (++calls % kCallsBetweenLooksAtClock != 0) return false;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    out_of_time = elapsed.count() > limits.max_seconds;
    return out_of_time;
  }

  // The size is kept in front: gumbo does not give it back with the pointer.
  void* TryAllocate(std::size_t size) noexcept {
    const std::size_t total = size + kHeader;
    if (total < size || total > limits.max_tree_bytes - used || IsLate()) return nullptr;
    try {
      auto* block = static_cast<std::byte*>(pool.allocate(total));
      new (block) std::size_t(total);
      used += total;
      return block + kHeader;
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }

  static void* Allocate(void* arena, std::size_t size) {
    auto* self = static_cast<Arena*>(arena);
    void* memory = self->TryAllocate(size);
    if (memory == nullptr) std::longjmp(self->escape, 1);
    return memory;
  }

  static void Deallocate(void* arena, void* memory) {
    if (memory == nullptr) return;
    auto* self = static_cast<Arena*>(arena);
    auto* block = static_cast<std::byte*>(memory) - kHeader;
    const std::size_t total = *std::launder(reinterpret_cast<std::size_t*>(block));
    self->used -= total;
    self->pool.deallocate(block, total);
  }

  // No object with a destructor may live in this frame.
  static bool Parse(Arena* arena, const char* html, std::size_t size) {
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = &Allocate;
    options.deallocator = &Deallocate;
    options.userdata = arena;
    options.max_errors = 0;
    if (setjmp(arena->escape) != 0) return false;
    arena->output = gumbo_parse_with_options(&options, html, size);
    return true;
  }
};

HtmlTree::HtmlTree() : arena_(std::make_unique<Arena>()) {}
HtmlTree::~HtmlTree() = default;

std::unique_ptr<HtmlTree> HtmlTree::Parse(std::string_view html, const HtmlLimits& limits,
                                          std::string& problem) {
  std::unique_ptr<HtmlTree> tree(new HtmlTree);
  tree->arena_->limits = limits;
  if (LimitHtmlNesting(html, tree->limited_)) html = tree->limited_;
  if (!Arena::Parse(tree->arena_.get(), html.data(), html.size())) {
    problem = tree->arena_->out_of_time
                  ? "HTML that takes too long to parse; convert it to text first"
                  : "HTML whose tree takes more than " +
                        std::to_string(limits.max_tree_bytes >> 20) +
                        " MiB; split it or convert it to text first";
    return nullptr;
  }
  tree->Flatten(tree->arena_->output->root);
  return tree;
}

void HtmlTree::Flatten(const GumboNode* root) {
  struct Open {
    std::uint32_t index;
    unsigned child;
  };
  std::vector<Open> open;
  const auto add = [&](const GumboNode* node, std::uint32_t parent) {
    const auto index = static_cast<std::uint32_t>(nodes_.size());
    HtmlNode flat{node, parent, index + 1, 0, false};
    const std::string_view text = flat.text();
    flat.text_bytes = static_cast<std::uint32_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return !IsAsciiSpace(c); }));
    nodes_.push_back(flat);
    if (flat.is_element()) open.push_back({index, 0});
  };
  add(root, 0);
  while (!open.empty()) {
    Open& top = open.back();
    const GumboVector& children = nodes_[top.index].gumbo->v.element.children;
    if (top.child < children.length) {
      const auto* child = static_cast<const GumboNode*>(children.data[top.child++]);
      add(child, top.index);  // `top` may dangle from here
      continue;
    }
    const std::uint32_t index = top.index;
    open.pop_back();
    nodes_[index].end = static_cast<std::uint32_t>(nodes_.size());
  }
}

std::string_view HtmlNode::attribute(const char* name) const {
  if (!is_element()) return {};
  const GumboAttribute* found = gumbo_get_attribute(&gumbo->v.element.attributes, name);
  return found == nullptr ? std::string_view() : found->value;
}

bool HtmlNode::has_attribute(const char* name) const {
  return is_element() && gumbo_get_attribute(&gumbo->v.element.attributes, name) != nullptr;
}

}  // namespace fovea
