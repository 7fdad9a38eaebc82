//===- PrintSchedule.cpp - what every node does, as text ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/ClusterSchedule.h"
#include "passes/Passes.h"

namespace disco {
#define GEN_PASS_DEF_PRINTSCHEDULE
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

struct PrintSchedulePass : disco::impl::PrintScheduleBase<PrintSchedulePass> {
  void runOnOperation() override {
    FailureOr<ClusterSchedule> schedule = ClusterSchedule::read(getOperation());
    if (failed(schedule))
      return signalPassFailure();
    schedule->print(llvm::outs());
    markAllAnalysesPreserved();
  }
};

} // namespace
