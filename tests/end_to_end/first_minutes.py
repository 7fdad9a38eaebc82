# SPDX-License-Identifier: Apache-2.0
"""What a newcomer sees of a model: inspect, the lines that compile ends with, verify, and programs started by hand.

    first_minutes.py [--only REGEX]
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402

CLOSING = ["written", "nodes", "exchanged", "limit", "next"]
AGAIN_S = 10  # whom a program waits for is said so often


def network(path, shape, activation="Relu"):
    """Two convolutions and a Gemm that fits pictures of 16 by 16 only; `shape` may have names, and None."""
    rng = np.random.RandomState(5)
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], name="a/convolution/with/a/long/name/conv1", pads=[1] * 4),
        helper.make_node(activation, ["a"], ["b"], name="act"),
        helper.make_node("Conv", ["b", "w2"], ["c"], name="conv2", pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Flatten", ["c"], ["d"], name="flat"),
        helper.make_node("Gemm", ["d", "w3"], ["y"], name="fc", transB=1),
    ]
    weights = {"w1": (9, 3, 3, 3), "w2": (9, 9, 3, 3), "w3": (12, 9 * 8 * 8)}
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0], 12])],
        [numpy_helper.from_array(rng.randn(*dims).astype("f"), name) for name, dims in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    with open(path, "wb") as stream:
        stream.write(model.SerializeToString())
    return path


def run(*command, cwd=None):
    return subprocess.run([discoc.binary(), *command], capture_output=True, text=True, timeout=600, cwd=cwd)


def fields(text):
    """Label and text of every line that begins with a label; lines that go on are joined."""
    found = []
    for line in text.splitlines():
        if re.match(r"^[a-z0-9 ]{1,10} {1,}\S", line[:12]) and not line.startswith("  "):
            found.append((line[:11].strip(), line[11:]))
        elif line.startswith(" " * 11) and found:
            found[-1] = (found[-1][0], found[-1][1] + " " + line.strip())
    return found


def field(text, label):
    return next((value for name, value in fields(text) if name == label), "")


class FirstMinutes:
    def __init__(self, folder, tally):
        self.folder, self.tally = folder, tally

    def path(self, name):
        return os.path.join(self.folder, name)

    def openDimensions(self):
        path = network(self.path("open.onnx"), ["batch", 3, "height", "width"])
        done = run("inspect", path, "-n", "2")
        self.tally.check("open: shown", done.returncode == 0, done.stderr)
        said = field(done.stdout, "open")
        self.tally.check("open: named", said.startswith("batch, height, width;"), said)
        self.tally.check("open: input", "float32 batch x 3 x height x width" in field(done.stdout, "input"), done.stdout)
        pins = shlex.split(said.partition(": ")[2])
        # 224 is tried first, and 16 is the only size that will do.
        self.tally.check("open: sizes", pins == ["--pin", "batch=1", "--pin", "height=16", "--pin", "width=16"], said)
        out = self.path("pinned")
        compiled = run("compile", path, "-n", "2", *pins, "-o", out)
        self.tally.check("open: what is advised compiles", compiled.returncode == 0, compiled.stderr)
        self.sameNumbers(done.stdout, compiled.stdout, out)
        written = run("inspect", path, "-n", "2", "--write-owners", self.path("owners.json"))
        self.tally.check("open: owners are for sizes that were stated",
                         written.returncode == 1 and "--pin" in written.stderr, written.stderr)

    def sameNumbers(self, inspected, compiled, out):
        a, b = field(inspected, "exchanged"), field(compiled, "exchanged")
        self.tally.check("bytes: of inspect and compile", a == b and a, f"{a!r} and {b!r}")
        report = run("report", out).stdout
        sent = re.search(r"^  sent +\S+ \S+ +(\S+ \S+)", report, re.M)
        self.tally.check("bytes: of the report", sent and a.startswith(sent.group(1) + " in "), f"{a!r}: {report}")
        reads = re.findall(r"^  conv2 .* (\S+ k?B)  1->0 (\S+ k?B), 0->1 (\S+ k?B)$", inspected, re.M)
        self.tally.check("bytes: by pair at N = 2", len(reads) == 1, inspected)

    def unnamed(self):
        path = network(self.path("unnamed.onnx"), [None, 3, None, None])
        done = run("inspect", path)
        self.tally.check("no names: a shape", "--input-shape x=1x3x16x16" in done.stdout and done.returncode == 0,
                         done.stdout + done.stderr)

    def refused(self):
        path = network(self.path("refused.onnx"), ["n", 3, 16, 16], activation="Bernoulli")
        done = run("inspect", path, "-n", "2")
        self.tally.check("refused: code", done.returncode == 1, str(done.returncode))
        self.tally.check("refused: what there is", "Conv 2" in field(done.stdout, "ops") and
                         "n x 12" in field(done.stdout, "output") and "--pin n=1" in field(done.stdout, "open"), done.stdout)
        self.tally.check("refused: why", re.search(r"op 'act' \(Bernoulli", done.stderr), done.stderr)

    def recurrent(self):
        short, long = self.recurrence(5), self.recurrence(70)
        self.tally.check("recurrent: named", field(short, "in turn").startswith("RNN 1 ("), short)
        self.tally.check("recurrent: unrolled", not field(short, "in steps") and "nothing" in field(short, "undivided"), short)
        self.tally.check("recurrent: whole, its input product divided", "in steps   rnn (70 steps): every node computes" in long, long)
        # 16 of a step's 48 multiply-adds are of the hidden state.
        self.tally.check("recurrent: what is not divided", field(long, "undivided").startswith("1 RNN on every node (33.3 %"), long)

    def recurrence(self, steps):
        rng = np.random.RandomState(6)
        graph = helper.make_graph(
            [helper.make_node("RNN", ["x", "w3", "r3"], ["y"], name="rnn", hidden_size=4)], "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [steps, 1, 8])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [steps, 1, 1, 4])],
            [numpy_helper.from_array(rng.randn(*dims).astype("f"), name)
             for name, dims in (("w3", (1, 4, 8)), ("r3", (1, 4, 4)))])
        path = self.path("recurrent.onnx")
        with open(path, "wb") as stream:
            stream.write(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)],
                                           ir_version=8).SerializeToString())
        done = run("inspect", path, "-n", "2")
        return done.stdout + done.stderr

    def manyNodes(self):
        path = network(self.path("fixed.onnx"), [1, 3, 16, 16])
        short, pairs = run("inspect", path, "-n", "3").stdout, run("inspect", path, "-n", "3", "--pairs").stdout
        self.tally.check("N = 3: a line a layer", "->" not in short and re.search(r"^  conv2 ", short, re.M), short)
        self.tally.check("N = 3: --pairs", all(f"{a}->{b} " in pairs for a in range(3) for b in range(3) if a != b), pairs)
        self.tally.check("long names are cut in the middle", re.search(r"^  a/convol\S*\.\.\S*conv1 ", short, re.M), short)

    def closing(self):
        path, out = network(self.path("fixed.onnx"), [1, 3, 16, 16]), self.path("out")
        done = run("compile", path, "-n", "2", "-o", out)
        lines = done.stdout.splitlines()
        self.tally.check("compile: five lines", [line.split(" ")[0] for line in lines] == CLOSING, done.stdout)
        following = shlex.split(field(done.stdout, "next"))
        self.tally.check("compile: the next command", following == ["discoc", "run", out, "--input", "x=FILE.npy"], following)
        np.save(self.path("x.npy"), np.ones((1, 3, 16, 16), "f"))
        ran = run(*following[1:-1], "x=" + self.path("x.npy"))
        self.tally.check("compile: what is advised runs", ran.returncode == 0, ran.stderr)
        self.tally.check("run is quiet about its programs", "rank " not in ran.stderr, ran.stderr)
        alone = run("compile", path, "-n", "1", "-o", self.path("alone")).stdout
        self.tally.check("compile: one node", "nothing" in field(alone, "exchanged") and "fc (Gemm)" in field(alone, "limit"),
                         alone)

    def whatIf(self):
        path = network(self.path("looked.onnx"), [1, 3, 16, 16])
        done = run("inspect", path, "--what-if")
        rows = re.findall(r"^ +(\d) +\S+ k?B ", done.stdout, re.M)
        self.tally.check("what if: N of 1 to 8", rows == list("12345678"), done.stdout + done.stderr)
        self.tally.check("what if: says whether dividing pays", all(
            re.search(rf"^over {link}bit/s (dividing pays: \d|it does not pay: \d)", done.stdout, re.M)
            for link in ("10 M", "100 M", "1 G")), done.stdout)
        found = json.loads(run("inspect", path, "--what-if", "--json").stdout)
        rows = found["tables"][0]["rows"]
        self.tally.check("what if: one node is its own measure", [t["speed_up"] for t in rows[0]["links"]] == [1] * 3, rows[0])
        times = [t["latency_ns"] for t in rows[1]["links"]]
        self.tally.check("what if: slower links take longer", times == sorted(times, reverse=True) and times[0] > times[2], times)
        self.tally.check("what if: no masks, one table", len(found["tables"]) == 1, found)
        self.tally.check("what if: options that it excludes",
                         all(run("inspect", path, *more).returncode == 2
                             for more in (["--what-if", "-n", "2"], ["--json"])), "")
        board = json.loads(run("inspect", path, "--what-if", "--json", "--board", "mps2-an386").stdout)
        self.tally.check("what if: boards, and whether they hold it",
                         board["tables"][0]["rows"][0]["fits"] is True and board["sentences"][0] == "fits into 1 of mps2-an386",
                         board)
        wrong = run("inspect", path, "--what-if", "--board", "nothing")
        self.tally.check("what if: no such board", wrong.returncode == 1 and "nothing" in wrong.stderr, wrong.stderr)
        self.simulate(path, rows[1])
        self.profile(path)

    def profile(self, path):
        with open(os.path.join(HERE, "..", "..", "docs", "formats", "profile.md")) as stream:
            measured = json.loads(re.search(r"^```json\n(.*?)^```", stream.read(), re.M | re.S).group(1))
        measured["compiler"] = run("--version").stdout.split()[-1]
        times = {}
        for name, more in (("measured", {}), ("slower", {"mac_ns": {"f32": 1000}, "kernels": []}), ("newer", {"version": 2}),
                           ("foreign", {"compiler": "9.9.9"})):
            with open(self.path(name + ".json"), "w") as stream:
                json.dump({**measured, **more}, stream)
            profile = ["--profile", self.path(name + ".json")]
            looked = run("inspect", path, "--what-if", "--json", *profile)
            out = self.path("with-" + name)
            compiled = run("compile", path, "-n", "1", "-o", out, *profile)
            if name in ("newer", "foreign"):
                why = "version" if name == "newer" else "measure anew"
                self.tally.check(f"profile: {name}", looked.returncode == 1 == compiled.returncode and why in looked.stderr and
                                 why in compiled.stderr and not os.path.exists(out), looked.stderr + compiled.stderr)
                continue
            self.tally.check(f"profile: {name}", looked.returncode == 0 == compiled.returncode and
                             measured["host"] in looked.stdout, looked.stderr + compiled.stderr)
            played = json.loads(run("simulate", out, "--json", *profile).stdout)["latency_ns"]
            with open(os.path.join(out, "report.json")) as stream:
                times[name] = (json.loads(looked.stdout)["tables"][0]["rows"][0]["links"][0]["latency_ns"], played,
                               json.load(stream)["schedule"]["latency_ns"])
        self.tally.check("profile: what if, simulate and compile agree", all(len(set(t)) == 1 for t in times.values()), times)
        self.tally.check("profile: a slower host is slower", times["slower"] > times["measured"], times)

    def simulate(self, path, row):
        """What was compiled takes what was foretold: there is one model of time."""
        out = self.path("played")
        compiled = run("compile", path, "-n", "2", "-o", out)
        self.tally.check("simulate: compiled", compiled.returncode == 0, compiled.stderr)
        unknown = run("simulate", out)
        self.tally.check("simulate: links of unknown speed", unknown.returncode == 1 and "give --bandwidth" in unknown.stderr,
                         unknown.stderr)
        link = ["--bandwidth", "11.75e6", "--latency", "1e-4"]
        events = json.loads(run("simulate", out, *link, "--json").stdout)
        self.tally.check("simulate: the latency of what if", events["latency_ns"] == row["links"][1]["latency_ns"],
                         f'{events["latency_ns"]} and {row}')
        with open(os.path.join(out, "manifest.json")) as stream:
            messages = json.load(stream)["messages"]
        sent = sorted((e["message"], e["to"], e["bytes"]) for e in events["events"] if e["kind"] == "transfer")
        self.tally.check("simulate: every message once", sent == sorted((m["id"], m["to"], m["bytes"]) for m in messages), sent)
        twice = json.loads(run("simulate", out, *link, "--json", "--inferences", "2").stdout)
        self.tally.check("simulate: back to back", {e["inference"] for e in twice["events"]} == {0, 1}, "")
        text = run("simulate", out, *link).stdout
        self.tally.check("simulate: for people", re.search(r"^latency    \S+ ms$", text, re.M), text)
        for name, steps, why in (("circle", "s 0 p1 r1 s0 f0\ns 1 p0 r0 s1 f1\n",
                                  "deadlocks: node 0 waits for message 1 of node 1, node 1 waits for message 0 of node 0"),
                                 ("starves", "s 0 p1 r1\n", "starves: node 0 waits for message 1 of node 1, which has ended")):
            with open(self.path(name + ".txt"), "w") as stream:
                stream.write("discoc-schedule 1\nnode board 0\nnode board 0\nlink packets full 1e6 0 0 1\nway 0 1 0 0 1\n"
                             "way 1 0 0 1 0\nm 0 0 1 8 -1\nm 1 1 0 8 -1\n" + steps)
            done = run("simulate", self.path(name + ".txt"))
            self.tally.check("simulate: " + name, done.returncode == 1 and why in done.stderr, done.stderr)
        for name, why in (("nowhere", "cannot be read"), ("looked.onnx", "line 1: is no schedule")):
            done = run("simulate", self.path(name), *link)
            self.tally.check("simulate: " + why, done.returncode == 1 and why in done.stderr, done.stderr)

    def inputs(self):
        out = self.path("out")
        with open(self.path("x.npy"), "rb") as stream:
            piped = subprocess.run([discoc.binary(), "run", out, "--input", "x=-", "--show", "y=scores"], stdin=stream,
                                   capture_output=True, text=True, timeout=600)
        self.tally.check("run: from standard input", piped.returncode == 0 and "#" in piped.stdout, piped.stderr)
        wrong = subprocess.run([discoc.binary(), "run", out, "--input", "x=-"], input=b"\x93NUMPY no array", capture_output=True, timeout=600)
        self.tally.check("run: a bad array on standard input", wrong.returncode == 1 and b"error: standard input: " in wrong.stderr, str(wrong.stderr))
        empty = subprocess.run([discoc.binary(), "run", out, "--input", "x=-"], stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=600)
        self.tally.check("run: nothing on standard input", empty.returncode == 1 and "is empty" in empty.stderr, empty.stderr)
        os.makedirs(self.path("many"))
        for name in ("a.npy", "b.npy"):
            shutil.copy(self.path("x.npy"), self.path("many/" + name))
        folder = run("run", out, "--input", "x=" + self.path("many"))
        self.tally.check("run: a folder", folder.returncode == 0 and "2 inferences" in folder.stdout and
                         "b.npy: " in folder.stdout, folder.stdout + folder.stderr)
        wrong = run("run", out, "--input", "x=" + self.path("x.npy"), "--show", "y=what")
        self.tally.check("run: no such kind", wrong.returncode == 1 and "a kind is scores" in wrong.stderr, wrong.stderr)

    def verify(self):
        os.makedirs(self.path("away"))
        done = run("verify", self.path("out"), cwd="/")
        self.tally.check("verify finds the model where it was", done.returncode == 0, done.stderr)
        shutil.move(self.path("fixed.onnx"), self.path("away/moved.onnx"))
        done = run("verify", self.path("out"), cwd="/")
        self.tally.check("verify says that it is gone", done.returncode == 1 and "neither where it was" in done.stderr,
                         done.stderr)

    def byHand(self):
        programs = [os.path.join(self.path("out"), f"node{rank}", "build", "shard") for rank in (0, 1)]
        for quiet in ([], ["--quiet"]):
            second = subprocess.Popen([programs[1], "--peer", "0=127.0.0.1:17711", *quiet], stderr=subprocess.PIPE, text=True)
            time.sleep(0 if quiet else AGAIN_S + 1)
            first = subprocess.run([programs[0], "--listen", "17711", "--input", "x=" + self.path("x.npy"), "--output-dir",
                                    self.path("results"), *quiet], capture_output=True, text=True, timeout=60)
            said = [first.stderr, second.communicate(timeout=60)[1]]
            if quiet:
                self.tally.check("--quiet", said == ["", ""], str(said))
                continue
            self.tally.check("by hand: they end well", first.returncode == 0 and second.returncode == 0, str(said))
            self.tally.check("by hand: listens", "rank 0: listens on 127.0.0.1:17711\n" in said[0], said[0])
            self.tally.check("by hand: waits, and says so again", said[1].count("rank 1: waits for rank 0 at 127.0.0.1:17711 ("
                             "nobody listens there)\n") == 2, said[1])
            for rank in (0, 1):
                self.tally.check(f"by hand: rank {rank}, all are there", f"rank {rank}: all 2 nodes are there\n" in said[rank],
                                 said[rank])
                self.tally.check(f"by hand: rank {rank}, what was done", re.search(
                    rf"^rank {rank}: done, 1 inference in \S+ s, sent \d+ bytes in \d+ messages", said[rank], re.M), said[rank])
            self.tally.check("by hand: where outputs are", "; outputs in " + self.path("results") in said[0], said[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        suite = FirstMinutes(folder, discoc.Tally())
        for step in ("openDimensions", "unnamed", "refused", "recurrent", "manyNodes", "closing", "whatIf", "inputs", "byHand", "verify"):
            if re.search(args.only, step):
                getattr(suite, step)()
        return suite.tally.close()


if __name__ == "__main__":
    sys.exit(main())
