#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Programs with several inferences in flight (`compile --in-flight`).

Streams of 1, 2, K - 1, K, K + 1 and 12 inputs have the bits of one at a time, over links that hold nothing, as the proof
assumes, over mailboxes, and as processes over TCP with and without shared memory, and over UDP; nodes that pause at random change
nothing; a node that is killed or stopped is named; what cannot be had is refused.

    streams.py [--full]      four nodes, too, and 10,000 inferences with pauses
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

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

NODES, IN_FLIGHT, LONGEST = (1, 2, 3), (1, 2, 3), 12
MODELS = {"shuffled": seeded.shuffled, "transformer": seeded.transformer, "int8": lambda: quantised.network(True)}


def batch_of(feeds, count):
    return {name: value[:count * (len(value) // LONGEST)] for name, value in feeds.items()}


def pause(shards, seed):
    """Stops one process after another for up to 30 ms until one has ended."""
    draw = random.Random(seed)
    while all(process.poll() is None for process in shards.processes):
        victim = draw.choice(shards.processes)
        victim.send_signal(signal.SIGSTOP)
        time.sleep(draw.uniform(0, 0.03))
        victim.send_signal(signal.SIGCONT)
        time.sleep(draw.uniform(0, 0.02))


class Suite:
    def __init__(self, folder, nodes, paused):
        self.folder, self.nodes, self.paused, self.tally = folder, nodes, paused, discoc.Tally()
        self.runtime = cluster.Runtime(os.path.join(folder, "runtime"))

    def out(self, name, nodes, in_flight):
        return os.path.join(self.folder, f"{name}{nodes}_{in_flight}")

    def prepare(self, name):
        """The model's path, inputs of a long stream, and the names of the outputs."""
        path = os.path.join(self.folder, name + ".onnx")
        onnx.save(MODELS[name](), path)
        model, rng = graph.load(path), np.random.default_rng(5)
        each = [graph.random_inputs(model, rng) for _ in range(LONGEST)]
        feeds = {key: np.concatenate([one[key] for one in each]) for key in each[0]}
        return path, feeds, [o.name for o in model.graph.output]

    def same_bits(self, name, path, feeds, outputs):
        settings = [(n, k) for n in self.nodes for k in IN_FLIGHT]
        outs = []
        for nodes, k in settings:
            outs.append(self.out(name, nodes, k))
            extra = ["--in-flight", str(k)] if k > 1 else []
            discoc.compile(path, nodes, outs[-1], extra=[*extra, "--name", f"{name}{nodes}_{k}"])
        for places in (None, 2):
            program = os.path.join(self.folder, name + ("mail" if places else ""))
            cluster.build_inproc(outs, program, self.runtime, flags=("-O1", "-w", "-DDISCO_FILL_UNUSED"), numbered=True,
                                 mail=places is not None)
            for number, (nodes, k) in enumerate(settings):
                self.streams(f"{name}, N = {nodes}, K = {k}" + (", by mailbox" if places else ""), program, number,
                             settings.index((nodes, 1)), k, feeds, outputs, places)

    def streams(self, label, program, number, plain, k, feeds, outputs, places):
        def run(which, count):
            work = os.path.join(self.folder, f"w{which}")
            return cluster.run_inproc(program, which, batch_of(feeds, count), outputs, work, exact=places is None,
                                      places=places)[0]
        whole = run(plain, LONGEST)
        for count in sorted({1, 2, max(k - 1, 1), k, k + 1, LONGEST}):
            got = run(number, count)
            same = all(np.array_equal(got[o].reshape(-1), whole[o].reshape(-1)[:got[o].size]) and
                       got[o].size * LONGEST == whole[o].size * count for o in outputs)
            self.tally.check(f"{label}, {count} inputs", same, "other bits than one at a time has, or other counts")

    def processes(self, name, feeds, outputs):
        """Three nodes as processes; then one of them is killed."""
        out = self.out(name, 3, 3)
        plain = self.out(name, 3, 1)
        for each in (out, plain):
            cluster.build_shards(each)
        shards = cluster.Tcp(plain, 3, feeds, os.path.join(self.folder, "tcp"))
        shards.wait()
        wanted = shards.outputs(outputs)
        ways = {"shared memory": [], "TCP": ["--no-shared-memory"], "UDP": ["--transport", "udp"]}
        got = {}
        for way, extra in ways.items():
            shards = cluster.Tcp(out, 3, feeds, os.path.join(self.folder, "tcp"), extra=extra + ["--repeat", "20"])
            results = shards.wait()
            shards.close()
            good = all(code == 0 and report["inferences"] == 20 * LONGEST and ("udp" in report) == (way == "UDP") for code, report, _, _ in results)
            self.tally.check(f"{name}: {20 * LONGEST} inferences, {way}", good, str([r[:3] for r in results])[-900:])
            got[way] = shards.outputs(outputs)
        for way, found in got.items():
            self.tally.check(f"{name}: bits, {way}", all(np.array_equal(found[o], wanted[o]) for o in outputs),
                             "other bits than one at a time has")
        arrays = []
        for key, value in feeds.items():
            np.save(os.path.join(self.folder, key + ".npy"), value)
            arrays += ["--input", f"{key}={os.path.join(self.folder, key + '.npy')}"]
        done = subprocess.run([discoc.binary(), "run", out, *arrays], capture_output=True, text=True, timeout=300)
        self.tally.check("run says how many a second", done.returncode == 0 and "3 in flight: " in done.stdout and
                         " inferences a second; 99 % of them" in done.stdout, done.stdout + done.stderr)
        self.pauses(name, out, feeds, wanted)
        for victim, how in ((1, signal.SIGKILL), (2, signal.SIGKILL), (1, signal.SIGSTOP)):
            self.lose(out, feeds, victim, how)

    def pauses(self, name, out, feeds, wanted):
        """Nodes that stop for a while, at any moment."""
        repeat = -(-self.paused // LONGEST)
        shards = cluster.Tcp(out, 3, feeds, os.path.join(self.folder, "tcp"), extra=["--repeat", str(repeat)])
        pause(shards, 1)
        results = shards.wait()
        shards.close()
        good = all(code == 0 and report["inferences"] == repeat * LONGEST for code, report, _, _ in results)
        same = good and all(np.array_equal(shards.outputs([o])[o], value) for o, value in wanted.items())
        self.tally.check(f"{name}: {repeat * LONGEST} inferences with pauses", same, str([r[:3] for r in results])[-900:])

    def lose(self, out, feeds, victim, how):
        """A node is killed, or stops, under load: the others say which."""
        label = f"{how.name} of node {victim}"
        shards = cluster.Tcp(out, 3, feeds, os.path.join(self.folder, "tcp"), extra=["--repeat", "1000000", "--deadline-ms", "3000"])
        try:
            shards.processes[victim].wait(3)
            self.tally.fail(label, "it ended before")
        except subprocess.TimeoutExpired:
            shards.processes[victim].send_signal(how)
            for rank, process in enumerate(shards.processes):
                if rank != victim:
                    process.wait(30)
            shards.processes[victim].kill()
            rest = [r for rank, r in enumerate(shards.wait(30)) if rank != victim]
            good = all(code == 1 and report["failed_rank"] == victim for code, report, _, _ in rest)
            self.tally.check(label, good, str([r[:3] for r in rest])[-900:])
        shards.close()

    def refuse(self, path, name, options, *parts):
        out = os.path.join(self.folder, "refused")
        done = subprocess.run([discoc.binary(), "compile", path, "-o", out, *options], capture_output=True, text=True, timeout=60)
        self.tally.check(f"refused: {name}", done.returncode != 0 and all(p in done.stderr for p in parts) and
                         not os.path.exists(out), f"code {done.returncode}: {done.stderr}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="four nodes, too, and 10,000 inferences with pauses")
    a = parser.parse_args()
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-streams-") as folder:
        suite = Suite(folder, (*NODES, 4) if a.full else NODES, 10000 if a.full else 600)
        for name in MODELS:
            path, feeds, outputs = suite.prepare(name)
            suite.same_bits(name, path, feeds, outputs)
            if name == "shuffled":
                suite.processes(name, feeds, outputs)
        suite.refuse(path, "nine in flight", ["--in-flight", "9"], "--in-flight")
        suite.refuse(path, "a state", ["--in-flight", "2", "--state", "a=b"], "--in-flight 2", "--state")
        suite.refuse(path, "a trace", ["--in-flight", "2", "--trace"], "--in-flight 2", "--trace")
        suite.refuse(path, "a board", ["--in-flight", "2", "-n", "2", "--board", "mps2-an386"], "node 0 is a board")
    return suite.tally.close()


if __name__ == "__main__":
    sys.exit(main())
