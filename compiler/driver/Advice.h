//===- Advice.h - what a channel costs that another node reads ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_ADVICE_H
#define DISCOC_DRIVER_ADVICE_H

#include "compiler/formats/Costs.h"
#include "mlir/IR/BuiltinOps.h"

namespace disco {

/// Of a module whose masks are derived: all features that contractions read of other nodes.
discoc::Costs costsOf(mlir::ModuleOp module);

} // namespace disco

#endif // DISCOC_DRIVER_ADVICE_H
