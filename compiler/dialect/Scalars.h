//===- Scalars.h - the kernels' scalar functions, on constants --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// What folding computes is computed by the functions that the kernels use (runtime_stub/kernels),
// in the element's own arithmetic: a folded value and one that a node computes cannot differ.
// Elements are given as they lie in a buffer, at any alignment.
#ifndef DISCOC_DIALECT_SCALARS_H
#define DISCOC_DIALECT_SCALARS_H

#include "compiler/dialect/Disco.h"

namespace disco {

/// y = f(x); alpha and beta are those of the ActAttr.
using UnaryFunction = void (*)(char *y, const char *x, double alpha, double beta);
using BinaryFunction = void (*)(char *y, const char *a, const char *b);
using CastFunction = void (*)(char *y, const char *x);

/// All return null where the kernels have no such function of the type.
UnaryFunction unaryFunction(UnaryKind kind, mlir::Type element);
BinaryFunction binaryFunction(BinaryKind kind, mlir::Type a, mlir::Type b);
CastFunction castFunction(mlir::Type from, mlir::Type to);

/// The casts from a type to double and to int64_t, and from them to the type. What unsigned
/// integers of 64 bits give as int64_t are their bits.
struct ElementCasts {
  CastFunction toReal, toInteger, fromReal, fromInteger;
};
ElementCasts elementCasts(mlir::Type element);

/// A reduction in steps: `state` is of kStateBytes. Floats are summed in double.
struct Reduction {
  static constexpr size_t kStateBytes = 8;
  void (*start)(char *state);
  void (*step)(char *state, const char *x);
  /// Makes the state that of `times` operands like the one that it has seen, 1 or more.
  void (*repeat)(char *state, int64_t times);
  void (*finish)(char *y, const char *state, int64_t count);
};
std::optional<Reduction> reductionOf(ReduceKind kind, mlir::Type element);

} // namespace disco

#endif // DISCOC_DIALECT_SCALARS_H
