# SPDX-License-Identifier: Apache-2.0
"""ONNX's packaged cases and ours: their data, and how results compare."""

import glob
import os

import local
import numpy as np
import onnx
from onnx import numpy_helper, version_converter

DATA = "/usr/share/libonnx-testdata/data"
GROUPS = ("node", "pytorch-converted", "pytorch-operator", "simple")
NODES = (1, 2, 3, 5)

TIER_1 = set("""Conv Gemm MatMul Add Mul Sub Div Relu Clip Sigmoid HardSigmoid
HardSwish Tanh LeakyRelu MaxPool AveragePool GlobalAveragePool
BatchNormalization Flatten Reshape Transpose Concat Split Slice Squeeze
Unsqueeze Pad Softmax Constant Identity ReduceMean Dropout Shape Gather Cast
ConstantOfShape Expand""".split())

# Tiers 2 and 3 of what vision and language models use, and what else is
# promised: quantised ops, ops of newer exports, recurrent layers, selection of
# boxes.
LISTED = TIER_1 | set("""LayerNormalization Erf Sqrt Pow Resize Where Equal
ReduceSum Exp ConvTranspose InstanceNormalization ReduceMax Range Abs Ceil Tile
Neg Floor Min Max Cos Sin Mod CumSum Not Less Log ScatterND Reciprocal And
Greater QuantizeLinear DequantizeLinear QLinearConv QLinearMatMul ConvInteger
MatMulInteger DynamicQuantizeLinear DepthToSpace SpaceToDepth Gelu
GroupNormalization PRelu Elu Softplus Sum LRN ArgMax TopK Einsum LSTM GRU
NonMaxSuppression""".split())

# Operands that decide shapes. A program with static shapes has them at compile
# time, so cases that give them as inputs get them as initialisers instead.
STATIC_OPERANDS = {
    "Reshape": (1,), "Expand": (1,), "Tile": (1,), "ConstantOfShape": (0,),
    "Slice": (1, 2, 3, 4), "Pad": (1, 2), "Squeeze": (1,), "Unsqueeze": (1,),
    "Split": (1,), "Resize": (1, 2, 3), "Upsample": (1,), "ReduceSum": (1,),
    "TopK": (1,), "OneHot": (1,), "Range": (0, 1, 2), "CumSum": (1,),
    "Dropout": (1, 2), "Trilu": (1,), "Compress": (1,), "CenterCropPad": (1,),
    "Bernoulli": (), "HannWindow": (0,), "HammingWindow": (0,),
    "BlackmanWindow": (0,), "MelWeightMatrix": (0, 1, 2, 3, 4), "DFT": (1,),
    "If": (0,), "Loop": (0, 1), "STFT": (1, 3), "MaxUnpool": (2,), "NonMaxSuppression": (2, 3, 4),
}


