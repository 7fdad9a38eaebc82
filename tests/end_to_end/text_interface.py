#!/usr/bin/python3
# The IR is the interface: every stage in a process of its own, through text, gives the bytes of one compilation.
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/end_to_end/text_interface.py [--keep DIR] [PART]...

For small models: `discoc compile --stop-after import` to text, then each pass by a `discoc-opt` process of its own, then
`discoc emit`; the emitted directory must equal that of `discoc compile` byte for byte, and `--dump-dir` must have written
a file a stage. PART names some cases only. Closes with `N passed, N failed, N skipped`.

  --keep DIR  leave the directories and the texts in DIR

DISCOC, or DISCOC_BUILD/bin/discoc, is the compiler; DISCOC_SHARED the folder with `models` (default ../shared)."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("DISCOC_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
# Three boards and a host; made where the cases run.
MIXED = "mixed.toml"
MIXED_TEXT = """[[node]]
name = "desk"
[[node]]
name = "lab"
board = "mps2-an386"
count = 3
[[link]]
between = ["desk", "lab0"]
kind = "uart"
ports = ["wire0", "uart1"]
[[link]]
between = ["lab0", "lab1"]
kind = "uart"
bandwidth = 9600.0
[[link]]
between = ["lab1", "lab2"]
kind = "ethernet"
"""
PASSES = ["simplify", "assign-owners", "divide-reductions", "derive-masks", "choose-partial-sums", "insert-exchanges", "split-into-shards", "schedule",
          "check-schedule", "assign-layouts", "choose-kernels", "plan-memory", "check-schedule"]  # fmt: skip


def tool(name):
    build = os.environ.get("DISCOC_BUILD", os.path.join(ROOT, "build", "release"))
    path = os.path.join(build, "bin", name)
    if "DISCOC" in os.environ:
        path = os.path.join(os.path.dirname(os.environ["DISCOC"]), name)
    return path


def samples(*parts):
    return os.path.join(ROOT, "samples", *parts)


def cases():
    """(name, model, options of compile)."""
    pin = ["--pin", "batch=1"]
    return [
        ("digits_dense-1", samples("digits", "digits_dense.onnx"), ["-n", "1", *pin]),
        ("digits_dense-3", samples("digits", "digits_dense.onnx"), ["-n", "3", *pin]),
        ("digits_masks2", samples("digits", "digits_masks2.onnx"), ["-n", "2", *pin]),
        ("digits_masks2-cluster", samples("digits", "digits_masks2.onnx"),
         ["-n", "2", *pin, "--cluster", samples("clusters", "two-local.toml")]),
        ("digits_masks4", samples("digits", "digits_masks4.onnx"), ["-n", "4", *pin]),
        ("cifar10_masks2", samples("cifar10", "cifar10_masks2.onnx"), ["-n", "2"]),
        ("cifar10_groups4", samples("cifar10", "cifar10_groups4.onnx"), ["-n", "4"]),
        ("mnist_cnn-2", os.path.join(SHARED, "models", "mnist_cnn"), ["-n", "2"]),
        ("mnist_cnn-5", os.path.join(SHARED, "models", "mnist_cnn"), ["-n", "5"]),
        # Clusters of boards: what board.toml and bounds.toml say is in the text, and nowhere else.
        ("digits_masks2-boards", samples("digits", "digits_masks2.onnx"), ["-n", "2", *pin, "--board", "netduinoplus2"]),
        ("digits_dense-linux", samples("digits", "digits_dense.onnx"), ["-n", "2", *pin, "--board", "linux-aarch64"]),
        ("mnist_cnn-mixed", os.path.join(SHARED, "models", "mnist_cnn"), ["--cluster", MIXED]),
    ]


class Failure(Exception):
    pass


def run(command):
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if answer.returncode != 0:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        raise Failure(f"{' '.join(command)}: exit {answer.returncode}: {' | '.join(said[:3])}")
    return answer.stdout


