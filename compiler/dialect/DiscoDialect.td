//===- DiscoDialect.td - the disco dialect, its attributes and types ------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_DIALECT_TD
#define DISCO_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/TensorEncoding.td"

def DiscoDialect : Dialect {
  let name = "disco";
  let cppNamespace = "::disco";
  let summary = "Neural networks divided within each layer over the nodes of a cluster";
  let description = [{
    One dialect carries a model from import to emission. At first the program is one function over
    global tensors. Owner assignment adds a *layout* to every tensor type (`#disco.owned`), masks are
    derived onto contractions, exchanges make data movement explicit (`#disco.held`), and the split
    gives one module a node whose tensors have local shapes and say which global channels they hold
    (`#disco.local`). Nothing outside the IR carries meaning from one stage to the next.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
}

class Disco_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<DiscoDialect, name, traits> {
  let mnemonic = attrMnemonic;
}

/// A layout is checked against the tensor that it belongs to.
class Disco_LayoutAttr<string name, string attrMnemonic>
    : Disco_Attr<name, attrMnemonic, [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]>;

def Disco_SetAttr : Disco_Attr<"Set", "set"> {
  let summary = "a set of channel indices";
  let description = [{Sorted ranges, both ends inside: `#disco.set<0 to 3, 7>`. Stored as flat half-open bounds.}];
  let parameters = (ins ArrayRefParameter<"int64_t">:$bounds);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "const IndexSet &":$set), [{ return $_get($_ctxt, set.toBounds()); }]>];
  let extraClassDeclaration = [{ IndexSet getSet() const { return IndexSet::fromBounds(getBounds()); } }];
}

def Disco_OwnedAttr : Disco_LayoutAttr<"Owned", "owned"> {
  let summary = "the owner map of a tensor";
  let description = [{
    One explicit, possibly empty index set a node along one axis; the sets are disjoint and cover the
    axis: `#disco.owned<axis 1 : 0 to 3 | 4 to 7>`. A tensor that cannot be divided has the axis -1, a
    pretended axis of extent 1: `#disco.owned<whole : 0 | >` means that node 0 owns all of it. Only such a tensor may have
    several owners: it is replicated, every one of them computes it.
  }];
  let parameters = (ins "int64_t":$axis, ArrayRefParameter<"SetAttr">:$sets);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "int64_t":$axis, "llvm::ArrayRef<IndexSet>":$sets), [{
    llvm::SmallVector<SetAttr> attrs;
    for (const IndexSet &set : sets)
      attrs.push_back(SetAttr::get($_ctxt, set));
    return $_get($_ctxt, axis, attrs);
  }]>];
  let extraClassDeclaration = [{
    IndexSet getSet(int64_t rank) const { return getSets()[rank].getSet(); }
    int64_t getNodes() const { return static_cast<int64_t>(getSets().size()); }
    /// Whether every node computes the whole tensor.
    bool isReplicated() const;
    /// The layout of a tensor that every node computes.
    static OwnedAttr replicated(mlir::MLIRContext *context, int64_t nodes);
    /// The layout of a tensor of which one node owns all `extent` channels of an axis.
    static OwnedAttr at(mlir::MLIRContext *context, int64_t rank, int64_t nodes, int64_t axis, int64_t extent);
  }];
}

def Disco_HeldAttr : Disco_LayoutAttr<"Held", "held"> {
  let summary = "which channels each node has of a tensor, sets may overlap";
  let description = [{What an exchange delivers or a merge assembles: `#disco.held<axis 1 : | 0, 3>`.}];
  let parameters = (ins "int64_t":$axis, ArrayRefParameter<"SetAttr">:$sets);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "int64_t":$axis, "llvm::ArrayRef<IndexSet>":$sets), [{
    llvm::SmallVector<SetAttr> attrs;
    for (const IndexSet &set : sets)
      attrs.push_back(SetAttr::get($_ctxt, set));
    return $_get($_ctxt, axis, attrs);
  }]>];
  let extraClassDeclaration = [{
    IndexSet getSet(int64_t rank) const { return getSets()[rank].getSet(); }
    int64_t getNodes() const { return static_cast<int64_t>(getSets().size()); }
  }];
}

