//===- IndexSet.cpp - a set of channel indices, kept as rising ranges ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/IndexSet.h"

#include <algorithm>

namespace discoc {

IndexSet IndexSet::of(std::vector<int64_t> indices) {
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  IndexSet set;
  for (int64_t i : indices)
    set.append(i);
  return set;
}

IndexSet IndexSet::range(int64_t first, int64_t last) {
  IndexSet set;
  set.append(first, last);
  return set;
}

bool IndexSet::append(int64_t first, int64_t last) {
  if (first < 0 || last < first || first <= max())
    return false;
  if (!ranges_.empty() && first == max() + 1)
    ranges_.back().last = last;
  else
    ranges_.push_back({first, last});
  return true;
}

int64_t IndexSet::size() const {
  int64_t n = 0;
  for (const IndexRange &r : ranges_)
    n += r.last - r.first + 1;
  return n;
}

bool IndexSet::contains(int64_t index) const {
  auto above = std::upper_bound(ranges_.begin(), ranges_.end(), index,
                                [](int64_t i, const IndexRange &r) { return i < r.first; });
  return above != ranges_.begin() && index <= std::prev(above)->last;
}

std::vector<int64_t> IndexSet::expand() const {
  std::vector<int64_t> indices;
  indices.reserve(static_cast<size_t>(size()));
  for (const IndexRange &r : ranges_)
    for (int64_t i = r.first; i <= r.last; ++i)
      indices.push_back(i);
  return indices;
}

} // namespace discoc
