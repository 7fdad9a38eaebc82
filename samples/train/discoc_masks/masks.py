# The masks of a network while it is trained.
# SPDX-License-Identifier: Apache-2.0

import copy
import math

import torch
from torch.nn.utils import parametrize

from . import choice, files
from .columns import Columns, check_finite
from .errors import MaskError, NotFinite
from .owners import Ownership, read_owners
from .trace import in_evaluation, trace
from .wire import Wire

DECAY = 0.9  # of the running mean of scores, by step
UPDATES = 40  # how often columns are given up, at most, over the first half of the training


class Masked(torch.nn.Module):
    """Parametrises a weight: what a mask leaves out is zero, whatever an optimiser does."""

    def __init__(self, weight):
        super().__init__()
        self.register_buffer("factor", torch.ones_like(weight[(slice(None), slice(None), *[slice(0, 1)] * (weight.dim() - 2))]))

    def forward(self, weight):
        return weight * self.factor


def attach(network, example_inputs, nodes, owners=None, costs=None, density=0.2, steps=None, even=False, rows=False, wire=None):
    """Masks for a network that `nodes` nodes are to compute together; its weights are parametrised from now on.

    example_inputs  a tensor, or a tuple of them, as the network takes them; it is traced with them, in evaluation mode, batch 1
    nodes           N, two or more
    owners          a file of `discoc inspect --write-owners`, or a model with owners in its metadata; None: the default owner map
    costs           a file of `discoc inspect --advise`: what a channel and a message cost; None: bytes
    density         the share, 0 to 1, that is still sent in the end of what masks can leave out; 0 is channel groups
    steps           how many times `step` will be called in the whole training; None: call `shrink` yourself
    even            every exchange gets the same density, instead of what its channels are worth
    rows            an exchange may consist of partial sums (rows of weights) where these are fewer bytes than features
    wire            "i8": what crosses is quantised to 8 bits in the forward pass, a scale a message, as `discoc compile --wire i8` does

    Raises MaskError, and leaves the network as it was, where this cannot be."""
    if not isinstance(nodes, int) or nodes < 2:
        raise MaskError(f"nodes is {nodes!r}: masks are between two nodes or more")
    check_density(density)
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise MaskError(f"steps is {steps!r}: how many optimiser steps the whole training has, or None")
    if wire not in (None, "i8"):
        raise MaskError(f"wire is {wire!r}: None or 'i8'")
    if any(parametrize.is_parametrized(m) and any(isinstance(p, Masked) for l in m.parametrizations.values() for p in l)
           for m in network.modules()):  # fmt: skip
        raise MaskError("the network has masks already: attach once, to the dense network")
    check_finite(network)
    inputs = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    inputs = tuple(x.cpu() if isinstance(x, torch.Tensor) else x for x in inputs)
    graph, weights = trace(network, inputs)
    ownership = Ownership(graph, nodes, read_owners(owners, nodes) if owners is not None else None, owners)
    columns = Columns(ownership, weights, network, rows)
    if not columns.count:
        raise MaskError("nothing of this network can be masked: " + reasons(columns, ownership))
    if costs is not None:
        files.read_costs(costs, nodes, columns)
    return Masks(network, inputs, columns, density, steps, even, wire)


def reasons(columns, ownership):
    made = ownership.ties.contractions.values()
    if not made:
        return "it has no Conv, ConvTranspose or Linear with constant weights"
    names = [m.node.name or m.result for m in made]
    tied = "all channels that it reads are tied to its own (groups, heads); other owners would let it read others'"
    return "; ".join(f"{name}: {columns.whole.get(name, tied)}" for name in names[:5])


def check_density(density):
    if not isinstance(density, (int, float)) or not 0 <= density <= 1:
        raise MaskError(f"density is {density!r}: a share from 0 (nothing is sent) to 1 (everything is)")


