//===- StoredConstants.cpp - what a shard stores of its constants ---------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/StoredConstants.h"
#include "compiler/dialect/Build.h"
#include "compiler/dialect/Evaluate.h"

using namespace mlir;
using namespace disco;

/// More bytes than any buffer of a program may have.
static constexpr int64_t kMostBufferBytes = (int64_t(1) << 31) - 1;

void disco::fillSmallConstants(func::FuncOp function) {
  for (ConstantOp op : function.getOps<ConstantOp>()) {
    RankedTensorType type = withLayout(op.getType(), {});
    if (op.getView() || op.getValue().getShapedType() == type ||
        byteSize(type) > kSmallConstantBytes)
      continue;
    ConstantView view(op.getResult());
    if (!view.isValid())
      continue;
    ConstantBuilder full(type);
    for (int64_t i = 0; i < view.size(); ++i)
      full.setBytes(i, view.bytes(i));
    op.setValueAttr(full.finish());
  }
}

/// Whether an op reads an operand in a smaller shape as it reads it now.
static bool readsSmaller(OpOperand &use, ArrayRef<int64_t> shape) {
  auto storage = dyn_cast<StorageOpInterface>(use.getOwner());
  return storage && storage.readsSmaller(use.getOperandNumber(), shape);
}

/// The constant in the shape in which it is stored; null when that is the shape of its type.
static ConstantOp asStored(ConstantOp op) {
  ArrayRef<int64_t> shape = op.getType().getShape();
  ElementsAttr value = op.getValue();
  ArrayRef<int64_t> own = value.getShapedType().getShape();
  SmallVector<int64_t> all = storedShape(value, own), stored(shape);
  int64_t bytes = ShapedType::getNumElements(own) * elementBytes(op.getType().getElementType());
  bool smallSplat = ArrayRef<int64_t>(all) != own && bytes <= kSmallConstantBytes;
  if (op.getType().getNumElements() == 0 || smallSplat)
    return {};
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i] == 1)
      stored[i] = 1;
  if (ArrayRef<int64_t>(stored) == shape)
    return {};
  SmallVector<Attribute> view;
  if (std::optional<ArrayAttr> given = op.getView())
    for (auto entry : given->getAsRange<LocalAttr>())
      if (all[entry.getAxis()] != 1)
        view.push_back(entry);
  OpBuilder builder(op);
  auto made = builder.create<ConstantOp>(
      op.getLoc(), RankedTensorType::get(stored, op.getType().getElementType()),
      reshaped(value, all), view.empty() ? ArrayAttr() : builder.getArrayAttr(view));
  if (auto name = op->getAttr(kTensorAttr))
    made->setAttr(kTensorAttr, name);
  return made;
}

static Value buildExpandedBefore(Operation *reader, RankedTensorType type, Value stored) {
  OpBuilder builder(reader);
  return buildExpanded(builder, reader->getLoc(), type, stored);
}

LogicalResult disco::settleConstants(Block &shard) {
  for (ConstantOp op : llvm::make_early_inc_range(shard.getOps<ConstantOp>())) {
    ConstantOp stored = asStored(op);
    if (!stored)
      continue;
    RankedTensorType full = localType(op.getType(), -1, IndexSet::all(1));
    DenseMap<Operation *, Value> expanded; // by reader: nothing is held longer than it is read
    for (OpOperand &use : llvm::make_early_inc_range(op->getUses())) {
      Operation *reader = use.getOwner();
      if (readsSmaller(use, shapeOf(stored))) {
        use.set(stored);
        continue;
      }
      if (byteSize(full) > kMostBufferBytes)
        return reader->emitError("reads a constant of ")
               << byteSize(full) << " bytes that is made of " << byteSize(stored.getType())
               << " and has to be filled in when the program runs: larger than the 2 GiB that "
                  "discoc supports";
      Value &made = expanded[reader];
      if (!made)
        made = buildExpandedBefore(reader, full, stored);
      use.set(made);
    }
    op.erase();
  }
  return success();
}
