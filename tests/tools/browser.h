// Debian's chromium without a window: opens a page and tells what became of it.

#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temp_folder.h"

namespace fovea {

struct BrowserResult {
  std::string dom;                    // the document after its scripts have run
  std::vector<std::string> messages;  // what they and the browser wrote to the console

  // The value of an attribute in each tag that has it, in order.
  std::vector<std::string> Attributes(const std::string& name) const {
    std::vector<std::string> values;
    const std::string begin = " " + name + "=\"";
    for (std::size_t at = 0; (at = dom.find(begin, at)) != std::string::npos;) {
      at += begin.size();
      values.push_back(dom.substr(at, dom.find('"', at) - at));
    }
    return values;
  }
  // The text of the element with this id, which holds no others; "" if there is none.
  std::string Text(const std::string& id) const { return TextAfter(" id=\"" + id + "\""); }
  std::string Title() const { return TextAfter("<title"); }

 private:
  // Of the tag that this is part of.
  std::string TextAfter(const std::string& part) const {
    const std::size_t at = dom.find(part);
    if (at == std::string::npos) return "";
    const std::size_t begin = dom.find('>', at) + 1;
    return dom.substr(begin, dom.find('<', begin) - begin);
  }
};

// The page at this fragment of its address ("" or "layer=1"). Throws if the browser is missing,
// fails, or is not done after two minutes.
inline BrowserResult OpenInBrowser(const std::string& page, const std::string& fragment = "") {
  const TempFolder folder;
  folder.Write("page.html", page);
  const std::string path = folder.path().string();
  // No sandbox: in a container, root's does not start.
  const std::string command =
      "timeout --kill-after=5 120 chromium --headless --no-sandbox --disable-gpu "
      "--disable-dev-shm-usage --disable-background-networking --disable-component-update "
      "--no-first-run --enable-logging=stderr --user-data-dir='" +
      path + "/profile' --dump-dom 'file://" + path + "/page.html#" + fragment + "' >'" + path +
      "/dom' 2>'" + path + "/log'";
  const int status = std::system(command.c_str());
  const auto load = [&](const char* name) {
    std::ifstream file(path + "/" + name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string log = load("log");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error("chromium: exit status " + std::to_string(WEXITSTATUS(status)) +
                             " (127: missing, run tools/install-packages.sh chromium)\n" + log);
  }
  BrowserResult result;
  result.dom = load("dom");
  std::ifstream lines(path + "/log");
  for (std::string line; std::getline(lines, line);) {
    if (line.find(":CONSOLE") != std::string::npos) result.messages.push_back(line);
  }
  return result;
}

}  // namespace fovea
