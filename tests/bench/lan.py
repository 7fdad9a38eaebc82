#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ResNet-50 on two nodes over a slow link: two network namespaces, joined by a
pair of virtual Ethernet ports whose rates `tc` holds down (token buckets, each
direction its own). Needs the right to make namespaces.

    lan.py [--rate 100mbit] [--rounds R] [--repeat N] [--first-in-line]
           [--target T] [MODEL]

Dense gather, dense with partial sums, and masks of 0.2, the picture handed out
as floats and as bytes. The programs run in turns, a round each; printed are the
median over the rounds of the programs' own medians, and how many times faster
masks are. --first-in-line: at real-time priority, on a machine that others use.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np
import onnx

import bench
import cluster
import discoc

PREPROCESS = (
    '{"format": "discoc-preprocess", "version": 1, "inputs": {"%s": {"size": '
    '[%d, %d], "resize": "none", "layout": "NCHW", "color": "RGB", "scale": '
    '0.00392156862745098, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224,'
    ' 0.225]}}}')
WAYS = (("dense gather", ["--features-only"], False),
        ("dense with partial sums", [], False), ("masks 0.2", [], True))
ADDRESSES = ("10.99.0.1", "10.99.0.2")


class Link:
    """Two network namespaces and the ports between them. `burst`: what passes at once after a pause; ports of boards
    and switches let no more than a frame pass."""

    addresses = ADDRESSES

    def __init__(self, rate, burst="32kb"):
        self.holders = [subprocess.Popen(["unshare", "-n", "sleep", "3600"])
                        for _ in ADDRESSES]
        pids = [str(holder.pid) for holder in self.holders]
        try:
            self._wait(pids)
            self._in(0, "ip", "link", "add", "port0", "type", "veth", "peer",
                     "name", "port1", "netns", pids[1])
            for node, address in enumerate(ADDRESSES):
                port = f"port{node}"
                self._in(node, "ip", "address", "add", address + "/24", "dev",
                         port)
                for device in ("lo", port):
                    self._in(node, "ip", "link", "set", device, "up")
                self._in(node, "tc", "qdisc", "add", "dev", port, "root",
                         "tbf", "rate", rate, "burst", burst, "latency",
                         "400ms")
        except BaseException:
            self.close()
            raise

    def _wait(self, pids):
        """Until both are in namespaces of their own."""
        ours = os.readlink("/proc/self/ns/net")
        for pid in pids:
            while os.readlink(f"/proc/{pid}/ns/net") == ours:
                os.sched_yield()

    def enter(self, node):
        return ["nsenter", "-t", str(self.holders[node].pid), "-n"]

    def _in(self, node, *command):
        subprocess.run(self.enter(node) + list(command), check=True)

    def close(self):
        for holder in self.holders:
            holder.kill()
            holder.wait()


def median_ms(link, out, arguments, work, a):
    processes = []
    for node in (0, 1):
        command = link.enter(node) + (
            ["chrt", "-f", "50"] if a.first_in_line else []) + [
            "taskset", "-c", str(node % os.cpu_count()),
            cluster.shard_of(out, node), "--json", "--quiet",
            "--no-shared-memory", "--listen", f"{link.addresses[node]}:{7700 + node}"]
        if node == 0:
            command += arguments + ["--repeat", str(a.repeat), "--output-dir",
                                    os.path.join(work, "answers")]
        else:
            command += ["--peer", f"0={link.addresses[0]}:7700"]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE))
    results = [process.communicate(timeout=600) for process in processes]
    for process, (_, err) in zip(processes, results):
        if process.returncode:
            sys.exit(f"{out}: {err.decode(errors='replace')}")
    return json.loads(results[0][0])["time_us"]["median"] / 1e3


def compile_all(name, target, folder):
    """{(way, picture): (directory, its input's arguments)}"""
    found = bench.model(name, folder)
    masks = bench.write_masks(found, 2, folder)[0]
    value, given = next(iter(found.inputs(1).items()))
    model, shape = found.onnx, given.shape
    onnx.helper.set_model_props(model, {
        "discoc.preprocess": PREPROCESS % (value, *shape[2:])})
    path = os.path.join(folder, "stated.onnx")
    onnx.save(model, path)
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    made = {}
    for way, options, masked in WAYS:
        for picture, more in (("floats", []), ("bytes", ["--picture-bytes"])):
            out = os.path.join(folder, f"out{len(made)}")
            discoc.compile(path, 2, out, extra=options + more +
                           (["--target", target] if target else []),
                           masks=masks if masked else None)
            cluster.build_shards(out)
            feeds = {value: pixels if more else
                     pixels.astype(np.float32) / 255}
            work = out + ".inputs"
            os.makedirs(work)
            made[way, picture] = out, cluster.save_inputs(feeds, work)
    return made


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", nargs="?", default="resnet50")
    parser.add_argument("--rate", default="100mbit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--target", help="of discoc compile")
    parser.add_argument("--first-in-line", action="store_true")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="discoc-lan-") as folder:
        made = compile_all(a.model, a.target, folder)
        link = Link(a.rate)
        try:
            times = {key: [] for key in made}
            for _ in range(a.rounds):
                for key, (out, arguments) in made.items():
                    times[key].append(median_ms(link, out, arguments, folder,
                                                a))
        finally:
            link.close()
    middle = {key: statistics.median(values) for key, values in times.items()}
    name = os.path.splitext(os.path.basename(a.model))[0]
    print(f"{name}, N = 2, {a.rate}\n\n"
          "| picture as | program | ms | medians | masks are faster by |\n"
          "| --- | --- | ---: | --- | ---: |")
    for (way, picture), values in times.items():
        print(f"| {picture} | {way} | {middle[way, picture]:.1f} | "
              f"{min(values):.1f} to {max(values):.1f} | "
              f"{middle[way, picture] / middle['masks 0.2', picture]:.2f} |")


if __name__ == "__main__":
    main()