class Masks:
    """What `attach` returns. `whole`: op -> why it has no masks."""

    def __init__(self, network, inputs, columns, density, steps, even, wire):
        self.network, self.inputs, self.columns = network, inputs, columns
        self.target, self.steps, self.even, self.whole = density, steps, even, columns.whole
        self.kept = torch.ones(columns.count, dtype=torch.bool)
        self.score = torch.zeros(columns.count)
        self.done, self.frozen = 0, False
        self.parametrise()
        self.wire = Wire(self) if wire else None

    def parametrise(self):
        self.factors = {}
        for reader in self.columns.readers:
            key = (id(reader.module), reader.attribute)
            if key not in self.factors:
                weight = reader.parameter().detach()
                masked = Masked(weight)
                parametrize.register_parametrization(reader.module, reader.attribute, masked)
                self.factors[key] = (masked, [])
            self.factors[key][1].append(reader)

    @property
    def density(self):
        """Bytes that are kept over bytes that masks can leave out."""
        return float(self.columns.cost[self.kept].sum() / self.columns.cost.sum())

    @property
    def exchanges(self):
        """(how many ordered pairs of nodes exchange something of some tensor, how many would without masks)"""
        return len(set(self.columns.exchange[self.kept].tolist())), len(self.columns.exchanges)

    @torch.no_grad()
    def observe(self):
        """Adds to the scores what this step's gradients say: by how much the loss would change, to first order, without a column."""
        seen = []

        def products(reader):
            original = reader.module.parametrizations[reader.attribute].original
            if original.grad is None:
                return torch.zeros_like(original)
            seen.append(reader)
            return original.grad * reader.parameter()

        change = self.columns.sums(products).abs().float().cpu()
        if not seen:
            raise MaskError("no weight has a gradient: call masks.step() after loss.backward(), and before optimizer.zero_grad()")
        if torch.isfinite(change).all():  # a step whose gradients overflowed (mixed precision) says nothing
            self.score = DECAY * self.score + (1 - DECAY) * change

    def step(self, loss=None):
        """Once after every optimiser step, before gradients are cleared. Raises NotFinite where `loss` is not finite."""
        if loss is not None and not math.isfinite(float(loss)):
            raise NotFinite(f"the loss of step {self.done} is {float(loss)}: go on from the last checkpoint, with a lower learning rate")
        self.done += 1
        if self.steps is None or self.frozen:
            return
        self.observe()
        half = max(1, self.steps // 2)
        if self.done >= half:
            self.shrink(self.target)
            self.frozen = True
        elif self.done % max(1, half // UPDATES) == 0:
            self.shrink(choice.density_at(self.done / self.steps, self.target))

    def shrink(self, density):
        """Gives up columns until `density` is left; nothing comes back."""
        check_density(density)
        score = self.score if self.score.any() else self.magnitudes()
        if self.even:
            kept = choice.shrink_evenly(self.kept, score, self.columns, density)
        else:
            kept = choice.shrink(self.kept, score, self.columns, density * float(self.columns.cost.sum()) + 1e-6)
        self.keep(kept)

    @torch.no_grad()
    def magnitudes(self):
        """Squared norms of columns: before any gradient was seen."""
        return self.columns.sums(lambda reader: reader.parameter().square()).float().cpu()

    @torch.no_grad()
    def keep(self, kept):
        """Exactly these columns (a vector of bool), from now on."""
        self.kept = kept
        for masked, readers in self.factors.values():
            factor = torch.ones_like(masked.factor, device="cpu")
            for reader in readers:
                factor *= reader.factor(kept)
            masked.factor.copy_(factor)

    def load(self, path):
        """The masks of a file (docs/formats/masks.md, or a model that `discoc mask` wrote), from now on; weights stay what they are."""
        self.keep(files.read_masks(path, self))
        self.frozen = True

    def shuffle(self, every):
        """Channel groups with shuffles (DeCNN), fixed at once: nothing crosses but at every `every`-th tensor that layers read, where
        each node reads each N-th channel of every other."""
        if not isinstance(every, int) or every < 1:
            raise MaskError(f"every is {every!r}: 1 or more")
        c, nodes = self.columns, self.columns.nodes
        at = {tensor: i for i, tensor in enumerate(c.tensors)}
        shuffled = torch.tensor([(at[e[0]] + 1) % every == 0 for e in c.exchanges])[c.exchange]
        first = {}
        place = torch.tensor([first.setdefault((e, i), len([1 for k in first if k[0] == e])) - 1 for i, e in enumerate(c.exchange.tolist())])
        self.keep(self.kept & shuffled & (place % nodes == c.destination))
        self.frozen = True

    def penalty(self):
        """The group lasso on what may still be left out, to be added to the loss with a weight of your choice: the norms of all columns, each
        by what it costs, and of all exchanges, by what a message costs. Zero once the masks are frozen."""
        device = next(self.network.parameters()).device
        if self.frozen:
            return torch.zeros((), device=device)
        c = self.columns
        squares = c.sums(lambda reader: reader.parameter().square())
        price = (c.size.sqrt() * c.cost / c.cost.mean()).float().to(device)
        columns = (torch.sqrt(squares + 1e-12) * price)[self.kept.to(device)].sum()
        if not c.message.any():
            return columns
        exchange = c.exchange.to(device)
        whole = torch.zeros(len(c.exchanges), device=device).index_add(0, exchange, squares)
        sizes = torch.zeros(len(c.exchanges)).index_add(0, c.exchange, c.size)
        return columns + (torch.sqrt(whole + 1e-12) * (sizes.sqrt() * c.message / c.cost.mean()).float().to(device)).sum()

    def state_dict(self):
        """What a checkpoint needs beside the network's and the optimiser's."""
        return {"kept": self.kept, "score": self.score, "done": self.done, "frozen": self.frozen}

    def load_state_dict(self, state):
        if state["kept"].shape != self.kept.shape:
            raise MaskError("the checkpoint's masks are of another network, number of nodes or owner map")
        self.keep(state["kept"].clone())
        self.score, self.done, self.frozen = state["score"].clone(), state["done"], state["frozen"]

    def plain(self):
        """A copy of the network without parametrisations: its weights have the masks' zeros."""
        if self.wire:
            self.wire.remove()
        result = copy.deepcopy(self.network)
        if self.wire:
            self.wire.hook()
        for module in result.modules():
            # PyTorch's own way to remove one changes the class, which a copy has in common with what it was copied from.
            if parametrize.is_parametrized(module):
                weights = {name: getattr(module, name).detach().clone() for name in module.parametrizations}
                module.__class__ = type(module).__bases__[0]
                del module.parametrizations
                for name, weight in weights.items():
                    module.register_parameter(name, torch.nn.Parameter(weight))
        return result

    def export(self, path, metadata=None, **names):
        """Writes an ONNX model of opset 17 with the masks' zeros, and masks and owners in its metadata: `discoc compile` needs no option.
        `metadata`: further entries, such as discoc.labels, as texts or what JSON can hold; `names`: input_names, output_names, dynamic_axes as
        torch.onnx.export takes them. The file appears when it is whole."""
        check_finite(self.network)
        with in_evaluation(self.network):
            files.export_masked(self, path, metadata or {}, names)
