# SPDX-License-Identifier: Apache-2.0
"""samples/train/discoc_masks: what it exports is accepted by `discoc compile` without options and exchanges what the masks say; groups of rows,
8 bits, shuffles; an interrupted training ends as one that was not, and one whose loss is NaN keeps the last good file; what is
refused; the callbacks of README.md against stand-ins; the samples' scripts; the package installs by pip into a venv."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import types
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(HERE, "..", "..", "samples", "train")
sys.path[:0] = [os.path.join(HERE, "..", "oracle"), PACKAGE]
import discoc  # noqa: E402

try:
    import discoc_masks
    import networks
    import onnx
    import onnx.numpy_helper
    import torch
except ImportError:
    torch = None


def train(network, example, steps=12, penalty=1e-6, **options):
    """(masks, the network) after a few steps on noise."""
    masks = discoc_masks.attach(network, example, nodes=options.pop("nodes", 2), steps=steps, **options)
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    network.train()
    for _ in range(steps):
        loss = network(torch.cat([example, torch.randn_like(example)])).square().mean() + penalty * masks.penalty()
        loss.backward()
        optimiser.step()
        masks.step(loss.detach())
        optimiser.zero_grad()
    return masks


def compiled(path, nodes, folder, *options):
    """The report of a compilation; what discoc said where it refused."""
    out = os.path.join(folder, "out")
    done = subprocess.run([discoc.binary(), "compile", path, "-n", str(nodes), "-o", out, *options], capture_output=True, text=True)
    if done.returncode:
        return done.stderr
    with open(os.path.join(out, "masks.json"), encoding="utf-8") as file:
        return json.load(file)


def exchanged(document):
    """(op, from, to) -> channels that cross, of what compile derived."""
    from discoc_masks.owners import expand

    return {(m["op"], m["from"], m["to"]): expand(m["channels"]) for m in document["masks"] if m["from"] != m["to"]}


def same_masks(masks, derived):
    """Whether discoc derived from the zeros what the package says."""
    from discoc_masks import files

    crossing = exchanged(derived)
    if derived.get("unlisted") != "empty" and not crossing:
        return False
    stated = exchanged(files.document_of(masks))
    return all(sorted(crossing.get(key, [])) == sorted(channels) for key, channels in stated.items())


def check_exported(tally, folder):
    """Networks of every kind: trained, exported, compiled; the weights are what they were where nothing is left out."""
    cases = networks.plain()
    chosen = {"digits": {}, "unet": {"nodes": 3}, "cross": {"density": 0.5}, "encoder": {"even": True}, "grouped": {}, "sound": {"density": 0}}
    if networks.torchvisions():
        cases |= {"resnet": networks.torchvisions()["resnet"]}
        chosen["resnet"] = {"nodes": 4}
    for name, options in chosen.items():
        network, example = cases[name]
        masks = train(network, example, **options)
        path = os.path.join(folder, f"{name}.onnx")
        masks.export(path)
        found = compiled(path, masks.columns.nodes, folder)
        good = isinstance(found, dict) and same_masks(masks, found)
        tally.check(f"{name} compiles, with these masks", good, found if isinstance(found, str) else "other masks were derived")
        wanted = options.get("density", 0.2)
        # A last channel per exchange remains where shares are even.
        tally.check(f"{name}: density {masks.density:.3f}", masks.density <= wanted + (0.1 if "even" in options else 1e-6), f"wanted {wanted}")
        same = (masks.plain().eval()(example) - network.eval()(example)).abs().max()
        tally.check(f"{name}: parametrised as exported", float(same) < 1e-5, float(same))


def check_load(tally, folder):
    """Masks that `discoc mask` made of the exported network."""
    network, example = networks.plain()["unet"]
    dense, masked = os.path.join(folder, "dense.onnx"), os.path.join(folder, "masked.onnx")
    discoc_masks.export(network, example, dense)
    subprocess.run([discoc.binary(), "mask", dense, "-n", "2", "--density", "0.3", "-o", masked], check=True, capture_output=True)
    elsewhere = discoc_masks.attach(networks.plain()["unet"][0], example, nodes=2)
    refused(tally, "masks of other owners", ["does not own here", "owners="], lambda: elsewhere.load(masked))
    refused(tally, "a model without owners", ["no discoc.owners"],
            lambda: discoc_masks.attach(networks.plain()["unet"][0], example, nodes=2, owners=dense))  # fmt: skip
    masks = discoc_masks.attach(network, example, nodes=2, owners=masked, steps=4)
    masks.load(masked)
    tally.check("masks of discoc mask", masks.frozen and 0.1 < masks.density < 0.5, masks.density)
    masks.export(os.path.join(folder, "again.onnx"))
    found = compiled(os.path.join(folder, "again.onnx"), 2, folder)
    derived = compiled(masked, 2, folder)
    tally.check("they compile", isinstance(found, dict) and {k: sorted(v) for k, v in exchanged(found).items()} ==
                {k: sorted(v) for k, v in exchanged(derived).items()}, found)  # fmt: skip
    fresh = discoc_masks.attach(networks.plain()["unet"][0], example, nodes=3)
    refused(tally, "masks of another N", ["for 2 nodes, not for 3"], lambda: fresh.load(masked))
    refused(tally, "a model without masks", ["no discoc.masks"], lambda: fresh.load(dense))
    other = discoc_masks.attach(networks.Digits(), torch.randn(1, 1, 8, 8), nodes=2)
    refused(tally, "masks of another network", ["lists none"], lambda: other.load(masked))


def check_rows(tally, folder):
    """Partial sums: rows of the weights are zero, and discoc sends sums for the others."""
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 32, 1), torch.nn.ReLU(), torch.nn.Conv2d(32, 4, 1), torch.nn.ReLU(), torch.nn.Conv2d(4, 32, 1))
    masks = discoc_masks.attach(network, torch.randn(1, 3, 8, 8), nodes=2, rows=True)
    tally.check("rows where they are fewer bytes", [e[3] for e in masks.columns.exchanges] == [True, True, False, False], masks.columns.exchanges)
    c, kept = masks.columns, masks.kept.clone()
    kept[[i for i in range(c.count) if c.exchanges[c.exchange[i]][3] and c.destination[i] == 0 and c.channel[i] == 1]] = False
    masks.keep(kept)
    masks.export(os.path.join(folder, "rows.onnx"))
    found = compiled(os.path.join(folder, "rows.onnx"), 2, folder)
    tally.check("rows compile", isinstance(found, dict), found)
    off = masks.plain()[2].weight[:2, 16:].abs().sum((1, 2, 3))
    tally.check("rows are zero", (off > 0).tolist() == [True, False], off)


def check_shared(tally, folder):
    """A column is one for all readers of a tensor, and its score is theirs together."""
    network, example = networks.Cross(), torch.randn(1, 5, 12)
    masks = discoc_masks.attach(network, example, nodes=2)
    tensors = [r.op.tensor for r in masks.columns.readers]
    tally.check("slices of one parameter", [r.weight.begin for r in masks.columns.readers].count(16) == 1, tensors)
    loss = network(example).square().mean()
    loss.backward()
    masks.observe()
    column = int(masks.columns.readers[0].keys.max())
    expected = 0.0
    for reader in masks.columns.readers:
        original = reader.module.parametrizations[reader.attribute].original
        rows = slice(reader.weight.begin, reader.weight.end)
        expected += float((original.grad[rows] * original.detach()[rows])[reader.keys == column].sum())
    tally.check("score", abs(float(masks.score[column]) - 0.1 * abs(expected)) < 1e-9 + 1e-4 * abs(expected), (masks.score[column], expected))


def check_wire(tally):
    """What crosses is rounded to 8 bits with a scale a message; own channels are exact."""
    network, example = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Linear(8, 4)), torch.randn(1, 6)
    weight, hidden = network[1].weight.detach().clone(), network[0](example).detach()
    exact = network(example).detach()
    masks = discoc_masks.attach(network, example, nodes=2, wire="i8")
    got, wanted = network(example).detach(), exact.clone()
    for own, other, rows in ((slice(0, 4), slice(4, 8), slice(0, 2)), (slice(4, 8), slice(0, 4), slice(2, 4))):
        x = hidden[:, other]
        scale = x.abs().max() / 127
        wanted[:, rows] += ((x / scale).round() * scale - x) @ weight[rows, other].T
    tally.check("8 bits on the wire", torch.allclose(got, wanted, atol=1e-6) and not torch.equal(got, exact), (got, wanted))
    network(example).sum().backward()
    tally.check("gradients pass the rounding", float(network[0].weight.grad.abs().sum()) > 0, "none")
    tally.check("all layers", not masks.wire.exact, masks.wire.exact)


def check_shuffle(tally):
    network, example = networks.plain()["sound"]
    masks = discoc_masks.attach(network, example, nodes=2)
    masks.shuffle(2)
    tensors = [masks.columns.exchanges[e][0] for e in set(masks.columns.exchange[masks.kept].tolist())]
    tally.check("channel groups with a shuffle", set(tensors) == {masks.columns.tensors[1]}, tensors)
    tally.check("half of them", int(masks.kept.sum()) == 7, masks.kept)


def costs_of(folder, tensor, nodes=2, **price):
    """A file as `discoc inspect --advise` writes it, of one tensor."""
    path = os.path.join(folder, "costs.json")
    pairs = [{"from": p, "to": 1 - p, "channels": 10, "bytes": 256, **price} for p in (0, 1)]
    document = {"format": "discoc-costs", "version": 1, "nodes": nodes, "owner_map": 2, "tensors": {tensor: {"axis": 1, "pairs": pairs}}}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
    return path


def check_costs(tally, folder):
    """An exchange whose message is dear vanishes as a whole; what is not named has the price of its bytes."""
    example = torch.randn(1, 1, 8, 8)
    plain = discoc_masks.attach(networks.Digits(), example, nodes=2)
    tensor = plain.columns.exchanges[0][0]
    path = costs_of(folder, tensor, us=25.6, message_us=1e9)
    masks = discoc_masks.attach(networks.Digits(), example, nodes=2, costs=path)
    tally.check("microseconds", torch.allclose(masks.columns.cost, plain.columns.cost / 10), masks.columns.cost)
    tally.check("its norm is in the penalty", float(masks.penalty()) > 1e4, masks.penalty())
    masks.shrink(0.4)
    left = {masks.columns.exchanges[e][0] for e in set(masks.columns.exchange[masks.kept].tolist())}
    tally.check("a dear message vanishes", tensor not in left and len(left) == 2, left)
    masks = discoc_masks.attach(networks.Digits(), example, nodes=2, costs=costs_of(folder, tensor))
    tally.check("bytes", torch.allclose(masks.columns.cost, plain.columns.cost) and not masks.columns.message.any(), masks.columns.cost)
    for name, texts, wrong in (
        ("costs of another N", ["is for 3 nodes", "--advise"], {"tensor": tensor, "nodes": 3}),
        ("costs of another network", ["names no tensor", "this network"], {"tensor": "other"}),
        ("a channel for nothing", ["more than nothing"], {"tensor": tensor, "us": 0}),
    ):
        refused(tally, name, texts, lambda: discoc_masks.attach(networks.Digits(), example, nodes=2, costs=costs_of(folder, **wrong)))


def recipe(folder, epochs, stop=None, rate=0.05):
    """`fit` on noise, ended before epoch `stop`, as if it was killed; the exported bytes."""
    torch.manual_seed(3)
    network, example = networks.Digits(), torch.randn(1, 1, 8, 8)
    masks = discoc_masks.attach(network, example, nodes=2, steps=4 * epochs)
    teacher = networks.Digits()

    def batches(epoch):
        if epoch == stop:
            raise KeyboardInterrupt
        generator = torch.Generator().manual_seed(epoch)
        return [(torch.randn(8, 1, 8, 8, generator=generator), torch.randint(0, 10, (8,), generator=generator)) for _ in range(4)]

    discoc_masks.fit(network, masks, batches, epochs, rate=rate, teacher=teacher, checkpoint=os.path.join(folder, "state.pt"))
    path = os.path.join(folder, "fit.onnx")
    masks.export(path, metadata={"discoc.labels": [str(i) for i in range(10)]}, input_names=["image"], output_names=["scores"])
    with open(path, "rb") as file:
        return file.read(), masks


def check_resume(tally, folder):
    for name in ("whole", "cut", "bad"):
        os.makedirs(os.path.join(folder, name))
    whole, masks = recipe(os.path.join(folder, "whole"), 4)
    tally.check("the recipe ends frozen, at its density", masks.frozen and masks.density <= 0.2, masks.density)
    for stop in (1, 3):
        try:
            recipe(os.path.join(folder, "cut"), 4, stop)
        except KeyboardInterrupt:
            continue
        tally.check("interrupted", False, "it was not")
    tally.check("resumed: the same bytes", recipe(os.path.join(folder, "cut"), 4)[0] == whole, "others")
    path = os.path.join(folder, "bad")
    try:
        recipe(path, 4, 2)
    except KeyboardInterrupt:
        pass
    with open(os.path.join(path, "state.pt"), "rb") as file:
        before = file.read()
    state = torch.load(os.path.join(path, "state.pt"))
    state["schedule"]["base_lrs"], state["schedule"]["_last_lr"] = [1e30], [1e30]
    state["optimiser"]["param_groups"][0]["lr"] = 1e30
    torch.save(state, os.path.join(path, "state.pt"))
    with open(os.path.join(path, "state.pt"), "rb") as file:
        before = file.read()
    refused(tally, "a loss that is NaN", ["state.pt", "of 2 epochs", "lower rate"], lambda: recipe(path, 4), discoc_masks.NotFinite)
    with open(os.path.join(path, "state.pt"), "rb") as file:
        tally.check("the last good file is there", file.read() == before, "it changed")


def refused(tally, name, texts, action, kind=None):
    try:
        action()
    except (kind or discoc_masks.MaskError) as error:
        missing = [t for t in texts if t not in str(error)]
        tally.check(f"refused: {name}", not missing, f"{missing} is not in: {error}")
    else:
        tally.check(f"refused: {name}", False, "it was taken")


def check_refused(tally, folder):
    example = torch.randn(1, 1, 8, 8)

    def attach(network=None, example=example, nodes=2, **options):
        return discoc_masks.attach(network or networks.Digits(), example, nodes, **options)

    spoilt = networks.Digits()
    spoilt.conv2.weight.data[0] = float("nan")
    depthwise = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 1), torch.nn.Conv2d(8, 8, 3, groups=8))
    four = os.path.join(folder, "four.json")
    with open(four, "w", encoding="utf-8") as file:
        json.dump({"format": "discoc-owners", "version": 1, "nodes": 4, "tensors": {}}, file)
    torn = os.path.join(folder, "torn.json")
    with open(torn, "w", encoding="utf-8") as file:
        json.dump({"format": "discoc-owners", "version": 1, "nodes": 2, "tensors": {"/conv1/Conv_output_0": {"axis": 1, "owners": [[0], [1]]}}}, file)

    class Sorted(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = torch.nn.Linear(4, 6), torch.nn.Linear(6, 3)

        def forward(self, x):
            return self.two(torch.sort(self.one(x), 1)[0])

    refused(tally, "one node", ["nodes is 1", "two"], lambda: attach(nodes=1))
    refused(tally, "a density of 2", ["density is 2", "0 (nothing"], lambda: attach(density=2))
    refused(tally, "no steps", ["steps is 0"], lambda: attach(steps=0))
    refused(tally, "another wire", ["'i8'"], lambda: attach(wire="i4"))
    refused(tally, "inputs of the wrong shape", ["cannot be traced", "example_inputs"], lambda: attach(example=torch.randn(1, 5, 8, 8)))
    refused(tally, "NaN weights", ["conv2.weight", "checkpoint"], lambda: attach(spoilt))
    refused(tally, "all channels are tied", ["tied", "groups", "other owners"], lambda: attach(depthwise))
    refused(tally, "an op that no rule divides", ["no rule divides TopK"], lambda: attach(Sorted(), torch.randn(1, 4)))
    refused(tally, "no layers", ["no Conv"], lambda: attach(torch.nn.ReLU()))
    refused(tally, "owners of another N", ["is for 4 nodes, not for 2", "--write-owners"], lambda: attach(owners=four))
    refused(tally, "owners of another network", ["no partition", "of this network"], lambda: attach(owners=torn))
    refused(tally, "a file that is none", ["cannot be read"], lambda: attach(owners=folder))
    network = networks.Digits()
    masks = attach(network)
    refused(tally, "masks twice", ["masks already"], lambda: attach(network))
    refused(tally, "a step without gradients", ["after loss.backward()"], lambda: (setattr(masks, "steps", 4), masks.step()))
    refused(tally, "a loss that is infinite", ["checkpoint", "lower"], lambda: masks.step(torch.tensor(float("inf"))), discoc_masks.NotFinite)
    refused(tally, "no folder", ["there is no folder"], lambda: masks.export(os.path.join(folder, "none", "m.onnx")))
    network.conv1.weight.data[0] = float("inf")
    refused(tally, "an export of infinities", ["conv1.weight", "not finite"], lambda: masks.export(os.path.join(folder, "inf.onnx")))
    tally.check("nothing is half-written", not [n for n in os.listdir(folder) if "inf.onnx" in n], os.listdir(folder))


def check_owners(tally, folder):
    """Stated owners: those of discoc, of a network exported before it has masks."""
    import onnx
    from discoc_masks import trace

    network, example = networks.plain()["unet"]
    path, owners = os.path.join(folder, "dense.onnx"), os.path.join(folder, "owners.json")
    onnx.save(trace.to_onnx(network, example), path)
    subprocess.run([discoc.binary(), "inspect", path, "-n", "3", "--write-owners", owners], check=True, stdout=subprocess.DEVNULL)
    with open(owners, encoding="utf-8") as file:
        document = json.load(file)
    document["tensors"]["/Relu_1_output_0"]["owners"] = [[[0, 1]], [[2, 20]], [21]]
    with open(owners, "w", encoding="utf-8") as file:
        json.dump(document, file)
    masks = train(network, example, nodes=3, owners=owners)
    masks.export(os.path.join(folder, "stated.onnx"))
    found = compiled(os.path.join(folder, "stated.onnx"), 3, folder)
    tally.check("stated owners", isinstance(found, dict) and same_masks(masks, found), found if isinstance(found, str) else "others")
    sizes = [len([c for c in masks.columns.ownership.of("/down2/Conv_output_0", 1) if c == r]) for r in range(3)]
    tally.check("they are kept to", sizes == [2, 19, 1], sizes)


class Hooks:
    """Stands in for the base class of a library's callbacks."""


