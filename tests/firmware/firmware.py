# SPDX-License-Identifier: Apache-2.0
"""Clusters of boards for the firmware tests: cluster files, compiling,
running, and what the host's own programs answer."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
for part in ("oracle", "end_to_end"):
    sys.path.insert(0, os.path.join(HERE, "..", part))
import cluster  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402

# Of the output's range: the boards' kernels add in another order.
TOLERANCE = 1e-5
# Bare boards that the emulator has, and whether they have a network.
BOARDS = {"mps2-an386": True, "mps2-an500": True, "mps3-an547": True,
          "netduinoplus2": False, "riscv32-virt": True,
          "microbit": False}
# For which only the smallest of the models is.
TINY = ("microbit",)


def all_boards():
    """What board.toml says, by the board's name."""
    boards = {}
    for path in sorted(glob.glob(os.path.join(discoc.ROOT, "codegen", "boards", "*", "board.toml"))):
        with open(path, "rb") as stream:
            boards[os.path.basename(os.path.dirname(path))] = tomllib.load(stream)
    return boards


class DoesNotFit(Exception):
    """The message of `compile`: which memory of which node, by how much; or
    that the board has fewer ports than neighbours."""


def missing():
    """What of the boards' tools this machine lacks, or None."""
    tools = ("qemu-system-arm", "qemu-system-riscv32", "arm-none-eabi-g++",
             "riscv64-unknown-elf-g++")
    lacking = [t for t in tools if not shutil.which(t)]
    return f"no {', '.join(lacking)} (scripts/setup boards)" if lacking \
        else None


def sample(name, nodes):
    """The shipped network, with the masks that were trained for N nodes."""
    kind = {2: "masks2", 4: "masks4"}.get(nodes, "dense")
    return os.path.join(discoc.ROOT, "samples", name, f"{name}_{kind}.onnx")


def model_path(name, nodes):
    """The model's file for so many nodes, or None where it is absent."""
    if name in ("cifar10", "digits"):
        return sample(name, nodes)
    shared = discoc.shared()
    path = shared and os.path.join(shared, "models", name, "model.onnx")
    return path if path and os.path.exists(path) else None


def shapes_of(path):
    """{input: dims}, one sample."""
    model = graph.load(path)
    return {v.name: [d.dim_value or 1 for d in v.type.tensor_type.shape.dim]
            for v in graph.real_inputs(model)}


def write_inputs(path, folder, count=1, seed=0):
    """--input arguments: `count` inferences of random pictures."""
    rng = np.random.default_rng(seed)
    arguments = []
    for name, dims in shapes_of(path).items():
        value = rng.random([count * dims[0], *dims[1:]], np.float32)
        if "mnist" in path:
            value *= 255
        file = os.path.join(folder, f"in{len(arguments)}.npy")
        np.save(file, value)
        arguments += ["--input", f"{name}={file}"]
    return arguments


def write_cluster(file, boards, kind="uart", topology="all", links=(), baud=None):
    """boards: a list of names. links: [(a, b, kind)] instead of a topology.
    Linux nodes alone need neither: they talk TCP."""
    with open(file, "w", encoding="utf-8") as stream:
        for board in boards:
            stream.write(f'[[node]]\nboard = "{board}"\n\n')
        for a, b, how in links:
            stream.write(f'[[link]]\nbetween = [{a}, {b}]\nkind = "{how}"\n\n')
        if not links and len(boards) > 1 and kind != "tcp":
            stream.write(f'[network]\ntopology = "{topology}"\n'
                         f'kind = "{kind}"\n')
            if baud:
                stream.write(f"baud = {baud}\n")


def call(command, timeout):
    return subprocess.run([discoc.binary(), *command], capture_output=True,
                          text=True, errors="replace", timeout=timeout)


def compile(path, out, nodes=None, lab=None, extra=()):
    """`discoc compile` for a cluster file, or for Linux hosts."""
    command = ["compile", path, "-o", out, *extra]
    command += ["--cluster", lab] if lab else ["-n", str(nodes)]
    for name, dims in shapes_of(path).items():
        command += ["--input-shape", f"{name}={'x'.join(map(str, dims))}"]
    done = call(command, 120)
    if done.returncode == 0:
        return
    first = next((line for line in done.stderr.splitlines()
                  if "error:" in line), done.stderr[:300])
    if re.search(r"does not fit|links, and the board", done.stderr):
        raise DoesNotFit(first)
    raise RuntimeError(first)


def build(out):
    done = call(["build", out], 300)
    if done.returncode:
        raise RuntimeError("build: " + done.stderr.strip()[-400:])


