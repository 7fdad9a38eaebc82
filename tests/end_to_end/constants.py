# SPDX-License-Identifier: Apache-2.0
"""Constants never grow: what is expanded, tiled, filled or combined of small
constants stays small among the weights.

For every network: the bytes of weights in the manifests of N = 1, 2 and 3 are
at most what the file's constants of floats take, each rounded up to 64 bytes,
and a stated few for what is made of them; outputs are ONNX Runtime's. Files that stand for
huge constants compile, or are refused in words, in seconds and little memory.
One network is run on an emulated board that it does not fit when it grows.

    constants.py [--only REGEX]
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
for part in ("oracle", "firmware"):
    sys.path.insert(0, os.path.join(HERE, "..", part))
import cluster  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import firmware  # noqa: E402
import ort  # noqa: E402

NODES = (1, 2, 3)
SECONDS, BYTES = 10, 1 << 30


class Network:
    """Ops on one input x and constants."""

    def __init__(self, shape, seed=0, opset=13):
        self.shape, self.opset = list(shape), opset
        self.random = np.random.default_rng(seed)
        self.ops, self.constants = [], []

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def floats(self, *shape):
        return self.constant(self.random.standard_normal(shape)
                             .astype(np.float32))

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def op(self, kind, *inputs, **attributes):
        name = f"{kind.lower()}{len(self.ops)}"
        self.ops.append(helper.make_node(kind, inputs, [name], name=name,
                                         **attributes))
        return name

    def filled(self, value, *shape):
        """ConstantOfShape of a float."""
        tensor = helper.make_tensor("value", TensorProto.FLOAT, [1], [value])
        return self.op("ConstantOfShape", self.ints(*shape), value=tensor)

    def model(self, last, kind=TensorProto.FLOAT):
        self.ops.append(helper.make_node("Identity", [last], ["y"]))
        g = helper.make_graph(
            self.ops, "constants",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT,
                                           self.shape)],
            [helper.make_tensor_value_info("y", kind, None)], self.constants)
        return helper.make_model(g, opset_imports=[
            helper.make_opsetid("", self.opset)], ir_version=8)

    def limit(self):
        """Bytes that the weights may take."""
        most = 0
        for tensor in self.constants:
            array = numpy_helper.to_array(tensor)
            if array.dtype == np.float32:
                most += (array.nbytes + 63) // 64 * 64
        return most


# A network: (its ops, the last tensor, bytes that it may store more).

def expanded_before_ops():
    """Expand, Tile and ConstantOfShape before ops that broadcast."""
    n = Network([1, 128, 16, 16])
    k = n.floats(1, 128, 1, 1)
    a = n.op("Add", "x", n.op("Expand", k, n.ints(1, 128, 16, 16)))
    m = n.op("Mul", a, n.op("Tile", k, n.ints(1, 1, 16, 16)))
    return n, n.op("Sub", m, n.filled(0.5, 1, 128, 16, 16)), 64


def scaled_convolutions():
    """A network whose scales and shifts are expanded to whole features, as
    `expand_as` is exported: 1.1 MB where 72 kB do."""
    n, last, channels, wide = Network([1, 3, 16, 16]), "x", 3, 32
    for _ in range(16):
        w = n.constant((n.random.standard_normal((wide, channels, 1, 1)) *
                        0.2).astype(np.float32))
        last = n.op("Conv", last, w)
        to = n.ints(1, wide, 16, 16)
        last = n.op("Relu", last)  # what follows is not folded into the Conv
        last = n.op("Mul", last, n.op("Expand", n.floats(1, wide, 1, 1), to))
        last = n.op("Add", last, n.op("Expand", n.floats(1, wide, 1, 1), to))
        channels = wide
    return n, last, 0


def products_of_constants():
    """Products, sums and comparisons of constants that broadcast."""
    n = Network([1, 32, 24])
    rows, columns = n.floats(1, 32, 1), n.floats(1, 1, 24)
    table = n.op("Sin", n.op("Mul", rows, columns))
    mask = n.op("Less", rows, columns)
    kept = n.op("Where", mask, "x", table)
    wide = n.op("Expand", mask, n.ints(1, 32, 24))
    return n, n.op("Where", wide, kept, n.filled(-2, 1, 32, 24)), 64


def broadcast_by_other_means():
    """Sums with zeros, products with ones, concatenations of one constant,
    long lists of indices, padding, rearrangements of what was expanded."""
    n = Network([1, 48, 64])
    row = n.floats(1, 48, 1)
    zeros, ones = n.filled(0, 1, 48, 64), n.filled(1, 1, 48, 64)
    a = n.op("Add", "x", n.op("Add", row, zeros))
    a = n.op("Mul", a, n.op("Mul", ones, n.op("Neg", row)))
    four = n.op("Concat", *[n.floats(1, 48, 16)] * 4, axis=2)
    a = n.op("Add", a, four)
    a = n.op("Mul", a, n.op("Pad", ones, n.ints(0, 0, 0, 0, 0, 0)))
    turned = n.op("Transpose", n.op("Expand", row, n.ints(1, 48, 64)),
                  perm=[0, 2, 1])
    turned = n.op("Slice", turned, n.ints(0), n.ints(48), n.ints(1))
    a = n.op("Add", a, n.op("Concat", n.op("Transpose", turned,
                                           perm=[0, 2, 1]),
                            n.op("Slice", n.op("Expand", row,
                                               n.ints(1, 48, 64)),
                                 n.ints(48), n.ints(64), n.ints(2)), axis=2))
    long = n.constant(np.arange(64, dtype=np.int64) % 2)
    return n, n.op("Mul", a, n.op("Gather", n.floats(1, 48, 2), long,
                                  axis=2)), 64 * 8


def filled_weights():
    """Contractions whose weights, biases and states are one number."""
    n = Network([2, 64])
    y = n.op("MatMul", "x", n.filled(0.25, 64, 96))
    y = n.op("Add", y, n.op("Gemm", "x", n.op("Expand", n.floats(64, 1),
                                              n.ints(64, 96)),
                            n.filled(3, 96)))
    y = n.op("Add", y, n.op("MatMul", "x", n.op("Expand", n.floats(1, 96),
                                                n.ints(64, 96))))
    y = n.op("Reshape", y, n.ints(1, 2, 8, 12))
    y = n.op("Conv", y, n.filled(0.125, 80, 2, 3, 3), n.filled(1, 80))
    return n, n.op("Conv", y, n.op("Expand", n.floats(1, 1, 3, 3),
                                   n.ints(80, 1, 3, 3)), group=80), 64 * 4


def triangles():
    """Attention's masks, an identity and one-hot lines."""
    n = Network([3, 40, 40], opset=14)
    y = n.op("Where", n.op("Cast", n.op("Trilu", n.filled(1, 40, 40),
                                        upper=0), to=TensorProto.BOOL),
             "x", n.filled(-1e4, 1))
    y = n.op("Add", n.op("Softmax", y, axis=-1),
             n.op("EyeLike", n.filled(0, 40, 40)))
    hot = n.op("OneHot", n.constant(np.arange(40, dtype=np.int64)[::-1].copy()),
               n.ints(40), n.constant(np.array([0, 2], np.float32)))
    # Rows and columns count from 0: two lists of 40 integers each time.
    return n, n.op("Mul", n.op("Trilu", y), hot), 7 * 40 * 8


