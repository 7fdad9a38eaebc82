//===- BoardRun.h - starts the nodes of a cluster with boards ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_BOARDRUN_H
#define DISCOC_RUN_BOARDRUN_H

#include "compiler/formats/Board.h"
#include "compiler/run/Process.h"
#include "compiler/run/Scratch.h"
#include "compiler/run/ShardRun.h"

#include <map>

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
      : request_(request), manifest_(manifest), out_(out) {}

  /// Reads the boards, looks for their emulators, and writes the inputs for them.
  bool open();

  /// Whether there is anything to do here.
  bool needed() const { return !manifest_.cluster.empty(); }
  bool isBare(size_t rank) const { return needed() && !boardOf(rank).isLinux(); }
  /// Whether two nodes talk over TCP.
  bool overTcp(size_t a, size_t b) const;

  /// The emulator of a bare board.
  NodeStart bare(size_t rank);
  /// Words before, and after, the command line of a program for Linux.
  std::vector<std::string> emulatorOf(size_t rank) const;
  std::vector<std::string> wiresOf(size_t rank);
  /// Once a node has been started.
  void started(size_t rank);
  bool startWires() { return wires_.start(out_); }
  void stopWires(RunResult &result);

  /// What the bare root returned, as the .npy files that other nodes write; of a run that failed,
  /// the inferences that were finished.
  bool collectOutputs(RunResult &result);

  /// "lab0, mps2-an386".
  std::string title(size_t rank) const;
  /// What an exit code of a bare board means; empty: nothing beyond the number.
  static std::string codeText(int code);

private:
  const Board &boardOf(size_t rank) const { return boards_.at(cluster_.nodes[rank].board); }
  bool readBoards();
  bool writeInputs();
  std::vector<std::string> portArguments(size_t rank, std::vector<int> &inherited);
  std::string programArguments(size_t rank) const;
  bool writesOutputs(size_t rank) const;
  std::string outputPath(size_t rank, size_t output) const;
  std::string rawPath(size_t rank, size_t output) const;
  int64_t finished(size_t rank) const;
  bool collectOutput(size_t rank, size_t output, int64_t count);

  const RunRequest &request_;
  const Manifest &manifest_;
  Diagnostics &out_;
  Cluster cluster_;
  std::map<std::string, Board> boards_;
  Scratch scratch_; ///< raw inputs and outputs, sockets
  Wires wires_;
};

} // namespace discoc

#endif // DISCOC_RUN_BOARDRUN_H
