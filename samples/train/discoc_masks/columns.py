# What can be left out: columns of weights, by tensor, source, destination and channel.
# SPDX-License-Identifier: Apache-2.0
"""A *column* is one channel c of a tensor as one other node q needs it: W[O_q, c] of every contraction that reads the tensor, since a
feature that several of them need travels once. All columns of a tensor from p to q are an *exchange*. Where partial sums are allowed and
fewer bytes, an exchange consists of *rows* instead: W[r, I_p], one output channel r of q and what p adds to it.

Columns and rows of all tensors are numbered through; every vector of this module is indexed by that number."""

import numpy as np
import torch

from .errors import MaskError


class Reader:
    """A contraction with weights that masks can leave out. `keys`: for each (row, column) of its rows of the parameter the column
    (or row) that it belongs to, -1 where q itself owns the channel; as long as the parameter's two leading axes."""

    def __init__(self, contraction, weight, module, attribute, keys):
        self.name = contraction.node.name or contraction.result
        self.op, self.weight, self.module, self.attribute, self.keys = contraction, weight, module, attribute, keys

    def parameter(self):
        return getattr(self.module, self.attribute)

    def sums(self, values, count):
        """Of a tensor as the parameter is, the sum over each column."""
        rows = values[self.weight.begin : self.weight.end]
        flat = rows.flatten(2).sum(2) if rows.dim() > 2 else rows
        keys = self.keys.to(flat.device)
        inside = keys >= 0
        return torch.zeros(count, dtype=flat.dtype, device=flat.device).index_add(0, keys[inside], flat[inside])

    def factor(self, kept):
        """Zeros and ones for the parameter."""
        parameter = self.parameter()
        rows = torch.where(self.keys < 0, torch.ones_like(self.keys, dtype=torch.bool), kept[self.keys.clamp(min=0)])
        whole = torch.ones(parameter.shape[:2], dtype=torch.bool)
        whole[self.weight.begin : self.weight.end] = rows
        return whole.view(*whole.shape, *[1] * (parameter.dim() - 2)).to(parameter.dtype)


def channels_of(contraction, weight, shape, channels, outputs):
    """(row, column) -> input channel, and -> output channel, in the layout of the parameter. A grouped contraction's weights have the
    channels of a group only."""
    groups = contraction.groups
    rows, columns = weight.end - weight.begin, shape[1]
    first, second = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    transposed = contraction.node.kind == "ConvTranspose"
    if contraction.node.kind in ("Gemm", "MatMul"):
        made = weight.rows_are_axis == (0 if contraction.node.attributes.get("transB", 0) else 1)
        return (second, first) if made else (first, second)
    if transposed:
        return first, first // (channels // groups) * (outputs // groups) + second
    return first // (outputs // groups) * (channels // groups) + second, first


