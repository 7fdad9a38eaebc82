//===- PlanChoice.h - divisions that are found before they are compiled -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_PLANCHOICE_H
#define DISCOC_DRIVER_PLANCHOICE_H

#include "compiler/driver/Frontend.h"
#include "compiler/formats/Plan.h"
#include <optional>
#include <string>

namespace disco {

/// The strategy that tries all others.
inline constexpr llvm::StringLiteral kAutoStrategy = "auto";

/// A division in full: what was searched for, or what a plan states in part.
struct PlanChoice {
  discoc::ModelOptions options; ///< what goes with it
  discoc::Cluster cluster;      ///< of the nodes that take part
  discoc::Plan plan;
  std::string text; ///< what was chosen and why, for people; empty: somebody stated it
};

/// Whether the options leave a division to be found: `--strategy auto`, or a plan in TOML.
bool asksForChoice(const discoc::ModelOptions &options);

/// So many stages of nodes one behind another, as many each as can be: the node that is given the
/// inputs first, the one that returns the outputs last. None where there are fewer nodes.
std::vector<discoc::PlannedStage> evenStages(const discoc::Cluster &cluster, size_t count);

/// Finds it. Nothing after errors on standard error.
std::optional<PlanChoice> choosePlan(LoadedModel &loaded, const discoc::ModelOptions &options);

} // namespace disco

#endif // DISCOC_DRIVER_PLANCHOICE_H
