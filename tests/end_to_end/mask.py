# SPDX-License-Identifier: Apache-2.0
"""`discoc mask`: a small network whose channels say nearly the same gets masks for two nodes. The file has the zeros that
its metadata states, compiles without options, exchanges what was asked for, and is near the network in ONNX Runtime; the
same bytes for any number of threads, and by density or by bytes. What is refused, and that nothing half-written stays."""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import ort  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

SHAPE = [1, 3, 8, 8]


class Network:
    """A residual network whose layers have a rank of about a third: what one channel says, others say, too."""

    def __init__(self):
        self.rng = np.random.default_rng(7)
        self.nodes, self.weights = [], []

    def weight(self, rows, columns, *taps):
        rank = max(2, rows // 3)
        value = np.einsum("rk,kc...->rc...", self.rng.standard_normal((rows, rank)),
                          self.rng.standard_normal((rank, columns, *taps)))  # fmt: skip
        value += 0.05 * self.rng.standard_normal(value.shape)
        value *= 1.4 / np.sqrt(rank * columns * np.prod(taps))
        self.weights.append(numpy_helper.from_array(value.astype(np.float32), f"w{len(self.weights)}"))
        return self.weights[-1].name

    def op(self, kind, *inputs, **attributes):
        y = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [y], y, **attributes))
        return y

    def conv(self, x, columns, rows, **attributes):
        return self.op("Conv", x, self.weight(rows, columns, 3, 3), pads=[1] * 4, **attributes)

    def model(self):
        x = self.op("Relu", self.conv("x", 3, 12))
        y = self.op("Relu", self.conv(x, 12, 12))
        x = self.op("Relu", self.op("Add", self.conv(y, 12, 12), x))
        x = self.op("Flatten", self.op("GlobalAveragePool", x))
        y = self.op("Gemm", x, self.weight(12, 12), transB=1)
        graph = helper.make_graph(
            self.nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, [1, 12])], self.weights)  # fmt: skip
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def mask(*arguments, timeout=600):
    return subprocess.run([discoc.binary(), "mask", *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def save(folder, model, name="model.onnx"):
    path = os.path.join(folder, name)
    onnx.save(model, path)
    return path


def zeros_as_stated(model):
    """Whether all weights that the masks in the metadata leave out are zero, and no others of these ops' columns."""
    entries = {e.key: json.loads(e.value) for e in model.metadata_props}
    owners = entries["discoc.owners"]["tensors"]
    weights = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}

    def expand(ranges):
        return [k for r in ranges for k in ([r] if isinstance(r, int) else range(r[0], r[1] + 1))]

    for node in model.graph.node:
        listed = [e for e in entries["discoc.masks"]["masks"] if e["op"] == node.name]
        for entry in listed:
            tensor = next(owners[n] for n in (node.output[0], *later(model, node.output[0])) if n in owners)
            source = owners[node.input[0]]["owners"][entry["from"]]
            rows, kept = expand(tensor["owners"][entry["to"]]), expand(entry["channels"])
            block = weights[node.input[1]][rows]
            gone = sorted(set(expand(source)) - set(kept))
            if block[:, gone].any() or not all(block[:, k].any() for k in kept):
                return False
    return bool(entries["discoc.masks"]["masks"])


def later(model, name):
    """The results that follow from a tensor, one op after the other."""
    for node in model.graph.node:
        if name in node.input:
            yield node.output[0]
            yield from later(model, node.output[0])


def exchanged(path, folder):
    out = os.path.join(folder, "out" + os.path.basename(path))
    discoc.compile(path, 2, out)
    with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
        return json.load(file)["cluster"]["exchanged"]["bytes"]


def check_masks(tally, folder, path, data):
    outputs = [os.path.join(folder, name) for name in ("by_density.onnx", "by_bytes.onnx")]
    done = mask(path, "-n", 2, "--density", 0.4, "--calibration", data, "-o", outputs[0], "--json", "--threads", 1)
    if not tally.check("mask --density", done.returncode == 0, done.stderr):
        return
    said = json.loads(done.stdout)
    dense, sparse = exchanged(path, folder), exchanged(outputs[0], folder)
    tally.check("bytes before and after", (said["bytes_before"], said["bytes"]) == (dense, sparse), f"{said} {dense} {sparse}")
    tally.check("calibration files stay", os.path.exists(data), "removed")
    tally.check("the density", 0.3 * dense < sparse <= 0.4 * dense, f"{sparse} of {dense}")
    tally.check("adjusted weights are better", all(l["error"] <= l["error_old_weights"] for l in said["layers"])
                and any(l["error"] < 0.7 * l["error_old_weights"] for l in said["layers"]), str(said["layers"]))  # fmt: skip
    masked = onnx.load(outputs[0])
    onnx.checker.check_model(masked)
    tally.check("zeros are where masks say", zeros_as_stated(masked), "they are not")
    done = mask(path, "-n", 2, "--bytes", sparse, "--calibration", data, "-o", outputs[1], "--threads", 3)
    if tally.check("mask --bytes", done.returncode == 0, done.stderr):
        with open(outputs[0], "rb") as one, open(outputs[1], "rb") as other:
            tally.check("the same file, whatever the threads", one.read() == other.read(), "they differ")
    moved = said["rearranged"]
    tally.check("channels are rearranged", moved["moved"] > 0 and moved["remote"] < moved["remote_before"], str(moved))
    near(tally, path, masked)
    check_default_owners(tally, folder, path, data)


def check_default_owners(tally, folder, path, data):
    stated, target = os.path.join(folder, "owners.json"), os.path.join(folder, "in_place.onnx")
    discoc.write_owners(path, 2, stated)
    with open(stated, encoding="utf-8") as file:
        wanted = json.load(file)
    for name, arguments in (("by the flag", ["--default-owners"]), ("stated", ["--owners", stated])):
        done = mask(path, "-n", 2, "--density", 0.4, "--calibration", data, "-o", target, *arguments)
        if tally.check(f"owners stay, {name}", done.returncode == 0 and "rearranged" not in done.stdout, done.stderr + done.stdout):
            got = next(json.loads(e.value) for e in onnx.load(target).metadata_props if e.key == "discoc.owners")
            tally.check(f"owners as before, {name}", got == wanted, "they differ")


def check_latency(tally, folder, path, data):
    """Budgets of time: met by prediction, with no channel left out that need not be; else refused."""
    linked, target = os.path.join(folder, "linked.toml"), os.path.join(folder, "quick.onnx")

    def within(ms, *arguments):
        return mask(path, "--cluster", linked, "--latency", ms, "--calibration", data, "-o", target, "--json", *arguments)

    done = within(1000)
    if not tally.check("mask --latency: all is sent", done.returncode == 0, done.stderr):
        return
    said = json.loads(done.stdout)
    tally.check("mask --latency: nothing need go", said["bytes"] == said["bytes_before"] and said["latency_ns"] < 1e9, str(said))
    # Five messages of 2 ms at most are left in any case; 1 MB/s for the rest.
    wanted = 0.75 * said["latency_before_ns"]
    done = within(wanted / 1e6)
    if tally.check("mask --latency: met", done.returncode == 0, done.stderr):
        quick = json.loads(done.stdout)
        tally.check("mask --latency: as predicted", quick["latency_ns"] <= wanted and 0 < quick["bytes"] < quick["bytes_before"], str(quick))
    os.remove(target)
    done = within(0.001)
    tally.check("mask --latency: nobody can", done.returncode == 1 and "cannot be met" in done.stderr and "what-if" in done.stderr
                and not os.path.exists(target), done.stderr)  # fmt: skip
    done = mask(path, "-n", 2, "--latency", 5, "-o", target)
    tally.check("mask --latency: no cluster", done.returncode == 2 and "--cluster" in done.stderr, done.stderr)


LINKED = """
[[node]]
address = "127.0.0.1:7700"
[[node]]
address = "127.0.0.1:7701"
[[link]]
between = [0, 1]
kind = "tcp"
bandwidth = 1e6
latency = 0.002
"""


def check_advice(tally, folder, path):
    """What a trainer is told of costs: bytes of all that crosses where nodes send features alone, and times of the links."""
    target, linked = os.path.join(folder, "costs.json"), os.path.join(folder, "linked.toml")
    with open(linked, "w", encoding="utf-8") as file:
        file.write(LINKED)
    out = os.path.join(folder, "features")
    done = subprocess.run([discoc.binary(), "compile", path, "-n", "2", "--features-only", "-o", out], capture_output=True, text=True, check=False)
    if not tally.check("features only", done.returncode == 0, done.stderr):
        return
    with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
        crossed = json.load(file)["cluster"]["exchanged"]["bytes"]
    for how, times in (["-n", "2"], False), (["--cluster", linked], True):
        done = subprocess.run([discoc.binary(), "inspect", path, *how, "--advise", target], capture_output=True, text=True, check=False)
        if not tally.check(f"advise {how[0]}", done.returncode == 0, done.stderr):
            continue
        with open(target, encoding="utf-8") as file:
            said = json.load(file)
        pairs = [pair for tensor in said["tensors"].values() for pair in tensor["pairs"]]
        total = sum(pair["channels"] * pair["bytes"] for pair in pairs)
        tally.check(f"advise {how[0]}: bytes", total == crossed > 0, f"{total}, {crossed} exchanged")
        tally.check(f"advise {how[0]}: times", all(("us" in pair) == times == ("message_us" in pair) for pair in pairs)
                    and (not times or all(abs(p["us"] - p["bytes"]) < 1e-6 and abs(p["message_us"] - 2000) < 1e-6 for p in pairs)), str(pairs[:2]))  # fmt: skip
    done = subprocess.run([discoc.binary(), "inspect", path, "--what-if", "--advise", target], capture_output=True, text=True, check=False)
    tally.check("advise and --what-if", done.returncode == 2, done.stderr)


def near(tally, path, masked):
    """On inputs that were never seen, too, and by a runtime that knows nothing of masks."""
    if not ort.library_path():
        return tally.skip("outputs", "no ONNX Runtime")
    inputs = np.random.default_rng(3).random((32, *SHAPE), np.float32)

    def answers(model):
        with ort.Session(model.SerializeToString()) as session:
            return np.array([next(iter(session.run({"x": x}).values())) for x in inputs])

    wanted, got = answers(onnx.load(path)), answers(masked)
    error = np.sqrt(((got - wanted) ** 2).mean() / wanted.var())
    tally.check("outputs", error < 0.35, f"{error:.3f} of the standard deviation")


def check_refused(tally, folder, path, data):
    def refused(name, words, *arguments, code=1, of=path, density=("--density", 0.5)):
        target = os.path.join(folder, "refused.onnx")
        done = mask(of, *(() if "-n" in arguments else ("-n", 2)), *density, "-o", target, *arguments)
        tally.check(name, done.returncode == code and all(w in done.stderr for w in words), f"{done.returncode}: {done.stderr}")
        left = [n for n in os.listdir(folder) if n.startswith("refused")]
        tally.check(f"{name}: nothing stays", not left, str(left))

    def other(name, change):
        model = onnx.load(path)
        change(model)
        return save(folder, model, name)

    def spoil(model):
        weights = numpy_helper.to_array(model.graph.initializer[1]).copy()
        weights[0, 0, 0, 0] = np.nan
        model.graph.initializer[1].CopyFrom(numpy_helper.from_array(weights, model.graph.initializer[1].name))

    def quantise(model):
        model.graph.initializer.extend([numpy_helper.from_array(np.float32(0.1), "s"), numpy_helper.from_array(np.uint8(0), "z")])
        model.graph.node.insert(0, helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], "quantise"))
        model.graph.node.insert(1, helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], "back"))
        model.graph.node[2].input[0] = "d"

    def tie(model):
        del model.graph.node[1:], model.graph.output[:]
        model.graph.output.append(helper.make_tensor_value_info(model.graph.node[0].output[0], TensorProto.FLOAT, None))

    def trained_for_four(model):
        helper.set_model_props(model, {"discoc.masks": json.dumps({"format": "discoc-masks", "version": 1, "nodes": 4, "masks": []})})

    np.save(os.path.join(folder, "wrong.npy"), np.zeros((8, 3, 9, 8), np.float32))
    np.save(os.path.join(folder, "few.npy"), np.zeros((2, *SHAPE[1:]), np.float32))
    os.mkdir(os.path.join(folder, "empty"))
    refused("density out of range", ["--density", "not from 0 to 1"], density=("--density", 1.5), code=2)
    refused("no budget", ["--density D, --bytes B or --latency MS"], density=(), code=2)
    refused("one node", ["--nodes"], "-n", 1, code=2)
    refused("NaN weights", ["'conv2' (Conv)", "not finite", "train"], of=other("nan.onnx", spoil))
    refused("quantised", ["'quantise' (QuantizeLinear) is quantised", "mask the float32 model first"], of=other("q.onnx", quantise))
    refused("nothing crosses", ["nothing to mask", "--owners"], of=other("tied.onnx", tie))
    refused("masks of another N", ["is for 4 nodes, not for 2"], of=other("four.onnx", trained_for_four))
    refused("wrong shape", ["wrong.npy", "1x3x8x8"], "--calibration", os.path.join(folder, "wrong.npy"))
    refused("too few inputs", ["2 inputs are too few", "at least 4"], "--calibration", os.path.join(folder, "few.npy"))
    refused("an empty folder", ["empty"], "--calibration", os.path.join(folder, "empty"))
    refused("a budget that nobody can meet", ["cannot be met"], density=("--bytes", 1), of=other("loop.onnx", normalise))


def normalise(model):
    """A LayerNormalization over channels: nodes exchange its statistics, which no mask leaves out."""
    model.opset_import[0].version = 17
    model.graph.initializer.append(numpy_helper.from_array(np.ones(12, np.float32), "ones"))
    model.graph.node.append(helper.make_node("LayerNormalization", [model.graph.output[0].name, "ones"], ["normal"], "normal"))
    model.graph.output[0].name = "normal"


def main():
    tally = discoc.Tally(quiet=True)
    with tempfile.TemporaryDirectory() as folder:
        path, data = save(folder, Network().model()), os.path.join(folder, "x.npy")
        np.save(data, np.random.default_rng(1).random((32, *SHAPE[1:]), np.float32))
        check_refused(tally, folder, path, data)
        check_masks(tally, folder, path, data)
        check_advice(tally, folder, path)
        check_latency(tally, folder, path, data)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
