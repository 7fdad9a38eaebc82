# SPDX-License-Identifier: Apache-2.0
"""Whole models over N nodes: outputs, traffic, arena, replication.

Every model x N x {dense, random masks of density 0.2}, in one process with
links that hold nothing:
  outputs = ONNX Runtime's on the same masked weights (1e-4 of the range, fp16
  2 units in the last place, integers exactly);
  payload by pair of nodes, as the runtime counted it = report.json, and
  without partial sums the least that masks allow, computed apart; with them
  never more;
  arena at most 1.25 times the largest sum of live bytes; at N = 4 less than
  5 % of MACs and weights replicated.

    run.py --share            the fixed share of scripts/test (the default)
    run.py --full             all of it: N = 1, 2, 3, 4, 5, 7
    run.py --models REGEX --nodes 2,4 --kinds dense,masks
    --state FILE              results so far, taken up again
"""

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, HERE)
import cluster  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import least_traffic  # noqa: E402
import masks as mask_files  # noqa: E402
import models  # noqa: E402
import ort  # noqa: E402

FULL_NODES = (1, 2, 3, 4, 5, 7)
# Small enough for every run of the tests: (model, N).
# Three nodes have what two and four do not: a sum of three parts, uneven shares.
ALWAYS = (("transformer", (2, 3)), ("halves", (2, 3)), ("shuffled", (3,)))
SHARE = (("mnist_cnn", (1, 2, 3, 4)), ("micro_kws_m", (2, 4)),
         ("resnet20_cifar10", (3, 4)), ("vit_pgd_2_3_16_cifar10", (2, 3)),
         ("ppocr_cls_mbv3", (2,)), ("squeezenet_fp16", (2,)),
         ("ultraface_rfb320", (4,)))
STAND_IN_SHARE = (("squeezenet1_1", (2, 3)), ("shufflenet_v2_x1_0", (2,)))


class Prepared:
    """A model, its masks for N nodes, an input, and what the oracle says."""

    def __init__(self, model, nodes, kind, folder):
        self.model, self.nodes, self.kind = model, nodes, kind
        self.owners_path = os.path.join(folder, "owners.json")
        self.masks_path = None
        self.document = None
        source = model.onnx
        discoc.write_owners(model.path, nodes, self.owners_path, model.shapes)
        self.owners = mask_files.Owners.load(self.owners_path)
        seed = zlib.crc32(f"{model.name}/{nodes}".encode())
        self.traced = graph.Traced(source, model.inputs(seed))
        self.masked = graph.strip_overridable(source)
        if kind == "masks":
            entries, zeroed, self.skipped = mask_files.draw(
                self.traced, self.owners, 0.2, seed)
            self.document = mask_files.mask_document(
                entries, nodes, self.owners.owner_map)
            self.masks_path = os.path.join(folder, "masks.json")
            with open(self.masks_path, "w", encoding="utf-8") as stream:
                json.dump(self.document, stream)
            self.masked = mask_files.zeroed_model(self.traced, zeroed)
        self.feeds = self._input(seed)
        self.want = compare.oracle(self.masked, self.feeds)

    def _input(self, seed):
        """An input on which rounding errors do not decide, where one of eight
        is: an output's range may be next to nothing (a softmax of two classes
        that says one half to both)."""
        for k in range(8):
            feeds = self.model.inputs(seed + k)
            if compare.settled(self.masked, self.traced, feeds):
                return feeds
        return self.model.inputs(seed)

    def fault(self, got):
        """Why a program's outputs are not the oracle's, or None."""
        others = None
        if compare.compares(self.masked):
            def others():
                return compare.answers(self.masked, self.traced, self.feeds)
        return compare.fault(got, self.want, others)

    def least(self):
        return least_traffic.least(self.traced, self.owners, self.document)


def pairs(entries):
    return {(e["from"], e["to"]): e["bytes"] for e in entries}


def payload_fault(out, features, payload):
    """Runtime = report, by pair; its kinds are the whole; with partial sums
    no more bytes move than with features alone."""
    report = cluster.load_json(os.path.join(out, "report.json"))
    exchanged, root = cluster.report_traffic(report)
    if sum(report["exchanged_bytes"].values()) != sum(exchanged.values()):
        return f"{report['exchanged_bytes']} of {_shown(exchanged)}"
    both = {k: exchanged.get(k, 0) + root.get(k, 0)
            for k in set(exchanged) | set(root)}
    if payload != both:
        return f"payload {payload}, report.json {both}"
    alone, _ = cluster.report_traffic(
        cluster.load_json(os.path.join(features, "report.json")))
    if sum(exchanged.values()) > sum(alone.values()):
        return f"{_shown(exchanged)}, features alone {_shown(alone)}"
    return None


def traffic_fault(prepared, out):
    """What is exchanged as features alone is the least, by pair."""
    report = cluster.load_json(os.path.join(out, "report.json"))
    exchanged, root = cluster.report_traffic(report)
    answer = prepared.least()
    least = pairs(answer["payload"])
    for pair, size in pairs(answer["statistics"]).items():
        least[pair] = least.get(pair, 0) + size
    if exchanged != least:
        return (f"exchanged {_shown(exchanged)}, least {_shown(least)} "
                f"{answer['notes'][:2]}")
    into, handed = (pairs(answer["root"][k]) for k in ("in", "out"))
    least_root = {k: into.get(k, 0) + handed.get(k, 0)
                  for k in set(into) | set(handed)}
    if root != least_root:
        return f"root {_shown(root)}, least {_shown(least_root)}"
    return None


