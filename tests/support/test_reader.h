// A reader's file that nobody trained: the base model's own layers and random heads.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "lib/reader/reader_file.h"
#include "lib/train/reader_network.h"

namespace fovea {

// The network over the base in `folder`; everything that starts at zero is drawn as well.
std::unique_ptr<ReaderNetwork> RandomReader(const Encoder& base,
                                            const std::filesystem::path& folder,
                                            const ReaderNetworkOptions& options,
                                            std::uint64_t seed);

// Writes the network as `fovea train reader` does.
void WriteReader(ReaderNetwork& network, const std::filesystem::path& path,
                 ReaderFileType type = ReaderFileType::kInt8, float retrieval_weight = 0);

}  // namespace fovea
