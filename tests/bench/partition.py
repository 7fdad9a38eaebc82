#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a partition costs: compiling (time, memory), what each node stores,
what crosses, and that a node's directory builds alone; dense and with random
masks of density 0.2.

    partition.py [--folder F] [--model resnet50] [--no-build]
"""

import argparse
import os
import shutil
import sys
import tempfile

import bench
import cluster
import contractions
import discoc
import graph
import least_traffic


def cost_table(found, jobs, repeat):
    size = os.path.getsize(found.path) / 2**20
    print(f"Compiling, model file {size:.1f} MiB, median of {repeat}\n\n"
          "| N | masks | s | processor s | peak MiB | of the file |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for nodes, masks, out in jobs:
        wall, cpu, peak = bench.compile_cost(found, nodes, out, masks, repeat)
        print(f"| {nodes} | {'0.2' if masks else 'none'} | {wall:.2f} | "
              f"{cpu:.2f} | {peak:.0f} | {peak / size:.2f} |", flush=True)


def stored(report, traced):
    """{rank: bytes} of the contractions' layers, biases included."""
    names = {c.key for c in contractions.contractions(traced)}
    result = {}
    for layer in report["layers"]:
        for node in layer["nodes"] if layer["op"] in names else ():
            result[node["rank"]] = result.get(node["rank"], 0) + \
                node["weight_bytes"]
    return result


def share_table(out, traced, owners, document):
    report = bench.cluster.load_json(os.path.join(out, "report.json"))
    total = sum(c.weight.nbytes for c in contractions.contractions(traced))
    least = least_traffic.least(traced, owners, document)["payload_total"]
    moved = report["cluster"]["exchanged"]
    dense = report["dense_gather"]["exchanged"]["bytes"]
    print(f"\nN = {len(report['nodes'])}, "
          f"{'masks 0.2' if document else 'dense'}: {moved['bytes']:,} B in "
          f"{moved['messages']} messages = {moved['bytes'] // 4:,} values; "
          f"dense gather {dense:,} B, share "
          f"{moved['bytes'] / dense if dense else 0:.4f}; least {least:,} B\n"
          "\n| node | contractions' weights and biases, B | share of the "
          "contractions' weights | weights.bin, B | MMAC | arena, B | "
          "arena / live |\n| --- | --- | --- | --- | --- | --- | --- |")
    kept = stored(report, traced)
    for node in report["nodes"]:
        r = node["rank"]
        file = os.path.join(out, f"node{r}", "weights.bin")
        print(f"| {r} | {kept[r]:,} | {kept[r] / total:.4f} | "
              f"{os.path.getsize(file):,} | {node['macs'] / 1e6:.1f} | "
              f"{node['arena_bytes']:,} | "
              f"{node['arena_bytes'] / node['live_bytes']:.3f} |", flush=True)


def build_alone(out, rank):
    """Copies a node's directory elsewhere and builds it there."""
    with tempfile.TemporaryDirectory() as away:
        alone = os.path.join(away, "copied")
        shutil.copytree(os.path.join(out, f"node{rank}"), alone,
                        ignore=shutil.ignore_patterns("build", "*.so"))
        size = sum(os.path.getsize(os.path.join(d, f))
                   for d, _, names in os.walk(alone) for f in names)
        weights = os.path.getsize(os.path.join(alone, "weights.bin"))
        build = os.path.join(alone, "build")
        cluster.call(["cmake", "-S", alone, "-B", build,
                      "-DCMAKE_BUILD_TYPE=Release"])
        cluster.call(["cmake", "--build", build])
        program = os.path.getsize(os.path.join(build, "shard"))
        print(f"node {rank} copied alone: {size:,} B, {weights:,} of them "
              f"weights; builds; program {program:,} B", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder")
    parser.add_argument("--model", default="resnet50")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-build", action="store_true")
    a = parser.parse_args()
    discoc.need_compiler()
    folder = a.folder or tempfile.mkdtemp(prefix="discoc-bench-")
    os.makedirs(folder, exist_ok=True)
    found = bench.model(a.model, folder)
    masks, traced, owners, document, _ = bench.write_masks(found, 2, folder)
    masks16 = bench.write_masks(found, 16, folder)[0]
    out = {k: os.path.join(folder, f"{found.name}.{k}")
           for k in ("1", "2", "2m", "16", "16m")}
    cost_table(found, [(1, None, out["1"]), (2, None, out["2"]),
                       (2, masks, out["2m"]), (16, None, out["16"]),
                       (16, masks16, out["16m"])], a.repeat)
    share_table(out["2"], traced, owners, None)
    share_table(out["2m"], traced, owners, document)
    print()
    for rank in () if a.no_build else (0, 1):
        build_alone(out["2m"], rank)
    return 0


if __name__ == "__main__":
    sys.exit(main())
