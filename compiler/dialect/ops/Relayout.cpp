//===- Relayout.cpp - a tensor that lies otherwise ------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PhysicalLayout.h"
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

static constexpr StringLiteral kAny = "relayout", kStrided = "rearrange", kBlocks = "copy_blocks";

LogicalResult RelayoutOp::verify() {
  if (!sameShapes(getX().getType(), getResult().getType()))
    return emitOpError("changes how a tensor lies, and neither its shape nor its elements");
  return success();
}

bool RelayoutOp::takesLayouts(ArrayRef<PhysicalAttr>, PhysicalAttr) { return true; }

/// The loops of a copy to a result by rows; nothing where strides do not say it.
static std::optional<StridedLoops> loopsToRows(RelayoutOp op) {
  constexpr size_t mostLoops = 8; // of the kernel
  if (physicalOf(op.getResult()))
    return std::nullopt;
  std::optional<StridedLoops> loops = PhysicalLayout(typeOf(op.getX())).findLoops(-1, {});
  return loops && loops->shape.size() <= mostLoops ? loops : std::nullopt;
}

/// Images by rows, to blocks of channels with whatever borders and pitch.
static bool fillsBlocks(RelayoutOp op) {
  if (physicalOf(op.getX()) || !physicalOf(op.getResult()) || rankOf(op.getX()) != 4)
    return false;
  PhysicalLayout layout(typeOf(op.getResult()));
  SmallVector<int64_t> axes;
  for (const PhysicalDim &dim : layout.getDims())
    axes.push_back(dim.axis);
  return ArrayRef<int64_t>(axes) == ArrayRef<int64_t>({0, 1, 2, 3, 1}) &&
         layout.getBorder(1) == 0 && layout.getOrderAxis() < 0;
}

SmallVector<KernelChoice> RelayoutOp::getKernelChoices(NodeAttr) {
  const auto elements = static_cast<double>(typeOf(getX()).getNumElements());
  SmallVector<KernelChoice> choices = {{kAny.str(), 2 * elements, 0}};
  if (loopsToRows(*this))
    choices.push_back({kStrided.str(), elements, 0});
  if (fillsBlocks(*this))
    choices.push_back({kBlocks.str(), elements, 0});
  return choices;
}

static void describeBlocks(RelayoutOp op, KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(op.getX());
  PhysicalLayout layout(typeOf(op.getResult()));
  ArrayRef<PhysicalDim> dims = layout.getDims();
  call.use(kBlocks).type("x_t", op.getX());
  call.constant("n", x[0]).constant("c", x[1]).constant("h", x[2]).constant("w", x[3]);
  call.constant("block", dims[1].unit)
      .constant("y_elements", layout.getElements())
      .constant("y_image", dims[0].stride)
      .constant("y_block", dims[1].stride)
      .constant("y_row", dims[2].stride)
      .constant("y_first", layout.offsetOf({0, 0, 0, 0}));
}

void RelayoutOp::describeKernel(KernelCall &call) {
  KernelAttr chosen = chosenKernel(*this);
  StringRef kernel = chosen ? chosen.getName().getValue() : StringRef(kAny);
  if (kernel == kStrided) {
    StridedLoops loops = *loopsToRows(*this);
    addStrided(call, getResult(), getX(), loops.shape, loops.strides, loops.offset);
  } else if (kernel == kBlocks) {
    describeBlocks(*this, call);
  } else {
    call.use(kAny).type("x_t", getX());
    addPlaces(call, getResult(), {{"x", getX()}});
  }
  call.pointers = {getResult(), getX()};
}
