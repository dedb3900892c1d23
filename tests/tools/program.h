// Runs the built program as a child: what it writes to stdout and stderr, and how it ends.

#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_folder.h"

namespace fovea {

struct ProgramResult {
  int status = -1;  // exit status; 128 + signal if one ended it
  std::string out;
  std::string err;

  nlohmann::json Json() const { return nlohmann::json::parse(out); }
  // One value a line.
  std::vector<nlohmann::json> JsonLines() const {
    std::vector<nlohmann::json> lines;
    std::istringstream text(out);
    for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
};

struct ProgramRun {
  std::string input = {};                     // of stdin
  std::string input_file = {};                // take stdin from there instead
  std::filesystem::path folder = {};          // current folder; empty: as it is
  std::string stdout_file = {};               // write stdout there instead ("/dev/full")
  bool closed_stdout = false;                 // stdout is a pipe that nobody reads
  std::vector<std::string> environment = {};  // "NAME=value" to add
};

class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments, const ProgramRun& run = {}) {
    Save("in", run.input);
    int broken[2] = {-1, -1};
    if (run.closed_stdout && pipe(broken) != 0) throw std::runtime_error("pipe");
    if (broken[0] >= 0) close(broken[0]);
    child_ = fork();
    if (child_ < 0) throw std::runtime_error("fork");
    if (child_ == 0) {
      const std::string out = run.stdout_file.empty() ? File("out") : run.stdout_file;
      Redirect(run.input_file.empty() ? File("in") : run.input_file, STDIN_FILENO, O_RDONLY);
      Redirect(File("err"), STDERR_FILENO, O_WRONLY | O_CREAT | O_TRUNC);
      if (broken[1] >= 0) {
        dup2(broken[1], STDOUT_FILENO);
      } else {
        Redirect(out, STDOUT_FILENO, O_WRONLY | O_CREAT | O_TRUNC);
      }
      if (!run.folder.empty() && chdir(run.folder.c_str()) != 0) _exit(125);
      for (const std::string& variable : run.environment)
        putenv(const_cast<char*>(variable.c_str()));
      std::vector<std::string> words = {FOVEA_BINARY_DIR "/tools/fovea"};
      words.insert(words.end(), arguments.begin(), arguments.end());
      std::vector<char*> argv;
      for (std::string& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(126);
    }
    if (broken[1] >= 0) close(broken[1]);
  }

  void Kill(int number) const { kill(child_, number); }

  // What stderr holds so far.
  std::string Err() const { return Load("err"); }

  ProgramResult Wait() {
    int status = 0;
    if (waitpid(child_, &status, 0) != child_) throw std::runtime_error("waitpid");
    ProgramResult result;
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.out = Load("out");
    result.err = Load("err");
    return result;
  }

 private:
  std::string File(const char* name) const { return (folder_.path() / name).string(); }
  void Save(const char* name, const std::string& text) const { folder_.Write(name, text); }
  std::string Load(const char* name) const {
    std::ifstream file(File(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  static void Redirect(const std::string& file, int descriptor, int flags) {
    const int opened = open(file.c_str(), flags, 0600);
    if (opened < 0 || dup2(opened, descriptor) < 0) _exit(124);
  }

  TempFolder folder_;
  pid_t child_ = -1;
};

inline ProgramResult RunProgram(const std::vector<std::string>& arguments,
                                const ProgramRun& run = {}) {
  return Program(arguments, run).Wait();
}

}  // namespace fovea
