# SPDX-License-Identifier: Apache-2.0
"""When outputs of a whole model count as equal to the oracle's."""

import numpy as np
import onnx

import graph
import ort


def ulp(got, want):
    """Distance of fp16 arrays in units of the last place."""
    def order(a):
        bits = a.view(np.int16).astype(np.int32)
        return np.where(bits < 0, -(bits & 0x7FFF), bits)
    return np.abs(order(got) - order(want))


def error(got, want):
    """Of one output, in the measure of its type: floats the largest
    difference over the output's range, fp16 units in the last place, integers
    how many differ."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return float("inf")
    if not want.size:
        return 0.0
    if want.dtype == np.float16:
        return float(ulp(got, want).max())
    if want.dtype.kind != "f":
        return float((got != want).sum())
    if not np.isfinite(got).all():
        return float("inf")
    far = float(np.abs(got.astype(np.float64) - want).max())
    spread = float(np.ptp(want.astype(np.float64)))
    return far / spread if spread else far


def limit(want):
    return {"f": 1e-4}.get(want.dtype.kind, 0) if want.dtype != np.float16 \
        else 2


def _element_limit(value):
    """What one element may differ by, in its own unit."""
    spread = float(np.ptp(value.astype(np.float64))) if value.size else 0.0
    return limit(value) * (spread or 1.0)


def _explained(got, want, rounded):
    """Whether every element of a float output is the oracle's on this input
    with some rounding errors: a comparison of two values that are equal but
    for rounding decides, and either answer is right."""
    if got.shape != want.shape or want.dtype.kind != "f" or \
            want.dtype == np.float16 or not np.isfinite(got).all():
        return False
    near = np.zeros(want.shape, bool)
    for answer in (want, *rounded):
        near |= np.abs(got.astype(np.float64) - answer) <= _element_limit(want)
    return bool(near.all())


def fault(got, want, others=None):
    """Why {name: array} differs from the oracle's, or None. `others()`: the
    oracle's answers with other rounding errors, asked for where `want` is
    missed."""
    for name, value in want.items():
        far = error(got[name], value)
        if far <= limit(value):
            continue
        if others and _explained(got[name], value,
                                 [answer[name] for answer in others()]):
            continue
        return f"{name}: error {far:.3g}, at most {limit(value):g}"
    return None


def worst(got, want):
    return max((error(got[n], v) for n, v in want.items()), default=0.0)


def oracle(model, feeds):
    """ONNX Runtime's outputs of an ONNX model."""
    data = graph.strip_overridable(model).SerializeToString()
    with ort.Session(data) as session:
        return session.run(feeds)


_COMPARISONS = {"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"}
# Ops whose results are rounded; others hand values on as they are.
_ROUNDING = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Resize", "Upsample",
             "Sigmoid", "Softmax", "Tanh", "Exp", "Div"}
_NOISE = 1e-6


def _noisy(model, traced, rng):
    """The model with rounding errors put on what its arithmetic gives."""
    noisy = onnx.ModelProto()
    noisy.CopyFrom(model)
    del noisy.graph.node[:]
    outputs = {o.name for o in model.graph.output}
    for op in model.graph.node:
        noisy.graph.node.append(op)
        value = traced.values.get(op.output[0])
        if op.op_type not in _ROUNDING or value is None or \
                value.dtype != np.float32 or op.output[0] in outputs:
            continue
        name = op.output[0]
        noisy.graph.node[-1].output[0] = name + "/exact"
        noise = 1 + _NOISE * rng.standard_normal(value.shape)
        noisy.graph.initializer.append(onnx.numpy_helper.from_array(
            noise.astype(np.float32), name + "/noise"))
        noisy.graph.node.append(onnx.helper.make_node(
            "Mul", [name + "/exact", name + "/noise"], [name]))
    return noisy


def compares(model):
    """Whether comparisons of numbers decide about an output: then two values
    that are equal but for rounding allow two answers."""
    return any(op.op_type in _COMPARISONS for op in model.graph.node)


def answers(model, traced, feeds, count=24):
    """`count` answers of ONNX Runtime with different rounding errors in it."""
    rng = np.random.default_rng(0)
    return [oracle(_noisy(model, traced, rng), feeds) for _ in range(count)]


def settled(model, traced, feeds):
    """Whether rounding errors in ONNX Runtime leave its answer in place."""
    want = oracle(model, feeds)
    return all(fault(answer, want) is None
               for answer in answers(model, traced, feeds, 2))