class Case:
    """One folder with model.onnx and its data set."""

    def __init__(self, group, folder):
        self.name = f"{group}/{os.path.basename(folder)}"
        self.folder = folder
        self._model = None

    @property
    def path(self):
        return os.path.join(self.folder, "model.onnx")

    @property
    def model(self):
        if self._model is None:
            self._model = onnx.load(self.path)
        return self._model

    def ops(self):
        return {op.op_type if op.domain in ("", "ai.onnx")
                else f"{op.domain}.{op.op_type}" for op in self.model.graph.node}

    def tier_1(self):
        return self.ops() <= TIER_1

    def listed(self):
        return self.ops() <= LISTED

    def unsupported(self):
        """Why the case cannot be asked of any ahead-of-time compiler, or None."""
        values = list(self.model.graph.input) + list(self.model.graph.output)
        for value in values:
            kind = value.type.WhichOneof("value")
            if kind not in ("tensor_type", None):
                return f"{kind.replace('_type', '')} inputs or outputs"
            if value.type.tensor_type.elem_type == onnx.TensorProto.STRING:
                return "strings"
            if value.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
                return "bfloat16"
        return None

    def opset(self):
        return next((o.version for o in self.model.opset_import
                     if o.domain in ("", "ai.onnx")), None)

    def tensors(self, kind):
        """The values of the data set: {name: array} of inputs or outputs."""
        names = [v.name for v in (self.model.graph.input if kind == "input"
                                  else self.model.graph.output)]
        result = {}
        for k, name in enumerate(names):
            path = os.path.join(self.folder, "test_data_set_0",
                                f"{kind}_{k}.pb")
            if not os.path.exists(path):
                continue
            tensor = onnx.TensorProto()
            with open(path, "rb") as stream:
                tensor.ParseFromString(stream.read())
            result[name] = numpy_helper.to_array(tensor)
        return result

    def prepared(self):
        """(model bytes, inputs that remain): shape-deciding operands turned
        into initialisers, dimensions pinned, opsets below 7 converted."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        if self.opset() in range(1, 7):
            # ONNX's own converter: the compiler starts at opset 7.
            model = version_converter.convert_version(model, 7)
        feeds = self.tensors("input")
        fixed = set()
        for op in model.graph.node:
            for slot in STATIC_OPERANDS.get(op.op_type, ()):
                if slot < len(op.input) and op.input[slot] in feeds:
                    fixed.add(op.input[slot])
        for name in fixed:
            model.graph.initializer.append(
                numpy_helper.from_array(np.asarray(feeds.pop(name)), name))
        kept = [v for v in model.graph.input if v.name not in fixed]
        for value in kept:
            if value.name in feeds:
                _pin(value, feeds[value.name].shape)
        del model.graph.input[:]
        model.graph.input.extend(kept)
        if fixed:
            model.ir_version = max(model.ir_version, 4)
        return model.SerializeToString(), feeds


class LocalCase(Case):
    """One of ours, made when it is asked for."""

    def __init__(self, name, model, inputs, outputs):
        super().__init__("local", name)
        self._model = model
        self._tensors = {"input": inputs, "output": outputs}

    def tensors(self, kind):
        return dict(self._tensors[kind])


def _pin(value, dims):
    shape = value.type.tensor_type.shape
    del shape.dim[:]
    for d in dims:
        shape.dim.add().dim_value = d


def all_cases():
    """Every packaged case and every local one, in a fixed order."""
    result = []
    for group in GROUPS:
        for path in sorted(glob.glob(os.path.join(DATA, group, "*",
                                                  "model.onnx"))):
            result.append(Case(group, os.path.dirname(path)))
    return result + [LocalCase(*parts) for parts in local.all_local()]


def _ulp_distance(got, want):
    """Distance of two fp16 arrays in units of the last place."""
    def order(a):
        bits = a.view(np.int16).astype(np.int32)
        return np.where(bits < 0, -(bits & 0x7FFF), bits)
    return np.abs(order(got) - order(want))


def difference(got, want, rtol=1e-3, atol=1e-7):
    """Why a result is wrong, or None: rtol and atol as in ONNX's own backend
    tests, integers exactly, fp16 within 2 units of the last place."""
    if got.dtype != want.dtype:
        return f"type {got.dtype}, not {want.dtype}"
    if got.shape != want.shape:
        return f"shape {got.shape}, not {want.shape}"
    if not want.size:
        return None
    if want.dtype == np.float16:
        far = _ulp_distance(got, want)
        far[np.isnan(got) & np.isnan(want)] = 0
        return None if far.max() <= 2 else f"{int(far.max())} ulp apart"
    if want.dtype.kind == "f":
        good = np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
        if good.all():
            return None
        with np.errstate(invalid="ignore"):
            worst = np.nanmax(np.abs(np.where(good, 0, got - want)))
        return f"{int((~good).sum())} of {want.size} differ, by up to {worst:.3g}"
    wrong = got != want
    return f"{int(wrong.sum())} of {want.size} differ" if wrong.any() else None
