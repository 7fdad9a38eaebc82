# SPDX-License-Identifier: Apache-2.0
"""Makes a failing case smaller while it fails in the same way."""

import time

import numpy as np
import onnx
from onnx import numpy_helper

import builder
import graph
import masks as mask_files
import ort


class Graph:
    """A model taken apart."""

    def __init__(self, model):
        self.nodes = list(model.graph.node)
        self.weights = graph.initialisers(model)
        self.outputs = [o.name for o in model.graph.output]
        self.opset = model.opset_import[0].version
        self.name = model.graph.name

    def model(self, feeds):
        """Together again; what leads to no output is left out. Raises where
        ONNX Runtime refuses it."""
        inputs = {n: v for n, v in feeds.items()}
        described = {n: np.zeros((), np.float32) for n in self.outputs}
        loose = builder.prune(self.nodes, inputs, self.weights, described,
                              self.opset, self.name)
        for o in loose.graph.output:
            o.ClearField("type")
        kept = {i.name for i in loose.graph.input}
        feeds = {n: v for n, v in feeds.items() if n in kept}
        if not feeds:
            raise builder.Rejected("no input is left")
        values = graph.trace(loose, feeds)
        return builder.prune(self.nodes, inputs, self.weights,
                             {n: values[n] for n in self.outputs},
                             self.opset, self.name), feeds


def _changed(case, change, feeds=None):
    """The case with `change` done to its graphs, or None if that is not
    valid."""
    result = case.copy()
    try:
        for key in ("model", "plain"):
            model = getattr(case, key)
            if model:
                parts = Graph(model)
                change(parts)
                model, result.feeds = parts.model(feeds or case.feeds)
                setattr(result, key, model)
    except (builder.Rejected, ort.OrtError, KeyError, ValueError,
            onnx.checker.ValidationError):
        return None
    _keep_named(result)
    return result


def _keep_named(case):
    """Statements about tensors and ops that are gone are gone too."""
    model = case.plain or case.model
    if case.masks:
        ops = {op.name for op in model.graph.node}
        case.masks = dict(case.masks, masks=[
            e for e in case.masks["masks"] if e["op"] in ops])
    if case.owners:
        there = {o for op in model.graph.node for o in op.output}
        case.owners = dict(case.owners, tensors={
            n: e for n, e in case.owners["tensors"].items() if n in there})
        if not case.owners["tensors"]:
            case.owners = None


def _statements(case):
    if case.masks:
        other = case.copy()
        other.masks = other.plain = None
        yield other
    if case.extra:
        other = case.copy()
        other.extra = []
        yield other
    if case.root is not None:
        other = case.copy()
        other.root = None
        yield other
    if case.owners:
        other = case.copy()
        other.owners = None
        yield other
        for name in case.owners["tensors"] if \
                len(case.owners["tensors"]) > 1 else ():
            other = case.copy()
            other.owners = dict(case.owners, tensors={
                name: case.owners["tensors"][name]})
            yield other


def _nodes(case):
    if not case.masks and not case.owners and case.root is None:
        for nodes in range(1, case.nodes):
            other = case.copy()
            other.nodes = nodes
            yield other


def _outputs(case):
    names = [o.name for o in case.model.graph.output]
    if len(names) > 1:
        for name in names:
            yield _changed(case, lambda g, n=name: setattr(g, "outputs", [n]))
    for op in list(case.model.graph.node)[:-1]:
        for name in op.output:
            if [name] != names:
                yield _changed(case, lambda g, n=name:
                               setattr(g, "outputs", [n]))


def _inputs(case):
    """A computed tensor becomes an input."""
    try:
        values = graph.trace(case.model, case.feeds)
    except ort.OrtError:
        return
    for op in reversed(list(case.model.graph.node)):
        for name in op.output:
            if name in {o.name for o in case.model.graph.output}:
                continue
            def cut(g, n=name):
                g.nodes = [o for o in g.nodes if n not in o.output]
            yield _changed(case, cut, {**case.feeds, name: values[name]})


