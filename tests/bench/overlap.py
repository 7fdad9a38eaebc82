# SPDX-License-Identifier: Apache-2.0
"""Is communication hidden behind arithmetic? Measured, not modelled.

Two processes over TCP, through a proxy that delays every message. Of one step
are measured: the time without delay (arithmetic, and what the proxy itself
costs), the time with it; its transfer is the number of exchange points one
after another times the delay, as the proxy measured it. Overlap is real when a step takes less than
arithmetic plus transfer.

    overlap.py [--model FILE] [--delays 2,5,10]      milliseconds
"""

import argparse
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
for part in ("../oracle", "../end_to_end", "."):
    sys.path.insert(0, os.path.join(HERE, part))
import cluster  # noqa: E402
import discoc  # noqa: E402
import exports  # noqa: E402
import graph  # noqa: E402
import masks as mask_files  # noqa: E402
import ort  # noqa: E402
import proxy  # noqa: E402

NODES, REPEAT = 2, 15


def prepare(model, folder):
    """Compiles with masks of density 0.2 and builds; (out, feeds)."""
    owners_path = os.path.join(folder, "owners.json")
    discoc.write_owners(model, NODES, owners_path)
    traced = graph.Traced(graph.load(model))
    entries, _, _ = mask_files.draw(
        traced, mask_files.Owners.load(owners_path), 0.2, 1)
    masks = os.path.join(folder, "masks.json")
    with open(masks, "w", encoding="utf-8") as stream:
        json.dump(mask_files.mask_document(entries, NODES), stream)
    out = os.path.join(folder, "out")
    discoc.compile(model, NODES, out, masks=masks)
    cluster.build_shards(out)
    return out, traced.feeds


def median_step(out, feeds, folder, delay):
    """(median seconds of one inference at the root, seconds that a message
    really spent in the proxy)"""
    ports = cluster.free_ports(NODES)
    targets = {r: ("127.0.0.1", p) for r, p in enumerate(ports)}
    with proxy.Proxy(targets, delay=delay) as between:
        shards = cluster.Tcp(out, NODES, feeds, folder, ports,
                             between.address, ["--repeat", str(REPEAT)])
        try:
            results = shards.wait(300)
        finally:
            shards.close()
    for code, _, text, _ in results:
        if code != 0:
            raise cluster.RunError(code, text)
    return (results[0][1]["time_us"]["median"] / 1e6,
            between.held / max(1, between.passed))


def points_in_turn(out):
    """Messages one after another on the path of one inference: of each
    direction, the more numerous; the root's input and output included."""
    manifest = cluster.load_json(os.path.join(out, "manifest.json"))
    inner, ends = {}, {}
    for message in manifest["messages"]:
        table = ends if message["root"] else inner
        pair = message["from"], message["to"]
        table[pair] = table.get(pair, 0) + 1
    return max(inner.values(), default=0) + sum(ends.values())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--delays", default="1,2,4")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-overlap-") as folder:
        try:
            model = a.model or exports.export(
                "resnet18", os.path.join(folder, "resnet18.onnx"))
        except ImportError as error:
            tally.skip("all", f"no torchvision: {error}")
            return tally.close()
        out, feeds = prepare(model, folder)
        points = points_in_turn(out)
        base, least = median_step(out, feeds, os.path.join(folder, "run"), 0)
        print(f"arithmetic {base * 1e3:.1f} ms, {points} messages in turn")
        for text in a.delays.split(","):
            delay = float(text) / 1e3
            step, held = median_step(out, feeds, os.path.join(folder, "run"),
                                     delay)
            # A busy machine delays more than it was asked to.
            transfer = points * (held - least)
            hidden = base + transfer - step
            note = (f"transfer {transfer * 1e3:.1f} ms, step "
                    f"{step * 1e3:.1f} ms: {hidden * 1e3:.1f} ms = "
                    f"{100 * hidden / transfer:.0f} % of the transfer hidden")
            print(f"delay {text} ms: {note}")
            tally.check(f"delay {text} ms", step < base + transfer, note)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
