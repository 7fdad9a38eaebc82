//===- CostModel.cpp - time of ops and messages ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/strategies/CostModel.h"
#include "compiler/dialect/Target.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace disco;

// Of a node and a link of which nothing is known. They matter where what is known is compared with
// what is not.
static constexpr double kClock = 1e9;         // Hz
static constexpr double kCyclesPerByte = 0.1; // of memory
static constexpr double kSecondsPerMessage = 5e-5, kBytesPerSecond = 1e8;

static double orElse(double stated, double neutral) { return stated > 0 ? stated : neutral; }

/// Elements of an op's result that a node computes at a time: those of a vector register.
static double lanes(NodeAttr node, Operation *op) {
  if (op->getNumResults() == 0)
    return 1;
  const int64_t bytes = elementBytes(tensorType(op->getResult(0)).getElementType());
  return static_cast<double>(std::max<int64_t>(vectorBytes(node) / std::max<int64_t>(bytes, 1), 1));
}

/// Whether what an op reads and writes stays in a cache.
static bool fitsCache(NodeAttr node, const Cost &cost) {
  ArrayRef<int64_t> caches = cacheBytes(node);
  return !caches.empty() && cost.bytesRead + cost.bytesWritten <= caches.back();
}

Attribute CostModel::targetOf(int64_t rank) const {
  if (!cluster)
    return {};
  const TargetAttr target = nodeAt(rank).getTarget();
  Builder builder(cluster.getContext());
  return speedAt(rank) == 1
             ? Attribute(target)
             : builder.getArrayAttr({target, builder.getF64FloatAttr(speedAt(rank))});
}

CostModel CostModel::part(ArrayRef<int64_t> members) const {
  CostModel model(cluster, profile, speeds);
  model.rates = rates;
  for (int64_t member : members)
    model.ranks.push_back(rankOf(member));
  return model;
}

int64_t CostModel::weightRoom(int64_t rank) const {
  return cluster ? memoryBytes(nodeAt(rank), "weights") : 0;
}

int64_t CostModel::arenaRoom(int64_t rank) const {
  return cluster ? memoryBytes(nodeAt(rank), "arena") : 0;
}

std::vector<double> disco::speedsOf(ModuleOp module) {
  auto stated = module->getAttrOfType<DenseF64ArrayAttr>(kSpeedsAttr);
  return stated ? stated.asArrayRef().vec() : std::vector<double>();
}

FailureOr<std::optional<discoc::Profile>> disco::profileOf(ModuleOp module) {
  auto text = module->getAttrOfType<StringAttr>(kProfileAttr);
  if (!text)
    return std::optional<discoc::Profile>();
  discoc::Diagnostics faults;
  auto profile = discoc::parseProfile(text.str(), kProfileAttr.str(), faults);
  if (!profile)
    return module.emitError(discoc::toString(faults)), failure();
  return profile;
}

discoc::StepWork disco::workOf(Operation *op) {
  discoc::StepWork work;
  work.op = op->getName().stripDialect().str();
  Value value = op->getNumResults() ? Value(op->getResult(0)) : op->getOperand(0);
  const Type element = tensorType(value).getElementType();
  work.element = op->hasAttr(kQuantAttr) ? "i8"
                 : element.isF32()       ? "f32"
                                         : elementInfo(element).name;
  work.elements = tensorType(value).getNumElements();
  for (Value operand : op->getOperands())
    if (isConstant(operand))
      work.weightBytes += byteSize(tensorType(operand));
  auto cost = dyn_cast<CostOpInterface>(op);
  if (!cost) {
    work.bytes = 2 * byteSize(tensorType(value));
    return work;
  }
  const Cost all = cost.getCost();
  work.macs = all.macs;
  work.bytes = std::max<int64_t>(all.bytesRead + all.bytesWritten - work.weightBytes, 0);
  return work;
}

const discoc::Profile *CostModel::profileAt(int64_t rank) const {
  const NodeAttr node = nodeAt(rank);
  if (node && (isBare(node) || clockOf(node) > 0))
    return nullptr;
  if (profile)
    return &*profile;
  const int64_t bytes = node ? vectorBytes(node) : 0;
  return &nominal.try_emplace(bytes, discoc::nominalProfile(bytes)).first->second;
}

double CostModel::compute(int64_t rank, CostOpInterface op) const {
  if (const discoc::Profile *host = profileAt(rank))
    return host->timeOf(workOf(op), /*cold=*/false) / 1e9 / speedAt(rank);
  const NodeAttr node = nodeAt(rank);
  const Cost cost = op.getCost();
  const double atOnce = lanes(node, op);
  const double perMac = orElse(cyclesOfMac(node, op), 1 / atOnce);
  double cycles =
      static_cast<double>(cost.macs) * perMac + static_cast<double>(cost.elements) / atOnce;
  if (!fitsCache(node, cost))
    cycles += static_cast<double>(cost.bytesRead + cost.bytesWritten) * kCyclesPerByte;
  return cycles / orElse(clockOf(node), kClock);
}

double CostModel::moving(int64_t from, int64_t to, int64_t bytes) const {
  const double bandwidth = rates->bandwidth(rankOf(from), rankOf(to));
  return static_cast<double>(bytes) / orElse(bandwidth, kBytesPerSecond);
}

double CostModel::handling(int64_t rank, const Cost &cost) const {
  const discoc::Profile *host = profileAt(rank);
  return host ? (host->messageNs * static_cast<double>(cost.messages) +
                 host->messageByteNs * static_cast<double>(cost.wireBytes)) /
                    speedAt(rank) / 1e9
              : 0;
}

double CostModel::send(int64_t from, int64_t to, const Cost &cost) const {
  const double latency = rates->latency(rankOf(from), rankOf(to));
  return handling(from, cost) + handling(to, cost) +
         static_cast<double>(cost.messages) * orElse(latency, kSecondsPerMessage) +
         moving(from, to, cost.wireBytes);
}