def _bypass(case):
    """An op is left out where one of its inputs has its result's shape."""
    values = graph.trace(case.model, case.feeds)
    for op in list(case.model.graph.node):
        for x in op.input:
            for y in op.output:
                if x in values and y in values and \
                        values[x].shape == values[y].shape and \
                        values[x].dtype == values[y].dtype:
                    def skip(g, x=x, y=y):
                        for k, other in enumerate(g.nodes):
                            g.nodes[k] = onnx.NodeProto()
                            g.nodes[k].CopyFrom(other)
                            for j, name in enumerate(other.input):
                                if name == y:
                                    g.nodes[k].input[j] = x
                        g.outputs = [x if o == y else o for o in g.outputs]
                    yield _changed(case, skip)


def _resized(case, old, new):
    """Every dimension of `old` is `new` instead."""
    def cut(array):
        if array.dtype.kind in "iu" and array.ndim <= 1:
            return np.where(array == old, new, array).astype(array.dtype)
        for axis, size in enumerate(array.shape):
            if size == old:
                array = np.take(array, np.arange(new), axis)
        return array
    def change(g):
        g.weights = {n: cut(w) for n, w in g.weights.items()}
        for k, op in enumerate(g.nodes):
            for a in op.attribute:
                if a.name == "split" and old in a.ints or \
                        a.name == "group" and a.i == old:
                    g.nodes[k] = onnx.NodeProto()
                    g.nodes[k].CopyFrom(op)
                    for b in g.nodes[k].attribute:
                        if b.name == "group":
                            b.i = new
                        if b.name == "split":
                            b.ints[:] = [new if v == old else v
                                         for v in b.ints]
    result = _changed(case, change, {n: cut(v)
                                     for n, v in case.feeds.items()})
    if result and result.owners:
        result.owners = dict(result.owners, tensors={
            n: dict(e, owners=[[c for c in mask_files.expand(s) if c < new]
                               if sum(len(mask_files.expand(t))
                                      for t in e["owners"]) == old else s
                               for s in e["owners"]])
            for n, e in result.owners["tensors"].items()})
    return result


def _sizes(case):
    if case.masks:
        return
    sizes = {d for v in case.feeds.values() for d in v.shape}
    sizes |= {d for w in graph.initialisers(case.model).values()
              for d in w.shape}
    for old in sorted(sizes, reverse=True):
        for new in sorted({1, 2, 3, old // 2, old - 1}):
            if 0 < new < old:
                yield _resized(case, old, new)


def _dense(case):
    """Zeros of weights become other numbers."""
    if case.masks:
        return
    for name, w in graph.initialisers(case.model).items():
        if w.dtype == np.float32 and w.ndim > 1 and (w == 0).any():
            def fill(g, n=name):
                g.weights[n] = np.where(g.weights[n] == 0, np.float32(0.3),
                                        g.weights[n])
            yield _changed(case, fill)


def _size(case):
    model = case.model
    elements = sum(v.size for v in case.feeds.values())
    elements += sum(w.size for w in graph.initialisers(model).values())
    zeros = sum(int((w == 0).sum()) for w in
                graph.initialisers(model).values())
    return (len(model.graph.node), case.nodes, bool(case.masks),
            bool(case.owners), case.root is not None,
            len(case.extra), len(model.graph.output), elements, zeros)


def reduce(case, fails, seconds):
    """The smallest case found in the time. `fails(case)`: does it fail in the
    way of interest?"""
    until, tried, found = time.monotonic() + seconds, set(), True
    while found:
        found = False
        for way in (_statements, _outputs, _inputs, _bypass, _nodes, _dense,
                    _sizes):
            for other in way(case):
                if time.monotonic() > until:
                    return case
                if other is None or _size(other) >= _size(case):
                    continue
                key = (other.model.SerializeToString(), other.nodes,
                       str(other.owners), str(other.masks), str(other.root), str(other.extra))
                if key in tried:
                    continue
                tried.add(key)
                if fails(other):
                    case, found = other, True
                    break
            if found:
                break
    return case
