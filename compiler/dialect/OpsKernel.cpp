//===- OpsKernel.cpp - how the disco ops are emitted ----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "Disco.h"
#include "KernelCall.h"
#include "llvm/ADT/STLExtras.h"
#include <array>

using namespace mlir;
using namespace disco;

using Shape = SmallVector<int64_t>;

static int64_t product(ArrayRef<int64_t> extents) {
  int64_t product = 1;
  for (int64_t extent : extents)
    product *= extent;
  return product;
}

static Shape stridesOf(ArrayRef<int64_t> shape) {
  Shape strides(shape.size());
  int64_t next = 1;
  for (size_t i = shape.size(); i-- > 0; next *= shape[i])
    strides[i] = next;
  return strides;
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

/// Up to three spatial values, missing leading ones filled.
static std::array<int64_t, 3> spatial(ArrayRef<int64_t> values, int64_t missing) {
  std::array<int64_t, 3> all{missing, missing, missing};
  for (size_t i = 0; i < values.size(); ++i)
    all[3 - values.size() + i] = values[i];
  return all;
}

static void addSpatial(KernelCall &call, StringRef letter, bool before, ArrayRef<int64_t> values,
                       int64_t missing) {
  std::array<int64_t, 3> all = spatial(values, missing);
  for (size_t i = 0; i < 3; ++i) {
    std::string axis(1, "dhw"[i]);
    call.constant(before ? letter.str() + axis : axis + letter.str(), all[i]);
  }
}

static void addWindow(KernelCall &call, Value x, Value y, ArrayRef<int64_t> kernel,
                      ArrayRef<int64_t> strides, ArrayRef<int64_t> pads,
                      ArrayRef<int64_t> dilations) {
  addSpatial(call, "i", true, shapeOf(x).drop_front(2), 1);
  addSpatial(call, "o", true, shapeOf(y).drop_front(2), 1);
  addSpatial(call, "k", true, kernel, 1);
  addSpatial(call, "s", true, strides, 1);
  addSpatial(call, "p", true, pads.take_front(pads.size() / 2), 0);
  addSpatial(call, "d", true, dilations, 1);
}

template <typename OpTy> static void addSum(KernelCall &call, OpTy op) {
  call.flag("has_init", bool(op.getInit()))
      .flag("has_bias", bool(op.getBias()))
      .flag("has_residual", bool(op.getResidual()));
  call.flag("dense_channels", !op.getChannels());
  if (op.getChannels())
    call.table("channel", *op.getChannels());
  else
    call.member("static constexpr int64_t channel(int64_t i) { return i; }");
  call.function("act", op.getActAttr());
}

void ConvOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX()), w = shapeOf(getW());
  call.use("conv.h", "conv").type("x_t", getX()).type("w_t", getW()).type("y_t", getResult());
  call.constant("n", x[0])
      .constant("ci", w[1] * static_cast<int64_t>(getGroup()))
      .constant("co", w[0]);
  call.constant("groups", static_cast<int64_t>(getGroup())).constant("x_channels", x[1]);
  addWindow(call, getX(), getResult(), w.drop_front(2), getStrides(), getPads(), getDilations());
  addSum(call, *this);
  call.pointers = {getResult(), getX(), getW(), getBias(), getInit(), getResidual()};
}

void PoolOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  bool max = getKind() == PoolKind::Max;
  call.use("pool.h", max ? "max_pool" : "average_pool")
      .type("x_t", getX())
      .constant("n", x[0])
      .constant("c", x[1]);
  addWindow(call, getX(), getResult(), getKernel(), getStrides(), getPads(), getDilations());
  call.pointers = {getResult(), getX()};
  if (max) {
    call.flag("has_indices", false).constant("storage_order", 0);
    call.pointers.push_back({});
  } else {
    addSpatial(call, "e", true, getPads().drop_front(getPads().size() / 2), 0);
    call.flag("count_include_pad", getCountIncludePad());
  }
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Strides of an operand's batch dimensions along those of the result; 0 where it is broadcast.
static Shape batchStrides(ArrayRef<int64_t> operand, ArrayRef<int64_t> resultBatch) {
  Shape all = stridesOf(operand), strides(resultBatch.size(), 0);
  size_t batch = operand.size() - 2;
  for (size_t i = 0; i < batch; ++i)
    if (operand[i] != 1)
      strides[i + resultBatch.size() - batch] = all[i];
  return strides;
}

void MatMulOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> a = shapeOf(getA()), b = shapeOf(getB()), y = shapeOf(getResult());
  int64_t m = y[y.size() - 2], n = y.back(), k = getTransB() ? b.back() : b[b.size() - 2];
  int64_t columns = getTransA() ? a[a.size() - 2] : a.back();
  ArrayRef<int64_t> batch = y.drop_back(2);
  bool flat = b.size() == 2 && !getTransA();
  call.use("matmul.h", "matmul").type("a_t", getA()).type("b_t", getB()).type("y_t", getResult());
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
  call.pointers = {getResult(), getA(), getB(), getBias(), getInit(), getResidual()};
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

void UnaryOp::describeKernel(KernelCall &call) {
  call.use("eltwise.h", "unary").type("x_t", getX()).type("y_t", getResult());
  call.constant("count", tensorType(getResult()).getNumElements()).function("op", getAct());
  call.pointers = {getResult(), getX()};
}

void CastOp::describeKernel(KernelCall &call) {
  call.use("eltwise.h", "cast").type("x_t", getX()).type("y_t", getResult());
  call.constant("count", tensorType(getResult()).getNumElements());
  call.pointers = {getResult(), getX()};
}

/// A broadcast view of some operands with as few dimensions as possible.
struct BroadcastView {
  Shape shape;
  SmallVector<Shape> strides; // by operand

  BroadcastView(ArrayRef<int64_t> result, ValueRange operands) : strides(operands.size()) {
    SmallVector<Shape> full;
    for (Value operand : operands) {
      Shape all = stridesOf(shapeOf(operand)), wide(result.size(), 0);
      for (size_t i = 0; i < all.size(); ++i)
        if (shapeOf(operand)[i] != 1)
          wide[i + result.size() - all.size()] = all[i];
      full.push_back(wide);
    }
    for (size_t i = 0; i < result.size(); ++i) {
      if (result[i] == 1)
        continue;
      bool joins = !shape.empty();
      for (size_t k = 0; k < full.size() && joins; ++k)
        joins = strides[k].back() == full[k][i] * result[i];
      if (joins) {
        shape.back() *= result[i];
        for (size_t k = 0; k < full.size(); ++k)
          strides[k].back() = full[k][i];
        continue;
      }
      shape.push_back(result[i]);
      for (size_t k = 0; k < full.size(); ++k)
        strides[k].push_back(full[k][i]);
    }
    if (!shape.empty())
      return;
    shape.push_back(1);
    for (Shape &stride : strides)
      stride.push_back(1);
  }
};

void BinaryOp::describeKernel(KernelCall &call) {
  BroadcastView view(shapeOf(getResult()), getOperands());
  call.use("eltwise.h", "binary")
      .type("a_t", getLhs())
      .type("b_t", getRhs())
      .type("y_t", getResult());
  call.alias("op", "op_" + stringifyBinaryKind(getKind()).str()).alias("act", "act_none");
  call.constant("rank", static_cast<int64_t>(view.shape.size()));
  call.array("shape", view.shape)
      .array("a_strides", view.strides[0])
      .array("b_strides", view.strides[1]);
  call.pointers = {getResult(), getLhs(), getRhs()};
}

