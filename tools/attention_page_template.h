// The build's copy of tools/attention_page/.

#pragma once

#include <string_view>

namespace fovea::tools {

// With @NONCE@ and @READING@ to be filled in.
extern const std::string_view kAttentionPageTemplate;

}  // namespace fovea::tools
