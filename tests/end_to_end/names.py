# SPDX-License-Identifier: Apache-2.0
"""Models whose names are hostile: nothing reaches a terminal or a source raw.

Names with what turns text round, has no width, ends comments or strings,
means something to CMake, make, shells or format strings. What discoc prints
is one visible line a fault; what it emits builds with g++ and clang++ with
every warning an error; results are right; JSON gives the names back exactly.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unicodedata

import numpy as np
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402

# Names that ONNX, and the reader, let through.
NAMES = {
    "x": "x\u202e\u2066evil\u2069 ??/",
    "conv": "conv\\",
    "c": "c*/ int evil; /*",
    "relu": "relu \u2028\u009b31m",
    "r": 'r"); system("x',
    "fc": "fc ${HOME} $(HOME) `id` %s%n ;]]",
    "y": "y\u200b\ufeff\U000e0041 -rf ' \u00e4\u6f22",
}
ESCAPE = "\x1b[2J\x1b]0;title\x07\nerror: no such thing"


def model(names, labels=None, masks=None, op_type="Relu"):
    rng = np.random.RandomState(3)
    n = names
    nodes = [
        helper.make_node("Conv", [n["x"], "w\\"], [n["c"]], name=n["conv"], pads=[1] * 4),
        helper.make_node(op_type, [n["c"]], [n["r"]], name=n["relu"]),
        helper.make_node("Flatten", [n["r"]], ["f\u202e"], name="flat\u2067"),
        helper.make_node("Gemm", ["f\u202e", "v\u009b"], [n["y"]], name=n["fc"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "g\u202e", [helper.make_tensor_value_info(n["x"], TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info(n["y"], TensorProto.FLOAT, [1, 6])],
        [numpy_helper.from_array(rng.randn(4, 3, 3, 3).astype("f"), "w\\"),
         numpy_helper.from_array(rng.randn(6, 64).astype("f"), "v\u009b")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 8
    if labels:
        made.metadata_props.add(key="discoc.labels", value=json.dumps(labels))
    if masks:
        made.metadata_props.add(key="discoc.masks", value=masks)
    return made


def hidden(text):
    """Characters of text that must not be shown."""
    bad = set()
    for c in text:
        if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
            bad.add(f"U+{ord(c):04x}")
    return sorted(bad)


class Suite:
    def __init__(self, folder):
        self.folder, self.passed, self.failed = folder, 0, 0

    def check(self, what, good, more=""):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print(f"FAILED {what}: {more}")

    def path(self, name):
        return os.path.join(self.folder, name)

    def save(self, name, made):
        with open(self.path(name), "wb") as file:
            file.write(made.SerializeToString())
        return self.path(name)

    def run(self, what, *command, code=0):
        """Runs discoc; checks its exit code and that all it says is visible."""
        done = subprocess.run([discoc.binary(), *command], capture_output=True, timeout=600)
        for kind, data in (("stdout", done.stdout), ("stderr", done.stderr)):
            try:
                bad = hidden(data.decode())
            except UnicodeDecodeError as error:
                bad = str(error)
            self.check(f"{what}: {kind} is visible", not bad, bad)
        text = done.stderr.decode(errors="replace")
        self.check(f"{what}: exit code {code}", done.returncode == code,
                   f"{done.returncode}: {text[:500]}")
        if code != 0:
            self.check(f"{what}: one line a fault",
                       all(line.startswith(("error: ", "warning: ", "note: "))
                           for line in text.splitlines()) and "\nerror: no such" not in text,
                       text[:500])
        return done.stdout.decode(errors="replace"), text

    def refused(self):
        for what, names in (("op name", {"relu": "relu" + ESCAPE}), ("tensor", {"c": "c" + ESCAPE}),
                            ("output", {"y": "\u202e" + ESCAPE * 400})):
            path = self.save("refused.onnx", model({**NAMES, **names}))
            _, text = self.run(f"{what} with escapes", "compile", path, "-n", "2", "-o",
                               self.path("none"), code=1)
            self.check(f"{what} with escapes: cut", len(text) < 4000, len(text))
        path = self.save("refused.onnx", model(NAMES, op_type="Re" + ESCAPE + "\u202elu"))
        self.run("op type with escapes", "inspect", path, code=1)
        for masks in ('{"a' + "\\u001b\\n\\u202e" + '": 1}', ESCAPE):
            path = self.save("refused.onnx", model(NAMES, masks=masks))
            self.run("masks with escapes", "compile", path, "-n", "2", "-o", self.path("none"),
                     code=1)
        path = self.save("plain.onnx", model(NAMES))
        masks = self.path("masks.json")
        with open(masks, "w") as file:
            json.dump({"format": "discoc-masks", "version": 1, "nodes": 2, "masks": [
                {"op": "no" + ESCAPE, "from": 0, "to": 1, "channels": []}]}, file)
        self.run("masks of no op", "compile", path, "-n", "2", "--masks", masks, "-o",
                 self.path("none"), code=1)
        with open(self.path("c.toml"), "w") as file:
            file.write('[[node]]\nname = "a\\u001b\\n\\u202e"\n[[node]]\nname = "a\\u001b\\n\\u202e"\n')
        self.run("cluster with escapes", "compile", path, "--cluster", self.path("c.toml"), "-o",
                 self.path("none"), code=1)

    def sources(self, out):
        for folder, _, files in os.walk(out):
            for name in files:
                if name.endswith((".cpp", ".h", ".txt", ".S", ".json", ".cmake", ".toml")):
                    file = os.path.join(folder, name)
                    with open(file, encoding="utf-8") as stream:
                        bad = hidden(stream.read())
                    self.check(f"{file} is visible", not bad, bad)
        for compiler in ("g++", "clang++-19"):
            if not shutil.which(compiler):
                continue
            warnings = ["-Wall", "-Wextra", "-Werror"]
            if compiler == "g++":
                warnings += ["-Wbidi-chars=any", "-Wtrigraphs", "-Wcomment"]
            for node in sorted(os.listdir(out)):
                folder = os.path.join(out, node)
                if not os.path.isdir(folder) or node == "launch":
                    continue
                files = [os.path.join(folder, name) for name in ("model.cpp", "main.cpp")
                         if os.path.exists(os.path.join(folder, name))]
                include = ["-I", folder, "-I", os.path.join(out, "node0", "runtime", "host")]
                done = subprocess.run([compiler, "-std=c++17", "-DDISCO_ANY_PROCESSOR", "-fsyntax-only", *include, *warnings,
                                       *files], capture_output=True, text=True)
                self.check(f"{node} with {compiler}", files and done.returncode == 0,
                           done.stderr[:800])

    def compiled(self):
        labels = [f"cat\u202e{ESCAPE}{i}" for i in range(6)]
        path, out = self.save("evil.onnx", model(NAMES, labels)), self.path("out")
        self.run("compile", "compile", path, "-n", "2", "-o", out)
        self.sources(out)
        with open(os.path.join(out, "manifest.json")) as file:
            manifest = json.load(file)
        self.check("names are exact", manifest["inputs"][0]["name"] == NAMES["x"] and
                   manifest["outputs"][0]["name"] == NAMES["y"] and manifest["labels"] == labels)
        shown, _ = self.run("inspect", "inspect", path, "-n", "2")
        self.check("inspect shows escapes", "\\u{202e}" in shown, shown[:300])
        self.run("report", "report", out)
        reported, _ = self.run("report --json", "report", out, "--json")
        self.check("report --json is exact",
                   any(layer["op"] == NAMES["conv"] for layer in json.loads(reported)["layers"]))
        self.run("run without input", "run", out, code=1)
        np.save(self.path("x.npy"), np.zeros((1, 3, 4, 4), "f"))
        shown, _ = self.run("run", "run", out, "--input", f"{NAMES['x']}={self.path('x.npy')}")
        self.check("run shows labels in one line", "\\u{202e}" in shown and
                   "\nerror: no such" not in shown, shown)
        self.run("verify", "verify", out, "--model", path)
        self.program(out)

    def program(self, out):
        """What an emitted program itself says."""
        shard = os.path.join(out, "node0", "build", "shard")
        self.check("a program was built", os.path.exists(shard))
        if not os.path.exists(shard):
            return
        for arguments in (["--input", "a\x1b\n\u202e=b"], ["--x\x1b\u202e"], []):
            done = subprocess.run([shard, *arguments], capture_output=True, timeout=60)
            text = done.stderr.decode()
            self.check(f"shard {arguments!r} says why, visibly",
                       done.returncode != 0 and not hidden(text) and text.count("\n") == 1, text)


def main():
    with tempfile.TemporaryDirectory() as folder:
        suite = Suite(folder)
        suite.refused()
        suite.compiled()
    print(f"{suite.passed} passed, {suite.failed} failed, 0 skipped")
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
