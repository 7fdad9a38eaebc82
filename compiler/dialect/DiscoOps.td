//===- DiscoOps.td - the ops of the disco dialect -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Groups: the program's borders, computing ops, data movement within a node, data movement between nodes.
// Shapes and semantics are ONNX's unless a description says otherwise.
#ifndef DISCO_OPS_TD
#define DISCO_OPS_TD

include "DiscoDialect.td"
include "DiscoInterfaces.td"
include "DiscoTargets.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

defvar Tensor = AnyStaticShapeTensor;

/// What an op says of its operands' storage.
defvar ReadsSmaller = DeclareOpInterfaceMethods<Disco_StorageOpInterface, ["readsSmaller"]>;
defvar InPlace = DeclareOpInterfaceMethods<Disco_StorageOpInterface, ["getInPlaceOperands"]>;

class Disco_Op<string mnemonic, list<Trait> traits = []> : Op<DiscoDialect, mnemonic, traits> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

/// An op without side effects whose result type follows from operands and attributes.
class Disco_PureOp<string mnemonic, list<Trait> traits = [], list<string> divisionMethods = [],
                   list<string> costMethods = [], list<string> kernelMethods = []>
    : Disco_Op<mnemonic, !listconcat(traits, [Pure,
        DeclareOpInterfaceMethods<Disco_DivisionOpInterface, divisionMethods>,
        DeclareOpInterfaceMethods<Disco_CostOpInterface, costMethods>,
        DeclareOpInterfaceMethods<Disco_KernelOpInterface, kernelMethods>])>;

/// One whose result type follows from operands and attributes.
class Disco_InferredOp<string mnemonic, list<Trait> traits = [], list<string> divisionMethods = [],
                       list<string> costMethods = [], list<string> kernelMethods = []>
    : Disco_PureOp<mnemonic, !listconcat(traits, [DeclareOpInterfaceMethods<InferTypeOpInterface>]), divisionMethods,
                   costMethods, kernelMethods> {
  let extraClassDeclaration = [{
    /// Layouts come and go with the stages: only shape and element type are inferred.
    static bool isCompatibleReturnTypes(mlir::TypeRange a, mlir::TypeRange b) { return disco::sameShapes(a, b); }
  }];
}

//===----------------------------------------------------------------------===//
// The program's borders
//===----------------------------------------------------------------------===//

