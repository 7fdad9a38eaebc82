//===- ClusterTexts.cpp - what describes a cluster as a whole -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/ClusterTexts.h"
#include "codegen/NodeFiles.h"
#include "codegen/ScheduleText.h"

using namespace mlir;
using namespace disco;

LogicalResult ClusterTexts::make(ModuleOp module, const EmitOptions &options, StringRef buildHash,
                                 ArrayRef<std::vector<discoc::MemoryUse>> memories) {
  auto &[manifest, report] = content;
  manifest = makeManifest(module, options, buildHash);
  report = makeReport(module, options, buildHash);
  if (failed(addSchedule(report, module)))
    return failure();
  for (auto [rank, uses] : llvm::enumerate(memories))
    manifest.nodes[rank].memory = report.nodes[rank].memory = uses;
  manifests.emplace(manifest);
  if (auto plan = module->getAttrOfType<ArrayAttr>(kPlanAttr))
    files.emplace_back("plan.json", discoc::toJson(makePlan(module, plan)));
  files.emplace_back("manifest.json", manifests->ofCluster());
  files.emplace_back("owners.json", discoc::toJson(makeOwners(module)));
  files.emplace_back("masks.json", discoc::toJson(makeMasks(module)));
  files.emplace_back("report.json", discoc::toJson(report));
  FailureOr<TimedSchedule> timed = TimedSchedule::read(module);
  if (failed(timed))
    return failure();
  files.emplace_back("schedule.txt", scheduleText(*timed));
  return success();
}

LogicalResult ClusterTexts::writeTo(StringRef directory) const {
  for (const auto &[name, text] : files)
    if (failed(writeText(directory, name, text)))
      return failure();
  return success();
}
