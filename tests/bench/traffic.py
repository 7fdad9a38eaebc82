#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Payload three ways, root's traffic included: counted by a proxy between the
programs, stated in report.json, and the least that the masks allow, computed
from the ONNX, mask and owner files alone; and the overhead of a message.

    traffic.py [--folder F] [--nodes 2,3] [MODEL...]
"""

import argparse
import os
import sys
import tempfile

import bench
import cluster
import discoc
import least_traffic
from proxy import Proxy

NAMES = ("mnist_cnn", "micro_kws_m", "resnet20_cifar10",
         "vit_pgd_2_3_16_cifar10", "ppocr_cls_mbv3", "squeezenet_fp16",
         "ultraface_rfb320")
DATA = 2    # the frames' type


def tables_of(least):
    """{(from, to): bytes} of everything that has to move."""
    result = {}
    for entries in (least["payload"], least["statistics"],
                    least["root"]["in"], least["root"]["out"]):
        for e in entries:
            pair = e["from"], e["to"]
            result[pair] = result.get(pair, 0) + e["bytes"]
    return result


def measured(out, nodes, feeds, work, count):
    """({pair: payload of one inference}, messages, overhead a message) as
    the proxy saw it; handshake and goodbye apart."""
    ports = cluster.free_ports(nodes)
    targets = {r: ("127.0.0.1", p) for r, p in enumerate(ports)}
    with Proxy(targets) as between:
        shards = cluster.Tcp(out, nodes, feeds, work, ports, between.address,
                             ("--repeat", str(count)))
        try:
            for code, _, text, _ in shards.wait(300):
                if code:
                    raise cluster.RunError(code, text)
        finally:
            shards.close()
        payload = {k: v / count for k, v in between.payload().items()}
        frames = sum(v for (_, _, kind), v in between.frames.items()
                     if kind == DATA)
        # 32 + 24 a hello, 32 a bye, one of each in each direction.
        control = 88 * len(between.wire)
        wire = sum(between.wire.values()) - control
        return payload, frames / count, \
            (wire - count * sum(payload.values())) / max(1, frames)


def row(found, nodes, dense, folder, count):
    work = os.path.join(folder, f"{found.name}.traffic")
    os.makedirs(work, exist_ok=True)
    out = os.path.join(work, f"out{nodes}{'d' if dense else 'm'}")
    masks, traced, owners, document, _ = \
        bench.write_masks(found, nodes, work)
    bench.compile_cost(found, nodes, out, None if dense else masks, repeat=1)
    cluster.build_shards(out)
    payload, frames, overhead = measured(out, nodes, traced.feeds, work, count)
    exchanged, root = cluster.report_traffic(
        cluster.load_json(os.path.join(out, "report.json")))
    stated = {k: exchanged.get(k, 0) + root.get(k, 0)
              for k in {*exchanged, *root}}
    least = tables_of(least_traffic.least(traced, owners,
                                          None if dense else document))
    alike = payload == stated == least
    print(f"| {found.name} | {nodes} | {'none' if dense else '0.2'} | "
          f"{sum(payload.values()):,.0f} | {sum(stated.values()):,} | "
          f"{sum(least.values()):,} | {'yes' if alike else 'NO'} | "
          f"{frames:g} | {overhead:g} |", flush=True)
    return alike


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=NAMES)
    parser.add_argument("--folder")
    parser.add_argument("--nodes", default="2,3")
    parser.add_argument("--count", type=int, default=3)
    a = parser.parse_args()
    discoc.need_compiler()
    folder = a.folder or tempfile.mkdtemp(prefix="discoc-bench-")
    os.makedirs(folder, exist_ok=True)
    print("| model | N | masks | counted by the proxy, B | report.json | "
          "least | equal for every pair | messages | overhead of each, B |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    alike = True
    for name in a.models:
        found = bench.model(name, folder)
        for nodes in (int(n) for n in a.nodes.split(",")):
            for dense in (True, False):
                try:
                    alike &= row(found, nodes, dense, folder, a.count)
                except (RuntimeError, ValueError) as error:
                    alike = False
                    print(f"| {name} | {nodes} | {'none' if dense else '0.2'}"
                          f" | {str(error)[:200]} | | | NO | | |", flush=True)
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
