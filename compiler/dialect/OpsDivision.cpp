//===- OpsDivision.cpp - the division rules of the disco ops --------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Disco.h"
#include "RearrangeFactors.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;

using MaybeDivision = std::optional<Division>;

static int64_t rankOf(Value value) { return static_cast<int64_t>(shapeOf(value).size()); }

/// The need of an operand that is broadcast to the result.
static OperandNeed broadcastNeed(Value operand, Value result, int64_t axis) {
  int64_t own = axis - (rankOf(result) - rankOf(operand));
  if (own < 0 || (shapeOf(operand)[own] == 1 && shapeOf(result)[axis] != 1))
    return OperandNeed::whole();
  return OperandNeed::along(own, Relation::identity(shapeOf(operand)[own]));
}

static MaybeDivision elementwise(Operation *op, int64_t axis) {
  Division division;
  for (Value operand : op->getOperands())
    division.operands.push_back(broadcastNeed(operand, op->getResult(0), axis));
  return division;
}

/// Every operand along the same axis, index by index.
static MaybeDivision sameAxis(Operation *op, int64_t axis) {
  Division division;
  for (Value operand : op->getOperands())
    division.operands.push_back(
        OperandNeed::along(axis, Relation::identity(shapeOf(operand)[axis])));
  return division;
}

MaybeDivision UnaryOp::divide(int64_t axis, ArrayRef<int64_t>) { return elementwise(*this, axis); }
MaybeDivision BinaryOp::divide(int64_t axis, ArrayRef<int64_t>) { return elementwise(*this, axis); }
MaybeDivision WhereOp::divide(int64_t axis, ArrayRef<int64_t>) { return elementwise(*this, axis); }
MaybeDivision CastOp::divide(int64_t axis, ArrayRef<int64_t>) { return elementwise(*this, axis); }
MaybeDivision ExpandOp::divide(int64_t axis, ArrayRef<int64_t>) { return elementwise(*this, axis); }

MaybeDivision ConvOp::divide(int64_t axis, ArrayRef<int64_t>) {
  // Batch and space stay whole.
  if (axis != 1)
    return std::nullopt;
  bool constant = isConstant(getW());
  if (!constant && getGroup() != 1)
    return std::nullopt;
  int64_t outputs = shapeOf(getW())[0], perGroup = shapeOf(getW())[1];
  Division division;
  if (!constant) {
    division.operands.push_back(OperandNeed::whole());
  } else if (getGroup() == 1) {
    division.operands.push_back(OperandNeed::contracted(1));
  } else {
    std::vector<int64_t> begin{0}, indices;
    for (int64_t o = 0; o < outputs; ++o) {
      int64_t group = o / (outputs / static_cast<int64_t>(getGroup()));
      for (int64_t i = 0; i < perGroup; ++i)
        indices.push_back(group * perGroup + i);
      begin.push_back(static_cast<int64_t>(indices.size()));
    }
    division.operands.push_back(
        OperandNeed::contracted(1, Relation::table(std::move(begin), std::move(indices))));
  }
  division.operands.push_back(OperandNeed::along(0, Relation::identity(outputs)));
  if (getBias())
    division.operands.push_back(OperandNeed::along(0, Relation::identity(outputs)));
  for (Value same : {getInit(), getResidual()})
    if (same)
      division.operands.push_back(OperandNeed::along(1, Relation::identity(outputs)));
  return division;
}

