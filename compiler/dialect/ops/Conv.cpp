//===- Conv.cpp - convolution ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Processors.h"
#include "compiler/dialect/ops/Contractions.h"
#include "compiler/dialect/ops/Quantized.h"

using namespace mlir;
using namespace disco;

/// Rows of one group that a node computes, and the columns that they read.
struct GroupRows {
  SmallVector<int64_t> rows, columns; // global
};

/// A grouped convolution on a node: regular when every group has as many rows here and all its
/// columns, else group by group.
static Local localizeGrouped(ConvOp op, LocalContext &context, ContractionBuilder &parts) {
  int64_t groups = static_cast<int64_t>(op.getGroup());
  int64_t perGroup = shapeOf(op.getW())[1], rowsPerGroup = shapeOf(op.getW())[0] / groups;
  Local x = context.getOperand(0);
  if (failed(x))
    return failure();
  IndexSet held;
  if (LocalAttr local = *x ? localOf(*x) : LocalAttr()) // divided otherwise, it is here as a whole
    held = local.getAxis() == 1 ? local.getSet() : IndexSet::all(shapeOf(*x)[1]);
  SmallVector<GroupRows> present;
  context.set.forEach([&](int64_t row) {
    int64_t group = row / rowsPerGroup;
    if (present.empty() || present.back().rows.front() / rowsPerGroup != group) {
      present.emplace_back();
      for (int64_t i = group * perGroup; i < (group + 1) * perGroup; ++i)
        if (held.contains(i))
          present.back().columns.push_back(i);
    }
    present.back().rows.push_back(row);
  });
  bool regular = llvm::all_of(present, [&](GroupRows &group) {
    return group.rows.size() == present.front().rows.size() &&
           static_cast<int64_t>(group.columns.size()) == perGroup;
  });
  OpBuilder &builder = context.builder;
  auto segment = [&](IndexSet rows, const IndexSet &columns, ArrayRef<int64_t> channels,
                     int64_t groupCount) -> Value {
    parts.group = groupCount;
    Value w = context.getConstant(op.getW(), {0, 1}, {rows, columns});
    Value bias = op.getBias() ? context.getConstant(op.getBias(), {0}, {rows}) : Value();
    bool dense = llvm::equal(channels, llvm::seq<int64_t>(0, shapeOf(*x)[1]));
    std::swap(context.set, rows);
    Value y = parts.build(*x, w, bias, Value(), true,
                          dense ? std::nullopt : std::optional<ArrayRef<int64_t>>(channels));
    std::swap(context.set, rows);
    y.setType(localType(tensorType(op.getResult()), 1, rows));
    // Its weights number their columns within a group, which the schedule's checker must know.
    y.getDefiningOp()->setAttr(kGroupsAttr, builder.getI64IntegerAttr(groups));
    return y;
  };
  if (regular && !present.empty())
    return segment(context.set, IndexSet::all(perGroup),
                   llvm::to_vector(llvm::seq<int64_t>(0, held.size())),
                   static_cast<int64_t>(present.size()));
  SmallVector<Value> pieces;
  for (GroupRows &group : present) {
    SmallVector<int64_t> columns, channels;
    for (int64_t column : group.columns) {
      columns.push_back(column % perGroup);
      channels.push_back(held.positionOf(column));
    }
    IndexSet rows = IndexSet::of(group.rows), all = context.set;
    if (!columns.empty()) {
      pieces.push_back(segment(rows, IndexSet::of(columns), channels, 1));
      continue;
    }
    context.set = rows;
    pieces.push_back(*parts.buildConstant(1));
    context.set = all;
  }
  if (pieces.size() == 1)
    return pieces.front();
  return Value(builder.create<ConcatOp>(op.getLoc(), context.getResultType(op.getResult()), pieces,
                                        builder.getI64IntegerAttr(1)));
}

