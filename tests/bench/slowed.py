#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Three nodes of different speed as processes of this host: they sleep after every kernel until it took F times as long
(`--slow` of builds with DISCO_SLOW), in network namespaces whose links token buckets hold down, one of them slower. Equal
shares against what `partition` finds, foretold by `simulate` and measured.

    slowed.py --profile FILE [--rates 1,2,4] [--slowest 80] [--mbit 100] [--slow-link 10] [--prepare FOLDER] [MODEL...]

F is --slowest for the node of the least rate. Messages cost the processor what they do on this host. With --prepare programs
are only built; with the same folder again they are measured. Needs the right to make namespaces.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import bench
import cluster
import discoc
import predict

PAIRS = ((0, 1), (0, 2), (1, 2))
LATENCY = 5e-5  # of a message between two processes over TCP
WAYS = ("equal", "found")


class Links:
    """A namespace a node, and a pair of ports for every two of them."""

    def __init__(self, rates):
        self.holders = [subprocess.Popen(["unshare", "-n", "sleep", "3600"]) for _ in range(3)]
        pids = [str(holder.pid) for holder in self.holders]
        ours = os.readlink("/proc/self/ns/net")
        for pid in pids:
            while os.readlink(f"/proc/{pid}/ns/net") == ours:
                os.sched_yield()
        for (a, b), rate in zip(PAIRS, rates):
            self._in(a, "ip", "link", "add", f"to{b}", "type", "veth", "peer", "name", f"to{a}", "netns", pids[b])
            for node, other in ((a, b), (b, a)):
                self._in(node, "ip", "address", "add", self.address(node, other) + "/24", "dev", f"to{other}")
                self._in(node, "ip", "link", "set", f"to{other}", "up")
                self._in(node, "tc", "qdisc", "add", "dev", f"to{other}", "root", "tbf", "rate", f"{rate:g}mbit", "burst", predict.BURST,
                         "latency", "400ms")
        for node in range(3):
            self._in(node, "ip", "link", "set", "lo", "up")

    @staticmethod
    def address(node, other):
        return f"10.99.{10 * min(node, other) + max(node, other)}.{node + 1}"

    def enter(self, node):
        return ["nsenter", "-t", str(self.holders[node].pid), "-n"]

    def _in(self, node, *command):
        subprocess.run(self.enter(node) + list(command), check=True)

    def close(self):
        for holder in self.holders:
            holder.kill()
            holder.wait()


def write_cluster(a, folder):
    path = os.path.join(folder, "three.toml")
    with open(path, "w", encoding="utf-8") as stream:
        for k, factor in enumerate(a.factors):
            stream.write(f'[[node]]\nname = "n{k}"\nspeed = {1 / factor:.9g}\n')
        for (x, y), mbit in zip(PAIRS, a.links):
            stream.write(f'[[link]]\nbetween = ["n{x}", "n{y}"]\nbandwidth = {mbit * 1e6 * predict.PAYLOAD}\nlatency = {LATENCY}\n')
    return path