def Disco_InputOp : Disco_Op<"input"> {
  let summary = "an input of the model";
  let description = [{Given to the root; kept even when nothing reads it. `index` is its position among the model's inputs.}];
  let arguments = (ins StrAttr:$name, I64Attr:$index);
  let results = (outs Tensor:$result);
}

def Disco_OutputOp : Disco_Op<"output"> {
  let summary = "an output of the model";
  let description = [{Returned by the root. `index` is its position among the model's outputs.}];
  let arguments = (ins Tensor:$x, StrAttr:$name, I64Attr:$index);
}

def Disco_StateOp : Disco_Op<"state"> {
  let summary = "what the inference before kept";
  let description = [{
    Zeros in the first inference of a session. Every node has what it owns, in a place of its arena that nothing else takes.
  }];
  let results = (outs Tensor:$result);
}

def Disco_KeepOp : Disco_Op<"keep", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<Disco_CostOpInterface, ["getCost"]>]> {
  let summary = "what the next inference finds in the states";
  let description = [{
    State k becomes `values[k]`: of it every node needs the channels that it owns of the state. One op for all, the last of an
    inference, since it overwrites what others read. No value is a view of a state.
  }];
  let arguments = (ins Variadic<Tensor>:$values, Variadic<Tensor>:$states);
  let assemblyFormat = "$values `in` $states attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// What a node that owns channels of `axis` (-1: all) of state k needs of the k-th value.
    disco::OperandNeed needOf(unsigned k, int64_t axis);
    /// A copy of a local value that is a view of a state, before that is overwritten; else the value.
    static mlir::Value apart(mlir::OpBuilder &builder, mlir::Value value);
  }];
}

def Disco_ConstantOp : Disco_Op<"constant", [Pure, ConstantLike]> {
  let summary = "weights and other constants";
  let description = [{
    The value is usually a resource: a view of the model file. In a shard `view` lists, by axis, the
    indices of the value that this node stores; nothing is copied before the weights are written. `packing` says how what the view leaves
    is stored, for a kernel that wants it so: in another order (`#disco.physical`), or transformed (`#disco.winograd`); what is beside the elements there (lanes of a block that is not full) is 0. Along an axis where the
    value has extent 1 and the result more, the value is broadcast: before the split a constant is as small as what it is made of.
  }];
  let arguments = (ins ElementsAttr:$value, OptionalAttr<ArrayAttr>:$view, OptionalAttr<AnyAttrOf<[Disco_PhysicalAttr, Disco_WinogradAttr]>>:$packing);
  let builders = [OpBuilder<(ins "mlir::Type":$type, "mlir::ElementsAttr":$value, "mlir::ArrayAttr":$view),
                            [{ build($_builder, $_state, type, value, view, mlir::Attribute()); }]>];
  let results = (outs Tensor:$result);
  let assemblyFormat = "$value (`view` $view^)? (`packing` `(` $packing^ `)`)? attr-dict `:` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Computing
//===----------------------------------------------------------------------===//

def Disco_ConvOp : Disco_InferredOp<"conv", [AttrSizedOperandSegments, InPlace,
    DeclareOpInterfaceMethods<Disco_ContractionOpInterface>], ["localize"], ["getMacs", "isArithmetic"],
    ["getKernelChoices", "takesLayouts"]> {
  let summary = "convolution over 1 to 3 spatial dimensions";
  let description = [{
    y = act(init + bias + conv(x, w) + residual). x is [N, C, spatial...], w [O, C / group, kernel...]. `pads` are the begins,
    then the ends. `mask` (before the split) lists for each ordered pair of nodes the channels of x that
    are read. In a shard the op is one part of the sum: `channels` names the channels of the buffer x
    that the weights' columns read, in their order (absent: all of them), and `init` carries the sum of the parts before it. With `quant` x and w are integers of 8 bits, and bias, init and the
    sum integers of 32; only the last part makes integers of 8 bits again.
  }];
  let arguments = (ins Tensor:$x, Tensor:$w, Optional<Tensor>:$bias, Optional<Tensor>:$init, Optional<Tensor>:$residual,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations, I64Attr:$group,
    OptionalAttr<Disco_RoutesAttr>:$mask, OptionalAttr<DenseI64ArrayAttr>:$channels, OptionalAttr<Disco_ActAttr>:$act,
    OptionalAttr<Disco_QuantAttr>:$quant);
  let results = (outs Tensor:$result);
  let assemblyFormat = [{ $x `,` $w (`bias` $bias^)? (`init` $init^)? (`residual` $residual^)?
                          attr-dict `:` functional-type(operands, results) }];
  let hasVerifier = 1;
}

def Disco_MatMulOp : Disco_InferredOp<"matmul", [AttrSizedOperandSegments, InPlace,
    DeclareOpInterfaceMethods<Disco_ContractionOpInterface>], ["localize"], ["getMacs", "isArithmetic"], ["getKernelChoices"]> {
  let summary = "matrix product with broadcast batch dimensions";
  let description = [{
    y = act(init + bias + a' b' + residual), a' and b' being a and b with their last two dimensions exchanged when `trans_a`,
    `trans_b` say so. a and b have at least two dimensions; bias is [n]. With a constant b it is a
    contraction over the last dimension of a; `mask`, `channels` and `init` are those of `disco.conv`.
  }];
  let arguments = (ins Tensor:$a, Tensor:$b, Optional<Tensor>:$bias, Optional<Tensor>:$init, Optional<Tensor>:$residual,
    UnitAttr:$trans_a, UnitAttr:$trans_b,
    OptionalAttr<Disco_RoutesAttr>:$mask, OptionalAttr<DenseI64ArrayAttr>:$channels, OptionalAttr<Disco_ActAttr>:$act,
    OptionalAttr<Disco_QuantAttr>:$quant);
  let results = (outs Tensor:$result);
  let assemblyFormat = [{ $a `,` $b (`bias` $bias^)? (`init` $init^)? (`residual` $residual^)?
                          attr-dict `:` functional-type(operands, results) }];
  let hasVerifier = 1;
}

def Disco_UnaryOp : Disco_InferredOp<"unary", [InPlace], [], [], ["takesLayouts"]> {
  let summary = "a scalar function of every element";
  let arguments = (ins Tensor:$x, Disco_ActAttr:$act);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
}

def Disco_BinaryOp : Disco_InferredOp<"binary", [DeclareOpInterfaceMethods<Disco_StorageOpInterface,
    ["getInPlaceOperands", "readsSmaller"]>], [], [], ["takesLayouts"]> {
  let summary = "a scalar function of two operands, broadcast against each other";
  let description = [{Comparisons give i1. `prelu` takes its slope from the second operand. `act` is applied to the result.}];
  let arguments = (ins Tensor:$lhs, Tensor:$rhs, Disco_BinaryKind:$kind, OptionalAttr<Disco_ActAttr>:$act);
  let results = (outs Tensor:$result);
  let builders = [OpBuilder<(ins "mlir::Type":$type, "mlir::Value":$lhs, "mlir::Value":$rhs, "BinaryKind":$kind),
                            [{ build($_builder, $_state, type, lhs, rhs, kind, ActAttr()); }]>];
  let hasFolder = 1;
}

def Disco_WhereOp : Disco_InferredOp<"where", [ReadsSmaller]> {
  let summary = "the second operand where the first is true, else the third; broadcast";
  let arguments = (ins Tensor:$condition, Tensor:$x, Tensor:$y);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
}

def Disco_CastOp : Disco_PureOp<"cast"> {
  let summary = "conversion to another element type";
  let arguments = (ins Tensor:$x);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
}

def Disco_PoolOp : Disco_InferredOp<"pool", [], [], [], ["takesLayouts"]> {
  let summary = "maximum or average over windows of 1 to 3 spatial dimensions";
  let description = [{An average of integers has a `quant`: its multiplier is divided by the number of cells that a window has.}];
  let arguments = (ins Tensor:$x, Disco_PoolKind:$kind, DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations, UnitAttr:$ceil_mode, UnitAttr:$count_include_pad,
    OptionalAttr<Disco_QuantAttr>:$quant);
  let results = (outs Tensor:$result);
  let hasVerifier = 1;
}

def Disco_QuantizeOp : Disco_PureOp<"quantize", [ReadsSmaller]> {
  let summary = "real numbers to integers: clamp(round(x / scale) + zero)";
  let description = [{Halves go to the even neighbour. scale and zero are broadcast to x; the result's type says to what it is clamped.}];
  let arguments = (ins Tensor:$x, Tensor:$scale, Optional<Tensor>:$zero);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Disco_DequantizeOp : Disco_PureOp<"dequantize", [ReadsSmaller,
    DeclareOpInterfaceMethods<Disco_CarriedOpInterface>], ["isMovement"]> {
  let summary = "integers to real numbers: (x - zero) * scale";
  let description = [{scale and zero are broadcast to x. Constants are folded by disco-simplify, when integer arithmetic has been recognised.}];
  let arguments = (ins Tensor:$x, Tensor:$scale, Optional<Tensor>:$zero);
  let results = (outs Tensor:$result);
  let hasVerifier = 1;
}

def Disco_LookupOp : Disco_PureOp<"lookup", [DeclareOpInterfaceMethods<Disco_CarriedOpInterface>]> {
  let summary = "any function of an integer of 8 bits, by a table of 256 entries";
  let description = [{
    Entry i of the table belongs to the element whose bits are those of i. With `axis` the table has a row of 256 entries for each index
    of that axis.
  }];
  let arguments = (ins Tensor:$x, Tensor:$table, OptionalAttr<I64Attr>:$axis);
  let results = (outs Tensor:$result);
  let hasVerifier = 1;
}

def Disco_QuantBinaryOp : Disco_PureOp<"quant_binary", [ReadsSmaller]> {
  let summary = "sum, difference or product of quantised tensors, broadcast against each other";
  let description = [{
    In integers alone: add and sub give `clamp(round(((lhs - lhs_zero) * lhs_factor +- (rhs - rhs_zero) * rhs_factor) / 2^shift) + zero)`, halves to
    even; mul gives `(lhs - lhs_zero) * (rhs - rhs_zero)` made small like the sum of a convolution, by `multiplier` in single precision.
  }];
  let arguments = (ins Tensor:$lhs, Tensor:$rhs, Disco_BinaryKind:$kind, I64Attr:$lhs_zero, I64Attr:$rhs_zero, I64Attr:$zero,
    I64Attr:$lhs_factor, I64Attr:$rhs_factor, I64Attr:$shift, F32Attr:$multiplier, I64Attr:$low, I64Attr:$high);
  let results = (outs Tensor:$result);
  let hasVerifier = 1;
}

def Disco_ReduceOp : Disco_InferredOp<"reduce", [], ["getStatisticAxes", "mergeStatistics"]> {
  let summary = "reduction over whole axes";
  let description = [{`axes` are sorted and not negative; with `keepdims` they stay with extent 1.}];
  let arguments = (ins Tensor:$x, Disco_ReduceKind:$kind, DenseI64ArrayAttr:$axes, UnitAttr:$keepdims);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
}

def Disco_SoftmaxOp : Disco_InferredOp<"softmax", [], ["getStatisticAxes", "mergeStatistics"]> {
  let summary = "softmax, or its logarithm, over consecutive axes";
  let description = [{
    Over the axes [axis, axis + count): count is 1 from opset 13 on, before that all trailing axes.
  }];
  let arguments = (ins Tensor:$x, I64Attr:$axis, I64Attr:$count, UnitAttr:$log);
  let results = (outs Tensor:$result);
}

def Disco_ResizeOp : Disco_PureOp<"resize"> {
  let summary = "resampling of any axes";
  let description = [{
    `scales` has one entry an axis (1.0: kept), `roi` two (starts, then ends) with tf_crop_and_resize, else none. The result's shape is given by its type.
  }];
  let arguments = (ins Tensor:$x, DenseF64ArrayAttr:$scales, DenseF64ArrayAttr:$roi, Disco_ResizeMode:$mode,
    Disco_CoordinateMode:$coordinates, Disco_NearestMode:$nearest, F64Attr:$cubic_coeff, UnitAttr:$exclude_outside,
    F64Attr:$extrapolation);
  let results = (outs Tensor:$result);
  let hasVerifier = 1;
}

def Disco_MaxPoolIndexOp : Disco_InferredOp<"max_pool_index"> {
  let summary = "where in its plane the greatest value of each window lies";
  let description = [{
    The first of equals, counted row by row, with `column_major` column by column. Padding is never it.
  }];
  let arguments = (ins Tensor:$x, DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations, UnitAttr:$ceil_mode, UnitAttr:$column_major);
  let results = (outs Tensor:$result);
}

def Disco_ArgExtremeOp : Disco_InferredOp<"arg_extreme"> {
  let summary = "the index of the greatest or the least value along an axis";
  let description = [{The axis stays with extent 1. Of equals it is the first, with `last` the last.}];
  let arguments = (ins Tensor:$x, I64Attr:$axis, UnitAttr:$minimum, UnitAttr:$last);
  let results = (outs Tensor:$result);
}

def Disco_TopKOp : Disco_InferredOp<"top_k"> {
  let summary = "the indices of the k greatest or least values along an axis, the best first";
  let description = [{Of equals the one with the lower index comes first. The values are gathered with them.}];
  let arguments = (ins Tensor:$x, I64Attr:$axis, I64Attr:$k, UnitAttr:$smallest);
  let results = (outs Tensor:$result);
}

def Disco_CumSumOp : Disco_InferredOp<"cum_sum"> {
  let summary = "running sums along an axis";
  let description = [{`exclusive` leaves an element out of its own sum; `reverse` sums from the end.}];
  let arguments = (ins Tensor:$x, I64Attr:$axis, UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs Tensor:$result);
}

def Disco_RecurrentOp : Disco_InferredOp<"recurrent", [], ["getReplication"], ["getMacs", "isArithmetic"]> {
  let summary = "RNN, GRU or LSTM over a whole sequence";
  let description = [{
    x is what the inputs add to the gates, a contraction of its own: [steps, batch, directions * gates * hidden]. r is [directions,
    gates * hidden, hidden], bias, that of the hidden state, [directions, gates * hidden], lengths [batch], initial [directions,
    batch, hidden]; `cell` holds an LSTM's initial cell state, like initial, and its peepholes, [directions, 3 * hidden]. The result is
    [steps + states, directions, batch, hidden]: the output of every step, the last hidden state and, of an LSTM, the last cell
    state. `activations` has those of one direction after those of the other. It is not divided.
  }];
  let arguments = (ins Tensor:$x, Tensor:$r, Tensor:$bias, Tensor:$lengths, Tensor:$initial,
    Variadic<Tensor>:$cell, Disco_RecurrentKind:$kind, Disco_RecurrentDirection:$direction,
    TypedArrayAttrBase<Disco_ActAttr, "array of scalar functions">:$activations, OptionalAttr<F64Attr>:$clip,
    UnitAttr:$linear_before_reset, UnitAttr:$input_forget);
  let results = (outs Tensor:$result);
}

def Disco_NonMaxSuppressionOp : Disco_PureOp<"non_max_suppression"> {
  let summary = "boxes that no better box of their class covers";
  let description = [{
    boxes is [batch, count, 4], scores [batch, classes, count]. A row of the result is (batch, class, box). Rows that are not
    needed hold -1; boxes that find no row are left out.
  }];
  let arguments = (ins Tensor:$boxes, Tensor:$scores, I64Attr:$most, F64Attr:$iou, OptionalAttr<F64Attr>:$score,
    UnitAttr:$centred);
  let results = (outs Tensor:$result);
  let hasVerifier = 1;
}

def Disco_GridSampleOp : Disco_InferredOp<"grid_sample"> {
  let summary = "values of an image at the places of a grid";
  let description = [{
    x is [N, C, spatial...], grid [N, out..., places]: coordinates in [-1, 1], that of the last axis of x first.
  }];
  let arguments = (ins Tensor:$x, Tensor:$grid, Disco_SampleMode:$mode, Disco_SamplePadding:$padding,
    UnitAttr:$align_corners);
  let results = (outs Tensor:$result);
}

def Disco_RoiAlignOp : Disco_InferredOp<"roi_align"> {
  let summary = "regions of feature maps, each resampled to one size";
  let description = [{
    x is [N, C, H, W], rois [regions, 4] (x1, y1, x2, y2), batch [regions]. `samples` 0 takes as many an output pixel as fit.
  }];
  let arguments = (ins Tensor:$x, Tensor:$rois, Tensor:$batch, I64Attr:$height, I64Attr:$width, I64Attr:$samples,
    F64Attr:$scale, UnitAttr:$half_pixel, UnitAttr:$maximum);
  let results = (outs Tensor:$result);
}

//===----------------------------------------------------------------------===//
// Data movement within a node
//===----------------------------------------------------------------------===//

def Disco_RearrangeOp : Disco_PureOp<"rearrange", [DeclareOpInterfaceMethods<Disco_StorageOpInterface, ["isView"]>],
    ["localize", "relabels", "isMovement"]> {
  let summary = "reshape, transpose, reshape";
  let description = [{
    x is seen with the shape `view`, its dimensions are permuted by `perm`, and the result is seen with its own
    shape. Reshape, Flatten, Squeeze, Unsqueeze, Transpose, DepthToSpace, SpaceToDepth and the
    channel shuffle are all this op.
  }];
  let arguments = (ins Tensor:$x, DenseI64ArrayAttr:$view, DenseI64ArrayAttr:$perm);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Disco_ConcatOp : Disco_InferredOp<"concat", [], ["localize", "relabels", "isMovement"], [], ["takesLayouts"]> {
  let summary = "operands one after another along an axis";
  let arguments = (ins Variadic<Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
}

def Disco_SliceOp : Disco_PureOp<"slice", [], ["localize", "relabels", "isMovement"]> {
  let summary = "index starts + i * steps along every axis";
  let description = [{The result's shape says how many; steps may be negative.}];
  let arguments = (ins Tensor:$x, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$steps);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Disco_SelectOp : Disco_InferredOp<"select", [], ["localize", "relabels", "isMovement"]> {
  let summary = "listed indices of one axis";
  let description = [{Index i of the result's axis is index `indices[i]` of x.}];
  let arguments = (ins Tensor:$x, I64Attr:$axis, DenseI64ArrayAttr:$indices);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Disco_GatherOp : Disco_InferredOp<"gather"> {
  let summary = "slices of one axis, by indices known at run time";
  let description = [{
    The first `batch` dimensions are shared: x is [batch..., before..., extent, after...], indices [batch..., indices...], the result
    [batch..., before..., indices..., after...]. `axis` is that of the extent.
  }];
  let arguments = (ins Tensor:$x, Tensor:$indices, I64Attr:$axis, DefaultValuedOptionalAttr<I64Attr, "0">:$batch);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
}

def Disco_ScatterOp : Disco_InferredOp<"scatter"> {
  let summary = "a tensor with some slices of one axis replaced or changed, by indices known at run time";
  let description = [{
    x is [batch..., extent, after...], indices [batch..., indices...], updates [batch..., indices..., after...]; `batch` says
    how many dimensions are shared. Indices count from the end when negative; others outside are left out. `kind`
    joins an update with what is there.
  }];
  let arguments = (ins Tensor:$x, Tensor:$indices, Tensor:$updates, I64Attr:$batch, Disco_ScatterKind:$kind);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
}

def Disco_PadOp : Disco_InferredOp<"pad"> {
  let summary = "a border around every axis";
  let description = [{
    `pads` are the begins of all axes, then the ends; negative ones crop. `value` fills in constant mode: an f64 in floats, an i64 in
    integers and truth values (those of unsigned integers of 64 bits by their bits).
  }];
  let arguments = (ins Tensor:$x, DenseI64ArrayAttr:$pads, Disco_PadMode:$mode, AnyAttrOf<[F64Attr, I64Attr]>:$value);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Disco_ExpandOp : Disco_PureOp<"expand", [ReadsSmaller]> {
  let summary = "broadcast to the result's shape";
  let arguments = (ins Tensor:$x);
  let results = (outs Tensor:$result);
  let hasFolder = 1;
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Data movement between nodes
//===----------------------------------------------------------------------===//

def Disco_ExchangeOp : Disco_Op<"exchange", [Pure,
    DeclareOpInterfaceMethods<Disco_CostOpInterface, ["getCost"]>]> {
  let summary = "features of a tensor travel from their owners to the nodes that read them";
  let description = [{
    The result is held: each node has the channels that its routes deliver. `root` marks inputs handed out and outputs handed in.
  }];
  let arguments = (ins Tensor:$x, Disco_RoutesAttr:$routes, StrAttr:$tensor, UnitAttr:$root,
    DefaultValuedAttr<Disco_RouteKind, "::disco::RouteKind::Feature">:$kind);
  let results = (outs Tensor:$result);
  let assemblyFormat = "$x `routes` $routes attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Disco_MergeOp : Disco_Op<"merge", [Pure]> {
  let summary = "what a node owns of a tensor together with what it received";
  let description = [{
    `remote` are results of exchanges, of x itself or of the tensors that x is relabelled from; `maps[k]`
    lists pairs (channel of x, channel of remote k). The result is held: exactly what each node's reader needs.
  }];
  let arguments = (ins Tensor:$own, Variadic<Tensor>:$remote, ArrayAttr:$maps);
  let results = (outs Tensor:$result);
  let assemblyFormat = "`own` $own `remote` `(` $remote `)` attr-dict `:` functional-type(operands, results)";
}

def Disco_AccumulateOp : Disco_Op<"accumulate", [Pure, DeclareOpInterfaceMethods<Disco_CostOpInterface>,
    DeclareOpInterfaceMethods<Disco_DivisionOpInterface, ["localize"]>]> {
  let summary = "a sum whose addends other nodes computed";
  let description = [{
    y = act(x + addends). `rows[k]` lists the channels of x to which addend k is added: all those that one node owns. With
    `quant` the sum of integers of 32 bits is requantised. In a shard it is a chain of additions.
  }];
  let arguments = (ins Tensor:$x, Variadic<Tensor>:$addends, I64Attr:$axis,
    TypedArrayAttrBase<Disco_SetAttr, "array of sets">:$rows, OptionalAttr<Disco_ActAttr>:$act,
    OptionalAttr<Disco_QuantAttr>:$quant);
  let results = (outs Tensor:$result);
  let hasVerifier = 1;
}

def Disco_RequantizeOp : Disco_Op<"requantize", [Pure, InPlace, DeclareOpInterfaceMethods<Disco_CostOpInterface>,
    DeclareOpInterfaceMethods<Disco_KernelOpInterface>]> {
  let summary = "whole sums of integers, in 32 bits, to integers of 8 bits";
  let description = [{As `quant` says for the end of a contraction, whose rows are the indices of `axis`.}];
  let arguments = (ins Tensor:$x, I64Attr:$axis, Disco_QuantAttr:$quant);
  let results = (outs Tensor:$result);
  let hasVerifier = 1;
}

def Disco_RelayoutOp : Disco_Op<"relayout", [Pure, DeclareOpInterfaceMethods<Disco_CostOpInterface>,
    DeclareOpInterfaceMethods<Disco_KernelOpInterface, ["getKernelChoices", "takesLayouts"]>]> {
  let summary = "a local tensor that lies otherwise in memory";
  let description = [{For an op that no kernel computes on tensors as they lie.}];
  let arguments = (ins Tensor:$x);
  let results = (outs Tensor:$result);
  let hasVerifier = 1;
}

def Disco_AssembleOp : Disco_Op<"assemble", [Pure, DeclareOpInterfaceMethods<Disco_CostOpInterface>,
    DeclareOpInterfaceMethods<Disco_KernelOpInterface, ["takesLayouts"]>]> {
  let summary = "channels of several local tensors in a new order";
  let description = [{
    Channel i of the result's `axis` is channel `channels[i]` of input `sources[i]`.
    With `disco.joined` the inputs are made one after the other in the result's storage: it is a view whose channels lie in their order.
  }];
  let arguments = (ins Variadic<Tensor>:$inputs, I64Attr:$axis, DenseI64ArrayAttr:$sources, DenseI64ArrayAttr:$channels);
  let results = (outs Tensor:$result);
  let hasVerifier = 1;
}

def Disco_SendOp : Disco_Op<"send", [DeclareOpInterfaceMethods<Disco_CostOpInterface, ["getCost"]>]> {
  let summary = "packs channels of local tensors into a message and starts sending it";
  let description = [{
    `parts[k]` names the global channels of input k that travel. The result is the packed
    buffer, which must live until the matching `disco.flush`. In a message every part lies by rows, whatever the tensor does. One that is a
    whole tensor by rows is not packed: its buffer is the tensor's.
  }];
  let arguments = (ins Variadic<Tensor>:$inputs, I64Attr:$to, I64Attr:$message, Disco_PartsAttr:$parts);
  let results = (outs Disco_MessageType:$buffer);
  let hasVerifier = 1;
}

def Disco_FlushOp : Disco_Op<"flush"> {
  let summary = "waits until a send has left its buffer; messages are received meanwhile";
  let arguments = (ins Disco_MessageType:$buffer);
}

def Disco_PostOp : Disco_Op<"post"> {
  let summary = "opens the buffer of an incoming message";
  let description = [{From here on bytes of the message may arrive in the buffer.}];
  let arguments = (ins I64Attr:$from, I64Attr:$message);
  let results = (outs Disco_MessageType:$buffer);
}

def Disco_RecvOp : Disco_Op<"recv"> {
  let summary = "waits for a message; its parts are tensors in the message's buffer";
  let arguments = (ins Disco_MessageType:$buffer, Disco_PartsAttr:$parts);
  let results = (outs Variadic<Tensor>:$results);
  let hasVerifier = 1;
}

#endif // DISCO_OPS_TD