LogicalResult ConvOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                       ValueRange operands, DictionaryAttr attributes,
                                       OpaqueProperties properties, RegionRange regions,
                                       Inferred types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> x = shapeOf(op.getX()), w = shapeOf(op.getW());
  if (x.size() < 3 || x.size() > 5 || w.size() != x.size())
    return emitOptionalError(
        loc, "convolution needs an input and weights of the same rank, 3 to 5; got ", x.size(),
        " and ", w.size());
  int64_t group = op.getGroup();
  if (group < 1 || w[0] % group != 0)
    return emitOptionalError(loc, "the number of output channels (", w[0],
                             ") is not a multiple of group (", group, ")");
  int64_t columns = op.getChannels() ? static_cast<int64_t>(op.getChannels()->size()) : x[1];
  if (columns != w[1] * group)
    return emitOptionalError(loc, "the input has ", columns, " channels, but the weights read ",
                             w[1] * group, " (", w[1], " in each of ", group, " groups)");
  if (op.getBias() && shapeOf(op.getBias()) != ArrayRef<int64_t>(w[0]))
    return emitOptionalError(loc, "the bias must have one value for each of the ", w[0],
                             " output channels");
  SmallVector<int64_t> shape{x[0], w[0]};
  if (failed(windowedShape(loc, x.drop_front(2), w.drop_front(2), op.getStrides(), op.getPads(),
                           op.getDilations(), false, shape)))
    return failure();
  // Half floats are stored, never computed with.
  Type element = op.getQuant() ? op.getQuant()->getResult() : typeOf(op.getX()).getElementType();
  return infer(types, shape, element.isF16() ? Float32Type::get(context) : element);
}

LogicalResult ConvOp::verify() {
  if (getQuant() &&
      failed(verifyQuant(*this, *getQuant(), getX(), getW(), getBias(), shapeOf(getW())[0])))
    return failure();
  return verifyContraction(*this, getX(), 1);
}

Divisions ConvOp::divide(int64_t axis) {
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
    auto groups = static_cast<int64_t>(getGroup());
    division.operands.push_back(
        OperandNeed::contracted(1, Relation::shared(groups, {1, outputs / groups}, {1, perGroup})));
  }
  division.operands.push_back(OperandNeed::along(0, Relation::identity(outputs)));
  if (getBias())
    division.operands.push_back(OperandNeed::along(0, Relation::identity(outputs)));
  for (Value same : {getInit(), getResidual()})
    if (same)
      division.operands.push_back(OperandNeed::along(1, Relation::identity(outputs)));
  return division;
}

std::optional<Contraction> ConvOp::getContraction() {
  if (!isConstant(getW()))
    return std::nullopt;
  return Contraction{1, 1, 1, 0, 1, static_cast<int64_t>(getGroup())};
}

bool ConvOp::isArithmetic() { return true; }

SmallVector<InPlaceOperand> ConvOp::getInPlaceOperands() {
  return sumInPlace(getInit(), getResult());
}

int64_t ConvOp::getMacs() {
  ArrayRef<int64_t> w = shapeOf(getW());
  int64_t taps = w[1];
  for (int64_t extent : w.drop_front(2))
    taps *= extent;
  return tensorType(getResult()).getNumElements() * taps;
}

Local ConvOp::localize(LocalContext &context) {
  if (!isConstant(getW()) || context.axis != 1)
    return localizeByCloning(*this, context);
  ContractionBuilder parts{*this, context, getW(), getBias(), getResidual(), 0, 1, {}, {}};
  if (failed(parts.prepare(getNumOperands() - 1)))
    return failure();
  if (getGroup() == 1)
    return parts.buildParts(1);
  return localizeGrouped(*this, context, parts);
}

/// Whether the whole convolution, of which a node may compute a part, has one channel a group.
static bool isChannelwise(ConvOp op) {
  return shapeOf(op.getW())[1] == 1 && (op.getGroup() > 1 || op->hasAttr(kGroupsAttr));
}

/// Whether an element of the result reads one of each channel, that at its own place.
static bool isPointwise(ConvOp op) {
  auto isOne = [](int64_t value) { return value == 1; };
  return llvm::all_of(shapeOf(op.getW()).drop_front(2), isOne) &&
         llvm::all_of(op.getStrides(), isOne) &&
         llvm::all_of(op.getPads(), [](int64_t pad) { return pad == 0; });
}

/// What tiles.h is told of a group.
static window_shape windowOf(ConvOp op) {
  ArrayRef<int64_t> w = shapeOf(op.getW());
  auto kernel = spatial(w.drop_front(2), 1),
       out = spatial(shapeOf(op.getResult()).drop_front(2), 1),
       in = spatial(shapeOf(op.getX()).drop_front(2), 1), strides = spatial(op.getStrides(), 1),
       dilations = spatial(op.getDilations(), 1),
       pads = spatial(op.getPads().take_front(op.getPads().size() / 2), 0);
  return {w[1],         w[0] / static_cast<int64_t>(op.getGroup()),
          in[0],        in[1],
          in[2],        out[0],
          out[1],       out[2],
          kernel[0],    kernel[1],
          kernel[2],    strides[1],
          strides[2],   pads[0],
          dilations[1], dilations[2]};
}

