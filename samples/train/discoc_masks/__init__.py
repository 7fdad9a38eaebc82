# Masks for a PyTorch network that discoc divides within each layer over several nodes.
# SPDX-License-Identifier: Apache-2.0
"""    masks = discoc_masks.attach(network, example_inputs, nodes=2, density=0.2, steps=STEPS)
    ... loss.backward(); optimizer.step(); masks.step(); optimizer.zero_grad() ...
    masks.export("masked.onnx")"""

from .errors import MaskError, NotFinite
from .files import export
from .masks import Masks, attach
from .training import distilled, fit

__all__ = ["MaskError", "Masks", "NotFinite", "attach", "distilled", "export", "fit"]
