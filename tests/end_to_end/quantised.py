# SPDX-License-Identifier: Apache-2.0
"""Quantised networks give the same bits for every N and on every target.

A small seeded QDQ network (convolutions of every kind, per channel and
asymmetric, sums, concatenation, pools, clips, resize, tables, Gemm) runs at
N = 1, 2, 3, 5 on this host, on Linux for Arm (64 and 32 bits) under qemu-user,
and on emulated boards. All outputs are equal to the bit; they are near those of
ONNX Runtime, whose own arithmetic rounds elsewhere; and what travels is a
quarter of what the same network without quantisation sends. With the shared
models, mobilenet_v2_int8_qdq on pictures: N = 1, 2, 4, 7, the histogram of
differences to ONNX Runtime, and how often both name the same class.

    quantised.py [--only REGEX] [--pictures COUNT] [--keep DIR]
"""

import argparse
import contextlib
import glob
import os
import re
import shutil
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, os.path.join(HERE, "..", "firmware"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import firmware  # noqa: E402
import graph  # noqa: E402
import least_traffic  # noqa: E402
import masks  # noqa: E402
import ort  # noqa: E402

SEED = 20
MIXED = 0.15  # the unit of attention's result
NODES = (1, 2, 3, 5)
BOARDS = (["mps2-an386"] * 2, ["mps3-an547"] * 2, ["riscv32-virt"] * 2,
          ["microbit"])


class Network:
    """Ops of a QDQ graph, or of the same graph without quantisation."""

    def __init__(self, quantised, seed=SEED):
        self.quantised, self.rng = quantised, np.random.default_rng(seed)
        self.ops, self.constants, self.count = [], [], 0

    def name(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    def constant(self, value, stem="c"):
        name = self.name(stem)
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def op(self, kind, inputs, **attributes):
        name = self.name(kind.lower())
        self.ops.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def q(self, x, scale, zero, dtype=np.int8):
        """x as the readers of a quantised tensor see it."""
        if not self.quantised:
            return x
        pair = [self.constant(np.float32(scale)), self.constant(dtype(zero))]
        return self.op("DequantizeLinear", [self.op("QuantizeLinear", [x, *pair]), *pair])

    def weights(self, shape, axis, per_channel, dtype=np.int8):
        info = np.iinfo(dtype)
        values = self.rng.integers(info.min, info.max + 1, shape).astype(dtype)
        rows = shape[axis] if per_channel else 1
        scale = (self.rng.uniform(0.2, 1, rows) * 2 / 128 / np.sqrt(np.prod(shape) / shape[axis])).astype(np.float32)
        zero = np.zeros(rows, dtype) if dtype == np.int8 else np.full(rows, 121, dtype)
        if not per_channel:
            scale, zero = scale[0], zero[0]
        along = np.reshape(scale, [-1 if i == axis else 1 for i in range(len(shape))])
        if not self.quantised:
            centred = values.astype(np.float32) - np.float32(zero.flat[0] if zero.ndim else zero)
            return self.constant((centred * along).astype(np.float32)), scale
        stored = [self.constant(values), self.constant(scale), self.constant(zero)]
        more = {"axis": axis} if per_channel else {}
        return self.op("DequantizeLinear", stored, **more), scale

    def bias(self, rows, x_scale, scale):
        unit = np.broadcast_to(np.float32(x_scale) * scale, [rows]).astype(np.float32)
        values = self.rng.integers(-3000, 3000, rows).astype(np.int32)
        if not self.quantised:
            return self.constant((values * unit).astype(np.float32))
        return self.op("DequantizeLinear", [self.constant(values), self.constant(unit),
                                            self.constant(np.zeros(rows, np.int32))], axis=0)

    def conv(self, x, x_scale, ci, co, k=3, group=1, per_channel=True, dtype=np.int8, bias=True, **more):
        w, scale = self.weights([co, ci // group, k, k], 0, per_channel, dtype)
        inputs = [x, w] + ([self.bias(co, x_scale, scale)] if bias else [])
        return self.op("Conv", inputs, group=group, kernel_shape=[k, k], pads=[k // 2] * 4, **more)


def attention(n, x, y):
    """Four heads of five channels: products of what is computed, with no function of reals between them."""
    shape = n.constant(np.array([1, 4, 5, 16]))
    a, b = n.op("Reshape", [x, shape]), n.op("Reshape", [y, shape])
    scores = n.q(n.op("MatMul", [a, n.op("Transpose", [b], perm=[0, 1, 3, 2])]), 0.05, 10)
    mixed = n.q(n.op("MatMul", [scores, b]), MIXED, -7)
    return n.q(n.op("Reshape", [mixed, n.constant(np.array([1, 20, 4, 4]))]), MIXED, -7)


def network(quantised):
    n = Network(quantised)
    u8 = np.uint8
    x = n.q("x", 1 / 32, 7)
    a = n.q(n.op("Relu", [n.conv(x, 1 / 32, 3, 16, strides=[2, 2])]), 0.03, -128)
    six = [n.constant(np.float32(0)), n.constant(np.float32(1.5))]
    b = n.q(n.op("Clip", [n.conv(a, 0.03, 16, 16, group=16), *six]), 1.5 / 255, 0, u8)
    c = n.q(n.conv(b, 1.5 / 255, 16, 16, 1, per_channel=False, dtype=u8), 0.02, 12)
    d = n.q(n.op("Add", [a, c]), 0.04, -20)
    e = n.q(n.op("Relu", [n.conv(d, 0.04, 16, 12, group=4, bias=False)]), 0.02, -128)
    f = n.q(n.op("HardSwish", [d]), 0.03, -100)
    g = n.q(n.op("Concat", [e, f, d], axis=1), 0.035, -30)
    h = n.q(n.op("MaxPool", [g], kernel_shape=[2, 2], strides=[2, 2]), 0.035, -30)
    i = n.q(n.op("AveragePool", [h], kernel_shape=[3, 3], pads=[1, 1, 1, 1]), 0.02, 5)
    j = n.q(n.conv(i, 0.02, 44, 20, 1), 0.02, 3)
    k = n.q(n.op("Resize", [j, "", n.constant(np.array([1, 1, 2, 2], np.float32))], mode="nearest",
                 coordinate_transformation_mode="asymmetric", nearest_mode="floor"), 0.02, 3)
    m = n.q(n.op("Mul", [k, n.q(n.op("Sigmoid", [k]), 1 / 256, -128)]), 0.01, -90)
    o = n.q(n.op("Sub", [m, n.q(n.conv(k, 0.02, 20, 20, group=20, dilations=[1, 1]), 0.02, 0)]), 0.03, 4)
    p = n.q(n.op("Flatten", [n.op("GlobalAveragePool", [o])]), 0.01, 1)
    w, scale = n.weights([10, 20], 0, True)
    r = n.q(n.op("Gemm", [p, w, n.bias(10, 0.01, scale)], transB=1), 0.01, 0)
    for bias in (n.constant(n.rng.normal(0, 0.2, 10).astype(np.float32)), None):
        # A bias apart from the product: real, or in units of the sum.
        w, scale = n.weights([10, 10], 1, bias is not None)
        added = [n.op("MatMul", [r, w]), bias or n.bias(10, 0.01, scale)]
        r = n.q(n.op("Add", added), 0.01, 0)
    y = r
    z = n.conv(o, 0.03, 20, 4, 1)     # nothing quantises it: sums in integers, of few outputs
    wide = n.q(n.conv(j, 0.02, 20, 60, group=20), 0.02, 7)
    t = n.q(n.conv(wide, 0.02, 60, 8, 1, dtype=u8), 0.01, 128, u8)     # likewise, then quantised
    s = attention(n, j, n.q(n.op("Sigmoid", [j]), 1 / 256, -128))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(n.ops, "quantised", [value("x", TensorProto.FLOAT, [1, 3, 16, 16])],
                              [value(y, TensorProto.FLOAT, [1, 10]), value(z, TensorProto.FLOAT, None),
                               value(s, TensorProto.FLOAT, [1, 20, 4, 4]), value(t, TensorProto.FLOAT, [1, 8, 4, 4])],
                              n.constants)
    del graph.output[1].type.tensor_type.shape.dim[:]
    for size in (1, 4, 8, 8):
        graph.output[1].type.tensor_type.shape.dim.add().dim_value = size
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    if any(op.op_type == "HardSwish" for op in graph.node):
        onnx.checker.check_model(model)
    return model


def float_network():
    """Quantised features that an op of reals reads: a 1x1 convolution each of whose outputs reads one channel, so that no order
    of sums matters. One of the outputs is quantised itself."""
    n = Network(True)
    x = n.q("x", 1 / 32, 7)
    a = n.q(n.op("Relu", [n.conv(x, 1 / 32, 3, 16)]), 0.03, -128)
    b = n.q(n.conv(a, 0.03, 16, 8, 1), 0.02, 9, np.uint8)
    w = np.zeros((12, 16, 1, 1), np.float32)
    w[np.arange(12), np.arange(12) * 7 % 16] = n.rng.normal(0, 1, (12, 1, 1))
    y = n.op("Conv", [a, n.constant(w), n.constant(n.rng.normal(0, 1, 12).astype(np.float32))])
    value = helper.make_tensor_value_info
    graph_ = helper.make_graph(n.ops, "floats", [value("x", TensorProto.FLOAT, [1, 3, 16, 16])],
                               [value(y, TensorProto.FLOAT, [1, 12, 16, 16]), value(b, TensorProto.FLOAT, [1, 8, 16, 16])],
                               n.constants)
    return helper.make_model(graph_, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def ops_alone():
    """(name, input's shape, graph on it, unit): ops that become integer arithmetic, each alone."""
    def product(n, x, bias):
        w, scale = n.weights([20, 10], 1, bias != "units")
        added = n.bias(10, 1 / 32, scale) if bias == "units" else n.constant(n.rng.normal(0, 0.2, 10).astype(np.float32))
        return n.op("Add", [n.op("MatMul", [x, w]), added])

    def scores(n, x):
        return n.op("MatMul", [x, n.op("Transpose", [x], perm=[0, 1, 3, 2])])

    yield "real bias", [4, 20], lambda n, x: product(n, x, "real"), 0.01
    yield "bias in units of the sum", [4, 20], lambda n, x: product(n, x, "units"), 0.01
    yield "scores", [1, 4, 5, 16], scores, 0.3
    yield "depthwise", [1, 9, 11, 13], lambda n, x: n.conv(x, 1 / 32, 9, 9, 5, 9, strides=[2, 1]), 0.02
    yield "few channels a group", [1, 12, 9, 8], lambda n, x: n.conv(x, 1 / 32, 12, 9, 3, 3), 0.02


def within_a_unit(small):
    """Every op alone is within one unit of ONNX Runtime's, with the same bits for every N."""
    session_folder = os.path.join(small.folder, "ops")
    os.makedirs(session_folder, exist_ok=True)
    runtime = cluster.Runtime(os.path.join(small.folder, "runtime"), ("-O1",))
    for number, (name, shape, build, unit) in enumerate(ops_alone()):
        n = Network(True, number)
        y = n.q(build(n, n.q("x", 1 / 32, 7)), unit, -3)
        value = helper.make_tensor_value_info
        graph_ = helper.make_graph(n.ops, "op", [value("x", TensorProto.FLOAT, shape)],
                                   [value(y, TensorProto.FLOAT, None)], n.constants)
        model = onnx.shape_inference.infer_shapes(
            helper.make_model(graph_, opset_imports=[helper.make_opsetid("", 14)], ir_version=8))
        outs = [os.path.join(session_folder, f"op{number}n{nodes}") for nodes in (1, 3)]
        for out, nodes in zip(outs, (1, 3)):
            onnx.save(model, out + ".onnx")
            discoc.compile(out + ".onnx", nodes, out)
        program = os.path.join(session_folder, f"op{number}.program")
        cluster.build_inproc(outs, program, runtime)
        feed = {"x": np.random.default_rng(number).normal(0, 1.2, shape).astype(np.float32)}
        one, three = (cluster.run_inproc(program, nodes, feed, [y], session_folder)[0] for nodes in (1, 3))
        why = bits_differ(three, one)
        far = np.abs(np.rint((one[y] - ort.Session(outs[0] + ".onnx").run(feed)[y]) / unit)).max()
        if why or far > 1:
            return f"{name}: {why or f'{far} units from ONNX Runtime'}"
    return None


def pairs(*tables):
    """{(from, to): bytes} of several such, or of the oracle's lists."""
    total = {}
    for table in tables:
        items = table.items() if isinstance(table, dict) else [((e["from"], e["to"]), e["bytes"]) for e in table]
        for pair, count in items:
            total[pair] = total.get(pair, 0) + count
    return total


def integers_cross(small):
    """Features that are dequantised for an op of reals cross as the integers that they were: the least bytes, and the
    bits of one node."""
    model, outs = float_network(), [os.path.join(small.folder, f"floats{nodes}") for nodes in NODES]
    for nodes, out in zip(NODES, outs):
        path = out + ".onnx"  # symbols carry its stem
        onnx.save(model, path)
        discoc.compile(path, nodes, out, extra=["--features-only"])
    program = os.path.join(small.folder, "floats.program")
    cluster.build_inproc(outs, program, cluster.Runtime(os.path.join(small.folder, "runtime"), ("-O1",)))
    traced, names = graph.Traced(graph.load(path)), [o.name for o in model.graph.output]
    want = None
    for nodes in NODES:
        got, report = cluster.run_inproc(program, nodes, {"x": small.feed}, names, small.folder)
        want = want or got
        why = bits_differ(got, want)
        if why:
            return f"N = {nodes}: {why}"
        owners = os.path.join(small.folder, f"floats{nodes}.owners")
        discoc.write_owners(path, nodes, owners)
        least = least_traffic.least(traced, masks.Owners.load(owners))
        exchanged, root = cluster.report_traffic(cluster.load_json(os.path.join(outs[NODES.index(nodes)], "report.json")))
        if (pairs(exchanged), pairs(root)) != (pairs(least["payload"]), pairs(least["root"]["in"], least["root"]["out"])):
            return f"N = {nodes}: bytes {exchanged}, root's {root}, least {least}"
        if cluster.payload_of(report) != pairs(exchanged, root):
            return f"N = {nodes}: the programs count {cluster.payload_of(report)}"
    return None


def picture_of(seed):
    return np.random.default_rng(seed).normal(0, 1.2, [1, 3, 16, 16]).astype(np.float32)


def bits_differ(got, want):
    for name, value in want.items():
        if got[name].tobytes() != value.tobytes():
            far = np.abs(got[name].astype(np.float64) - value).max()
            return f"{name}: other bits, up to {far:.3g} apart"
    return None


class Small:
    """The seeded network: compiled once a target."""

    def __init__(self, folder):
        self.folder = folder
        self.path = os.path.join(folder, "quantised.onnx")
        self.plain = os.path.join(folder, "plain.onnx")
        onnx.save(network(True), self.path)
        onnx.save(network(False), self.plain)
        self.feed = picture_of(1)
        np.save(os.path.join(folder, "x.npy"), self.feed)
        self.inputs = ["--input", "x=" + os.path.join(folder, "x.npy")]
        self.want = None

    def run(self, out, label, *more):
        return firmware.run(out, self.inputs, os.path.join(self.folder, label + ".out"), *more)[0]

    def host(self, nodes):
        out = os.path.join(self.folder, f"host{nodes}")
        if not os.path.exists(out):
            # One node's program has every level of the default target; compiling the others for this processor alone is
            # a quarter of the work, and their bits are those of the first.
            firmware.compile(self.path, out, nodes, extra=() if nodes == 1 else ("--target", "native"))
        return self.run(out, f"host{nodes}", "--transport", "inproc")

    def first(self):
        if self.want is None:
            self.want = self.host(1)
        return self.want

    def boards(self, boards):
        label = "-".join(boards)
        out, lab = (os.path.join(self.folder, label + end) for end in ("", ".toml"))
        linux = all(b.startswith("linux") for b in boards)
        firmware.write_cluster(lab, boards, kind="tcp" if linux else "uart")
        firmware.compile(self.path, out, lab=lab)
        firmware.build(out)
        return firmware.image_fault(out) or bits_differ(self.run(out, label), self.first())


def near_oracle(small):
    """In units of the outputs: ONNX Runtime rounds a few sums elsewhere, and what follows
    differs by a few units."""
    want = ort.Session(small.path).run({"x": small.feed})
    for name, value in small.first().items():
        far = np.abs(value.astype(np.float64) - want[name])
        unit = MIXED if value.shape == (1, 20, 4, 4) else 0.01
        if far.max() > 4 * unit or np.mean(far) > unit:
            return f"{name}: {far.max():.3g} from ONNX Runtime, {np.mean(far):.3g} in the mean"
    return None


def bytes_exchanged(path, nodes, folder):
    out = os.path.join(folder, f"bytes{nodes}-{os.path.basename(path)}")
    # Features alone: partial sums have four bytes with quantisation and without.
    discoc.compile(path, nodes, out, extra=["--features-only"])
    exchanged, _ = cluster.report_traffic(cluster.load_json(os.path.join(out, "report.json")))
    return sum(exchanged.values())


def quarter(small):
    for nodes in NODES[1:]:
        narrow, wide = (bytes_exchanged(p, nodes, small.folder) for p in (small.path, small.plain))
        if not 0 < narrow <= 0.26 * wide:
            return f"N = {nodes}: {narrow} bytes, {wide} of the network without quantisation"
    return None


def sums(small):
    """Where outputs are few, nodes add for each other."""
    for nodes in NODES[1:]:
        out = os.path.join(small.folder, f"sums{nodes}")
        discoc.compile(small.path, nodes, out)
        document = cluster.load_json(os.path.join(out, "report.json"))
        if document["exchanged_bytes"]["partial_sums"] <= 0:
            return f"N = {nodes}: no partial sums"
    return None


def integers_only(small):
    """Nothing but the ends of the network computes in reals."""
    done = firmware.call(["compile", small.path, "-n", "2", "--stop-after", "simplify"], 60)
    left = re.findall(r"disco\.(quantize|dequantize|unary|binary|reduce)\b", done.stdout + done.stderr)
    return None if sorted(left) == ["dequantize"] * 4 + ["quantize"] else f"left: {left}"


def load_picture(file):
    from PIL import Image
    image = Image.open(file).convert("RGB")
    ratio = 256 / min(image.size)
    image = image.resize([round(s * ratio) for s in image.size], Image.BILINEAR)
    left, top = ((s - 224) // 2 for s in image.size)
    values = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32) / 255
    values = (values - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return np.ascontiguousarray(values.astype(np.float32).transpose(2, 0, 1)[None])


def mobilenet(folder, pictures):
    shared = discoc.shared()
    model = os.path.join(shared, "models", "mobilenet_v2_int8_qdq", "model.onnx")
    files = sorted(glob.glob(os.path.join(shared, "data", "imagenet_sample", "*.JPEG")))[:pictures]
    runtime = cluster.Runtime(os.path.join(folder, "runtime"), ("-O2",))
    outs, nodes = [], (1, 2, 4, 7)
    for count in nodes:
        # Symbols carry the file's stem: one for every N.
        path, out = (os.path.join(folder, f"mobilenet{count}{end}") for end in (".onnx", ""))
        shutil.copy(model, path)
        discoc.compile(path, count, out)
        outs.append(out)
    size = os.path.getsize(os.path.join(outs[0], "node0", "weights.bin"))
    if size > 3.8e6:
        return f"weights take {size} bytes", ""
    program = os.path.join(folder, "mobilenet.program")
    cluster.build_inproc(outs, program, runtime, ("-O2", "-march=native"), apart=True, jobs=2)
    session, histogram, agree = ort.Session(model), {}, 0
    for file in files:
        feed = {"image": load_picture(file)}
        want = session.run(feed)["class_logits"]
        got = [cluster.run_inproc(program, n, feed, ["class_logits"], folder, exact=False)[0]["class_logits"]
               for n in nodes]
        for count, value in zip(nodes, got):
            if value.tobytes() != got[0].tobytes():
                return f"{os.path.basename(file)}: N = {count} gives other bits than N = 1", ""
        unit = np.diff(np.unique(want)).min()
        for value, number in zip(*np.unique(np.rint((got[0] - want) / unit).astype(int), return_counts=True)):
            histogram[int(value)] = histogram.get(int(value), 0) + int(number)
        agree += int(got[0].argmax() == want.argmax())
    total = sum(histogram.values())
    far = sum(count for value, count in histogram.items() if abs(value) > 2) / total
    note = f"{agree} of {len(files)} classes as ONNX Runtime's; units apart: {dict(sorted(histogram.items()))}"
    bad = far > 0.02 or agree < 0.9 * len(files)
    return note if bad else None, note


def cases(small, a):
    yield "oracle", lambda: near_oracle(small)
    for nodes in NODES[1:]:
        yield f"host N={nodes}", lambda n=nodes: bits_differ(small.host(n), small.first())
    yield "integers", lambda: integers_only(small)
    yield "bytes", lambda: quarter(small)
    yield "sums", lambda: sums(small)
    yield "ops", lambda: within_a_unit(small)
    yield "floats", lambda: integers_cross(small)
    yield "linux", lambda: small.boards(["linux", "linux-aarch64", "linux-armv7"])
    for boards in BOARDS:
        yield "-".join(boards), lambda b=boards: small.boards(b)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--pictures", type=int, default=3)
    parser.add_argument("--keep")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    lacking = firmware.missing()
    with contextlib.ExitStack() as stack:
        folder = a.keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="discoc-quantised-"))
        os.makedirs(folder, exist_ok=True)
        small = Small(folder)
        for name, case in cases(small, a):
            if not re.search(a.only, name):
                continue
            if lacking and (name == "linux" or "-" in name or name == "microbit"):
                tally.skip(name, lacking)
                continue
            try:
                why = case()
            except Exception as error:  # one case, not the run
                why = f"{type(error).__name__}: {error}"
            tally.check(name, not why, why)
        if re.search(a.only, "mobilenet"):
            if not discoc.shared():
                tally.skip("mobilenet", "the shared models are absent (DISCOC_SHARED)")
            else:
                why, note = mobilenet(folder, a.pictures)
                if tally.check("mobilenet", not why, why):
                    print(f"ok   mobilenet: {note}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