def Disco_PhysicalAttr : Disco_Attr<"Physical", "physical"> {
  let summary = "how a tensor lies in memory";
  let description = [{
    `dims` are the dimensions in memory, outermost first; each steps its axis of the tensor by `by` indices, the last one of an axis by 1.
    [N, C, H, W] by rows is `#disco.physical<dims [0, 1, 2, 3]>`, channels last `dims [0, 2, 3, 1]`, and blocks of 8 channels, `[C/8][H][W][8]`,
    `dims [0, 1 by 8, 2, 3, 1]`. A last block that is not full has empty lanes.

    `borders [2 : 1 + 1]`: elements before and after, by axis. `pitch [3 : 16]`: the extent of a dimension in memory is rounded up to a
    multiple. `order 1 [2, 0, 1]`: the indices of an axis in the order in which they lie. `copies 2`: the tensor so many times, one after
    another. What is in borders, empty lanes and behind the extent of a dimension with a pitch is not defined.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$axes, ArrayRefParameter<"int64_t">:$units,
                        ArrayRefParameter<"int64_t">:$borders, ArrayRefParameter<"int64_t">:$pitches,
                        "int64_t":$orderAxis, ArrayRefParameter<"int64_t">:$order, "int64_t":$copies);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Disco_WinogradAttr : Disco_Attr<"Winograd", "winograd"> {
  let summary = "weights of a 3x3 convolution as conv_winograd reads them";
  let description = [{
    `#disco.winograd<4>`: transformed for tiles of 4 x 4 outputs, `[co / 16][6 x 6][ci][16]` floats; lanes beyond the last output channel are 0.
    Tiles are 2 x 2 or 4 x 4.
  }];
  let parameters = (ins "int64_t":$tile);
  let assemblyFormat = "`<` $tile `>`";
  let genVerifyDecl = 1;
}

def Disco_LocalAttr : Disco_LayoutAttr<"Local", "local"> {
  let summary = "the global channels that a shard's tensor holds";
  let description = [{
    The tensor's extent along the axis is the size of the set, channels in ascending order:
    `tensor<1x2x8x8xf32, #disco.local<axis 1 : 0, 3>>`. How it lies in memory, where that is not by rows:
    `#disco.local<axis 1 : 0, 3 lies #disco.physical<dims [0, 2, 3, 1]>>`.
  }];
  let parameters = (ins "int64_t":$axis, "SetAttr":$channels, "PhysicalAttr":$physical);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "int64_t":$axis, "const IndexSet &":$set),
                              [{ return $_get($_ctxt, axis, SetAttr::get($_ctxt, set), PhysicalAttr()); }]>];
  let extraClassDeclaration = [{ IndexSet getSet() const { return getChannels().getSet(); } }];
}

def Disco_RouteAttr : Disco_Attr<"Route", "route"> {
  let summary = "the channels that one node gives another";
  let description = [{
    `#disco.route<0 -> 1 : 0, 3>`. In an exchange it is a route; in a contraction's mask it says which
    channels of the first node the second reads (the diagonal entry lists the node's own columns).
  }];
  let parameters = (ins "int64_t":$from, "int64_t":$to, "SetAttr":$channels);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "int64_t":$from, "int64_t":$to, "const IndexSet &":$set),
                              [{ return $_get($_ctxt, from, to, SetAttr::get($_ctxt, set)); }]>];
  let extraClassDeclaration = [{ IndexSet getSet() const { return getChannels().getSet(); } }];
}
def Disco_RouteKind : I32EnumAttr<"RouteKind", "what a route carries", [
    I32EnumAttrCase<"Feature", 0, "feature">, I32EnumAttrCase<"PartialSum", 1, "partial_sum">,
    I32EnumAttrCase<"Statistic", 2, "statistic">]> {
  let cppNamespace = "::disco";
}
def Disco_RoutesAttr : TypedArrayAttrBase<Disco_RouteAttr, "array of routes">;