class Columns:
    """All columns of a network. `source`, `destination`, `channel`, `exchange`, `cost` (bytes), `size` (weights); `message`: of each
    exchange what a message costs, in bytes."""

    def __init__(self, ownership, weights, network, rows=False):
        self.ownership, self.nodes = ownership, ownership.nodes
        self.readers, self.whole, self.tensors = [], {}, []
        self.exchanges = []  # (tensor, p, q, whether rows)
        vectors = {name: [] for name in ("source", "destination", "channel", "exchange", "cost")}
        for tensor, contractions in self.tensors_of(weights, network).items():
            self.add(tensor, contractions, weights, network, rows, vectors)
        for name, values in vectors.items():
            setattr(self, name, torch.tensor(values, dtype=torch.float64 if name == "cost" else torch.int64))
        self.count = len(self.cost)
        self.size = sum((r.sums(torch.ones_like(r.parameter().detach()), self.count).cpu() for r in self.readers), torch.zeros(self.count))
        self.message = torch.zeros(len(self.exchanges), dtype=torch.float64)

    def tensors_of(self, weights, network):
        """Tensor -> [(contraction, owners of its inputs, owners of its outputs)] that masks can divide."""
        found, parameters = {}, {}
        for weight in weights.values():
            parameters.setdefault(weight.parameter, []).append((weight.begin, weight.end))
        for result, made in self.ownership.ties.contractions.items():
            inputs, outputs = self.ownership.of(made.tensor, made.input_axis), self.ownership.of(result, made.result_axis)
            reason = next((x for x in (inputs, outputs) if isinstance(x, str)), None)
            if reason is not None and reason is outputs:
                reason = "every node makes it"
            weight = weights.get(result)
            if reason is None and weight is None:
                reason = "its weights are no parameter of the network"
            elif reason is None and sum(b < weight.end and weight.begin < e for b, e in parameters[weight.parameter]) > 1:
                reason = f"several layers share {weight.parameter}"
            if reason is None:
                found.setdefault(made.tensor, []).append((made, inputs, outputs))
            else:
                self.whole[made.node.name or result] = reason
        return found

    def add(self, tensor, contractions, weights, network, rows, vectors):
        inputs = contractions[0][1]
        elements = int(np.prod(self.ownership.ties.graph.shapes[tensor])) // len(inputs)
        self.tensors.append(tensor)
        columns = np.full((self.nodes, len(inputs)), -1, np.int64)  # (destination, channel) -> column
        by_rows = {}
        needed = self.needed(contractions, weights, network)
        for p in range(self.nodes):
            for q in range(self.nodes):
                channels = [c for c in np.flatnonzero(inputs == p) if needed[q, c]]
                if p == q or not channels:
                    continue
                sums = self.row_bytes(contractions, q) if rows else None
                if sums is not None and sum(s for _, _, s in sums) < 4 * elements * len(channels):
                    self.add_rows(tensor, p, q, sums, by_rows, vectors)
                    continue
                self.exchanges.append((tensor, p, q, False))
                for c in channels:
                    columns[q, c] = self.append(vectors, p, q, c, 4 * elements)
        for made, _, outputs in contractions:
            weight = weights[made.result]
            module, attribute = owner_of(network, weight.parameter)
            read, out = channels_of(made, weight, getattr(module, attribute).shape, len(inputs), len(outputs))
            keys = columns[outputs[out], read]
            for (name, p, r), key in by_rows.items():
                if name == made.result:
                    keys[(out == r) & (inputs[read] == p)] = key
            keys[inputs[read] == outputs[out]] = -1
            if (keys >= 0).any():
                self.readers.append(Reader(made, weight, module, attribute, torch.from_numpy(keys)))

    def needed(self, contractions, weights, network):
        """(destination, channel) -> whether any weight of that node reads it: of a grouped contraction some do not."""
        result = np.zeros((self.nodes, len(contractions[0][1])), bool)
        for made, inputs, outputs in contractions:
            weight = weights[made.result]
            module, attribute = owner_of(network, weight.parameter)
            read, out = channels_of(made, weight, getattr(module, attribute).shape, len(inputs), len(outputs))
            result[outputs[out].ravel(), read.ravel()] = True
        return result

    def row_bytes(self, contractions, q):
        """[(result, row, bytes)] of q; None where a contraction is grouped."""
        found = []
        for made, _, outputs in contractions:
            if made.groups > 1:
                return None
            elements = int(np.prod(self.ownership.ties.graph.shapes[made.result])) // len(outputs)
            found += [(made.result, int(r), 4 * elements) for r in np.flatnonzero(outputs == q)]
        return found

    def add_rows(self, tensor, p, q, sums, by_rows, vectors):
        self.exchanges.append((tensor, p, q, True))
        for result, row, cost in sums:
            by_rows[result, p, row] = self.append(vectors, p, q, row, cost)

    def append(self, vectors, p, q, channel, cost):
        for name, value in (("source", p), ("destination", q), ("channel", int(channel)), ("exchange", len(self.exchanges) - 1), ("cost", cost)):
            vectors[name].append(value)
        return len(vectors["cost"]) - 1

    def sums(self, values):
        """Of (reader -> tensor like its parameter): the sum over each column, over all readers."""
        total = None
        for reader in self.readers:
            part = reader.sums(values(reader), self.count)
            total = part if total is None else total + part.to(total.device)
        return total


def owner_of(network, parameter):
    """(module, attribute) of a parameter's name."""
    path, _, attribute = parameter.rpartition(".")
    return (network.get_submodule(path) if path else network), attribute


def check_finite(network):
    for name, parameter in network.named_parameters():
        if not torch.isfinite(parameter).all():
            raise MaskError(f"the weights of {name} are not finite: load the last checkpoint that was good")
