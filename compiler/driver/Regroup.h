//===- Regroup.h - a division for N nodes on M --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Masks that were trained for N nodes leave zeros between the channels of N owners. On M nodes they
// still save what crosses, as long as channels of one owner stay together.
#ifndef DISCOC_DRIVER_REGROUP_H
#define DISCOC_DRIVER_REGROUP_H

#include "compiler/formats/Plan.h"
#include "compiler/formats/PlanPins.h"

namespace disco {

/// For each of the N nodes, the one of the M that takes its channels: every way to make groups of
/// equal size, the first rank in the first one, `most` of them at most. Empty where M does not
/// divide N.
std::vector<std::vector<int64_t>> groupings(int64_t from, int64_t to, size_t most);

/// The owners of a plan for N nodes, as pins for fewer: channels of nodes of a group get together.
std::vector<discoc::Pin> regrouped(const discoc::Plan &plan, const std::vector<int64_t> &groupOf,
                                   int64_t nodes);
/// As pins for `parts` times as many: each node's channels are dealt to so many, in order.
std::vector<discoc::Pin> splitUp(const discoc::Plan &plan, int64_t parts);

} // namespace disco

#endif // DISCOC_DRIVER_REGROUP_H
