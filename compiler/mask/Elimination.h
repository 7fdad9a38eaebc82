//===- Elimination.h - in which order columns are given up ---===//
// SPDX-License-Identifier: Apache-2.0
//
// A feature that a node is sent costs bytes once, however many ops of the node read it and however
// many weights. What it is worth is the error of all these ops' outputs when it is missing, the
// other weights being adjusted as well as they can be.
#ifndef DISCOC_MASK_ELIMINATION_H
#define DISCOC_MASK_ELIMINATION_H

#include "compiler/mask/Layer.h"

namespace discoc::mask {

/// Rows of one node that sum over the same columns: of one group of one layer. Matrices have the
/// columns of the candidates alone: what is never given up is only adjusted.
struct Reader {
  Matrix inverse; ///< of the Gram matrix of all that the rows see
  Matrix weights; ///< rows x columns; a unit of squared error is worth the same in all
  std::vector<int64_t> channels; ///< of the tensor, in the order of the columns
  int64_t taps = 1;              ///< columns a channel
};

/// A channel that is given up, and how much larger the readers' errors are then.
struct Loss {
  int64_t channel = 0;
  double error = 0;
};

/// Gives up all `candidates`, the least error first, some at a time where there are many: every
/// time those that matter least given what is gone before. The readers are used up.
std::vector<Loss> eliminate(std::vector<Reader> &readers, std::vector<int64_t> candidates);

} // namespace discoc::mask

#endif // DISCOC_MASK_ELIMINATION_H
