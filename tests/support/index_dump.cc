#include "tests/support/index_dump.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>

namespace fovea {

std::vector<std::string> DumpIndex(const Store& store) {
  std::vector<std::string> lines;
  store.ForEachDocument([&](const DocumentRecord& document) {
    const std::string text = store.DocumentText(document.id);
    const std::string start = document.name + "|" + document.source + "|" + document.title + "|" +
                              document.format + "|" + document.metadata_json + "|";
    lines.push_back(start + std::to_string(text.size()));
    for (const auto& [id, chunk] : store.ChunksOfDocument(document.id)) {
      std::string line = start + std::to_string(chunk.range.begin) + "|" +
                         std::to_string(chunk.range.end) + "|" + chunk.heading + "|" +
                         std::string(Slice(text, chunk.range)) + "|";
      for (const float x : store.Vector(id)) {
        char bits[9];
        std::snprintf(bits, sizeof bits, "%08x", std::bit_cast<std::uint32_t>(x));
        line += bits;
      }
      lines.push_back(line);
    }
    return true;
  });
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace fovea
