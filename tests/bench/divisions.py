#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every strategy for every number of nodes over three links, and what `partition` finds: simulated. Writes a table and a
plot (matplotlib) of each model and host.

    divisions.py [--nodes 1,2,4,8,16,64] [--mbit 10,100,1000] [--profile FILE] [--weights dense,0.2] [--state FILE]
                 [--plots FOLDER] [MODEL...]

Models: names of the shared ones, or files. Without --profile every host is of a Pi 4's class: 3.75 G multiply-accumulates
of floats a second, and 40 us at either end of a message. Masks have density 0.2 and are drawn with a seed, for up to
--most-masked nodes (their files grow with pairs of nodes). "found" is the best that `partition` finds with so many nodes
or fewer of those listed. Fails where a fixed strategy is faster than that by more than 2 %. What was found of a row is
kept in --state, by the hash of the compiler, and not searched again.
"""

import argparse
import hashlib
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
STRATEGIES = ("greedy", "features only", "stages", "stretches")


def write_cluster(folder, nodes, mbit):
    """N hosts, a link between any two."""
    path = os.path.join(folder, f"cluster{nodes}-{mbit:g}.toml")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(f'[[node]]\nname = "n"\ncount = {nodes}\n')
        for a in range(nodes):
            for b in range(a + 1, nodes):
                stream.write(f'[[link]]\nbetween = ["n{a}", "n{b}"]\nbandwidth = {mbit * PAYLOAD}\nlatency = {LATENCY}\n')
    return path


class Searches:
    """What `partition` answered, kept in a file."""

    def __init__(self, path):
        self.path, self.known = path, {}
        with open(discoc.binary(), "rb") as stream:
            self.compiler = hashlib.sha256(stream.read()).hexdigest()[:16]
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as stream:
                self.known = {tuple(key): answer for key, answer in map(json.loads, stream)}

    def answer(self, key, search):
        key = (self.compiler, *key)
        if key not in self.known:
            self.known[key] = search()
            if self.path:
                with open(self.path, "a", encoding="utf-8") as stream:
                    stream.write(json.dumps([key, self.known[key]]) + "\n")
        return self.known[key]


class Row:
    def __init__(self, mbit, masks, nodes, answer, before):
        self.mbit, self.masks, self.nodes = mbit, masks, nodes
        self.times = {name: answer["times"].get(name) for name in STRATEGIES}
        self.found, self.name = answer["found"]
        if before and before.found <= self.found:
            self.found, self.name = before.found, before.name
        self.slower = self.found / min(t for t in self.times.values() if t)

    def text(self):
        times = " | ".join(f"{t / 1e6:.4g}" if t else "" for t in self.times.values())
        return f"| {self.mbit:g} | {self.masks} | {self.nodes} | {times} | {self.found / 1e6:.4g} | {self.name} |"


def searched(command, nodes):
    """Nanoseconds of every strategy with equal shares, and of what was found, with its name."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    answer, times = json.loads(done.stdout), {}
    for tried in answer["tried"]:
        if tried["choice"] and "shares" not in tried and tried["nodes"] == nodes:
            name = tried["name"].split(", ")[-1] if nodes > 1 else "greedy"
            if name in STRATEGIES:
                times[name] = min(times.get(name, tried["latency_ns"]), tried["latency_ns"])
    best = answer["tried"][answer["chosen"]]
    shares = ", shares " + ":".join(map(str, best["shares"])) if "shares" in best and nodes <= 8 else ""
    return {"times": times, "found": [best["latency_ns"], f"{best['nodes']}, {best['name']}{shares}"]}


def rows_of(found, a, folder, profile, searches):
    for mbit in a.mbit:
        for masks in a.weights:
            before = None
            for nodes in a.nodes:
                if masks != "dense" and nodes > a.most_masked:
                    break
                command = [discoc.binary(), "partition", found.path, "--cluster", write_cluster(folder, nodes, mbit), "-n", str(nodes),
                           "--profile", profile, "--json"]
                for name, dims in found.shapes.items():
                    command += ["--input-shape", f"{name}={'x'.join(map(str, dims))}"]

                def search():
                    if masks == "dense" or nodes == 1:
                        return searched(command, nodes)
                    file = os.path.join(folder, f"masks{nodes}.json")
                    if not os.path.exists(file):
                        bench.write_masks(found, nodes, folder)
                    return searched(command + ["--masks", file], nodes)

                before = Row(mbit, masks, nodes, searches.answer((found.name, a.host, mbit, masks, nodes), search), before)
                yield before


def plot(rows, title, path):
    """A picture for every link: time against nodes."""
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "divisions"})  # small, and the same every time
    from matplotlib import pyplot
    links = sorted({row.mbit for row in rows})
    figure, axes = pyplot.subplots(1, len(links), figsize=(4 * len(links), 3.6), squeeze=False)
    for axis, mbit in zip(axes[0], links):
        for masks, line in (("dense", "-"), ("0.2", "--")):
            own = [row for row in rows if row.mbit == mbit and row.masks == masks]
            for k, name in enumerate((*STRATEGIES, "found")):
                points = [(r.nodes, (r.found if name == "found" else r.times[name])) for r in own]
                points = [(n, t / 1e6) for n, t in points if t]
                if points:
                    axis.plot(*zip(*points), line, marker=".", color="k" if name == "found" else f"C{k}",
                              label=f"{name}, {'dense' if masks == 'dense' else 'masks ' + masks}")
        axis.set(xscale="log", yscale="log", xlabel="nodes", title=f"{mbit:g} Mbit/s")
        ticks = sorted({row.nodes for row in rows})
        axis.set_xticks(ticks, [str(n) for n in ticks])
        axis.minorticks_off()
    axes[0][0].set_ylabel("ms an inference")
    figure.suptitle(title)
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    figure.legend(*axes[0][-1].get_legend_handles_labels(), fontsize=7, ncols=5, loc="lower center", frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["resnet20_cifar10"])
    parser.add_argument("--nodes", default="1,2,4,8,16,64")
    parser.add_argument("--mbit", default="10,100,1000")
    parser.add_argument("--profile")
    parser.add_argument("--weights", default="dense,0.2")
    parser.add_argument("--most-masked", type=int, default=8)
    parser.add_argument("--state")
    parser.add_argument("--plots")
    a = parser.parse_args()
    a.nodes = [int(n) for n in a.nodes.split(",")]
    a.mbit = [float(m) for m in a.mbit.split(",")]
    a.weights = a.weights.split(",")
    with open(a.profile, "rb") if a.profile else open(os.devnull, "rb") as stream:
        a.host = hashlib.sha256(stream.read()).hexdigest()[:16] if a.profile else "pi4"
    searches = Searches(a.state)
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
            for row in rows_of(found, a, folder, profile, searches):
                rows.append(row)
                print(row.text(), flush=True)
                good = row.slower <= 1.02
                passed, failed = passed + good, failed + (not good)
                if not good:
                    print(f"FAIL: found is {row.slower:.3f} of the best fixed strategy")
            if a.plots:
                host = "this-host" if a.profile else "pi4"
                plot(rows, f"{found.name}, {host}", os.path.join(a.plots, f"divisions-{found.name}-{host}.svg"))
    print(f"\n{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
