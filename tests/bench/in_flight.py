#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What several inferences in flight gain where nodes wait for each other: two nodes over a link that `tc` holds down (lan.py), or
that takes its time (delay_proxy.cpp).

    in_flight.py [--rates 20mbit,50mbit | --delays 50,100] [--most K] [--rounds R] [--repeat N] [--first-in-line] [MODEL]

With `--delays`, microseconds, the link has a rate of 1 Gbit/s and the proxy takes a part of the processors. Programs with K = 1 to `--most` run in turns, a round each, and one of K = 1 over a link of 10 Gbit/s, which tells what computing takes. Printed,
as medians over the rounds: inferences a second from the first submit to the last output, and against K = 1; median and 99 % latency; how
long K = 1 waits, and how much of the rate its bytes take. Then one inference alone, of K = 1 and of `--most`, a start each.

    in_flight.py --pace SECONDS [--most K] [--rounds R] [--repeat N] [MODEL]

An input every so many seconds instead, over loopback: how long after it its output is there, with K = 1 and with `--most` in flight."""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import bench
import cluster
import discoc
import lan


class Delayed:
    """Loopback through a proxy: a delay in microseconds, and a rate. It passes one connection, so there is one a run."""

    def __init__(self, proxy, delay, rate):
        self.proxy, self.delay, self.bytes = proxy, delay, int(bits(rate) / 8)

    def enter(self, _):
        return []

    def ends(self):
        ports = cluster.free_ports(3)
        between = subprocess.Popen([self.proxy, str(ports[2]), str(ports[0]), str(self.delay), str(self.bytes)])
        return [f"127.0.0.1:{p}" for p in ports[:2]], f"127.0.0.1:{ports[2]}", between

    def close(self):
        pass


def ends_of(link):
    """Where the nodes listen, where node 1 finds node 0, and what has to be ended."""
    if isinstance(link, Delayed):
        return link.ends()
    return [f"{link.addresses[n]}:{7700 + n}" for n in (0, 1)], f"{link.addresses[0]}:7700", None


def run(link, out, arguments, a, repeat):
    """The report of node 0, and the payload of an inference."""
    processes = []
    listens, peer, between = ends_of(link)
    for node in (0, 1):
        command = link.enter(node) + (["chrt", "-f", "50"] if a.first_in_line else []) + [
            "taskset", "-c", str(node % os.cpu_count()), cluster.shard_of(out, node), "--json", "--quiet", "--no-shared-memory",
            "--listen", listens[node]]
        command += arguments + ["--repeat", str(repeat)] if node == 0 else ["--peer", f"0={peer}"]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    said = [process.communicate(timeout=600) for process in processes]
    if between:
        between.kill()
        between.wait()
    for process, (_, err) in zip(processes, said):
        if process.returncode:
            sys.exit(f"{out}: {err.decode(errors='replace')}")
    report = json.loads(said[0][0])
    peer = report["peers"][0]
    return report, max(peer["tx_wire"], peer["rx_wire"]) / report["inferences"]


def bits(rate):
    for unit, factor in (("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9)):
        if rate.endswith(unit):
            return float(rate[:-len(unit)]) * factor
    sys.exit(f"--rates {rate}: expected as 20mbit")


def rows(link, rate, free, outs, arguments, a):
    reports = {k: [] for k in outs}
    for _ in range(a.rounds):
        for k, out in outs.items():
            reports[k].append(run(link, out, arguments, a, a.repeat))
    middle = {k: statistics.median(r["inferences"] / r["span_us"] * 1e6 for r, _ in found) for k, found in reports.items()}
    wire = reports[1][0][1]
    print(f"{rate}: K = 1 waits {100 * (1 - free * middle[1]):.0f} % of its time; its bytes take {800 * wire * middle[1] / bits(rate):.0f} % of the rate")
    for k, found in reports.items():
        each = [r["inferences"] / r["span_us"] * 1e6 for r, _ in found]
        median, most = (statistics.median(r["time_us"][key] for r, _ in found) / 1e3 for key in ("median", "p99"))
        print(f"  K = {k}: {middle[k]:7.1f} a second ({min(each):.1f} to {max(each):.1f}), {middle[k] / middle[1]:.2f} times K = 1; "
              f"median {median:.2f} ms, 99 % {most:.2f} ms", flush=True)
    alone = {k: statistics.median(run(link, outs[k], arguments, a, 1)[0]["time_us"]["median"] for _ in range(2 * a.rounds + 1))
             for k in (1, a.most)}
    print(f"  alone: K = 1 {alone[1] / 1e3:.2f} ms, K = {a.most} {alone[a.most] / 1e3:.2f} ms", flush=True)


def paced(out, name, value, a):
    """Milliseconds from giving each of `--repeat` inputs, one at a time, to having read its output."""
    ports = cluster.free_ports(2)
    own = ["taskset", "-c"], ["--quiet", "--no-shared-memory", "--listen"]
    nodes = [subprocess.Popen([*own[0], str(node % os.cpu_count()), cluster.shard_of(out, node), *own[1], f"127.0.0.1:{ports[node]}", *more],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
             for node, more in enumerate((["--input", f"{name}=-", "--output-dir", "-"], ["--peer", f"0=127.0.0.1:{ports[0]}"]))]  # fmt: skip
    given, times = io.BytesIO(), []
    np.save(given, value)
    for _ in range(a.repeat):
        begin = time.monotonic()
        nodes[0].stdin.write(given.getvalue())
        nodes[0].stdin.flush()
        np.lib.format.read_magic(nodes[0].stdout)
        shape, _, kind = np.lib.format.read_array_header_1_0(nodes[0].stdout)
        nodes[0].stdout.read(int(np.prod(shape)) * kind.itemsize)
        times.append(1e3 * (time.monotonic() - begin))
        time.sleep(max(0.0, a.pace - (time.monotonic() - begin)))
    for node in nodes:
        node.communicate(timeout=60)
    return times


def pace(outs, inputs, a):
    ((name, value),) = inputs.items()
    times = {k: [] for k in (1, a.most)}
    for _ in range(a.rounds):
        for k, found in times.items():
            found += paced(outs[k], name, value, a)[1:]  # the first finds nothing in the caches
    for k, found in times.items():
        print(f"an input every {a.pace:g} s: K = {k} {statistics.median(found):.2f} ms ({min(found):.2f} to {max(found):.2f}), "
              f"{statistics.median(found) / statistics.median(times[1]):.2f} times K = 1", flush=True)


def links(a, folder):
    """(rate, link), one after the other."""
    if not a.delays:
        for rate in a.rates.split(","):
            yield rate, lan.Link(rate)
        return
    proxy = os.path.join(folder, "delay_proxy")
    cluster.call([os.environ.get("CXX", "g++"), "-std=c++17", "-O2", os.path.join(bench.HERE, "delay_proxy.cpp"), "-o", proxy])
    for delay in a.delays.split(","):
        print(f"{delay} us each way:")
        yield "1gbit", Delayed(proxy, delay, "1gbit")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="resnet50")
    parser.add_argument("--rates", default="100mbit,200mbit,500mbit")
    parser.add_argument("--delays", help="microseconds; instead of --rates")
    parser.add_argument("--pace", type=float, help="seconds from one input to the next")
    parser.add_argument("--most", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=60)
    parser.add_argument("--first-in-line", action="store_true")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="discoc-in-flight-") as folder:
        found = bench.model(a.model, folder)
        masks = bench.write_masks(found, 2, folder)[0]
        outs = {}
        for k in range(1, a.most + 1):
            outs[k] = os.path.join(folder, f"out{k}")
            discoc.compile(found.path, 2, outs[k], masks=masks, extra=["--in-flight", str(k)] if k > 1 else [])
            cluster.build_shards(outs[k])
        if a.pace:
            return pace(outs, found.inputs(1), a)
        arguments = cluster.save_inputs(found.inputs(1), os.path.join(folder, "inputs"))
        free = []
        link = lan.Link("10gbit", "1mb")
        try:
            for _ in range(a.rounds):
                report, _ = run(link, outs[1], arguments, a, a.repeat)
                free.append(report["span_us"] / report["inferences"] / 1e6)
        finally:
            link.close()
        print(f"{a.model}, masks 0.2, two nodes: {statistics.median(free) * 1e3:.2f} ms over a free link")
        for rate, link in links(a, folder):
            try:
                rows(link, rate, statistics.median(free), outs, arguments, a)
            finally:
                link.close()


if __name__ == "__main__":
    main()