def _shown(traffic):
    text = ", ".join(f"{p}>{q} {b}" for (p, q), b in sorted(traffic.items()))
    return f"{sum(traffic.values())} ({text[:160]})"


def report_faults(nodes, out):
    """Arena and replication, as report.json states them."""
    report = cluster.load_json(os.path.join(out, "report.json"))
    for node in report["nodes"]:
        if node["arena_bytes"] > 1.25 * node["live_bytes"]:
            yield (f"arena of node {node['rank']}: {node['arena_bytes']} for "
                   f"{node['live_bytes']} live bytes")
    if nodes != 4:
        return
    for key in ("macs", "weight_bytes"):
        total, twice = report["one_node"][key], report[f"replicated_{key}"]
        if twice >= 0.05 * max(1, total):
            layers = sorted(((l[f"replicated_{key}"], l["op"])
                             for l in report["layers"]
                             if not l["replicated_reason"]), reverse=True)
            yield f"{twice} of {total} {key} replicated: {layers[:3]}"


def check(model, nodes, kind, folder, runtime):
    """Yields (aspect, fault or None, note)."""
    began = time.monotonic()
    prepared = Prepared(model, nodes, kind, folder)
    out = os.path.join(folder, "out")
    discoc.compile(model.path, nodes, out, masks=prepared.masks_path,
                   shapes=model.shapes)
    compiled = time.monotonic()
    program = os.path.join(folder, "program")
    cluster.build_inproc([out], program, runtime, flags=("-O1", "-w"),
                         apart=True, jobs=2)
    built = time.monotonic()
    got, report = cluster.run_inproc(program, nodes, prepared.feeds,
                                     list(prepared.want), folder, repeat=2)
    yield ("outputs", prepared.fault(got),
           f"error {compare.worst(got, prepared.want):.2g}, prepared and "
           f"compiled in {compiled - began:.1f} s, built in "
           f"{built - compiled:.1f} s, ran in "
           f"{time.monotonic() - built:.1f} s")
    features = os.path.join(folder, "features")
    discoc.compile(model.path, nodes, features, masks=prepared.masks_path,
                   shapes=model.shapes, extra=["--features-only"])
    yield "traffic", traffic_fault(prepared, features), ""
    yield "payload", payload_fault(out, features,
                                   cluster.payload_of(report)), ""
    yield "report", next(report_faults(nodes, out), None), ""


def state_key():
    with open(discoc.binary(), "rb") as stream:
        digest = hashlib.sha256(stream.read())
    for folder, _, names in sorted(os.walk(discoc.RUNTIME)):
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as stream:
                digest.update(stream.read())
    return digest.hexdigest()[:16]


class State:
    """What passed already, with this compiler and runtime."""

    def __init__(self, path):
        self.path, self.key, self.done = path, state_key(), {}
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as stream:
                for line in stream:
                    entry = json.loads(line)
                    if entry["key"] == self.key:
                        self.done[entry["name"]] = entry["results"]

    def add(self, name, results):
        self.done[name] = results
        if self.path:
            with open(self.path, "a", encoding="utf-8") as stream:
                stream.write(json.dumps({"key": self.key, "name": name,
                                         "results": results}) + "\n")


def one(model, nodes, kind, runtime):
    """[(aspect, fault, note)] of one combination."""
    results = []
    with tempfile.TemporaryDirectory(prefix="discoc-e2e-") as folder:
        try:
            results.extend(check(model, nodes, kind, folder, runtime))
        except (discoc.CompileError, cluster.BuildError, cluster.RunError,
                ort.OrtError, RuntimeError, KeyError, ValueError) as error:
            what = {discoc.CompileError: "compile", cluster.BuildError:
                    "build", cluster.RunError: "run"}.get(type(error),
                                                          "outputs")
            results.append((what, f"{type(error).__name__}: {error}"[:600],
                            ""))
    return results


def combinations(a, folder, tally):
    found = models.trained()
    share = ALWAYS + SHARE
    if found is None:
        print("note: no shared models (DISCOC_SHARED): seeded torchvision "
              "exports stand in")
        tally.skip("trained models", "the shared folder is absent")
        try:
            found, share = models.stand_ins(folder), ALWAYS + STAND_IN_SHARE
        except ImportError as error:
            tally.skip("stand-ins", f"{error} (scripts/setup train)")
            found = []
    for model in models.always(folder) + found:
        if not re.search(a.models, model.name):
            continue
        if a.nodes:
            counts = [int(n) for n in a.nodes.split(",")]
        else:
            counts = FULL_NODES if a.full else dict(share).get(model.name, ())
        for nodes in counts:
            for kind in a.kinds.split(","):
                if kind == "masks" and nodes == 1:
                    continue
                yield model, nodes, kind


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--share", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--models", default="")
    parser.add_argument("--nodes")
    parser.add_argument("--kinds", default="dense,masks")
    parser.add_argument("--state")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    state = State(a.state)
    with tempfile.TemporaryDirectory(prefix="discoc-e2e-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"))
        for model, nodes, kind in combinations(a, folder, tally):
            name = f"{model.name} N={nodes} {kind}"
            if name not in state.done:
                state.add(name, one(model, nodes, kind, runtime))
            for aspect, why, note in state.done[name]:
                if why:
                    tally.fail(f"{name} {aspect}", why)
                else:
                    tally.ok(f"{name} {aspect}", note)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
