# Which columns stay, within a number of bytes.
# SPDX-License-Identifier: Apache-2.0
"""Columns are given up where the loss would rise least for each byte that they cost. A whole exchange is given up at once where what is left
of it is worth less than its bytes and its message: then densities by tensor follow from what they cost, and exchanges vanish."""

import heapq

import torch


def shrink(kept, score, columns, budget):
    """`kept` with so many columns less that the rest costs at most `budget` (bytes). Nothing that was given up comes back."""
    kept = kept.clone()
    left = float(columns.cost[kept].sum())
    if left <= budget:
        return kept
    worth, cost, members = score.double().tolist(), columns.cost.tolist(), {}
    for column in torch.nonzero(kept).flatten().tolist():
        members.setdefault(int(columns.exchange[column]), []).append(column)
    heap = []
    for exchange, each in members.items():
        each.sort(key=lambda c: (-worth[c] / cost[c], -c))  # the next one to go is the last
        push(heap, exchange, each, worth, cost, float(columns.message[exchange]))
    while left > budget and heap:
        _, exchange, whole = heapq.heappop(heap)
        each = members[exchange]
        gone = list(each) if whole else each[-1:]
        del each[len(each) - len(gone) :]
        kept[gone] = False
        left -= sum(cost[c] for c in gone)
        if each:
            push(heap, exchange, each, worth, cost, float(columns.message[exchange]))
    return kept


def push(heap, exchange, each, worth, cost, message):
    """What an exchange offers next: its least column, or all of it where that costs less for each byte saved."""
    one = worth[each[-1]] / cost[each[-1]]
    if message:
        every = sum(worth[c] for c in each) / (sum(cost[c] for c in each) + message)
        if every < one:
            heapq.heappush(heap, (every, exchange, True))
            return
    heapq.heappush(heap, (one, exchange, False))


def shrink_evenly(kept, score, columns, density):
    """The same share of every exchange: floor(density * channels), at least one unless the density is zero."""
    kept = kept.clone()
    for exchange in range(len(columns.exchanges)):
        mine = torch.nonzero(columns.exchange == exchange).flatten()
        count = int(density * len(mine) + 1e-9)
        count = max(count, 1) if density > 0 else count
        left = mine[kept[mine]]
        if len(left) > count:
            order = torch.argsort(score[left], descending=True, stable=True)
            kept[left[order[count:]]] = False
    return kept


def density_at(progress, target):
    """1 at the start, the target from half of the training on, cubic between: much is given up early, little late."""
    step = min(1.0, 2 * progress)
    return target + (1 - target) * (1 - step) ** 3
