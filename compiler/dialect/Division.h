//===- Division.h - how an op divides over nodes ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// The vocabulary in which an op states its division rule: for one axis of its result, what a node
// that computes some indices of that axis needs of each operand.
#ifndef DISCOC_DIALECT_DIVISION_H
#define DISCOC_DIALECT_DIVISION_H

#include "compiler/formats/IndexSet.h"
#include <optional>
#include <vector>

namespace disco {

using discoc::IndexSet;

/// Which indices of an operand's axis each index of a result's axis reads.
class Relation {
public:
  /// Index i reads index i.
  static Relation identity(int64_t size);
  /// Index i reads index i - offset when that lies in [0, extent), else nothing of this operand.
  static Relation offset(int64_t size, int64_t offset, int64_t extent);
  /// Index i reads indices[begin[i]] .. indices[begin[i + 1] - 1].
  static Relation table(std::vector<int64_t> begin, std::vector<int64_t> indices);
  /// Index i reads the one index list[i] (nothing when negative).
  static Relation list(llvm::ArrayRef<int64_t> list);

  int64_t size() const { return extent; }
  /// A range outside which no index reads anything: narrow where a relation is one operand's of
  /// many.
  IndexSet::Range readers() const;
  void forEach(int64_t index, llvm::function_ref<void(int64_t)> callback) const;
  IndexSet apply(const IndexSet &set) const;
  /// The single index that `index` reads, or -1 when it reads none or several.
  int64_t single(int64_t index) const;

private:
  enum class Kind { Identity, Offset, Table } kind = Kind::Identity;
  int64_t extent = 0, shift = 0, limit = 0;
  std::vector<int64_t> begin, indices;
};

/// What a node needs of one operand.
struct OperandNeed {
  enum Kind {
    /// All of it, however the result is divided.
    Whole,
    /// The indices of `axis` that `relation` names.
    Along,
    /// It sums over `axis`: the columns of `axis` that the mask names. `relation`, when present,
    /// bounds them (groups).
    Contracted,
  };
  Kind kind = Whole;
  int64_t axis = -1;
  std::optional<Relation> relation;

  static OperandNeed whole() { return {}; }
  static OperandNeed along(int64_t axis, Relation relation) {
    return {Along, axis, std::move(relation)};
  }
  static OperandNeed contracted(int64_t axis, std::optional<Relation> relation = std::nullopt) {
    return {Contracted, axis, std::move(relation)};
  }
};

/// The division rule of an op for one axis of its result, one need an operand.
struct Division {
  llvm::SmallVector<OperandNeed> operands;
};

/// The constant weights of a contraction over its first operand: row r of `rowAxis` gives output r,
/// column c of `columnAxis` reads channel c of the input, or, with groups, channel c of the row's
/// group.
struct Contraction {
  unsigned weights; // operand index
  int64_t inputAxis, resultAxis, rowAxis, columnAxis, groups;
};

} // namespace disco

#endif // DISCOC_DIALECT_DIVISION_H
