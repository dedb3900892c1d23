// Where models are found.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace fovea {

inline constexpr const char* kDefaultEmbedder = "all-MiniLM-L6-v2";
inline constexpr const char* kDefaultGenerator = "SmolLM2-135M-Instruct.Q4_1.gguf";

// $FOVEA_MODELS, else ${XDG_DATA_HOME:-~/.local/share}/fovea/models.
std::filesystem::path DefaultModelsFolder();

// `name` if it is a path (has a "/") that exists, else models_folder / name (also with ".gguf" added), else `name` in the current folder. Throws Error(kNotFound) that says where it
// looked and that tools/fetch-models.sh gets the default models.
std::filesystem::path ResolveModel(const std::filesystem::path& models_folder, const std::string& name);

// ContentHash of the file. If a file `<path>.xxh128` lies beside it (written by tools/fetch-models.sh; its first 32 characters
// are the hash) and says otherwise, throws Error(kCorrupt): "… does not match its checksum".
std::string ModelFingerprint(const std::filesystem::path& path, std::string_view bytes);

}  // namespace fovea
