# SPDX-License-Identifier: Apache-2.0
"""The owners that samples/train/discoc_masks computes are those of `discoc inspect --write-owners`, for networks of many kinds and two and three
nodes; each of its contractions is compared, its input and its result.

    owners.py [--full]    --full: torchvision's own sizes (minutes)"""

import json
import os
import subprocess
import sys
import tempfile
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "oracle"), os.path.join(HERE, "..", "..", "samples", "train")]
import discoc  # noqa: E402


def full():
    """torchvision's own networks, beside the encoders and shuffles of every size."""
    import torch
    import torchvision.models as models

    names = ("resnet18 resnet50 resnext50_32x4d wide_resnet50_2 vgg11 squeezenet1_1 densenet121 googlenet inception_v3 mobilenet_v2 mobilenet_v3_small "
             "shufflenet_v2_x1_0 mnasnet0_5 efficientnet_b0 regnet_x_400mf regnet_y_400mf convnext_tiny alexnet vit_b_32").split()  # fmt: skip
    for name in names:
        size = 299 if name == "inception_v3" else 224
        more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        yield name, (getattr(models, name)(**more), torch.zeros(1, 3, size, size))


def written(path, nodes, folder):
    """What discoc writes of the network's exported file."""
    target = os.path.join(folder, "owners.json")
    done = subprocess.run([discoc.binary(), "inspect", path, "-n", str(nodes), "--write-owners", target], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-300:])
    with open(target, encoding="utf-8") as file:
        return json.load(file)["tensors"]


def compared(ownership, theirs):
    """(how many tensors were compared, the first that differs). discoc folds and fuses: not every tensor is one of its own."""
    from discoc_masks import owners

    count, wrong = 0, ""
    for made in ownership.ties.contractions.values():
        for name, axis in ((made.tensor, made.input_axis), (made.result, made.result_axis), *after(ownership, made)):
            ranks = ownership.of(name, axis)
            if name not in theirs or isinstance(ranks, str):
                continue
            mine = [owners.compress([c for c, r in enumerate(ranks) if r == rank]) for rank in range(ownership.nodes)]
            count += 1
            if mine != theirs[name]["owners"] or axis != theirs[name]["axis"]:
                wrong = wrong or f"{name}: {mine} along {axis}, discoc says {theirs[name]}"
    return count, wrong


def after(ownership, made):
    """What an element-wise op makes of a contraction's result at once: the name of what discoc fuses them to."""
    graph = ownership.ties.graph
    return [(u.outputs[0], made.result_axis) for u in graph.readers.get(made.result, []) if graph.shapes.get(u.outputs[0]) == graph.shapes[made.result]]


def check(tally, name, network, example, folder):
    import onnx
    from discoc_masks import owners, trace

    path = os.path.join(folder, "network.onnx")
    onnx.save(trace.to_onnx(network, example), path)
    graph, weights = trace.trace(network, example)
    for nodes in (2, 3):
        ownership = owners.Ownership(graph, nodes)
        count, wrong = compared(ownership, written(path, nodes, folder))
        contractions = len(ownership.ties.contractions)
        if count < contractions:
            wrong = wrong or f"only {count} tensors of {contractions} contractions could be compared"
        if len(weights) != contractions:
            wrong = wrong or f"{len(weights)} weights of {contractions} contractions are known as parameters"
        tally.check(f"{name}, {nodes} nodes: {count} tensors", not wrong, wrong)


def main():
    tally = discoc.Tally(quiet=True)
    try:
        import torch
    except ImportError:
        tally.skip("owners of PyTorch's networks", "no PyTorch: scripts/setup train")
        return tally.close()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    import networks

    cases = full() if "--full" in sys.argv else (networks.plain() | networks.torchvisions()).items()
    with tempfile.TemporaryDirectory() as folder:
        for name, (network, example) in cases:
            try:
                check(tally, name, network, example, folder)
            except Exception as error:  # one network says nothing about the others
                tally.check(name, False, repr(error))
    if not networks.torchvisions():
        tally.skip("owners of torchvision's networks", "no torchvision: scripts/setup train")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
