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
  explicit Packer(ConstantOp op)
      : view(op.getValue(), op.getValue().getShapedType().getShape()),
        layout(op.getType().getShape(), op.getType().getElementType(), *op.getPacking()),
        outer(layout.getDims().front()), each(static_cast<size_t>(view.elementSize())),
        slab(static_cast<size_t>(outer.stride) * each) {
    ArrayRef<int64_t> shape = op.getValue().getShapedType().getShape();
    int64_t stride = view.size();
    for (auto [axis, extent] : llvm::enumerate(shape)) {
      IndexSet set = IndexSet::all(extent);
      if (auto entries = op.getView())
        for (auto entry : entries->getAsRange<LocalAttr>())
          if (entry.getAxis() == static_cast<int64_t>(axis))
            set = entry.getSet();
      stride /= std::max<int64_t>(extent, 1);
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

void disco::forEachPackedPiece(ConstantOp op, function_ref<void(ArrayRef<char>)> callback) {
  Packer packer(op);
  for (int64_t copy = 0; copy < op.getPacking()->getCopies(); ++copy)
    for (int64_t step = 0; step < packer.steps(); ++step)
      callback(packer.fill(step));
}
