//===- Assignment.h - who goes where at the least cost ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_MASK_ASSIGNMENT_H
#define DISCOC_MASK_ASSIGNMENT_H

#include <cstdint>
#include <vector>

namespace discoc::mask {

/// A place for each item, so that place p gets `room[p]` of them and the sum of `cost[item][place]`
/// is the least. As many items as there is room.
std::vector<int64_t> assign(const std::vector<std::vector<double>> &cost,
                            const std::vector<int64_t> &room);

} // namespace discoc::mask

#endif // DISCOC_MASK_ASSIGNMENT_H
