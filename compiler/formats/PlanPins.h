//===- PlanPins.h - plans that state a part, for people ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/pins.md is the specification.
#ifndef DISCOC_FORMATS_PLANPINS_H
#define DISCOC_FORMATS_PLANPINS_H

#include "compiler/formats/Plan.h"

namespace discoc {

/// What is stated of one tensor: one of the four, or of its op.
struct Pin {
  std::string name;               ///< of the tensor, or of the op that makes it
  std::optional<OwnerMap> map;    ///< these owners along this axis
  std::optional<int64_t> axis;    ///< with `shares`: contiguous parts along this axis
  std::vector<int64_t> shares;    ///< one a node
  std::optional<int64_t> node;    ///< one node has all of it
  std::optional<std::string> why; ///< every node computes it: a reason for the report
};

/// What is stated; all else is chosen as usual.
struct PinnedPlan {
  static constexpr int64_t version = 2;
  int64_t nodes = 0;                 ///< that take part
  std::vector<std::string> leaveOut; ///< names of the cluster file's nodes that do not
  std::string strategy;              ///< who chooses the rest; empty: the default one
  bool featuresOnly = false;         ///< nodes send features, never sums
  std::vector<PlannedStage> stages;  ///< of a pipeline, in order; empty: there are none
  std::vector<int64_t> shares;       ///< of the work, one a node; empty: equal ones
  std::vector<Pin> tensors, ops;     ///< by whose names they are
};

/// Whether a plan's file is one of these: its name ends in .toml.
bool isPinnedPlan(const std::string &path);

/// `comments` are lines behind it, without their marks.
std::string toToml(const PinnedPlan &plan, const std::vector<std::string> &comments);
/// Checks all that needs only the file.
std::optional<PinnedPlan> parsePinnedPlan(const std::string &text, const std::string &file,
                                          Diagnostics &diagnostics);
std::optional<PinnedPlan> readPinnedPlan(const std::string &path, Diagnostics &diagnostics);

/// Contiguous parts of 0 .. extent-1, as large as the shares: the largest rests get what is left.
OwnerMap contiguousMap(int64_t axis, int64_t extent, const std::vector<int64_t> &shares);

} // namespace discoc

#endif // DISCOC_FORMATS_PLANPINS_H
