//===- Division.h - how an op divides over nodes ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// The vocabulary in which an op states its division rule: for each axis of its result, what a node
// that computes some indices of that axis needs of each operand.
#ifndef DISCOC_DIALECT_DIVISION_H
#define DISCOC_DIALECT_DIVISION_H

#include "compiler/formats/IndexSet.h"
#include <memory>
#include <optional>
#include <vector>

namespace disco {

using discoc::IndexSet;

/// An axis with more indices than this is not divided: every channel has an entry in several
/// tables.
inline constexpr int64_t kMaxChannels = int64_t(1) << 22;

/// An axis seen as outer x extent x inner.
struct AxisFactors {
  int64_t outer, inner;
};

/// Which indices of an operand's axis each index of a result's axis reads. Copies share tables.
class Relation {
public:
  /// Index i reads index i.
  static Relation identity(int64_t size);
  /// Index i reads index i - offset when that lies in [0, extent), else nothing of this operand.
  static Relation offset(int64_t size, int64_t offset, int64_t extent);
  /// Both axes have a factor of `extent` indices in common: an index reads all that have its index
  /// of that factor.
  static Relation shared(int64_t extent, AxisFactors result, AxisFactors operand);
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
  /// Prints `same`, `minus 4 below 8`, `shared 2 of 1x2x3 to 1x2x1`, `list 3, 1, -` or `table`.
  void print(llvm::raw_ostream &os) const;

private:
  struct Table {
    std::vector<int64_t> begin, indices;
  };

  void forEachShared(int64_t middle, llvm::function_ref<void(int64_t)> callback) const;
  IndexSet applyShared(const IndexSet &set) const;

  enum class Kind { Identity, Offset, Shared, Table } kind = Kind::Identity;
  int64_t extent = 0, shift = 0, limit = 0, factor = 1;
  AxisFactors result{1, 1}, operand{1, 1};
  std::shared_ptr<const Table> entries;
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

/// One way to divide an op along one axis of its result: one need an operand.
struct Division {
  llvm::SmallVector<OperandNeed> operands;
  /// Only when an operand is divided along the axis that its need names.
  bool onlyFollowing = false;

  static Division whole(unsigned operands) {
    return {llvm::SmallVector<OperandNeed>(operands, OperandNeed::whole())};
  }
};

/// The ways to divide an op along one axis, the preferred one first; none: it cannot be divided.
/// There are several where more than one axis of an operand could be followed.
class Divisions {
public:
  Divisions(std::nullopt_t) {}
  Divisions(Division way) { ways.push_back(std::move(way)); }
  Divisions() = default;
  void add(Division way) { ways.push_back(std::move(way)); }
  llvm::ArrayRef<Division> get() const { return ways; }

private:
  llvm::SmallVector<Division, 1> ways;
};

/// The division rule of an op: all axes of its result.
class DivisionRule {
public:
  explicit DivisionRule(std::vector<Divisions> axes) : axes(std::move(axes)) {}

  /// The way to divide the op along an axis that follows most of its operands, which are divided
  /// along `operandAxes` (-1: not at all); null when there is none.
  const Division *along(int64_t axis, llvm::ArrayRef<int64_t> operandAxes) const;
  /// Prints a line of text: `0 = (whole, 0 same); 1 = (contracted 1, 0 same)`, ways joined by `or`.
  void print(llvm::raw_ostream &os) const;

private:
  std::vector<Divisions> axes;
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