def modelFile(path):
    """The model itself, or the one .onnx file of its folder; None when it is not here."""
    if os.path.isdir(path):
        files = sorted(name for name in os.listdir(path) if name.endswith(".onnx"))
        return os.path.join(path, files[0]) if files else None
    return path if os.path.isfile(path) else None


def tree(folder):
    """Every file below a folder with its bytes."""
    files = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, folder)] = file.read()
    return files


def compareTrees(whole, parts):
    a, b = tree(whole), tree(parts)
    if not a:
        raise Failure("nothing was emitted")
    if sorted(a) != sorted(b):
        raise Failure(f"other files: {sorted(set(a) ^ set(b))[:5]}")
    different = [name for name in sorted(a) if a[name] != b[name]]
    if different:
        raise Failure(f"other bytes in {len(different)} of {len(a)} files: {different[:5]}")
    return len(a)


def refusesDamage(discoc, planned, folder):
    """`emit` proves what it is given: a text without one of its sends is refused, and leaves nothing behind."""
    with open(planned, encoding="utf-8") as file:
        lines = file.read().splitlines(keepends=True)
    sends = [k for k, line in enumerate(lines) if "disco.send " in line]
    if not sends:
        return
    damaged, out = os.path.join(folder, "damaged.mlir"), os.path.join(folder, "damaged")
    with open(damaged, "w", encoding="utf-8") as file:
        file.writelines(line for k, line in enumerate(lines) if k != sends[0])
    done = subprocess.run([discoc, "emit", damaged, "-o", out], capture_output=True, text=True, timeout=300)
    if done.returncode == 0 or "error:" not in done.stderr or os.path.exists(out):
        raise Failure(f"a missing send is not refused: exit code {done.returncode}, {done.stderr[:200]}")


def refusesNoCluster(discoc, planned, folder):
    """What a text is for is not made up: one without `disco.cluster` is refused."""
    with open(planned, encoding="utf-8") as file:
        text = file.read()
    bare, out = os.path.join(folder, "bare.mlir"), os.path.join(folder, "bare")
    with open(bare, "w", encoding="utf-8") as file:
        file.write(text.replace("disco.cluster = #cluster, ", ""))
    done = subprocess.run([discoc, "emit", bare, "-o", out], capture_output=True, text=True, timeout=300)
    if done.returncode == 0 or "has no 'disco.cluster'" not in done.stderr or os.path.exists(out):
        raise Failure(f"no cluster is not refused: exit code {done.returncode}, {done.stderr[:200]}")


def refusesNoKernel(discoc, planned, folder):
    """An op that several kernels could compute is not emitted with any of them: the text says which. It is the one of least scratch
    memory that loses its kernel here: the arena has to suit the others still."""
    with open(planned, encoding="utf-8") as file:
        text = file.read()
    kernels = re.findall(r"disco\.kernel = #disco\.kernel<name = \"[^\"]*\", scratch = \d+>, ", text)
    if not kernels:
        return
    least = min(kernels, key=lambda kernel: int(re.search(r"scratch = (\d+)", kernel)[1]))
    bare, out = os.path.join(folder, "unchosen.mlir"), os.path.join(folder, "unchosen")
    with open(bare, "w", encoding="utf-8") as file:
        file.write(text.replace(least, "", 1))
    done = subprocess.run([discoc, "emit", bare, "-o", out], capture_output=True, text=True, timeout=300)
    if done.returncode == 0 or "names no kernel" not in done.stderr or os.path.exists(out):
        raise Failure(f"no kernel is not refused: exit code {done.returncode}, {done.stderr[:200]}")


