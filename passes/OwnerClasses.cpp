//===- OwnerClasses.cpp - channels that must have one owner ---------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/OwnerClasses.h"
#include <numeric>

using namespace mlir;
using namespace disco;

/// Union-find with path halving.
static int64_t findRoot(std::vector<int64_t> &parent, int64_t element) {
  while (parent[element] != element)
    element = parent[element] = parent[parent[element]];
  return element;
}

/// The smaller representative wins, so that results do not depend on the order of unions.
static void unite(std::vector<int64_t> &parent, int64_t a, int64_t b) {
  a = findRoot(parent, a);
  b = findRoot(parent, b);
  parent[std::max(a, b)] = std::min(a, b);
}

int64_t OwnerClasses::find(int64_t element) { return findRoot(parent, element); }

void OwnerClasses::add(Value value, int64_t extent) {
  first[value] = static_cast<int64_t>(parent.size());
  extents[value] = extent;
  values.push_back(value);
  for (int64_t i = 0; i < extent; ++i)
    parent.push_back(static_cast<int64_t>(parent.size()));
  owner.resize(parent.size(), -1);
  statedBy.resize(parent.size());
}

void OwnerClasses::tie(Value result, Value operand, const Relation &relation) {
  auto [begin, end] = relation.readers();
  for (int64_t i = begin; i < std::min(end, extents.lookup(result)); ++i)
    relation.forEach(
        i, [&](int64_t read) { unite(parent, element(result, i), element(operand, read)); });
}

std::vector<int64_t> OwnerClasses::largestClasses() {
  std::vector<int64_t> largest, count(parent.size(), 0);
  for (Value value : values) {
    int64_t most = 0, extent = extents.lookup(value);
    for (int64_t i = 0; i < extent; ++i)
      most = std::max(most, ++count[find(element(value, i))]);
    for (int64_t i = 0; i < extent; ++i)
      count[find(element(value, i))] = 0;
    largest.push_back(most);
  }
  return largest;
}

void OwnerClasses::tieUnlessLarge(llvm::ArrayRef<OwnerTie> ties) {
  // Classes only grow: where all of them together are none too large, none is on the way.
  if (ties.empty() || tieAllUnlessLarge(ties))
    return;
  for (const OwnerTie &each : ties)
    tieAllUnlessLarge(each);
}

/// All of them or none; whether they are made.
bool OwnerClasses::tieAllUnlessLarge(llvm::ArrayRef<OwnerTie> ties) {
  std::vector<int64_t> before = parent, largestBefore = largestClasses();
  for (const OwnerTie &each : ties)
    tie(each.result, each.operand, each.relation);
  std::vector<int64_t> largest = largestClasses();
  for (size_t k = 0; k < values.size(); ++k) {
    int64_t share = (extents.lookup(values[k]) + sharers - 1) / sharers;
    if (largest[k] <= std::max(share, largestBefore[k]))
      continue;
    parent = std::move(before);
    return false;
  }
  return true;
}

int64_t OwnerClasses::countBlocks(const Relation &relation) {
  llvm::DenseMap<int64_t, int64_t> readBy;
  std::vector<int64_t> blocks(relation.size());
  std::iota(blocks.begin(), blocks.end(), 0);
  for (int64_t i = 0; i < relation.size(); ++i)
    relation.forEach(
        i, [&](int64_t read) { unite(blocks, readBy.try_emplace(read, i).first->second, i); });
  int64_t count = 0;
  for (int64_t i = 0; i < relation.size(); ++i)
    count += blocks[i] == i;
  return count;
}

Value OwnerClasses::fix(Value value, const IndexSet &channels, int64_t rank) {
  Value conflict;
  channels.forEach([&](int64_t channel) {
    int64_t at = element(value, channel), representative = find(at);
    fixed[at] = rank;
    if (owner[representative] < 0) {
      owner[representative] = rank;
      statedBy[representative] = value;
    } else if (owner[representative] != rank && statedBy[representative] != value) {
      conflict = statedBy[representative];
    }
  });
  return conflict;
}

void OwnerClasses::assignAll(Value value, int64_t rank) {
  for (int64_t i = 0; i < extents.lookup(value); ++i) {
    int64_t representative = find(element(value, i));
    if (owner[representative] < 0)
      owner[representative] = rank;
  }
}

void OwnerClasses::deal(Value value) {
  int64_t extent = extents.lookup(value);
  llvm::DenseMap<int64_t, int64_t> sizes; // channels of each class in this tensor
  std::vector<int64_t> order;             // classes without owner, by first channel
  std::vector<int64_t> load(nodes, 0);
  for (int64_t i = 0; i < extent; ++i) {
    int64_t representative = find(element(value, i));
    if (sizes[representative]++ == 0 && owner[representative] < 0)
      order.push_back(representative);
    if (owner[representative] >= 0)
      ++load[owner[representative]];
  }
  // Equal classes are dealt as units, so that no node gets a broken share.
  int64_t unit = sizes.empty() ? 1 : sizes.begin()->second;
  for (auto [representative, size] : sizes)
    if (size != unit)
      unit = 1;
  int64_t units = extent / unit;
  int64_t rank = 0;
  auto room = [&](int64_t r) {
    return (units / nodes + (r < units % nodes ? 1 : 0)) * unit - load[r];
  };
  for (int64_t representative : order) {
    int64_t size = sizes[representative];
    while (rank + 1 < nodes && 2 * room(rank) < size)
      ++rank;
    owner[representative] = rank;
    load[rank] += size;
  }
}

int64_t OwnerClasses::ownerOf(int64_t element) {
  auto stated = fixed.find(element);
  return stated != fixed.end() ? stated->second : owner[find(element)];
}

std::vector<int64_t> OwnerClasses::classesOf(Value value) {
  std::vector<int64_t> all;
  for (int64_t i = 0; i < extents.lookup(value); ++i)
    all.push_back(find(element(value, i)));
  return all;
}

llvm::SmallVector<IndexSet> OwnerClasses::ownersOf(Value value) {
  std::vector<llvm::SmallVector<int64_t>> lists(nodes);
  for (int64_t i = 0; i < extents.lookup(value); ++i)
    lists[ownerOf(element(value, i))].push_back(i);
  llvm::SmallVector<IndexSet> sets;
  for (auto &list : lists)
    sets.push_back(IndexSet::of(list));
  return sets;
}

int64_t OwnerClasses::count() {
  int64_t classes = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(parent.size()); ++i)
    classes += parent[i] == i;
  return classes;
}