def prepare(name, a, folder):
    found = bench.model(name, folder)
    name = os.path.splitext(os.path.basename(name))[0]
    file, plan = write_cluster(a, folder), os.path.join(folder, f"{name}.toml")
    shapes = [f"--input-shape={key}={'x'.join(map(str, value.shape))}" for key, value in found.inputs(1).items()]
    subprocess.run([discoc.binary(), "partition", found.path, "--cluster", file, "--profile", a.profile, "-o", plan, *shapes], check=True,
                   stdout=subprocess.DEVNULL)
    for way, extra in (("equal", []), ("found", ["--plan", plan])):
        out = os.path.join(folder, f"{name}-{way}")
        if os.path.exists(out + ".json"):
            continue
        subprocess.run([discoc.binary(), "compile", found.path, "--cluster", file, *extra, *shapes, "--profile", a.profile, "--target", "native",
                        "--trace", "-o", out], check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run([discoc.binary(), "simulate", out, "--profile", a.profile, "--json"], stdout=subprocess.PIPE, text=True, check=True)
        os.environ["CXXFLAGS"] = "-DDISCO_SLOW"
        cluster.build_shards(out)
        os.makedirs(out + ".inputs", exist_ok=True)
        with open(plan, encoding="utf-8") as stream:
            lines = stream.read().splitlines()
        left = next((json.loads(line.split("=")[1]) for line in lines if line.startswith("leave_out")), []) if way == "found" else []
        with open(out + ".json", "w", encoding="utf-8") as stream:
            json.dump({"predicted": json.loads(done.stdout)["latency_ns"] / 1e6, "arguments": cluster.save_inputs(found.inputs(1), out + ".inputs"),
                       "nodes": [k for k in range(3) if f"n{k}" not in left],
                       "plan": " ".join(line for line in lines if line.startswith(("strategy", "shares", "leave_out"))) if way == "found" else ""}, stream)
    return name


def timed(out, stated, a, links, work):
    processes = []
    for rank, node in enumerate(stated["nodes"]):
        notes = os.path.join(work, f"notes{node}")
        os.makedirs(notes, exist_ok=True)
        command = links.enter(node) + ["chrt", "-f", "50", "env", f"DISCO_TRACE={notes}", cluster.shard_of(out, rank), "--json", "--quiet",
                                       "--no-shared-memory", "--spin-us", "0", "--slow", str(a.factors[node]), "--listen", f"0.0.0.0:{7700 + node}"]
        for lower in range(rank):
            other = stated["nodes"][lower]
            command += ["--peer", f"{lower}={links.address(other, node)}:{7700 + other}"]
        if rank == 0:
            command += [*stated["arguments"], "--repeat", str(a.repeat), "--output-dir", os.path.join(work, "answers")]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    results = [process.communicate(timeout=600) for process in processes]
    for process, (_, err) in zip(processes, results):
        if process.returncode:
            sys.exit(f"{out}: {err.decode(errors='replace')}")
    return json.loads(results[0][0])["time_us"]["median"] / 1e3


def measure(name, a, folder):
    stated, times = {}, {way: [] for way in WAYS}
    for way in WAYS:
        with open(os.path.join(folder, f"{name}-{way}.json"), encoding="utf-8") as stream:
            stated[way] = json.load(stream)
    links = Links(a.links)
    try:
        for _ in range(a.rounds):
            for way in WAYS:
                times[way].append(timed(os.path.join(folder, f"{name}-{way}"), stated[way], a, links, folder))
    finally:
        links.close()
    middle = {way: statistics.median(times[way]) for way in WAYS}
    for way in WAYS:
        foretold = stated[way]["predicted"]
        print(f"| {name} | {way} {stated[way]['plan']} | {foretold:.4g} | {middle[way]:.4g} | {min(times[way]):.4g} to {max(times[way]):.4g} | "
              f"{100 * (foretold / middle[way] - 1):+.0f} % | {middle['equal'] / middle[way]:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["resnet20_cifar10"])
    parser.add_argument("--profile", required=True)
    parser.add_argument("--rates", default="1,2,4")
    parser.add_argument("--slowest", type=int, default=80)
    parser.add_argument("--mbit", type=float, default=100)
    parser.add_argument("--slow-link", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--prepare")
    a = parser.parse_args()
    rates = [float(r) for r in a.rates.split(",")]
    a.factors = [max(1, round(a.slowest * min(rates) / rate)) for rate in rates]
    a.links = (a.mbit, a.mbit, a.slow_link)
    with tempfile.TemporaryDirectory(prefix="discoc-slowed-") as own:
        folder = a.prepare or own
        os.makedirs(folder, exist_ok=True)
        ready = all(os.path.exists(os.path.join(folder, f"{os.path.splitext(os.path.basename(m))[0]}-found.json")) for m in a.models)
        names = [prepare(model, a, folder) for model in a.models]
        if a.prepare and not ready:
            return
        print("| model | division | foretold, ms | measured, ms | rounds | off by | faster than equal (aim 1.6) |\n"
              "| --- | --- | ---: | ---: | --- | ---: | ---: |", flush=True)
        for name in names:
            measure(name, a, folder)


if __name__ == "__main__":
    main()
