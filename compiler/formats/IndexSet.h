//===- IndexSet.h - a set of channel indices, kept as rising ranges ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_INDEXSET_H
#define DISCOC_FORMATS_INDEXSET_H

#include <cstdint>
#include <vector>

namespace discoc {

/// Inclusive at both ends.
struct IndexRange {
  int64_t first = 0;
  int64_t last = 0;
  bool operator==(const IndexRange &o) const { return first == o.first && last == o.last; }
};

/// A set of indices. Ranges rise, never touch and never overlap, so equal sets
/// are equal objects and a hostile file cannot make us allocate what it only
/// names ("0 to 2^31 - 1" is one range). In files: 3 is one index, [8, 15] a
/// range with both ends.
class IndexSet {
public:
  IndexSet() = default;
  /// From any list; order and repetition do not matter.
  static IndexSet of(std::vector<int64_t> indices);
  static IndexSet range(int64_t first, int64_t last);

  /// Adds indices at the end: false (and no change) unless first is above all
  /// indices that are in already and last >= first >= 0.
  bool append(int64_t first, int64_t last);
  bool append(int64_t index) { return append(index, index); }

  bool empty() const { return ranges_.empty(); }
  /// How many indices, not ranges.
  int64_t size() const;
  /// The largest index, -1 when empty.
  int64_t max() const { return empty() ? -1 : ranges_.back().last; }
  bool contains(int64_t index) const;
  /// Every index, rising. Check max() against the axis first.
  std::vector<int64_t> expand() const;
  const std::vector<IndexRange> &ranges() const { return ranges_; }
  bool operator==(const IndexSet &o) const { return ranges_ == o.ranges_; }
  bool operator!=(const IndexSet &o) const { return !(*this == o); }

private:
  std::vector<IndexRange> ranges_;
};

} // namespace discoc

#endif // DISCOC_FORMATS_INDEXSET_H
