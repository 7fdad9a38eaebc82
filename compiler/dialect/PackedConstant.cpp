//===- PackedConstant.cpp - the bytes of a packed constant ----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PackedConstant.h"
#include "compiler/dialect/Evaluate.h"
#include "compiler/dialect/PhysicalLayout.h"
#include <cstring>

using namespace mlir;
using namespace disco;

namespace {
class Packer {
public:
  Packer(ConstantOp op, PhysicalAttr packing)
      : view(op.getValue(), op.getValue().getShapedType().getShape()),
        layout(op.getType().getShape(), op.getType().getElementType(), packing),
        outer(layout.getDims().front()), each(static_cast<size_t>(view.elementSize())),
        slab(static_cast<size_t>(outer.stride) * each) {
    ArrayRef<int64_t> shape = op.getValue().getShapedType().getShape();
    int64_t stride = view.size();
    for (auto [axis, set] : llvm::enumerate(storedIndices(op))) {
      stride /= std::max<int64_t>(shape[axis], 1);
      addAxis(static_cast<int64_t>(axis), set, stride);
    }
  }

  /// One step of the outermost dimension.
  ArrayRef<char> fill(int64_t step) {
    std::fill(slab.begin(), slab.end(), 0);
    inStep.clear();
    for (Place place : axes[outer.axis])
      if (place.offset / outer.stride == step)
        inStep.push_back({place.source, place.offset - step * outer.stride});
    fill(0, 0, 0);
    return slab;
  }
  int64_t steps() const { return outer.stride ? outer.extent : 0; }

private:
  struct Place {
    int64_t source, offset; // in elements
  };

  void addAxis(int64_t axis, const IndexSet &set, int64_t stride) {
    SmallVector<int64_t> offsets = layout.offsetsAlong(axis);
    SmallVector<Place> &places = axes.emplace_back();
    set.forEach([&](int64_t index) { places.push_back({index * stride, offsets[places.size()]}); });
  }

  /// All elements of the step at these indices of the axes before `axis`.
  void fill(size_t axis, int64_t source, int64_t offset) {
    const bool isLast = axis + 1 == axes.size();
    for (Place place : static_cast<int64_t>(axis) == outer.axis ? inStep : axes[axis])
      if (isLast)
        memcpy(slab.data() + static_cast<size_t>(offset + place.offset) * each,
               view.bytes(source + place.source), each);
      else
        fill(axis + 1, source + place.source, offset + place.offset);
  }

  ConstantView view;
  PhysicalLayout layout;
  PhysicalDim outer;
  size_t each;
  std::vector<char> slab;
  SmallVector<SmallVector<Place>> axes; // by index
  SmallVector<Place> inStep;            // of the outermost dimension's axis, in the step
};
} // namespace

SmallVector<IndexSet> disco::storedIndices(ConstantOp op) {
  SmallVector<IndexSet> sets;
  for (int64_t extent : op.getValue().getShapedType().getShape())
    sets.push_back(IndexSet::all(extent));
  if (auto entries = op.getView())
    for (auto entry : entries->getAsRange<LocalAttr>())
      sets[entry.getAxis()] = entry.getSet();
  return sets;
}

LogicalResult disco::verifyPacking(Attribute packing, RankedTensorType type,
                                   function_ref<InFlightDiagnostic()> emitError) {
  if (auto physical = dyn_cast<PhysicalAttr>(packing))
    return verifyPhysical(physical, type.getShape(), emitError);
  return verifyWinograd(type, emitError);
}

int64_t disco::packedBytes(ConstantOp op) {
  if (auto winograd = dyn_cast<WinogradAttr>(*op.getPacking()))
    return winogradBytes(winograd, op.getType());
  return PhysicalLayout(op.getType().getShape(), op.getType().getElementType(),
                        cast<PhysicalAttr>(*op.getPacking()))
      .getBytes();
}

void disco::forEachPackedPiece(ConstantOp op, function_ref<void(ArrayRef<char>)> callback) {
  if (auto winograd = dyn_cast<WinogradAttr>(*op.getPacking()))
    return forEachWinogradPiece(op, winograd, callback);
  auto physical = cast<PhysicalAttr>(*op.getPacking());
  Packer packer(op, physical);
  for (int64_t copy = 0; copy < physical.getCopies(); ++copy)
    for (int64_t step = 0; step < packer.steps(); ++step)
      callback(packer.fill(step));
}
