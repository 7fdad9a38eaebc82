//===- Division.cpp - how an op divides over nodes ------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Division.h"

using namespace disco;

Relation Relation::identity(int64_t size) {
  Relation relation;
  relation.extent = size;
  return relation;
}

Relation Relation::offset(int64_t size, int64_t offset, int64_t extent) {
  Relation relation;
  relation.kind = Kind::Offset;
  relation.extent = size;
  relation.shift = offset;
  relation.limit = extent;
  return relation;
}

Relation Relation::table(std::vector<int64_t> begin, std::vector<int64_t> indices) {
  Relation relation;
  relation.kind = Kind::Table;
  relation.extent = static_cast<int64_t>(begin.size()) - 1;
  relation.begin = std::move(begin);
  relation.indices = std::move(indices);
  return relation;
}

Relation Relation::list(llvm::ArrayRef<int64_t> list) {
  std::vector<int64_t> begin{0}, indices;
  for (int64_t index : list) {
    if (index >= 0)
      indices.push_back(index);
    begin.push_back(static_cast<int64_t>(indices.size()));
  }
  return table(std::move(begin), std::move(indices));
}

void Relation::forEach(int64_t index, llvm::function_ref<void(int64_t)> callback) const {
  switch (kind) {
  case Kind::Identity: return callback(index);
  case Kind::Offset:
    if (index >= shift && index - shift < limit)
      callback(index - shift);
    return;
  case Kind::Table:
    for (int64_t k = begin[index]; k < begin[index + 1]; ++k)
      callback(indices[k]);
    return;
  }
}

IndexSet::Range Relation::readers() const {
  if (kind != Kind::Offset)
    return {0, extent};
  int64_t end = std::min(extent, shift + limit);
  return {std::min(std::max<int64_t>(shift, 0), end), end};
}

IndexSet Relation::apply(const IndexSet &set) const {
  if (kind == Kind::Identity)
    return set;
  if (kind == Kind::Offset) {
    llvm::SmallVector<int64_t> bounds;
    auto [first, end] = readers();
    IndexSet reading = set.intersect(IndexSet::range(first, end));
    for (IndexSet::Range range : reading.getRanges())
      bounds.append({range.first - shift, range.second - shift});
    return IndexSet::fromBounds(bounds);
  }
  llvm::SmallVector<int64_t> reads;
  set.forEach([&](int64_t index) { forEach(index, [&](int64_t read) { reads.push_back(read); }); });
  return IndexSet::of(reads);
}

int64_t Relation::single(int64_t index) const {
  int64_t count = 0, found = -1;
  forEach(index, [&](int64_t read) { ++count, found = read; });
  return count == 1 ? found : -1;
}
