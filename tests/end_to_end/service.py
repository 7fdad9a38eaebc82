# SPDX-License-Identifier: Apache-2.0
"""A cluster under supervisors: nodes are killed and stopped again and again, and right answers come after each restart.

Also checks the unit of samples/service with systemd-analyze, where that is installed.

    service.py [--restarts 8] [--seed 0]
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import samples  # noqa: E402  (puts the oracles on the path)
import cluster  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402

SERVICE = os.path.join(discoc.ROOT, "samples", "service")
NODES = 3
DEADLINE = 2.0
OPTIONS = ["--deadline-ms", str(int(DEADLINE * 1000)), "--grace-ms", "500", "--start-deadline-ms", "20000"]


class Service:
    """Every node under samples/service/supervise; the root computes the same inference again and again."""

    def __init__(self, sample, programs, folder):
        self.sample, self.folder = sample, folder
        self.results = os.path.join(folder, "results")
        ports = cluster.free_ports(NODES)
        peers = ",".join(f"{rank}=127.0.0.1:{port}" for rank, port in enumerate(ports))
        inputs = cluster.save_inputs(sample.feeds, os.path.join(folder, "inputs"))
        self.logs = [open(os.path.join(folder, f"log{rank}"), "w", encoding="utf-8") for rank in range(NODES)]
        self.supervisors, self.programs = [], programs
        for rank, program in enumerate(programs):
            own = [*inputs, "--output-dir", self.results, "--repeat", str(1 << 32)] if rank == 0 else []
            self.supervisors.append(subprocess.Popen(
                [os.path.join(SERVICE, "supervise"), program, *OPTIONS, *own], stdin=subprocess.DEVNULL,
                stdout=self.logs[rank], stderr=self.logs[rank],
                env=dict(os.environ, DISCO_PEERS=peers, DELAY="0.3")))  # fmt: skip

    def node(self, rank):
        """The process of a node, or None while it is not there."""
        parent = self.supervisors[rank].pid
        found = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(parent)], stdout=subprocess.PIPE, text=True)
        for line in found.stdout.splitlines():
            pid, name = line.split()
            if name == "shard":
                return int(pid)
        return None

    def session(self):
        """Which file holds the outputs: every session makes new ones."""
        try:
            return [os.stat(os.path.join(self.results, cluster.file_of(self.sample.outputs, name))).st_ino
                    for name in self.sample.outputs]  # fmt: skip
        except FileNotFoundError:
            return None

    def next_session(self, before, seconds=60):
        """Seconds until another session has an answer, or None."""
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            now = self.session()
            if now and (not before or not set(now) & set(before)):
                return time.monotonic() - begin
            time.sleep(0.02)
        return None

    def outputs(self):
        return cluster.load_outputs(self.sample.outputs, self.results)

    def said(self):
        return "; ".join(open(log.name, encoding="utf-8").read()[-300:] for log in self.logs)

    def close(self):
        """Ends all supervisors; the nodes that they left alive."""
        nodes = [pid for pid in map(self.node, range(NODES)) if pid]
        for process in self.supervisors:
            process.terminate()
        for process in self.supervisors:
            process.wait(30)
        for log in self.logs:
            log.close()
        return [pid for pid in nodes if os.path.exists(f"/proc/{pid}")]


def disturb(service, rng):
    """Kills a node, or holds it up until the others have given it up; says which."""
    rank = rng.randrange(NODES)
    pid = service.node(rank)
    how = rng.choice(["killed", "killed", "terminated", "stopped"])
    if pid is None:
        return None
    if how == "stopped":
        os.kill(pid, signal.SIGSTOP)
        time.sleep(DEADLINE + 1.5)
        os.kill(pid, signal.SIGCONT)
    else:
        os.kill(pid, signal.SIGKILL if how == "killed" else signal.SIGTERM)
    return f"rank {rank} {how}"


def check_restarts(tally, restarts, rng):
    if not ort.library_path():
        return tally.skip("restarts", "no ONNX Runtime (DISCOC_ORT)")
    with tempfile.TemporaryDirectory(prefix="discoc-service-") as folder:
        sample = samples.Sample(samples.DIGITS, NODES, folder)
        want = sample.want()
        service = Service(sample, sample.build_apart(folder), folder)
        try:
            took = service.next_session(None)
            tally.check("first start", took is not None, service.said())
            for k in range(restarts if took is not None else 0):
                time.sleep(rng.uniform(0, 0.5))
                before = service.session()
                what = disturb(service, rng) or "nobody was there"
                took = service.next_session(before)
                title = f"restart {k}, {what}"
                if tally.check(title, took is not None, f"no answer: {service.said()}"):
                    print(f"     {title}: {took:.1f} s", flush=True)
                    why = compare.fault(service.outputs(), want)
                    tally.check(title, why is None, why)
        finally:
            alive = service.close()
        tally.check("the end", not alive, f"left {alive}")


def check_unit(tally):
    """A node of this machine stands in for the installed one: the program has to exist."""
    if not shutil.which("systemd-analyze"):
        return tally.skip("unit", "no systemd-analyze")
    with tempfile.TemporaryDirectory(prefix="discoc-unit-") as folder:
        with open(os.path.join(SERVICE, "discoc-node.service"), encoding="utf-8") as file:
            text = file.read()
        unit = os.path.join(folder, "discoc-node.service")
        with open(unit, "w", encoding="utf-8") as file:
            file.write(text.replace("/opt/discoc-node/build/shard", "/bin/true"))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)  # fmt: skip
        complaints = [line for line in done.stdout.splitlines() if "discoc-node" in line]
        tally.check("unit", done.returncode == 0 and not complaints, done.stdout)
        for line in ("Restart=always", "StartLimitIntervalSec=0"):
            tally.check(f"unit: {line}", line in text.splitlines(), "is missing")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--restarts", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    check_unit(tally)
    check_restarts(tally, a.restarts, random.Random(a.seed))
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
