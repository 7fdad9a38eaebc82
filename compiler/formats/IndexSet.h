//===- IndexSet.h - sets of channel indices ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// A set of non-negative indices as sorted, disjoint, non-adjacent half-open ranges. Owner maps,
// masks and routes are made of these: they are often contiguous, but never have to be. Equal sets
// are equal objects, and a hostile file cannot make us allocate what it only names.
#ifndef DISCOC_FORMATS_INDEXSET_H
#define DISCOC_FORMATS_INDEXSET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <utility>

namespace llvm {
class raw_ostream;
}

namespace discoc {

class IndexSet {
public:
  using Range = std::pair<int64_t, int64_t>; // [first, second)

  IndexSet() = default;
  /// The contiguous set {begin, ..., end - 1}.
  static IndexSet range(int64_t begin, int64_t end);
  static IndexSet all(int64_t size) { return range(0, size); }
  /// Any list of indices; order and repetitions do not matter.
  static IndexSet of(llvm::ArrayRef<int64_t> indices);
  /// From flat bounds begin0, end0, begin1, end1, ... as stored in attributes.
  static IndexSet fromBounds(llvm::ArrayRef<int64_t> bounds);

  /// Adds the indices begin, ..., end - 1: false, and no change, unless they are some, not
  /// negative, and above all that are in already.
  bool append(int64_t begin, int64_t end);

  bool empty() const { return ranges.empty(); }
  int64_t size() const;
  int64_t front() const { return ranges.front().first; }
  /// The largest index, -1 of an empty set.
  int64_t last() const { return empty() ? -1 : ranges.back().second - 1; }
  bool contains(int64_t index) const;
  bool containsAll(const IndexSet &other) const { return other.minus(*this).empty(); }
  bool isAll(int64_t extent) const { return *this == all(extent); }
  llvm::ArrayRef<Range> getRanges() const { return ranges; }
  llvm::SmallVector<int64_t> toBounds() const;
  llvm::SmallVector<int64_t> toVector() const;
  /// Position of `index` in the sorted set; the set must contain it.
  int64_t positionOf(int64_t index) const;
  /// The members at some positions.
  IndexSet pick(const IndexSet &positions) const;

  void forEach(llvm::function_ref<void(int64_t)> callback) const;

  IndexSet unite(const IndexSet &other) const;
  IndexSet intersect(const IndexSet &other) const;
  IndexSet minus(const IndexSet &other) const;
  void add(const IndexSet &other) { *this = unite(other); }

  bool operator==(const IndexSet &other) const { return ranges == other.ranges; }
  bool operator!=(const IndexSet &other) const { return !(*this == other); }

  /// Prints `0 to 3, 7`; both ends are inside.
  void print(llvm::raw_ostream &os) const;

private:
  llvm::SmallVector<Range, 2> ranges;
  /// How many members come before each range; made when positions in a set of many ranges are asked
  /// for. A set is not changed once it is made.
  mutable llvm::SmallVector<int64_t, 0> before;
};

} // namespace discoc

#endif // DISCOC_FORMATS_INDEXSET_H