void WhereOp::describeKernel(KernelCall &call) {
  BroadcastView view(shapeOf(getResult()), getOperands());
  call.use("eltwise.h", "where")
      .type("x_t", getX())
      .constant("rank", static_cast<int64_t>(view.shape.size()));
  call.array("shape", view.shape).array("c_strides", view.strides[0]);
  call.array("a_strides", view.strides[1]).array("b_strides", view.strides[2]);
  call.pointers = {getResult(), getCondition(), getX(), getY()};
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

void ReduceOp::describeKernel(KernelCall &call) {
  Shape strides = stridesOf(shapeOf(getX())), kept, keptStrides, reduced, reducedStrides;
  for (auto [axis, extent] : llvm::enumerate(shapeOf(getX()))) {
    bool goes = llvm::is_contained(getAxes(), static_cast<int64_t>(axis));
    Shape &extents = goes ? reduced : kept, &steps = goes ? reducedStrides : keptStrides;
    // Neighbouring axes with the same fate are one.
    if (!extents.empty() && steps.back() == extent * strides[axis]) {
      extents.back() *= extent;
      steps.back() = strides[axis];
      continue;
    }
    extents.push_back(extent);
    steps.push_back(strides[axis]);
  }
  call.use("reduce.h", "reduce").type("x_t", getX()).type("y_t", getResult());
  call.alias("op", "red_" + stringifyReduceKind(getKind()).str());
  call.constant("kept_rank", static_cast<int64_t>(kept.size()))
      .array("kept", kept)
      .array("kept_strides", keptStrides);
  call.constant("reduced_rank", static_cast<int64_t>(reduced.size()))
      .array("reduced", reduced)
      .array("reduced_strides", reducedStrides);
  call.pointers = {getResult(), getX()};
}

void SoftmaxOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  size_t axis = getAxis(), end = axis + getCount();
  call.use("reduce.h", getLog() ? "log_softmax" : "softmax").type("x_t", getX());
  call.constant("outer", product(x.take_front(axis)))
      .constant("extent", product(x.slice(axis, getCount())));
  call.constant("inner", product(x.drop_front(end)));
  call.pointers = {getResult(), getX()};
}

//===----------------------------------------------------------------------===//
// Data movement
//===----------------------------------------------------------------------===//

static void addOuterInner(KernelCall &call, ArrayRef<int64_t> shape, int64_t axis) {
  call.constant("outer", axis < 0 ? 1 : product(shape.take_front(axis)));
  call.constant("inner", axis < 0 ? product(shape) : product(shape.drop_front(axis + 1)));
}

/// y[i...] = x[offset + sum of i * strides], dimensions joined where they can be.
static void addStrided(KernelCall &call, Value y, Value x, ArrayRef<int64_t> shape,
                       ArrayRef<int64_t> strides, int64_t offset) {
  Shape extents, steps;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1)
      continue;
    if (!extents.empty() && steps.back() == shape[i] * strides[i]) {
      extents.back() *= shape[i];
      steps.back() = strides[i];
      continue;
    }
    extents.push_back(shape[i]);
    steps.push_back(strides[i]);
  }
  if (extents.empty()) {
    extents.push_back(1);
    steps.push_back(1);
  }
  call.use("move.h", "rearrange")
      .type("x_t", x)
      .constant("rank", static_cast<int64_t>(extents.size()));
  call.array("shape", extents).array("x_strides", steps).constant("offset", offset);
  call.pointers = {y, x};
}

void RearrangeOp::describeKernel(KernelCall &call) {
  Shape strides = stridesOf(getView()), shape, steps;
  for (int64_t p : getPerm()) {
    shape.push_back(getView()[p]);
    steps.push_back(strides[p]);
  }
  addStrided(call, getResult(), getX(), shape, steps, 0);
}

void SliceOp::describeKernel(KernelCall &call) {
  Shape strides = stridesOf(shapeOf(getX())), steps;
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    offset += getStarts()[i] * strides[i];
    steps.push_back(getSteps()[i] * strides[i]);
  }
  addStrided(call, getResult(), getX(), shapeOf(getResult()), steps, offset);
}

void ExpandOp::describeKernel(KernelCall &call) {
  BroadcastView view(shapeOf(getResult()), getOperation()->getOperands());
  addStrided(call, getResult(), getX(), view.shape, view.strides[0], 0);
}

