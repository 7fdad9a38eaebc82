#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Inputs that come while the program runs (`--input NAME=-`, a FIFO), outputs that leave as they are done (`--output-dir -`).

Streams of 0 to K + 1 inputs, one array each or all in one; an output is there before the next input is given; slow readers; inputs
that are dropped; full disks, readers that leave, streams that break, a node that is killed with three inferences in flight: which
outputs are given.

    live.py
"""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import seeded  # noqa: E402

COUNT = 12


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def arrays_of(data):
    """The arrays that lie one behind the other."""
    stream, found = io.BytesIO(data), []
    while stream.tell() < len(data):
        found.append(np.load(stream))
    return found


class Nodes:
    """Two nodes as processes, of which the first has pipes."""

    def __init__(self, out, *root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, every=()):
        ports = cluster.free_ports(2)
        self.root = subprocess.Popen([cluster.shard_of(out, 0), "--listen", f"127.0.0.1:{ports[0]}", "--quiet", *every, *root],
                                     stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
        self.other = subprocess.Popen([cluster.shard_of(out, 1), "--listen", f"127.0.0.1:{ports[1]}", "--peer",
                                       f"0=127.0.0.1:{ports[0]}", "--quiet", "--json", *every], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)

    def end(self, data=None, timeout=60):
        """Exit codes of both, what the first wrote and said."""
        out, err = self.root.communicate(data, timeout)
        other, _ = self.other.communicate(timeout=timeout)
        self.said = json.loads(other) if other.strip() else {}
        return self.root.returncode, self.other.returncode, out, err.decode(errors="replace")


class Suite:
    def __init__(self, folder):
        self.folder, self.tally = folder, discoc.Tally()
        path = os.path.join(folder, "shuffled.onnx")
        onnx.save(seeded.shuffled(), path)
        model, rng = graph.load(path), np.random.default_rng(7)
        feeds = [graph.random_inputs(model, rng) for _ in range(COUNT)]
        (self.name,) = feeds[0]
        self.inputs = [feed[self.name] for feed in feeds]
        self.output = model.graph.output[0].name
        self.outs = {}
        for k in (1, 3):
            self.outs[k] = os.path.join(folder, f"out{k}")
            discoc.compile(path, 2, self.outs[k], extra=["--in-flight", str(k)] if k > 1 else [])
            cluster.build_shards(self.outs[k])
        shards = cluster.Tcp(self.outs[1], 2, {self.name: np.concatenate(self.inputs)}, os.path.join(folder, "plain"))
        shards.wait()
        whole = shards.outputs([self.output])[self.output]
        self.wanted = np.split(whole, COUNT)

    def arguments(self):
        return ["--input", f"{self.name}=-", "--output-dir", "-"]

    def right(self, found, wanted):
        return len(found) == len(wanted) and all(np.array_equal(a, b) for a, b in zip(found, wanted))

    def check(self, label, done, found, wanted, codes, *parts):
        good = done[:2] == codes and self.right(found, wanted) and all(p in done[3] for p in parts)
        self.tally.check(label, good, f"codes {done[:2]}, {len(found)} outputs of {len(wanted)}: {done[3]}")

    def counts(self, k):
        for count in sorted({0, 1, 2, max(k - 1, 1), k, k + 1, COUNT}):
            done = Nodes(self.outs[k], *self.arguments()).end(b"".join(map(npy, self.inputs[:count])))
            self.check(f"K = {k}, a stream of {count}", done, arrays_of(done[2]), self.wanted[:count], (0, 0))
        done = Nodes(self.outs[k], *self.arguments()).end(npy(np.concatenate(self.inputs)))
        self.check(f"K = {k}, all in one array", done, arrays_of(done[2]), self.wanted, (0, 0))
        done = Nodes(self.outs[k], *self.arguments(), "--count", "5").end(b"".join(map(npy, self.inputs)))
        self.check(f"K = {k}, --count 5", done, arrays_of(done[2]), self.wanted[:5], (0, 0))

    def one_by_one(self, k):
        """An output is there while no further input is."""
        nodes, found = Nodes(self.outs[k], *self.arguments()), []
        for given in self.inputs:
            nodes.root.stdin.write(npy(given))
            nodes.root.stdin.flush()
            found.append(np.load(io.BytesIO(nodes.root.stdout.read(len(npy(self.wanted[0]))))))
        self.check(f"K = {k}, each output before the next input", nodes.end(), found, self.wanted, (0, 0))

    def fifo(self, k):
        path = os.path.join(self.folder, f"fifo{k}")
        os.mkfifo(path)
        target = os.path.join(self.folder, f"answers{k}")
        nodes = Nodes(self.outs[k], "--input", f"{self.name}={path}", "--output-dir", target, "--json", stdin=subprocess.DEVNULL)
        with open(path, "wb") as stream:
            for given in self.inputs:
                stream.write(npy(given))
        done = nodes.end()
        found = np.split(np.load(os.path.join(target, cluster.file_of([self.output], self.output))), COUNT)
        self.check(f"K = {k}, a FIFO, to a file", done, found, self.wanted, (0, 0))

    def slow_reader(self, k):
        nodes, found = Nodes(self.outs[k], *self.arguments()), []
        writer = threading.Thread(target=lambda: (nodes.root.stdin.write(b"".join(map(npy, self.inputs * 40))),
                                                  nodes.root.stdin.close()))
        writer.start()
        size = len(npy(self.wanted[0]))
        for number in range(40 * COUNT):
            time.sleep(0.5 if number == 3 else 0.002)
            found.append(np.load(io.BytesIO(nodes.root.stdout.read(size))))
        writer.join()
        nodes.root.stdin = None
        self.check(f"K = {k}, a slow reader drops nothing", nodes.end(), found, self.wanted * 40, (0, 0))

    def drops(self, k, which):
        """The other node stands still while the inputs come."""
        target = os.path.join(self.folder, f"dropped{k}{which}")
        nodes = Nodes(self.outs[k], "--input", f"{self.name}=-", "--output-dir", target, "--json", "--drop", which)
        nodes.root.stdin.write(npy(self.inputs[0]))
        nodes.root.stdin.flush()
        file = os.path.join(target, cluster.file_of([self.output], self.output))
        until = time.monotonic() + 20
        while not os.path.exists(file) and time.monotonic() < until:
            time.sleep(0.01)
        nodes.other.send_signal(signal.SIGSTOP)
        for given in self.inputs[1:]:
            nodes.root.stdin.write(npy(given))
            nodes.root.stdin.flush()
            time.sleep(0.02)
        time.sleep(0.3)
        nodes.other.send_signal(signal.SIGCONT)
        done = nodes.end()
        report = json.loads(done[2])
        found = list(np.split(np.load(file), report["inferences"]))
        places = [next(i for i, w in enumerate(self.wanted) if np.array_equal(w, f)) for f in found]
        last = COUNT - 1 in places
        good = done[:2] == (0, 0) and places == sorted(set(places)) and len(found) + report["dropped"] == COUNT and \
            report["dropped"] > 0 and last == (which == "oldest")
        self.tally.check(f"K = {k}, --drop {which}", good, f"{done[:2]}, outputs {places}, {report.get('dropped')} dropped: {done[3]}")

    def failures(self, k):
        data = b"".join(map(npy, self.inputs))
        with open("/dev/full", "wb") as full:
            done = Nodes(self.outs[k], *self.arguments(), stdout=full).end(data)
        self.tally.check(f"K = {k}, a full disk", done[:2] == (3, 1) and "No space left" in done[3], str(done))
        nodes = Nodes(self.outs[k], *self.arguments())
        nodes.root.stdout.close()
        nodes.root.stdout = None
        done = nodes.end(data)
        self.tally.check(f"K = {k}, a reader that leaves", done[:2] == (3, 1) and "Broken pipe" in done[3], str(done))
        done = Nodes(self.outs[k], *self.arguments()).end(data[:4 * len(npy(self.inputs[0]))] + b"nothing that NumPy writes")
        self.check(f"K = {k}, a stream that breaks", done, arrays_of(done[2]), self.wanted[:4], (3, 0), "not a .npy array")
        done = Nodes(self.outs[k], *self.arguments()).end(data[:-1])
        self.check(f"K = {k}, a stream that is cut off", done, arrays_of(done[2]), self.wanted[:-1], (3, 0), "ends within an array")
        done = Nodes(self.outs[k], *self.arguments()).end(npy(self.inputs[0]) + npy(np.zeros((2, 3), np.float32)))
        self.check(f"K = {k}, another shape", done, arrays_of(done[2]), self.wanted[:1], (3, 0), "another shape")
        done = Nodes(self.outs[k], *self.arguments()).end(npy(self.inputs[0]) + npy(self.inputs[0].astype(np.int32)))
        self.check(f"K = {k}, another type", done, arrays_of(done[2]), self.wanted[:1], (3, 0), "another element type")

    def killed(self, k):
        """All that was written before the failure is right, and in order; those in flight are not given."""
        nodes = Nodes(self.outs[k], *self.arguments())
        size, found = len(npy(self.wanted[0])), b""
        for given in self.inputs[:5]:
            nodes.root.stdin.write(npy(given))
            nodes.root.stdin.flush()
            found += nodes.root.stdout.read(size)
        nodes.other.kill()
        nodes.other.wait()
        done = nodes.end(b"".join(map(npy, self.inputs[5:8])))
        self.check(f"K = {k}, a node is killed", done, arrays_of(found + done[2]), self.wanted[:5], (1, -9), "rank 1")

    def refused(self):
        file = os.path.join(self.folder, "one.npy")
        np.save(file, self.inputs[0])
        for label, arguments, said in (
                ("--drop without a stream", ["--input", f"{self.name}={file}", "--drop", "oldest"], "--drop goes with"),
                ("--drop of what is no word", ["--input", f"{self.name}=-", "--drop", "some"], "neither oldest nor newest"),
                ("--repeat of a stream", ["--input", f"{self.name}=-", "--repeat", "2"], "--repeat does not go"),
                ("two kinds of standard output", [*self.arguments(), "--json"], "both want standard output")):
            done = subprocess.run([cluster.shard_of(self.outs[1], 0), *arguments], capture_output=True, text=True, timeout=30,
                                  stdin=subprocess.DEVNULL)
            self.tally.check(f"refused: {label}", done.returncode == 2 and said in done.stderr, done.stderr)


def main():
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-live-") as folder:
        suite = Suite(folder)
        for k in (1, 3):
            suite.counts(k)
            suite.one_by_one(k)
            suite.fifo(k)
            suite.slow_reader(k)
            for which in ("oldest", "newest"):
                suite.drops(k, which)
            suite.failures(k)
            suite.killed(k)
        suite.refused()
    return suite.tally.close()


if __name__ == "__main__":
    sys.exit(main())