def callback(file, package, base):
    """The class of a block of README.md, with a stand-in for the library that it imports."""
    with open(os.path.join(PACKAGE, "README.md"), encoding="utf-8") as page:
        block = page.read().split(f"`{file}`:\n\n```python\n")[1].split("```")[0]
    for name in [".".join(package.split(".")[: i + 1]) for i in range(package.count(".") + 1)]:
        sys.modules[name] = types.ModuleType(name)
    setattr(sys.modules[package], base, Hooks)
    names = {}
    exec(block, names)
    lines = [line for line in block.splitlines() if line and "import" not in line]
    return names["MaskCallback"], len(lines)


def check_callbacks(tally):
    """The two callbacks of README.md, called in the order in which their libraries do."""
    example = torch.randn(4, 1, 8, 8)
    options = {"example_inputs": example[:1], "nodes": 2}
    kind, lines = callback("lightning_masks.py", "lightning.pytorch.callbacks", "Callback")
    network, hooks = networks.Digits(), kind(**options)
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3)
    trainer = types.SimpleNamespace(estimated_stepping_batches=8)
    hooks.on_fit_start(trainer, network)
    for _ in range(9):  # automatic optimisation clears first, and what it clears are the gradients of the step before
        hooks.on_before_zero_grad(trainer, network, optimiser)
        optimiser.zero_grad()
        network(example).square().mean().backward()
        optimiser.step()
    tally.check("Lightning's stand-in", hooks.masks.frozen and hooks.masks.density <= 0.2 and lines <= 10, (hooks.masks.density, lines))
    kind, lines = callback("trainer_masks.py", "transformers", "TrainerCallback")
    network, hooks = networks.Digits(), kind(**options)
    optimiser, state = torch.optim.SGD(network.parameters(), lr=1e-3), types.SimpleNamespace(max_steps=8)
    hooks.on_train_begin(None, state, None, model=network, optimizer=optimiser)
    for _ in range(8):
        network(example).square().mean().backward()
        optimiser.step()
        hooks.on_optimizer_step(None, state, None, model=network)
        network.zero_grad()
    tally.check("Hugging Face's stand-in", hooks.masks.frozen and hooks.masks.density <= 0.2 and lines <= 10, (hooks.masks.density, lines))


