#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How much of the transfer hides behind arithmetic: two nodes, a core each,
through a link of a stated latency and rate (delay_proxy.cpp).

    hiding.py [--folder F] [--delays 0,500] [--rate B] [--dense] [MODEL]

Three programs are made of the same emitted shards:
  arithmetic alone   the runtime's calls do nothing; both shards at once, each
                     on its core; the slower one counts
  transfer alone     the kernels' calls are left out: the same messages in the
                     same order, the same posts, sends and waits
  step               the program as it is
Transfer and step go through the same proxy. Hidden is what a step takes less
than the sum of the two; "of what could hide": of the smaller of the two.
Medians of the inferences and of the rounds, the programs in turns. The proxy
needs a processor too: on two cores it takes its time from the arithmetic.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

import bench
import cluster
import discoc

KERNEL = re.compile(r"^  disco::\w+<\w+>\(.*;\n", re.M)

ALONE = """
import sys
sys.path.insert(0, {here!r})
import numpy as np, bench
node = bench.Node({directory!r}, links=False, build=False)
node.bind([np.zeros({size}, np.float32)], [np.zeros({size}, np.float32)])
with bench.undisturbed({core}):
    node.time(2)
    print(bench.median([node.time(1)[1] for _ in range({count})]) * 1e6)
"""


def build(directory, folder, name, kernels):
    """The shard's program, with or without its kernels' calls."""
    with open(os.path.join(directory, "model.cpp"), encoding="utf-8") as f:
        text = f.read()
    source = os.path.join(folder, f"{name}.cpp")
    with open(source, "w", encoding="utf-8") as f:
        f.write(text if kernels else KERNEL.sub("", text))
    units = [os.path.join(d, n)
             for d, _, names in os.walk(os.path.join(directory, "runtime"))
             for n in sorted(names) if n.endswith(".cpp")]
    weights = [os.path.join(directory, n) for n in os.listdir(directory)
               if n.startswith("weights.") and n.endswith((".S", ".cpp"))]
    target = os.path.join(folder, name)
    cluster.call([os.environ.get("CXX", "g++"), *bench.FLAGS, "-w",
                  "-I", directory, os.path.join(directory, "main.cpp"),
                  source, *units, *weights, "-o", target, "-lpthread"])
    return target


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
        fields = stream.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def step_time(programs, proxy, delay_us, rate, inputs, count):
    """(microseconds of an inference at the root: the median; milliseconds of
    a processor that the proxy took for each)"""
    ports = cluster.free_ports(2)
    first = bench.before_others()
    between = subprocess.Popen([*bench.before_others(20), proxy, str(ports[1]),
                                str(ports[0]), str(delay_us), str(rate)])
    try:
        root = [*first, "taskset", "-c", "0", programs[0], "--listen",
                f"127.0.0.1:{ports[0]}", "--json", "--repeat", str(count),
                *inputs]
        other = [*first, "taskset", "-c", "1", programs[1], "--json",
                 "--peer", f"0=127.0.0.1:{ports[1]}"]
        nodes = [subprocess.Popen(c, stdout=subprocess.PIPE)
                 for c in (root, other)]
        text = nodes[0].communicate(timeout=300)[0]
        nodes[1].communicate(timeout=60)
        return json.loads(text)["time_us"]["median"], \
            1e3 * processor_seconds(between.pid) / count
    finally:
        between.kill()
        between.wait()


def arithmetic(out, size, count):
    """Microseconds of the slower shard, both running at once."""
    jobs = []
    for rank in (0, 1):
        code = ALONE.format(here=bench.HERE, count=count, size=size,
                            core=rank,
                            directory=os.path.join(out, f"node{rank}"))
        jobs.append(subprocess.Popen([sys.executable, "-c", code],
                                     stdout=subprocess.PIPE))
    return max(float(j.communicate()[0].split()[-1]) for j in jobs)


def prepare(found, dense, work):
    """(out, {True: programs, False: programs without kernels}, proxy)"""
    out, proxy = os.path.join(work, "out"), os.path.join(work, "delay_proxy")
    masks = None if dense else bench.write_masks(found, 2, work)[0]
    bench.compile_cost(found, 2, out, masks, repeat=1)
    cluster.call([os.environ.get("CXX", "g++"), "-std=c++17", "-O2",
                  os.path.join(bench.HERE, "delay_proxy.cpp"), "-o", proxy])
    programs = {k: [build(os.path.join(out, f"node{r}"), work, f"{name}{r}", k)
                    for r in (0, 1)]
                for k, name in ((True, "step"), (False, "transfer"))}
    for r in (0, 1):
        bench.Node(os.path.join(out, f"node{r}"), links=False)
    return out, programs, proxy


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="resnet50")
    parser.add_argument("--folder")
    parser.add_argument("--delays", default="0,100,200,500,1000,2000,5000",
                        help="microseconds, separated by commas")
    parser.add_argument("--rate", type=float, default=0,
                        help="bytes a second in each direction; 0: no limit")
    parser.add_argument("--dense", action="store_true", help="no masks")
    parser.add_argument("--count", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=5)
    a = parser.parse_args()
    discoc.need_compiler()
    folder = a.folder or tempfile.mkdtemp(prefix="discoc-bench-")
    found = bench.model(a.model, folder)
    work = os.path.join(folder, f"{found.name}.hiding." +
                        ("dense" if a.dense else "masks"))
    os.makedirs(work, exist_ok=True)
    out, programs, proxy = prepare(found, a.dense, work)
    feeds = found.inputs(1)
    inputs = cluster.save_inputs(feeds, work)
    size = max(int(np.prod(v.shape)) for v in feeds.values()) + (1 << 20)
    alone = [arithmetic(out, size, a.count) for _ in range(a.rounds)]
    best = bench.median(alone)
    moved = cluster.load_json(os.path.join(out, "report.json"))
    moved = moved["cluster"]["exchanged"]
    print(f"{found.name}, N = 2, {'dense' if a.dense else 'masks 0.2'}: "
          f"{moved['messages']} messages, {moved['bytes']:,} B; rate "
          f"{f'{a.rate / 1e6:g} MB/s' if a.rate else 'unlimited'}; "
          f"arithmetic alone {best / 1e3:.2f} ms (rounds "
          f"{min(alone) / 1e3:.2f} to {max(alone) / 1e3:.2f})\n\n"
          "| delay, us | transfer alone, ms | step, ms | sum less step, ms | "
          "of what could hide | proxy's processor time, ms |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for delay in (int(d) for d in a.delays.split(",")):
        times = {False: [], True: []}
        for _ in range(a.rounds):
            for kind, seen in times.items():
                seen.append(step_time(programs[kind], proxy, delay, a.rate,
                                      inputs, a.count))
        t, s = (bench.median([us for us, _ in times[k]]) for k in times)
        proxy_ms = bench.median([ms for _, ms in times[True]])
        hidden = best + t - s
        print(f"| {delay} | {t / 1e3:.2f} | {s / 1e3:.2f} | "
              f"{hidden / 1e3:.2f} | {100 * hidden / min(best, t):.0f} % | "
              f"{proxy_ms:.1f} |",
              flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
