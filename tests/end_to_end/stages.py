#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Pipelines (`compile --stages`, `[[stage]]` of a plan) and dispatchers (`[root] compute = false`).

Stages of one and of two nodes at N = 2, 3, 4 have the outputs of ONNX Runtime, and with 2 and 3 inferences in flight the bits
of one at a time; each node has weights of its own stretch alone; masks for the nodes of a stage hold in every stage; a
dispatcher stores nothing; the report's stages and idle shares are those of its events; what cannot be cut is refused.

    stages.py [--full] [--only MODEL]
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import ort  # noqa: E402
import quantised  # noqa: E402
import seeded  # noqa: E402

COUNT = 5
MODELS = {"shuffled": seeded.shuffled, "transformer": seeded.transformer, "int8": lambda: quantised.network(True)}
SHARED = ("resnet20_cifar10", "vit_pgd_2_3_16_cifar10", "mobilenet_v2_int8_qdq", "squeezenet_fp16", "ultraface_rfb320")
# Nodes, stages, whether a dispatcher is there.
SHAPES = ((2, 2, False), (3, 3, False), (4, 2, False), (4, 4, False), (3, 2, True), (4, 3, True))
SHARE = ((2, 2, False), (4, 2, False), (4, 3, True))


def cluster_file(path, nodes, dispatcher):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"[[node]]\ncount = {nodes}\n" + ("[root]\ncompute = false\n" if dispatcher else ""))
    return ["--cluster", path]


