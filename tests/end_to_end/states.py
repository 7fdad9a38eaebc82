# SPDX-License-Identifier: Apache-2.0
"""Programs that keep outputs as inputs of their next inference (`compile --state`), against ONNX Runtime, to which they are fed back.

A recurrent layer, two states that change places, and the last frames of a convolution, frame by frame, at every number of
nodes; what is wrong with pairs is said; bytes counted between the nodes are those of the report, which lists what each node keeps of a state.
--frames COUNT: so many frames of the trained models of ../shared, too (silero_half, gtcrn_simple); with what an inference exchanges, and for what.

    states.py [--frames COUNT]
"""

import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402
import seeded  # noqa: E402

NODES = (1, 2, 3, 5)
PAIRS = {"h": "hn", "left_in": "left_out", "right_in": "right_out", "past": "present"}
TRAINED = {"silero_half": ({"state": "stateN"}, ["--pin", "batch=1", "--pin", "sequence=576"]),
           "gtcrn_simple": ({f"{n}_cache": f"{n}_cache_out" for n in ("conv", "tra", "inter")}, [])}


def network():
    """What is kept is read by products, elementwise, moved, or not at all."""
    g = seeded.Graph(3)

    def named(name, kind, *inputs, **attributes):
        g.op(kind, *inputs, **attributes)
        g.ops[-1].output[0] = name
    named("hn", "Tanh", g.op("Add", g.linear("x", 12, 20), g.op("MatMul", "h", g.weights(20, 20))))
    # The one becomes the other as it is, by another shape and back.
    named("left_out", "Reshape", g.reshape("right_in", 2, 3), g.constant(np.array([1, 6], np.int64)))
    named("right_out", "Tanh", g.op("Add", "left_in", g.linear("hn", 20, 6)))
    frames = g.op("Concat", g.op("Slice", "past", g.constant([1]), g.constant([5]), g.constant([2])),
                  g.reshape("x", 1, 12, 1), axis=2)
    named("present", "Identity", frames)
    y = g.op("Add", g.op("Flatten", g.op("Conv", frames, g.weights(7, 12, 5))), g.linear("left_out", 6, 7))
    shapes = {"x": [1, 12], "h": [1, 20], "left_in": [1, 6], "right_in": [1, 6], "past": [1, 12, 5]}
    outputs = {y: [1, 7], "hn": [1, 20], "left_out": [1, 6], "right_out": [1, 6], "present": [1, 12, 5]}
    return g.model(shapes, outputs)


def reference(model, pairs, frames):
    """The other outputs, a row a frame."""
    shapes = {i.name: [d.dim_value or 1 for d in i.type.tensor_type.shape.dim]
              for i in onnx.load(model).graph.input if i.name in pairs}
    states = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    rows = []
    with ort.Session(model) as session:
        for k in range(len(next(iter(frames.values())))):
            got = session.run({**{name: value[k:k + 1] for name, value in frames.items()}, **states})
            states = {name: got[out] for name, out in pairs.items()}
            rows.append({name: value for name, value in got.items() if name not in pairs.values()})
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


class Suite:
    def __init__(self, folder):
        self.folder, self.tally = folder, discoc.Tally()
        self.runtime = cluster.Runtime(os.path.join(folder, "runtime"))

    def check(self, name, model, pairs, frames, options, nodes, states):
        """All programs of a model in one, each frame within 1e-4 of the output's range."""
        outs = []
        for n in nodes:
            outs.append(os.path.join(self.folder, f"{name}{n}"))
            discoc.compile(model, n, outs[-1], extra=[*options, *states, "--name", f"{name}{n}"])
        program = os.path.join(self.folder, name)
        cluster.build_inproc(outs, program, self.runtime, flags=("-O1", "-w", "-DDISCO_FILL_UNUSED"))
        expected = reference(model, pairs, frames)
        self.outputs = list(expected)
        for n, out in zip(nodes, outs):
            manifest = cluster.load_json(os.path.join(out, "manifest.json"))
            borders = [[t["name"] for t in manifest[kind]] for kind in ("inputs", "outputs")]
            self.tally.check(f"{name}, N = {n}: what is given and taken",
                             borders == [list(frames), list(expected)], str(borders))
            got, counted = cluster.run_inproc(program, n, frames, list(expected), os.path.join(self.folder, f"{name}{n}w"))
            self.check_report(f"{name}, N = {n}", model, pairs, cluster.load_json(os.path.join(out, "report.json")), counted)
            for output, wanted in expected.items():
                error = np.abs(got[output].reshape(wanted.shape) - wanted).max() / np.ptp(wanted)
                self.tally.check(f"{name}, N = {n}: {output}, {len(wanted)} frames", error < 1e-4, f"error {error:.1e} of the range")
            print(f"{name}, N = {n}: error {error:.1e} of the range", flush=True)

    def check_report(self, label, model, pairs, report, counted):
        """What is kept, by tensor, and what an inference sends."""
        sizes = {i.name: 4 * int(np.prod([d.dim_value or 1 for d in i.type.tensor_type.shape.dim]))
                 for i in onnx.load(model).graph.input if i.name in pairs}
        kept = dict.fromkeys(sizes, 0)
        for node in report["nodes"]:
            for buffer in node["buffers"]:
                if buffer["use"] == "state":
                    kept[buffer["name"]] += buffer["bytes"]
        self.tally.check(f"{label}: what is kept", all(sizes[s] <= kept[s] for s in sizes), f"{kept}, states are {sizes}")
        exchanged, root = cluster.report_traffic(report)
        stated = {pair: exchanged.get(pair, 0) + root.get(pair, 0) for pair in {*exchanged, *root}}
        found = cluster.payload_of(counted)
        self.tally.check(f"{label}: bytes", found == stated, f"counted {found}, stated {stated}")
        crossing = {layer["op"]: sum(layer["received_bytes"].values()) for layer in report["layers"]}
        states = {op: b for op, b in crossing.items() if b and op in {*pairs, *pairs.values()}}
        self.tally.check(f"{label}: no state crosses as such", not states, str(states))
        most = sorted(((b, op) for op, b in crossing.items() if b), reverse=True)[:3]
        print(f"{label}: {sum(exchanged.values())} bytes exchanged, inputs and outputs {sum(root.values())}; kept {kept}; "
              f"the most crosses for {', '.join(f'{op} ({b})' for b, op in most) or 'nothing'}", flush=True)

    def refuse(self, name, pair, *parts):
        out = os.path.join(self.folder, "refused")
        done = subprocess.run([discoc.binary(), "compile", os.path.join(self.folder, "small.onnx"), "-o", out, "--state", *pair],
                              capture_output=True, text=True, timeout=60)
        self.tally.check(f"refused: {name}", done.returncode == 1 and all(p in done.stderr for p in parts) and
                         not os.path.exists(out), f"code {done.returncode}: {done.stderr}")


