//===- CostModel.h - time of ops and messages -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_STRATEGIES_COSTMODEL_H
#define DISCOC_PASSES_STRATEGIES_COSTMODEL_H

#include "compiler/dialect/Disco.h"

namespace disco {

/// Makes time of what ops cost (CostOpInterface) and of what crosses links, at the rates that the
/// cluster states for its nodes and links. What it does not state is alike everywhere. Choices are
/// compared with it; it does not say how long a program takes.
class CostModel {
public:
  /// `cluster` may be null: nothing is known of any node or link.
  explicit CostModel(ClusterAttr cluster) : cluster(cluster) {}

  /// What is known of a node's speed: nodes with equal ones take equal times. Null: nothing is.
  mlir::Attribute targetOf(int64_t rank) const;

  /// Bytes of the memory that a node has for weights; 0: no bound is known.
  int64_t weightRoom(int64_t rank) const;

  /// Seconds of arithmetic and memory that an op takes on a node, if that computes all of it.
  double compute(int64_t rank, CostOpInterface op) const;

  /// Seconds that messages take from one node to another.
  double send(int64_t from, int64_t to, const Cost &cost) const;

private:
  ClusterAttr cluster;
};

} // namespace disco

#endif // DISCOC_PASSES_STRATEGIES_COSTMODEL_H
