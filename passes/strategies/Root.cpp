//===- Root.cpp - everything on the root ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/strategies/Strategy.h"

using namespace mlir;
using namespace disco;

namespace {
/// What a division is compared with: nothing travels, and the other nodes have no work.
class Root final : public Strategy {
public:
  LogicalResult propose(const Problem &problem, Proposal &proposal) override {
    for (Value tensor : problem.tensors) {
      OwnedAttr stated = problem.statedFor(tensor);
      proposal[tensor] = {stated ? stated : problem.wholeAt(tensor, problem.root), ""};
    }
    return success();
  }
};
} // namespace

std::unique_ptr<Strategy> disco::createRoot() { return std::make_unique<Root>(); }
