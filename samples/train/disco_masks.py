# Communication masks of a PyTorch network: owner maps, the choice of channels by norm, and their files.
# SPDX-License-Identifier: Apache-2.0
"""A contraction's mask for the ordered pair (from p, to q) is the set of channels of p that q reads. All readers of one
tensor share it, since a feature that several of them need travels once. The mask lives in the weights: whatever it
leaves out is zero, from the step that leaves it out on."""

import copy
import json

import torch

import onnx_file


def contiguous(channels, nodes, block=1):
    """Default owner map 1: contiguous, as equal as possible, the first ranks get the larger share. `block` channels
    stay together, as the features do into which Flatten turns one channel."""
    share, rest = divmod(channels // block, nodes)
    owners, begin = [], 0
    for rank in range(nodes):
        end = begin + share + (1 if rank < rest else 0)
        owners.append(list(range(begin * block, end * block)))
        begin = end
    return owners


def expand(entries):
    """A list of integers and inclusive [first, last] ranges as a list of integers."""
    channels = []
    for entry in entries:
        channels.extend(range(entry[0], entry[1] + 1) if isinstance(entry, list) else [entry])
    return channels


def compress(channels):
    """Sorted integers as integers and inclusive ranges of three or more."""
    entries, i, channels = [], 0, sorted(channels)
    while i < len(channels):
        j = i
        while j + 1 < len(channels) and channels[j + 1] == channels[j] + 1:
            j += 1
        if j - i >= 2:
            entries.append([channels[i], channels[j]])
        else:
            entries.extend(channels[i : j + 1])
        i = j + 1
    return entries


def readOwners(path, nodes):
    """Tensor name -> one channel list a node, from a file of `discoc inspect --write-owners`; and the number of the
    default map that it states."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    if document.get("format") != "discoc-owners" or document.get("version") != 1:
        raise SystemExit(f"error: {path} is no discoc-owners file of version 1")
    if document["nodes"] != nodes:
        raise SystemExit(f"error: {path} is for {document['nodes']} nodes, not for {nodes}")
    owners = {name: [expand(node) for node in entry["owners"]] for name, entry in document["tensors"].items()}
    return owners, document.get("owner_map", 1)


class Group:
    """One tensor and the contractions that read it: `names` and `layers` side by side."""

    def __init__(self, owners, layers, names, outputOwners):
        self.owners = owners
        self.layers = layers
        self.names = names
        self.outputOwners = outputOwners
        self.kept = {}  # (p, q) -> the channels of p that q reads, ascending


class Masks:
    """The masks of a network at one node count."""

    def __init__(self, groups, nodes, ownerMap=1):
        self.groups = groups
        self.nodes = nodes
        self.ownerMap = ownerMap
        for group in groups:
            for p, q in self.pairs():
                group.kept[p, q] = list(group.owners[p])

    def pairs(self):
        return [(p, q) for p in range(self.nodes) for q in range(self.nodes) if p != q]

    def shrink(self, density):
        """Keeps, of what is still kept, the channels with the largest norms over all readers: floor(density * |I_p|)
        of them, at least one unless the density is zero."""
        for group in self.groups:
            for p, q in self.pairs():
                count = int(density * len(group.owners[p]) + 1e-9)
                if density > 0 and group.owners[p]:
                    count = max(count, 1)
                kept = group.kept[p, q]
                if len(kept) <= count:
                    continue
                norms = torch.zeros(len(kept))
                for layer, owners in zip(group.layers, group.outputOwners):
                    block = layer.weight.detach()[owners[q]][:, kept]
                    norms += block.pow(2).flatten(2).sum(2).sum(0) if block.dim() > 2 else block.pow(2).sum(0)
                best = torch.argsort(norms, descending=True, stable=True)[:count]
                group.kept[p, q] = sorted(kept[i] for i in best.tolist())

    def factors(self):
        """(weight, factor of zeros and ones) of every masked layer."""
        result = []
        for group in self.groups:
            for layer, owners in zip(group.layers, group.outputOwners):
                factor = torch.ones(layer.weight.shape[:2])
                for p, q in self.pairs():
                    out = [c for c in group.owners[p] if c not in set(group.kept[p, q])]
                    if owners[q] and out:
                        factor[torch.tensor(owners[q]).unsqueeze(1), torch.tensor(out).unsqueeze(0)] = 0
                result.append((layer.weight, factor.view(*factor.shape, *[1] * (layer.weight.dim() - 2))))
        return result

    def density(self):
        """Kept over owned, over all tensors and ordered pairs."""
        kept = sum(len(group.kept[pair]) for group in self.groups for pair in self.pairs())
        return kept / sum(len(group.owners[p]) for group in self.groups for p, _ in self.pairs())

    def document(self):
        """The entry for the model's metadata, as docs/formats/masks.md specifies it."""
        entries = []
        for group in self.groups:
            for name in group.names:
                for p, q in self.pairs():
                    entries.append({"op": name, "from": p, "to": q, "channels": compress(group.kept[p, q])})
        return {
            "format": "discoc-masks",
            "version": 1,
            "nodes": self.nodes,
            "owner_map": self.ownerMap,
            "masks": entries,
        }


def make(network, shape, nodes, owners=None, ownerMap=1):
    """The masks of all tensors, still complete, with the owner maps by tensor name or else contiguous, as default owner
    map 1 has them."""
    owners = owners or {}
    ops = onnx_file.contractions(onnx_file.export(copy.deepcopy(network), shape))
    layerNames = {module: name for name, module in network.named_modules()}

    def ownersOf(tensor, channels, block=1):
        found = owners.get(tensor) or contiguous(channels, nodes, block)
        if sorted(c for node in found for c in node) != list(range(channels)):
            raise SystemExit(f"error: the owner map of {tensor} is no partition of {channels} channels")
        return found

    groups = []
    for channels, block, layers in network.readers():
        rows = [ops[layerNames[layer]] for layer in layers]
        outputs = [ownersOf(row[2], layer.weight.shape[0]) for row, layer in zip(rows, layers)]
        groups.append(Group(ownersOf(rows[0][1], channels, block), layers, [row[0] for row in rows], outputs))
    return Masks(groups, nodes, ownerMap)


@torch.no_grad()
def apply(factors):
    for weight, factor in factors:
        weight.mul_(factor)
