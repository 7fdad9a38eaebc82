//===- Regroup.cpp - a division for N nodes on M --------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/Regroup.h"
#include <algorithm>

using namespace disco;

/// Gives the lowest rank without a group each group that has room; of empty groups the first alone.
static void assign(std::vector<int64_t> &groupOf, std::vector<int64_t> &sizes, size_t rank,
                   int64_t size, size_t most, std::vector<std::vector<int64_t>> &found) {
  if (found.size() == most)
    return;
  if (rank == groupOf.size()) {
    found.push_back(groupOf);
    return;
  }
  for (size_t group = 0; group < sizes.size(); ++group) {
    if (sizes[group] == size)
      continue;
    groupOf[rank] = static_cast<int64_t>(group);
    ++sizes[group];
    assign(groupOf, sizes, rank + 1, size, most, found);
    if (--sizes[group] == 0)
      return;
  }
}

std::vector<std::vector<int64_t>> disco::groupings(int64_t from, int64_t to, size_t most) {
  std::vector<std::vector<int64_t>> found;
  if (to < 1 || from % to != 0)
    return found;
  std::vector<int64_t> groupOf(from), sizes(to);
  assign(groupOf, sizes, 0, from / to, most, found);
  return found;
}

/// Tensors with a name, of which more than one node has channels: inputs are the root's.
static bool isDivided(const discoc::PlannedTensor &tensor) {
  return !tensor.name.empty() && tensor.map &&
         std::count_if(tensor.map->owners.begin(), tensor.map->owners.end(),
                       [](const discoc::IndexSet &set) { return !set.empty(); }) > 1;
}

static discoc::Pin pinOf(const discoc::PlannedTensor &tensor,
                         std::vector<discoc::IndexSet> owners) {
  discoc::Pin pin;
  pin.name = tensor.name;
  pin.map = discoc::OwnerMap{tensor.map->axis, std::move(owners)};
  return pin;
}

std::vector<discoc::Pin> disco::regrouped(const discoc::Plan &plan,
                                          const std::vector<int64_t> &groupOf, int64_t nodes) {
  std::vector<discoc::Pin> pins;
  for (const discoc::PlannedTensor &tensor : plan.tensors) {
    if (!isDivided(tensor))
      continue;
    std::vector<discoc::IndexSet> owners(nodes);
    for (size_t rank = 0; rank < groupOf.size(); ++rank)
      owners[groupOf[rank]] = owners[groupOf[rank]].unite(tensor.map->owners[rank]);
    pins.push_back(pinOf(tensor, std::move(owners)));
  }
  return pins;
}

std::vector<discoc::Pin> disco::splitUp(const discoc::Plan &plan, int64_t parts) {
  std::vector<discoc::Pin> pins;
  for (const discoc::PlannedTensor &tensor : plan.tensors) {
    if (!isDivided(tensor))
      continue;
    std::vector<discoc::IndexSet> owners;
    for (const discoc::IndexSet &set : tensor.map->owners) {
      std::vector<std::vector<int64_t>> dealt(parts);
      int64_t place = 0;
      set.forEach([&](int64_t channel) { dealt[place++ * parts / set.size()].push_back(channel); });
      for (const std::vector<int64_t> &one : dealt)
        owners.push_back(discoc::IndexSet::of(one));
    }
    pins.push_back(pinOf(tensor, std::move(owners)));
  }
  return pins;
}
