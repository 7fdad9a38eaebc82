//===- Layouts.cpp - what a layout must keep to be one of its tensor ------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Joined.h"
#include "compiler/dialect/PhysicalLayout.h"
#include "compiler/dialect/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace disco;

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

/// The extent of the axis of a layout, 1 for `whole`; -1 after an error.
static int64_t extentOf(int64_t axis, ArrayRef<int64_t> shape, EmitError emitError) {
  if (axis < 0)
    return 1;
  if (axis < static_cast<int64_t>(shape.size()) && !ShapedType::isDynamic(shape[axis]))
    return shape[axis];
  emitError() << "layout along axis " << axis << " of a tensor of rank " << shape.size();
  return -1;
}

static LogicalResult verifyInside(const IndexSet &set, int64_t extent, EmitError emitError) {
  if (set.empty() || set.last() < extent)
    return success();
  return emitError() << "layout with channel " << set.last() << " of an axis of extent " << extent;
}

LogicalResult OwnedAttr::verifyEncoding(ArrayRef<int64_t> shape, Type, EmitError emitError) const {
  int64_t extent = extentOf(getAxis(), shape, emitError);
  if (extent < 0)
    return failure();
  IndexSet all;
  int64_t count = 0;
  for (SetAttr set : getSets()) {
    if (failed(verifyInside(set.getSet(), extent, emitError)))
      return failure();
    all.add(set.getSet());
    count += set.getSet().size();
  }
  if (!all.isAll(extent) || (count != extent && getAxis() >= 0))
    return emitError() << "owner map that gives " << all.size() << " of " << extent
                       << " channels an owner, " << count - all.size() << " of them twice";
  return success();
}

LogicalResult HeldAttr::verifyEncoding(ArrayRef<int64_t> shape, Type, EmitError emitError) const {
  int64_t extent = extentOf(getAxis(), shape, emitError);
  return success(extent >= 0 && llvm::all_of(getSets(), [&](SetAttr set) {
                   return succeeded(verifyInside(set.getSet(), extent, emitError));
                 }));
}

LogicalResult LocalAttr::verifyEncoding(ArrayRef<int64_t> shape, Type, EmitError emitError) const {
  int64_t extent = extentOf(getAxis(), shape, emitError);
  if (extent < 0)
    return failure();
  if (getSet().size() != extent)
    return emitError() << "layout with " << getSet().size() << " channels along an axis of extent "
                       << extent;
  return getPhysical() ? verifyPhysical(getPhysical(), shape, emitError) : success();
}

//===----------------------------------------------------------------------===//
// Layouts and the number of nodes
//===----------------------------------------------------------------------===//

/// Whether a tensor is what an exchange brought, or was made of that alone.
static bool isArrived(Value value) {
  return isa_and_nonnull<HeldAttr>(tensorType(value).getEncoding()) &&
         !value.getDefiningOp<MergeOp>();
}

bool disco::readsExchange(Operation *op) {
  return !isa<MergeOp>(op) && llvm::any_of(op->getOperands(), isArrived);
}

bool disco::isView(Operation *op) {
  if (op && op->hasAttr(kJoinedAttr))
    return true;
  auto storage = dyn_cast_or_null<StorageOpInterface>(op);
  if (!storage || !storage.isView())
    return false;
  // In another shape the same bytes are the same elements by rows alone.
  PhysicalAttr from = physicalOf(op->getOperand(0)), to = physicalOf(op->getResult(0));
  return from == to && (!from || shapeOf(op->getOperand(0)) == shapeOf(op->getResult(0)));
}

SmallVector<int64_t> disco::channelsInOrder(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !op->hasAttr(kJoinedAttr))
    return localOf(value).getSet().toVector();
  SmallVector<int64_t> channels;
  for (Value piece : op->getOperands())
    llvm::append_range(channels, localOf(piece).getSet().toVector());
  return channels;
}

bool disco::takesItsLayouts(KernelOpInterface op) {
  SmallVector<PhysicalAttr> operands;
  for (Value operand : op->getOperands())
    operands.push_back(physicalOf(operand));
  return op->getNumResults() != 1 || op.takesLayouts(operands, physicalOf(op->getResult(0)));
}

Cost disco::costOf(Operation *op, int64_t macs) {
  Cost cost;
  cost.macs = macs;
  if (isView(op))
    return cost;
  for (Value operand : op->getOperands())
    cost.bytesRead += byteSize(tensorType(operand));
  for (Value result : op->getResults()) {
    cost.elements += macs > 0 ? 0 : tensorType(result).getNumElements();
    cost.bytesWritten += byteSize(tensorType(result));
  }
  return cost;
}

bool disco::inExactOrder(Operation *op) {
  for (; op; op = op->getParentOp())
    if (op->hasAttr(kExactOrderAttr))
      return true;
  return false;
}

bool disco::savesMemory(Operation *op) {
  for (; op; op = op->getParentOp())
    if (auto aim = op->getAttrOfType<StringAttr>(kOptimizeAttr))
      return aim == "memory";
  return false;
}

