//===- States.h - outputs that are inputs of the next inference -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_STATES_H
#define DISCOC_DRIVER_STATES_H

#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace disco {

/// Of the inputs of a program those that are a state, and by each the output that it becomes.
using States = std::map<std::string, std::string>;

/// What `--state` says, `OUT=IN` or `auto`: the pairs whose names are alike, such as state and
/// stateN, cache and cache_out. Nothing after a diagnostic.
std::optional<States> findStates(mlir::ModuleOp module, const std::vector<std::string> &options);

/// The pairs that `auto` would take.
States usualStates(mlir::ModuleOp module);

/// Makes these inputs states: no longer given or returned, but kept by the nodes that own them.
void keepStates(mlir::ModuleOp module, const States &states);

} // namespace disco

#endif // DISCOC_DRIVER_STATES_H
