//===- DivisionRules.cpp - division rules, computed once an op ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/DivisionRules.h"

using namespace mlir;
using namespace disco;

DivisionRule disco::divisionRuleOf(DivisionOpInterface op) {
  std::vector<Divisions> axes;
  axes.reserve(shapeOf(op->getResult(0)).size());
  for (auto [axis, extent] : llvm::enumerate(shapeOf(op->getResult(0))))
    axes.push_back(extent <= kMaxChannels ? op.divide(static_cast<int64_t>(axis)) : Divisions());
  return DivisionRule(std::move(axes));
}

const DivisionRule &DivisionRules::of(DivisionOpInterface op) {
  std::unique_ptr<DivisionRule> &rule = known[op];
  if (!rule)
    rule = std::make_unique<DivisionRule>(divisionRuleOf(op));
  return *rule;
}