class Suite:
    def __init__(self, folder, full):
        self.folder, self.full, self.tally = folder, full, discoc.Tally()
        self.runtime = cluster.Runtime(os.path.join(folder, "runtime"))

    def model(self, name, path):
        model, rng = graph.load(path), np.random.default_rng(5)
        each = [graph.random_inputs(model, rng) for _ in range(COUNT)]
        feeds = {key: np.concatenate([one[key] for one in each]) for key in each[0]}
        outputs = [o.name for o in model.graph.output]
        for shape in SHAPES if self.full else SHARE:
            self.same_bits(name, path, feeds, outputs, each, shape)

    def same_bits(self, name, path, feeds, outputs, each, shape):
        nodes, stages, dispatcher = shape
        label = f"{name}, {nodes} nodes, {stages} stages" + (", a dispatcher" if dispatcher else "")
        where = cluster_file(os.path.join(self.folder, "c.toml"), nodes, dispatcher)
        outs = []
        for k in (1, 2, 3):
            # The cuts of one at a time: where they are best hangs on K.
            out = os.path.join(self.folder, f"{name}{nodes}_{stages}{dispatcher}_{k}")
            how = ["--stages", str(stages)] if k == 1 else ["--plan", os.path.join(outs[0], "plan.json"), "--in-flight", str(k)]
            discoc.compile(path, nodes, out, extra=[*how, *where, "--name", f"{name}_{nodes}{stages}{int(dispatcher)}_{k}"])
            outs.append(out)
        self.check_stages(label, outs[0], nodes, stages, dispatcher)
        program = os.path.join(self.folder, f"{name}{nodes}{stages}")
        cluster.build_inproc(outs, program, self.runtime, flags=("-O1", "-w", "-DDISCO_FILL_UNUSED"), numbered=True)
        got = [cluster.run_inproc(program, number, feeds, outputs, os.path.join(self.folder, "w"))[0] for number in range(3)]
        for k in (2, 3):
            self.tally.check(f"{label}, {k} in flight", all(np.array_equal(got[k - 1][o], got[0][o]) for o in outputs),
                             "other bits than one at a time has")
        if "int8" in name:  # integers are the same for every N; ONNX Runtime's are a unit off here and there
            one = os.path.join(self.folder, name + "1")
            if not os.path.exists(one):
                discoc.compile(path, 1, one, extra=["--name", f"{name}_one"])
                cluster.build_inproc([one], one + ".program", self.runtime, flags=("-O1", "-w"))
            want = cluster.run_inproc(one + ".program", 1, feeds, outputs, os.path.join(self.folder, "w"))[0]
            self.tally.check(f"{label}: bits of one node", all(np.array_equal(got[0][o], want[o]) for o in outputs), "others")
        elif ort.library_path():
            session = ort.Session(path)
            want = [session.run(one) for one in each]
            far = max(compare.worst({o: got[0][o].reshape(COUNT, *np.shape(w[o]))[i].reshape(np.shape(w[o])) for o in outputs}, w)
                      for i, w in enumerate(want))
            self.tally.check(f"{label}: ONNX Runtime", far <= (1e-3 if "fp16" in name else 1e-5),
                             f"error {far:.3g} of the range")

    def check_stages(self, label, out, nodes, stages, dispatcher):
        plan, report = (cluster.load_json(os.path.join(out, f)) for f in ("plan.json", "report.json"))
        found = plan["stages"]
        ranks = [rank for stage in found for rank in stage["nodes"]]
        self.tally.check(f"{label}: nodes", len(found) == stages and sorted(ranks) == list(range(int(dispatcher), nodes)), str(found))
        # Every tensor is one stage's, but for the inputs and what stays of one group in the next.
        mixed = [t["name"] for t in plan["tensors"] if "owners" in t and
                 len({self.stage_of(found, rank) for rank, own in enumerate(t["owners"]) if own} - {None}) > 1]
        self.tally.check(f"{label}: a tensor is one stage's", not mixed, str(mixed[:3]))
        if dispatcher:
            root = report["nodes"][0]  # what makes integers of the inputs may stay there, with a scale
            self.tally.check(f"{label}: the root owns nothing", root["macs"] == 0 and root["weight_bytes"] < 64, str(root)[:300])
        self.tally.check(f"{label}: the report has the stages", [s["nodes"] for s in report["schedule"]["stages"]] ==
                         [s["nodes"] for s in found], str(report["schedule"].get("stages")))

    @staticmethod
    def stage_of(found, rank):
        return next((i for i, stage in enumerate(found) if rank in stage["nodes"]), None)

    def run(self, *command):
        return subprocess.run([discoc.binary(), *command], capture_output=True, text=True, timeout=120)

    def masks(self, path):
        """Masks for two nodes hold in each of two stages of two, and behind a dispatcher."""
        masks = os.path.join(self.folder, "masks.json")
        two = os.path.join(self.folder, "two")
        discoc.compile(path, 2, two)
        entries = cluster.load_json(os.path.join(two, "masks.json"))
        for mask in entries["masks"]:
            if mask["from"] != mask["to"]:
                mask["channels"] = mask["channels"][:1]
        entries["apply"] = "zero"
        with open(masks, "w", encoding="utf-8") as file:
            json.dump(entries, file)
        got = {}
        model = graph.load(path)
        feeds = graph.random_inputs(model, np.random.default_rng(7))
        outputs = [o.name for o in model.graph.output]
        for nodes, extra in ((2, []), (4, ["--stages", "2"]), (3, cluster_file(os.path.join(self.folder, "d.toml"), 3, True))):
            out = os.path.join(self.folder, f"masked{nodes}")
            discoc.compile(path, nodes, out, masks=masks, extra=extra)
            program = out + ".program"
            cluster.build_inproc([out], program, self.runtime, flags=("-O1", "-w"))
            got[nodes] = cluster.run_inproc(program, nodes, feeds, outputs, out + ".data")[0]
        for nodes in (4, 3):
            far = compare.worst(got[nodes], got[2])
            self.tally.check(f"masks of two nodes, {nodes} nodes", far <= 1e-5, f"error {far:.3g} of the range")

    def loads(self, path):
        """Idle shares and the slowest stage are sums of the events of one inference, at stated speeds."""
        toml = os.path.join(self.folder, "links.toml")
        with open(toml, "w", encoding="utf-8") as file:
            file.write("[[node]]\ncount = 2\n[[link]]\nbetween = [0, 1]\nbandwidth = 1e7\nlatency = 1e-4\n")
        out = os.path.join(self.folder, "loads")
        discoc.compile(path, 2, out, extra=["--stages", "2", "--in-flight", "2", "--cluster", toml])
        done = self.run("simulate", out, "--json")
        events = json.loads(done.stdout)
        computing = [sum(e["end_ns"] - e["start_ns"] for e in events["events"] if e["kind"] == "compute" and e["node"] == rank and
                         e["inference"] == 0) for rank in (0, 1)]
        good = len(events["nodes"]) == 2
        for node, own in zip(events["nodes"], computing):
            good &= own <= node["busy_ns"] and abs(node["idle"] - max(0, 1 - node["busy_ns"] / events["period_ns"])) < 1e-9
        self.tally.check("idle shares", good, str(events["nodes"]) + str(computing))
        slowest = max(range(2), key=lambda i: max(events["stages"][i]["busy_ns"], events["stages"][i]["link_ns"]))
        self.tally.check("the slowest stage", events["bottleneck"] == slowest, str(events["stages"]))
        self.tally.check("so many a second", abs(events["per_second"] - 1e9 / events["period_ns"]) < 1e-6, str(events["per_second"]))
        text = self.run("simulate", out).stdout
        self.tally.check("simulate names it", text.count("<- the slowest") == 1 and "idle" in text, text)
        verified = self.run("verify", out, "--model", path) if ort.library_path() else None
        self.tally.check("verify compiles it again", verified is None or verified.returncode == 0,
                         verified and verified.stdout + verified.stderr)

    def refuse(self, path, name, options, *parts, plan=None):
        out = os.path.join(self.folder, "refused")
        if plan:
            file = os.path.join(self.folder, "plan.toml")
            with open(file, "w", encoding="utf-8") as stream:
                stream.write('format = "discoc-plan"\nversion = 2\n' + plan)
            options = [*options, "--plan", file]
        done = self.run("compile", path, "-o", out, *options)
        self.tally.check(f"refused: {name}", done.returncode != 0 and all(p in done.stderr for p in parts) and
                         not os.path.exists(out), f"code {done.returncode}: {done.stderr}")

    def refusals(self, path):
        stage = "[[stage]]\nnodes = [{}]\n"
        self.refuse(path, "more stages than nodes", ["-n", "2", "--stages", "3"], "--stages 3", "there are 2 nodes")
        self.refuse(path, "stages and a strategy", ["-n", "2", "--stages", "2", "--strategy", "root"], "--strategy")
        self.refuse(path, "an unknown op", [], "no op or tensor of this name",
                    plan="nodes = 2\n" + stage.format(0) + stage.format(1) + 'from = "nothing"\n')
        self.refuse(path, "a node twice", [], "another stage has", plan="nodes = 2\n" + stage.format(0) + stage.format("0, 1"))
        self.refuse(path, "a rank that is not there", [], "nodes[0]", plan="nodes = 2\n" + stage.format(2))
        self.refuse(path, "stages and another strategy", [], "leave [[stage]] or strategy out",
                    plan='nodes = 2\nstrategy = "root"\n' + stage.format(0) + stage.format(1))
        alone = cluster_file(os.path.join(self.folder, "alone.toml"), 1, True)
        self.refuse(path, "a dispatcher alone", alone, "no node computes")
        two = cluster_file(os.path.join(self.folder, "two.toml"), 2, True)
        self.refuse(path, "the dispatcher in a stage", two, "does not compute",
                    plan="nodes = 2\n" + stage.format(0) + stage.format(1))
        # Ten layers of 1 MiB each, and boards with a flash of 4 MiB: too many for two stages of a board each.
        big = os.path.join(self.folder, "big.onnx")
        onnx.save(dense(10, 512), big)
        self.refuse(big, "memory", ["-n", "4", "--board", "mps2-an386"], "no cut into 2 stages fits", "--stages 3 would fit",
                    plan="nodes = 4\n" + stage.format(0) + stage.format(1))
        self.refuse(big, "too little memory", ["-n", "2", "--board", "mps2-an386", "--stages", "2"], "no cut into 2 stages fits",
                    "take more nodes, or boards with more memory")


