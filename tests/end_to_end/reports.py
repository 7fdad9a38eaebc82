# SPDX-License-Identifier: Apache-2.0
"""What `compile` prints of memories, report.json of memories, times and replication, by counting; and nodes as libraries.

Nothing is built: the numbers are compared with what the models and clusters make of themselves here, and of a library
its own source is read by a compiler.

    reports.py [--only REGEX]
"""

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import seeded  # noqa: E402
import shares as shares_of  # noqa: E402

DIGITS = os.path.join(discoc.ROOT, "samples", "digits", "digits_dense.onnx")
BOARD_ALIGNMENT = 8
SHOWN_NODES = 16  # of a cluster of boards


def compile(model, nodes, out, text):
    """(what it printed, report.json) of a compilation for a cluster file's text."""
    path = out + ".toml"
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    done = subprocess.run([discoc.binary(), "compile", model, "-n", str(nodes), "--cluster", path, "--pin", "batch=1",
                           "-o", out],
                          capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise discoc.CompileError(done.returncode, done.stderr)
    return done.stdout, cluster.load_json(os.path.join(out, "report.json"))


def memories(folder, tally):
    """One line a board up to sixteen, and every number in it."""
    for nodes in (2, SHOWN_NODES, SHOWN_NODES + 2):
        text = f'[[node]]\nboard = "mps2-an386"\ncount = {nodes}\n\n[network]\ntopology = "switch"\n'
        printed, report = compile(DIGITS, nodes, os.path.join(folder, f"switch{nodes}"), text)
        lines = re.findall(r"^node \d+ \(.*$", printed, re.M)
        tally.check(f"N = {nodes}: lines", len(lines) == min(nodes, SHOWN_NODES), f"{len(lines)} lines")
        more = re.findall(r"^and (\d+) more nodes", printed, re.M)
        want = [str(nodes - SHOWN_NODES)] if nodes > SHOWN_NODES else []
        tally.check(f"N = {nodes}: the rest", more == want, f"{more}, not {want}")
        for node in report["nodes"]:
            faults = [part["part"] for part in node["memory"] if part["exact"] != (part["part"] not in ("code", "data"))]
            tally.check(f"N = {nodes}, node {node['rank']}: bounds and exact sizes", not faults, str(faults))
            buffers = next(part for part in node["memory"] if part["part"] == "buffers")
            placed = sum(-(-size // BOARD_ALIGNMENT) * BOARD_ALIGNMENT for size in buffers["items"].values())
            tally.check(f"N = {nodes}, node {node['rank']}: buffers", buffers["bytes"] == placed,
                        f"{buffers['bytes']}, its parts {placed}")
        bounds = all(f"{part} at most " in line for line in lines for part in ("code", "data"))
        exact = all(re.search(part + r" \d", line) for line in lines for part in ("weights", "arena", "buffers", "stack"))
        tally.check(f"N = {nodes}: what the lines call a bound", bounds and exact, lines[0])


def times(folder, tally):
    """Every wire has its time, also behind a link of TCP."""
    tcp = '[[link]]\nbetween = ["desk", "shelf"]\nkind = "tcp"\n\n'
    rates = {("desk", "one"): 1000, ("shelf", "two"): 8000, ("one", "two"): 4000}  # by rank of the ends
    wires = "".join(f'[[link]]\nbetween = ["{a}", "{b}"]\nkind = "uart"\nbandwidth = {rate}\n\n'
                    for (a, b), rate in rates.items())
    nodes = '[[node]]\nname = "desk"\n\n[[node]]\nname = "shelf"\n\n' + "".join(
        f'[[node]]\nname = "{name}"\nboard = "mps2-an386"\n\n' for name in ("one", "two"))
    for name, text in (("first", tcp + wires), ("last", wires + tcp)):
        _, report = compile(DIGITS, 4, os.path.join(folder, f"tcp-{name}"), nodes + text)
        tally.check(f"TCP {name}: wires", len(report["wires"]) == len(rates), str(report["wires"]))
        for wire, rate in zip(report["wires"], rates.values()):
            # All of it one way, or as much in either direction.
            carried = wire["carried"]["bytes"] + wire["root_carried"]["bytes"]
            messages = wire["carried"]["messages"] + wire["root_carried"]["messages"]
            moved = wire.get("least_us", 0) * rate / 1e6
            # A header a message, 18 bytes around each segment of at most 56.
            sent = (carried + 32 * messages) * (56 + 18) / 56 + 18 * messages
            tally.check(f"TCP {name}: time of {wire['ends']}", 0 < (carried + 32 * messages) / 2 - 1 <= moved <= sent + 1,
                        f"{wire.get('least_us')} us at {rate} bytes a second, for {carried} bytes in both directions")


def schedules(folder, tally):
    """The events of a schedule: every message once, every node one step at a time, and sums that the report states, too."""
    boards = '[[node]]\nboard = "mps2-an386"\ncount = 3\n\n[network]\ntopology = "switch"\n'
    for name, text in (("boards", boards), ("hosts", "[[node]]\ncount = 3\n")):
        out = os.path.join(folder, f"schedule-{name}")
        _, report = compile(DIGITS, 3, out, text)
        schedule = report["schedule"]
        messages = cluster.load_json(os.path.join(out, "manifest.json"))["messages"]
        moved = {e["message"]: (e["node"], e["to"], e["bytes"]) for e in schedule["events"] if e["kind"] == "transfer"}
        stated = {m["id"]: (m["from"], m["to"], m["bytes"]) for m in messages}
        tally.check(f"{name}: transfers", moved == stated, f"{moved}, not {stated}")
        timed = "latency_ns" in schedule
        tally.check(f"{name}: times where speeds are known", timed == (name == "boards") and
                    all(("end_ns" in event) == timed for event in schedule["events"]), str(schedule)[:300])
        if timed:
            tally.check(f"{name}: bounds", schedule["chain_ns"] <= schedule["latency_ns"] <= schedule["sequential_ns"]
                        and schedule["latency_ns"] == max(event["end_ns"] for event in schedule["events"]),
                        str({key: schedule[key] for key in schedule if key.endswith("_ns")}))
        for node in report["nodes"] if timed else []:
            own = [e for e in schedule["events"] if e["node"] == node["rank"] and e["kind"] != "transfer"]
            apart = all(a["end_ns"] <= b["start_ns"] for a, b in zip(own, own[1:]))
            us = sum(e["end_ns"] - e["start_ns"] for e in own if e["kind"] == "compute") / 1000
            tally.check(f"{name}, node {node['rank']}: one step at a time", apart and abs(us - node["compute_us"]) <= 1,
                        f"{us} us of {node['compute_us']}, {own}")


def spins(folder, tally):
    """How long waits of hosts may spin: twice what the schedule predicts and 5 us, at most 50; nothing where it does not."""
    board = os.path.join(folder, "computer")
    shutil.copytree(os.path.join(discoc.ROOT, "codegen", "boards", "linux-aarch64"), board)
    with open(os.path.join(board, "board.toml"), "a", encoding="utf-8") as stream:
        stream.write("\n[speed]\nclock = 1e9\nf32 = 0.1\n")
    for rate in ("1e9", "1e7", None):
        pairs = "".join(f'[[link]]\nbetween = [{a}, {b}]\nbandwidth = {rate}\n\n' for a, b in ((0, 1), (0, 2), (1, 2)))
        out = os.path.join(folder, f"spins-{rate}")
        _, report = compile(DIGITS, 3, out, f'[[node]]\nboard = "{board}"\ncount = 3\n\n' + (pairs if rate else ""))
        waits = {(e["message"], e["node"]): e["end_ns"] - e["start_ns"] for e in report["schedule"]["events"]
                 if e["kind"] == "wait" and "end_ns" in e}
        stated, want = {}, {}
        for rank in range(3):
            with open(os.path.join(out, f"node{rank}", "model.cpp"), encoding="utf-8") as stream:
                rows = re.findall(r"^    \{(\d+), \d+, ([01]), \d+(?:, 0, (\d+))?\},$", stream.read(), re.MULTILINE)
            for message, incoming, spin in rows:
                stated[int(message), rank] = int(spin) if spin else None
                us = -(-waits.get((int(message), rank), 0) // 1000)
                want[int(message), rank] = min(2 * us + 5, 50) if rate and incoming == "1" else None
        tally.check(f"spins, {rate} bytes a second", stated == want and (not rate or len(set(stated.values())) > 2),
                    f"{stated}, not {want}")


def fitting(folder, tally):
    """`fit` says the time that the report has, and none where a board does not say how fast it is."""
    board = os.path.join(folder, "board")
    shutil.copytree(os.path.join(discoc.ROOT, "codegen", "boards", "mps2-an386"), board)
    shutil.copytree(os.path.join(discoc.ROOT, "codegen", "boards", "common"), os.path.join(folder, "common"))
    description = os.path.join(board, "board.toml")
    with open(description, encoding="utf-8") as stream:
        text = stream.read()
    for name, changed in (("stated", text), ("not stated", re.sub(r"^f32 = .*$", "", text, flags=re.MULTILINE))):
        with open(description, "w", encoding="utf-8") as stream:
            stream.write(changed)
        _, report = compile(DIGITS, 1, os.path.join(folder, f"fit-{name}"), f'[[node]]\nboard = "{board}"\n')
        done = subprocess.run([discoc.binary(), "fit", DIGITS, "--pin", "batch=1", "--board", board, "--json"],
                              capture_output=True, text=True, timeout=600)
        row = json.loads(done.stdout)["rows"][0] if done.returncode == 0 else {"failed": done.stderr}
        tally.check(f"fit: speed {name}", ("latency_ns" in row) == (name == "stated") and "failed" not in row and
                    row.get("latency_ns") == report["schedule"].get("latency_ns"), f"{row}, {report['schedule']}"[:300])


def libraries(folder, tally):
    """A node as three calls, alone and with a wire: it compiles, and its packets are set up where it has a wire."""
    for nodes in (1, 2):
        text = f'[[node]]\nboard = "rp2040"\ncount = {nodes}\n\n' + ('[network]\ntopology = "chain"\n' if nodes > 1 else "")
        out = os.path.join(folder, f"library{nodes}")
        compile(DIGITS, nodes, out, text)
        found = glob.glob(os.path.join(out, "node*", "library", "src", "*_shard.cpp"))
        tally.check(f"{nodes} libraries", len(found) == nodes, str(found))
        for path in found:
            done = subprocess.run([cluster.compiler(), "-std=c++17", "-fsyntax-only", path], capture_output=True, text=True)
            tally.check(f"{os.path.basename(path)} of {nodes} compiles", done.returncode == 0, done.stderr[:300])
            with open(path, encoding="utf-8") as stream:
                calls = stream.read().count("= disco_packets_init(")
            tally.check(f"{os.path.basename(path)} of {nodes}: packets", calls == (nodes > 1), f"set up {calls} times")


def squeezing():
    """Squeeze and excite: two products on a vector, the first of which every node computes."""
    g = seeded.Graph(2)
    x = g.op("Relu", g.op("Conv", "x", g.weights(12, 3, 3, 3), pads=[1] * 4))
    s = g.op("Relu", g.op("Conv", g.op("GlobalAveragePool", x), g.weights(4, 12, 1, 1)))
    f = g.op("Sigmoid", g.op("Conv", s, g.weights(12, 4, 1, 1)))
    y = g.op("Conv", g.op("Mul", x, f), g.weights(8, 12, 1, 1))
    return g.model({"x": [1, 3, 8, 8]}, {y: [1, 8, 8, 8]})


def replication(folder, tally):
    path = os.path.join(folder, "squeezing.onnx")
    onnx.save(squeezing(), path)
    for nodes in (1, 2, 3):
        out = os.path.join(folder, f"squeezing{nodes}")
        discoc.compile(path, nodes, out)
        layers = cluster.load_json(os.path.join(out, "report.json"))["layers"]
        squeezes = [layer for layer in layers if layer["replicated_reason"]]
        tally.check(f"N = {nodes}: layers on every node", len(squeezes) == (nodes > 1), str([s["op"] for s in squeezes]))
        for layer in squeezes:
            got = layer["replicated_macs"], layer["replicated_weight_bytes"]
            want = 48 * (nodes - 1), 4 * 48 * (nodes - 1)
            tally.check(f"N = {nodes}: {layer['op']}", got == want, f"{got}, not {want}")
        others = sum(layer["replicated_macs"] for layer in layers if not layer["replicated_reason"])
        tally.check(f"N = {nodes}: others", others == 0, f"{others} multiply-adds more than once")


# Networks and N whose largest share is more than 1.03 times the least, and why.
UNEVEN = {
    ("gtcrn_simple", 3): "channel shuffles tie channels in twos and fours",
}


def shares(folder, tally):
    """No node has much more work than the others."""
    for name, path, shapes in shares_of.networks("", folder, None):
        for nodes in (2, 3):
            work, least, _, _ = shares_of.measure(path, shapes, nodes, [], folder)
            if (name, nodes) not in UNEVEN:
                tally.check(f"{name}, N = {nodes}: shares", work <= 1.03 * least, f"{work:.4f} times even, not {least:.4f}")


def owned(folder, tally):
    """Every channel of a layer is some node's, and no other's, also where nodes exchange sums."""
    for model, pins in (("cifar10/cifar10_dense.onnx", ()), ("digits/digits_dense.onnx", ("--pin", "batch=1"))):
        for nodes in (2, 3):
            out = os.path.join(folder, f"owned{nodes}{os.path.basename(model)}")
            discoc.compile(os.path.join(discoc.ROOT, "samples", model), nodes, out, extra=pins)
            report = cluster.load_json(os.path.join(out, "report.json"))
            for layer in report["layers"]:
                channels = [c for node in layer["nodes"] for c in expanded(node.get("owned", []))]
                whole = layer["macs"] > 0 and not layer.get("replicated_macs")
                good = sorted(channels) == list(range(len(channels))) or not whole
                tally.check(f"{model}, N = {nodes}: {layer['op']}", good, str(layer["nodes"]))


def expanded(ranges):
    return [c for r in ranges for c in ([r] if isinstance(r, int) else range(r[0], r[1] + 1))]


def optimized(folder, tally):
    """Transformed weights grow what a node stores, and nothing else that is stated; --optimize memory has none."""
    g = seeded.Graph(3)
    y = g.op("Conv", "x", g.weights(32, 32, 3, 3), pads=[1] * 4)
    path = os.path.join(folder, "tiles.onnx")
    onnx.save(g.model({"x": [1, 32, 32, 32]}, {y: [1, 32, 32, 32]}), path)
    for nodes in (1, 2):
        shares = {}
        for aim in ("speed", "memory"):
            out = os.path.join(folder, f"{aim}{nodes}")
            discoc.compile(path, nodes, out, extra=["--optimize", aim])
            manifest = cluster.load_json(os.path.join(out, "manifest.json"))
            stated = cluster.load_json(os.path.join(out, "report.json"))["nodes"]
            with open(os.path.join(out, "node0", "model.cpp"), encoding="utf-8") as file:
                tiles = "conv_winograd" in file.read()
            shares[aim] = [n["weight_bytes"] for n in stated]
            stored = [n["weight_bytes"] for n in manifest["nodes"]]
            # Tiles of 4 x 4 outputs have 36 numbers for 9.
            want = [n * (4 if aim == "speed" else 1) for n in shares[aim]]
            tally.check(f"N = {nodes}, {aim}: what is stored", stored == want, f"{stored}, not {want}")
            tally.check(f"N = {nodes}, {aim}: tiles", tiles == (aim == "speed"), "")
            tally.check(f"N = {nodes}, {aim}: settings", manifest["settings"].get("optimize") ==
                        (None if aim == "speed" else "memory"), str(manifest["settings"]))
        tally.check(f"N = {nodes}: weights as the model has them", shares["speed"] == shares["memory"] and
                    sum(shares["speed"]) == 4 * 32 * 32 * 9, str(shares))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    with tempfile.TemporaryDirectory(prefix="discoc-reports-") as folder:
        for check in (memories, times, schedules, spins, fitting, libraries, replication, shares, owned, optimized):
            if re.search(a.only, check.__name__):
                try:
                    check(folder, tally)
                except (discoc.CompileError, KeyError) as error:
                    tally.fail(check.__name__, f"{type(error).__name__}: {error}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
