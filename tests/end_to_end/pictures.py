# SPDX-License-Identifier: Apache-2.0
"""Programs that take pixels (`compile --picture-bytes`), against those that take the model's floats.

A picture of the model's size gives the same bits, from a file and as `.npy`, at every number of nodes; what is handed out
takes a quarter of the bytes. A resized one is rounded to pixels first. Models with channels last, and colours that are
alike, too.

    pictures.py
"""

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
import seeded  # noqa: E402

DIGITS = os.path.join(discoc.ROOT, "samples", "digits")
MEANS = '"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]'


def stated(name, size, layout, color, formula, resize="none"):
    return ('{"format": "discoc-preprocess", "version": 1, "inputs": {"%s": {"size": [%d, %d], "resize": "%s", '
            '"layout": "%s", "color": "%s", "scale": 0.00392156862745098, %s}}}'
            % (name, *size, resize, layout, color, formula))


def network(layout, preprocess):
    """A picture of 7 by 5 pixels, two convolutions and their mean."""
    g = seeded.Graph(11)
    shape = [1, 3, 7, 5] if layout == "NCHW" else [1, 7, 5, 3]
    x = "x" if layout == "NCHW" else g.op("Transpose", "x", perm=[0, 3, 1, 2])
    hidden = g.op("Relu", g.op("Conv", x, g.weights(10, 3, 3, 3), g.weights(10), pads=[1] * 4))
    y = g.op("GlobalAveragePool", g.op("Conv", hidden, g.weights(6, 10, 3, 3)))
    model = g.model({"x": shape}, {y: [1, 6, 1, 1]})
    if preprocess:
        onnx.helper.set_model_props(model, {"discoc.preprocess": preprocess})
    return model


class Suite:
    def __init__(self, folder):
        self.folder, self.tally, self.runs = folder, discoc.Tally(), 0
        self.runtime = cluster.Runtime(os.path.join(folder, "runtime"))

    def call(self, *arguments):
        return subprocess.run([discoc.binary(), *map(str, arguments)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=600)

    def compile(self, model, nodes, *options):
        """The directory, and the bytes that are handed out or in."""
        out = os.path.join(self.folder, f"out{self.runs}")
        self.runs += 1
        discoc.compile(model, nodes, out, extra=options)
        return out, cluster.load_json(os.path.join(out, "report.json"))["cluster"]["root"]["bytes"]

    def refuse(self, name, parts, *arguments):
        done = self.call(*arguments)
        self.tally.check(name, done.returncode == 1 and all(p in done.stderr for p in parts),
                         f"code {done.returncode}: {done.stderr}")


def check_colours(suite, layout, order, counts):
    """Pixels against the floats that the formula makes of them, all programs in one."""
    model = os.path.join(suite.folder, layout + ".onnx")
    onnx.save(network(layout, stated("x", (7, 5), layout, "RGB", MEANS)), model)
    pixels = np.random.default_rng(5).integers(0, 256, (7, 5, 3), np.uint8)
    floats = ((pixels * 0.00392156862745098 - [0.4, 0.5, 0.6]) / [0.2, 0.25, 0.3]).astype(np.float32)
    made = []
    for nodes in counts:
        for name, options in (("floats", ()), ("pixels", ("--picture-bytes",))):
            made.append((nodes, *suite.compile(model, nodes, "--name", f"{name}{nodes}", *options)))
    program = os.path.join(suite.folder, layout)
    cluster.build_inproc([out for _, out, _ in made], program, suite.runtime, flags=("-O1", "-w"), numbered=True)
    output = cluster.load_json(os.path.join(made[0][1], "manifest.json"))["outputs"][0]["name"]
    got = []
    for number, (nodes, _, _) in enumerate(made):
        feeds = {"x": (pixels if number % 2 else floats).transpose(order)[None]}
        work = os.path.join(suite.folder, f"{layout}{number}")
        got.append(cluster.run_inproc(program, number, feeds, [output], work)[0][output])
    for number in range(0, len(made), 2):
        nodes, saved = made[number][0], made[number][2] - made[number + 1][2]
        suite.tally.check(f"{layout}, N = {nodes}: bits", got[number].tobytes() == got[number + 1].tobytes(),
                          f"{got[number]}, of pixels {got[number + 1]}")
        # The answer is handed in as floats both times.
        suite.tally.check(f"{layout}, N = {nodes}: bytes", saved == pixels.size * 3 * (nodes - 1),
                          f"{saved} fewer")


def check_digits(suite):
    """One table for all colours; a picture that is resized is rounded."""
    out, _ = suite.compile(os.path.join(DIGITS, "digits_dense.onnx"), 2, "--pin", "batch=1", "--picture-bytes")
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    file = os.path.join(suite.folder, "grey.pgm")
    with open(file, "wb") as stream:
        stream.write(b"P5 8 8 255\n" + grey.tobytes())
    array = os.path.join(suite.folder, "grey.npy")
    np.save(array, grey[None, None])

    def run(given):
        answers = os.path.join(suite.folder, "answers")
        done = suite.call("run", out, "--transport", "inproc", "--input", f"image={given}", "--output-dir", answers)
        return done.stderr if done.returncode else np.load(os.path.join(answers, "scores.npy")).tobytes()
    of_picture, resized = run(file), run(os.path.join(DIGITS, "pictures", "3.png"))
    suite.tally.check("a picture", isinstance(of_picture, bytes) and of_picture == run(array), str(of_picture))
    suite.tally.check("a resized picture", isinstance(resized, bytes) and
                      np.frombuffer(resized, np.float32).argmax() == 3, str(resized))
    done = suite.call("verify", out, "--transport", "inproc", "--against", "single-node")
    suite.tally.check("verify", done.returncode == 0, done.stdout + done.stderr)
    floats = os.path.join(suite.folder, "floats.npy")
    np.save(floats, np.zeros((1, 1, 8, 8), np.float32))
    suite.refuse("floats for pixels", ["floats.npy", "holds float32", "without --picture-bytes"],
                 "run", out, "--input", f"image={floats}")
    other = os.path.join(suite.folder, "other.json")
    with open(other, "w", encoding="utf-8") as stream:
        stream.write(stated("image", (8, 8), "NCHW", "GRAY", '"mean": 0, "std": 2'))
    suite.refuse("another formula", ["other.json", "input \"image\"", "leave --preprocess out"],
                 "run", out, "--preprocess", other, "--input", f"image={file}")


def check_refused(suite):
    def refuse(name, preprocess, *parts):
        model = os.path.join(suite.folder, "refused.onnx")
        onnx.save(network("NCHW", preprocess), model)
        suite.refuse(name, parts, "compile", model, "-n", "2", "-o", os.path.join(suite.folder, "refused"),
                     "--picture-bytes")
    refuse("nothing stated", None, "--picture-bytes", "states of no input", "discoc.preprocess")
    refuse("another shape", stated("x", (5, 7), "NCHW", "RGB", MEANS), "input 'x'", "another shape")
    refuse("another type", stated("x", (7, 5), "NCHW", "RGB", MEANS + ', "type": "float16"'), "input 'x'",
           "is float32, and its preprocessing makes float16")


def main():
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-pictures-") as folder:
        suite = Suite(folder)
        check_refused(suite)
        check_colours(suite, "NCHW", [2, 0, 1], (1, 2, 3, 5))
        check_colours(suite, "NHWC", [0, 1, 2], (3,))
        check_digits(suite)
        return suite.tally.close()


if __name__ == "__main__":
    sys.exit(main())
