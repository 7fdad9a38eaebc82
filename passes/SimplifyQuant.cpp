//===- SimplifyQuant.cpp - quantised graphs become integer arithmetic -----===//
// SPDX-License-Identifier: Apache-2.0
//
// A quantised graph computes in reals between a dequantize and a quantize. What is recognised here
// computes in integers: contractions, averages, sums and products; functions of one tensor become
// tables. Movement changes places with both, so that they meet.
#include "compiler/dialect/Quantization.h"
#include "passes/SimplifyPatterns.h"
#include "passes/SimplifyQuantValues.h"
#include <cmath>

using namespace mlir;
using namespace disco;

namespace {

/// What stands between the computing op and its quantize: clips, which become a range of integers.
struct Requantization {
  Value computed;
  TensorScale result;
  int64_t low, high;
};

/// A computed value that only a quantize reads, directly or through clips.
std::optional<Requantization> requantizationOf(QuantizeOp op) {
  std::optional<TensorScale> scale = tensorScaleOf(op);
  if (!scale || !isByte(op.getResult()))
    return std::nullopt;
  SmallVector<ActAttr> clips;
  Value value = op.getX();
  for (auto clip = value.getDefiningOp<UnaryOp>();
       clip && value.hasOneUse() && !clip->hasAttr(kOwnersAttr) &&
       llvm::is_contained({UnaryKind::Relu, UnaryKind::Clip}, clip.getAct().getKind());
       clip = value.getDefiningOp<UnaryOp>()) {
    clips.push_back(clip.getAct());
    value = clip.getX();
  }
  IntegerRange range = rangeOf(tensorType(op.getResult()).getElementType());
  Requantization found{value, *scale, range.low, range.high};
  // Rounding keeps order: a clip of the real numbers is one of the integers.
  for (ActAttr clip : llvm::reverse(clips)) {
    bool relu = clip.getKind() == UnaryKind::Relu;
    auto rounded = [&](double bound) {
      return quantized(static_cast<float>(bound), scale->scale, scale->zero, range);
    };
    int64_t low = relu ? rounded(0) : rounded(clip.getAlphaValue()),
            high = relu ? range.high : rounded(clip.getBetaValue());
    found.low = std::min(std::max(found.low, low), high);
    found.high = std::min(std::max(found.high, low), high);
  }
  return found;
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

/// A contraction of reals that are dequantised integers of 8 bits.
struct QuantizedContraction {
  Operation *op;
  DequantizeOp x, w;
  TensorScale input;
  std::vector<float> wScales;  // one, or one a row
  std::vector<int64_t> wZeros; // likewise
  int64_t rows, rowAxis;
  Value bias;                     // null when there is none
  BinaryOp sum;                   // that adds it, where it is no operand
  SmallVector<int64_t> biasShape; // to which it is broadcast
  int64_t biasAxis;

  float scaleOf(int64_t row) const {
    return input.scale * wScales[wScales.size() == 1 ? 0 : static_cast<size_t>(row)];
  }
  /// The bias as a number of the integer sum's units, one a row.
  ///
  /// Rounding it to an integer must not show in the result: the error may be a quarter of the
  /// result's unit, which is `result`, at most. Where `result` is 0 the sum itself is the result,
  /// and the bias has to be exact. Nothing when it is not, or does not fit 32 bits.
  std::optional<std::vector<int64_t>> integerBias(float result = 0) const;
};

/// A product to which a constant is added, and the constant.
std::pair<Operation *, Value> addedConstant(BinaryOp sum) {
  auto isStored = [](Value value) {
    auto stored = value.getDefiningOp<DequantizeOp>();
    return isConstant(stored ? stored.getX() : value);
  };
  if (sum.getKind() == BinaryKind::Add && !sum.getAct() && !sum->hasAttr(kOwnersAttr))
    for (auto [product, added] : {std::pair<Value, Value>{sum.getLhs(), sum.getRhs()},
                                  std::pair<Value, Value>{sum.getRhs(), sum.getLhs()}})
      if (isa_and_nonnull<ConvOp, MatMulOp>(product.getDefiningOp()) && product.hasOneUse() &&
          isStored(added) && shapeOf(product) == shapeOf(sum.getResult()))
        return {product.getDefiningOp(), added};
  return {nullptr, Value()};
}

std::optional<QuantizedContraction> quantizedContraction(Value value) {
  Operation *op = value.getDefiningOp();
  auto sum = dyn_cast_or_null<BinaryOp>(op);
  Value added;
  if (sum)
    std::tie(op, added) = addedConstant(sum);
  auto conv = dyn_cast_or_null<ConvOp>(op);
  auto matmul = dyn_cast_or_null<MatMulOp>(op);
  if ((!conv && !matmul) || op->hasAttr(kActAttr) || op->hasAttr(kQuantAttr) ||
      op->hasAttr(kChannelsAttr))
    return std::nullopt;
  if (conv ? bool(conv.getInit() || conv.getResidual())
           : bool(matmul.getInit() || matmul.getResidual() || matmul.getTransA()))
    return std::nullopt;
  auto x = op->getOperand(0).getDefiningOp<DequantizeOp>(),
       w = op->getOperand(1).getDefiningOp<DequantizeOp>();
  std::optional<TensorScale> input = x ? tensorScaleOf(x) : std::nullopt;
  if (!input || !w || !isByte(x.getX()) || !isByte(w.getX()) || (conv && !isConstant(w.getX())))
    return std::nullopt;
  QuantizedContraction found{op, x, w, *input, {}, {}, 0, 0, {}, sum, {}, 0};
  int64_t last = static_cast<int64_t>(shapeOf(w).size()) - 1;
  found.rowAxis = conv ? 0 : matmul.getTransB() ? last - 1 : last;
  found.rows = shapeOf(w)[found.rowAxis];
  // A factor that is computed, or of which there are several, has one scale.
  if (matmul && (last != 1 || !isConstant(w.getX())) && !tensorScaleOf(w))
    return std::nullopt;
  std::optional<std::vector<double>> scales = alongAxis(w.getScale(), shapeOf(w), found.rowAxis),
                                     zeros = w.getZero()
                                                 ? alongAxis(w.getZero(), shapeOf(w), found.rowAxis)
                                                 : std::vector<double>{0};
  if (!scales || !zeros)
    return std::nullopt;
  for (double scale : *scales)
    found.wScales.push_back(static_cast<float>(scale));
  for (double zero : *zeros)
    found.wZeros.push_back(static_cast<int64_t>(zero));
  for (int64_t row = 0; row < found.rows; ++row)
    if (!std::isnormal(found.scaleOf(row)))
      return std::nullopt;
  found.bias = conv ? conv.getBias() : matmul.getBias();
  found.biasShape = {found.rows};
  if (!sum)
    return found;
  if (found.bias)
    return std::nullopt;
  found.bias = added;
  found.biasShape.assign(shapeOf(value).begin(), shapeOf(value).end());
  found.biasAxis = conv ? 1 : static_cast<int64_t>(shapeOf(value).size()) - 1;
  return found;
}

std::optional<std::vector<int64_t>> QuantizedContraction::integerBias(float result) const {
  std::vector<int64_t> sums(static_cast<size_t>(rows), 0);
  if (!bias)
    return sums;
  auto stored = bias.getDefiningOp<DequantizeOp>();
  std::optional<std::vector<double>> values = alongAxis(stored ? stored.getX() : bias, biasShape,
                                                        biasAxis),
                                     scales = std::vector<double>{1},
                                     zeros = std::vector<double>{0};
  if (stored) {
    scales = alongAxis(stored.getScale(), biasShape, biasAxis);
    if (stored.getZero())
      zeros = alongAxis(stored.getZero(), biasShape, biasAxis);
  }
  if (!values || !scales || !zeros)
    return std::nullopt;
  auto at = [](const std::vector<double> &list, size_t i) {
    return list[list.size() == 1 ? 0 : i];
  };
  for (size_t row = 0; row < sums.size(); ++row) {
    double difference = at(*values, row) - at(*zeros, row), scale = at(*scales, row);
    auto unit = static_cast<double>(scaleOf(static_cast<int64_t>(row)));
    // A bias that was quantised in units of the sum is there already.
    double sum = stored && scale == unit ? difference : std::nearbyint(difference * scale / unit);
    if (!(std::fabs(sum) < 2147483648.0))
      return std::nullopt;
    // One that is an operand is rounded, whatever it is, as exporters do.
    double off = stored && scale == unit ? 0 : std::fabs(difference * scale / unit - sum) * unit;
    if (this->sum && off > 0.25 * static_cast<double>(result))
      return std::nullopt;
    sums[row] = static_cast<int64_t>(sum);
  }
  return sums;
}

/// The contraction of integers; `multiplier` empty: sums of 32 bits.
Operation *makeInteger(PatternRewriter &rewriter, const QuantizedContraction &from,
                       const std::vector<int64_t> &sums, QuantAttr quant) {
  Operation *op = from.op;
  // Its operands may have been made after it was last in order.
  rewriter.setInsertionPoint(op);
  Value bias;
  if (from.bias) {
    ConstantBuilder values(RankedTensorType::get({from.rows}, rewriter.getI32Type()));
    for (auto [i, sum] : llvm::enumerate(sums))
      values.setInteger(static_cast<int64_t>(i), sum);
    bias = rewriter.create<ConstantOp>(op->getLoc(),
                                       RankedTensorType::get({from.rows}, rewriter.getI32Type()),
                                       values.finish(), ArrayAttr());
  }
  SmallVector<NamedAttribute> attrs;
  for (NamedAttribute attr : op->getAttrs())
    if (attr.getName() != kSegmentsAttr)
      attrs.push_back(attr);
  attrs.push_back(rewriter.getNamedAttr(kQuantAttr, quant));
  DequantizeOp x = from.x, w = from.w;
  SmallVector<Value> operands =
      contractionOperands(rewriter, x.getX(), w.getX(), bias, {}, {}, attrs);
  auto type = RankedTensorType::get(shapeOf(op->getResult(0)), quant.getResult());
  OperationState state(op->getLoc(), op->getName(), operands, type, attrs);
  return rewriter.create(state);
}

DenseI64ArrayAttr zerosOf(MLIRContext *context, const QuantizedContraction &from) {
  bool none = llvm::all_of(from.wZeros, [](int64_t zero) { return zero == 0; });
  return DenseI64ArrayAttr::get(context,
                                none ? ArrayRef<int64_t>() : ArrayRef<int64_t>(from.wZeros));
}

/// quantize(clips(contraction(dequantize, dequantize)))
struct ContractionInIntegers final : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    std::optional<Requantization> small = requantizationOf(op);
    if (!small || !small->computed.hasOneUse())
      return failure();
    std::optional<QuantizedContraction> from = quantizedContraction(small->computed);
    std::optional<std::vector<int64_t>> sums =
        from ? from->integerBias(small->result.scale) : std::nullopt;
    if (!sums || (op->hasAttr(kOwnersAttr) && from->op->hasAttr(kOwnersAttr)))
      return failure();
    std::vector<float> multiplier;
    for (int64_t row = 0; row < (from->wScales.size() == 1 ? 1 : from->rows); ++row)
      multiplier.push_back(from->scaleOf(row) / small->result.scale);
    if (llvm::any_of(multiplier, [](float factor) { return !std::isfinite(factor); }))
      return failure();
    auto type =
        RankedTensorType::get(static_cast<int64_t>(multiplier.size()), rewriter.getF32Type());
    auto quant = QuantAttr::get(getContext(), from->input.zero, zerosOf(getContext(), *from),
                                tensorType(op.getResult()).getElementType(),
                                DenseElementsAttr::get(type, ArrayRef<float>(multiplier)),
                                small->result.zero, small->low, small->high);
    Operation *made = makeInteger(rewriter, *from, *sums, quant);
    takeOver(rewriter, op, made);
    rewriter.replaceOp(op, made->getResults());
    return success();
  }
};

