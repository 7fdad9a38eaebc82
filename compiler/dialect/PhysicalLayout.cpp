//===- PhysicalLayout.cpp - where a tensor's elements lie -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PhysicalLayout.h"
#include "llvm/ADT/STLExtras.h"
#include <cstring>

using namespace mlir;
using namespace disco;

PhysicalAttr disco::physicalOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  auto local = tensor ? dyn_cast_or_null<LocalAttr>(tensor.getEncoding()) : LocalAttr();
  return local ? local.getPhysical() : PhysicalAttr();
}

bool disco::lieAlike(RankedTensorType a, RankedTensorType b) {
  PhysicalAttr one = physicalOf(a), other = physicalOf(b);
  return one == other || (PhysicalLayout(a).isRowMajor() && PhysicalLayout(b).isRowMajor());
}

PhysicalLayout::PhysicalLayout(RankedTensorType type)
    : PhysicalLayout(type.getShape(), type.getElementType(), physicalOf(type)) {}

/// The dimensions of a shape in memory; their strides are not known yet.
static SmallVector<PhysicalDim> dimsOf(ArrayRef<int64_t> shape, PhysicalAttr physical) {
  SmallVector<PhysicalDim> dims;
  SmallVector<int64_t> covered(shape); // indices of an axis that its next dimension covers
  ArrayRef<int64_t> borders = physical.getBorders(), pitches = physical.getPitches();
  for (size_t i = 0; i < borders.size(); i += 3)
    covered[borders[i]] += borders[i + 1] + borders[i + 2];
  for (auto [axis, unit] : llvm::zip(physical.getAxes(), physical.getUnits())) {
    dims.push_back({axis, unit, (covered[axis] + unit - 1) / unit, 0});
    covered[axis] = unit;
  }
  for (size_t i = 0; i < pitches.size(); i += 2) {
    int64_t &extent = dims[pitches[i]].extent;
    extent = (extent + pitches[i + 1] - 1) / pitches[i + 1] * pitches[i + 1];
  }
  return dims;
}

PhysicalLayout::PhysicalLayout(ArrayRef<int64_t> shape, Type element, PhysicalAttr physical)
    : shape(shape), before(shape.size(), 0), elementSize(elementBytes(element)) {
  if (physical) {
    dims = dimsOf(shape, physical);
    copies = physical.getCopies();
    orderAxis = physical.getOrderAxis();
    places.resize(physical.getOrder().size());
    for (auto [place, index] : llvm::enumerate(physical.getOrder()))
      places[index] = static_cast<int64_t>(place);
    ArrayRef<int64_t> borders = physical.getBorders();
    for (size_t i = 0; i < borders.size(); i += 3)
      before[borders[i]] = borders[i + 1];
  } else {
    for (auto [axis, extent] : llvm::enumerate(shape))
      dims.push_back({static_cast<int64_t>(axis), 1, extent, 0});
  }
  for (PhysicalDim &dim : llvm::reverse(dims)) {
    dim.stride = elements;
    elements *= dim.extent;
  }
}

int64_t PhysicalLayout::getAlignment() const {
  constexpr int64_t most = 16;
  const bool blocked = !dims.empty() && llvm::count_if(dims, [&](const PhysicalDim &dim) {
                                          return dim.axis == dims.back().axis;
                                        }) > 1;
  const int64_t block = blocked ? dims.back().extent * elementSize : elementSize;
  return std::min<int64_t>(most, block & -block);
}

SmallVector<int64_t> PhysicalLayout::offsetsAlong(int64_t axis) const {
  SmallVector<int64_t> offsets;
  for (int64_t index = 0; index < shape[axis]; ++index) {
    int64_t rest = (axis == orderAxis ? places[index] : index) + before[axis], offset = 0;
    for (const PhysicalDim &dim : dims) {
      if (dim.axis != axis)
        continue;
      offset += rest / dim.unit * dim.stride;
      rest %= dim.unit;
    }
    offsets.push_back(offset);
  }
  return offsets;
}

int64_t PhysicalLayout::offsetOf(ArrayRef<int64_t> index, int64_t copy) const {
  int64_t offset = copy * elements;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    offset += offsetsAlong(static_cast<int64_t>(axis))[index[axis]];
  return offset;
}

SmallVector<SmallVector<int64_t>> PhysicalLayout::offsetsOf(int64_t axis,
                                                            ArrayRef<int64_t> indices) const {
  SmallVector<SmallVector<int64_t>> offsets;
  for (int64_t each = 0; each < static_cast<int64_t>(shape.size()); ++each) {
    offsets.push_back(offsetsAlong(each));
    if (each != axis)
      continue;
    SmallVector<int64_t> picked;
    for (int64_t index : indices)
      picked.push_back(offsets.back()[index]);
    offsets.back() = picked;
  }
  return offsets;
}

