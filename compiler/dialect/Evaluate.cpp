//===- Evaluate.cpp - computing with constants ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "compiler/dialect/Disco.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include <cstring>

using namespace mlir;
using namespace disco;

/// Constants of up to this many elements are written into the text of the IR.
static constexpr int64_t kInlineElements = 64;

static bool isSplat(ElementsAttr value) {
  auto dense = dyn_cast<DenseElementsAttr>(value);
  return dense && dense.isSplat();
}

static int64_t countOf(ArrayRef<int64_t> shape) { return ShapedType::getNumElements(shape); }

SmallVector<int64_t> disco::storedShape(ElementsAttr value, ArrayRef<int64_t> shape) {
  if (countOf(shape) == 0)
    return SmallVector<int64_t>(shape);
  SmallVector<int64_t> stored(shape.size(), 1);
  if (!isSplat(value))
    llvm::copy(value.getShapedType().getShape(), stored.begin());
  return stored;
}

ConstantView::ConstantView(Value constant)
    : ConstantView(constant.getDefiningOp<ConstantOp>().getValue(),
                   tensorType(constant).getShape()) {}

ConstantView::ConstantView(ElementsAttr value, ArrayRef<int64_t> shape)
    : stored(storedShape(value, shape)) {
  element = value.getShapedType().getElementType();
  casts = elementCasts(element);
  count = countOf(shape);
  bytesEach = elementBytes(element);
  if (ArrayRef<int64_t>(stored) != shape)
    for (size_t i = shape.size(), next = 1; i-- > 0; next *= stored[i])
      steps.push_back({shape[i], stored[i] == 1 ? 0 : static_cast<int64_t>(next)});
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      if (blob->getData().size() >= static_cast<size_t>(storedCount() * bytesEach))
        data = blob->getData().data();
    return;
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense)
    return;
  if (!dense.isSplat() && !element.isInteger(1)) {
    data = dense.getRawData().data();
    return;
  }
  copy.resize(storedCount() * bytesEach);
  if (!element.isInteger(1))
    llvm::copy(dense.getRawData().take_front(copy.size()), copy.begin());
  else if (dense.isSplat())
    copy.assign(copy.size(), dense.getSplatValue<bool>());
  else
    llvm::copy(dense.getValues<bool>(), copy.begin());
  data = copy.data();
}

int64_t ConstantView::storedCount() const { return countOf(stored); }

int64_t ConstantView::placeOf(int64_t index) const {
  int64_t place = 0;
  for (Step step : steps) {
    place += step.stride == 0 ? 0 : index % step.extent * step.stride;
    index /= step.extent;
  }
  return place;
}

bool ConstantView::isUniform() const {
  if (!isValid() || count == 0)
    return false;
  auto each = static_cast<size_t>(bytesEach);
  for (size_t i = 1; i < static_cast<size_t>(storedCount()); ++i)
    if (std::memcmp(data, data + i * each, each) != 0)
      return false;
  return true;
}

std::optional<double> ConstantView::uniform() const {
  return isUniform() ? std::optional(real(0)) : std::nullopt;
}

double ConstantView::real(int64_t index) const {
  double value;
  casts.toReal(reinterpret_cast<char *>(&value), bytes(index));
  return value;
}

int64_t ConstantView::integer(int64_t index) const {
  int64_t value;
  casts.toInteger(reinterpret_cast<char *>(&value), bytes(index));
  return value;
}

bool ConstantView::isZero(int64_t index) const { return real(index) == 0; }

ConstantBuilder::ConstantBuilder(RankedTensorType type)
    : type(withLayout(type, {})), casts(elementCasts(type.getElementType())),
      bytesEach(elementBytes(type.getElementType())), data(type.getNumElements() * bytesEach) {}

void ConstantBuilder::setBytes(int64_t index, const char *bytes) {
  std::memcpy(&data[index * bytesEach], bytes, bytesEach);
}

