#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`discoc calibrate --brief` measures this host, and what reads its profile says when it is of another one, or damaged."""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402

SAMPLE = os.path.join(HERE, "..", "..", "samples", "digits", "digits_dense.onnx")
CLUSTER = """
[[node]]
name = "here"
[[node]]
name = "there"
address = "192.0.2.7:7000"
[[node]]
name = "beside"
[[link]]
between = ["here", "beside"]
latency = 0.5
[[link]]
between = ["here", "there"]
bandwidth = 1e6
"""
TRANSPORTS = ("memory", "tcp", "udp")


def run(*command):
    return subprocess.run([discoc.binary(), *command], capture_output=True, text=True, timeout=900)


class Case:
    def __init__(self, folder):
        self.folder, self.tally = folder, discoc.Tally()

    def path(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
        return path

    def calibrate(self):
        cluster = self.path("cluster.toml", CLUSTER)
        done = run("calibrate", "--brief", "--force", "-o", self.path("p.json"), "--cluster", cluster)
        self.tally.check("measured", done.returncode == 0, done.stderr)
        with open(self.path("p.json")) as stream:
            profile = json.load(stream)
        self.tally.check("kernels", {"conv_blocks", "binary"} <= {k["kernel"] for k in profile["kernels"]} and
                         all(k["ns"] > 0 for k in profile["kernels"]), profile["kernels"])
        for name in TRANSPORTS:
            samples = profile["transports"].get(name, [])
            self.tally.check(f"transport {name}", samples and all(s["processor_ns"] > 0 for s in samples), samples)
        with open(cluster) as stream:
            self.tally.check("the cluster file stays", stream.read() == CLUSTER, cluster)
        for part in ("node 0 (here): measured", "node 1 (there): not measured: 192.0.2.7:7000 is another machine",
                     "link 1 of nodes 0, 1: not measured"):
            self.tally.check(f"cluster: {part}", part in done.stdout, done.stdout)
        for part in ("warning: ", "link 2 of nodes 0, 2 states a latency of 0.5 s"):
            self.tally.check(f"cluster: {part}", part in done.stderr, done.stderr)
        return profile

    def busy(self):
        """Without --force a machine that does something else is not measured."""
        if os.getloadavg()[0] < 2 * os.cpu_count():
            return
        done = run("calibrate", "--brief", "-o", self.path("busy.json"))
        self.tally.check("busy", done.returncode == 1 and "is busy" in done.stderr and "--force" in done.stderr and
                         not os.path.exists(self.path("busy.json")), done.stderr)

    def readers(self, profile):
        out = self.path("out")
        discoc.compile(SAMPLE, 2, out, extra=["--pin", "batch=1"])
        times = {}
        for name in TRANSPORTS:
            done = run("simulate", out, "--json", "--profile", self.path("p.json"), "--transport", name)
            self.tally.check(f"simulate {name}", done.returncode == 0 and "warning" not in done.stderr, done.stderr)
            times[name] = json.loads(done.stdout)["latency_ns"]
        slow = run("simulate", out, "--json", "--profile", self.path("p.json"), "--transport", "tcp", "--bandwidth", "1e4")
        self.tally.check("a slow link is slower", json.loads(slow.stdout)["latency_ns"] > 2 * times["tcp"], times)
        unknown = run("simulate", out, "--profile", self.path("p.json"), "--transport", "pigeons")
        self.tally.check("no such transport", unknown.returncode == 1 and "it has memory, tcp, udp" in unknown.stderr,
                         unknown.stderr)
        alone = run("simulate", out, "--transport", "tcp")
        self.tally.check("a transport needs a profile", alone.returncode == 2, alone.stderr)
        self.path("foreign.json", json.dumps({**profile, "host": "an abacus"}))
        foreign = run("simulate", out, "--profile", self.path("foreign.json"), "--transport", "tcp")
        self.tally.check("another machine", foreign.returncode == 0 and "was measured on 'an abacus'" in foreign.stderr,
                         foreign.stderr)
        self.damaged(out, profile)

    def damaged(self, out, profile):
        samples = profile["transports"]["tcp"]
        cases = [("falling", {"transports": {"tcp": samples[:1] * 2}}, "sort samples by bytes"),
                 ("negative", {"step_ns": -1}, "is no time"), ("older", {"compiler": "0.0.1"}, "discoc calibrate"),
                 ("wordy", {"kernels": "many"}, "$.kernels"), ("nothing", {"transports": {}}, "measure anew")]
        for name, more, why in cases:
            path = self.path(name + ".json", json.dumps({**profile, **more}))
            done = run("simulate", out, "--profile", path, "--transport", "tcp")
            self.tally.check(f"damaged: {name}", done.returncode == 1 and path in done.stderr and why in done.stderr, done.stderr)
        path = self.path("cut.json", json.dumps(profile)[:-100])
        done = run("simulate", out, "--profile", path, "--transport", "tcp")
        self.tally.check("damaged: cut", done.returncode == 1 and path in done.stderr, done.stderr)


def main():
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-calibrate-") as folder:
        case = Case(folder)
        case.busy()
        case.readers(case.calibrate())
    return case.tally.close()


if __name__ == "__main__":
    sys.exit(main())