namespace {
/// The kernels that can compute a convolution on some processors.
class ConvKernels {
public:
  ConvKernels(ConvOp op, NodeAttr node)
      : op(op), processors(processorsOf(node)), window(windowOf(op)),
        element(op.getQuant() ? 4 : std::max<int64_t>(4, bytesOf(op.getX()))),
        macs(static_cast<double>(op.getMacs())) {}

  SmallVector<KernelChoice> floats() {
    // In an exact order the form must not depend on a node's share.
    if (inExactOrder(op))
      return {hasPlanes() && isChannelwise(op) ? planes("conv_planes") : gemm("conv_gemm", false)};
    constexpr int64_t leastColumns = 4;
    const bool few = columns() <= gemm_few_columns(processors.back(), element);
    SmallVector<KernelChoice> choices = {few ? gemm("conv_dots", true) : gemm("conv_gemm", false)};
    if (hasPlanes())
      choices.push_back(planes("conv_planes"));
    if (window.m < leastRows && window.ow >= leastColumns)
      choices.push_back({"conv_rows", macs});
    if (hasBlocks() && op.getGroup() == 1 && !few)
      choices.push_back(blocks());
    if (hasPixels() && !few)
      choices.push_back(pixels());
    if (hasLines() && !few)
      choices.push_back(lines());
    if (hasBlocks() && isDepthwise())
      choices.push_back(depthwise());
    if (hasTiles())
      choices.push_back(std::min(winograd(2), winograd(4),
                                 [](const auto &a, const auto &b) { return a.cost < b.cost; }));
    return choices;
  }

  /// Cells hold several numbers, where the processor has instructions for that.
  SmallVector<KernelChoice> integers() {
    constexpr int64_t fewOutputs = 8;
    SmallVector<KernelChoice> choices = {integerGemm()};
    if (window.m < leastRows && hasPlanes())
      choices.push_back(planes("conv_int_planes"));
    if (hasColumns())
      choices.push_back(
          {"conv_int_depthwise", macs / 4,
           mostScratch(processors, [&](const processor &p) { return byColumns(p).bytes; })});
    if (window.m <= fewOutputs && processors.back().cells != cell_form::words && hasCells())
      choices.push_back(
          {"conv_int_cells", macs / 2,
           mostScratch(processors, [&](const processor &p) { return cells(p).bytes; })});
    return choices;
  }

private:
  /// A matrix product serves always; it has at least four rows of outputs, used or not.
  static constexpr int64_t leastRows = 4;

