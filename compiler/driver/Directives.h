//===- Directives.h - masks and owner maps that users state -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_DIRECTIVES_H
#define DISCOC_DRIVER_DIRECTIVES_H

#include "compiler/driver/Options.h"
#include "compiler/formats/Plan.h"
#include "compiler/import/OnnxModel.h"
#include "passes/Passes.h"

namespace disco {

/// Notes the stages of a pipeline on the module (`disco.stages`).
void attachStages(mlir::ModuleOp module, const std::vector<discoc::PlannedStage> &stages);

/// Reads stated masks and owner maps, from files or else from the model's metadata, checks them
/// against the module and notes them on its ops (`disco.stated_mask`, `disco.owners`); a plan is
/// noted on the module (`disco.plan`): `plan`, or where that is null the one in a file.
mlir::LogicalResult attachDirectives(mlir::ModuleOp module, const discoc::ModelOptions &options,
                                     const discoc::importer::Model &model,
                                     const discoc::Plan *plan = nullptr);

} // namespace disco

#endif // DISCOC_DRIVER_DIRECTIVES_H
