# SPDX-License-Identifier: Apache-2.0
"""How evenly work and memory are shared: of every network, the largest node's
part of the multiply-accumulates and of the memory (weights and arena), from
report.json, as a multiple of an even share; worst first.

"least" is what whole channels allow where no two layers are tied: each layer's
remainder goes to other nodes.

    shares.py [--models REGEX] [--nodes 2,3,4] [--exports DIR] [--owner-map N]

Networks are the shared ones, seeded ones, and those of exports.py that lie in
DIR or can be exported (which needs torch).
"""

import argparse
import heapq
import os
import re
import sys
import tempfile

import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, os.path.join(HERE, "..", "end_to_end"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import exports  # noqa: E402
import full_size  # noqa: E402
import models  # noqa: E402
import seeded  # noqa: E402

# Of open dimensions, as docs/first-model.md pins them.
SHAPES = {"silero_half": {"input": (1, 576), "state": (2, 1, 128)},
          "yunet_s_dynamic": {"input": (1, 3, 160, 160)}}
SEEDED = {"transformer": seeded.transformer,
          "transformer, 12 blocks":
              lambda: seeded.transformer(blocks=12, width=192),
          "halves": lambda: seeded.halves(blocks=3, width=64),
          "shuffled": lambda: seeded.shuffled(units=7, width=232, side=14)}


def networks(wanted, folder, exported):
    """(name, path, shapes); without exports where `exported` is None."""
    for model in models.trained(int8=True) or []:
        if re.search(wanted, model.name):
            model.onnx
            yield model.name, model.path, \
                SHAPES.get(model.name, model.shapes)
    for name, make in SEEDED.items():
        if re.search(wanted, name):
            path = os.path.join(folder, "seeded.onnx")
            onnx.save(make(), path)
            yield name, path, {}
    for name in exports.NAMES if exported else ():
        if re.search(wanted, name):
            try:
                yield name, full_size.exported(name, exported).path, {}
            except ImportError as error:
                print(f"skip {name}: {error}", file=sys.stderr)


def least(layers, nodes):
    """The largest node's part where each layer is dealt by whole channels, the
    rest of each to those with the least work."""
    work = [(0, rank) for rank in range(nodes)]
    units = []
    for layer in layers:
        channels = sum(share["channels"] for share in layer["nodes"])
        if channels and layer["macs"]:
            units.append((layer["macs"] / channels, channels))
    for one, channels in sorted(units, reverse=True):
        work = [(load + channels // nodes * one, rank) for load, rank in work]
        heapq.heapify(work)
        for load, rank in [heapq.heappop(work)
                           for _ in range(channels % nodes)]:
            heapq.heappush(work, (load + one, rank))
    total = sum(layer["macs"] for layer in layers)
    return max(work)[0] * nodes / total if total else 1.0


def measure(path, shapes, nodes, extra, folder):
    """Multiples of an even share: of work, of the least work, of memory; and
    the bytes exchanged."""
    out = os.path.join(folder, "out")
    discoc.compile(path, nodes, out, shapes=shapes, extra=[*extra, "--replace"]
                   if os.path.exists(out) else extra)
    report = cluster.load_json(os.path.join(out, "report.json"))
    memory = [n["weight_bytes"] + n["arena_bytes"] for n in report["nodes"]]
    total = max(1, report["one_node"]["macs"])
    return (report["largest_node"]["macs"] * nodes / total,
            least(report["layers"], nodes),
            max(memory) * nodes / max(1, sum(memory)),
            report["cluster"]["exchanged"]["bytes"])


def row(name, path, shapes, counts, extra):
    with tempfile.TemporaryDirectory(prefix="discoc-shares-") as folder:
        try:
            found = [measure(path, shapes, n, extra, folder) for n in counts]
        except discoc.CompileError as error:
            print(f"skip {name}: {error}", file=sys.stderr)
            return None
    cells = [f"{work:.3f} ({bound:.3f}) | {memory:.3f} | {moved:,}"
             for work, bound, memory, moved in found]
    # The least is a network's; only what is above it is the division's.
    worst = max(work / bound for work, bound, _, _ in found)
    return worst, f"| {name} | {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", default="")
    parser.add_argument("--nodes", default="2,3,4")
    parser.add_argument("--exports", default=full_size.CACHE)
    parser.add_argument("--owner-map", default="")
    a = parser.parse_args()
    discoc.need_compiler()
    counts = [int(n) for n in a.nodes.split(",")]
    extra = ["--owner-map", a.owner_map] if a.owner_map else []
    with tempfile.TemporaryDirectory(prefix="discoc-seeded-") as folder:
        rows = [row(*network, counts, extra) for network in
                networks(a.models, folder, a.exports)]
    print("| network | " + " | ".join(
        f"N = {n}: work (least) | memory | bytes exchanged" for n in counts)
        + " |\n| --- |" + " ---: |" * 3 * len(counts))
    for _, text in sorted((r for r in rows if r), reverse=True):
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
