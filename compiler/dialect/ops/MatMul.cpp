//===- MatMul.cpp - matrix product ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/ops/Contractions.h"
#include "compiler/dialect/ops/Quantized.h"

using namespace mlir;
using namespace disco;

/// Strides of an operand's batch dimensions along those of the result; 0 where it is broadcast.
static Shape batchStrides(ArrayRef<int64_t> operand, ArrayRef<int64_t> resultBatch) {
  Shape all = stridesOf(operand), strides(resultBatch.size(), 0);
  size_t batch = operand.size() - 2;
  for (size_t i = 0; i < batch; ++i)
    if (operand[i] != 1)
      strides[i + resultBatch.size() - batch] = all[i];
  return strides;
}

LogicalResult MatMulOp::verify() {
  if (getQuant() && getTransA())
    return emitOpError("integer arithmetic needs its first operand as it is");
  if (getQuant() && failed(verifyQuant(*this, *getQuant(), getA(), getB(), getBias(),
                                       shapeOf(getResult()).back())))
    return failure();
  return verifyContraction(*this, getA(), static_cast<int64_t>(shapeOf(getA()).size()) - 1);
}

LogicalResult MatMulOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> a = shapeOf(op.getA()), b = shapeOf(op.getB());
  if (a.size() < 2 || b.size() < 2)
    return emitOptionalError(loc, "the factors must have at least two dimensions");
  int64_t m = a[a.size() - 2], k = a.back(), bk = b[b.size() - 2], n = b.back();
  if (op.getTransA())
    std::swap(m, k);
  if (op.getTransB())
    std::swap(bk, n);
  if (op.getChannels())
    k = static_cast<int64_t>(op.getChannels()->size());
  if (k != bk)
    return emitOptionalError(loc, "the inner extents of the product differ: ", k, " and ", bk);
  if (op.getBias() && shapeOf(op.getBias()) != ArrayRef<int64_t>(n))
    return emitOptionalError(loc, "the bias must have one value for each of the ", n, " columns");
  SmallVector<int64_t> shape;
  if (failed(broadcast(loc, a.drop_back(2), b.drop_back(2), shape)))
    return failure();
  shape.append({m, n});
  return infer(types, shape,
               op.getQuant() ? op.getQuant()->getResult() : typeOf(op.getA()).getElementType());
}

Divisions MatMulOp::divide(int64_t axis) {
  int64_t rank = rankOf(getResult()), rankA = rankOf(getA()), rankB = rankOf(getB());
  bool contraction = getContraction().has_value();
  bool columns = axis == rank - 1, rows = axis == rank - 2;
  // Tokens stay whole, unless the rows are those of constant weights.
  if ((!columns && contraction) || (rows && !isConstant(getA())))
    return std::nullopt;
  int64_t extent = shapeOf(getResult())[axis];
  Relation same = Relation::identity(extent);
  Division division;
  if (columns) {
    division.operands.push_back(contraction ? OperandNeed::contracted(rankA - 1)
                                            : OperandNeed::whole());
    division.operands.push_back(OperandNeed::along(getTransB() ? rankB - 2 : rankB - 1, same));
  } else if (rows) {
    division.operands.push_back(OperandNeed::along(getTransA() ? rankA - 1 : rankA - 2, same));
    division.operands.push_back(OperandNeed::whole());
  } else {
    division.operands.push_back(broadcastNeed(getA(), getResult(), axis));
    division.operands.push_back(broadcastNeed(getB(), getResult(), axis));
  }
  if (getBias())
    division.operands.push_back(columns ? OperandNeed::along(0, same) : OperandNeed::whole());
  for (Value like : {getInit(), getResidual()})
    if (like)
      division.operands.push_back(OperandNeed::along(axis, same));
  return division;
}

std::optional<Contraction> MatMulOp::getContraction() {
  if (!isConstant(getB()) || rankOf(getB()) != 2 || getTransA())
    return std::nullopt;
  return Contraction{
      1, rankOf(getA()) - 1, rankOf(getResult()) - 1, getTransB() ? 0 : 1, getTransB() ? 1 : 0, 1};
}

bool MatMulOp::isArithmetic() { return true; }

SmallVector<InPlaceOperand> MatMulOp::getInPlaceOperands() {
  return sumInPlace(getInit(), getResult());
}

int64_t MatMulOp::getMacs() {
  ArrayRef<int64_t> b = shapeOf(getB());
  return tensorType(getResult()).getNumElements() * (getTransB() ? b.back() : b[b.size() - 2]);
}

Local MatMulOp::localize(LocalContext &context) {
  int64_t last = static_cast<int64_t>(shapeOf(getResult()).size()) - 1;
  if (!getContraction() || context.axis != last)
    return localizeByCloning(*this, context);
  ContractionBuilder parts{
      *this, context, getB(), getBias(), getResidual(), getTransB() ? 0 : 1, getTransB() ? 1 : 0,
      {},    {}};
  if (failed(parts.prepare(getNumOperands() - 1)))
    return failure();
  return parts.buildParts(last);
}

void MatMulOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> a = shapeOf(getA()), b = shapeOf(getB()), y = shapeOf(getResult());
  int64_t m = y[y.size() - 2], n = y.back(), k = getTransB() ? b.back() : b[b.size() - 2];
  int64_t columns = getTransA() ? a[a.size() - 2] : a.back();
  ArrayRef<int64_t> batch = y.drop_back(2);
  bool flat = b.size() == 2 && !getTransA();
  call.use(getQuant() ? "matmul_int" : "matmul");
  call.type("a_t", getA()).type("b_t", getB()).type("y_t", getResult());
  // With one matrix of weights the rows of all batches are rows of one product.
  call.constant("m", flat ? m * product(batch) : m)
      .constant("k", k)
      .constant("n", n)
      .constant("a_k", columns);
  call.flag("trans_a", getTransA())
      .flag("trans_b", getTransB())
      .flag("has_alpha", false)
      .constant("alpha", 1);
  call.constant("bias_row", 0).constant("bias_column", 1);
  Shape extents{1}, strides{0}, stridesB{0};
  if (!flat && !batch.empty()) {
    extents = Shape(batch);
    strides = batchStrides(a, batch);
    stridesB = batchStrides(b, batch);
  }
  call.constant("batch_rank", static_cast<int64_t>(extents.size()));
  call.array("batch", extents).array("a_batch", strides).array("b_batch", stridesB);
  addSum(call, *this);
  if (getQuant())
    addQuant(call, *getQuant());
  call.pointers = {getResult(), getA(), getB(), getBias(), getInit()};
  if (!getQuant())
    call.pointers.push_back(getResidual());
}