  static int64_t bytesOf(Value value) { return elementBytes(tensorType(value).getElementType()); }
  int64_t columns() { return window.od * window.oh * window.ow; }
  int64_t depth() { return window.ci * window.kd * window.kh * window.kw; }
  double padded() {
    return window.m ? macs / static_cast<double>(window.m) *
                          static_cast<double>(std::max<int64_t>(window.m, leastRows))
                    : macs;
  }
  KernelChoice gemm(StringRef name, bool dots) {
    // Half floats are stored, never computed with.
    const gemm_shape shape{window.m,
                           columns(),
                           depth(),
                           bytesOf(op.getW()) == element,
                           bytesOf(op.getResult()) == element,
                           dots};
    return {name.str(), padded(), mostScratch(processors, [&](const processor &p) {
              return gemm_scratch(p, element, shape);
            })};
  }
  KernelChoice integerGemm() {
    return {
        "conv_int_gemm", padded(), mostScratch(processors, [&](const processor &p) -> int64_t {
          if (p.cells == cell_form::bytes && quads())
            return int_column_sizes_of(window.m, columns(), depth()).bytes;
          if (has_int_columns(p) && p.quads && quads())
            return quad_sizes_of(p, window.m, columns(), depth()).bytes;
          return before_scratch(p) +
                 int_sizes_of(p, p.quads && quads() ? 4 : 2, window.m, columns(), depth()).bytes;
        })};
  }
  bool hasPlanes() {
    return llvm::all_of(
        processors, [&](const processor &p) { return band_sizes_of(p, element, window).serves; });
  }
  KernelChoice planes(StringRef name) {
    return {name.str(), macs, mostScratch(processors, [&](const processor &p) {
              return band_scratch(p, element, window);
            })};
  }
  /// Whether weights may be stored as a kernel with vectors wants them: known, and of floats. Not
  /// on boards, and not where memory counts: they grow.
  bool hasBlocks() {
    auto isFloat = [](Value value) { return tensorType(value).getElementType().isF32(); };
    return !savesMemory(op) && isConstant(op.getW()) && isFloat(op.getX()) && isFloat(op.getW()) &&
           isFloat(op.getResult()) && macs > 0 &&
           llvm::all_of(processors, [](const processor &p) { return p.vector_bytes > 0; });
  }
  /// Multiply-accumulates of one row of the weights.
  double ofRow() { return macs / static_cast<double>(window.m); }
  /// Rows in blocks, of which half ones are computed. A panel takes what a few more rows do.
  KernelChoice blocks() {
    constexpr double gain = 0.8;
    constexpr int64_t panel = 2;
    const bool direct = isPointwise(op) && !op.getChannels();
    const int64_t rows = whole_steps(window.m, winograd_block / 4) + (direct ? 0 : panel);
    return {"conv_blocks", gain * ofRow() * static_cast<double>(rows),
            mostScratch(processors,
                        [&](const processor &p) {
                          return block_sizes_of(p, {window.m, columns(), depth(), direct}).bytes;
                        }),
            packedRows()};
  }
  /// One depth, and rows of all input channels that stay in a second-level cache.
  bool hasPixels() {
    constexpr int64_t most = int64_t(1) << 18;
    return hasBlocks() && op.getGroup() == 1 && window.id == 1 && window.od == 1 &&
           window.kd == 1 && window.pd == 0 && window.kh * window.kw > 1 &&
           mostScratch(processors,
                       [&](const processor &p) { return pixel_sizes_of(p, window).bytes; }) <= most;
  }
  /// Whole vectors of output channels, or half a one at the end. Nothing is packed, but outputs are
  /// turned, for what some products of each take. Found to be as fast as conv_blocks where both
  /// cost the same.
  KernelChoice pixels() {
    constexpr double gain = 0.73, turn = 15, panel = 2.8;
    constexpr int64_t half = winograd_block / 2;
    const int64_t steps = whole_steps(window.m, half);
    const bool isHalf = steps % (4 * half) == half; // an odd number of blocks ends in a half one
    const int64_t lanes = isHalf ? steps : whole_steps(window.m, winograd_block);
    const double rows = static_cast<double>(lanes) * (1 + turn / static_cast<double>(depth()));
    return {"conv_pixels", ofRow() * (gain * rows - (lanes == half ? panel / 2 : panel)),
            mostScratch(processors,
                        [&](const processor &p) { return pixel_sizes_of(p, window).bytes; }),
            packedRows()};
  }
  /// As above, and rows of the output are whole vectors for every processor.
  bool hasLines() {
    return hasPixels() && llvm::all_of(processors, [&](const processor &p) {
             return line_sizes_of(p, window).serves;
           });
  }
  /// Tiles of four or eight output channels. Nothing is packed but rows of the input, for what half
  /// a channel more takes. Narrower vectors gain less, and Winograd's tiles then more.
  KernelChoice lines() {
    constexpr double copied = 0.5;
    const double gain = processors.back().vector_bytes == 64 ? 0.55 : 0.65;
    const auto rows = static_cast<double>(whole_steps(window.m, winograd_block / 4));
    return {
        "conv_lines", gain * ofRow() * (rows + copied),
        mostScratch(processors, [&](const processor &p) { return line_sizes_of(p, window).bytes; }),
        packedRows()};
  }
  /// Weights in blocks of rows: [co / 16]...[16].
  PhysicalAttr packedRows() {
    SmallVector<int64_t> dims = llvm::to_vector(llvm::seq<int64_t>(0, shapeOf(op.getW()).size())),
                         steps(dims.size() + 1, 1);
    dims.push_back(0);
    steps.front() = winograd_block;
    return PhysicalAttr::get(op.getContext(), dims, steps, {}, {}, -1, {}, 1);
  }
  bool isDepthwise() {
    return window.ci == 1 && window.m == 1 && window.id == 1 && window.od == 1 && window.kd == 1 &&
           window.pd == 0;
  }
  /// Half as dear as bands of planes where vectors of channels are full.
  KernelChoice depthwise() {
    const auto channels = static_cast<double>(op.getGroup()),
               lanes = static_cast<double>(whole_steps(op.getGroup(), winograd_block));
    return {"conv_depthwise", macs / 2 * lanes / channels,
            mostScratch(processors,
                        [&](const processor &p) { return depthwise_sizes_of(p, window).bytes; }),
            packedRows()};
  }
  /// Whether Winograd's tiles serve: 3x3, each next to the other.
  bool hasTiles() {
    ArrayRef<int64_t> w = shapeOf(op.getW());
    return hasBlocks() && op.getGroup() == 1 && w.size() == 4 && w[2] == 3 && w[3] == 3 &&
           llvm::all_of(op.getStrides(), [](int64_t stride) { return stride == 1; }) &&
           llvm::all_of(op.getDilations(), [](int64_t dilation) { return dilation == 1; });
  }
  /// Costs are those at which the forms were found to be equally fast: a transform takes what some
  /// multiply-accumulates do for each of its numbers, and so does what the weights have grown by,
  /// which comes from memory once an inference.
  KernelChoice winograd(int64_t tile) {
    constexpr int64_t transform = 6, read = 8;
    const winograd_shape shape{tile, window.ci, window.m, window.oh, window.ow};
    const int64_t places = (tile + 2) * (tile + 2), rows = whole_steps(window.m, winograd_block),
                  tiles = shapeOf(op.getX())[0] * ((window.oh + tile - 1) / tile) *
                          ((window.ow + tile - 1) / tile),
                  weights = window.ci * rows;
    const int64_t cost =
        tiles * places * (weights + transform * (window.ci + rows)) + read * (places - 9) * weights;
    return {"conv_winograd", static_cast<double>(cost),
            mostScratch(processors,
                        [&](const processor &p) { return winograd_sizes_of(p, shape).bytes; }),
            WinogradAttr::get(op.getContext(), tile)};
  }
  /// Whether four products can be one instruction: weights are signed, and have no zero point.
  bool quads() {
    return !tensorType(op.getW()).getElementType().isUnsignedInteger() &&
           llvm::all_of(op.getQuant()->getWZero().asArrayRef(),
                        [](int64_t zero) { return zero == 0; });
  }
  column_sizes byColumns(const processor &p) {
    return column_sizes_of(p, p.quads && quads() ? 4 : 2, window);
  }
  bool hasColumns() {
    return llvm::all_of(processors, [&](const processor &p) { return byColumns(p).serves; });
  }
  cell_sizes cells(const processor &p) {
    return cell_sizes_of(p, cell_size_of(p, quads()), window);
  }
  bool hasCells() {
    return llvm::all_of(processors, [&](const processor &p) { return cells(p).serves; });
  }

