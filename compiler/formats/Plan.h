//===- Plan.h - the choices of a strategy ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/plan.md is the specification.
#ifndef DISCOC_FORMATS_PLAN_H
#define DISCOC_FORMATS_PLAN_H

#include "compiler/formats/Owners.h"

namespace discoc {

/// What was chosen for one tensor: one of the three.
struct PlannedTensor {
  std::string name;               ///< the ONNX name; empty where it has none
  std::vector<int64_t> shape;     ///< of the whole tensor
  std::optional<OwnerMap> map;    ///< it is divided along an axis
  std::optional<int64_t> owner;   ///< one node has all of it, and it is divided along no axis
  std::optional<std::string> why; ///< every node computes it: a reason for the report, or ""
  std::vector<int64_t> among;     ///< instead of every node: these, rising, two or more
};

/// Nodes of a pipeline that have a stretch of layers.
struct PlannedStage {
  std::vector<int64_t> nodes; ///< ranks
  std::string from;           ///< the op with which it begins; empty: it has no name, or is found
};

struct Plan {
  static constexpr int64_t version = 1;
  int64_t nodes = 0;
  std::string strategy;               ///< who chose; only said
  std::vector<PlannedStage> stages;   ///< in order; empty: all nodes divide every layer
  std::vector<PlannedTensor> tensors; ///< all of the simplified program, in its order
};

std::string toJson(const Plan &plan);

class JsonView;
/// Ranks below `nodes`, and perhaps where it begins. False after a diagnostic.
bool readStage(const JsonView &view, int64_t nodes, PlannedStage &stage);

/// As parseOwners(). Checks all that needs only the file: shapes, partitions, ranks.
std::optional<Plan> parsePlan(const std::string &text, const std::string &file,
                              std::optional<int64_t> nodes, Diagnostics &diagnostics);
std::optional<Plan> readPlan(const std::string &path, std::optional<int64_t> nodes,
                             Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_PLAN_H