def known_lists():
    """What has to be known when compiling is, also where it grows: indices, and
    the places of what is not zero, which are a list."""
    n = Network([64, 4])
    row = n.constant(np.arange(16, dtype=np.int64)[:, None])
    column = n.constant(3 * np.arange(40, dtype=np.int64)[None])
    where = n.op("Mod", n.op("Add", row, column), n.ints(64))
    places = n.op("NonZero", n.op("Less", row, column))
    y = n.op("GatherND", n.op("Gather", "x", where),
             n.op("Transpose", places, perm=[1, 0]))
    return n, y, 2 * 16 * 40 * 8


NETWORKS = (known_lists, expanded_before_ops, scaled_convolutions, products_of_constants,
            broadcast_by_other_means, filled_weights, triangles)


def huge(name):
    """(model, what it gives for x of ones, or None where it is refused)"""
    if name == "expand to 2^31, mean":
        n = Network([3])
        c = n.op("Expand", n.constant(np.float32([2.5])), n.ints(1 << 16,
                                                                1 << 15))
        return n.model(n.op("Add", "x", n.op("ReduceMean", c, keepdims=0))), \
            np.full(3, 3.5)
    if name == "expand to 2^31, sum, maximum":
        n = Network([3])
        c = n.op("Expand", n.constant(np.float32([2.5])), n.ints(1 << 31))
        s = n.op("ReduceSum", c, n.ints(0), keepdims=0)
        m = n.op("ReduceMax", c, keepdims=0)
        return n.model(n.op("Add", n.op("Mul", "x", s), m)), \
            np.full(3, 2.5 * 2.0 ** 31 + 2.5)
    if name == "2^30 zeros as weights":
        n = Network([1, 1 << 15])
        return n.model(n.op("MatMul", "x", n.filled(0, 1 << 15, 1 << 15))), \
            np.zeros((1, 1 << 15))
    if name == "2^30 numbers as weights":
        n = Network([1, 1 << 15])
        return n.model(n.op("MatMul", "x", n.filled(0.5, 1 << 15, 1 << 15))), \
            np.full((1, 1 << 15), 2.0 ** 14)
    if name == "product of 2^16 by 2^16":
        n = Network([1, 1])
        return n.model(n.op("Add", "x", n.op("Mul", n.floats(1 << 16, 1),
                                             n.floats(1, 1 << 16)))), None
    if name == "range to 2^31":
        n = Network([1])
        r = n.op("Range", n.constant(np.int64(0)), n.constant(np.int64(2 ** 31)),
                 n.constant(np.int64(1)))
        return n.model(n.op("Add", "x", n.op("Cast", r, to=1))), None
    if name == "pads of 2^30":
        n = Network([1])
        p = n.op("Pad", n.floats(1), n.ints(0, (1 << 30) - 1))
        return n.model(n.op("Add", "x", p)), None
    if name == "weights of a convolution of 2^32":
        n = Network([1, 1 << 16, 1, 1])
        return n.model(n.op("Conv", "x", n.filled(1, 1 << 16, 1 << 16, 1,
                                                  1))), None
    n = Network([1])  # positions in a sequence of 2^30 ones
    return n.model(n.op("Add", "x", n.op("CumSum", n.filled(1, 1 << 30),
                                         n.constant(np.int64(0))))), None


