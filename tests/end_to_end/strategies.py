# SPDX-License-Identifier: Apache-2.0
"""Programs of every strategy, against ONNX Runtime; plans; the two default owner maps; and what a strategy costs to add.

Under every strategy and at every N a network with residuals, a grouped convolution and a softmax, and a
transformer, compute what ONNX Runtime does; `root` moves nothing between nodes, and under `stages`
every tensor has one owner. A plan that was written gives the same programs again, and verify takes it
from the output. Nodes of unequal shares (--shares) compute the same. A strategy is named in its own file and in the table, and nowhere else in the sources.

    strategies.py [--only REGEX]
"""

import argparse
import filecmp
import json
import os
import re
import subprocess
import sys
import tempfile

import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import checked  # noqa: E402
import cluster  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402
import seeded  # noqa: E402

NODES = (1, 2, 3)
STRATEGIES = ("greedy", "stages", "stretches", "root")


def network():
    """Convolutions, one of them grouped, a residual, a concatenation, a reduction and a softmax."""
    g = seeded.Graph(11)
    x = g.op("Relu", g.op("Conv", "x", g.weights(12, 3, 3, 3), g.weights(12), pads=[1] * 4))
    y = g.op("Relu", g.op("Conv", x, g.weights(12, 6, 3, 3), pads=[1] * 4, group=2))
    y = g.op("Add", g.op("Conv", y, g.weights(12, 12, 1, 1), g.weights(12)), x)
    y = g.op("Concat", y, g.op("MaxPool", x, kernel_shape=[3, 3], pads=[1] * 4), axis=1)
    y = g.reshape(g.op("GlobalAveragePool", y), 1, 24)
    y = g.op("Softmax", g.op("Gemm", y, g.weights(24, 10), g.weights(10)), axis=1)
    return g.model({"x": [1, 3, 6, 6]}, {y: [1, 10]})


MODELS = {"network": network, "transformer": lambda: seeded.transformer(blocks=1)}


class Checked(checked.Checked):
    """Compiled and run as this suite wants it."""

    def compile(self, nodes, name, *options):
        out = os.path.join(self.folder, f"{self.name}-{nodes}-{name}")
        discoc.compile(self.path, nodes, out, extra=list(options))
        return out

    def outputs(self, out, nodes):
        program = out + ".program"
        cluster.build_inproc([out], program, self.runtime, flags=("-O1", "-w"))
        return cluster.run_inproc(program, nodes, self.feeds, list(self.want), out + ".data")[0]

    def check(self, what, good, why):
        self.tally.check(f"{self.name}, {what}", good, why)


def check_results(checked, nodes, strategy):
    out = checked.compile(nodes, strategy, "--strategy", strategy)
    far = compare.worst(checked.outputs(out, nodes), checked.want)
    checked.check(f"N = {nodes}, {strategy}", far <= 1e-5, f"error {far:.3g} of the range")
    owners = cluster.load_json(os.path.join(out, "owners.json"))["tensors"]
    if strategy in ("stages", "root"):
        checked.check(f"N = {nodes}, {strategy}: one owner each",
                      all(sum(map(bool, map_["owners"])) == 1 for map_ in owners.values()),
                      "a tensor is divided")
    exchanged = cluster.load_json(os.path.join(out, "report.json"))["cluster"]["exchanged"]["bytes"]
    moves = nodes > 1 and strategy != "root"
    if strategy != "stretches":  # it may well answer one node
        checked.check(f"N = {nodes}, {strategy}: bytes", (exchanged > 0) == moves, f"{exchanged} bytes are exchanged")
    return out


def programs(out):
    """{file: its text} of what a node computes. Settings and the hash of the build that covers them are left out."""
    texts = {}
    for at, _, names in os.walk(out):
        for name in names:
            path = os.path.join(at, name)
            if name in ("model.cpp", "weights.bin"):
                with open(path, "rb") as file:
                    data = file.read()
                if name == "model.cpp":
                    data = re.sub(rb"//.*|\b\w*[0-9a-f]{8,}\w*\b", b"", data)
                texts[os.path.relpath(path, out)] = data
    return texts


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def check_plan(checked, nodes, strategy, made):
    plan = os.path.join(checked.folder, f"{checked.name}-{nodes}-{strategy}.json")
    done = run(discoc.binary(), "inspect", checked.path, "-n", str(nodes), "--strategy", strategy, "--write-plan", plan)
    checked.check(f"N = {nodes}, plan of {strategy}: written", done.returncode == 0, done.stderr)
    out = checked.compile(nodes, f"{strategy}-plan", "--plan", plan)
    checked.check(f"N = {nodes}, plan of {strategy}: the same program", programs(made) == programs(out) and all(
        filecmp.cmp(os.path.join(made, name), os.path.join(out, name), shallow=False)
        for name in ("owners.json", "masks.json")), "another program")
    checked.check(f"N = {nodes}, plan of {strategy}: kept",
                  filecmp.cmp(plan, os.path.join(out, "plan.json"), shallow=False), "OUT/plan.json is another")
    far = compare.worst(checked.outputs(out, nodes), checked.want)
    checked.check(f"N = {nodes}, plan of {strategy}: results", far <= 1e-5, f"error {far:.3g} of the range")
    return plan, out


