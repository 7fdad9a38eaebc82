#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Programs whose messages are compressed (`compile --wire-compress`).

What keeps all bits gives those of a program without, over links that hold nothing, mailboxes, shared memory and TCP, with one and
three inferences in flight; `zfp:P` is near it; no message has more than 8 bytes more, and zeros take next to none; inputs that are
not finite; boards; what is refused.

    compressed.py [--damaged COUNT] [--full]
"""

import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import quantised  # noqa: E402
import seeded  # noqa: E402

EXACT, LOSSY, COUNT = ("sparse", "lz4", "zfp"), ("zfp:16",), 5
MODELS = {"shuffled": seeded.shuffled, "transformer": seeded.transformer, "int8": lambda: quantised.network(True)}


def sent(reports):
    """Payload of an inference, all nodes together, and messages."""
    peers = [(peer, report["inferences"]) for report in reports for peer in report["peers"]]
    return sum(p["tx_payload"] / n for p, n in peers), sum(p["tx_messages"] / n for p, n in peers)


class Suite:
    def __init__(self, folder, nodes):
        self.nodes, self.folder, self.tally = nodes, folder, discoc.Tally()
        self.runtime = cluster.Runtime(os.path.join(folder, "runtime"))

    def model(self, name):
        path = os.path.join(self.folder, name + ".onnx")
        onnx.save(MODELS[name](), path)
        model, rng = graph.load(path), np.random.default_rng(11)
        each = [graph.random_inputs(model, rng) for _ in range(COUNT)]
        feeds = {key: np.concatenate([one[key] for one in each]) for key in each[0]}
        return path, feeds, [o.name for o in model.graph.output]

    def all_ways(self, name):
        path, feeds, outputs = self.model(name)
        for nodes in self.nodes:
            settings = [("none", 1)] + [(how, k) for how in EXACT + LOSSY for k in (1, 3) if name == "int8" or k == 1 or how == "lz4"]
            outs = []
            for how, k in settings:
                outs.append(os.path.join(self.folder, f"{name}{nodes}{how.replace(':', '_')}{k}"))
                extra = ["--wire-compress", how] if how != "none" else []
                extra += ["--in-flight", str(k)] if k > 1 else []
                discoc.compile(path, nodes, outs[-1], extra=[*extra, "--name", os.path.basename(outs[-1])])
            for places in (None, 2):
                program = os.path.join(self.folder, f"{name}{nodes}" + ("mail" if places else ""))
                cluster.build_inproc(outs, program, self.runtime, flags=("-O1", "-w", "-DDISCO_FILL_UNUSED"), numbered=True,
                                     mail=places is not None)
                found = [cluster.run_inproc(program, number, feeds, outputs, os.path.join(self.folder, "work"),
                                            exact=places is None, places=places) for number in range(len(outs))]
                for (how, k), (got, report) in list(zip(settings, found))[1:]:
                    self.compare(f"{name}, N = {nodes}, {how}, K = {k}" + (", by mailbox" if places else ""), how in EXACT, got,
                                 report, *found[0])

    def compare(self, label, exact, got, report, plain, before):
        if exact:
            good = all(np.array_equal(got[o], plain[o]) for o in plain)
        else:
            good = all(np.allclose(got[o].astype(np.float64), plain[o], rtol=0.05, atol=0.05 * np.abs(plain[o]).max() + 1e-6)
                       for o in plain)
        bytes_, messages = sent(report["nodes"])
        before, plain_messages = sent(before["nodes"])
        good_bytes = bytes_ <= before + 8 * messages and messages == plain_messages
        self.tally.check(label, good and good_bytes, f"other {'bits' if exact else 'values'}: {not good}; {bytes_} bytes of {before}")

    def sizes(self):
        """Zeros take next to nothing, and what cannot be shorter 4 bytes more; also where values are not finite."""
        path = os.path.join(self.folder, "sum.onnx")
        x, y = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, 16, 8, 8]) for n in "xy")
        # What the first makes belongs to its nodes (an input would be handed to all of them), and the second reads all of it.
        weights = [onnx.numpy_helper.from_array(np.ones((16, 1, 1, 1), np.float32), "one"),
                   onnx.numpy_helper.from_array(np.random.default_rng(4).standard_normal((16, 16, 1, 1)).astype(np.float32), "w")]
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph(
            [onnx.helper.make_node("Conv", ["x", "one"], ["c"], group=16), onnx.helper.make_node("Relu", ["c"], ["r"]),
             onnx.helper.make_node("Conv", ["r", "w"], ["y"])], "g", [x], [y], weights),
            opset_imports=[onnx.helper.make_opsetid("", 17)]), path)
        rng = np.random.default_rng(3)
        random = rng.integers(1, 2 ** 31, (1, 16, 8, 8)).astype(np.int32)
        random[(random & 0x7f800000) == 0x7f800000] = 1
        cases = {"zeros": np.zeros((1, 16, 8, 8), np.float32), "noise": random.view(np.float32),
                 "not finite": np.where(rng.random((1, 16, 8, 8)) < 0.3, np.inf, 1).astype(np.float32)}
        outs = {how: os.path.join(self.folder, "sum_" + how.replace(":", "_")) for how in ("none", *EXACT, *LOSSY)}
        for how, out in outs.items():
            discoc.compile(path, 2, out, extra=["--wire-compress", how, "--name", "sum_" + how.replace(":", "_")])
            cluster.build_shards(out)
        for case, value in cases.items():
            got = {}
            for how, out in outs.items():
                for way in ([], ["--no-shared-memory"]):
                    shards = cluster.Tcp(out, 2, {"x": value}, os.path.join(self.folder, "tcp"), extra=way)
                    results = shards.wait()
                    shards.close()
                    if any(code for code, _, _, _ in results):
                        self.tally.fail(f"{case}, {how}", str(results)[-600:])
                        continue
                    got[how] = shards.outputs(["y"])["y"], *sent([r for _, r, _, _ in results])
                if how == "none":
                    continue
                value_, bytes_, messages = got[how]
                plain, before, _ = got["none"]
                bits = np.array_equal(value_.view(np.int32), plain.view(np.int32)) or (how in LOSSY and case == "noise")
                exchanged = sum(cluster.report_traffic(cluster.load_json(os.path.join(outs[how], "report.json")))[0].values())
                limit = before - 0.9 * exchanged if case == "zeros" else before + 8 * messages
                self.tally.check(f"{case}, {how}", bits and exchanged and bytes_ <= limit, f"same bits: {bits}; {bytes_} bytes of {before}")

    def board(self):
        """Boards, which have sparse alone."""
        path = self.model("int8")[0]
        out = os.path.join(self.folder, "boards")
        done = subprocess.run([discoc.binary(), "compile", path, "-o", out, "-n", "2", "--board", "mps2-an386",
                               "--wire-compress", "sparse"], capture_output=True, text=True, timeout=120)
        if done.returncode:
            return self.tally.fail("boards", done.stderr)
        done = subprocess.run([discoc.binary(), "verify", out, "--samples", "1"], capture_output=True, text=True, timeout=300)
        if "qemu-system-arm" in done.stderr and "not" in done.stderr:
            return self.tally.skip("boards", "no emulator")
        return self.tally.check("boards", done.returncode == 0, (done.stdout + done.stderr)[-900:])

    def damaged(self, count):
        """Payloads that were damaged on their way, with the sanitizers."""
        program = os.path.join(self.folder, "wire")
        cluster.call([cluster.compiler(), "-std=c++17", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                      "-I", discoc.RUNTIME, os.path.join(discoc.ROOT, "tests", "fuzz", "wire", "wire.cpp"), "-o", program, "-llz4", "-lzfp"])
        done = subprocess.run([program, str(count)], capture_output=True, text=True, timeout=600)
        for line in done.stdout.splitlines():
            self.tally.check(line.split(":")[0], " 0 failures" in line, line)
        self.tally.check("damaged messages", done.returncode == 0 and " refused" in done.stdout, done.stdout[-500:] + done.stderr[-1500:])

    def refuse(self, path, name, options, *parts):
        out = os.path.join(self.folder, "refused")
        done = subprocess.run([discoc.binary(), "compile", path, "-o", out, *options], capture_output=True, text=True, timeout=60)
        self.tally.check(f"refused: {name}", done.returncode != 0 and all(p in done.stderr for p in parts) and
                         not os.path.exists(out), f"code {done.returncode}: {done.stderr}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--damaged", type=int, default=2000, help="messages of each form, each damaged four times")
    parser.add_argument("--full", action="store_true", help="N = 2, 3 and 4, not 3 alone")
    a = parser.parse_args()
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-compressed-") as folder:
        suite = Suite(folder, (2, 3, 4) if a.full else (3,))
        for name in MODELS:
            suite.all_ways(name)
        suite.sizes()
        suite.damaged(a.damaged)
        suite.board()
        path = os.path.join(folder, "int8.onnx")
        for how in ("lz4", "zfp"):
            suite.refuse(path, f"a board without {how}", ["--wire-compress", how, "-n", "2", "--board", "mps2-an386"],
                         f"--wire-compress {how}", "node 0 is a board", "sparse needs none")
        suite.refuse(path, "zfp:P in the exact order", ["--wire-compress", "zfp:8", "-n", "2", "--exact-order"], "--exact-order")
        suite.refuse(path, "no such form", ["--wire-compress", "zip", "-n", "2"], "zip")
        suite.refuse(path, "a precision of none", ["--wire-compress", "lz4:3", "-n", "2"], "lz4:3")
    return suite.tally.close()


if __name__ == "__main__":
    sys.exit(main())
