# SPDX-License-Identifier: Apache-2.0
"""Pages whose commands are run, and must say what the pages show.

Of a page, every block ```console is run line by line in one folder, in which `discoc` is a command, `samples` the
shipped networks and `scripts` those of the tree. A line that begins with "$ " is a command (lines that end in \\ go on below); what follows is what it
prints, standard error behind standard output. "..." alone stands for lines that were left out; times are not compared. A
block below a line "`PATH`:" is a file. A command that leads to more than one line of a shell is one command.

    pages.py [--only REGEX] [--write]    --write puts what is printed now in place of blocks without "..."
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402

# page, the shared model that it is about, the programs (of Python: Debian's packages) that it needs
PAGES = [
    ("docs/first-model.md", ["yunet_s_dynamic", "silero_half"], []),
    ("docs/two-boards.md", [], ["arm-none-eabi-g++"]),
    ("docs/masks.md", [], ["python3-torchvision"]),
    ("docs/embedding.md", [], ["aarch64-linux-gnu-g++", "arm-linux-gnueabihf-g++", "qemu-aarch64", "qemu-arm"]),
]
BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)
LIMIT_S = 900
NUMBER = r"\d+(?:\.\d+)?"
# What differs from run to run: times, and paths of the folder.
CHANGES = [(re.compile(rf"{NUMBER}( (?:ms|s|us)\b)"), r"T\1"), (re.compile(rf"\b{NUMBER} to T"), "T to T")]


def settled(line):
    for pattern, to in CHANGES:
        line = pattern.sub(to, line)
    return line.rstrip()


def steps(block):
    """(command, lines that it shall print) of a console block."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1][0] += "\n" + line
        elif found:
            found[-1][1].append(line)
    return found


def matches(want, got):
    """Whether `got` is `want`, whose lines "..." stand for any number of lines."""
    if not want:
        return not got
    if want[0] == "...":
        return any(matches(want[1:], got[at:]) for at in range(len(got) + 1))
    return bool(got) and settled(want[0]) == settled(got[0]) and matches(want[1:], got[1:])


class Page:
    def __init__(self, page, models, tally, write):
        self.page, self.models, self.tally, self.write = page, models, tally, write
        self.path = os.path.join(discoc.ROOT, page)

    def prepare(self, folder):
        os.makedirs(os.path.join(folder, ".bin"))
        os.symlink(discoc.binary(), os.path.join(folder, ".bin", "discoc"))
        for part in ("samples", "scripts"):
            os.symlink(os.path.join(discoc.ROOT, part), os.path.join(folder, part))
        for model in self.models:
            shutil.copy(os.path.join(discoc.shared(), "models", model, "model.onnx"), os.path.join(folder, model + ".onnx"))
        self.environment = dict(os.environ, PATH=os.path.join(folder, ".bin") + ":" + os.environ["PATH"], LC_ALL="C.UTF-8",
                                DISCOC_RUNTIME=os.path.join(discoc.ROOT, "runtime_stub"),
                                DISCOC_BOARDS=os.path.join(discoc.ROOT, "codegen", "boards"))

    def run(self):
        with open(self.path, encoding="utf-8") as stream:
            text = stream.read()
        with tempfile.TemporaryDirectory() as folder:
            self.prepare(folder)
            text = BLOCK.sub(lambda block: self.block(folder, block), text)
        if self.write:
            with open(self.path, "w", encoding="utf-8") as stream:
                stream.write(text)

    def block(self, folder, block):
        file, kind, inside = block.groups()
        if file:
            path = os.path.join(folder, file)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(inside)
        if kind != "console":
            return block.group(0)
        written = "```console\n"
        for command, want in steps(inside):
            done = subprocess.run(["bash", "-c", command], cwd=folder, env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, errors="replace", timeout=LIMIT_S)
            got = done.stdout.replace(folder, ".").splitlines()
            self.tally.check(f"{self.page}: {command}", matches(want, got) and done.returncode == 0,
                             f"exit code {done.returncode}; it printed\n" + "\n".join(got))
            shown = want if "..." in want else got
            written += "\n".join(["$ " + command, *shown]) + "\n"
        return written + "```"


def isInstalled(program):
    if program.startswith("python3-"):
        return importlib.util.find_spec(program.removeprefix("python3-")) is not None
    return shutil.which(program)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    tally = discoc.Tally()
    for page, models, programs in PAGES:
        if not re.search(args.only, page):
            continue
        missing = [program for program in programs if not isInstalled(program)]
        if models and not discoc.shared():
            tally.skip(page, "the shared models are not here")
        elif missing:
            tally.skip(page, f"{', '.join(missing)} not installed (scripts/setup boards train)")
        else:
            Page(page, models, tally, args.write).run()
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
