//===- IndexSet.cpp - sets of channel indices -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/IndexSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>

using namespace discoc;

IndexSet IndexSet::range(int64_t begin, int64_t end) {
  IndexSet set;
  if (begin < end)
    set.ranges.push_back({begin, end});
  return set;
}

IndexSet IndexSet::of(llvm::ArrayRef<int64_t> indices) {
  llvm::SmallVector<int64_t> sorted(indices.begin(), indices.end());
  llvm::sort(sorted);
  IndexSet set;
  for (int64_t index : sorted) {
    if (!set.ranges.empty() && index <= set.ranges.back().second)
      set.ranges.back().second = std::max(set.ranges.back().second, index + 1);
    else
      set.ranges.push_back({index, index + 1});
  }
  return set;
}

IndexSet IndexSet::fromBounds(llvm::ArrayRef<int64_t> bounds) {
  IndexSet set;
  for (size_t i = 0; i + 1 < bounds.size(); i += 2)
    set.ranges.push_back({bounds[i], bounds[i + 1]});
  return set;
}

bool IndexSet::append(int64_t begin, int64_t end) {
  if (begin <= last() || end <= begin)
    return false;
  if (!ranges.empty() && begin == ranges.back().second)
    ranges.back().second = end;
  else
    ranges.push_back({begin, end});
  before.clear();
  return true;
}

int64_t IndexSet::size() const {
  int64_t count = 0;
  for (Range range : ranges)
    count += range.second - range.first;
  return count;
}

bool IndexSet::contains(int64_t index) const {
  const Range *it = llvm::upper_bound(
      ranges, index, [](int64_t value, Range range) { return value < range.second; });
  return it != ranges.end() && it->first <= index;
}

llvm::SmallVector<int64_t> IndexSet::toBounds() const {
  llvm::SmallVector<int64_t> bounds;
  for (Range range : ranges)
    bounds.append({range.first, range.second});
  return bounds;
}

llvm::SmallVector<int64_t> IndexSet::toVector() const {
  llvm::SmallVector<int64_t> indices;
  indices.reserve(size());
  forEach([&](int64_t index) { indices.push_back(index); });
  return indices;
}

int64_t IndexSet::positionOf(int64_t index) const {
  if (ranges.empty())
    return 0;
  if (before.empty()) {
    int64_t count = 0;
    for (Range range : ranges) {
      before.push_back(count);
      count += range.second - range.first;
    }
  }
  const Range *it = llvm::upper_bound(
      ranges, index, [](int64_t value, Range range) { return value < range.second; });
  if (it == ranges.end())
    return before.back() + ranges.back().second - ranges.back().first;
  return before[it - ranges.begin()] + index - it->first;
}

IndexSet IndexSet::pick(const IndexSet &positions) const {
  llvm::SmallVector<int64_t> members = toVector(), picked;
  positions.forEach([&](int64_t position) { picked.push_back(members[position]); });
  return IndexSet::of(picked);
}

void IndexSet::forEach(llvm::function_ref<void(int64_t)> callback) const {
  for (Range range : ranges)
    for (int64_t i = range.first; i < range.second; ++i)
      callback(i);
}

IndexSet IndexSet::unite(const IndexSet &other) const {
  llvm::SmallVector<Range> merged;
  merged.append(ranges.begin(), ranges.end());
  merged.append(other.ranges.begin(), other.ranges.end());
  llvm::sort(merged);
  IndexSet set;
  for (Range range : merged) {
    if (!set.ranges.empty() && range.first <= set.ranges.back().second)
      set.ranges.back().second = std::max(set.ranges.back().second, range.second);
    else
      set.ranges.push_back(range);
  }
  return set;
}

IndexSet IndexSet::intersect(const IndexSet &other) const {
  IndexSet set;
  if (empty() || other.empty())
    return set;
  auto firstBehind = [](const IndexSet &where, int64_t index) {
    return llvm::upper_bound(where.ranges, index,
                             [](int64_t value, Range range) { return value < range.second; });
  };
  const Range *a = firstBehind(*this, other.front()), *b = firstBehind(other, front());
  while (a != ranges.end() && b != other.ranges.end()) {
    int64_t begin = std::max(a->first, b->first), end = std::min(a->second, b->second);
    if (begin < end)
      set.ranges.push_back({begin, end});
    (a->second < b->second ? a : b)++;
  }
  return set;
}

IndexSet IndexSet::minus(const IndexSet &other) const {
  IndexSet set;
  const Range *b = other.ranges.begin();
  for (Range range : ranges) {
    int64_t begin = range.first;
    while (b != other.ranges.end() && b->second <= begin)
      ++b;
    for (const Range *cut = b; cut != other.ranges.end() && cut->first < range.second; ++cut) {
      if (begin < cut->first)
        set.ranges.push_back({begin, cut->first});
      begin = std::max(begin, cut->second);
    }
    if (begin < range.second)
      set.ranges.push_back({begin, range.second});
  }
  return set;
}

void IndexSet::print(llvm::raw_ostream &os) const {
  llvm::interleaveComma(ranges, os, [&](Range range) {
    os << range.first;
    if (range.second - range.first > 1)
      os << " to " << range.second - 1;
  });
}