/// A contraction that no quantize follows: sums in integers, which become reals at once.
template <typename OpTy> struct SumInIntegers final : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    std::optional<QuantizedContraction> from = quantizedContraction(op.getResult());
    std::optional<std::vector<int64_t>> sums = from ? from->integerBias() : std::nullopt;
    if (!sums || isAddedTo(op))
      return failure();
    MLIRContext *context = rewriter.getContext();
    auto quant = QuantAttr::get(context, from->input.zero, zerosOf(context, *from),
                                rewriter.getI32Type(), {}, 0, 0, 0);
    Operation *made = makeInteger(rewriter, *from, *sums, quant);
    SmallVector<int64_t> shape;
    if (from->wScales.size() > 1) {
      shape.assign(isa<ConvOp>(from->op) ? shapeOf(op.getResult()).size() - 1 : 1, 1);
      shape[0] = from->rows;
    }
    auto type = RankedTensorType::get(shape, rewriter.getF32Type());
    ConstantBuilder scales(type);
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      scales.setReal(i, from->scaleOf(i));
    Value scale = rewriter.create<ConstantOp>(op.getLoc(), type, scales.finish(), ArrayAttr());
    auto real = rewriter.create<DequantizeOp>(op.getLoc(), op.getType(), made->getResult(0), scale,
                                              Value());
    if (Attribute name = op->getAttr(kTensorAttr)) {
      real->setAttr(kTensorAttr, name);
      made->setAttr(kTensorAttr,
                    rewriter.getStringAttr(cast<StringAttr>(name).getValue() + " (sum)"));
    }
    if (Attribute owners = op->getAttr(kOwnersAttr))
      real->setAttr(kOwnersAttr, owners);
    rewriter.replaceOp(op, real);
    return success();
  }

  /// Whether what is added to it will be its bias.
  static bool isAddedTo(OpTy op) {
    Operation *reader = op->hasOneUse() ? *op->user_begin() : nullptr;
    std::optional<QuantizedContraction> whole =
        isa_and_nonnull<BinaryOp>(reader) && !isa<BinaryOp>(op.getOperation())
            ? quantizedContraction(reader->getResult(0))
            : std::nullopt;
    return whole && whole->integerBias();
  }
};