def dense(layers, width):
    """Products of square matrices, 4 bytes * width * width each."""
    rng = np.random.default_rng(1)
    nodes, weights, value = [], [], "x"
    for i in range(layers):
        weights.append(onnx.numpy_helper.from_array((rng.standard_normal((width, width)) / width).astype(np.float32), f"w{i}"))
        nodes.append(onnx.helper.make_node("Gemm", [value, f"w{i}"], [f"y{i}"], name=f"gemm{i}"))
        value = f"y{i}"
    info = onnx.helper.make_tensor_value_info
    body = onnx.helper.make_graph(nodes, "dense", [info("x", 1, [1, width])], [info(value, 1, [1, width])], weights)
    return onnx.helper.make_model(body, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="")
    a = parser.parse_args()
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-stages-") as folder:
        suite = Suite(folder, a.full)
        paths = {}
        for name, make in MODELS.items():
            paths[name] = os.path.join(folder, name + ".onnx")
            onnx.save(make(), paths[name])
        for name in SHARED if a.full else SHARED[:1]:
            path = os.path.join(discoc.shared() or "", "models", name, "model.onnx")
            if os.path.exists(path):
                paths[name] = path
            else:
                suite.tally.skip(name, "DISCOC_SHARED has it not")
        for name, path in paths.items():
            if re.search(a.only, name):
                suite.model(name, path)
        if not a.only:
            suite.masks(paths["shuffled"])
            suite.loads(paths["shuffled"])
            suite.refusals(paths["shuffled"])
    return suite.tally.close()


if __name__ == "__main__":
    sys.exit(main())
