# SPDX-License-Identifier: Apache-2.0
"""Networks of every family at full size, and the trained models, against ONNX
Runtime.

Torchvision's classifiers and segmentation networks, DeiT-S and an encoder of
BERT's size (tests/bench/exports.py, seeded weights), and all shared models, at
N = 1, 2, 4 and 7, dense and with random masks of density 0.2. What is checked
of each combination is what run.py checks: outputs, payload by pair of nodes,
arena, replication. The exports lie in --exports; of a combination's own files
only one is on disk at a time.

    full_size.py                        everything; hours
    full_size.py --models REGEX --nodes 2,4 --kinds dense
    --state FILE                        results so far, taken up again
    --list                              the names of the models
"""

import argparse
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import models  # noqa: E402  (finds the other folders)
import cluster  # noqa: E402
import discoc  # noqa: E402
import exports  # noqa: E402
import ort  # noqa: E402
import run  # noqa: E402

# Every network at the largest N, dense or with masks in turn; at N = 4 the
# other kind; then what is left.
ORDER = ((7, 0), (4, 1), (7, 1), (4, 0), (2, 1), (2, 0), (1, 0))
KINDS = ("dense", "masks")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME",
                                    os.path.expanduser("~/.cache")),
                     "discoc", "exports")


def exported(name, folder):
    """The model, exported first if it is not in the folder."""
    os.makedirs(folder, exist_ok=True)
    path = exports.export(name, os.path.join(folder, f"{name}.onnx"))
    make = exports.words if name in exports.TOKENS else models.IMAGENET
    return models.Model(name, path, make, {}, 3)


def names_by_size(a, trained):
    """The models asked for, small files first, what is not exported yet
    last."""
    def size(name):
        path = trained[name].path if name in trained else \
            os.path.join(a.exports, f"{name}.onnx")
        return os.path.getsize(path) if os.path.exists(path) else 1 << 40
    return sorted((n for n in (*trained, *exports.NAMES)
                   if re.search(a.models, n)), key=size)


def combinations(a):
    """(name, the model if it is a trained one, N, kind)"""
    trained = {m.name: m for m in models.trained() or []}
    names = names_by_size(a, trained)
    counts = [int(n) for n in a.nodes.split(",")] if a.nodes else None
    for nodes, turn in ORDER:
        for k, name in enumerate(names):
            kind = KINDS[(k + turn) % 2] if nodes > 1 else KINDS[0]
            if kind in a.kinds.split(",") and \
                    (counts is None or nodes in counts):
                yield name, trained.get(name), nodes, kind


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", default="")
    parser.add_argument("--nodes")
    parser.add_argument("--kinds", default="dense,masks")
    parser.add_argument("--state")
    parser.add_argument("--exports", default=CACHE)
    parser.add_argument("--list", action="store_true")
    a = parser.parse_args()
    if a.list:
        print("\n".join(dict.fromkeys(c[0] for c in combinations(a))))
        return 0
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    state = run.State(a.state)
    with tempfile.TemporaryDirectory(prefix="discoc-full-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"))
        for name, model, nodes, kind in combinations(a):
            key = f"{name} N={nodes} {kind}"
            if key not in state.done:
                try:
                    model = model or exported(name, a.exports)
                except ImportError as error:
                    tally.skip(key, f"{error} (scripts/setup train)")
                    continue
                state.add(key, run.one(model, nodes, kind, runtime))
            for aspect, why, note in state.done[key]:
                if why:
                    tally.fail(f"{key} {aspect}", why)
                else:
                    tally.ok(f"{key} {aspect}", note)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