//===----------------------------------------------------------------------===//
// Averages, sums and products
//===----------------------------------------------------------------------===//

/// The mean over all axes behind the channels as a pool; null when it is none.
Value meanAsPool(ReduceOp reduce, Value x, QuantAttr quant, PatternRewriter &rewriter) {
  ArrayRef<int64_t> shape = shapeOf(x);
  int64_t rank = static_cast<int64_t>(shape.size());
  if (rank < 3 || rank > 5 || reduce.getKind() != ReduceKind::Mean ||
      !llvm::equal(reduce.getAxes(), llvm::seq<int64_t>(2, rank)))
    return {};
  SmallVector<int64_t> ones(shape.size() - 2, 1), zeros(2 * shape.size() - 4, 0),
      pooled{shape[0], shape[1]};
  pooled.append(ones.begin(), ones.end());
  auto type = RankedTensorType::get(pooled, quant.getResult());
  auto array = [&](ArrayRef<int64_t> values) { return rewriter.getDenseI64ArrayAttr(values); };
  auto pool = rewriter.create<PoolOp>(reduce.getLoc(), type, x,
                                      PoolKindAttr::get(rewriter.getContext(), PoolKind::Average),
                                      array(shape.drop_front(2)), array(ones), array(zeros),
                                      array(ones), UnitAttr(), UnitAttr(), quant);
  if (reduce.getKeepdims())
    return pool;
  return rewriter.create<RearrangeOp>(
      reduce.getLoc(), RankedTensorType::get({shape[0], shape[1]}, quant.getResult()), pool,
      array(pooled), array(llvm::to_vector(llvm::seq<int64_t>(0, rank))));
}

