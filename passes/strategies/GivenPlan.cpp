//===- GivenPlan.cpp - the choices that a plan states ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// A plan is a list with an entry a tensor, in program order: {name, shape, owners, reason}.
#include "passes/strategies/Strategy.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace disco;

static std::string shapeText(ArrayRef<int64_t> shape) {
  return "[" +
         llvm::join(llvm::map_range(shape, [](int64_t extent) { return std::to_string(extent); }),
                    ", ") +
         "]";
}

namespace {
class GivenPlan final : public Strategy {
public:
  LogicalResult propose(const Problem &problem, Proposal &proposal) override {
    auto module = problem.function->getParentOfType<ModuleOp>();
    auto plan = module->getAttrOfType<ArrayAttr>(kPlanAttr);
    if (plan.size() != problem.tensors.size())
      return module.emitError("the plan is for another program: it has ")
             << plan.size() << " tensors, this one has " << problem.tensors.size()
             << "; write it again with --write-plan";
    for (auto [tensor, entry] : llvm::zip(problem.tensors, plan.getAsRange<DictionaryAttr>()))
      if (failed(take(problem, tensor, entry, proposal)))
        return failure();
    return success();
  }

private:
  static LogicalResult take(const Problem &problem, Value tensor, DictionaryAttr entry,
                            Proposal &proposal) {
    Operation *op = tensor.getDefiningOp();
    StringRef name = entry.getAs<StringAttr>("name").getValue();
    ArrayRef<int64_t> shape = entry.getAs<DenseI64ArrayAttr>("shape").asArrayRef();
    auto owners = entry.getAs<OwnedAttr>("owners");
    if (name != tensorName(tensor) || shape != shapeOf(tensor))
      return op->emitError("the plan is for another program: it has '")
             << name << "' of shape " << shapeText(shape) << " in the place of '"
             << tensorName(tensor) << "' of shape " << shapeText(shapeOf(tensor))
             << "; write it again with --write-plan";
    if (owners.getNodes() != problem.nodes)
      return op->emitError("the plan is for ")
             << owners.getNodes() << " nodes, not " << problem.nodes;
    if (failed(owners.verifyEncoding(shape, Type(), [&] {
          return op->emitError("the plan has an owner map that does not fit: ");
        })))
      return failure();
    if (isa<InputOp>(op) &&
        owners.getSet(problem.root).size() != axisExtent(tensorType(tensor), owners.getAxis()))
      return op->emitError("the plan gives an input of the model to another node than the root, ")
             << problem.root;
    if (OwnedAttr stated = problem.statedFor(tensor); stated && stated != owners)
      return op->emitError("the plan gives '")
             << name
             << "' other owners than the map that is stated for it; leave that map out, or "
                "write the plan again with it";
    proposal[tensor] = {owners, entry.getAs<StringAttr>("reason").str()};
    return success();
  }
};
} // namespace

std::unique_ptr<Strategy> disco::createGivenPlan() { return std::make_unique<GivenPlan>(); }

ArrayAttr disco::planOf(func::FuncOp function) {
  Builder builder(function.getContext());
  SmallVector<Attribute> entries;
  for (Operation &op : function.getBody().front()) {
    if (op.getNumResults() != 1 || isa<ConstantOp>(op))
      continue;
    Value tensor = op.getResult(0);
    auto reason = op.getAttrOfType<StringAttr>(kReplicatedAttr);
    entries.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("name", builder.getStringAttr(tensorName(tensor))),
         builder.getNamedAttr("shape", builder.getDenseI64ArrayAttr(shapeOf(tensor))),
         builder.getNamedAttr("owners", ownersOf(tensor)),
         builder.getNamedAttr("reason", reason ? reason : builder.getStringAttr(""))}));
  }
  return builder.getArrayAttr(entries);
}
