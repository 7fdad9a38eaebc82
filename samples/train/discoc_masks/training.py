# A training loop with masks that can be interrupted: the recipe.
# SPDX-License-Identifier: Apache-2.0
"""The recipe of samples/train/README.md. In a loop of your own call `masks.step()` instead; nothing else of this file is needed."""

import copy
import math
import os

import torch
import torch.nn.functional as functional

from . import files
from .errors import MaskError, NotFinite


def distilled(scores, labels, teacher_scores, temperature=4.0, share=0.5):
    """Cross entropy, and the divergence from the teacher's scores, which the dense network gives."""
    hard = functional.cross_entropy(scores, labels)
    soft = functional.kl_div(functional.log_softmax(scores / temperature, 1), functional.softmax(teacher_scores / temperature, 1),
                             reduction="batchmean")  # fmt: skip
    return (1 - share) * hard + share * temperature**2 * soft


def fit(network, masks, batches, epochs, rate=0.05, loss=distilled, teacher=None, lasso=1e-5, decay=5e-4, checkpoint=None, report=None):
    """Trains with SGD and a cosine schedule; masks shrink over the first half and are frozen in the second.

    masks       of `attach`, with steps = epochs * batches an epoch; None: trains dense
    batches     epoch -> an iterable of (inputs, labels), the same ones whenever it is asked for an epoch
    loss        (scores, labels, the teacher's scores) -> a scalar
    teacher     the dense network (None: its scores are None, and the loss cross entropy)
    lasso       what `masks.penalty()` weighs
    checkpoint  a file, written after each epoch and read at the start: an interrupted training ends as one that was not
    report      called after each epoch with (epoch, mean loss, density)

    Raises NotFinite where the loss or a weight is not; the checkpoint of the last good epoch stays."""
    optimiser = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, weight_decay=decay, nesterov=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    parts = {"network": network, "optimiser": optimiser, "schedule": schedule, **({"masks": masks} if masks else {})}
    if teacher is not None:
        teacher = copy.deepcopy(teacher).eval()
    for epoch in range(resume(checkpoint, parts), epochs):
        network.train()
        total = count = 0
        for inputs, labels in batches(epoch):
            total += train_on(network, masks, optimiser, inputs, labels, loss, teacher, lasso, where(epoch, checkpoint))
            count += 1
        if count == 0:
            raise MaskError(f"epoch {epoch} has no batches")
        schedule.step()
        if not all(torch.isfinite(p).all() for p in network.parameters()):
            raise NotFinite(f"weights are not finite after epoch {epoch}; {where(epoch, checkpoint)}")
        if checkpoint:
            state = {name: part.state_dict() for name, part in parts.items()}
            files.save_atomically({"epoch": epoch + 1, "random": torch.get_rng_state(), **state}, checkpoint)
        if report:
            report(epoch, total / count, masks.density if masks else 1.0)
    network.eval()


def where(epoch, checkpoint):
    good = f"the last good state is {checkpoint}, of {epoch} epochs" if checkpoint and epoch else "there is no checkpoint yet"
    return f"{good}; go on with a lower rate"


def train_on(network, masks, optimiser, inputs, labels, loss, teacher, lasso, advice):
    scores = network(inputs)
    if teacher is None:
        value = functional.cross_entropy(scores, labels) if loss is distilled else loss(scores, labels, None)
    else:
        with torch.no_grad():
            said = teacher(inputs)
        value = loss(scores, labels, said)
    if not math.isfinite(float(value.detach())):
        raise NotFinite(f"the loss is {float(value.detach())}; {advice}")
    optimiser.zero_grad()
    (value + lasso * masks.penalty() if masks and lasso and not masks.frozen else value).backward()
    optimiser.step()
    if masks:
        masks.step()
    return float(value.detach())


def resume(checkpoint, parts):
    """The epoch to go on with."""
    if not checkpoint or not os.path.exists(checkpoint):
        return 0
    try:
        state = torch.load(checkpoint)
        for name, part in parts.items():
            part.load_state_dict(state[name])
    except (KeyError, RuntimeError, OSError, EOFError) as error:
        raise MaskError(f"{checkpoint} is no checkpoint of this training: {error}; remove it, or name another") from error
    torch.set_rng_state(state["random"])
    return state["epoch"]
