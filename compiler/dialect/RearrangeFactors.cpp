//===- RearrangeFactors.cpp - how axes survive a rearrangement ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/RearrangeFactors.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;

SmallVector<FactorSpan> disco::factorSpans(ArrayRef<int64_t> shape, ArrayRef<int64_t> factors) {
  SmallVector<FactorSpan> spans(shape.size());
  size_t factor = 0;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    size_t firstDim = dim, firstFactor = factor;
    if (shape[dim] == 1) {
      if (factor < factors.size() && factors[factor] == 1)
        ++factor;
      spans[dim] = {firstFactor, factor};
      continue;
    }
    int64_t dims = shape[dim], product = 1;
    // Take factors, and dimensions when those run ahead, until both products meet again.
    while (dims != product || product == 1) {
      if (product < dims) {
        if (factor == factors.size())
          return spans;
        product *= factors[factor++];
      } else {
        if (dim + 1 == shape.size())
          return spans;
        dims *= shape[++dim];
      }
      if (product == 0 || dims == 0)
        return spans;
    }
    if (dim == firstDim)
      spans[dim] = {firstFactor, factor};
  }
  return spans;
}

namespace {
/// A rearrangement with the spans of its dimensions.
struct Factored {
  SmallVector<int64_t> view, permuted;
  SmallVector<int64_t> perm;
  SmallVector<FactorSpan> operand, result;

  explicit Factored(RearrangeOp op) : view(op.getView()), perm(op.getPerm()) {
    for (int64_t p : perm)
      permuted.push_back(view[p]);
    operand = factorSpans(shapeOf(op.getX()), view);
    result = factorSpans(shapeOf(op.getResult()), permuted);
  }

  /// The factors of a result axis in the order in which they appear there, ones left out.
  SmallVector<size_t> resultFactors(int64_t axis) const {
    SmallVector<size_t> factors;
    for (size_t position = result[axis]->first; position < result[axis]->second; ++position)
      if (permuted[position] != 1)
        factors.push_back(static_cast<size_t>(perm[position]));
    return factors;
  }
  SmallVector<size_t> operandFactors(int64_t axis) const {
    SmallVector<size_t> factors;
    for (size_t factor = operand[axis]->first; factor < operand[axis]->second; ++factor)
      if (view[factor] != 1)
        factors.push_back(factor);
    return factors;
  }
  int64_t product(ArrayRef<size_t> factors) const {
    int64_t product = 1;
    for (size_t factor : factors)
      product *= view[factor];
    return product;
  }
};
} // namespace

/// Both axes are made of the same factors: index by index.
static Relation permutedRelation(const Factored &op, ArrayRef<size_t> inResult,
                                 ArrayRef<size_t> inOperand, int64_t extent) {
  SmallVector<int64_t> stride(op.view.size(), 0);
  int64_t next = 1;
  for (size_t factor : llvm::reverse(inOperand)) {
    stride[factor] = next;
    next *= op.view[factor];
  }
  SmallVector<int64_t> list(extent);
  for (int64_t i = 0; i < extent; ++i) {
    int64_t rest = i, index = 0;
    for (size_t factor : llvm::reverse(inResult)) {
      index += rest % op.view[factor] * stride[factor];
      rest /= op.view[factor];
    }
    list[i] = index;
  }
  return Relation::list(list);
}

static std::optional<SharedFactor> shareWith(const Factored &op, int64_t resultAxis,
                                             int64_t operandAxis) {
  if (!op.operand[operandAxis])
    return std::nullopt;
  SmallVector<size_t> inResult = op.resultFactors(resultAxis),
                      inOperand = op.operandFactors(operandAxis);
  SmallVector<size_t> common;
  for (size_t factor : inOperand)
    if (llvm::is_contained(inResult, factor))
      common.push_back(factor);
  if (common.empty())
    return std::nullopt;
  auto before = [](ArrayRef<size_t> all, size_t first) {
    return all.take_front(llvm::find(all, first) - all.begin());
  };
  auto together = [&](ArrayRef<size_t> all) {
    size_t start = before(all, common.front()).size();
    return start + common.size() <= all.size() &&
           all.slice(start, common.size()) == ArrayRef<size_t>(common);
  };
  SharedFactor shared;
  shared.operandAxis = operandAxis;
  shared.factors = common;
  shared.extent = op.product(common);
  shared.permuted = false;
  if (together(inResult) && together(inOperand)) {
    shared.outerOperand = op.product(before(inOperand, common.front()));
    shared.outerResult = op.product(before(inResult, common.front()));
    shared.innerOperand = op.product(inOperand) / shared.extent / shared.outerOperand;
    shared.innerResult = op.product(inResult) / shared.extent / shared.outerResult;
    shared.relation = Relation::shared(shared.extent, {shared.outerResult, shared.innerResult},
                                       {shared.outerOperand, shared.innerOperand});
    return shared;
  }
  if (common.size() != inResult.size() || common.size() != inOperand.size())
    return std::nullopt;
  shared.permuted = true;
  shared.outerOperand = shared.innerOperand = shared.outerResult = shared.innerResult = 1;
  shared.relation = permutedRelation(op, inResult, inOperand, shared.extent);
  return shared;
}

std::optional<SharedFactor> disco::findSharedFactor(RearrangeOp op, int64_t resultAxis,
                                                    int64_t preferred) {
  Factored factored(op);
  // An axis of extent 1 has no factors: it follows one that is like it, and all lies on one node.
  if (shapeOf(op.getResult())[resultAxis] == 1) {
    if (preferred < 0 || shapeOf(op.getX())[preferred] != 1)
      return std::nullopt;
    return SharedFactor{preferred, {}, 1, 1, 1, 1, 1, true, Relation::list({0})};
  }
  if (!factored.result[resultAxis])
    return std::nullopt;
  if (preferred >= 0)
    if (auto shared = shareWith(factored, resultAxis, preferred))
      return shared;
  for (size_t axis = 0; axis < factored.operand.size(); ++axis)
    if (auto shared = shareWith(factored, resultAxis, static_cast<int64_t>(axis)))
      return shared;
  return std::nullopt;
}