MaybeDivision MatMulOp::divide(int64_t axis, ArrayRef<int64_t>) {
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

MaybeDivision PoolOp::divide(int64_t axis, ArrayRef<int64_t>) {
  return axis == 1 ? sameAxis(*this, axis) : std::nullopt;
}

MaybeDivision ReduceOp::divide(int64_t axis, ArrayRef<int64_t>) {
  int64_t own = axis;
  if (!getKeepdims())
    for (int64_t reduced : getAxes()) // sorted
      own += reduced <= own;
  if (llvm::is_contained(getAxes(), own))
    return std::nullopt;
  Division division;
  division.operands.push_back(OperandNeed::along(own, Relation::identity(shapeOf(getX())[own])));
  return division;
}

MaybeDivision SoftmaxOp::divide(int64_t axis, ArrayRef<int64_t>) {
  int64_t first = getAxis(), end = first + static_cast<int64_t>(getCount());
  return axis < first || axis >= end ? sameAxis(*this, axis) : std::nullopt;
}

MaybeDivision ResizeOp::divide(int64_t axis, ArrayRef<int64_t>) {
  bool kept = getScales()[axis] == 1.0 && shapeOf(getX())[axis] == shapeOf(getResult())[axis];
  bool cropped =
      !getRoi().empty() && (getRoi()[axis] != 0.0 || getRoi()[axis + rankOf(getX())] != 1.0);
  return kept && !cropped ? sameAxis(*this, axis) : std::nullopt;
}

MaybeDivision PadOp::divide(int64_t axis, ArrayRef<int64_t>) {
  bool kept = getPads()[axis] == 0 && getPads()[axis + rankOf(getX())] == 0;
  return kept ? sameAxis(*this, axis) : std::nullopt;
}

MaybeDivision ConcatOp::divide(int64_t axis, ArrayRef<int64_t>) {
  if (axis != static_cast<int64_t>(getAxis()))
    return sameAxis(*this, axis);
  Division division;
  int64_t extent = shapeOf(getResult())[axis], offset = 0;
  for (Value input : getInputs()) {
    int64_t own = shapeOf(input)[axis];
    division.operands.push_back(OperandNeed::along(axis, Relation::offset(extent, offset, own)));
    offset += own;
  }
  return division;
}

MaybeDivision SliceOp::divide(int64_t axis, ArrayRef<int64_t>) {
  SmallVector<int64_t> list;
  for (int64_t i = 0; i < shapeOf(getResult())[axis]; ++i)
    list.push_back(getStarts()[axis] + i * getSteps()[axis]);
  Division division;
  division.operands.push_back(OperandNeed::along(axis, Relation::list(list)));
  return division;
}

MaybeDivision SelectOp::divide(int64_t axis, ArrayRef<int64_t>) {
  if (axis != static_cast<int64_t>(getAxis()))
    return sameAxis(*this, axis);
  Division division;
  division.operands.push_back(OperandNeed::along(axis, Relation::list(getIndices())));
  return division;
}

MaybeDivision GatherOp::divide(int64_t axis, ArrayRef<int64_t>) {
  int64_t gathered = getAxis(), indexRank = rankOf(getIndices());
  Relation same = Relation::identity(shapeOf(getResult())[axis]);
  Division division;
  if (axis >= gathered && axis < gathered + indexRank)
    division.operands = {OperandNeed::whole(), OperandNeed::along(axis - gathered, same)};
  else
    division.operands = {OperandNeed::along(axis < gathered ? axis : axis - indexRank + 1, same),
                         OperandNeed::whole()};
  return division;
}

MaybeDivision RearrangeOp::divide(int64_t axis, ArrayRef<int64_t> operandAxes) {
  std::optional<SharedFactor> shared =
      findSharedFactor(*this, axis, operandAxes.empty() ? -1 : operandAxes[0]);
  if (!shared)
    return std::nullopt;
  Division division;
  division.operands.push_back(OperandNeed::along(shared->operandAxis, shared->relation));
  return division;
}

bool ConcatOp::relabels(int64_t axis) { return axis == static_cast<int64_t>(getAxis()); }
bool SelectOp::relabels(int64_t axis) { return axis == static_cast<int64_t>(getAxis()); }

bool SliceOp::relabels(int64_t axis) {
  for (int64_t i = 0; i < rankOf(getX()); ++i)
    if (i != axis && (getSteps()[i] != 1 || shapeOf(getX())[i] != shapeOf(getResult())[i]))
      return false;
  return true;
}

bool RearrangeOp::relabels(int64_t axis) {
  if (shapeOf(getX()) != shapeOf(getResult()))
    return false;
  std::optional<SharedFactor> shared = findSharedFactor(*this, axis, axis);
  if (!shared || shared->operandAxis != axis || !shared->permuted)
    return false;
  // The other factors must stay in order, before and after those of the axis.
  int64_t before = -1;
  for (int64_t p : getPerm()) {
    if (getView()[p] == 1 || llvm::is_contained(shared->factors, static_cast<size_t>(p)))
      continue;
    if (p < before)
      return false;
    before = p;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

std::optional<Contraction> ConvOp::getContraction() {
  if (!isConstant(getW()))
    return std::nullopt;
  return Contraction{1, 1, 1, 0, 1, static_cast<int64_t>(getGroup())};
}

std::optional<Contraction> MatMulOp::getContraction() {
  if (!isConstant(getB()) || rankOf(getB()) != 2 || getTransA())
    return std::nullopt;
  return Contraction{
      1, rankOf(getA()) - 1, rankOf(getResult()) - 1, getTransB() ? 0 : 1, getTransB() ? 1 : 0, 1};
}

//===----------------------------------------------------------------------===//
// Cost
//===----------------------------------------------------------------------===//

int64_t ConvOp::getMacs() {
  ArrayRef<int64_t> w = shapeOf(getW());
  int64_t taps = w[1];
  for (int64_t extent : w.drop_front(2))
    taps *= extent;
  return tensorType(getResult()).getNumElements() * taps;
}

int64_t MatMulOp::getMacs() {
  ArrayRef<int64_t> b = shapeOf(getB());
  return tensorType(getResult()).getNumElements() * (getTransB() ? b.back() : b[b.size() - 2]);
}