  ConvOp op;
  SmallVector<processor> processors;
  window_shape window;
  int64_t element; // bytes of what is summed
  double macs;
};
} // namespace

SmallVector<KernelChoice> ConvOp::getKernelChoices(NodeAttr node) {
  if (!getQuant() && liesOtherwise(*this))
    return {{"conv_any", static_cast<double>(getMacs())}};
  ConvKernels kernels(*this, node);
  return getQuant() ? kernels.integers() : kernels.floats();
}

/// Its weights and its bias lie by rows.
bool ConvOp::takesLayouts(ArrayRef<PhysicalAttr> operands, PhysicalAttr result) {
  return byRows(operands, result) || (!getQuant() && !operands[1] && isRealThroughout(*this));
}

void ConvOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX()), w = shapeOf(getW());
  call.useChosen(*this);
  call.type("x_t", getX()).type("w_t", getW()).type("y_t", getResult());
  call.constant("n", x[0])
      .constant("ci", w[1] * static_cast<int64_t>(getGroup()))
      .constant("co", w[0]);
  call.constant("groups", static_cast<int64_t>(getGroup())).constant("x_channels", x[1]);
  addWindow(call, getX(), getResult(), w.drop_front(2), getStrides(), getPads(), getDilations());
  addSum(call, *this);
  if (auto weights = getW().getDefiningOp<ConstantOp>())
    if (auto packing = dyn_cast_or_null<WinogradAttr>(weights.getPackingAttr()))
      call.constant("tile", packing.getTile());
  if (getQuant())
    addQuant(call, *getQuant());
  if (liesOtherwise(*this))
    addImagePlaces(call, getResult(),
                   {{"x", getX()}, {"init", getInit()}, {"residual", getResidual()}});
  call.pointers = {getResult(), getX(), getW(), getBias(), getInit()};
  if (!getQuant())
    call.pointers.push_back(getResidual());
}
