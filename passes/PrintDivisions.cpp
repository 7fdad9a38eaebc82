//===- PrintDivisions.cpp - division rules as text ------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/DivisionRules.h"
#include "passes/Passes.h"

namespace disco {
#define GEN_PASS_DEF_PRINTDIVISIONS
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {
struct PrintDivisionsPass : disco::impl::PrintDivisionsBase<PrintDivisionsPass> {
  void runOnOperation() override {
    getOperation().walk([](DivisionOpInterface op) {
      std::string text;
      llvm::raw_string_ostream os(text);
      divisionRuleOf(op).print(os);
      op->setAttr(kDivisionAttr, StringAttr::get(op->getContext(), text));
    });
  }
};
} // namespace
