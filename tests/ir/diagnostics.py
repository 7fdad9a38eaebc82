#!/usr/bin/python3
# Every diagnostic of the dialect and of the passes has a case among the lit tests.
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/ir/diagnostics.py

Looks for the fixed parts of every message that is emitted in compiler/dialect and passes in the texts below tests/ir. A
message without a case is named with its place. Prints `N passed, N failed, N skipped`."""

import os
import re
import sys

TESTS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(TESTS))
SOURCES = ["compiler/dialect", "compiler/dialect/ops", "passes"]
EMIT = re.compile(r"\b(?:emitError|emitOpError|emitOptionalError)\s*\(")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')

# Faults of ours that no input reaches: a pass would have to be wrong first.
UNREACHABLE = {
    "could not be divided": "localize fails only for an op that the division rule should have refused",
    "simplification did not come to an end": "a pattern that undoes another",
    "columns of weights, but names the origins of": "the splitter writes both",
}


def statements(text):
    """Each emitting statement: its line and its source text up to the semicolon."""
    for match in EMIT.finditer(text):
        end = match.end()
        in_string = False
        while end < len(text) and (in_string or text[end] != ";"):
            if text[end] == '"' and text[end - 1] != "\\":
                in_string = not in_string
            end += 1
        yield text.count("\n", 0, match.start()) + 1, text[match.end() : end]


def fragments(statement):
    """The fixed parts of a message, neighbouring literals joined, those of a few characters left out."""
    joined = re.sub(r'"\s*\n?\s*"', "", statement)
    return [part for part in (s.replace('\\"', '"') for s in STRING.findall(joined)) if len(part.strip()) > 4]


def main():
    texts = []
    for base, _, names in os.walk(TESTS):
        for name in sorted(names):
            if name.endswith(".mlir"):
                with open(os.path.join(base, name), encoding="utf-8") as file:
                    # What FileCheck or the verifier of diagnostics is told to expect, not the programs.
                    texts += [line for line in file if "error" in line or "note" in line]
    expected = "\n".join(texts)
    passed = failed = skipped = 0
    for folder in SOURCES:
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if not name.endswith((".cpp", ".h")):
                continue
            with open(os.path.join(ROOT, folder, name), encoding="utf-8") as file:
                text = file.read()
            for line, statement in statements(text):
                parts = fragments(statement)
                if not parts:
                    continue
                if any(key in part for part in parts for key in UNREACHABLE):
                    skipped += 1
                elif all(part.strip() in expected for part in parts):
                    passed += 1
                else:
                    failed += 1
                    print(f"{folder}/{name}:{line}: no case expects {[p for p in parts if p.strip() not in expected]}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
