#!/usr/bin/python3
# Draws mutants: small changes of passes, code generation, kernels and runtime, by a seed.
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/mutants/draw.py [--seed N] [--count N] [--skip N]

Prints COUNT drawn mutants of each of the four groups of files in the format of drawn.toml, after leaving out the first
SKIP of a group's sequence. The same tree and seed give the same sequence, so a longer one begins with a shorter one:
what is drawn again for an equivalent mutant is the next of the sequence. Nothing is compiled and no test is looked at.

A draw chooses a file (by its number of places, each file once before any comes again), then an operator among those that
fit somewhere in the file, then a place."""

import argparse
import glob
import os
import random
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GROUPS = {
    "passes": ["passes/*.cpp", "passes/*.h"],
    "codegen": ["codegen/*.cpp", "codegen/*.h"],
    "kernels": ["runtime_stub/kernels/*.h"],
    "runtime": ["runtime_stub/*.cpp", "runtime_stub/*.h", "runtime_stub/host/*", "runtime_stub/transport/*",
                "runtime_stub/board/*.cpp"],
}  # fmt: skip


def between(pattern, *replacements):
    """An operator on text: every match of the pattern's first group is a place, any replacement may be drawn."""
    compiled = re.compile(pattern)

    def places(line):
        for match in compiled.finditer(line):
            for text in replacements:
                yield line[: match.start(1)] + text + line[match.end(1) :]

    return places


def constants(line):
    for match in re.finditer(r"(?<![\w.\[])(\d+)(?![\w.'])", line):
        for value in (int(match.group(1)) + 1, int(match.group(1)) - 1):
            if value >= 0:
                yield line[: match.start()] + str(value) + line[match.end() :]


def conditions(line):
    match = re.match(r"^(\s*(?:\} else )?if \()(?!auto |int |const )([^;]*)\)( \{)?( \w.*;)?$", line)
    if match and match.group(2).count("(") == match.group(2).count(")"):
        yield f"{match.group(1)}!({match.group(2)})){match.group(3) or ''}{match.group(4) or ''}"


def statements(line):
    """A whole statement that is no declaration and no jump is left out."""
    if re.match(r"^\s+[A-Za-z_][\w.>\[\]()-]*(?: [-+*/|&^]?= .*|\(.*\)|\+\+|--);$", line) and not re.match(
        r"^\s+(return|break|continue|using|delete|goto|assert)\b", line
    ):
        yield re.match(r"^\s*", line).group() + ";"


def arguments(line):
    """Two plain arguments beside each other change places."""
    for match in re.finditer(r"(?<=[(,])( ?)([\w.>-]+|\w+\[\w+\]), ([\w.>-]+|\w+\[\w+\])(?=[,)])", line):
        # Not a list of parameters: there a word stands before each name.
        if match.group(2) != match.group(3):
            yield line[: match.start()] + f"{match.group(1)}{match.group(3)}, {match.group(2)}" + line[match.end() :]


OPERATORS = {
    "relation": lambda line: [
        *between(r"(?<=[\w)\]])( < )(?=[\w(*-])", " <= ", " > ")(line), *between(r"( <= )", " < ")(line),
        *between(r"(?<=[\w)\]])( > )(?=[\w(*-])", " >= ", " < ")(line), *between(r"( >= )", " > ")(line),
    ],
    "equality": lambda line: [*between(r"( == )", " != ")(line), *between(r"( != )", " == ")(line)],
    "arithmetic": lambda line: [
        *between(r"(?<=[\w)\]])( \+ )", " - ")(line), *between(r"(?<=[\w)\]])( - )", " + ")(line),
        *between(r"(?<=[\w)\]])( \* )(?=[\w(])", " + ")(line), *between(r"(?<=[\w)\]])( / )", " * ")(line),
        *between(r"(?<=[\w)\]])( % )", " / ")(line),
    ],
    "logic": lambda line: [*between(r"( && )", " || ")(line), *between(r"( \|\| )", " && ")(line)],
    "constant": constants,
    "condition": conditions,
    "negation": between(r"(?<=[(& |])(!)(?=[\w(])", ""),
    "truth": lambda line: [*between(r"\b(true)\b", "false")(line), *between(r"\b(false)\b", "true")(line)],
    "extreme": lambda line: [*between(r"\b(min)(?=[(<])", "max")(line), *between(r"\b(max)(?=[(<])", "min")(line)],
    "step": lambda line: [*between(r"( \+= )", " -= ", " = ")(line), *between(r"( -= )", " += ")(line),
                          *between(r"(\+\+)", "--")(line)],
    "jump": lambda line: [*between(r"\b(continue);", "break")(line), *between(r"\b(break);", "continue")(line)],
    "statement": statements,
    "arguments": arguments,
}  # fmt: skip


def isCode(line):
    """Text for people and for other programs is left alone, and so is what only declares."""
    text = line.strip()
    return bool(text) and not text.startswith(("//", "#", "/*", "*", "template", "namespace", "static_assert"))


def bare(line):
    """The line up to its comment; None where quotes make it hard to tell what is code."""
    if '"' in line or "'" in line:
        return None
    return line.split("//")[0].rstrip()


def context(lines, at):
    """The fewest lines around one that stand nowhere else in the file: (first, past the last)."""
    text = "\n".join(lines)
    for more in range(0, 8):
        for first in range(at, at - more - 1, -1):
            last = first + more + 1
            if first < 0 or last > len(lines):
                continue
            if text.count("\n".join(lines[first:last])) == 1:
                return first, last
    return None


def placesOf(path):
    """{operator: [(line, its replacement)]} of one file."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as stream:
        lines = stream.read().split("\n")
    places = {}
    for at, line in enumerate(lines):
        code = bare(line) if isCode(line) else None
        if not code:
            continue
        comment = line[len(code) :]
        for name, operator in OPERATORS.items():
            found = [(at, new + comment) for new in operator(code) if new != code]
            places.setdefault(name, []).extend(found)
    return lines, {name: found for name, found in places.items() if found}


def sequence(group, seed):
    """The mutants of a group, without end."""
    draw = random.Random(f"{group} {seed}")
    files = sorted(os.path.relpath(path, ROOT) for pattern in GROUPS[group]
                   for path in glob.glob(os.path.join(ROOT, pattern)) if path.endswith((".cpp", ".h")))  # fmt: skip
    contents = {path: placesOf(path) for path in files}
    files = [path for path in files if contents[path][1]]
    left = []
    while True:
        left = left or list(files)
        weights = [sum(map(len, contents[path][1].values())) for path in left]
        path = draw.choices(left, weights)[0]
        left.remove(path)
        lines, places = contents[path]
        operator = draw.choice(sorted(places))
        at, new = draw.choice(places[operator])
        around = context(lines, at)
        if not around:
            continue
        first, last = around
        yield {
            "file": path, "operator": operator, "old": "\n".join(lines[first:last]),
            "new": "\n".join([*lines[first:at], new, *lines[at + 1 : last]]),
        }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--count", type=int, default=12, help="of each group")
    parser.add_argument("--skip", type=int, default=0, help="of each group's sequence")
    a = parser.parse_args()
    for group in GROUPS:
        drawn = sequence(group, a.seed)
        for number in range(1, a.skip + a.count + 1):
            mutant = next(drawn)
            if number <= a.skip:
                continue
            print(f'[[mutant]]\nname = "{group}-{number}"\nfile = "{mutant["file"]}"\noperator = "{mutant["operator"]}"')
            print(f"old = '''\n{mutant['old']}'''\nnew = '''\n{mutant['new']}'''\nsuite = \"\"\n")


if __name__ == "__main__":
    sys.exit(main())
