#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every strategy for every number of nodes over three links, and what `partition` finds: simulated. Writes a table and a
plot (matplotlib) of each model and host.

    divisions.py [--nodes 1,2,4,8,16,32,64] [--mbit 10,100,1000] [--profile FILE] [--dense-only] [--plots FOLDER] [MODEL...]

Models: names of the shared ones, or files. Without --profile every host is of a Pi 4's class: 3.75 G multiply-accumulates
of floats a second, and 40 us at either end of a message. Masks have density 0.2 and are drawn with a seed, for up to
--most-masked nodes (their files grow with pairs of nodes). "found" is the best that `partition` finds with so many nodes
or fewer of those listed. Fails where a fixed strategy is faster than that by more than 2 %.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import bench
import discoc

PAYLOAD = 0.94 / 8 * 1e6  # bytes a second of 1 Mbit/s
LATENCY = 1e-4
PI4 = {"format": "discoc-profile", "version": 1, "compiler": "0.1.0", "host": "a Pi 4's core, by its clock", "target": "armv8",
       "cache_bytes": 0, "step_ns": 2000, "memory_bytes_per_ns": 2.5, "message_ns": 40000, "message_byte_ns": 2.0,
       "spin_ns": 50000, "wake_ns": 100000, "mac_ns": {"f32": 0.267, "i8": 0.133}, "kernels": [], "transports": {}}
STRATEGIES = ("greedy", "stages", "stretches")


def write_cluster(folder, nodes, mbit):
    """N hosts, a link between any two."""
    path = os.path.join(folder, f"cluster{nodes}-{mbit:g}.toml")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(f'[[node]]\nname = "n"\ncount = {nodes}\n')
        for a in range(nodes):
            for b in range(a + 1, nodes):
                stream.write(f'[[link]]\nbetween = ["n{a}", "n{b}"]\nbandwidth = {mbit * PAYLOAD}\nlatency = {LATENCY}\n')
    return path


class Row:
    def __init__(self, mbit, masks, nodes, answer, before):
        self.mbit, self.masks, self.nodes = mbit, masks, nodes
        found = answer["tried"][answer["chosen"]]
        self.times = {name: min((t["latency_ns"] for t in answer["tried"] if t["strategy"] == name and t["choice"] and
                                 "shares" not in t and "exchange" not in t and t["nodes"] == nodes), default=None)
                      for name in STRATEGIES}
        self.found, self.name = found["latency_ns"], f"{found['nodes']}, {found['name']}"
        if before and before.found <= self.found:
            self.found, self.name = before.found, before.name
        self.slower = self.found / min(t for t in self.times.values() if t)

    def text(self):
        times = " | ".join(f"{t / 1e6:.4g}" if t else "" for t in self.times.values())
        return f"| {self.mbit:g} | {self.masks} | {self.nodes} | {times} | {self.found / 1e6:.4g} | {self.name} |"


def rows_of(found, a, folder, profile):
    for mbit in a.mbit:
        for masks in ("dense",) if a.dense_only else ("dense", "0.2"):
            before = None
            for nodes in a.nodes:
                if masks != "dense" and nodes > a.most_masked:
                    break
                options = []
                if masks != "dense" and nodes > 1:
                    file = os.path.join(folder, f"masks{nodes}.json")
                    if not os.path.exists(file):
                        bench.write_masks(found, nodes, folder)
                    options = ["--masks", file]
                for name, dims in found.shapes.items():
                    options += ["--input-shape", f"{name}={'x'.join(map(str, dims))}"]
                command = [discoc.binary(), "partition", found.path, "--cluster", write_cluster(folder, nodes, mbit), "-n", str(nodes),
                           "--profile", profile, "--json", *options]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                before = Row(mbit, masks, nodes, json.loads(done.stdout), before)
                yield before


def plot(rows, title, path):
    """A picture for every link: time against nodes."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    links = sorted({row.mbit for row in rows})
    figure, axes = pyplot.subplots(1, len(links), figsize=(4 * len(links), 3.4), squeeze=False)
    for axis, mbit in zip(axes[0], links):
        for masks, line in (("dense", "-"), ("0.2", "--")):
            own = [row for row in rows if row.mbit == mbit and row.masks == masks]
            for k, name in enumerate((*STRATEGIES, "found")):
                points = [(r.nodes, (r.found if name == "found" else r.times[name])) for r in own]
                points = [(n, t / 1e6) for n, t in points if t]
                if points:
                    axis.plot(*zip(*points), line, marker=".", color="k" if name == "found" else f"C{k}", label=f"{name}, {masks}")
        axis.set(xscale="log", yscale="log", xlabel="nodes", title=f"{mbit:g} Mbit/s")
        ticks = sorted({row.nodes for row in rows})
        axis.set_xticks(ticks, [str(n) for n in ticks])
        axis.minorticks_off()
    axes[0][0].set_ylabel("ms an inference")
    axes[0][-1].legend(fontsize=6)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Date": None} if path.endswith("svg") else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["resnet20_cifar10"])
    parser.add_argument("--nodes", default="1,2,4,8,16,32,64")
    parser.add_argument("--mbit", default="10,100,1000")
    parser.add_argument("--profile")
    parser.add_argument("--dense-only", action="store_true")
    parser.add_argument("--most-masked", type=int, default=8)
    parser.add_argument("--plots")
    a = parser.parse_args()
    a.nodes = [int(n) for n in a.nodes.split(",")]
    a.mbit = [float(m) for m in a.mbit.split(",")]
    passed = failed = 0
    for model in a.models:
        with tempfile.TemporaryDirectory(prefix="discoc-divisions-") as folder:
            profile = a.profile
            if not profile:
                profile = os.path.join(folder, "pi4.json")
                with open(profile, "w", encoding="utf-8") as stream:
                    json.dump(PI4, stream)
            found = bench.model(model, folder)
            print(f"\n{found.name}\n\n| Mbit/s | weights | N | {' | '.join(s + ', ms' for s in STRATEGIES)} | found, ms | found |\n"
                  f"| ---: | --- | ---: | {' | '.join('---:' for _ in STRATEGIES)} | ---: | --- |", flush=True)
            rows = []
            for row in rows_of(found, a, folder, profile):
                rows.append(row)
                print(row.text(), flush=True)
                good = row.slower <= 1.02
                passed, failed = passed + good, failed + (not good)
                if not good:
                    print(f"FAIL: found is {row.slower:.3f} of the best fixed strategy")
            if a.plots:
                plot(rows, found.name, os.path.join(a.plots, f"divisions-{found.name}.svg"))
    print(f"\n{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
