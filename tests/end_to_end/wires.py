# SPDX-License-Identifier: Apache-2.0
"""Programs compiled with --wire f16 and i8, against ONNX Runtime.

A product of features that travelled once may be wrong by half a step of each
feature: 2^-11 of it as a half float, 1/254 of the largest of its message as a
byte; the largest error seen must also come near that, so that neither a wider
nor a narrower scale passes. Deeper models stay within a share of their range.
What travels takes a half of f32's bytes, or a quarter and a scale a message.
Features that leave before a normalisation give its results, in fewer exchanges. The programs of deeper models run under the address sanitizer: an arena that is
too small is no matter of a compiler's warnings.

    wires.py [--only REGEX]
"""

import argparse
import os
import re
import sys
import tempfile

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import checked  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402
import seeded  # noqa: E402

NODES = (2, 3)
HALF_STEP = {"f16": 2.0 ** -11, "i8": 0.5 / 127}
# Of the bound, what the largest error must reach: half floats round each number by its own size.
REACHED = {"f16": 0.05, "i8": 0.2}
# A transformer's errors are those of six exchanges and what they become in attention.
DEEP = {"f16": 5e-4, "i8": 1e-2}
SANITIZED = ("-O1", "-w", "-fsanitize=address")


def product(seed):
    """Two products; the first's result is an output, too. Returns the model and the second's
    weights as a matrix."""
    g = seeded.Graph(seed)
    hidden = g.op("Conv", "x", g.weights(13, 5, 3, 3), g.weights(13), pads=[1] * 4)
    weights = g.weights(29, 13, 1, 1)
    y = g.op("Conv", hidden, weights)
    model = g.model({"x": [1, 5, 6, 6]}, {hidden: [1, 13, 6, 6], y: [1, 29, 6, 6]})
    matrix = next(onnx.numpy_helper.to_array(c) for c in g.constants if c.name == weights)
    return model, hidden, y, matrix.reshape(29, 13)


def residual(seed):
    """A block whose sum has a part from every node."""
    g = seeded.Graph(seed)
    x = g.op("Relu", g.op("Conv", "x", g.weights(13, 5, 3, 3), g.weights(13), pads=[1] * 4))
    y = g.op("Relu", g.op("Conv", x, g.weights(14, 13, 3, 3), g.weights(14), pads=[1] * 4))
    y = g.op("Relu", g.op("Add", g.op("Conv", y, g.weights(13, 14, 1, 1), g.weights(13)), x))
    y = g.op("GlobalAveragePool", g.op("Conv", y, g.weights(21, 13, 1, 1)))
    return g.model({"x": [1, 5, 6, 6]}, {y: [1, 21, 1, 1]})


class Checked(checked.Checked):
    """Compiled and run as this suite wants it."""

    def run(self, nodes, wire, *options, flags=("-O1", "-w")):
        """({output: array}, what is exchanged) of the emitted program."""
        out = os.path.join(self.folder, f"{self.name}-{nodes}-{wire}")
        discoc.compile(self.path, nodes, out, extra=["--wire", wire, *options])
        exchanged = cluster.load_json(os.path.join(out, "report.json"))["cluster"]["exchanged"]
        program = out + ".program"
        cluster.build_inproc([out], program, self.runtime, flags=flags)
        got, _ = cluster.run_inproc(program, nodes, self.feeds, list(self.want), out + ".data")
        return got, exchanged

    def check(self, what, good, why):
        self.tally.check(f"{self.name}, {what}", good, why)


def check_bytes(checked, nodes, wire, plain, narrow):
    """What travels takes a half, or a quarter and four bytes for each message's scale."""
    least = plain["bytes"] // 2 if wire == "f16" else plain["bytes"] // 4
    most = least if wire == "f16" else least + 4 * narrow["messages"]
    checked.check(f"N = {nodes}, {wire}: bytes", least <= narrow["bytes"] <= most,
                  f"{narrow['bytes']} bytes in {narrow['messages']} messages, "
                  f"{plain['bytes']} with f32")


def check_steps(folder, runtime, tally):
    model, hidden, y, matrix = product(3)
    checked = Checked("product", model, folder, runtime, tally)
    largest = np.abs(checked.want[hidden]).max()
    rows = np.abs(matrix).sum(axis=1)
    for nodes in NODES:
        plain = checked.run(nodes, "f32", "--features-only")[1]
        for wire, half in HALF_STEP.items():
            got, narrow = checked.run(nodes, wire, "--features-only")
            check_bytes(checked, nodes, wire, plain, narrow)
            far = np.abs(got[y].astype(np.float64) - checked.want[y]).max(axis=(0, 2, 3))
            share = (far / (half * largest * rows)).max()
            checked.check(f"N = {nodes}, {wire}: steps", REACHED[wire] < share <= 1.001,
                          f"errors reach {share:.3f} of what half a step allows")
            print(f"     product, N = {nodes}, {wire}: errors reach {share:.3f} of the bound", flush=True)
            far = np.abs(got[hidden] - checked.want[hidden]).max() / (half * largest)
            checked.check(f"N = {nodes}, {wire}: features", REACHED[wire] < far <= 1.001,
                          f"errors reach {far:.3f} of half a step")


def check_deep(checked):
    for nodes in NODES:
        for wire, share in DEEP.items():
            got, _ = checked.run(nodes, wire, flags=SANITIZED)
            far = compare.worst(got, checked.want)
            checked.check(f"N = {nodes}, {wire}", far <= share,
                          f"error {far:.3g} of the range, at most {share:g}")
            print(f"     {checked.name}, N = {nodes}, {wire}: {far:.2g} of the range", flush=True)


def check_early(folder, runtime, tally):
    """Features leave before they are normalised, with the statistics: one exchange in a row, not
    two. Group normalisation reshapes, and has mean, variance and features."""
    for kind, points in (("rms", 1), ("softmax", 1), ("group", 3)):
        checked = Checked(kind, seeded.normalised(kind), folder, runtime, tally)
        got, _ = checked.run(2, "f32", flags=SANITIZED)
        far = compare.worst(got, checked.want)
        checked.check("results", far <= 1e-5, f"error {far:.3g} of the range")
        report = cluster.load_json(os.path.join(folder, f"{kind}-2-f32", "report.json"))
        stated = report["schedule"]["exchange_points"]
        checked.check("exchanges in a row", stated == points, f"{stated}, not {points}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-wires-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"))
        try:
            if re.search(a.only, "product"):
                check_steps(folder, runtime, tally)
            if re.search(a.only, "early"):
                check_early(folder, runtime, tally)
            for name, model in (("residual", residual(4)), ("transformer", seeded.transformer(blocks=1))):
                if re.search(a.only, name):
                    check_deep(Checked(name, model, folder, runtime, tally))
        except (discoc.CompileError, cluster.BuildError, cluster.RunError) as error:
            tally.fail("a program", f"{type(error).__name__}: {error}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
