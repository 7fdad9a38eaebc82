//===- Carriers.h - what travels in a tensor's stead ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_CARRIERS_H
#define DISCOC_PASSES_CARRIERS_H

#include "compiler/dialect/DivisionRules.h"
#include "passes/Passes.h"
#include "llvm/ADT/DenseMap.h"

namespace disco {

/// What travels in a tensor's stead, and how the other end makes the tensor again of it:
/// - integers instead of the reals that they stand for, which are more bytes;
/// - features that are not normalised yet instead of normalised ones, as many bytes. Statistics
/// that
///   come from other nodes are waited for once, at both ends, and not before the features leave.
/// Both have the same channels with the same owners. The program must not be changed meanwhile, but
/// by exchanges and by what `remake` adds.
class Carriers {
public:
  explicit Carriers(DivisionRules &rules) : rules(rules) {}

  /// What travels: the tensor itself where nothing else is as good.
  mlir::Value carrierOf(mlir::Value value);

  /// Makes a tensor again of what an exchange brought of its carrier.
  mlir::Value remake(mlir::Value value, mlir::Value arrived);

  /// What all nodes have, and the remaking reads besides constants.
  llvm::SmallVector<mlir::Value> awaited(mlir::Value value);

private:
  /// An op between carrier and tensor, and its operand on that way.
  struct Step {
    mlir::Operation *op;
    unsigned operand;
  };
  using Way = llvm::SmallVector<Step, 4>; // from the carrier to the tensor

  const Way &wayOf(mlir::Value value);
  Way findWay(mlir::Value value);
  /// The operand that is the same tensor before one elementwise op; nothing: there is none that any
  /// node could make the result again of.
  std::optional<unsigned> remadeOperand(mlir::Operation *op);

  DivisionRules &rules;
  llvm::DenseMap<mlir::Value, Way> ways;
};

} // namespace disco

#endif // DISCOC_PASSES_CARRIERS_H
