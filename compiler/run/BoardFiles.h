//===- BoardFiles.h - what the programs of boards read and write -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_BOARDFILES_H
#define DISCOC_RUN_BOARDFILES_H

#include "compiler/formats/Board.h"
#include "compiler/formats/Cluster.h"
#include "compiler/run/Scratch.h"
#include "compiler/run/ShardRun.h"

#include <map>
#include <string>
#include <vector>

namespace discoc {

/// The boards of a compiled model, and the files on their desk: bare elements, whose names are
/// short because their command lines are.
class BoardFiles {
public:
  BoardFiles(const RunRequest &request, const Manifest &manifest, Diagnostics &out)
      : request_(request), manifest_(manifest), out_(out) {}

  /// Reads the boards and writes the inputs for them.
  bool open();

  /// Whether the cluster has boards, or links between them.
  bool needed() const { return !manifest_.cluster.empty(); }
  bool isBare(size_t rank) const { return needed() && manifest_.nodes[rank].isBare(); }
  const Cluster &cluster() const { return cluster_; }
  const Board &boardOf(size_t rank) const { return boards_.at(cluster_.nodes[rank].board); }
  const std::string &directory() const { return scratch_.path(); }

  /// The command line of a board's program: its words, and with a space between.
  std::vector<std::string> arguments(size_t rank) const;
  std::string commandLine(size_t rank) const;

  /// What the bare root returned, as the .npy files that other nodes write; of a run that failed,
  /// the inferences that were finished.
  bool collectOutputs(RunResult &result);

  /// How many inferences are finished, where a board that returns outputs shows it.
  void showFinished(Activity &activity) const;

  /// "lab0, mps2-an386".
  std::string title(size_t rank) const;
  /// What an exit code of a bare board means; empty: nothing beyond the number.
  static std::string codeText(int code);
  /// "done, 3 inferences of 2.0 ms, ...".
  static std::string doneText(const ShardReport &report);

private:
  bool readBoards();
  bool writeInputs();
  void collectNotes() const;
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
  Scratch scratch_;
};

/// A live line of one node, on stderr; with --quiet and --json only where `isAsked` for.
void sayOfNode(double seconds, size_t rank, const std::string &title, const std::string &what,
               bool isAsked);

} // namespace discoc

#endif // DISCOC_RUN_BOARDFILES_H
