# SPDX-License-Identifier: Apache-2.0
"""What the nodes exchange, family by family: dense features, hybrid (features
or partial sums, as compile chooses), and with random masks of density 0.2,
N = 2 and 4, from report.json; the root's traffic apart.

"Cheaper" is computed here, from the ONNX file alone: of each tensor that
contractions sum over, the cheapest of sending it once to everybody, of sending
the partial sums of its readers, and of what lies between.

    families.py [--models REGEX] [--nodes 2,4] [--exports DIR]
    families.py --undivided        instead: the MACs that one node does alone
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, os.path.join(HERE, "..", "end_to_end"))
import cluster  # noqa: E402
import contractions  # noqa: E402
import discoc  # noqa: E402
import exports  # noqa: E402
import full_size  # noqa: E402
import graph  # noqa: E402
import masks as mask_files  # noqa: E402
import models  # noqa: E402

FAMILIES = ("resnet18", "resnet50", "resnext50_32x4d", "vgg16", "alexnet",
            "squeezenet1_1", "googlenet", "inception_v3", "densenet121",
            "mobilenet_v2", "mobilenet_v3_large", "mnasnet1_0",
            "efficientnet_b0", "regnet_y_400mf", "shufflenet_v2_x1_0",
            "fcn_resnet50", "deeplabv3_mobilenet", "convnext_tiny", "deit_s",
            "vit_b_16", "swin_t", "bert_base")
INT8 = "mobilenet_v2_int8_qdq"


FEATURES = ("--features-only",)


def report(model, nodes, folder, masks=None, extra=()):
    out = os.path.join(folder, "out")
    discoc.compile(model.path, nodes, out, masks=masks, shapes=model.shapes,
                   extra=extra)
    document = cluster.load_json(os.path.join(out, "report.json"))
    shutil.rmtree(out)
    return document


def exchanged(document):
    return document["cluster"]["exchanged"]["bytes"]


def _read(traced, c):
    """The share of its input's positions that a contraction reads: strides
    beyond the kernel leave some out."""
    share, a = 1.0, c.attributes
    if c.kind == "Conv" and traced.shape(c.w)[2:] and \
            all(k == 1 for k in traced.shape(c.w)[2:]):
        for s in a.get("strides", ()):
            share /= s
    return share


def _cheapest(traced, x, some, strided):
    """Of every choice who reads the tensor and whose partial sums travel."""
    size = traced.values[x].nbytes
    best = size * (max(_read(traced, c) for c in some) if strided else 1)
    for chosen in range(1 << min(len(some), 8)):
        summed = [c for k, c in enumerate(some) if chosen >> k & 1]
        rest = [c for k, c in enumerate(some) if not chosen >> k & 1]
        cost = sum(traced.values[c.y].nbytes for c in summed)
        if rest:
            cost += size * (max(_read(traced, c) for c in rest)
                            if strided else 1)
        best = min(best, cost)
    return best


def cheaper(traced, nodes, strided):
    """Bytes of the cheaper of inputs and partial sums, tensor by tensor."""
    found = contractions.contractions(traced)
    behind = contractions.behind_a_contraction(traced, found)
    readers = {}
    for c in found:
        if c.x in behind and c.groups == 1:
            readers.setdefault(_origin(traced, c.x), []).append(c)
    total = 0
    for x, some in readers.items():
        total += (nodes - 1) * _cheapest(traced, x, some, strided)
    return int(total)


def _origin(traced, name):
    """The tensor that this one is a reordering of."""
    while name in traced.producer:
        op = traced.ops[traced.producer[name]]
        if op.op_type not in ("Transpose", "Reshape", "Flatten", "Identity",
                              "Squeeze", "Unsqueeze"):
            break
        name = op.input[0]
    return name


def masked(model, traced, nodes, folder):
    owners = os.path.join(folder, "owners.json")
    discoc.write_owners(model.path, nodes, owners, model.shapes)
    owners = mask_files.Owners.load(owners)
    entries, _, _ = mask_files.draw(
        traced, owners, 0.2,
        zlib.crc32(f"{model.name}/{nodes}".encode()))
    path = os.path.join(folder, "masks.json")
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(mask_files.mask_document(entries, nodes, owners.owner_map),
                  stream)
    return [exchanged(report(model, nodes, folder, path, extra))
            for extra in (FEATURES, ())]


def int8_row(model, nodes, folder):
    """Features are bytes; what the other columns say of floats is left out."""
    dense = report(model, nodes, folder, extra=FEATURES)
    d, h = exchanged(dense), exchanged(report(model, nodes, folder))
    print(f"| {model.name} | {nodes} | {dense['one_node']['macs'] / 1e6:,.0f}"
          f" | {d:,} | {d / 1e6:.3f} | {h / 1e6:.3f} | {h / max(d, 1):.2f} | "
          "| | | | | | "
          f"{dense['cluster']['exchanged']['messages']} |", flush=True)


def row(model, nodes, folder):
    model.onnx
    if model.name == INT8:
        int8_row(model, nodes, folder)
        return
    traced = graph.Traced(model.onnx, model.inputs(0))
    dense = report(model, nodes, folder, extra=FEATURES)
    d, h = exchanged(dense), exchanged(report(model, nodes, folder))
    whole, strided = (cheaper(traced, nodes, v) for v in (False, True))
    m, mixed = masked(model, traced, nodes, folder)
    def mega(value):
        return f"{value / 4e6:.3f}"
    print(f"| {model.name} | {nodes} | {dense['one_node']['macs'] / 1e6:,.0f}"
          f" | {d:,} | {mega(d)} | {mega(h)} | {h / max(d, 1):.2f} | "
          f"{mega(whole)} | {mega(strided)} | {mega(m)} | "
          f"{m / max(d, 1):.3f} | {mega(mixed)} | {m / max(h, 1):.3f} | "
          f"{dense['cluster']['exchanged']['messages']} |", flush=True)


def undivided(model, nodes, folder):
    """Which MACs one node does alone, and what is done more than once."""
    model.onnx
    found = report(model, nodes, folder)
    total = max(1, found["one_node"]["macs"])
    alone = {}
    for layer in found["layers"]:
        if layer["macs"] and sum(1 for n in layer["nodes"] if n["macs"]) == 1:
            alone[layer["op"]] = layer["macs"]
    worst = sorted(alone, key=alone.get, reverse=True)[:3]
    print(f"| {model.name} | {nodes} | "
          f"{100 * sum(alone.values()) / total:.2f} | "
          f"{100 * found['replicated_macs'] / total:.2f} | "
          f"{100 * found['excepted_macs'] / total:.2f} | "
          f"{100 * found['largest_node']['macs'] / total:.1f} | "
          f"{', '.join(worst)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", default="")
    parser.add_argument("--nodes", default="2,4")
    parser.add_argument("--exports", default=full_size.CACHE)
    parser.add_argument("--undivided", action="store_true")
    a = parser.parse_args()
    discoc.need_compiler()
    trained = {m.name: m for m in models.trained() or []}
    if trained:
        trained[INT8] = models.Model(INT8, os.path.join(
            discoc.shared(), "models", INT8, "model.onnx"), models.IMAGENET,
            {}, 2)
    if a.undivided:
        print("| model | N | done by one node alone, % of MACs | done more "
              "than once, % | of these with a reason, % | largest node, % | "
              "which |\n| --- | --- | --- | --- | --- | --- | --- |")
    else:
        print("| model | N | MMAC | dense, B | dense, M values | hybrid | of "
              "dense | cheaper, whole features | cheaper, positions that are "
              "read | masks 0.2, features | of dense | masks 0.2, hybrid | "
              "masks of hybrid dense | messages |\n"
              "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | "
              "--- | --- | --- | --- |")
    for name in (*FAMILIES, *trained):
        if not re.search(a.models, name):
            continue
        for nodes in (int(n) for n in a.nodes.split(",")):
            with tempfile.TemporaryDirectory(prefix="discoc-fam-") as folder:
                try:
                    model = trained.get(name) or full_size.exported(
                        name, a.exports)
                    (undivided if a.undivided else row)(model, nodes, folder)
                except (discoc.CompileError, ImportError) as error:
                    print(f"| {name} | {nodes} | {error} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
