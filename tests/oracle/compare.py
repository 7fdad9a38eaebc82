# SPDX-License-Identifier: Apache-2.0
"""When outputs of a whole model count as equal to the oracle's."""

import numpy as np

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


def fault(got, want):
    """Why {name: array} differs from the oracle's, or None."""
    for name, value in want.items():
        far = error(got[name], value)
        if not far <= limit(value):
            return f"{name}: error {far:.3g}, at most {limit(value):g}"
    return None


def worst(got, want):
    return max((error(got[n], v) for n, v in want.items()), default=0.0)


def oracle(model, feeds):
    """ONNX Runtime's outputs of an ONNX model."""
    data = graph.strip_overridable(model).SerializeToString()
    with ort.Session(data) as session:
        return session.run(feeds)


def settled(model, feeds):
    """Whether ONNX Runtime, optimised and as written, agrees with itself on
    this input: where it does not (a comparison of rounded values decides),
    nothing can be said of another program."""
    data = graph.strip_overridable(model).SerializeToString()
    with ort.Session(data) as a, ort.Session(data, optimise=False) as b:
        one, two = a.run(feeds), b.run(feeds)
    return all(error(two[n], v) <= limit(v) / 4 or
               (v.dtype == np.float16 and error(two[n], v) <= 1)
               for n, v in one.items())