/// quantize(clips(average(dequantize)))
struct AverageInIntegers final : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    std::optional<Requantization> small = requantizationOf(op);
    Operation *average = small ? small->computed.getDefiningOp() : nullptr;
    if (!isa_and_nonnull<PoolOp, ReduceOp>(average) || average->hasAttr(kQuantAttr) ||
        average->hasAttr(kOwnersAttr))
      return failure();
    auto x = average->getOperand(0).getDefiningOp<DequantizeOp>();
    std::optional<TensorScale> input = x ? tensorScaleOf(x) : std::nullopt;
    if (!input || !isByte(x.getX()))
      return failure();
    float multiplier = input->scale / small->result.scale;
    if (!std::isfinite(multiplier))
      return failure();
    auto type = RankedTensorType::get({1}, rewriter.getF32Type());
    auto quant = QuantAttr::get(getContext(), input->zero, rewriter.getDenseI64ArrayAttr({}),
                                tensorType(op.getResult()).getElementType(),
                                DenseElementsAttr::get(type, ArrayRef<float>(multiplier)),
                                small->result.zero, small->low, small->high);
    Value made;
    if (auto reduce = dyn_cast<ReduceOp>(average))
      made = meanAsPool(reduce, x.getX(), quant, rewriter);
    else if (auto pool = cast<PoolOp>(average); pool.getKind() == PoolKind::Average)
      made = rewriter.create<PoolOp>(pool.getLoc(), op.getType(), x.getX(), pool.getKindAttr(),
                                     pool.getKernelAttr(), pool.getStridesAttr(),
                                     pool.getPadsAttr(), pool.getDilationsAttr(),
                                     pool.getCeilModeAttr(), pool.getCountIncludePadAttr(), quant);
    if (!made)
      return failure();
    takeOver(rewriter, op, made.getDefiningOp());
    rewriter.replaceOp(op, made);
    return success();
  }
};

