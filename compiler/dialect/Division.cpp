//===- Division.cpp - how an op divides over nodes ------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Division.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

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

Relation Relation::shared(int64_t extent, AxisFactors result, AxisFactors operand) {
  Relation relation;
  relation.kind = Kind::Shared;
  relation.extent = result.outer * extent * result.inner;
  relation.factor = extent;
  relation.result = result;
  relation.operand = operand;
  return relation;
}

Relation Relation::table(std::vector<int64_t> begin, std::vector<int64_t> indices) {
  Relation relation;
  relation.kind = Kind::Table;
  relation.extent = static_cast<int64_t>(begin.size()) - 1;
  relation.entries = std::make_shared<const Table>(Table{std::move(begin), std::move(indices)});
  return relation;
}

Relation Relation::list(llvm::ArrayRef<int64_t> list) {
  if (llvm::equal(list, llvm::seq<int64_t>(0, static_cast<int64_t>(list.size()))))
    return identity(static_cast<int64_t>(list.size()));
  std::vector<int64_t> begin{0}, indices;
  for (int64_t index : list) {
    if (index >= 0)
      indices.push_back(index);
    begin.push_back(static_cast<int64_t>(indices.size()));
  }
  return table(std::move(begin), std::move(indices));
}

void Relation::forEachShared(int64_t middle, llvm::function_ref<void(int64_t)> callback) const {
  for (int64_t outer = 0; outer < operand.outer; ++outer)
    for (int64_t inner = 0; inner < operand.inner; ++inner)
      callback((outer * factor + middle) * operand.inner + inner);
}

void Relation::forEach(int64_t index, llvm::function_ref<void(int64_t)> callback) const {
  switch (kind) {
  case Kind::Identity: return callback(index);
  case Kind::Offset:
    if (index >= shift && index - shift < limit)
      callback(index - shift);
    return;
  case Kind::Shared: return forEachShared(index / result.inner % factor, callback);
  case Kind::Table:
    for (int64_t k = entries->begin[index]; k < entries->begin[index + 1]; ++k)
      callback(entries->indices[k]);
    return;
  }
}

IndexSet::Range Relation::readers() const {
  if (kind != Kind::Offset)
    return {0, extent};
  int64_t end = std::min(extent, shift + limit);
  return {std::min(std::max<int64_t>(shift, 0), end), end};
}

/// Each index of the shared factor is looked at once, however many indices have it.
IndexSet Relation::applyShared(const IndexSet &set) const {
  std::vector<bool> read(factor, false);
  set.forEach([&](int64_t index) { read[index / result.inner % factor] = true; });
  llvm::SmallVector<int64_t> reads;
  for (int64_t middle = 0; middle < factor; ++middle)
    if (read[middle])
      forEachShared(middle, [&](int64_t index) { reads.push_back(index); });
  return IndexSet::of(reads);
}

IndexSet Relation::apply(const IndexSet &set) const {
  if (kind == Kind::Identity)
    return set;
  if (kind == Kind::Shared)
    return applyShared(set);
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

void Relation::print(llvm::raw_ostream &os) const {
  switch (kind) {
  case Kind::Identity: os << "same"; return;
  case Kind::Offset: os << "minus " << shift << " below " << limit; return;
  case Kind::Shared:
    os << "shared " << factor << " of " << result.outer << "x" << factor << "x" << result.inner
       << " to " << operand.outer << "x" << factor << "x" << operand.inner;
    return;
  case Kind::Table: break;
  }
  constexpr int64_t most = 16; // of a list that is shown
  bool isList = extent <= most && static_cast<int64_t>(entries->indices.size()) <= extent;
  for (int64_t i = 0; isList && i < extent; ++i)
    isList = entries->begin[i + 1] - entries->begin[i] <= 1;
  os << (isList ? "list " : "table");
  for (int64_t i = 0; isList && i < extent; ++i) {
    os << (i ? ", " : "");
    if (int64_t read = single(i); read >= 0)
      os << read;
    else
      os << "-";
  }
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// How many operands are divided along the axis that their need names.
static int64_t countFollowing(const Division &way, llvm::ArrayRef<int64_t> operandAxes) {
  int64_t count = 0;
  for (auto [need, axis] : llvm::zip(way.operands, operandAxes))
    count += need.kind != OperandNeed::Whole && axis >= 0 && need.axis == axis;
  return count;
}

const Division *DivisionRule::along(int64_t axis, llvm::ArrayRef<int64_t> operandAxes) const {
  llvm::ArrayRef<Division> ways = axes[axis].get();
  if (ways.size() == 1 && !ways.front().onlyFollowing)
    return &ways.front();
  const Division *best = nullptr;
  int64_t most = -1;
  for (const Division &way : ways) {
    int64_t following = countFollowing(way, operandAxes);
    if (following > most && (following > 0 || !way.onlyFollowing))
      best = &way, most = following;
  }
  return best;
}

static void printNeed(const OperandNeed &need, llvm::raw_ostream &os) {
  if (need.kind == OperandNeed::Whole) {
    os << "whole";
    return;
  }
  os << (need.kind == OperandNeed::Contracted ? "contracted " : "") << need.axis;
  if (!need.relation)
    return;
  os << " ";
  need.relation->print(os);
}

void DivisionRule::print(llvm::raw_ostream &os) const {
  bool any = false;
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    llvm::ArrayRef<Division> ways = axes[axis].get();
    if (ways.empty())
      continue;
    os << (any ? "; " : "") << axis << " = ";
    any = true;
    llvm::interleave(
        ways, os,
        [&](const Division &way) {
          os << (way.onlyFollowing ? "following (" : "(");
          llvm::interleaveComma(way.operands, os,
                                [&](const OperandNeed &need) { printNeed(need, os); });
          os << ")";
        },
        " or ");
  }
}
