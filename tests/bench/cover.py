#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What travels, features or partial sums: the cover that weighs time on the stated links, against the one that weighs bytes
(links that state nothing) and against gather (features alone). Simulated, the same links for all three.

    cover.py [--nodes 2,4] [--mbit 100] [--latency 1e-4] [--only REGEX] MODEL...

Weights: dense; random (a fifth of each off-diagonal block's input and output channel pairs); columns (masks of 0.2); rows or
columns (a tenth of the columns and a tenth of the rows). Fails where the cover in time is slower than another by more than
half a percent.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx

import bench
import discoc
import divisions
import graph
import masks as mask_files


def masked(kind, traced, owners, seed=1):
    """The model with zeros in the off-diagonal blocks of its contractions."""
    rng = np.random.default_rng(seed)
    _, zeroed, _ = mask_files.draw(traced, owners, 0.1 if kind == "rows or columns" else 0.2, seed)
    if kind == "rows or columns":
        kept = {}
        def rows(c, outs):
            if (c.index, tuple(outs)) not in kept:
                kept[c.index, tuple(outs)] = rng.choice(outs, len(outs) // 10, replace=False)
            return np.setdiff1d(outs, kept[c.index, tuple(outs)])
        zeroed = [(c, rows(c, outs), channels) for c, outs, channels in zeroed]
    elif kind == "random":
        _, every, _ = mask_files.draw(traced, owners, 0, seed)
        zeroed = [(c, outs[rng.random(len(outs)) > 0.2], np.array([channel])) for c, outs, channels in every for channel in channels]
    return mask_files.zeroed_model(traced, zeroed)


def simulated(path, out, cluster, profile, shapes, link, extra):
    options = [f"--input-shape={name}={'x'.join(map(str, dims))}" for name, dims in shapes.items()]
    subprocess.run([discoc.binary(), "compile", path, *cluster, *options, *extra, "-o", out], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    done = subprocess.run([discoc.binary(), "simulate", out, "--profile", profile, "--json", *link], capture_output=True, text=True, check=True)
    with open(os.path.join(out, "report.json"), encoding="utf-8") as stream:
        moved = json.load(stream)["cluster"]["exchanged"]["bytes"]
    return json.loads(done.stdout)["latency_ns"] / 1e6, moved / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--nodes", default="2,4")
    parser.add_argument("--mbit", type=float, default=100)
    parser.add_argument("--only", default="")
    a = parser.parse_args()
    link = ["--bandwidth", str(a.mbit * divisions.PAYLOAD), "--latency", str(divisions.LATENCY)]
    print("| model | weights | N | in time, ms | MB | in bytes, ms | MB | gather, ms | MB |\n"
          "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    passed = failed = 0
    for model in a.models:
        with tempfile.TemporaryDirectory(prefix="discoc-cover-") as folder:
            profile = os.path.join(folder, "pi4.json")
            with open(profile, "w", encoding="utf-8") as stream:
                json.dump(divisions.PI4, stream)
            found = bench.model(model, folder)
            for nodes in map(int, a.nodes.split(",")):
                owners_path = os.path.join(folder, "owners.json")
                discoc.write_owners(found.path, nodes, owners_path, found.shapes)
                traced = graph.Traced(found.onnx, found.inputs(1))
                for kind in ("dense", "random", "columns", "rows or columns"):
                    if not re.search(a.only, kind):
                        continue
                    path = os.path.join(folder, "model.onnx")
                    onnx.save(found.onnx if kind == "dense" else masked(kind, traced, mask_files.Owners.load(owners_path)), path)
                    file = divisions.write_cluster(folder, nodes, a.mbit)
                    out = os.path.join(folder, "out")
                    ways = [simulated(path, out, cluster, profile, found.shapes, link, extra)
                            for cluster, extra in ((["--cluster", file], []), (["-n", str(nodes)], []),
                                                   (["--cluster", file], ["--features-only"]))]
                    good = all(ways[0][0] <= 1.005 * other[0] for other in ways)
                    passed, failed = passed + good, failed + (not good)
                    print(f"| {found.name} | {kind} | {nodes} | " + " | ".join(f"{t:.4g} | {m:.3g}" for t, m in ways) + " |" +
                          ("" if good else " FAIL"), flush=True)
    print(f"\n{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