def Disco_PartAttr : Disco_Attr<"Part", "part"> {
  let summary = "what one tensor contributes to a message";
  let description = [{
    `#disco.part<"conv1" : axis 1 : 0, 3>`: the channels 0 and 3 of the tensor that ONNX calls conv1. Both ends of a
    message carry the same list of parts, which the checker compares. `root` marks the handing out of the
    model's inputs and the handing in of its outputs; `partial_sum` an addend of outputs of the receiver, `statistic` what a node
    knows of the channels that it owns (a sum, a maximum).
  }];
  let parameters = (ins "mlir::StringAttr":$tensor, "int64_t":$axis, "SetAttr":$channels, "bool":$root,
                        EnumParameter<Disco_RouteKind>:$kind);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{ IndexSet getSet() const { return getChannels().getSet(); } }];
}
def Disco_PartsAttr : TypedArrayAttrBase<Disco_PartAttr, "array of parts">;

def Disco_UnaryKind : I32EnumAttr<"UnaryKind", "a scalar function", [
    I32EnumAttrCase<"Identity", 0, "identity">, I32EnumAttrCase<"Relu", 1, "relu">,
    I32EnumAttrCase<"Clip", 2, "clip">, I32EnumAttrCase<"Sigmoid", 3, "sigmoid">,
    I32EnumAttrCase<"HardSigmoid", 4, "hard_sigmoid">, I32EnumAttrCase<"HardSwish", 5, "hard_swish">,
    I32EnumAttrCase<"Tanh", 6, "tanh">, I32EnumAttrCase<"LeakyRelu", 7, "leaky_relu">,
    I32EnumAttrCase<"Silu", 8, "silu">, I32EnumAttrCase<"Elu", 9, "elu">,
    I32EnumAttrCase<"Softplus", 10, "softplus">, I32EnumAttrCase<"Softsign", 11, "softsign">,
    I32EnumAttrCase<"Selu", 12, "selu">, I32EnumAttrCase<"Erf", 13, "erf">, I32EnumAttrCase<"Exp", 14, "exp">,
    I32EnumAttrCase<"Log", 15, "log">, I32EnumAttrCase<"Sqrt", 16, "sqrt">, I32EnumAttrCase<"Abs", 17, "abs">,
    I32EnumAttrCase<"Neg", 18, "neg">, I32EnumAttrCase<"Floor", 19, "floor">, I32EnumAttrCase<"Ceil", 20, "ceil">,
    I32EnumAttrCase<"Round", 21, "round">, I32EnumAttrCase<"Reciprocal", 22, "reciprocal">,
    I32EnumAttrCase<"Sign", 23, "sign">, I32EnumAttrCase<"Sin", 24, "sin">, I32EnumAttrCase<"Cos", 25, "cos">,
    I32EnumAttrCase<"Not", 26, "not">, I32EnumAttrCase<"Gelu", 27, "gelu">, I32EnumAttrCase<"Mish", 28, "mish">,
    I32EnumAttrCase<"ThresholdedRelu", 29, "thresholded_relu">, I32EnumAttrCase<"Tan", 30, "tan">,
    I32EnumAttrCase<"Asin", 31, "asin">, I32EnumAttrCase<"Acos", 32, "acos">, I32EnumAttrCase<"Atan", 33, "atan">,
    I32EnumAttrCase<"Sinh", 34, "sinh">, I32EnumAttrCase<"Cosh", 35, "cosh">, I32EnumAttrCase<"Asinh", 36, "asinh">,
    I32EnumAttrCase<"Acosh", 37, "acosh">, I32EnumAttrCase<"Atanh", 38, "atanh">,
    I32EnumAttrCase<"GeluTanh", 39, "gelu_tanh">, I32EnumAttrCase<"Shrink", 40, "shrink">,
    I32EnumAttrCase<"Affine", 41, "affine">, I32EnumAttrCase<"ScaledTanh", 42, "scaled_tanh">]> {
  let cppNamespace = "::disco";
  let genSpecializedAttr = 0;
}

