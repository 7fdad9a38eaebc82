# What crosses between nodes as 8 bits, in the forward pass.
# SPDX-License-Identifier: Apache-2.0
"""With `--wire i8` a message has one scale, its largest magnitude over 127. So each node reads its own channels exactly, and those
of others as they come. y = W x + W_q (Q(x_p) - x_p), summed over pairs: the difference is added behind the layer. Gradients pass
the rounding as if it were not there."""

import torch
import torch.nn.functional as functional


def rounded(x, dims):
    """As what it arrives: 8 bits, one scale a message."""
    scale = x.abs().amax(dims, keepdim=True).clamp(min=1e-30) / 127
    return x + ((x / scale).round().clamp(-127, 127) * scale - x).detach()


class Wire:
    """Hooks on the Conv2d and Linear layers that masks divide. `exact`: the names of contractions whose inputs stay exact, because they are
    neither, or grouped."""

    def __init__(self, masks):
        self.masks, self.exact, self.layers = masks, [], []
        for reader in masks.columns.readers:
            # Parametrised modules have a class of their own, made of the module's.
            plain = type(reader.module).__bases__[0] in (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Linear) and reader.op.groups == 1
            columns = all(not masks.columns.exchanges[e][3] for e in set(masks.columns.exchange[reader.keys[reader.keys >= 0]].tolist()))
            if plain and columns:
                self.layers.append(reader)
            else:
                self.exact.append(reader.name)
        self.hook()

    def hook(self):
        self.handles = [r.module.register_forward_hook(lambda m, args, y, r=r: self.add(r, m, args[0], y)) for r in self.layers]

    def remove(self):
        for handle in self.handles:
            handle.remove()

    def add(self, reader, module, x, y):
        axis = x.dim() - 1 if isinstance(module, torch.nn.Linear) else 1
        dims = tuple(range(1, x.dim()))
        columns, keys = self.masks.columns, reader.keys
        read = keys[keys >= 0].unique()
        for q in range(columns.nodes):
            rows = torch.nonzero(((columns.destination[keys.clamp(min=0)] == q) & (keys >= 0)).any(1)).flatten()
            used = read[(columns.destination[read] == q) & self.masks.kept[read]]
            if not len(used):
                continue
            change = torch.zeros_like(x)
            for p in columns.source[used].unique().tolist():
                channels = columns.channel[used[columns.source[used] == p]].to(x.device)
                part = x.index_select(axis, channels)
                change = change.index_add(axis, channels, rounded(part, dims) - part)
            y = y.index_add(axis, rows.to(x.device), self.apply(module, change, module.weight[rows.to(x.device)]))
        return y

    @staticmethod
    def apply(module, x, weight):
        if isinstance(module, torch.nn.Linear):
            return functional.linear(x, weight)
        run = functional.conv1d if isinstance(module, torch.nn.Conv1d) else functional.conv2d
        if module.padding_mode != "zeros":
            x = functional.pad(x, module._reversed_padding_repeated_twice, mode=module.padding_mode)
            return run(x, weight, None, module.stride, 0, module.dilation)
        return run(x, weight, None, module.stride, module.padding, module.dilation)
