# SPDX-License-Identifier: Apache-2.0
"""One case: a graph, N, stated owner maps and masks, an input; random ones,
and their files."""

import json
import os

import numpy as np
import onnx

import blocks
import builder
import contracting_ops
import index_ops
import newer_ops
import number_ops
import quantised
import rare_ops
import signal_ops
import single_ops
import transformer_ops
import discoc
import graph
import masks as mask_files

OPSETS = (7, 8, 9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 17, 18, 19, 20, 21,
          23, 24)
_CHOICES = single_ops.OPS + contracting_ops.OPS + rare_ops.OPS + \
    index_ops.OPS + number_ops.OPS + newer_ops.OPS + signal_ops.OPS + \
    transformer_ops.OPS + blocks.BLOCKS + quantised.OPS
_KINDS = [k for k, _ in _CHOICES]
_WEIGHTS = np.array([w for _, w in _CHOICES], float)


class Case:
    """`model`: as ONNX Runtime is to run it, masked weights zeroed. `plain`:
    what the compiler gets, with `masks` stated beside it, where they are."""

    def __init__(self, name, model, feeds, nodes):
        self.name, self.model, self.feeds, self.nodes = \
            name, model, feeds, nodes
        self.plain = self.masks = self.owners = None
        self.root = None    # the rank, where a cluster file states it
        self.extra = []     # options of compile

    def copy(self):
        result = Case(self.name, self.model, dict(self.feeds), self.nodes)
        for key in ("plain", "masks", "owners", "root", "extra"):
            setattr(result, key, getattr(self, key))
        return result

    def options(self, folder):
        """Of compile and inspect, the files written."""
        result = []
        for key in ("masks", "owners"):
            if getattr(self, key):
                path = os.path.join(folder, f"{self.name}.{key}.json")
                with open(path, "w", encoding="utf-8") as stream:
                    json.dump(getattr(self, key), stream)
                result += [f"--{key}", path]
        if self.root is not None:
            path = os.path.join(folder, f"{self.name}.toml")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(f"[[node]]\ncount = {self.nodes}\n[root]\n"
                             f"input_at = {self.root}\n"
                             f"output_at = {self.root}\n")
            result += ["--cluster", path]
        return result

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "model.onnx"), "wb") as stream:
            stream.write(self.model.SerializeToString())
        if self.plain:
            with open(os.path.join(folder, "plain.onnx"), "wb") as stream:
                stream.write(self.plain.SerializeToString())
        np.savez(os.path.join(folder, "feeds.npz"), **self.feeds)
        with open(os.path.join(folder, "case.json"), "w",
                  encoding="utf-8") as stream:
            json.dump({"name": self.name, "nodes": self.nodes,
                       "masks": self.masks, "owners": self.owners,
                       "root": self.root, "extra": self.extra}, stream)

    @classmethod
    def load(cls, folder):
        with open(os.path.join(folder, "case.json"),
                  encoding="utf-8") as stream:
            entry = json.load(stream)
        feeds = dict(np.load(os.path.join(folder, "feeds.npz")))
        result = cls(entry["name"], onnx.load(
            os.path.join(folder, "model.onnx")), feeds, entry["nodes"])
        result.masks, result.owners = entry["masks"], entry["owners"]
        result.root, result.extra = entry.get("root"), entry.get("extra", [])
        plain = os.path.join(folder, "plain.onnx")
        if os.path.exists(plain):
            result.plain = onnx.load(plain)
        return result


def _inputs(g):
    """One or two inputs of the shapes that networks have."""
    def one():
        batch = 2 if g.chance(0.1) else 1
        c = g.integer(1, 12)
        shape = g.pick(((c, g.integer(2, 8), g.integer(2, 8)),
                        (c, g.integer(2, 8), g.integer(2, 8)),
                        (c, 6, 6), (c, g.integer(2, 12)),
                        (c, 3, 4, 3), (g.integer(1, 6), c), (c,)))
        return g.input(g.rng.standard_normal((batch, *shape))
                       .astype(np.float32))
    x = one()
    if g.chance(0.15):
        one()
    if g.chance(0.6) and g.rank(x) >= 3:
        contracting_ops.conv(g, x)