/// quantize(clips(sum, difference or product of two dequantize))
struct BinaryInIntegers final : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    std::optional<Requantization> small = requantizationOf(op);
    auto binary = small ? small->computed.getDefiningOp<BinaryOp>() : BinaryOp();
    if (!binary || binary->hasAttr(kOwnersAttr) ||
        !llvm::is_contained({BinaryKind::Add, BinaryKind::Sub, BinaryKind::Mul}, binary.getKind()))
      return failure();
    auto lhs = binary.getLhs().getDefiningOp<DequantizeOp>(),
         rhs = binary.getRhs().getDefiningOp<DequantizeOp>();
    std::optional<TensorScale> a = lhs ? tensorScaleOf(lhs) : std::nullopt,
                               b = rhs ? tensorScaleOf(rhs) : std::nullopt;
    if (!a || !b || !isByte(lhs.getX()) || !isByte(rhs.getX()))
      return failure();
    // In double precision, which is exact enough to say the same on every host.
    double y = small->result.scale, ratioA = a->scale / y, ratioB = b->scale / y;
    float multiplier = a->scale * b->scale / small->result.scale;
    int64_t shift = 0, factorA = 0, factorB = 0;
    if (binary.getKind() != BinaryKind::Mul) {
      // As many bits as sums of 32 bits leave room for.
      constexpr double room = 2147483647.0 / 255 - 4;
      if (!(ratioA + ratioB < room / 1024))
        return failure();
      while (shift < 30 && (ratioA + ratioB) * std::ldexp(1.0, static_cast<int>(shift) + 1) < room)
        ++shift;
      factorA = std::llround(std::ldexp(ratioA, static_cast<int>(shift)));
      factorB = std::llround(std::ldexp(ratioB, static_cast<int>(shift)));
    } else if (!std::isfinite(multiplier)) {
      return failure();
    }
    auto number = [&](int64_t value) { return rewriter.getI64IntegerAttr(value); };
    auto made = rewriter.create<QuantBinaryOp>(
        binary.getLoc(), op.getType(), lhs.getX(), rhs.getX(), binary.getKindAttr(),
        number(a->zero), number(b->zero), number(small->result.zero), number(factorA),
        number(factorB), number(shift), rewriter.getF32FloatAttr(multiplier), number(small->low),
        number(small->high));
    takeOver(rewriter, op, made);
    rewriter.replaceOp(op, made);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// quantize(any function of one dequantised tensor of 8 bits), another quantisation too.