def Disco_ActAttr : Disco_Attr<"Act", "act"> {
  let summary = "a scalar function with its two parameters";
  let description = [{
    `#disco.act<relu>`, `#disco.act<clip, 0.0, 6.0>`. alpha and beta are: clip's minimum and maximum, the
    alpha and beta of hard_sigmoid, the alpha of leaky_relu, elu and thresholded_relu, the alpha and gamma of selu,
    shrink's lambd and bias, affine's factor and addend, and scaled_tanh's outer and inner factor.
  }];
  let parameters = (ins EnumParameter<Disco_UnaryKind>:$kind, APFloatParameter<"">:$alpha, APFloatParameter<"">:$beta);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "UnaryKind":$kind, CArg<"double", "0.0">:$alpha, CArg<"double", "0.0">:$beta),
                              [{ return $_get($_ctxt, kind, llvm::APFloat(alpha), llvm::APFloat(beta)); }]>];
  let extraClassDeclaration = [{
    double getAlphaValue() const { return getAlpha().convertToDouble(); }
    double getBetaValue() const { return getBeta().convertToDouble(); }
  }];
}

def Disco_QuantAttr : Disco_Attr<"Quant", "quant"> {
  let summary = "integer arithmetic of an op that stands for a quantised one";
  let description = [{
    The op sums `(x - xZero) * (w - wZero)` (pooling: `x - xZero`) in 32 bits. Without `multiplier` that is the result. With it, sum s of row r
    becomes `clamp(round(float(s) * multiplier[r]) + yZero, low, high)`: in single precision, halves to even. `wZero` (none: 0) and
    `multiplier` have one entry, or one a row of the weights. `result` is the element type of what the op makes.

    `#disco.quant<xZero = 3, wZero = [], result = ui8, multiplier = dense<0.25> : tensor<1xf32>, yZero = 128, low = 0, high = 255>`
  }];
  let parameters = (ins "int64_t":$xZero, "mlir::DenseI64ArrayAttr":$wZero, "mlir::Type":$result,
    "mlir::DenseElementsAttr":$multiplier, "int64_t":$yZero, "int64_t":$low, "int64_t":$high);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    int64_t wZeroOf(int64_t row) const;
    /// That of a part of the rows.
    QuantAttr ofRows(const IndexSet &rows) const;
    /// The plain sum, in 32 bits.
    QuantAttr sumOnly() const;
  }];
}

class Disco_Enum<string name, string text, list<I32EnumAttrCase> cases> : I32EnumAttr<name, text, cases> {
  let cppNamespace = "::disco";
}
def Disco_BinaryKind : Disco_Enum<"BinaryKind", "a scalar function of two operands", [
    I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Sub", 1, "sub">, I32EnumAttrCase<"Mul", 2, "mul">,
    I32EnumAttrCase<"Div", 3, "div">, I32EnumAttrCase<"Min", 4, "min">, I32EnumAttrCase<"Max", 5, "max">,
    I32EnumAttrCase<"Pow", 6, "pow">, I32EnumAttrCase<"Mod", 7, "mod">, I32EnumAttrCase<"Fmod", 8, "fmod">,
    I32EnumAttrCase<"Prelu", 9, "prelu">, I32EnumAttrCase<"And", 10, "and">, I32EnumAttrCase<"Or", 11, "or">,
    I32EnumAttrCase<"Xor", 12, "xor">, I32EnumAttrCase<"Equal", 13, "equal">, I32EnumAttrCase<"Less", 14, "less">,
    I32EnumAttrCase<"Greater", 15, "greater">, I32EnumAttrCase<"LessOrEqual", 16, "less_or_equal">,
    I32EnumAttrCase<"GreaterOrEqual", 17, "greater_or_equal">, I32EnumAttrCase<"ShiftLeft", 18, "shift_left">,
    I32EnumAttrCase<"ShiftRight", 19, "shift_right">]>;
def Disco_PoolKind : Disco_Enum<"PoolKind", "how a window is reduced",
    [I32EnumAttrCase<"Max", 0, "max">, I32EnumAttrCase<"Average", 1, "average">]>;
