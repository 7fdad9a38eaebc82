# SPDX-License-Identifier: Apache-2.0
"""Clusters of boards that are more than one kind of board on good wires.

  mixed     a Cortex-M4, a Cortex-M55, a RISC-V and a Linux process compute one
            model together;
  fit       resnet20_cifar10 does not fit one netduinoplus2, and runs on the
            smallest N that `discoc fit` names, from the linked images;
  errors    mnist_cnn on two boards, one byte in 1,000 of the UART damaged or
            dropped: every result is right, nothing hangs;
  lost      an emulator is killed in the middle: the run ends in its deadline
            with an error that names the rank, and the inferences that were
            finished have been written;
  linux     programs for aarch64 and armv7, under QEMU's user mode, and one of
            this host compute a model over TCP;
  layouts   this host, a program for aarch64 and a Cortex-M4, whose tensors lie
            in blocks of 8, 4 and 2 channels, compute a model;
  linked    images of the CIFAR-10 network for the boards without an emulator
            are linked and checked against their memories; with --full alone:
            images.py builds and checks a smaller one for each of them;
  chain     three boards in a row: what the ends exchange passes the middle,
            and the report says so;
  console   micro:bits, whose one UART is a link, at both ends of a board that
            has more: command line, inputs, outputs and text go through that
            board, on bad wires too; three boards in a row with one console;
            no image has a semihosting call; two micro:bits alone are refused;
  tiny      a network of 210 weights on one and on two stm32vldiscovery, which
            have 8 KB of memory each;
  ops       functions of the library and windows on two Cortex-M4, recurrent
            layers and sorts on a RISC-V; with --full all on one and two of each;
  own       a board's folder of one's own, by its path: compiled and built from
            elsewhere, run once the folder is gone.

    clusters.py [--only NAME] [--inferences 50] [--seed 1] [--full]
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import firmware  # noqa: E402  (puts the oracles on the path)
import cluster  # noqa: E402
import discoc  # noqa: E402
import op_models  # noqa: E402


class Skip(Exception):
    pass


def prepared(model, boards, folder, more=(), **wiring):
    """(model's path, OUT, --input arguments) of a compiled, built cluster."""
    path = firmware.model_path(model, len(boards))
    if not path:
        raise Skip("the shared models are absent (DISCOC_SHARED)")
    out, lab = os.path.join(folder, "out"), os.path.join(folder, "lab.toml")
    firmware.write_cluster(lab, boards, **wiring)
    firmware.compile(path, out, lab=lab, extra=more)
    firmware.build(out)
    return path, out


def compared(path, out, nodes, folder, inputs, *more, timeout=300):
    """(why not, note, report)"""
    want = firmware.host_answer(path, nodes, folder, inputs)
    got, report = firmware.run(out, inputs, os.path.join(folder, "results"),
                               *more, timeout=timeout)
    note = (f"inference {report['time_us']['median'] / 1000:.0f} ms, "
            f"{report['wire_bytes']} bytes with headers")
    return firmware.output_fault(got, want) or \
        firmware.traffic_fault(out, report), note, report


def mixed(folder, _):
    boards = ["linux", "mps2-an386", "mps3-an547", "riscv32-virt"]
    path, out = prepared("micro_kws_m", boards, folder)
    return compared(path, out, 4, folder,
                    firmware.write_inputs(path, folder))[:2]


def fit(folder, _):
    model, board = "resnet20_cifar10", "netduinoplus2"
    path = firmware.model_path(model, 1)
    if not path:
        raise Skip("the shared models are absent (DISCOC_SHARED)")
    try:
        prepared(model, [board], folder)
        return "fits one board", ""
    except firmware.DoesNotFit as refused:
        said = str(refused)
    done = firmware.call(["fit", path, "--board", board, "--json"], 120)
    named = re.search(r'"smallest": *(\d+)', done.stdout)
    if done.returncode or not named:
        return f"fit says nothing: {done.stdout[-200:]} {done.stderr}", ""
    nodes = int(named.group(1))
    inner = os.path.join(folder, "small")
    os.makedirs(inner)
    path, out = prepared(model, [board] * nodes, inner)
    why, note, _ = compared(path, out, nodes, inner,
                            firmware.write_inputs(path, inner), timeout=600)
    return why, f"N = {nodes}; {note}; one board: {said[:200]}"


def errors(folder, a):
    path, out = prepared("mnist_cnn", ["mps2-an386"] * 2, folder)
    inputs = firmware.write_inputs(path, folder, count=a.inferences)
    clean = compared(path, out, 2, folder, inputs, timeout=900)
    noisy = compared(path, out, 2, folder, inputs, "--wire-errors",
                     f"0.001,{a.seed}", timeout=3000)
    note = (f"{a.inferences} inferences; on good wires {clean[1]}; on bad "
            f"ones {noisy[1]}; wires {noisy[2].get('wires')}")
    return clean[0] or noisy[0], note


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return [int(word) for word in file.read().split()]


def emulator_of(pid, rank_word):
    for child in children(pid):
        with open(f"/proc/{child}/cmdline", "rb") as file:
            if rank_word in file.read().decode(errors="replace"):
                return child
    return None


def lost(folder, _):
    path, out = prepared("mnist_cnn", ["mps2-an386"] * 2, folder)
    inputs = firmware.write_inputs(path, folder, count=2000)
    results = os.path.join(folder, "results")
    process = subprocess.Popen(
        [discoc.binary(), "run", out, *inputs, "--deadline-ms", "4000",
         "--output-dir", results],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(4)
        victim = emulator_of(process.pid, "node1")
        if not victim:
            return "no emulator of node 1", ""
        os.kill(victim, signal.SIGKILL)
        began = time.monotonic()
        _, said = process.communicate(timeout=60)
        took = time.monotonic() - began
    finally:
        if process.poll() is None:
            process.kill()
    if process.returncode != 4 or "rank 1" not in said or "warning" in said:
        return f"ended with {process.returncode}: {said[-400:]}", ""
    stays = re.search(r"outputs of the first (\d+) of 2000 inferences", said)
    if not stays:
        return f"does not tell what was finished: {said[-400:]}", ""
    first = firmware.host_answer(path, 2, folder,
                                 firmware.write_inputs(path, folder))
    for name, want in first.items():
        got = np.load(os.path.join(results, cluster.file_of([*first], name)))
        if len(got) != int(stays.group(1)) * len(want):
            return f"{name} has {got.shape}, {stays.group(0)}", ""
        if why := firmware.output_fault({name: got[:len(want)]},
                                        {name: want}):
            return why, ""
    return (None if took < 15 else f"ended after {took:.0f} s"), \
        f"ended {took:.1f} s after; {stays.group(0)}"


def chain(folder, _):
    path, out = prepared("micro_kws_m", ["mps2-an386"] * 3, folder,
                         topology="chain")
    why, note, _ = compared(path, out, 3, folder,
                            firmware.write_inputs(path, folder))
    stated = cluster.load_json(os.path.join(out, "report.json"))
    passed_on = [n.get("forwarded", {}).get("bytes", 0)
                 for n in stated["nodes"]]
    if not why and (passed_on[1] <= 0 or passed_on[0] or passed_on[2]):
        why = f"the report says forwarded: {passed_on}"
    return why, f"{note}; forwarded {passed_on}"


def linux(folder, _):
    boards = ["linux", "linux-aarch64", "linux-armv7"]
    path, out = prepared("micro_kws_m", boards, folder, kind="tcp")
    return compared(path, out, 3, folder,
                    firmware.write_inputs(path, folder))[:2]


def layouts(folder, _):
    boards = ["linux", "linux-aarch64", "mps2-an386"]
    path, out = prepared("micro_kws_m", boards, folder,
                         more=["--layout", "blocked"])
    for rank in range(3):
        with open(os.path.join(out, f"node{rank}", "model.cpp"),
                  encoding="utf-8") as file:
            if "disco::conv_any<" not in file.read():
                return f"node {rank} has no tensor in blocks", ""
    return compared(path, out, 3, folder,
                    firmware.write_inputs(path, folder))[:2]


def linked(folder, _):
    names = [name for name, board in firmware.all_boards().items()
             if "emulator" not in board]
    for name in names:
        inner = os.path.join(folder, name)
        os.makedirs(inner)
        out = prepared("cifar10", [name] * 2, inner)[1]
        if why := firmware.image_fault(out):
            return f"{name}: {why}", ""
    return None if len(names) >= 5 else f"only {names}", ", ".join(names)


def console(folder, a):
    import desk
    notes = []
    rows = [("ends", ["microbit", "netduinoplus2", "microbit"], (), ()),
            ("bad wires", ["netduinoplus2", "microbit"], (), ("--wire-errors", "0.002,1"))]
    rows += [("one", ["mps2-an386"] * 3, ("--console", "one"), ())]
    if a.full:
        rows += [("riscv", ["riscv32-virt"] * 2, ("--console", "one"), ()),
                 ("root at the end", ["microbit", "mps2-an500"], (), ()),
                 ("m55", ["microbit", "mps3-an547", "netduinoplus2"], ("--console", "one"), ("--wire-errors", "0.002,2"))]
    for name, boards, more, how in rows:
        inner = os.path.join(folder, name.replace(" ", "-"))
        os.makedirs(inner)
        path, out = prepared("digits", boards, inner, more=more,
                             topology="chain")
        nodes = cluster.load_json(os.path.join(out, "manifest.json"))["nodes"]
        said = [node["console"] for node in nodes]
        if not any(text.startswith("through node ") for text in said):
            return f"{name}: consoles are {said}", ""
        for node in nodes:
            tool = "riscv64-unknown-elf-" if "riscv" in node["board"] else "arm-none-eabi-"
            if found := desk.image_fault(os.path.join(out, node["directory"], "build", "shard.elf"), tool + "objdump"):
                return f"{name}: {node['directory']}: {found}", ""
        why, note, _ = compared(path, out, len(boards), inner,
                                firmware.write_inputs(path, inner, 3), *how)
        if why:
            return f"{name}: {why}", ""
        notes.append(f"{name}: {', '.join(said)}; {note}")
    path, out, lab = firmware.sample("digits", 2), os.path.join(folder, "alone"), os.path.join(folder, "alone.toml")
    firmware.write_cluster(lab, ["microbit"] * 2)
    firmware.compile(path, out, lab=lab)
    done = firmware.call(["run", out, *firmware.write_inputs(path, folder)], 60)
    if done.returncode != 4 or "has no console" not in done.stderr:
        return f"alone: ended with {done.returncode}: {done.stderr}", ""
    return None, "; ".join(notes)


def made(name, boards, folder, console="uart", **wiring):
    """As prepared(), with a model of op_models.py."""
    os.makedirs(folder)
    path = op_models.write(name, folder)
    out, lab = os.path.join(folder, "out"), os.path.join(folder, "lab.toml")
    firmware.write_cluster(lab, boards, **wiring)
    firmware.compile(path, out, lab=lab, extra=("--console", console))
    firmware.build(out)
    return path, out


def tiny(folder, _):
    notes = []
    for nodes in (1, 2):
        inner = os.path.join(folder, str(nodes))
        # Two packet links, to the other board and to the desk, are too much for 8 KB.
        path, out = made("tiny", ["stm32vldiscovery"] * nodes, inner,
                         "uart" if nodes == 1 else "semihosting")
        why, note, report = compared(path, out, nodes, inner,
                                     firmware.write_inputs(path, inner, 20))
        why = why or firmware.image_fault(out)
        if why:
            return f"{nodes}: {why}", ""
        notes.append(f"{nodes}: {note}, stack "
                     f"{max(r['stack_bytes'] for r in report['ranks'])}")
    return None, "; ".join(notes)


def ops(folder, a):
    notes = []
    for board, counts, names in (("mps2-an386", (2,), ("functions", "windows")), ("riscv32-virt", (1,), ("recurrent", "order"))):
        for name in ("functions", "recurrent", "order", "windows") if a.full else names:
            for nodes in (1, 2) if a.full else counts:
                inner = os.path.join(folder, f"{board}-{name}-{nodes}")
                path, out = made(name, [board] * nodes, inner)
                why, _, report = compared(
                    path, out, nodes, inner,
                    firmware.write_inputs(path, inner))
                if why:
                    return f"{name} on {nodes} {board}: {why}", ""
                notes.append(f"{name} {nodes} {board}: stack "
                             f"{max(r['stack_bytes'] for r in report['ranks'])}")
    return None, "; ".join(notes)


def own(folder, _):
    boards = os.path.join(discoc.ROOT, "codegen", "boards")
    mine = os.path.join(folder, "lab", "my", "mps2-an386")
    shutil.copytree(os.path.join(boards, "common"),
                    os.path.join(folder, "lab", "my", "common"))
    shutil.copytree(os.path.join(boards, "mps2-an386"), mine)
    description = os.path.join(mine, "board.toml")
    with open(description, encoding="utf-8") as file:
        text = file.read()
    with open(description, "w", encoding="utf-8") as file:
        file.write(text.replace("stack = 16384", "stack = 8192"))
    path = op_models.write("tiny", folder)
    for way in ("cluster", "board"):
        out = os.path.join(folder, way)
        more = ["--board", os.path.relpath(mine), "-n", "2"]
        if way == "cluster":
            lab = os.path.join(folder, "lab", "lab.toml")
            firmware.write_cluster(lab, ["./my/mps2-an386"] * 2)
            more = ["--cluster", lab]
        done = firmware.call(["compile", path, "-o", out, *more], 60)
        if done.returncode:
            return done.stderr, ""
        firmware.build(out)
        if "stack 8192" not in done.stdout:
            return f"{way}: not the own board: {done.stdout}", ""
    fitted = firmware.call(["fit", path, "--board", mine], 60)
    if fitted.returncode or "stack 8192" not in fitted.stdout:
        return f"fit: {fitted.stdout}{fitted.stderr}", ""
    shutil.rmtree(os.path.join(folder, "lab"))
    moved = os.path.join(folder, "moved")
    shutil.move(os.path.join(folder, "cluster"), moved)
    inputs = firmware.write_inputs(path, folder)
    return compared(path, moved, 2, folder, inputs)[:2]


CASES = {"tiny": tiny, "ops": ops, "own": own, "linux": linux,
         "linked": linked, "mixed": mixed, "layouts": layouts, "console": console, "fit": fit, "errors": errors,
         "lost": lost, "chain": chain}
FULL = {"linked"}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--inferences", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--full", action="store_true")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    if lacking := firmware.missing():
        tally.skip("all", lacking)
        return tally.close()
    for name, case in CASES.items():
        if a.only not in name or (name in FULL and not a.full and a.only != name):
            continue
        with tempfile.TemporaryDirectory(prefix="discoc-boards-") as folder:
            try:
                why, note = case(folder, a)
            except Skip as reason:
                tally.skip(name, str(reason))
                continue
            except Exception as error:  # one case, not the run
                why, note = f"{type(error).__name__}: {error}", ""
        if why:
            tally.fail(name, why)
        else:
            tally.ok(name, note)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
