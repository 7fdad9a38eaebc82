//===- Budget.h - which features are sent ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_MASK_BUDGET_H
#define DISCOC_MASK_BUDGET_H

#include "compiler/mask/Elimination.h"

namespace discoc::mask {

/// The features of one tensor for one node, in the order in which they are given up.
struct Offer {
  std::vector<Loss> order;
  int64_t bytes = 0; ///< of one channel
};

/// How many channels of each offer are given up, from its beginning: those that help least for each
/// byte, until what is left is at most `budget` bytes. Equals go in the order of the offers.
std::vector<size_t> spend(const std::vector<Offer> &offers, int64_t budget);

} // namespace discoc::mask

#endif // DISCOC_MASK_BUDGET_H
