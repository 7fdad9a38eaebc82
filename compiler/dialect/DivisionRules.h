//===- DivisionRules.h - division rules, computed once an op ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_DIVISIONRULES_H
#define DISCOC_DIALECT_DIVISIONRULES_H

#include "compiler/dialect/Disco.h"
#include "llvm/ADT/DenseMap.h"
#include <memory>

namespace disco {

/// The division rule of an op, all axes of its result.
DivisionRule divisionRuleOf(DivisionOpInterface op);

/// Keeps the division rules of a program's ops while one stage looks at it: they are asked for by
/// axis, use and node. They are no attributes, since text would then say them twice, and one of the
/// two could be wrong. Types and attributes of the ops must not change meanwhile; operands may be
/// replaced by others of the same type.
class DivisionRules {
public:
  const DivisionRule &of(DivisionOpInterface op);

private:
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<DivisionRule>> known;
};

} // namespace disco

#endif // DISCOC_DIALECT_DIVISIONRULES_H