def refusesOtherPacking(discoc, planned, folder):
    """Weights that do not lie as their kernel reads them are not emitted."""
    with open(planned, encoding="utf-8") as file:
        text = file.read()
    if " packing(" not in text:
        return
    other, out = os.path.join(folder, "unpacked.mlir"), os.path.join(folder, "unpacked")
    with open(other, "w", encoding="utf-8") as file:
        file.write(re.sub(r" packing\([^)]*\)", "", text))
    done = subprocess.run([discoc, "emit", other, "-o", out], capture_output=True, text=True, timeout=300)
    if done.returncode == 0 or "not packed as its kernel reads" not in done.stderr or os.path.exists(out):
        raise Failure(f"another packing is not refused: exit code {done.returncode}, {done.stderr[:200]}")


def boardsAreNotRead(discoc, planned, folder, parts):
    """Emission opens a board's folder to copy sources: with board.toml and bounds.toml damaged it writes the same programs."""
    boards = os.path.join(folder, "boards")
    shutil.copytree(os.path.join(ROOT, "codegen", "boards"), boards)
    for base, _, names in os.walk(boards):
        for name in set(names) & {"board.toml", "bounds.toml"}:
            with open(os.path.join(base, name), "w", encoding="utf-8") as file:
                file.write("no TOML\n")
    out = os.path.join(folder, "unread")
    done = subprocess.run([discoc, "emit", planned, "-o", out], env=dict(os.environ, DISCOC_BOARDS=boards), capture_output=True,
                          text=True, timeout=300)  # fmt: skip
    if done.returncode != 0:
        raise Failure(f"boards are read again: {done.stderr[:200]}")
    a, b = tree(parts), tree(out)
    other = [name for name in sorted(a) if not name.endswith("board/board.toml") and a[name] != b.get(name)]
    if other:
        raise Failure(f"boards are read again: other bytes in {other[:5]}")


def throughText(model, options, folder):
    """Compiles twice, at once and through text; returns how many files agree."""
    discoc, opt = tool("discoc"), tool("discoc-opt")
    whole, parts, dump = (os.path.join(folder, name) for name in ("whole", "parts", "dump"))
    if MIXED in options:
        mixed = os.path.join(folder, MIXED)
        with open(mixed, "w", encoding="utf-8") as file:
            file.write(MIXED_TEXT)
        options = [mixed if option == MIXED else option for option in options]
    run([discoc, "compile", model, *options, "-o", whole, "--dump-dir", dump])
    text = os.path.join(folder, "00-import.mlir")
    imported = run([discoc, "compile", model, *options, "--stop-after", "import"])
    with open(text, "w", encoding="utf-8") as file:
        file.write(imported)
    stages = [text]
    for number, name in enumerate(PASSES, 1):
        after = os.path.join(folder, f"{number:02d}-{name}.mlir")
        run([opt, f"--disco-{name}", "--mlir-print-debuginfo", text, "-o", after])
        stages.append(after)
        text = after
    run([discoc, "emit", text, "-o", parts])
    dumped = sorted(os.listdir(dump))
    if len(dumped) != len(stages):
        raise Failure(f"--dump-dir wrote {len(dumped)} files for {len(stages)} stages: {dumped}")
    refusesDamage(discoc, text, folder)
    refusesNoCluster(discoc, text, folder)
    refusesNoKernel(discoc, text, folder)
    refusesOtherPacking(discoc, text, folder)
    boardsAreNotRead(discoc, text, folder, parts)
    return compareTrees(whole, parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep")
    parser.add_argument("parts", nargs="*")
    args = parser.parse_args()
    passed = failed = skipped = 0
    for name, path, options in cases():
        if args.parts and not any(part in name for part in args.parts):
            continue
        model = modelFile(path)
        if not model or not os.access(tool("discoc"), os.X_OK):
            print(f"{name}: skipped, {path if not model else 'discoc'} is not here", flush=True)
            skipped += 1
            continue
        folder = os.path.join(args.keep, name) if args.keep else tempfile.mkdtemp(prefix="discoc-text-")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        try:
            print(f"{name}: {throughText(model, options, folder)} files are the same", flush=True)
            passed += 1
        except Failure as failure:
            print(f"{name}: {failure}", flush=True)
            failed += 1
        finally:
            if not args.keep:
                shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