def script(name, *arguments):
    """Runs one of the samples' scripts in this process."""
    import importlib

    before = sys.argv
    sys.argv = [name, *arguments]
    try:
        with open(os.devnull, "w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing):
            importlib.import_module(name).main()
    finally:
        sys.argv = before


def archives(folder):
    """CIFAR-10's archives, of 40 pictures of noise each."""
    import io
    import tarfile

    import numpy as np
    from PIL import Image

    for part, file in (("train", "train_50000_jpg.tar.gz"), ("test", "test_10000_jpg.tar.gz")):
        with tarfile.open(os.path.join(folder, file), "w:gz") as tar:
            for i in range(40):
                buffer = io.BytesIO()
                Image.fromarray(np.random.default_rng(i).integers(0, 255, (32, 32, 3), np.uint8)).save(buffer, "JPEG")
                member = tarfile.TarInfo(f"{part}/{('cat', 'dog')[i % 2]}/{i}.jpg")
                member.size = buffer.tell()
                buffer.seek(0)
                tar.addfile(member, buffer)


def check_scripts(tally, folder):
    """The samples' scripts, for a step or two: what they write compiles with its masks."""
    archives(folder)
    os.environ["XDG_CACHE_HOME"] = folder
    once = ("--data", folder, "--out", folder, "--epochs", "2", "--steps", "1")
    script("train_cifar10", "dense", *once)
    script("train_cifar10", "masks", "--nodes", "2", *once)
    script("train_cifar10", "groups", "--nodes", "4", *once)
    for name, nodes, crosses in (("cifar10_masks2", 2, True), ("cifar10_groups4", 4, False)):
        found = compiled(os.path.join(folder, name + ".onnx"), nodes, folder)
        # The first layer reads what the root hands out.
        good = isinstance(found, dict) and any(c for (op, _, _), c in exchanged(found).items() if op != "/conv/Conv") == crosses
        tally.check(f"train_cifar10.py: {name}", good, found)
    try:
        import sklearn  # noqa: F401
    except ImportError:
        tally.skip("train_digits.py", "no scikit-learn: scripts/setup train")
        return
    script("train_digits", "--out", folder, "--nodes", "3", "--epochs", "1")
    found = compiled(os.path.join(folder, "digits_masks3.onnx"), 3, folder, "--pin", "batch=1")
    tally.check("train_digits.py", isinstance(found, dict) and any(exchanged(found).values()), found)


def check_curve(tally, folder):
    """The curve's points, for a step or two: dense, from dense, from what `discoc mask` made, and a transformer."""
    import curve
    from residual_net import ResNet20

    archives(folder)
    os.environ["XDG_CACHE_HOME"] = folder
    start = os.path.join(folder, "start.onnx")
    # With batch normalisation apart, as the checkpoint has it.
    torch.onnx.export(ResNet20(), torch.zeros(1, 3, 32, 32), start, opset_version=17, training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False)
    points = {"base": 1, "n2_20": 2, "mask_n2_20": 2, "transformer_base": 1, "transformer_n2_20": 2}
    script("curve", "--resnet20", start, "--data", folder, "--out", folder, "--epochs", "2", "--steps", "1", "--only", *points)
    for name, nodes in points.items():
        with open(os.path.join(folder, name, "training.json"), encoding="utf-8") as file:
            said = json.load(file)
        found = compiled(os.path.join(folder, name, name + ".onnx"), nodes, folder)
        crosses = isinstance(found, dict) and (nodes == 1 or any(exchanged(found).values()))
        tally.check(f"curve.py: {name}", crosses and len(said["epochs"]) == 2 and abs(said["kept"] - said["density"]) < 0.02, (said, found))
    check_taken(tally, curve, folder)


def check_taken(tally, curve, folder):
    """Weights that changed in the file change the network so that it computes what the file says."""
    import onnx_file
    from residual_net import ResNet20

    torch.manual_seed(3)
    network, path = ResNet20(), os.path.join(folder, "taken.onnx")
    network.train()(torch.randn(16, 3, 32, 32))
    discoc_masks.export(network.eval(), torch.zeros(1, 3, 32, 32), path, input_names=["image"], output_names=["scores"])
    before, after = onnx.load(path), onnx.load(path)
    for weight in after.graph.initializer:
        array = onnx.numpy_helper.to_array(weight)
        weight.CopyFrom(onnx.numpy_helper.from_array(array * 1.1 + 0.01 if array.ndim else array, weight.name))
    pictures = torch.randn(8, 3, 32, 32)
    curve.take_weights(network, before, after, pictures)
    with torch.no_grad():
        wanted = onnx_file.run(after, pictures)
        off = float((network.eval()(pictures) - wanted).abs().max() / wanted.abs().max())
    tally.check("curve.py: weights taken over", off < 1e-4, off)


def check_package(tally, folder):
    """As README.md says: a venv that sees the system's PyTorch, and pip without any download."""
    venv = os.path.join(folder, "venv")
    source = os.path.join(folder, "train")  # pip writes into the folder that it installs
    subprocess.run(["cp", "-r", PACKAGE, source], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", venv], check=True)
    pip = subprocess.run([os.path.join(venv, "bin", "pip"), "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps", source],
                         capture_output=True, text=True)  # fmt: skip
    tally.check("pip install", pip.returncode == 0, pip.stderr)
    where = subprocess.run([os.path.join(venv, "bin", "python"), "-c", "import discoc_masks; print(discoc_masks.__file__)"], cwd="/",
                           capture_output=True, text=True)  # fmt: skip
    tally.check("the installed one", where.stdout.startswith(venv), where.stdout + where.stderr)


def main():
    tally = discoc.Tally(quiet=True)
    if torch is None:
        tally.skip("masks by training", "no PyTorch: scripts/setup train")
        return tally.close()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for check in (check_exported, check_load, check_rows, check_shared, check_costs, check_resume, check_refused, check_owners, check_scripts, check_curve, check_package):
        with tempfile.TemporaryDirectory() as folder:
            check(tally, folder)
    check_wire(tally)
    check_shuffle(tally)
    check_callbacks(tally)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
