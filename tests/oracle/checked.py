# SPDX-License-Identifier: Apache-2.0
"""A small model on disk with an input and what ONNX Runtime says: what suites that make their own models begin with."""

import os

import numpy as np
import onnx

import compare


class Checked:
    """A model on disk, an input, and what ONNX Runtime says."""

    def __init__(self, name, model, folder, runtime, tally):
        self.name, self.folder, self.runtime, self.tally = name, folder, runtime, tally
        self.path = os.path.join(folder, f"{name}.onnx")
        onnx.save(model, self.path)
        rng = np.random.default_rng(5)
        shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.input}
        self.feeds = {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
        self.want = compare.oracle(model, self.feeds)
