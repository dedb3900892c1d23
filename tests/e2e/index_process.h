// Indexing in a process of its own, which can be killed.
//
// The test's own process never indexes: a child made by fork() must not inherit the state of
// threads.

#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/base/file.h"
#include "lib/base/thread_pool.h"
#include "retriever/indexer.h"
#include "tests/support/models.h"

namespace fovea::test {

// A child process that runs `body`; what it writes to its descriptor can be read here.
class Child {
 public:
  // `body` gets the writing end of a pipe. An exception in it is exit status 1, its end 0.
  explicit Child(const std::function<void(int pipe)>& body) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    std::fflush(nullptr);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no child process");
    if (pid_ == 0) {
      close(ends[0]);
      int status = 0;
      try {
        body(ends[1]);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "child process: %s\n", error.what());
        status = 1;
      }
      _exit(status);
    }
    close(ends[1]);
    pipe_ = ends[0];
  }
  ~Child() {
    if (pid_ > 0) {
      Kill();
      Wait();
    }
    close(pipe_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void Kill() { kill(pid_, SIGKILL); }

  // Waits for its end. True if a signal ended it.
  bool Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return WIFSIGNALED(status);
  }
  int exit_status() const { return exit_status_; }

  // Everything that it has written until its end (or all so far if it has not been waited for and
  // still runs: blocks).
  std::string Read() const {
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = read(pipe_, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
    return text;
  }

  // Whether it has written something that has not been read yet, or has ended. Does not wait.
  bool HasSpoken() const {
    pollfd descriptor{.fd = pipe_, .events = POLLIN, .revents = 0};
    return poll(&descriptor, 1, 0) > 0;
  }

  // Waits for that many bytes. False if it ended before.
  bool ReadExactly(char* buffer, std::size_t bytes) const {
    while (bytes > 0) {
      const ssize_t n = read(pipe_, buffer, bytes);
      if (n <= 0) return false;
      buffer += n;
      bytes -= static_cast<std::size_t>(n);
    }
    return true;
  }

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
  int exit_status_ = -1;
};

struct IndexJob {
  std::filesystem::path corpus;
  std::filesystem::path index;
  int threads = 1;
  // Small, so that a small corpus takes many commits.
  std::size_t group_bytes = 1500;
};

inline IndexReport RunIndexer(const IndexJob& job) {
  ThreadPool pool(job.threads);
  const auto store = Store::Open(job.index, Store::Mode::kWrite);
  IndexerOptions options;
  options.group_bytes = job.group_bytes;
  return Indexer(*store, TestEncoder(), options, &pool).Add({job.corpus});
}

// Runs it in a child to its end. Throws if that fails.
inline void IndexInChild(const IndexJob& job) {
  Child child([&](int) { RunIndexer(job); });
  if (child.Wait() || child.exit_status() != 0) throw std::runtime_error("indexing failed");
}

// About 150 short documents: text, Markdown and a corpus.jsonl; every fifth text file has several
// chunks.
inline void WriteCorpus(const std::filesystem::path& folder, int files = 100, int lines = 50) {
  const auto write = [&](const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder / name;
    std::filesystem::create_directories(path.parent_path());
    WriteFileAtomically(path, text);
  };
  const auto sentence = [](int i) {
    const char* subjects[] = {"The river", "A merchant", "This engine", "Every winter",
                              "The old library"};
    const char* verbs[] = {"carries", "changes", "remembers", "divides", "repairs"};
    const char* objects[] = {"the valley", "a broken clock", "thirty letters", "the northern road",
                             "its own bed"};
    return std::string(subjects[i % 5]) + " " + verbs[i / 5 % 5] + " " + objects[i / 25 % 5] +
           " in year " + std::to_string(i) + ". ";
  };
  for (int i = 0; i < files; ++i) {
    std::string text = i % 2 == 0 ? "" : "# Chapter " + std::to_string(i) + "\n\n";
    for (int s = 0; s < (i % 5 == 0 ? 25 : 3); ++s) text += sentence(i * 31 + s);
    write("part" + std::to_string(i % 7) + "/" + std::to_string(i) + (i % 2 == 0 ? ".txt" : ".md"),
          text);
  }
  std::string corpus;
  for (int i = 0; i < lines; ++i) {
    corpus += R"({"_id": "line-)" + std::to_string(i) + R"(", "title": "Line", "text": ")" +
              sentence(i * 17) + "\"}\n";
  }
  write("corpus.jsonl", corpus);
}

}  // namespace fovea::test
