//===- PlanPinning.h - what a plan states of single tensors -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_PLANPINNING_H
#define DISCOC_DRIVER_PLANPINNING_H

#include "compiler/formats/PlanPins.h"
#include "mlir/IR/BuiltinOps.h"

namespace disco {

/// Notes the pins of a plan on the ops of a simplified module, where disco-assign-owners finds
/// them. Failure after errors on standard error: an unknown name, or what an op cannot have.
mlir::LogicalResult attachPins(mlir::ModuleOp module, const discoc::PinnedPlan &plan,
                               const std::string &file);

} // namespace disco

#endif // DISCOC_DRIVER_PLANPINNING_H
