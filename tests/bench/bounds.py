#!/usr/bin/python3
# Measures what code, variables and library calls take on boards, from really linked images.
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/bench/bounds.py [--models DIR] [--discoc FILE] [--margin PERCENT] BOARD...
       tests/bench/bounds.py --library IMAGE.elf...

Compiles models for one node and for several of each board, links them with the board's toolchain, and writes the largest of
what it finds, with a margin, to codegen/boards/BOARD/bounds.toml: the bounds with which `discoc compile` decides
whether a node fits, and which `discoc build` checks. Models are those of DIR (DISCOC_SHARED/models, ../shared/models)
that a microcontroller may hold, the small ones of tests/firmware/op_models.py, and the quantised one of tests/end_to_end.

Then, or with --library for images that are there, prints the stack of the functions that gcc's call graphs do not know,
read from their instructions: lines for codegen/boards/common/calls.toml."""

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", folder) for folder in ("firmware", "oracle", "end_to_end")]
import onnx  # noqa: E402
import op_models  # noqa: E402
import quantised  # noqa: E402

MODELS = {  # and the sizes that they leave open
    "mnist_cnn": [],
    "micro_kws_m": [],
    "resnet20_cifar10": [],
    "vit_pgd_2_3_16_cifar10": ["--pin", "batch_size=1"],
    "fastestdet": [],
}
FULL, MASKED = "mnist_cnn", "micro_kws_m"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def board_of(name):
    with open(os.path.join(ROOT, "codegen", "boards", name, "board.toml"), "rb") as file:
        return tomllib.load(file)


# ---- library calls


def frames(objdump, image):
    """Bytes that each function pushes, and whom it calls, by its instructions."""
    own, calls, name = {}, {}, None
    for line in run(objdump, "-d", "--no-show-raw-insn", image).stdout.splitlines():
        if m := re.match(r"^[0-9a-f]+ <([^>]+)>:$", line):
            name = m.group(1)
            own.setdefault(name, 0)
            calls.setdefault(name, set())
            continue
        text = line.split(":", 1)[1].strip() if ":" in line else ""
        if name is None or not text:
            continue
        if m := re.match(r"(?:push|stmdb\s+sp!,|vpush)\S*\s+\{(.*)\}", text):
            size = 8 if text.startswith("vpush") and "d" in m.group(1) else 4
            for part in m.group(1).split(","):
                ends = re.findall(r"\d+", part)
                own[name] += size * (int(ends[1]) - int(ends[0]) + 1 if len(ends) == 2 else 1)
        elif m := re.match(r"subw?(?:\.w)?\s+sp,\s*(?:sp,\s*)?#(\d+)", text):
            own[name] += int(m.group(1))
        elif m := re.match(r"(?:str|strd)\S*\s+.*\[sp, #-(\d+)\]!", text):
            own[name] += int(m.group(1))
        elif m := re.match(r"(?:c\.)?addi?(?:16sp)?\s+sp,\s*sp,\s*-(\d+)", text):
            own[name] += int(m.group(1))
        if m := re.search(r"\b(?:blx?|b|b\.w|bl\.w|beq|bne|jal|j|jalr|call|tail|beqz|bnez)\S*\s.*<([^>+]+)", text):
            calls[name].add(m.group(1))
    return own, calls


def depth(name, own, calls, seen=()):
    if name in seen:
        return 0
    # What saves registers for its caller leaves them on the stack.
    saved = max((own.get(callee, 0) for callee in calls.get(name, ()) if callee.startswith("__riscv_save")), default=0)
    below = [depth(callee, own, calls, seen + (name,)) for callee in calls.get(name, ())
             if callee != name and not callee.startswith("__riscv_save")]
    return own.get(name, 0) + saved + max(below, default=0)


def known_functions(image):
    names = set()
    for path in glob.glob(os.path.join(os.path.dirname(image), "**", "*.ci"), recursive=True):
        with open(path, encoding="utf-8") as file:
            names |= {m.rsplit(":", 1)[-1] for m in re.findall(r'node: \{ title: "([^"]+)" label: "[^"]* bytes', file.read())}
    return names


FOUND = {}  # by toolchain and function


def note_library(*images):
    for image in images:
        with open(image, "rb") as file:
            machine = file.read(20)[18]
        prefix = "arm-none-eabi-" if machine == 40 else "riscv64-unknown-elf-"
        own, calls = frames(prefix + "objdump", image)
        known = known_functions(image)
        symbols = run(prefix + "readelf", "-sW", image).stdout
        names = {}  # of one function: the disassembly knows it by one of them
        for at, name in re.findall(r":\s+([0-9a-f]+)\s+\d+\s+FUNC\s+\S+\s+\S+\s+\d+\s+(\S+)", symbols):
            names.setdefault(int(at, 16) & ~1, set()).add(name)
        for same in names.values():
            most = max(depth(name, own, calls) for name in same)
            for name in same - known:
                table = FOUND.setdefault(prefix, {})
                table[name] = max(table.get(name, 0), most)


def print_library():
    for prefix, table in sorted(FOUND.items()):
        print(f"[toolchain.{prefix}.library]")
        for name, size in sorted(table.items()):
            print(f'"{name}" = {size}' if "." in name else f"{name} = {size}")


# ---- images


def link(node, flags=""):
    """Builds a node as if its board's memories had no end; whether it links. `flags`: more of the compiler's."""
    path = node + "/board/memory.ld"
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"LENGTH = 0x[0-9a-f]+", "LENGTH = 0x08000000", file.read())
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    run("cmake", "-S", node, "-B", node + "/build", f"-DCMAKE_CXX_FLAGS={flags}")
    return run("cmake", "--build", node + "/build", "-j2").returncode == 0


def kernels_of(node):
    """The kernel that each struct opN is for, and how many calls there are."""
    with open(node + "/model.cpp", encoding="utf-8") as file:
        calls = re.findall(r"disco::(\w+)<(op\d+)>\(", file.read())
    calls = [call for call in calls if call[0] != "with_scratch"]  # around the call of a kernel
    return {op: kernel for kernel, op in calls}, len(calls)


def sizes(node, prefix):
    """Bytes of code by what they are: ("op3"), "infer", "model" (what ops share), "math" (of the mathematical library),
    "rest"; and bytes of variables."""
    with open(node + "/build/shard.map", encoding="utf-8") as file:
        text = file.read().split("Linker script and memory map", 1)[1]
    code, data = {}, 0
    text = re.sub(r"\n (\.[^\s]+)\n\s+0x", r"\n \1 0x", text)
    for name, size, where in re.findall(r"\n (\.\S+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)", text):
        size = int(size, 16)
        if name.startswith((".text", ".rodata", ".vectors", ".ARM", ".srodata", ".eh_frame")):
            if "weights." in where:
                continue
            key = "math" if "libm.a" in where or "libc.a(libm_" in where else "rest"
            if "model.cpp" in where:
                # With its length before it, which what stands before that may run into.
                op = re.search(r"3(op\d)(?!\d)|4(op\d\d)(?!\d)|5(op\d{3})(?!\d)", name)
                key = op.group(op.lastindex) if op else "infer" if "infer" in name else "model"
            code[key] = code.get(key, 0) + size
    # As compiler/build/Image.cpp has it.
    sections = run(prefix + "readelf", "-SW", node + "/build/shard.elf").stdout
    code["total"] = 0
    for name, kind, size, flags in re.findall(r"\] (\.\S+)\s+(\S+)\s+\S+ \S+ (\S+) \S+\s+([WAXMSILOGTCxoEyp]+)\s", sections):
        size = int(size, 16)
        if "A" not in flags or name in (".weights", ".arena", ".buffers", ".stack"):
            continue
        is_data = kind == "NOBITS" or "W" in flags
        data += size if is_data else 0
        code["total"] += size if kind != "NOBITS" else 0
    return code, data


class Bounds:
    """The largest of everything seen."""

    def __init__(self):
        # What is no op's own code, of images without a mathematical library (images), and of single boards with one (small).
        self.kernels, self.call, self.images, self.inlined, self.small, self.data = {}, 0, [], {}, [], []

    def add_kernels(self, node, prefix):
        """Of small models of many ops: what each kernel takes, and what the library's functions add."""
        code, data = sizes(node, prefix)
        self.data.append((0, False, data))
        for op, kernel in kernels_of(node)[0].items():
            if code.get(op, 0):
                self.kernels[kernel] = max(self.kernels.get(kernel, 0), code[op])
        of_ops = sum(size for key, size in code.items() if key.startswith("op"))
        rest = code["total"] - of_ops - code.get("infer", 0)
        if code.get("math"):
            self.small.append(rest)
        else:
            self.images.append((0, False, rest))

    def add_apart(self, node, prefix):
        """Of the same ones built without inlining: what a kernel takes of which infer() has the code."""
        code = sizes(node, prefix)[0]
        for op, kernel in kernels_of(node)[0].items():
            self.inlined[kernel] = max(self.inlined.get(kernel, 0), code.get(op, 0))

    def add(self, node, prefix, messages, uart, ethernet):
        code, data = sizes(node, prefix)
        kernels, calls = kernels_of(node)
        for op, kernel in kernels.items():
            if code.get(op, 0):
                self.kernels[kernel] = max(self.kernels.get(kernel, 0), code[op])
            self.inlined.setdefault(kernel, 0)  # `call` counts it
        count = calls + messages
        self.call = max(self.call, -(-code.get("infer", 0) // max(count, 1)))
        # What is neither an op's own nor infer(): runtime, start-up, library, what ops share.
        of_ops = sum(size for key, size in code.items() if key.startswith("op"))
        rest = code["total"] - of_ops - code.get("infer", 0)
        if code.get("math") and not uart and not ethernet:
            self.small.append(rest)
        if not code.get("math"):
            self.images.append((uart, ethernet, rest))
        self.data.append((uart, ethernet, data))

    def text(self, board, margin):
        def up(size):
            return -(-size * (100 + margin) // 100 // 16) * 16 if size > 0 else 0

        def largest(images, uart, ethernet, base=0):
            """The most beyond `base`; of variables, a UART."""
            found = [(size - base) / (uarts if images is self.data and uart else 1)
                     for uarts, network, size in images if bool(uarts) == uart and network == ethernet]
            return int(max(found, default=0) + 1)

        lines = [f"# Upper bounds in bytes, measured by tests/bench/bounds.py {board}; with a margin of {margin} %.",
                 "# SPDX-License-Identifier: Apache-2.0"]
        for name, images in (("code", self.images), ("data", self.data)):
            alone = largest(images, False, False)
            lines += ["", f"[{name}]", f"base = {up(alone)}"]
            for kind, found in (("uart", largest(images, True, False, alone)), ("ethernet", largest(images, False, True, alone))):
                lines.append(f"{kind} = {up(max(found, 0))}")
            if name == "code":
                lines += [f"library = {up(max(self.small, default=0) - alone)}", f"call = {up(self.call)}"]
        lines += ["", "# Code of one instance, by kernel; other, twice the largest: one that was not measured.", "[kernel]"]
        self.kernels = {**self.inlined, **self.kernels}
        for kernel, size in sorted(self.kernels.items()):
            lines.append(f"{kernel} = {up(max(size, 16))}")
        lines.append(f"other = {up(2 * max(self.kernels.values(), default=2048))}")
        return "\n".join(lines) + "\n"


def cluster_file(board, nodes, kind):
    topology = "switch" if kind == "ethernet" else "all"
    return f'[[node]]\nboard = "{board}"\ncount = {nodes}\n[network]\ntopology = "{topology}"\nkind = "{kind}"\n'


def drawn_masks(model, out, folder):
    """Random masks for the owners of the nodes that lie in `out`."""
    masks = folder + "/masks.json"
    subprocess.run([sys.executable, os.path.join(ROOT, "tests", "oracle", "masks.py"), model, "--owners", out + "/owners.json",
                    "--masks", masks], check=True, capture_output=True)
    return masks


def measure(board, options):
    prefix = board_of(board)["toolchain"]["prefix"]
    links = [link["kind"] for link in board_of(board).get("link", [])]
    bounds = Bounds()
    with tempfile.TemporaryDirectory() as folder:
        small = [op_models.write(name, folder) for name in op_models.MODELS] + [folder + "/integers.onnx"]
        onnx.save(quantised.network(True), small[-1])
        for model in small:
            name, out = os.path.basename(model), folder + "/out"
            shutil.rmtree(out, ignore_errors=True)
            done = run(options.discoc, "compile", model, "--board", board, "-o", out, "--any-size")
            if done.returncode != 0 or not link(out + "/node0"):
                sys.exit(f"error: {board}: {name} is not built: {done.stderr.strip()}")
            bounds.add_kernels(out + "/node0", prefix)
            note_library(out + "/node0/build/shard.elf")
            if link(out + "/node0", "-fno-inline"):
                bounds.add_apart(out + "/node0", prefix)
        for name, pins in MODELS.items():
            model = os.path.join(options.models, name, "model.onnx")
            if not os.path.exists(model):
                continue
            jobs = [(1, "", False), (2, "uart", False)]
            if name == MASKED:  # parts of tensors travel
                jobs += [(2, "uart", True)]
            if name == FULL:  # every kind of link, and as many ports as there are
                jobs += [(n, "uart", False) for n in range(3, 6) if links.count("uart") >= n - 1]
                jobs += [(2, "ethernet", False), (3, "ethernet", False)] if "ethernet" in links else []
            for nodes, kind, masked in jobs:
                out, file = folder + "/out", folder + "/cluster.toml"
                with open(file, "w", encoding="utf-8") as text:
                    text.write(cluster_file(board, nodes, kind) if kind else f'[[node]]\nboard = "{board}"\n')
                masks = ["--masks", drawn_masks(model, out, folder)] if masked else []
                shutil.rmtree(out, ignore_errors=True)
                done = run(options.discoc, "compile", model, "--cluster", file, "-o", out, "--any-size", *pins, *masks)
                if done.returncode != 0:
                    print(f"{board} {name} {nodes}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                    continue
                with open(out + "/manifest.json", encoding="utf-8") as text:
                    messages = json.load(text)["messages"]
                # The root has inputs and outputs; the others have no more than it.
                node = out + "/node0"
                if link(node):
                    own = sum(0 in (m["from"], m["to"]) for m in messages)
                    bounds.add(node, prefix, own, nodes - 1 if kind == "uart" else 0, kind == "ethernet")
                    note_library(node + "/build/shard.elf")
                else:
                    print(f"{board} {name} {nodes} {kind}: does not link", file=sys.stderr)
    if not bounds.images:
        sys.exit(f"error: {board}: no model was built")
    path = os.path.join(ROOT, "codegen", "boards", board, "bounds.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(bounds.text(board, options.margin))
    print(f"{path}: {len(bounds.images)} images")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    shared = os.environ.get("DISCOC_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
    parser.add_argument("--models", default=os.path.join(shared, "models"))
    parser.add_argument("--discoc", default=os.path.join(ROOT, "build", "release", "bin", "discoc"))
    parser.add_argument("--margin", type=int, default=30)
    parser.add_argument("--library", action="store_true")
    parser.add_argument("what", nargs="+")
    options = parser.parse_args()
    if options.library:
        note_library(*options.what)
    else:
        for board in options.what:
            measure(board, options)
    print_library()


if __name__ == "__main__":
    main()
