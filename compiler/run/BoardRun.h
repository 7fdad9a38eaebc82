//===- BoardRun.h - starts the nodes of a cluster with boards ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_BOARDRUN_H
#define DISCOC_RUN_BOARDRUN_H

#include "compiler/run/BoardFiles.h"
#include "compiler/run/Desks.h"
#include "compiler/run/RankGroup.h"

namespace discoc {

/// How the program of a node is started.
struct NodeStart {
  std::vector<std::string> argv;
  ChildStart how;
};

/// The emulators, and the wires between them, of a cluster in which not every node is a Linux
/// host on TCP.
class BoardRun {
public:
  /// Whether every board of a compiled model has an emulator, and that is installed.
  static bool findEmulators(const std::string &outDirectory, const Manifest &manifest,
                            Diagnostics &out);

  BoardRun(const RunRequest &request, const Manifest &manifest, Diagnostics &out)
      : request_(request), manifest_(manifest), out_(out), files_(request, manifest, out) {}

  /// Reads the boards, and writes the inputs for them.
  bool open();

  /// Whether there is anything to do here.
  bool needed() const { return files_.needed(); }
  bool isBare(size_t rank) const { return files_.isBare(rank); }
  std::string title(size_t rank) const { return files_.title(rank); }
  /// How many inferences are finished, where a board that returns outputs shows it.
  void showFinished(Activity &activity) const { files_.showFinished(activity); }
  bool collectOutputs(RunResult &result) { return files_.collectOutputs(result); }
  /// Whether two nodes talk over TCP.
  bool overTcp(size_t a, size_t b) const;

  /// The emulator of a bare board.
  NodeStart bare(size_t rank);
  /// Words before, and after, the command line of a program for Linux.
  std::vector<std::string> emulatorOf(size_t rank) const;
  std::vector<std::string> wiresOf(size_t rank);
  /// Once a node has been started.
  void started(size_t rank);
  bool startWires() { return wires_.start(out_) && desks_.start(out_); }
  void stopWires(RunResult &result);
  /// Hands on what boards without semihosting said, and ends those that are done.
  void hearDesks(RankGroup &ranks);

private:
  const Board &boardOf(size_t rank) const { return files_.boardOf(rank); }
  std::vector<std::string> portArguments(size_t rank, std::vector<int> &inherited);
  std::string semihosting(size_t rank) const;

  const RunRequest &request_;
  const Manifest &manifest_;
  Diagnostics &out_;
  BoardFiles files_;
  Wires wires_;
  Desks desks_;
};

} // namespace discoc

#endif // DISCOC_RUN_BOARDRUN_H
