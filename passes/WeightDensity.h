//===- WeightDensity.h - where the weights of a contraction are -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_WEIGHTDENSITY_H
#define DISCOC_PASSES_WEIGHTDENSITY_H

#include "passes/Passes.h"

namespace disco {

/// How much of a contraction's weights is left, as a picture of at most 64 x 64 tiles: rows are
/// outputs, columns the inputs of a group. `columns`, `rows` of the weights, and `tiles`: a text a
/// row of tiles, two hexadecimal digits each, 00 nothing, ff all. `mask` says what nodes read. Null
/// where nothing is missing, or where there are more than 2^24 weights.
mlir::Attribute noteDensity(mlir::Operation *op, mlir::ArrayAttr mask);

} // namespace disco

#endif // DISCOC_PASSES_WEIGHTDENSITY_H
