//===- PlanPinning.cpp - what a plan states of single tensors -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/PlanPinning.h"
#include "compiler/dialect/Target.h"
#include "compiler/driver/Frontend.h"
#include "passes/strategies/Strategy.h"

using namespace mlir;
using namespace disco;

namespace {

class Pinner {
public:
  Pinner(ModuleOp module, const std::string &file)
      : problem(mainOf(module), nodesOf(module), rootsOf(module).input,
                CostModel(clusterOf(module))),
        file(file) {}

  LogicalResult attach(const discoc::Pin &pin, bool byOp) {
    what = std::string(byOp ? "op " : "tensor ") + quoted(pin.name);
    Value tensor = find(pin.name, byOp);
    if (!tensor)
      return complain("the simplified program has none; " + nearest(pin.name, byOp));
    if (isa<InputOp>(tensor.getDefiningOp()))
      return complain("is an input of the model, which the root owns; leave it out");
    if (pin.why) {
      tensor.getDefiningOp()->setAttr(
          kReplicatedAttr,
          StringAttr::get(tensor.getContext(), pin.why->empty() ? "plan" : *pin.why));
      return success();
    }
    FailureOr<OwnedAttr> owners = ownersFor(pin, tensor);
    if (failed(owners))
      return failure();
    tensor.getDefiningOp()->setAttr(kOwnersAttr, *owners);
    return success();
  }

private:
  LogicalResult complain(const Twine &text) const {
    printError(file + ": " + what + ": " + text);
    return failure();
  }

  static std::string nameOf(Value tensor, bool byOp) {
    return byOp ? opName(tensor.getDefiningOp()) : tensorName(tensor).str();
  }

  /// The last of a name: an op may have become several.
  Value find(const std::string &name, bool byOp) const {
    Value found;
    for (Value tensor : problem.tensors)
      if (!name.empty() && nameOf(tensor, byOp) == name)
        found = tensor;
    return found;
  }

  std::string nearest(StringRef name, bool byOp) const {
    std::string best;
    unsigned least = UINT_MAX;
    for (Value tensor : problem.tensors) {
      const std::string other = nameOf(tensor, byOp);
      if (unsigned distance = name.edit_distance(other); !other.empty() && distance < least)
        best = other, least = distance;
    }
    return best.empty() ? "nothing in it has a name"
                        : "what is fused has its last op's name; the nearest is " + quoted(best);
  }

  /// Whether an op's result can be divided along an axis at all.
  bool divides(Value tensor, int64_t axis) const {
    Operation *op = tensor.getDefiningOp();
    auto rule = dyn_cast<DivisionOpInterface>(op);
    SmallVector<int64_t> undivided(op->getNumOperands(), -1);
    return !rule || problem.rules.of(rule).along(axis, undivided) ||
           !rule.getStatisticAxes().empty();
  }

  std::string axesOf(Value tensor) const {
    std::string axes;
    for (int64_t axis = 0; axis < tensorType(tensor).getRank(); ++axis)
      if (shapeOf(tensor)[axis] > 1 && divides(tensor, axis))
        axes += (axes.empty() ? "" : ", ") + std::to_string(axis);
    return axes.empty() ? "it can be divided along none: state node, or everywhere"
                        : "it can be along " + axes;
  }

  FailureOr<OwnedAttr> ownersFor(const discoc::Pin &pin, Value tensor) const {
    if (pin.node)
      return problem.wholeAt(tensor, *pin.node);
    const int64_t axis = pin.map ? pin.map->axis : *pin.axis;
    if (axis >= tensorType(tensor).getRank())
      return complain("has rank " + Twine(tensorType(tensor).getRank()) + ", and no axis " +
                      Twine(axis));
    if (!divides(tensor, axis))
      return complain("cannot be divided along axis " + Twine(axis) + "; " + axesOf(tensor));
    const int64_t extent = shapeOf(tensor)[axis];
    const discoc::OwnerMap map =
        pin.map ? *pin.map : discoc::contiguousMap(axis, extent, pin.shares);
    const discoc::PartitionFault fault = discoc::partitionFault(map, extent);
    if (!fault.what.empty())
      return complain("owners: " + fault.what + "; " + fault.hint);
    return OwnedAttr::get(tensor.getContext(), axis, map.owners);
  }

  Problem problem;
  const std::string &file;
  std::string what;
};

} // namespace

LogicalResult disco::attachPins(ModuleOp module, const discoc::PinnedPlan &plan,
                                const std::string &file) {
  Pinner pinner(module, file);
  bool good = true;
  for (const discoc::Pin &pin : plan.tensors)
    good &= succeeded(pinner.attach(pin, /*byOp=*/false));
  for (const discoc::Pin &pin : plan.ops)
    good &= succeeded(pinner.attach(pin, /*byOp=*/true));
  return success(good);
}