# What no image may hold: heap, C++ library, double arithmetic in software.
FORBIDDEN = re.compile(
    r"libstdc\+\+|libsupc\+\+|\b_?(?:malloc|calloc|realloc|free)(?:_r)?\b|"
    r"\b_?sbrk(?:_r)?\b|__aeabi_d(?:add|sub|mul|div|cmp\w*|2\w+)\b|"
    r"__(?:add|sub|mul|div)df3|__cxa_\w+")


def image_fault(out):
    """What the link maps of the bare images hold that they must not."""
    for directory in cluster.ranks_of(out):
        path = os.path.join(directory, "build", "shard.map")
        if not os.path.exists(path):
            continue        # a Linux program
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
        # Sections that were thrown away, and the search path, say nothing.
        linked = text.split("Discarded input sections")[0] + \
            text.split("Linker script and memory map")[-1]
        lines = [line for line in linked.splitlines()
                 if not line.startswith(("LOAD ", "OUTPUT("))]
        found = FORBIDDEN.search("\n".join(lines))
        if found:
            return f"{os.path.basename(directory)}: {found.group(0)}"
    return None


def run(out, inputs, folder, *more, timeout=300):
    """(outputs by name, the JSON report); RuntimeError when it fails."""
    done = call(["run", out, *inputs, "--output-dir", folder, "--json", *more],
                timeout)
    if done.returncode:
        raise RuntimeError(f"run ended with {done.returncode}: "
                           + done.stderr.strip()[-600:])
    report = json.loads(done.stdout)
    return {o["name"]: np.load(o["file"]) for o in report["outputs"]}, report


def host_answer(path, nodes, folder, inputs):
    """What the same programs give on this host, in one process."""
    out = os.path.join(folder, f"host{nodes}")
    if not os.path.exists(out):
        compile(path, out, nodes)
    return run(out, inputs, os.path.join(folder, f"host{nodes}.out"),
               "--transport", "inproc")[0]


def output_fault(got, want, tolerance=TOLERANCE):
    for name, value in want.items():
        spread = float(np.ptp(value)) or 1.0
        far = float(np.abs(got[name].astype(np.float64) - value).max())
        if got[name].shape != value.shape or not far <= tolerance * spread:
            return f"{name}: {far / spread:.3g} of the range"
    return None


def traffic_fault(out, report):
    """Why the payload that the programs counted, pair by pair, is not what
    report.json states; None: it is."""
    stated = cluster.load_json(os.path.join(out, "report.json"))
    exchanged, root = cluster.report_traffic(stated)
    want = {pair: exchanged.get(pair, 0) + root.get(pair, 0)
            for pair in set(exchanged) | set(root)}
    got = {}
    for rank in report["ranks"]:
        for peer in rank["peers"]:
            if peer["tx_payload"]:
                got[rank["rank"], peer["rank"]] = \
                    peer["tx_payload"] / rank["inferences"]
    return None if got == want else f"counted {got}, stated {want}"


def sent_bytes(out, kind):
    """Bytes that two nodes send in the busier direction, by docs/formats/links.md: of each message a header of 32 and the
    payload, in segments, with 16 bytes and what the link adds around each."""
    segment, around, least = {"uart": (56, 16 + 2, 0), "ethernet": (1024, 16 + 16, 60)}[kind]
    moved = [0, 0]
    with open(os.path.join(out, "schedule.txt"), encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("m "):
                _, _, source, _, payload, _ = line.split()
                left = int(payload) + 32
                while left > 0:
                    moved[int(source)] += max(min(left, segment) + around, least)
                    left -= segment
    return max(moved)


def times_fault(out, kind):
    """Why the times that report.json states are not those of its own counts
    at the speeds that the boards' copies state; None: they are. Of networks of
    floats; of wires only that of two boards, which carries all they send."""
    stated = cluster.load_json(os.path.join(out, "report.json"))
    speeds = []
    for node in stated["nodes"]:
        path = os.path.join(out, f"node{node['rank']}", "board", "board.toml")
        with open(path, "rb") as stream:
            board = tomllib.load(stream)
        speed = board["speed"]
        us = node["macs"] * speed["f32"] / speed["clock"] * 1e6
        if abs(node.get("compute_us", 0) - us) > 1:
            return f"node {node['rank']}: {node.get('compute_us')} of {us} us"
        speeds += [l["bandwidth"] for l in board["link"] if l["kind"] == kind and "bandwidth" in l]
    if len(stated["nodes"]) == 2:
        wire = stated["wires"][0]
        speeds += [wire["baud"] / 10] if "baud" in wire else []  # ten bits a byte
        got, us = wire.get("least_us", 0), sent_bytes(out, kind) / min(speeds) * 1e6
        if abs(got - us) > 1:
            return f"wire: {got} of {us} us"
    return None
