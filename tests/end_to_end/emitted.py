# SPDX-License-Identifier: Apache-2.0
"""What an emitted directory promises: its weights are those that it was
compiled with, or its program says so and ends; and its build files do what
CMake's settings say.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "oracle")]
import cluster as programs  # noqa: E402
import discoc  # noqa: E402

INPUTS, HIDDEN, OUTPUTS = 16, 3000, 8
BUILD_TYPES = {  # what the compiler is told, and what it must not be told
    "": ("-O3 -DNDEBUG", "-g -O0 -O2 -Os"),
    "Release": ("-O3 -DNDEBUG", "-g -O0 -O2 -Os"),
    "Debug": ("-g", "-O1 -O2 -O3 -Os -DNDEBUG"),
    "RelWithDebInfo": ("-O2 -g -DNDEBUG", "-O3 -Os"),
    "MinSizeRel": ("-Os -DNDEBUG", "-O2 -O3 -g"),
}
BOARD_TYPES = dict(BUILD_TYPES, **{
    "": ("-Os -g -DNDEBUG", "-O3"), "Release": ("-Os -g -DNDEBUG", "-O3")})
TOOLCHAIN = """set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR other)
set(CMAKE_CXX_COMPILER g++)
"""


def make_model(path, seed, hidden=HIDDEN):
    """Its nodes have equally many weights when there are two."""
    rng = np.random.default_rng(seed)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    ops = [helper.make_node("MatMul", ["x", "a"], ["h"], "first"),
           helper.make_node("Relu", ["h"], ["r"], "relu"),
           helper.make_node("MatMul", ["r", "b"], ["y"], "second")]
    graph = helper.make_graph(
        ops, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, OUTPUTS])],
        [numpy_helper.from_array(rng.standard_normal(d).astype(np.float32), n)
         for n, d in (("a", (INPUTS, hidden)), ("b", (hidden, OUTPUTS)))])
    onnx.save(helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
        path)
    return path


class Suite:
    def __init__(self, folder):
        self.folder, self.tally = folder, discoc.Tally()
        self.known_flags = {}
        np.save(self.path("x.npy"), np.ones((1, INPUTS), np.float32))
        self.input = ["--input", "x=" + self.path("x.npy")]

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, name, model, nodes, *extra):
        discoc.compile(model, nodes, self.path(name), extra=extra)
        return self.path(name)

    # -- weights --------------------------------------------------------------

    def call(self, *arguments):
        return subprocess.run([discoc.binary(), *map(str, arguments)],
                              capture_output=True, text=True, timeout=600)

    def refused(self, title, out, rank, command="run", *more):
        """What is built of `out` names the node with the wrong weights."""
        done = self.call(command, out, *more,
                         *(self.input if command == "run" else ()))
        said = done.stdout + done.stderr
        self.tally.check(
            title, done.returncode == 4 and f"rank {rank} of model" in said
            and "other weights than those it was compiled with" in said,
            f"exit code {done.returncode}: {said[-400:]}")

    def weights(self):
        model = make_model(self.path("m/model.onnx"), 1)
        other = make_model(self.path("n/model.onnx"), 2)
        out = self.compile("out", model, 2)
        second = self.compile("second", other, 2)
        files = [os.path.join(out, f"node{r}", "weights.bin") for r in (0, 1)]
        if not self.tally.check("two nodes, weights of one size", os.path
                                .getsize(files[0]) == os.path.getsize(
                                    files[1]), "of different sizes"):
            return
        good = [open(f, "rb").read() for f in files]
        done = self.call("run", out, *self.input)
        self.tally.check("good weights", done.returncode == 0, done.stderr)
        # Newer files are built again.
        write(files[1], good[1][:1000] + bytes([good[1][1000] ^ 1])
              + good[1][1001:])
        self.refused("a bit of node 1's weights", out, 1)
        self.refused("the same, over TCP", out, 1, "run", "--transport", "tcp")
        self.refused("the same, verified", out, 1, "verify", "--model", model)
        done = self.call("run", out, *self.input, "--transport", "inproc")
        self.tally.check("the same, in one process", done.returncode == 4
                         and "other weights" in done.stderr, done.stderr)
        self.unchecked(out)
        write(files[1], good[0])
        self.refused("node 0's weights", out, 1)
        with open(os.path.join(second, "node1", "weights.bin"), "rb") as f:
            write(files[1], f.read())
        self.refused("another build's weights", out, 1)
        for size in (0, len(good[1]) // 2, len(good[1]) - 64):
            write(files[1], good[1][:size])
            done = self.call("run", out, *self.input)
            self.tally.check(f"{size} bytes of weights", done.returncode == 3
                             and "of another size" in done.stderr, done.stderr)
        write(files[1], good[1])
        done = self.call("run", out, *self.input)
        self.tally.check("good weights again", done.returncode == 0,
                         done.stderr)

    def unchecked(self, out):
        """Whoever says so gets what the weights give."""
        program = os.path.join(out, "cluster", "build", "cluster")
        for extra, code in ((), 3), (("--no-weight-check",), 0):
            done = subprocess.run([program, *self.input, *extra], timeout=60,
                                  capture_output=True, text=True)
            self.tally.check(f"the program itself {' '.join(extra)}",
                             done.returncode == code,
                             f"exit code {done.returncode}: {done.stderr}")

    def change_word(self, out):
        path = os.path.join(out, "node0", "weights.cpp")
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        at = text.index("0x", text.index("= {")) + 2
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text[:at] + ("1" if text[at] == "0" else "0")
                         + text[at + 1:])

    def small_weights(self):
        """Those in weights.cpp."""
        model = make_model(self.path("s/small.onnx"), 3, 40)
        out = self.compile("small", model, 1)
        self.change_word(out)
        self.refused("a word of weights.cpp", out, 0)
        if not shutil.which("qemu-system-arm") or \
                not shutil.which("arm-none-eabi-g++"):
            self.tally.skip("weights of a board", "no toolchain or emulator")
            return
        for extra, code in (("--weight-check",), 4), ((), 0):
            out = self.compile("board" + "".join(extra), model, 1, "--board",
                               "netduinoplus2", *extra)
            for changed in (False, True):
                if changed:
                    self.change_word(out)
                done = self.call("run", out, *self.input)
                self.tally.check(
                    f"a board {' '.join(extra)}, changed: {changed}",
                    done.returncode == (code if changed else 0) and
                    ("other weights" in done.stderr) == bool(
                        changed and extra),
                    f"exit code {done.returncode}: {done.stderr[-400:]}")

    # -- build files ----------------------------------------------------------

    def configure(self, source, name, settings, env=None):
        build = self.path("build-" + name)
        shutil.rmtree(build, ignore_errors=True)
        clean = {k: v for k, v in os.environ.items()
                 if k not in ("DISCO_WERROR", "CXXFLAGS", "CXX")}
        return subprocess.run(
            ["cmake", "-S", source, "-B", build,
             "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *settings],
            capture_output=True, text=True, env=dict(clean, **(env or {})))

    def flags(self, source, name, settings, env=None):
        """{source file: words that the compiler is given}, or None."""
        key = (source, tuple(settings), tuple(sorted((env or {}).items())))
        if key in self.known_flags:
            return self.known_flags[key]
        done = self.configure(source, name, settings, env)
        if done.returncode:
            self.tally.fail(name, done.stderr[-400:])
            return None
        self.known_flags[key] = self.read_flags(self.path("build-" + name))
        return self.known_flags[key]

    @staticmethod
    def read_flags(build):
        with open(os.path.join(build, "compile_commands.json"),
                  encoding="utf-8") as stream:
            return {os.path.basename(e["file"]): shlex.split(e["command"])
                    for e in json.load(stream)}

    def given(self, name, source, settings, want, never, env=None,
              file="model.cpp"):
        found = self.flags(source, name, settings, env)
        if found is None:
            return
        words = found[file]
        missing = [w for w in want.split() if w not in words]
        extra = [w for w in words if any(w == n or n.endswith("*") and
                                         w.startswith(n[:-1])
                                         for n in never.split())]
        self.tally.check(name, not missing and not extra,
                         f"missing {missing}, has {extra}")

    def build_types(self, source, name, table, file, never=""):
        for kind, (want, unwanted) in table.items():
            self.given(f"{name} {kind or 'without a type'}", source,
                       [f"-DCMAKE_BUILD_TYPE={kind}"] if kind else [], want,
                       unwanted + never, file=file)

    def targets(self, node, cluster):
        """What a model was compiled for is what its build says, whoever builds;
        for another architecture it is an error that names both."""
        toolchain = self.path("toolchain.cmake")
        write(toolchain, TOOLCHAIN.encode())
        cases = {
            "here": ([], {}),
            "a toolchain file": (["-DCMAKE_TOOLCHAIN_FILE=" + toolchain], {}),
            "another system": (["-DCMAKE_SYSTEM_NAME=Linux"], {}),
            "the compiler's target": (["-DCMAKE_CXX_COMPILER=clang++-19",
                                       "-DCMAKE_CXX_COMPILER_TARGET="
                                       "x86_64-linux-gnu"], {}),
            "a processor in CXXFLAGS": ([], {"CXXFLAGS": "-march=x86-64"}),
        }
        for where, source in (("node", node), ("cluster", cluster)):
            for name, (settings, env) in cases.items():
                for file, level in (("model.cpp", "-march=x86-64-v3"),
                                    ("disco.cpp", "-march=x86-64-v3"),
                                    ("model_x86-64-v4.cpp", "-march=x86-64-v4"),
                                    ("main.cpp", "-march=x86-64")):
                    self.last_level(f"{where}: {name}: {file}", source,
                                    settings, env, file, level)
            if not shutil.which("aarch64-linux-gnu-g++"):
                self.tally.skip("another compiler", "no aarch64-linux-gnu-g++")
                continue
            done = self.configure(source, "another", [
                "-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++"])
            self.tally.check(
                f"{where}: another compiler", done.returncode != 0 and
                "compiled by discoc for x86-64-v3" in done.stderr and
                "aarch64-linux-gnu" in done.stderr, done.stderr[-400:])

    def last_level(self, name, source, settings, env, file, level):
        """Of several -march= the last one holds."""
        found = self.flags(source, name, settings, env)
        if found is not None:
            words = [w for w in found[file] if w.startswith("-march=")]
            self.tally.check(name, words[-1:] == [level], str(words))

    def levels(self):
        """Less than a model was compiled for is an error that names both, when
        it is built and when it starts; what it has more is used."""
        model = make_model(self.path("l/model.onnx"), 4, 40)
        out = self.compile("levels", model, 1)
        node = os.path.join(out, "node0")
        build = ["g++", "-std=c++17", "-fsyntax-only"]
        for file, flags, names in (
                ("model.cpp", [], ("x86-64-v3", "x86-64-v1")),
                ("model.cpp", ["-march=x86-64-v2"], ("x86-64-v3", "x86-64-v2")),
                ("model_x86-64-v4.cpp", ["-march=x86-64-v3"],
                 ("x86-64-v4", "x86-64-v3")),
                ("model.cpp", ["-march=x86-64-v3"], ()),
                ("model.cpp", ["-DDISCO_ANY_PROCESSOR"], ())):
            done = subprocess.run([*build, *flags, os.path.join(node, file)],
                                  capture_output=True, text=True)
            self.tally.check(
                f"built: {file} {' '.join(flags)}",
                (done.returncode != 0) == bool(names) and
                all(name in done.stderr for name in names), done.stderr[:400])
        if not shutil.which("qemu-x86_64"):
            return self.tally.skip("started", "no qemu-x86_64")
        programs.call(["cmake", "-S", node, "-B", node + "/build"])
        programs.call(["cmake", "--build", node + "/build"])
        shard = node + "/build/shard"
        outputs = {}
        for cpu, code in (("Nehalem", 3), ("Haswell", 0)):
            folder = self.path("level-" + cpu)
            done = subprocess.run(
                ["qemu-x86_64", "-cpu", cpu, shard, *self.input,
                 "--output-dir", folder], capture_output=True, text=True)
            says = "x86-64-v3" in done.stderr and "x86-64-v2" in done.stderr
            self.tally.check(f"started on a {cpu}", done.returncode == code and
                             says == (code != 0), done.stderr[-400:])
            outputs[cpu] = folder
        alone = self.path("alone")
        sources = [os.path.join(b, n) for b, _, names in os.walk(node)
                   for n in sorted(names) if n.endswith((".cpp", ".S")) and
                   not n.startswith("model_") and "/build" not in b]
        programs.call(["g++", "-std=c++17", "-O3", "-march=x86-64-v3", "-w",
                      "-fno-exceptions", "-fno-rtti", "-DNDEBUG", *sources,
                      "-o", alone, "-lpthread"], cwd=node)
        programs.call([alone, *self.input, "--output-dir", self.path("level-3")])
        same = [open(os.path.join(folder, sorted(os.listdir(folder))[0]), "rb").read()
                for folder in (outputs["Haswell"], self.path("level-3"))]
        self.tally.check("the least level's bits", same[0] == same[1], "")

    def native(self):
        """`native` is asked for, and is written out."""
        model = make_model(self.path("n/model.onnx"), 4, 40)
        out = self.compile("native", model, 1, "--target", "native")
        with open(os.path.join(out, "manifest.json"), encoding="utf-8") as file:
            target = json.load(file)["nodes"][0]["target"]
        self.tally.check("native", target.startswith(("x86-64-v", "armv8")) and
                         "," not in target, target)
        again = self.compile("again", model, 1, "--target", target)
        self.tally.check("native, written out", all(
            open(os.path.join(out, n), "rb").read() ==
            open(os.path.join(again, n), "rb").read()
            for n in ("node0/model.cpp", "node0/CMakeLists.txt",
                      "manifest.json")), "")
        generic = self.compile("generic", model, 1, "--target", "generic")
        self.given("generic", os.path.join(generic, "node0"), [], "-O3",
                   "-march=*")

    def several_targets(self):
        """Nodes of several targets in one process: each has its own levels, what they share the least."""
        model = make_model(self.path("m/model.onnx"), 4, 40)
        cluster = self.path("m/cluster.toml")
        write(cluster, b''.join(b'[[node]]\ntarget = "%s"\n\n' % t for t in (b"x86-64-v3,x86-64-v4", b"x86-64-v2")))
        out = self.path("several")
        done = self.call("compile", model, "--cluster", cluster, "-o", out)
        source = os.path.join(out, "cluster")
        if done.returncode or (done := self.configure(source, "several", [])).returncode:
            return self.tally.fail("several targets", done.stderr[-400:])
        with open(os.path.join(self.path("build-several"), "compile_commands.json"), encoding="utf-8") as file:
            commands = {os.path.relpath(e["file"], out): shlex.split(e["command"]) for e in json.load(file)}
        for name, level in (("node0/model.cpp", "v3"), ("node0/model_x86-64-v4.cpp", "v4"), ("node1/model.cpp", "v2"),
                            ("node0/runtime/disco.cpp", "v2"), ("cluster/main.cpp", "v1")):
            words = [w for w in commands[name] if w.startswith("-march=")]
            self.tally.check(f"several targets: {name}", words[-1:] == ["-march=x86-64" + level.replace("v1", "").replace("v", "-v")],
                             str(words))
        with open(os.path.join(source, "main.cpp"), encoding="utf-8") as file:
            text = file.read()
        self.tally.check("several targets: the processor", '"avx2"' in text and "x86-64-v3" in text, text)

    def warnings(self, name, source, file):
        wanted = "-Wall -Wextra -Wconversion"
        self.given(f"{name}: warnings", source, [], wanted, "-Werror",
                   file=file)
        self.given(f"{name}: DISCO_WERROR", source, ["-DDISCO_WERROR=ON"],
                   wanted + " -Werror", "", file=file)
        self.given(f"{name}: DISCO_WERROR in the environment", source, [],
                   "-Werror", "", {"DISCO_WERROR": "ON"}, file=file)

    def build_files(self):
        model = make_model(self.path("f/model.onnx"), 4, 40)
        out = self.compile("files", model, 1)
        node, cluster = (os.path.join(out, d) for d in ("node0", "cluster"))
        self.build_types(node, "node", BUILD_TYPES, "model.cpp")
        self.build_types(cluster, "cluster", BUILD_TYPES, "disco.cpp")
        self.targets(node, cluster)
        self.levels()
        self.native()
        self.several_targets()
        self.warnings("node", node, "model.cpp")
        self.warnings("cluster", cluster, "inproc_main.cpp")
        if not shutil.which("arm-none-eabi-g++"):
            self.tally.skip("board", "no arm-none-eabi-g++")
            return
        board = os.path.join(self.compile("board", model, 1, "--board",
                                          "netduinoplus2"), "node0")
        self.build_types(board, "board", BOARD_TYPES, "disco.cpp",
                         " -march=native")
        self.given("board: kernels", board, [], "-O2", "-march=native")
        self.given("board: kernels for debugging", board,
                   ["-DCMAKE_BUILD_TYPE=Debug"], "-g", "-O2 -Os -O3")
        self.warnings("board", board, "board_main.cpp")

    def run(self):
        self.build_files()
        self.small_weights()
        self.weights()
        return self.tally.close()


def write(path, data):
    with open(path, "wb") as stream:
        stream.write(data)


def main():
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-emitted-") as folder:
        return Suite(folder).run()


if __name__ == "__main__":
    sys.exit(main())
