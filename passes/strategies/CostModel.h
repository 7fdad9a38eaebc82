//===- CostModel.h - time of ops and messages -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_STRATEGIES_COSTMODEL_H
#define DISCOC_PASSES_STRATEGIES_COSTMODEL_H

#include "compiler/dialect/Cost.h"
#include <vector>

namespace disco {

/// What a node is good for, in seconds.
struct NodeRates {
  double perMac = 1e-9, perElement = 1e-9, perByte = 1e-10; // of memory
};

/// What a link is good for, in seconds.
struct LinkRates {
  double perMessage = 5e-5, perByte = 1e-8;
};

/// Makes time of what ops cost (CostOpInterface) and of what crosses links. Choices are compared
/// with it; it does not say how long a program takes.
class CostModel {
public:
  /// Nodes by rank, and links that are all alike.
  CostModel(std::vector<NodeRates> nodes, LinkRates link) : nodes(std::move(nodes)), link(link) {}
  /// Nodes of which nothing is known.
  explicit CostModel(int64_t nodes) : nodes(static_cast<size_t>(nodes)) {}

  /// Seconds of arithmetic and memory on a node.
  double compute(int64_t rank, const Cost &cost) const {
    const NodeRates &node = nodes[static_cast<size_t>(rank)];
    return static_cast<double>(cost.macs) * node.perMac +
           static_cast<double>(cost.elements) * node.perElement +
           static_cast<double>(cost.bytesRead + cost.bytesWritten) * node.perByte;
  }

  /// Seconds of messages between two nodes.
  double send(const Cost &cost) const {
    return static_cast<double>(cost.messages) * link.perMessage +
           static_cast<double>(cost.wireBytes) * link.perByte;
  }

private:
  std::vector<NodeRates> nodes;
  LinkRates link;
};

} // namespace disco

#endif // DISCOC_PASSES_STRATEGIES_COSTMODEL_H
