# Which node owns which channels: default owner map 2, or stated maps.
# SPDX-License-Identifier: Apache-2.0
"""docs/formats/owners.md says how channels are dealt; discoc deals them the same way. What a network is exported with states the
owners of every contraction's result, so that discoc keeps to them in any case."""

import json

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from .errors import MaskError
from .ties import ROOT, Ties

OWNER_MAP = 2
SMALL_PART = 200


def expand(entries):
    """A list of integers and inclusive [first, last] ranges as a list of integers."""
    return [c for e in entries for c in (range(e[0], e[1] + 1) if isinstance(e, list) else [e])]


def compress(channels):
    """Integers as integers and inclusive ranges of three or more."""
    entries, i, channels = [], 0, sorted(int(c) for c in channels)
    while i < len(channels):
        j = i
        while j + 1 < len(channels) and channels[j + 1] == channels[j] + 1:
            j += 1
        entries.extend([[channels[i], channels[j]]] if j - i >= 2 else channels[i : j + 1])
        i = j + 1
    return entries


def read_document(path, kind):
    """A JSON file, or what an ONNX model that `discoc mask` or this package wrote has of it in its metadata."""
    try:
        if str(path).endswith(".onnx"):
            entries = {e.key: e.value for e in onnx.load(path, load_external_data=False).metadata_props}
            return json.loads(entries[kind.replace("-", ".")])
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except KeyError as error:
        raise MaskError(f"{path} has no {error.args[0]} in its metadata: name the model that `discoc mask` wrote") from error
    except (OSError, ValueError, DecodeError) as error:
        raise MaskError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("format") != kind or document.get("version") != 1:
        raise MaskError(f"{path} is no {kind} file of version 1")
    return document


def read_owners(path, nodes):
    """Tensor name -> (axis, one channel list a node), from a file of `discoc inspect --write-owners`."""
    document = read_document(path, "discoc-owners")
    if document.get("nodes") != nodes:
        raise MaskError(f"{path} is for {document.get('nodes')} nodes, not for {nodes}: write it again with "
                        f"`discoc inspect MODEL.onnx -n {nodes} --write-owners {path}`")  # fmt: skip
    try:
        return {name: (entry["axis"], [expand(node) for node in entry["owners"]]) for name, entry in document["tensors"].items()}
    except (KeyError, TypeError, IndexError) as error:
        raise MaskError(f"{path}: not as docs/formats/owners.md says: {error!r}") from error


class Weights:
    """What dealing knows of a tensor: elements and multiply-accumulates of a channel, and whether it counts."""

    def __init__(self, ties, name, atoms):
        graph, extent = ties.graph, max(1, len(atoms))
        made = ties.contractions.get(name)
        macs = made.macs if made else ties.products.get(name, 0)
        arithmetic = [u for u in graph.readers.get(name, []) if is_arithmetic(ties, u)]
        self.elements = int(np.prod(graph.shapes[name])) // extent
        self.macs = macs // extent
        self.counts = bool(made or name in ties.products or arithmetic)


def is_arithmetic(ties, node):
    return node.outputs[0] in ties.contractions or node.outputs[0] in ties.products


class Segment:
    """Classes that have as many channels as each other of every tensor that counts."""

    def __init__(self):
        self.members, self.parts, self.elements, self.macs = [], [], 0, 0


