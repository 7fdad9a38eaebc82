//===- Process.h - child processes, ended by their id and by nothing else ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_PROCESS_H
#define DISCOC_RUN_PROCESS_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/Interrupt.h"

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace discoc {

using Clock = std::chrono::steady_clock;

/// How a child begins, beside its arguments.
struct ChildStart {
  std::vector<int> inherited; ///< descriptors that stay open under their numbers, but for -1
  std::vector<std::string> environment; ///< NAME=VALUE, beside that of discoc
  std::string directory;                ///< to begin in; empty: where discoc is
  std::string inputFile;                ///< its standard input; empty: there is none
  bool holdsInput = false;  ///< its standard input is a pipe that ends when this process does
  std::string outputFile;   ///< made new, gets its standard output; empty: its lines are heard
  int whenKilled = SIGKILL; ///< the signal that it gets when this process is killed
};

struct Child {
  pid_t pid = -1;
  int out = -1, err = -1; ///< read ends, -1 when closed
  std::string outText;    ///< what came and was not handed on as a line yet
  std::string errText;    ///< all of stderr, its end when it is long
  std::string errLine;    ///< of stderr, what was not handed on as a line yet
  int held = -1;          ///< write end of its stdin, which ends with it; -1: none
  bool ended = false;
  int exitCode = 0; ///< valid when signal is 0
  int signal = 0;   ///< that ended it, 0: it ended by itself
  Clock::time_point endedAt{};

  bool failed() const { return ended && (signal != 0 || exitCode != 0); }
  /// "exit code 3" or "signal 9 (Killed)".
  std::string endText() const;
};

/// Processes that belong together, each the head of a process group of its own, so that what it
/// starts ends with it. Each dies with this one, whatever ends it; the destructor ends those that
/// still run.
class ProcessGroup {
public:
  /// `patience`: how long one that is asked to end may take before it is killed.
  explicit ProcessGroup(std::chrono::milliseconds patience = std::chrono::seconds(3))
      : patience_(patience) {}
  ProcessGroup(const ProcessGroup &) = delete;
  ProcessGroup &operator=(const ProcessGroup &) = delete;
  ~ProcessGroup();

  using OnLine = std::function<void(size_t, const std::string &)>;

  /// Starts argv[0] (looked up in PATH). False with a diagnostic when it cannot be started.
  bool start(const std::vector<std::string> &argv, Diagnostics &out, const ChildStart &how = {});

  /// Moves output and notes ends until something happened or `wait` is over. Each
  /// whole line of stdout goes to onLine(index of the child, line), of stderr to onError.
  void step(std::chrono::milliseconds wait, const OnLine &onLine, const OnLine &onError = nullptr);

  /// Ends one that has told its exit code another way, as if it had exited with it.
  void finish(size_t index, int exitCode);

  /// Ends all that still run: asks, waits a little, then insists.
  void endAll();

  bool allEnded() const;
  const std::vector<Child> &children() const { return children_; }

private:
  void drain(size_t index, const OnLine &onLine, const OnLine &onError);
  void reap();
  std::chrono::milliseconds patience_;
  std::vector<Child> children_;
};

/// Full path of a program in PATH, or empty.
std::string findProgram(const std::string &name);

} // namespace discoc

#endif // DISCOC_RUN_PROCESS_H
