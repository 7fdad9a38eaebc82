//===- Arrangement.h - which channels lie on one node ---===//
// SPDX-License-Identifier: Apache-2.0
//
// Channels that say much to each other belong on one node: what masks leave out is then worth
// little. RePurpose (Abdi et al.) assigns a layer's output channels to nodes given those of
// its inputs; here tied channels move as one, with all layers that make or read them.
#ifndef DISCOC_MASK_ARRANGEMENT_H
#define DISCOC_MASK_ARRANGEMENT_H

#include "compiler/mask/Layer.h"

namespace discoc::mask {

/// What each input channel of a layer is to each output channel: the share of the outputs' variance
/// that comes from it alone.
struct Coupling {
  std::vector<int64_t> rows, columns; ///< classes of output and input channels
  int64_t groups = 1;
  Eigen::MatrixXf worth; ///< rows x (columns of a group)
};

struct Arrangement {
  std::vector<int64_t> owner; ///< of each class
  /// Classes with one number may change places; -1: it stays.
  std::vector<int64_t> kind;
};

/// The worth of all that crosses.
double crossing(const std::vector<Coupling> &couplings, const std::vector<int64_t> &owner);

/// Owners of which as little as can be found crosses: each node keeps as many classes of each kind
/// as it has. Kind by kind by assignment and by exchanging pairs, until nothing gets better.
std::vector<int64_t> arrange(const std::vector<Coupling> &couplings, const Arrangement &start,
                             int64_t nodes);

} // namespace discoc::mask

#endif // DISCOC_MASK_ARRANGEMENT_H