def check_small(suite):
    model = os.path.join(suite.folder, "small.onnx")
    onnx.save(network(), model)
    frames = {"x": np.random.default_rng(1).standard_normal((25, 12)).astype(np.float32)}
    clip = 4
    named = [part for state, out in PAIRS.items() for part in ("--state", f"{out}={state}")]
    suite.check("named", model, PAIRS, frames, [], NODES, named)
    for n in NODES:
        got, _ = cluster.run_inproc(os.path.join(suite.folder, "named"), n, frames, suite.outputs, os.path.join(suite.folder, "clips"),
                                    extra=["--reset-every", str(clip)])
        parts = [reference(model, PAIRS, {"x": frames["x"][k:k + clip]}) for k in range(0, 25, clip)]
        good = all(np.allclose(got[o], np.concatenate([part[o] for part in parts]), rtol=1e-4, atol=1e-5) for o in suite.outputs)
        suite.tally.check(f"--reset-every, N = {n}", good, "other values than those of clips alone")
    suite.check("auto", model, PAIRS, frames, ["--exact-order"], (2,), ["--state", "auto"])
    done = subprocess.run([discoc.binary(), "compile", model, "-o", os.path.join(suite.folder, "said"), "--state", "auto"],
                          capture_output=True, text=True, timeout=60)
    suite.tally.check("auto says what it takes", all(f"'{out}' becomes '{state}'" in done.stderr for state, out in PAIRS.items()), done.stderr)
    done = subprocess.run([discoc.binary(), "verify", os.path.join(suite.folder, "named2"), "--samples", "4"],
                          capture_output=True, text=True, timeout=600)
    suite.tally.check("verify", done.returncode == 0, done.stdout + done.stderr)


    done = subprocess.run([discoc.binary(), "verify", os.path.join(suite.folder, "named2"), "--against", "onnxruntime=no.so"],
                          capture_output=True, text=True, timeout=600)
    suite.tally.check("verify against ONNX Runtime is refused", done.returncode == 1 and "keeps states" in done.stderr and
                      "leave --against out" in done.stderr, done.stdout + done.stderr)


def check_refused(suite):
    suite.refuse("no such output", ["hm=h"], "no output 'hm'", "'hn'")
    suite.refuse("no such input", ["hn=g"], "no input 'g'", "'left_in'")
    suite.refuse("no pair", ["hn"], "expected OUTPUT=INPUT, or auto")
    suite.refuse("another shape", ["hn=past"], "one shape and one element type", "tensor<1x20xf32>", "tensor<1x12x5xf32>")
    suite.refuse("an input twice", ["left_out=left_in", "--state", "right_out=left_in"], "the input is named twice")
    suite.refuse("an output twice", ["left_out=left_in", "--state", "left_out=right_in"], "the output is named twice")
    stateless = os.path.join(suite.folder, "small.onnx")
    g = seeded.Graph(1)
    onnx.save(g.model({"x": [1, 12]}, {g.linear("x", 12, 12): [1, 12]}), stateless)
    suite.refuse("nothing alike", ["auto"], "no output has the name", "--state OUTPUT=INPUT")


def check_trained(suite, count):
    shapes = {"silero_half": {"input": (count, 576)}, "gtcrn_simple": {"mix": (count, 257, 1, 2)}}
    for name, (pairs, options) in TRAINED.items():
        model = os.path.join(discoc.shared(), "models", name, "model.onnx")
        if not os.path.exists(model):
            print(f"skip: no {model}")
            continue
        rng = np.random.default_rng(2)
        frames = {key: (0.1 * rng.standard_normal(shape)).astype(np.float32) for key, shape in shapes[name].items()}
        states = [part for state, out in pairs.items() for part in ("--state", f"{out}={state}")]
        suite.check(name, model, pairs, frames, options, (1, 2, 3), states)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=0)
    args = parser.parse_args()
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-states-") as folder:
        suite = Suite(folder)
        check_small(suite)
        check_refused(suite)
        if args.frames:
            check_trained(suite, args.frames)
    return suite.tally.close()


if __name__ == "__main__":
    sys.exit(main())
