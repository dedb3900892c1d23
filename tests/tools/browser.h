// Debian's chromium without a window: opens a page and tells what became of it.

#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
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
    return Matches(std::regex(" " + name + "=\"([^\"]*)\""));
  }
  // The text of the element with this id, which holds no others.
  std::string Text(const std::string& id) const {
    const auto found = Matches(std::regex(" id=\"" + id + "\"[^>]*>([^<]*)<"));
    return found.empty() ? "" : found.front();
  }
  std::string Title() const { return Matches(std::regex("<title>([^<]*)</title>")).at(0); }

 private:
  std::vector<std::string> Matches(const std::regex& pattern) const {
    std::vector<std::string> matches;
    for (std::sregex_iterator at(dom.begin(), dom.end(), pattern), end; at != end; ++at)
      matches.push_back((*at)[1]);
    return matches;
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