class Dealer:
    """Owner map 2: segments by the work of one of their classes, each dealt evenly."""

    def __init__(self, ties, nodes, owner):
        self.nodes, self.owner = nodes, owner  # class -> rank
        self.counts = {}  # tensor -> {class: channels}, in the order of first channels
        self.weights = {}
        for name in [*ties.graph.inputs, *(o for n in ties.graph.nodes for o in n.outputs)]:
            found = ties.channels(name) if ties.labels.get(name) is not None else None
            if found is None:
                continue
            count = {}
            for atom in found[1].tolist():
                if atom >= 0:
                    count[atom] = count.get(atom, 0) + 1
            self.counts[name], self.weights[name] = count, Weights(ties, name, found[1])
        self.work, self.loads, self.shared = [0] * nodes, {}, {}

    def segments(self):
        """In the order of their first class."""
        segment_of, next_ = {}, 0
        for count in self.counts.values():
            for each in count:
                segment_of.setdefault(each, next_)
            next_ += 1
        for name, count in self.counts.items():
            if self.weights[name].counts:
                refined = {}
                for each, channels in count.items():
                    key = (segment_of[each], channels)
                    if key not in refined:
                        refined[key], next_ = next_, next_ + 1
                    segment_of[each] = refined[key]
        found = {}
        for each in sorted(segment_of):
            if each not in self.owner:
                found.setdefault(segment_of[each], Segment()).members.append(each)
        for name, count in self.counts.items():
            for each, channels in count.items():
                segment = found.get(segment_of[each])
                if segment is not None and segment.members[0] == each:
                    self.add_part(segment, name, channels)
        return list(found.values())

    def add_part(self, segment, name, channels):
        weight = self.weights[name]
        segment.macs += channels * weight.macs
        if not segment.parts or weight.counts:
            segment.elements += channels * weight.elements
        if weight.counts:
            segment.parts.append((name, channels))
            self.shared[name] = self.shared.get(name, 0) + 1

    def count_owned(self):
        done = 0
        for name, count in self.counts.items():
            weight = self.weights[name]
            for each, channels in count.items():
                rank = self.owner.get(each)
                if rank is None:
                    continue
                self.work[rank] += channels * weight.macs
                done += channels * weight.macs
                if self.shared.get(name):
                    self.loads.setdefault(name, [0] * self.nodes)[rank] += channels * weight.elements
        return done

    def run(self):
        segments = self.segments()
        work = self.count_owned() + sum(s.macs * len(s.members) for s in segments)
        for segment in sorted(segments, key=lambda s: -s.macs):
            self.deal(segment, len(segment.members) < self.nodes and segment.macs < work // SMALL_PART)
        return self.owner

    def deal(self, segment, small):
        elements = [sum(self.loads[n][r] for n, _ in segment.parts if n in self.loads) for r in range(self.nodes)]
        macs = [0 if small else w for w in self.work]
        shares = [0] * self.nodes
        for _ in segment.members:
            rank = min(range(self.nodes), key=lambda r: (elements[r], macs[r], r))
            shares[rank] += 1
            elements[rank] += max(segment.elements, 1)
            macs[rank] += segment.macs
        members = iter(segment.members)
        for rank, share in enumerate(shares):
            for _ in range(share):
                self.owner[next(members)] = rank
            self.work[rank] += share * segment.macs
            for name, channels in segment.parts:
                if self.shared[name] > 1:
                    load = self.loads.setdefault(name, [0] * self.nodes)
                    load[rank] += share * channels * self.weights[name].elements


class Ownership:
    """Who owns what of a traced graph."""

    def __init__(self, graph, nodes, stated=None, path=None):
        self.nodes, self.ties = nodes, Ties(graph, nodes)
        owner = {}
        for name, (axis, lists) in (stated or {}).items():
            self.state(owner, name, axis, lists, path)
        self.owner = Dealer(self.ties, nodes, owner).run()

    def state(self, owner, name, axis, lists, path):
        """A stated map fixes the classes of its channels; of what the root has and every node has nothing is stated here."""
        if name not in self.ties.graph.shapes or self.ties.graph.is_constant(name):
            return  # a name that only discoc's own simplifications know, or a file that is not of this network: noticed below
        found = self.ties.channels(name)
        if found is None or found[0] != axis:
            return
        atoms = found[1].tolist()
        if sorted(c for node in lists for c in node) != list(range(len(atoms))) or len(lists) != self.nodes:
            raise MaskError(f"{path}: the owners of {name} are no partition of its {len(atoms)} channels over {self.nodes} nodes: is the "
                            "file of this network?")  # fmt: skip
        for rank, channels in enumerate(lists):
            for channel in channels:
                if atoms[channel] >= 0 and owner.setdefault(atoms[channel], rank) != rank:
                    raise MaskError(f"{path}: {name} gives node {rank} channel {channel}, which is tied to channels of node "
                                    f"{owner[atoms[channel]]}: state the same owners for both")  # fmt: skip

    def of(self, name, axis):
        """The owner of every channel of a tensor along an axis, as an array of ranks; a text that says why not, where it has none."""
        if self.ties.labels.get(name) is None:
            return self.ties.unknown.get(name, "how it is divided is not known")
        found = self.ties.channels(name, axis)
        if found is None:
            return "its input is divided along another axis"
        if (found[1] == ROOT).any():
            return "its input is the root's"
        if (found[1] < 0).any():
            return "every node has its input"
        return np.array([self.owner[a] for a in found[1].tolist()], np.int64)

    def document(self):
        """The owners of all contractions' results, as docs/formats/owners.md has them."""
        tensors = {}
        for name, made in self.ties.contractions.items():
            ranks = self.of(name, made.result_axis)
            if not isinstance(ranks, str):
                tensors[name] = {"axis": made.result_axis,
                                 "owners": [compress(np.flatnonzero(ranks == r)) for r in range(self.nodes)]}  # fmt: skip
        return {"format": "discoc-owners", "version": 1, "nodes": self.nodes, "owner_map": OWNER_MAP, "tensors": tensors}
