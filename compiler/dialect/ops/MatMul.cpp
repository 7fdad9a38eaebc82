//===- MatMul.cpp - matrix product ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Processors.h"
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

/// With one matrix of weights the rows of all batches are rows of one product.
static bool isFlat(MatMulOp op) { return rankOf(op.getB()) == 2 && !op.getTransA(); }

namespace {
/// Extents of one product.
struct ProductShape {
  int64_t m, n, k;
};
} // namespace

static ProductShape productOf(MatMulOp op) {
  ArrayRef<int64_t> b = shapeOf(op.getB()), y = shapeOf(op.getResult());
  int64_t rows = y[y.size() - 2];
  return {isFlat(op) ? rows * product(y.drop_back(2)) : rows, y.back(),
          op.getTransB() ? b.back() : b[b.size() - 2]};
}

/// The type in which products of the op are summed: halves as floats, integers without a sign.
static Type sumType(MatMulOp op) {
  Type element = tensorType(op.getResult()).getElementType();
  if (element.isF16())
    return Float32Type::get(op.getContext());
  if (isa<FloatType>(element))
    return element;
  return IntegerType::get(op.getContext(), std::max(32U, element.getIntOrFloatBitWidth()),
                          IntegerType::Unsigned);
}

/// The packing of weights that matmul_blocks reads: [n / 48][k][48].
static PhysicalAttr blocksOf(MatMulOp op) {
  const int64_t columns = op.getTransB() ? 0 : 1, rows = 1 - columns;
  return PhysicalAttr::get(op.getContext(), {columns, rows, columns}, {gemm_b_block, 1, 1}, {}, {},
                           -1, {}, 1);
}

/// Whether weights can be packed in blocks, and do not become much larger. Without vectors they are
/// read as they are: what packing costs there is little, and weights lie in small memories.
static bool hasUsefulBlocks(MatMulOp op, const processor &best) {
  const ProductShape s = productOf(op);
  return op.getContraction() && tensorType(op.getB()).getElementType() == sumType(op) &&
         best.vector_bytes > 0 && s.k > 0 && s.n > 0 &&
         whole_steps(s.n, gemm_b_block) * 8 <= s.n * 9;
}

/// Costs are those at which the forms were found to be equally fast: a dot product takes what four
/// full vectors do; columns that are packed once are read by all rows, and reading them where they
/// lie costs about as much for every 2 tiles of rows.
SmallVector<KernelChoice> MatMulOp::getKernelChoices(NodeAttr node) {
  const SmallVector<processor> processors = processorsOf(node);
  const ProductShape s = productOf(*this);
  const auto macs = static_cast<double>(getMacs()),
             perRow = s.m ? macs / static_cast<double>(s.m) : 0.0;
  if (getQuant() && getTransB())
    return {{"matmul_int_dots", macs}};
  if (getQuant())
    return {{"matmul_int_gemm", macs, mostScratch(processors, [&](const processor &p) {
               return before_scratch(p) + int_sizes_of(p, 2, s.m, s.n, s.k).bytes;
             })}};
  Type sum = sumType(*this);
  const int64_t element = elementBytes(sum);
  auto isSum = [&](Value value) { return tensorType(value).getElementType() == sum; };
  const bool denseA = isSum(getA()) && !getChannels() && !getTransA();
  auto blocked = [&](StringRef name, double cost, bool dots, bool packed = false) {
    return KernelChoice{name.str(), cost, mostScratch(processors, [&](const processor &p) {
                          return gemm_scratch(
                              p, element,
                              {s.m, s.n, s.k, denseA, isSum(getResult()), dots, packed});
                        })};
  };
  const bool exact = inExactOrder(*this);
  SmallVector<KernelChoice> choices;
  if (!exact && s.m == 1 && getTransB() && s.n > 0)
    choices.push_back({"matmul_rows", 0});
  if (!exact && s.n <= gemm_few_columns(processors.back(), element))
    choices.push_back(blocked("matmul_dots", 0, true));
  if (hasUsefulBlocks(*this, processors.back())) {
    choices.push_back(blocked("matmul_blocks", macs, false, true));
    choices.back().packing = blocksOf(*this);
  }
  if (isSum(getB()) && !getTransB())
    choices.push_back(blocked(
        "matmul_direct", macs + macs / static_cast<double>(2 * processors.back().rows), false));
  choices.push_back(blocked("matmul_gemm", macs + perRow, false));
  return choices;
}

void MatMulOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> a = shapeOf(getA()), b = shapeOf(getB()), y = shapeOf(getResult());
  const ProductShape s = productOf(*this);
  int64_t columns = getTransA() ? a[a.size() - 2] : a.back();
  ArrayRef<int64_t> batch = y.drop_back(2);
  bool flat = isFlat(*this);
  call.useChosen(*this);
  call.type("a_t", getA()).type("b_t", getB()).type("y_t", getResult());
  call.constant("m", s.m).constant("k", s.k).constant("n", s.n).constant("a_k", columns);
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
