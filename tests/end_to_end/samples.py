# SPDX-License-Identifier: Apache-2.0
"""Small compiled models that the tests of the running cluster share."""

import json
import os
import shutil
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import least_traffic  # noqa: E402
import masks as mask_files  # noqa: E402

DIGITS = os.path.join(discoc.ROOT, "samples", "digits", "digits_dense.onnx")
CIFAR = os.path.join(discoc.ROOT, "samples", "cifar10", "cifar10_dense.onnx")


class Sample:
    """A shipped model with random masks for N nodes, compiled into `folder`,
    an input and ONNX Runtime's answer to it."""

    def __init__(self, path, nodes, folder, density=0.2, seed=7,
                 extra=()):
        self.nodes, self.out = nodes, os.path.join(folder, "out")
        model = graph.load(path)
        self.shapes = {v.name: [d.dim_value or 1 for d in
                                v.type.tensor_type.shape.dim]
                       for v in graph.real_inputs(model)}
        owners = os.path.join(folder, "owners.json")
        discoc.write_owners(path, nodes, owners, self.shapes)
        self.owners = mask_files.Owners.load(owners)
        rng = np.random.default_rng(seed)
        self.feeds = graph.random_inputs(model, rng, self.shapes)
        self.traced = graph.Traced(model, self.feeds)
        entries, zeroed, _ = mask_files.draw(self.traced, self.owners,
                                             density, seed)
        self.document = mask_files.mask_document(
            entries, nodes, self.owners.owner_map)
        self.masked = mask_files.zeroed_model(self.traced, zeroed)
        masks = os.path.join(folder, "masks.json")
        with open(masks, "w", encoding="utf-8") as stream:
            json.dump(self.document, stream)
        discoc.compile(path, nodes, self.out, masks=masks, shapes=self.shapes,
                       extra=extra)
        self.manifest = cluster.load_json(
            os.path.join(self.out, "manifest.json"))
        self.outputs = [o["name"] for o in self.manifest["outputs"]]

    def want(self):
        import compare
        return compare.oracle(self.masked, self.feeds)

    def root_messages(self):
        return {m["id"] for m in self.manifest["messages"] if m["root"]}

    def least(self):
        return least_traffic.least(self.traced, self.owners, self.document)

    def build_apart(self, folder):
        """Copies every node directory alone to a place of its own and builds
        it there; returns the programs."""
        programs = []
        for rank, directory in enumerate(cluster.ranks_of(self.out)):
            place = os.path.join(folder, f"host{rank}")
            shutil.copytree(directory, os.path.join(place, "here"))
            build = os.path.join(place, "here", "build")
            cluster.call(["cmake", "-S", os.path.join(place, "here"), "-B",
                          build, "-DCMAKE_BUILD_TYPE=Release"])
            cluster.call(["cmake", "--build", build, "-j", "2"])
            programs.append(os.path.join(build, "shard"))
        return programs
