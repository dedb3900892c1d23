// The main text of an HTML page, laid out as plain text, with its title and sections.

#pragma once

#include <string>
#include <string_view>

#include "lib/text/document.h"

namespace fovea {

// The encoding that a page names in <meta charset>, <meta http-equiv> or <?xml encoding>; "" if
// none.
std::string HtmlDeclaredEncoding(std::string_view bytes);

// Sets title (of <title>, else the first <h1>, else left alone), text and sections of `document`
// from `html`, valid UTF-8. Returns "" or the reason why the page cannot be read.
std::string LoadHtml(std::string_view html, Document& document);

}  // namespace fovea