struct FunctionAsTable final : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    std::optional<TensorScale> scale = tensorScaleOf(op);
    if (!scale || !isByte(op.getResult()))
      return failure();
    Tracer tracer;
    std::optional<Tracer::Reals> values = tracer.trace(op.getX());
    if (!values)
      return failure();
    Type element = tensorType(op.getResult()).getElementType(),
         from = tensorType(tracer.source()).getElementType();
    IntegerRange range = rangeOf(element);
    auto type = RankedTensorType::get({256}, element);
    ConstantBuilder table(type);
    bool identity = element == from;
    for (int64_t i = 0; i < 256; ++i) {
      int64_t entry =
          quantized((*values)[static_cast<size_t>(i)], scale->scale, scale->zero, range);
      table.setInteger(i, entry);
      identity &= (entry & 255) == i;
    }
    if (identity) {
      if (op->hasAttr(kOwnersAttr))
        return failure();
      rewriter.replaceOp(op, tracer.source());
      return success();
    }
    Value constant = rewriter.create<ConstantOp>(op.getLoc(), type, table.finish(), ArrayAttr());
    auto made = rewriter.create<LookupOp>(op.getLoc(), op.getType(), tracer.source(), constant,
                                          IntegerAttr());
    takeOver(rewriter, op, made);
    rewriter.replaceOp(op, made);
    return success();
  }
};

/// What is left of dequantised constants.
struct FoldDequantize final : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DequantizeOp op, PatternRewriter &rewriter) const override {
    if (!llvm::all_of(op->getOperands(), [](Value value) { return isConstant(value); }))
      return failure();
    ConstantView values(op.getX()), scales(op.getScale());
    SmallVector<const ConstantView *> operands{&values, &scales};
    std::optional<ConstantView> zeros;
    if (op.getZero())
      operands.push_back(&zeros.emplace(op.getZero()));
    std::optional<RankedTensorType> type = foldedType(op, operands);
    bool whole = type && type->getShape() == shapeOf(op.getResult());
    // What repeats integers along one axis only is made when it runs.
    if (!type || (!whole && type->getNumElements() != 1) || !values.isValid() ||
        !scales.isValid() || (zeros && !zeros->isValid()))
      return failure();
    ConstantBuilder reals(*type);
    auto set = [&](int64_t i, int64_t s, int64_t z) {
      reals.setReal(i, dequantized(values.integer(i), static_cast<float>(scales.real(s)),
                                   zeros ? zeros->integer(z) : 0));
    };
    if (whole)
      forEachScaled(op, op.getX(), op.getScale(), op.getZero(), set);
    else
      set(0, 0, 0);
    auto made =
        rewriter.replaceOpWithNewOp<ConstantOp>(op, op.getType(), reals.finish(), ArrayAttr());
    (void)made;
    return success();
  }
};

} // namespace

void disco::populateQuantPatterns(RewritePatternSet &patterns) {
  patterns.add<ContractionInIntegers, AverageInIntegers>(patterns.getContext(), /*benefit=*/3);
  patterns.add<FunctionAsTable>(patterns.getContext(), /*benefit=*/2);
  patterns.add<BinaryInIntegers>(patterns.getContext());
  populateQuantMovementPatterns(patterns);
}

void disco::populateQuantSumPatterns(RewritePatternSet &patterns) {
  patterns.add<SumInIntegers<ConvOp>, SumInIntegers<MatMulOp>, SumInIntegers<BinaryOp>>(
      patterns.getContext());
}

void disco::populateDequantizePatterns(RewritePatternSet &patterns) {
  patterns.add<FoldDequantize>(patterns.getContext());
}