def check_refusals(checked, plan):
    """A plan of another model, of another number of nodes, and one with a wrong set, are the user's mistakes."""
    with open(plan, encoding="utf-8") as file:
        text = json.load(file)
    other = dict(text, tensors=text["tensors"][:-1])
    torn = json.loads(json.dumps(text))
    torn["tensors"][-1]["shape"] = [7, 7]
    torn["tensors"][-1].update({"axis": 0, "owners": [[[0, 6]], []]})
    torn["tensors"][-1].pop("owner", None)
    for name, content, nodes, said in (("short", other, 2, "is for another program"), ("shape", torn, 2, "is for another program"),
                                       ("nodes", text, 3, "the file is for 2 nodes")):
        path = os.path.join(checked.folder, f"{name}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)
        done = run(discoc.binary(), "compile", checked.path, "-n", str(nodes), "--plan", path, "-o", path + ".out")
        checked.check(f"a plan that does not fit: {name}", done.returncode == 1 and said in done.stderr and not os.path.exists(path + ".out"), done.stderr)
    done = run(discoc.binary(), "compile", checked.path, "-n", "2", "--strategy", "best", "-o", path + ".out")
    checked.check("a strategy that is not there", done.returncode == 1 and "the strategies are greedy, stages, stretches, root" in done.stderr, done.stderr)


def check_verify(checked, out):
    done = run(discoc.binary(), "verify", out, "--model", checked.path)
    checked.check(f"verify of {os.path.basename(out)}", done.returncode == 0, done.stdout + done.stderr)


def check_owner_maps(folder, tally):
    """Both default maps: what was compiled with one is verified by it, and written again from its masks and owners."""
    path = os.path.join(folder, "halves.onnx")
    onnx.save(seeded.halves(), path)
    made = {}
    for number in (1, 2):
        out = made[number] = os.path.join(folder, f"map{number}")
        discoc.compile(path, 2, out, extra=["--owner-map", str(number)])
        settings = cluster.load_json(os.path.join(out, "manifest.json"))["settings"]
        tally.check(f"map {number}: in the manifest", settings.get("owner-map", "1") == str(number), str(settings))
        done = run(discoc.binary(), "verify", out, "--model", path)
        tally.check(f"map {number}: verify", done.returncode == 0, done.stdout + done.stderr)
        for given, why in (({"masks": "masks.json"}, "masks"), ({"masks": "masks.json", "owners": "owners.json"}, "both")):
            again = f"{out}-{why}"
            discoc.compile(path, 2, again, **{key: os.path.join(out, name) for key, name in given.items()})
            tally.check(f"map {number}: the same from {why}", programs(out) == programs(again), "another program")
    tally.check("two maps are two", programs(made[1]) != programs(made[2]), "one program")
    discoc.compile(path, 2, os.path.join(folder, "default"))
    tally.check("map 2 is the default", programs(os.path.join(folder, "default")) == programs(made[2]), "another program")


def squeezed():
    """A convolution whose channels are weighed by a squeeze-and-excite path, and one that normalises."""
    g = seeded.Graph(12)
    x = g.op("Relu", g.op("Conv", "x", g.weights(12, 3, 3, 3), g.weights(12), pads=[1] * 4))
    s = g.op("Relu", g.op("Conv", g.op("GlobalAveragePool", x), g.weights(4, 12, 1, 1), g.weights(4)))
    y = g.op("Mul", x, g.op("Sigmoid", g.op("Conv", s, g.weights(12, 4, 1, 1), g.weights(12))))
    y = g.op("Conv", y, g.weights(10, 12, 1, 1), g.weights(10))
    return g.model({"x": [1, 3, 6, 6]}, {y: [1, 10, 6, 6]})


#: By number of nodes: unequal ones, a root without any, a node in the middle without, and one that has all.
SHARES = {2: ("0,1", "3,1"), 3: ("1,2,4", "3,0,1"), 5: ("0,5,1,0,3",)}


def check_shares(checked):
    """Nodes of unequal shares compute what ONNX Runtime does, own about their share, and nothing where that is none."""
    for nodes, all_shares in SHARES.items():
        for text in all_shares:
            out = checked.compile(nodes, "shares-" + text.replace(",", "-"), "--shares", text)
            far = compare.worst(checked.outputs(out, nodes), checked.want)
            checked.check(f"shares {text}", far <= 1e-5, f"error {far:.3g} of the range")
            shares = [int(share) for share in text.split(",")]
            report = cluster.load_json(os.path.join(out, "report.json"))
            macs = [node["macs"] for node in report["nodes"]]
            checked.check(f"shares {text}: none", all(share > 0 or did == 0 for share, did in zip(shares, macs)), f"{macs}")
            most = max(range(nodes), key=lambda rank: shares[rank])
            checked.check(f"shares {text}: most", macs[most] == max(macs), f"{macs}")
            if text == "3,0,1":
                check_verify(checked, out)


def check_share_files(folder, tally):
    """Equal shares are no shares; those of OUT come back by its owner maps alone."""
    path = os.path.join(folder, "shares.onnx")
    onnx.save(seeded.transformer(blocks=1), path)
    for name, extra in (("none", []), ("equal", ["--shares", "2,2,2"]), ("odd", ["--shares", "1,2,4"])):
        discoc.compile(path, 3, os.path.join(folder, name), extra=extra)
    none, equal, odd = (programs(os.path.join(folder, name)) for name in ("none", "equal", "odd"))
    tally.check("equal shares are none", none == equal, "another program")
    tally.check("odd shares are others", none != odd, "the same program")
    again = os.path.join(folder, "again")
    discoc.compile(path, 3, again, owners=os.path.join(folder, "odd", "owners.json"))
    tally.check("shares: the same from owner maps", programs(again) == odd, "another program")
    for wrong, said in (("1,2", "are 2 numbers"), ("0,0,0", "are all 0"), ("1,2,-3", "from 0 to 1000")):
        done = run(discoc.binary(), "compile", path, "-n", "3", "--shares", wrong, "-o", again + ".wrong")
        tally.check(f"shares {wrong}", done.returncode == 1 and said in done.stderr and not os.path.exists(again + ".wrong"), done.stderr)


def wide():
    """Large convolutions of few pixels, which it pays to divide, between layers that it does not."""
    g = seeded.Graph(13)
    x = g.op("Relu", g.op("Conv", "x", g.weights(256, 3, 1, 1), g.weights(256)))
    y = g.op("Relu", g.op("Conv", x, g.weights(256, 256, 3, 3), g.weights(256), pads=[1] * 4))
    y = g.op("Add", g.op("Conv", y, g.weights(256, 256, 3, 3), g.weights(256), pads=[1] * 4), x)
    y = g.reshape(g.op("GlobalAveragePool", y), 1, 256)
    for inputs, outputs in ((256, 16), (16, 16), (16, 10)):
        y = g.op("Gemm", y, g.weights(inputs, outputs), g.weights(outputs))
    y = g.op("Softmax", y, axis=1)
    return g.model({"x": [1, 3, 8, 8]}, {y: [1, 10]})


def check_stretches(checked):
    """Of such a network some layers are divided and some are not, and it computes what ONNX Runtime does."""
    for nodes in (2, 3):
        out = checked.compile(nodes, "stretches", "--strategy", "stretches")
        far = compare.worst(checked.outputs(out, nodes), checked.want)
        checked.check(f"N = {nodes}: results", far <= 1e-5, f"error {far:.3g} of the range")
        owners = cluster.load_json(os.path.join(out, "owners.json"))["tensors"]
        having = {sum(map(bool, map_["owners"])) for map_ in owners.values()}
        checked.check(f"N = {nodes}: some layers are divided", min(having) == 1 and max(having) > 1, f"{having}")


def check_files(tally):
    """Where the sources name the strategy that was added last: its file, and its line in the table."""
    named = []
    for folder in ("compiler", "passes", "codegen"):
        for at, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                path = os.path.join(at, name)
                if name.endswith((".cpp", ".h", ".def", ".td", ".txt")):
                    with open(path, encoding="utf-8") as file:
                        if "createRoot" in file.read():
                            named.append(os.path.relpath(path, ROOT))
    tally.check("a strategy is a file and a line", sorted(named) == ["passes/strategies/Root.cpp", "passes/strategies/Strategies.def"],
                f"{named}")


def check_model(checked):
    for nodes in NODES:
        for strategy in STRATEGIES:
            out = check_results(checked, nodes, strategy)
            if nodes != 2:
                continue
            plan, again = check_plan(checked, nodes, strategy, out)
            if strategy == "stages":
                check_verify(checked, out)
                check_verify(checked, again)
                check_refusals(checked, plan)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    check_files(tally)
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-strategies-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"))
        try:
            if re.search(a.only, "maps"):
                check_owner_maps(folder, tally)
            if re.search(a.only, "shares"):
                check_share_files(folder, tally)
                for name, make in (MODELS | {"squeezed": squeezed, "normalised": lambda: seeded.normalised("softmax")}).items():
                    check_shares(Checked("shares-" + name, make(), folder, runtime, tally))
            if re.search(a.only, "stretches"):
                check_stretches(Checked("stretches", wide(), folder, runtime, tally))
            for name, make in MODELS.items():
                if re.search(a.only, name):
                    check_model(Checked(name, make(), folder, runtime, tally))
        except (discoc.CompileError, cluster.BuildError, cluster.RunError) as error:
            tally.fail("a program", f"{type(error).__name__}: {error}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