std::optional<ByteRun> PhysicalLayout::findRun(int64_t axis, ArrayRef<int64_t> indices) const {
  int64_t count = 1, start = 0;
  SmallVector<SmallVector<int64_t>> byAxis = offsetsOf(axis, indices);
  for (ArrayRef<int64_t> offsets : llvm::reverse(byAxis)) {
    if (offsets.empty())
      return ByteRun{0, 0};
    for (auto [i, offset] : llvm::enumerate(offsets))
      if (offset - offsets.front() != static_cast<int64_t>(i) * count)
        return std::nullopt;
    count *= static_cast<int64_t>(offsets.size());
    start += offsets.front();
  }
  return ByteRun{start * elementSize, count * elementSize};
}

bool PhysicalLayout::isRowMajor() const {
  std::optional<ByteRun> all = findRun(-1, {});
  return all && all->offset == 0 && all->bytes == getBytes();
}

/// How many of the first offsets, at least one, are equally far from each other.
static size_t countEven(ArrayRef<int64_t> offsets) {
  size_t count = 1;
  while (count < offsets.size() && offsets[count] - offsets[count - 1] == offsets[1] - offsets[0])
    ++count;
  return count;
}

/// The one or two loops that visit offsets in order: false where they are not so even.
static bool addLoops(StridedLoops &loops, ArrayRef<int64_t> offsets) {
  const size_t inner = countEven(offsets), outer = offsets.size() / inner;
  const int64_t step = inner > 1 ? offsets[1] - offsets[0] : 0,
                jump = outer > 1 ? offsets[inner] - offsets[0] : 0;
  for (auto [i, offset] : llvm::enumerate(offsets))
    if (offset != offsets.front() + static_cast<int64_t>(i / inner) * jump +
                      static_cast<int64_t>(i % inner) * step)
      return false;
  if (outer > 1) {
    loops.shape.push_back(static_cast<int64_t>(outer));
    loops.strides.push_back(jump);
  }
  loops.shape.push_back(static_cast<int64_t>(inner));
  loops.strides.push_back(step);
  loops.offset += offsets.front();
  return offsets.size() % inner == 0;
}

std::optional<StridedLoops> PhysicalLayout::findLoops(int64_t axis,
                                                      ArrayRef<int64_t> indices) const {
  StridedLoops loops;
  for (ArrayRef<int64_t> offsets : offsetsOf(axis, indices))
    if (offsets.empty() || !addLoops(loops, offsets))
      return std::nullopt;
  return loops;
}

/// Calls back with the number of every element, row by row, and its offset.
void PhysicalLayout::forEachOffset(function_ref<void(int64_t, int64_t)> callback) const {
  SmallVector<SmallVector<int64_t>> offsets = offsetsOf(-1, {});
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t i = 0; i < count; ++i) {
    int64_t offset = 0;
    for (size_t axis = 0; axis < index.size(); ++axis)
      offset += offsets[axis][index[axis]];
    callback(i, offset);
    for (size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis])
        break;
      index[axis] = 0;
    }
  }
}

void PhysicalLayout::pack(const char *rowMajor, char *buffer, int64_t copy) const {
  forEachOffset([&](int64_t i, int64_t offset) {
    memcpy(buffer + (copy * elements + offset) * elementSize, rowMajor + i * elementSize,
           static_cast<size_t>(elementSize));
  });
}

void PhysicalLayout::unpack(const char *buffer, char *rowMajor, int64_t copy) const {
  forEachOffset([&](int64_t i, int64_t offset) {
    memcpy(rowMajor + i * elementSize, buffer + (copy * elements + offset) * elementSize,
           static_cast<size_t>(elementSize));
  });
}

LogicalResult disco::verifyPhysical(PhysicalAttr physical, ArrayRef<int64_t> shape,
                                    function_ref<InFlightDiagnostic()> emitError) {
  auto rank = static_cast<int64_t>(shape.size());
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!llvm::is_contained(physical.getAxes(), axis))
      return emitError() << "axis " << axis << " of the tensor has no dimension in memory";
  for (int64_t axis : physical.getAxes())
    if (axis >= rank)
      return emitError() << "a dimension in memory of axis " << axis << " of a tensor of rank "
                         << rank;
  const int64_t axis = physical.getOrderAxis();
  if (axis >= 0 && static_cast<int64_t>(physical.getOrder().size()) != shape[axis])
    return emitError() << "an order of " << physical.getOrder().size() << " indices of axis "
                       << axis << ", which has " << shape[axis];
  constexpr double most = 0x1p40; // a product that does not fit 64 bits is still a double
  auto elements = static_cast<double>(physical.getCopies());
  for (const PhysicalDim &dim : dimsOf(shape, physical))
    elements *= static_cast<double>(dim.extent);
  if (elements > most)
    return emitError() << "a layout of more than 2^40 elements";
  return success();
}
