//===- Advice.cpp - what a channel costs that another node reads ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/Advice.h"
#include "compiler/dialect/Target.h"
#include "passes/Passes.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace disco;

namespace {
using Pair = std::pair<int64_t, int64_t>; // from, to

/// What each node reads of each other of one tensor, for all contractions that read it.
using Reads = std::map<Pair, discoc::IndexSet>;
} // namespace

static llvm::MapVector<Value, Reads> readsOf(ModuleOp module) {
  llvm::MapVector<Value, Reads> all;
  mainOf(module).walk([&](ContractionOpInterface op) {
    std::optional<Contraction> contraction = op.getContraction();
    auto routes = op->getAttrOfType<ArrayAttr>(kMaskAttr);
    Value input = op->getOperand(0);
    // What the root hands out is no exchange.
    if (!contraction || !routes || isConstant(input) ||
        isa_and_nonnull<InputOp>(input.getDefiningOp()) ||
        ownersOf(input).getAxis() != contraction->inputAxis)
      return;
    for (auto route : routes.getAsRange<RouteAttr>())
      if (route.getFrom() != route.getTo() && !route.getSet().empty())
        all[input][{route.getFrom(), route.getTo()}].add(route.getSet());
  });
  return all;
}

static discoc::PairCost costOfPair(Pair pair, const discoc::IndexSet &channels, int64_t bytes,
                                   ClusterAttr cluster) {
  discoc::PairCost cost{pair.first, pair.second, channels.size(), bytes, {}, {}};
  if (!cluster)
    return cost;
  if (const double rate = bandwidthBetween(cluster, pair.first, pair.second); rate > 0)
    cost.us = static_cast<double>(bytes) / rate * 1e6;
  if (const double latency = latencyBetween(cluster, pair.first, pair.second); latency > 0)
    cost.messageUs = latency * 1e6;
  return cost;
}

discoc::Costs disco::costsOf(ModuleOp module) {
  discoc::Costs costs;
  costs.nodes = nodesOf(module);
  if (auto map = module->getAttrOfType<IntegerAttr>(kOwnerMapAttr))
    costs.ownerMap = map.getInt();
  for (auto &[value, reads] : readsOf(module)) {
    // What no ONNX tensor is, a trainer cannot find.
    if (tensorName(value).empty())
      continue;
    RankedTensorType type = tensorType(value);
    const int64_t axis = ownersOf(value).getAxis();
    const int64_t bytes =
        type.getNumElements() / type.getDimSize(axis) * elementBytes(type.getElementType());
    discoc::TensorCosts &tensor = costs.tensors[tensorName(value).str()];
    tensor.axis = axis;
    for (auto &[pair, channels] : reads)
      tensor.pairs.push_back(costOfPair(pair, channels, bytes, clusterOf(module)));
  }
  return costs;
}