static int64_t nodesOfLayout(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  Attribute layout = tensor ? tensor.getEncoding() : Attribute();
  if (auto owned = dyn_cast_or_null<OwnedAttr>(layout))
    return owned.getNodes();
  if (auto held = dyn_cast_or_null<HeldAttr>(layout))
    return held.getNodes();
  return -1;
}

static LogicalResult verifyRoutes(Operation *op, Attribute value, int64_t nodes) {
  auto list = dyn_cast_or_null<ArrayAttr>(value);
  if (!list)
    return success();
  for (Attribute entry : list)
    if (auto route = dyn_cast<RouteAttr>(entry);
        route && (std::min(route.getFrom(), route.getTo()) < 0 ||
                  std::max(route.getFrom(), route.getTo()) >= nodes))
      return op->emitOpError("has a route from node ")
             << route.getFrom() << " to node " << route.getTo() << " in a module for " << nodes;
  return success();
}

/// One attribute after the other: asked for all of them, MLIR makes a dictionary of an op's.
static LogicalResult verifyRoutes(Operation *op, int64_t nodes) {
  for (StringAttr name : op->getName().getAttributeNames())
    if (failed(verifyRoutes(op, op->getInherentAttr(name).value_or(Attribute()), nodes)))
      return failure();
  for (NamedAttribute named : op->getDiscardableAttrs())
    if (failed(verifyRoutes(op, named.getValue(), nodes)))
      return failure();
  return success();
}

/// `disco.nodes` says how many sets every layout of the module has.
static LogicalResult verifyNodes(Operation *module, Attribute value) {
  auto nodes = dyn_cast<IntegerAttr>(value);
  if (!nodes || nodes.getInt() < 1 || nodes.getInt() > 0xffff)
    return module->emitError("'disco.nodes' is no number of nodes from 1 to 65535");
  WalkResult walked = module->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op->hasAttr(kRankAttr))
      return WalkResult::skip(); // a shard: what is local there knows no nodes
    for (Type type : op->getResultTypes()) {
      int64_t sets = nodesOfLayout(type);
      if (sets < 0 || sets == nodes.getInt())
        continue;
      op->emitOpError("has a layout for ") << sets << " nodes in a module for " << nodes.getInt();
      return WalkResult::interrupt();
    }
    return failed(verifyRoutes(op, nodes.getInt())) ? WalkResult::interrupt()
                                                    : WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

/// A stated owner map fits the tensor that it is stated for.
static LogicalResult verifyOwners(Operation *op, Attribute value) {
  auto owners = dyn_cast<OwnedAttr>(value);
  auto type = op->getNumResults() == 1 ? dyn_cast<RankedTensorType>(op->getResult(0).getType())
                                       : RankedTensorType();
  if (!owners || !type)
    return op->emitOpError("'disco.owners' is no owner map of the op's result");
  return owners.verifyEncoding(type.getShape(), type.getElementType(),
                               [&] { return op->emitOpError(); });
}

/// Choices for a program: of each tensor its name and shape, its owners, and a reason or none.
static LogicalResult verifyPlan(Operation *module, Attribute value) {
  auto list = dyn_cast<ArrayAttr>(value);
  if (!list || !llvm::all_of(list, [](Attribute attr) {
        auto entry = dyn_cast<DictionaryAttr>(attr);
        return entry && entry.getAs<StringAttr>("name") && entry.getAs<StringAttr>("reason") &&
               entry.getAs<DenseI64ArrayAttr>("shape") && entry.getAs<OwnedAttr>("owners");
      }))
    return module->emitError(
        "'disco.plan' is no list of tensors with name, shape, owners and reason");
  return success();
}

/// A shard is a module with one function of one block.
static LogicalResult verifyShard(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  auto functions = module ? llvm::to_vector(module.getOps<FunctionOpInterface>())
                          : SmallVector<FunctionOpInterface>();
  if (functions.size() != 1 || !llvm::hasSingleElement(functions.front().getFunctionBody()))
    return op->emitError("a shard is a module with one function of one block");
  return success();
}

/// A module's cluster has as many nodes as the module.
static LogicalResult verifyCluster(Operation *module, Attribute value) {
  auto cluster = dyn_cast<ClusterAttr>(value);
  auto nodes = module->getAttrOfType<IntegerAttr>(kNodesAttr);
  if (!cluster)
    return module->emitError("'disco.cluster' is no #disco.cluster");
  if (nodes && nodes.getInt() != cluster.size())
    return module->emitError("has a cluster of ")
           << cluster.size() << " nodes, and is for " << nodes.getInt();
  return success();
}

LogicalResult DiscoDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() == kClusterAttr)
    return verifyCluster(op, attribute.getValue());
  if (attribute.getName() == kNodesAttr)
    return verifyNodes(op, attribute.getValue());
  if (attribute.getName() == kPlanAttr)
    return verifyPlan(op, attribute.getValue());
  if (attribute.getName() == kKernelAttr && !isa<KernelAttr>(attribute.getValue()))
    return op->emitOpError("'disco.kernel' is no #disco.kernel");
  if (attribute.getName() == kOwnersAttr)
    return verifyOwners(op, attribute.getValue());
  return attribute.getName() == kRankAttr ? verifyShard(op) : success();
}
