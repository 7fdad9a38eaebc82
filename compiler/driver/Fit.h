//===- Fit.h - how many boards a model needs --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_FIT_H
#define DISCOC_DRIVER_FIT_H

#include "compiler/driver/Options.h"
#include "compiler/formats/Cluster.h"
#include "compiler/formats/MemoryUse.h"

namespace disco {

/// The N that masks or owner maps in files are for, or shares; 0: any. Null after errors on
/// standard error.
std::optional<int64_t> statedNodes(const discoc::ModelOptions &options);

/// What a model takes of N boards of a kind.
struct FitRow {
  std::vector<std::vector<discoc::MemoryUse>> nodes;
  bool fits = false;
  int64_t weightBytes = 0; ///< of all nodes
  /// Nanoseconds of one inference, as the report has them; nothing where a speed is not stated.
  std::optional<int64_t> latencyNs;
};

/// Compiles a model for N boards as far as memory is planned. Nothing, with a message, when that
/// does not go.
std::optional<FitRow> measureFit(discoc::ModelOptions options, const discoc::Board &board,
                                 int64_t nodes);
/// No fewer boards than these can hold the weights.
int64_t leastNodes(const FitRow &row, const discoc::Board &board);
/// A board without an operating system. Nothing after errors on standard error.
std::optional<discoc::Board> findBareBoard(const std::string &name);

/// The cheapest set of boards of one kind, of those with prices in a file. An exit code.
int fitShop(const discoc::FitOptions &options);

/// After a node did not fit: says which N of the same board, or which other boards, would do.
void suggestFit(const discoc::ModelOptions &options, const discoc::Cluster &cluster);

/// Says which other boards, `least` to `most` of them, would do.
void suggestBoards(const discoc::ModelOptions &options, int64_t least, int64_t most,
                   const std::string &except);

} // namespace disco

#endif // DISCOC_DRIVER_FIT_H
