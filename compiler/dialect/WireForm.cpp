//===- WireForm.cpp - compressed messages ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/WireForm.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace disco;

/// Fewer bytes gain nothing over what a message takes by itself.
static constexpr int64_t kLeastBytes = 256;

std::optional<Compression> disco::parseCompression(StringRef text) {
  auto [name, precision] = text.split(':');
  Compression compression;
  compression.kind = llvm::StringSwitch<WireForm::Kind>(name)
                         .Case("sparse", WireForm::Kind::Sparse)
                         .Case("lz4", WireForm::Kind::Lz4)
                         .Case("zfp", WireForm::Kind::Zfp)
                         .Default(WireForm::Kind::Plain);
  const bool hasPrecision = text.contains(':');
  if (hasPrecision && (compression.kind != WireForm::Kind::Zfp ||
                       precision.getAsInteger(10, compression.precision) ||
                       compression.precision < 2 || compression.precision > 64))
    return std::nullopt;
  return compression.kind == WireForm::Kind::Plain && text != "none" ? std::nullopt
                                                                     : std::optional(compression);
}

int64_t disco::formsOf(ModuleOp cluster) {
  auto attr = cluster->getAttrOfType<StringAttr>(kCompressAttr);
  std::optional<Compression> compression =
      attr ? parseCompression(attr.getValue()) : std::optional<Compression>();
  return 1 | (compression ? 1 << static_cast<int64_t>(compression->kind) : 0);
}

/// The last three dimensions as zfp has them; those before are part of the third.
static void setShape(WireForm &form, RankedTensorType type) {
  for (int64_t dim = type.getRank() - 1, at = 0; dim >= 0; --dim, at += at < 2)
    form.shape[at] *= type.getDimSize(dim);
}

WireForm WireForm::of(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  auto cluster = module ? module->getParentOfType<ModuleOp>() : ModuleOp();
  auto attr = cluster ? cluster->getAttrOfType<StringAttr>(kCompressAttr) : StringAttr();
  std::optional<Compression> compression =
      attr ? parseCompression(attr.getValue()) : std::optional<Compression>();
  WireForm form;
  if (!compression)
    return form;
  if (auto post = dyn_cast<PostOp>(op)) {
    for (Operation *user : post.getBuffer().getUsers())
      if (isa<RecvOp>(user))
        return of(user);
    return form;
  }
  // Inputs and outputs of the model stay as they are.
  auto parts = isa<RecvOp>(op) ? cast<RecvOp>(op).getParts() : cast<SendOp>(op).getParts();
  if (llvm::any_of(parts.getAsRange<PartAttr>(), [](PartAttr part) { return part.getRoot(); }))
    return form;
  // A packed part has the shape of what is received of it.
  SmallVector<RankedTensorType> types;
  int64_t bytes = 0;
  if (auto recv = dyn_cast<RecvOp>(op)) {
    for (Value result : recv.getResults())
      types.push_back(tensorType(result));
  } else {
    auto send = cast<SendOp>(op);
    for (auto [input, part] : llvm::zip(send.getInputs(), send.getParts().getAsRange<PartAttr>())) {
      SmallVector<int64_t> shape(tensorType(input).getShape());
      if (part.getAxis() >= 0)
        shape[part.getAxis()] = part.getSet().size();
      types.push_back(RankedTensorType::get(shape, tensorType(input).getElementType()));
    }
  }
  for (RankedTensorType type : types) {
    bytes += byteSize(type);
    if (type.getElementType() != types.front().getElementType())
      return form;
  }
  form.element = types.empty() ? Type() : types.front().getElementType();
  const bool isReal = form.element && (form.element.isF32() || form.element.isF64());
  if (bytes < kLeastBytes || (compression->kind == Kind::Zfp && !isReal))
    return form;
  form.kind = compression->kind;
  form.precision = compression->precision;
  if (types.size() == 1)
    setShape(form, types.front());
  else
    form.shape[0] = bytes / elementBytes(form.element);
  return form;
}

int64_t disco::fillOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (elementBytes(tensorType(value).getElementType()) != 1)
      return 0;
    if (auto quant = op->getAttrOfType<QuantAttr>(kQuantAttr))
      return quant.getMultiplier() ? quant.getYZero() : 0;
    if (auto binary = dyn_cast<QuantBinaryOp>(op))
      return static_cast<int64_t>(binary.getZero());
    DenseElementsAttr zero;
    if (auto quantize = dyn_cast<QuantizeOp>(op))
      return quantize.getZero() && matchPattern(quantize.getZero(), m_Constant(&zero)) &&
                     zero.isSplat()
                 ? zero.getSplatValue<APInt>().getSExtValue()
                 : 0;
    // What only moves elements, or takes the larger of two, has those of its operand.
    if (op->getNumOperands() == 0 ||
        tensorType(op->getOperand(0)).getElementType() != tensorType(value).getElementType())
      return 0;
    value = op->getOperand(0);
  }
  return 0;
}
