# SPDX-License-Identifier: Apache-2.0
"""Whole networks whose tensors do not lie by rows, against ONNX Runtime; and what a layout costs to add.

At N = 1, 2 and 3, on nodes whose vectors have 64, 32 and 16 bytes (and so blocks of 16, 8 and 4 channels), a residual
network and one with depthwise convolutions and concatenations compute what ONNX Runtime does, and the same bytes travel as by rows.
Every arena is NaN before each inference, and every tensor that does not lie by rows before it is written: so whoever reads a
border, an empty lane or what a pitch leaves is found out. A layout is named in its own file and in the table, a kernel in its own, in the
table and where an op offers it.

    layouts.py [--only REGEX]
"""

import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import models  # noqa: E402
import ort  # noqa: E402
import seeded  # noqa: E402

NODES = (1, 2, 3)
LAYOUTS = ("nhwc", "blocked", "reversed")
TARGETS = ("x86-64-v4", "x86-64-v3", "armv8-a")
NAMES = ("resnet20_cifar10", "ultraface_rfb320")
STAND_INS = ("resnet18", "mobilenet_v2")
BEGIN = "  int error = disco_begin(node);\n"


def files_with(word, *folders):
    """The sources that have a word."""
    found = []
    for folder in folders:
        for at, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                path = os.path.join(at, name)
                if name.endswith((".cpp", ".h", ".def", ".td", ".inc")):
                    with open(path, encoding="utf-8") as file:
                        if word in file.read():
                            found.append(os.path.relpath(path, ROOT))
    return sorted(found)


def check_files(tally):
    found = files_with("reversedChannels", "compiler", "passes", "codegen", "runtime_stub")
    tally.check("a layout is a file and a line", found == ["passes/layouts/Layouts.def", "passes/layouts/ReversedChannels.cpp"],
                f"{found}")
    found = files_with("copy_blocks", "compiler", "passes", "codegen", "runtime_stub")
    tally.check("a kernel is a file, a line and a choice",
                found == ["compiler/dialect/ops/Relayout.cpp", "runtime_stub/kernels/copy_blocks.h", "runtime_stub/kernels/kernels.inc"],
                f"{found}")


def check_refusals(folder, tally):
    """A layout that is not there; and text in which a tensor lies as no kernel takes it."""
    g = seeded.Graph(3)
    path, text, out = (os.path.join(folder, name) for name in ("softmax.onnx", "softmax.mlir", "refused"))
    onnx.save(g.model({"x": [1, 2, 2, 2]}, {g.op("Softmax", "x", axis=1): [1, 2, 2, 2]}), path)

    def run(*command):
        return subprocess.run([discoc.binary(), *command], capture_output=True, text=True, timeout=60, check=False)

    done = run("compile", path, "-n", "1", "--layout", "other", "-o", out)
    tally.check("a layout that is not there", done.returncode == 1 and "the layouts are nhwc, blocked, reversed" in done.stderr, done.stderr)
    planned = run("compile", path, "-n", "1", "--stop-after", "check-plan", "-o", out).stdout
    lies = re.sub(r"(#disco\.local<[^<>]*)>", r"\1 lies #disco.physical<dims [0, 2, 3, 1]>>", planned)
    with open(text, "w", encoding="utf-8") as file:
        file.write(lies)
    done = run("emit", text, "-o", out)
    tally.check("a tensor that lies as no kernel takes it", done.returncode == 1 and lies != planned and
                "no kernel computes it on tensors that lie so" in done.stderr, done.stderr)


def cluster_file(folder, nodes):
    """Hosts of several vector widths."""
    path = os.path.join(folder, f"cluster{nodes}.toml")
    with open(path, "w", encoding="utf-8") as file:
        for rank in range(nodes):
            file.write(f'[[node]]\nname = "n{rank}"\ntarget = "{TARGETS[rank % len(TARGETS)]}"\n\n')
    return path


def fill_arenas(out):
    """Lets every node begin an inference with an arena of NaN. Returns the text of all nodes."""
    texts = ""
    for path in sorted(glob.glob(os.path.join(out, "node*", "model.cpp"))):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if BEGIN not in text:
            raise cluster.BuildError(f"{path}: no beginning of an inference is found")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(BEGIN, "  memset(arena, 0xff, sizeof(arena));\n" + BEGIN))
        texts += text
    return texts


class Network:
    def __init__(self, model, folder, runtime, tally):
        self.model, self.folder, self.runtime, self.tally = model, folder, runtime, tally
        self.feeds = model.inputs()
        self.want = compare.oracle(model.onnx, self.feeds)

    def compile(self, nodes, layout):
        out = os.path.join(self.folder, f"{self.model.name}-{nodes}-{layout or 'rows'}")
        extra = ["--cluster", cluster_file(self.folder, nodes)] + (["--layout", layout] if layout else [])
        discoc.compile(self.model.path, nodes, out, shapes=self.model.shapes, extra=extra)
        return out, cluster.load_json(os.path.join(out, "report.json"))["cluster"]["exchanged"]["bytes"]

    def check(self, nodes, layout):
        what = f"{self.model.name}, N = {nodes}, {layout}"
        out, travels = self.compile(nodes, layout)
        text = fill_arenas(out)
        kernels = ("conv_any", "copy_blocks" if layout == "blocked" else "relayout")
        self.tally.check(f"{what}: the kernels", all(f"disco::{name}<" in text for name in kernels), f"{kernels} are not both called")
        self.tally.check(f"{what}: bytes", travels == self.compile(nodes, None)[1], f"{travels} bytes travel")
        program = out + ".program"
        cluster.build_inproc([out], program, self.runtime, flags=("-O2", "-DDISCO_FILL_UNUSED", "-Wall", "-Wextra", "-Wconversion", "-Werror"))
        got = cluster.run_inproc(program, nodes, self.feeds, list(self.want), out + ".data", repeat=2)[0]
        far = compare.worst(got, self.want)
        self.tally.check(f"{what}: outputs", far <= 1e-4, f"error {far:.3g} of the range")


def networks(folder):
    known = models.trained()
    if known is None:
        return [m for m in models.stand_ins(folder) if m.name in STAND_INS]
    return [m for m in known if m.name in NAMES]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    check_files(tally)
    with tempfile.TemporaryDirectory(prefix="discoc-layouts-") as folder:
        check_refusals(folder, tally)
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-layouts-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"))
        for model in networks(folder):
            network = Network(model, folder, runtime, tally)
            for nodes in NODES:
                for layout in LAYOUTS:
                    if not re.search(a.only, f"{model.name}-{nodes}-{layout}") or (layout == "reversed" and nodes != 2):
                        continue
                    try:
                        network.check(nodes, layout)
                    except (discoc.CompileError, cluster.BuildError, cluster.RunError) as error:
                        tally.fail(f"{model.name}, N = {nodes}, {layout}", f"{type(error).__name__}: {error}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