def Disco_ReduceKind : Disco_Enum<"ReduceKind", "how axes are reduced", [
    I32EnumAttrCase<"Mean", 0, "mean">, I32EnumAttrCase<"Sum", 1, "sum">, I32EnumAttrCase<"Max", 2, "max">,
    I32EnumAttrCase<"Min", 3, "min">, I32EnumAttrCase<"Prod", 4, "prod">,
    I32EnumAttrCase<"SumSquare", 5, "sum_square">, I32EnumAttrCase<"L1", 6, "l1">, I32EnumAttrCase<"L2", 7, "l2">,
    I32EnumAttrCase<"LogSum", 8, "log_sum">, I32EnumAttrCase<"LogSumExp", 9, "log_sum_exp">]>;
def Disco_PadMode : Disco_Enum<"PadMode", "what is written beyond the border", [
    I32EnumAttrCase<"Constant", 0, "constant">, I32EnumAttrCase<"Reflect", 1, "reflect">,
    I32EnumAttrCase<"Edge", 2, "edge">, I32EnumAttrCase<"Wrap", 3, "wrap">]>;
def Disco_ResizeMode : Disco_Enum<"ResizeMode", "how a resized value is computed", [
    I32EnumAttrCase<"Nearest", 0, "nearest">, I32EnumAttrCase<"Linear", 1, "linear">,
    I32EnumAttrCase<"Cubic", 2, "cubic">]>;
def Disco_CoordinateMode : Disco_Enum<"CoordinateMode", "where a resized index lies in the original", [
    I32EnumAttrCase<"HalfPixel", 0, "half_pixel">, I32EnumAttrCase<"PytorchHalfPixel", 1, "pytorch_half_pixel">,
    I32EnumAttrCase<"AlignCorners", 2, "align_corners">, I32EnumAttrCase<"Asymmetric", 3, "asymmetric">,
    I32EnumAttrCase<"TfCropAndResize", 4, "tf_crop_and_resize">,
    I32EnumAttrCase<"HalfPixelSymmetric", 5, "half_pixel_symmetric">]>;
def Disco_NearestMode : Disco_Enum<"NearestMode", "how a coordinate is rounded to an index", [
    I32EnumAttrCase<"RoundPreferFloor", 0, "round_prefer_floor">,
    I32EnumAttrCase<"RoundPreferCeil", 1, "round_prefer_ceil">,
    I32EnumAttrCase<"Floor", 2, "floor">, I32EnumAttrCase<"Ceil", 3, "ceil">]>;

def Disco_ScatterKind : Disco_Enum<"ScatterKind", "how an update joins what is there", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Add", 1, "add">, I32EnumAttrCase<"Mul", 2, "mul">,
    I32EnumAttrCase<"Max", 3, "max">, I32EnumAttrCase<"Min", 4, "min">]>;
def Disco_RecurrentKind : Disco_Enum<"RecurrentKind", "the cell of a recurrent layer", [
    I32EnumAttrCase<"Rnn", 0, "rnn">, I32EnumAttrCase<"Gru", 1, "gru">, I32EnumAttrCase<"Lstm", 2, "lstm">]>;
def Disco_RecurrentDirection : Disco_Enum<"RecurrentDirection", "the order in which a sequence is read", [
    I32EnumAttrCase<"Forward", 0, "forward">, I32EnumAttrCase<"Reverse", 1, "reverse">,
    I32EnumAttrCase<"Bidirectional", 2, "bidirectional">]>;
def Disco_SampleMode : Disco_Enum<"SampleMode", "how a value between pixels is computed", [
    I32EnumAttrCase<"Linear", 0, "linear">, I32EnumAttrCase<"Nearest", 1, "nearest">,
    I32EnumAttrCase<"Cubic", 2, "cubic">]>;
def Disco_SamplePadding : Disco_Enum<"SamplePadding", "what lies beyond the border of a sampled image", [
    I32EnumAttrCase<"Zeros", 0, "zeros">, I32EnumAttrCase<"Border", 1, "border">,
    I32EnumAttrCase<"Reflection", 2, "reflection">]>;

def Disco_MessageType : TypeDef<DiscoDialect, "Message"> {
  let mnemonic = "message";
  let summary = "the packed bytes of a message, in a buffer of the arena";
  let parameters = (ins "int64_t":$bytes);
  let assemblyFormat = "`<` $bytes `>`";
}

#endif // DISCO_DIALECT_TD