HUGE = ("expand to 2^31, mean", "expand to 2^31, sum, maximum",
        "2^30 zeros as weights", "2^30 numbers as weights",
        "product of 2^16 by 2^16", "range to 2^31", "pads of 2^30",
        "weights of a convolution of 2^32", "positions of 2^30")


def weights_of(out):
    manifest = cluster.load_json(os.path.join(out, "manifest.json"))
    return [node["weight_bytes"] for node in manifest["nodes"]]


def check_network(tally, make, runtime, folder):
    name = make.__name__
    network, last, more = make()
    model = network.model(last)
    path = os.path.join(folder, "m.onnx")
    onnx.save(model, path)
    feeds = {"x": network.random.standard_normal(network.shape)
             .astype(np.float32)}
    want = compare.oracle(model, feeds)
    limit = network.limit() + more
    for nodes in NODES:
        out = os.path.join(folder, f"out{nodes}")
        discoc.compile(path, nodes, out)
        stored = weights_of(out)
        tally.check(f"{name}, N = {nodes}: weights", max(stored) <= limit,
                    f"{stored} bytes are stored, of at most {limit}")
        program = os.path.join(folder, f"program{nodes}")
        cluster.build_inproc([out], program, runtime, flags=("-O1", "-w"),
                             apart=True, jobs=2)
        got, _ = cluster.run_inproc(program, nodes, feeds, ["y"], folder)
        fault = compare.fault(got, want, None)
        tally.check(f"{name}, N = {nodes}: outputs", fault is None, str(fault))