def random_graph(rng, name):
    """(model, feeds)"""
    while True:
        g = builder.Builder(rng, int(rng.choice(OPSETS)))
        aim, tries = g.integer(2, 14), 0
        try:
            _inputs(g)
        except builder.Rejected:
            pass
        while len(g.nodes) < aim and tries < 60:
            tries += 1
            kind = _KINDS[int(rng.choice(len(_KINDS),
                                         p=_WEIGHTS / _WEIGHTS.sum()))]
            try:
                kind(g)
            except builder.Rejected:
                pass
        try:
            model = g.model(name, g.integer(1, 4))
        except builder.Rejected:
            continue
        wanted = {i.name for i in model.graph.input}
        if wanted:
            return model, {n: v for n, v in g.inputs.items() if n in wanted}


def default_owners(case, folder):
    """The owners document that compile will use."""
    path = os.path.join(folder, f"{case.name}.onnx")
    with open(path, "wb") as stream:
        stream.write((case.plain or case.model).SerializeToString())
    target = os.path.join(folder, f"{case.name}.default.json")
    discoc.run([discoc.binary(), "inspect", path, "-n", str(case.nodes),
                "--write-owners", target, *case.options(folder)], 120)
    with open(target, encoding="utf-8") as stream:
        return json.load(stream)


def random_owners(rng, document, inputs):
    """Owner maps for one or two of the tensors; inputs are the root's."""
    divided = [n for n, e in document["tensors"].items()
               if "owners" in e and n not in inputs]
    if not divided:
        return None
    nodes, result = document["nodes"], dict(document, tensors={})
    for _ in range(int(rng.integers(1, 3))):
        name = divided[int(rng.integers(len(divided)))]
        entry = document["tensors"][name]
        count = sum(len(mask_files.expand(s)) for s in entry["owners"])
        way = rng.integers(3)
        if way == 0:
            ranks = rng.integers(0, nodes, count)
        elif way == 1:
            ranks = np.sort(rng.integers(0, nodes, count))
        else:
            ranks = np.full(count, rng.integers(nodes))
        result["tensors"][name] = {"axis": entry["axis"], "owners": [
            [int(k) for k in np.flatnonzero(ranks == r)]
            for r in range(nodes)]}
    return result


def random_case(seed, folder):
    """The case of a seed; needs a folder for the compiler's files."""
    rng = np.random.default_rng(seed)
    name = f"fuzz{seed}"
    model, feeds = random_graph(rng, name)
    case = Case(name, model, feeds, int(rng.choice((1, 2, 2, 3, 3, 4, 5, 7))))
    if case.nodes > 1 and rng.random() < 0.15:
        case.root = int(rng.integers(case.nodes))
    if case.nodes > 1 and rng.random() < 0.3:
        case.extra = ["--features-only"]
    if rng.random() < 0.15:
        case.extra = case.extra + ["--exact-order"]
    try:
        if case.nodes > 1 and rng.random() < 0.35:
            case.owners = random_owners(rng, default_owners(case, folder),
                                        feeds)
            _drop_refused(case, "owners", folder)
        if case.nodes > 1 and rng.random() < 0.5:
            _mask(case, rng, folder)
    except discoc.CompileError:
        pass   # seen again when it is compiled
    return case


def _drop_refused(case, key, folder):
    """Some statements are refused with reason: tied channels given to
    different nodes, masks of a tensor that is fused away."""
    try:
        default_owners(case, folder)
    except discoc.CompileError as error:
        if not error.crashed:
            setattr(case, key, None)


def _mask(case, rng, folder):
    """Random masks, stated or as zeros of the weights."""
    owners = mask_files.Owners(default_owners(case, folder))
    traced = graph.Traced(case.model, case.feeds)
    density = float(rng.choice((0, 0.2, 0.4, 0.7)))
    entries, zeroed, _ = mask_files.draw(traced, owners, density,
                                         int(rng.integers(1 << 30)))
    if not entries:
        return
    plain = case.model
    case.model = mask_files.zeroed_model(traced, zeroed)
    if rng.random() < 0.5:
        case.plain = plain
        case.masks = mask_files.mask_document(entries, case.nodes,
                                              owners.owner_map)
        _drop_refused(case, "masks", folder)
        if not case.masks:
            case.plain = None