void ConcatOp::describeKernel(KernelCall &call) {
  call.use("move.h", "concat").type("x_t", getResult());
  addOuterInner(call, shapeOf(getResult()), getAxis());
  Shape extents;
  for (Value input : getInputs())
    extents.push_back(shapeOf(input)[getAxis()]);
  call.constant("count", static_cast<int64_t>(extents.size())).array("extents", extents);
  call.pointers = {getResult()};
  call.sources.assign(getInputs().begin(), getInputs().end());
}

void SelectOp::describeKernel(KernelCall &call) {
  call.use("move.h", "select").type("x_t", getX());
  addOuterInner(call, shapeOf(getX()), getAxis());
  call.constant("x_extent", shapeOf(getX())[getAxis()])
      .constant("extent", static_cast<int64_t>(getIndices().size()));
  call.table("index", getIndices());
  call.pointers = {getResult(), getX()};
}

void AssembleOp::describeKernel(KernelCall &call) {
  int64_t axis = getAxis();
  if (getInputs().size() == 1) {
    call.use("move.h", "select").type("x_t", getResult());
    addOuterInner(call, shapeOf(getResult()), axis);
    call.constant("x_extent", axisExtent(tensorType(getInputs()[0]), axis))
        .constant("extent", static_cast<int64_t>(getChannels().size()));
    call.table("index", getChannels());
    call.pointers = {getResult(), getInputs()[0]};
    return;
  }
  call.use("move.h", "assemble").type("x_t", getResult());
  addOuterInner(call, shapeOf(getResult()), axis);
  Shape extents;
  for (Value input : getInputs())
    extents.push_back(axisExtent(tensorType(input), axis));
  call.constant("extent", static_cast<int64_t>(getChannels().size()))
      .array("source_extents", extents);
  call.table("source", getSources()).table("channel", getChannels());
  call.pointers = {getResult()};
  call.sources.assign(getInputs().begin(), getInputs().end());
}

void GatherOp::describeKernel(KernelCall &call) {
  call.use("move.h", "gather").type("x_t", getX()).type("index_t", getIndices());
  addOuterInner(call, shapeOf(getX()), getAxis());
  call.constant("extent", shapeOf(getX())[getAxis()])
      .constant("count", tensorType(getIndices()).getNumElements());
  call.pointers = {getResult(), getX(), getIndices()};
}

void PadOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  call.use("move.h", "pad").type("x_t", getX()).constant("rank", static_cast<int64_t>(x.size()));
  call.array("x_shape", x)
      .array("shape", shapeOf(getResult()))
      .array("begins", getPads().take_front(x.size()));
  call.member("static constexpr disco::pad_mode mode = disco::pad_mode::" +
              stringifyPadMode(getMode()).str() + ";");
  call.pointers = {getResult(), getX()};
  std::string storage = storageType(tensorType(getX()).getElementType());
  double value = getValue().convertToDouble();
  call.value = storage == "disco::f16"
                   ? "disco::f32_to_f16(static_cast<float>(" + realText(value) + "))"
                   : "static_cast<" + storage + ">(" + realText(value) + ")";
}

void ResizeOp::describeKernel(KernelCall &call) {
  ArrayRef<int64_t> x = shapeOf(getX());
  call.use("resize.h", "resize")
      .type("x_t", getX())
      .constant("rank", static_cast<int64_t>(x.size()));
  call.array("x_shape", x)
      .array("shape", shapeOf(getResult()))
      .reals("scales", getScales())
      .reals("roi", getRoi());
  auto setting = [&](StringRef type, StringRef name, StringRef value) {
    call.member(
        ("static constexpr disco::" + type + " " + name + " = disco::" + type + "::" + value + ";")
            .str());
  };
  setting("resize_mode", "mode", stringifyResizeMode(getMode()));
  setting("resize_coordinates", "coordinates", stringifyCoordinateMode(getCoordinates()));
  setting("resize_nearest", "nearest", stringifyNearestMode(getNearest()));
  call.real("cubic_coeff", getCubicCoeff().convertToDouble())
      .real("extrapolation", getExtrapolation().convertToDouble());
  call.flag("exclude_outside", getExcludeOutside());
  call.pointers = {getResult(), getX()};
}