def check_huge(tally, name, runtime, folder):
    model, want = huge(name)
    path, out = (os.path.join(folder, f) for f in ("m.onnx", "out"))
    onnx.save(model, path)
    before = time.monotonic()
    done = subprocess.run(
        [discoc.binary(), "compile", path, "-n", "2", "-o", out],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU,
                                              (SECONDS, SECONDS)))
    took = time.monotonic() - before
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    text = done.stderr.decode(errors="replace")
    tally.check(f"{name}: memory", peak < BYTES, f"{peak} bytes")
    if want is None:
        tally.check(f"{name}: refused", done.returncode == 1 and
                    "error:" in text, f"exit code {done.returncode} after "
                    f"{took:.0f} s: {text[-300:]}")
        return
    if not tally.check(f"{name}: compiles", done.returncode == 0,
                       f"exit code {done.returncode} after {took:.0f} s: "
                       f"{text[-300:]}"):
        return
    program = os.path.join(folder, "program")
    cluster.build_inproc([out], program, runtime, flags=("-O1", "-w"),
                         apart=True, jobs=2)
    shape = [d.dim_value for d in
             model.graph.input[0].type.tensor_type.shape.dim]
    got, _ = cluster.run_inproc(program, 2, {"x": np.ones(shape, np.float32)},
                                ["y"], folder)
    tally.check(f"{name}: outputs", np.allclose(got["y"], want, rtol=1e-5),
                f"{got['y'].ravel()[:4]} instead of {want.ravel()[:4]}")


def check_board(tally, folder):
    """The network of scaled convolutions on a board with 1 MB of flash."""
    if firmware.missing():
        tally.skip("board", firmware.missing())
        return
    network, last, _ = scaled_convolutions()
    model = network.model(last)
    path, out, lab = (os.path.join(folder, f)
                      for f in ("m.onnx", "out", "lab.toml"))
    onnx.save(model, path)
    firmware.write_cluster(lab, ["netduinoplus2"])
    try:
        firmware.compile(path, out, lab=lab)
        firmware.build(out)
    except (firmware.DoesNotFit, RuntimeError) as error:
        tally.fail("board: fits and builds", str(error))
        return
    x = network.random.standard_normal(network.shape).astype(np.float32)
    arguments = cluster.save_inputs({"x": x}, folder)
    target = os.path.join(folder, "outputs")
    done = firmware.call(["run", out, *arguments, "--output-dir", target], 300)
    if not tally.check("board: runs", done.returncode == 0,
                       done.stderr[-300:]):
        return
    want = compare.oracle(model, {"x": x})
    got = {"y": np.load(os.path.join(target, "y.npy"))}
    fault = compare.fault(got, want, None)
    tally.check("board: outputs", fault is None, str(fault))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="only cases that match")
    only = re.compile(parser.parse_args().only)
    discoc.need_compiler()
    tally = discoc.Tally()
    with tempfile.TemporaryDirectory(prefix="discoc-constants-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"))
        for name in filter(only.search, HUGE):
            with tempfile.TemporaryDirectory(dir=folder) as one:
                check_huge(tally, name, runtime, one)
        if not ort.library_path():
            tally.skip("networks", "no ONNX Runtime (DISCOC_ORT)")
            return tally.close()
        for make in NETWORKS:
            if only.search(make.__name__):
                with tempfile.TemporaryDirectory(dir=folder) as one:
                    check_network(tally, make, runtime, one)
        if only.search("board"):
            with tempfile.TemporaryDirectory(dir=folder) as one:
                check_board(tally, one)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