void ConstantBuilder::setReal(int64_t index, double value) {
  casts.fromReal(bytes(index), reinterpret_cast<const char *>(&value));
}

void ConstantBuilder::setInteger(int64_t index, int64_t value) {
  casts.fromInteger(bytes(index), reinterpret_cast<const char *>(&value));
}

double disco::numberOf(Attribute value) {
  auto integer = dyn_cast<IntegerAttr>(value);
  return integer ? static_cast<double>(integer.getInt())
                 : cast<FloatAttr>(value).getValueAsDouble();
}

void ConstantBuilder::setAttribute(int64_t index, Attribute value) {
  if (auto integer = dyn_cast<IntegerAttr>(value))
    setInteger(index, integer.getInt());
  else
    setReal(index, numberOf(value));
}

/// `base`, or the first of `base`_1, `base`_2 ... that is free. MLIR would try them one by one, for
/// each constant.
static std::string freeName(MLIRContext *context, const std::string &base) {
  auto &known = DenseResourceElementsHandle::getManagerInterface(context).getBlobManager();
  auto name = [&](size_t number) {
    return number == 0 ? base : base + "_" + std::to_string(number);
  };
  size_t taken = 0, free = 0; // the last that is known to be taken, one that is free
  for (size_t step = 1; known.lookup(name(free)); step *= 2)
    taken = free, free += step;
  while (free > taken + 1) {
    size_t middle = taken + (free - taken) / 2;
    (known.lookup(name(middle)) ? taken : free) = middle;
  }
  return name(free);
}

ElementsAttr disco::makeExternalConstant(RankedTensorType type, ArrayRef<char> bytes) {
  return DenseResourceElementsAttr::get(type, freeName(type.getContext(), "weights"),
                                        UnmanagedAsmResourceBlob::allocateWithAlign(bytes, 1));
}

ElementsAttr ConstantBuilder::finish() {
  if (type.getNumElements() > kInlineElements) {
    auto *owned = new std::vector<char>(std::move(data));
    AsmResourceBlob blob(
        ArrayRef<char>(*owned), 16, [owned](void *, size_t, size_t) { delete owned; }, false);
    return DenseResourceElementsAttr::get(type, freeName(type.getContext(), "folded"),
                                          std::move(blob));
  }
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> bits(data.begin(), data.end());
    return DenseElementsAttr::get(type, bits);
  }
  return DenseElementsAttr::getFromRawBuffer(type, data);
}

ElementsAttr disco::reshaped(ElementsAttr value, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, value.getShapedType().getElementType());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  auto dense = cast<DenseElementsAttr>(value);
  return dense.isSplat() ? dense.resizeSplat(type) : dense.reshape(type);
}

//===----------------------------------------------------------------------===//
// Folding without growing
//===----------------------------------------------------------------------===//

std::optional<RankedTensorType> disco::foldedType(Operation *op, ArrayRef<int64_t> stored,
                                                  int64_t operandElements) {
  Type element = tensorType(op->getResult(0)).getElementType();
  int64_t count = countOf(stored);
  if (count > operandElements && count * elementBytes(element) > kSmallConstantBytes &&
      !op->hasAttr(kEvaluatedAttr))
    return std::nullopt;
  return RankedTensorType::get(stored, element);
}

std::optional<RankedTensorType> disco::foldedType(Operation *op,
                                                  ArrayRef<const ConstantView *> operands) {
  ArrayRef<int64_t> shape = tensorType(op->getResult(0)).getShape();
  SmallVector<int64_t> stored(shape.size(), 1);
  int64_t elements = 0;
  for (const ConstantView *operand : operands) {
    ArrayRef<int64_t> own = operand->getStoredShape();
    for (size_t i = 0; i < own.size(); ++i)
      if (own[i] != 1)
        stored[i + shape.size() - own.size()] = own[i];
    elements += operand->storedCount();
  }
  return foldedType(op, countOf(shape) == 0 ? shape : ArrayRef<int64_t>(stored), elements);
}
