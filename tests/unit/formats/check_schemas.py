#!/usr/bin/python3
# Checks the schemas of docs/formats, every example there, every TOML file that comes with discoc, and JSON files given as arguments.
# SPDX-License-Identifier: Apache-2.0
"""usage: check_schemas.py [FILE.json]...

Prints one line a fault. Exit status 0: all good, 1: faults, 77: jsonschema is not installed (Debian: python3-jsonschema)."""

import copy
import glob
import json
import os
import re
import sys
import tomllib

try:
    import jsonschema
except ImportError:
    print("skipped: no jsonschema")
    sys.exit(77)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
DOCS = os.path.join(ROOT, "docs", "formats")
# Files of TOML have no member that says what they are: they are known by their place.
TOML = {
    "board": ["codegen/boards/*/board.toml", "tests/fuzz/corpus/board/*.toml"],
    "bounds": ["codegen/boards/*/bounds.toml", "tests/fuzz/corpus/bounds/mps2.toml"],
    "cluster": ["samples/clusters/*.toml", "tests/fuzz/corpus/cluster/page*.toml"],
    "pins": [],
    "shop": [],
}


def schemaOf(path):
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema, jsonschema.Draft202012Validator(schema)


def tomlTexts(kind):
    """What is shipped and documented of a kind, by name."""
    for pattern in TOML[kind]:
        for path in sorted(glob.glob(os.path.join(ROOT, pattern))):
            with open(path, encoding="utf-8") as file:
                yield os.path.relpath(path, ROOT), file.read()
    with open(os.path.join(DOCS, kind + ".md"), encoding="utf-8") as file:
        for text in re.findall(r"^```toml\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL):
            yield kind + ".md", text


def tablesOf(value):
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from tablesOf(part)


def damaged(document):
    """The document with a key that nobody knows in one of its tables: every schema has to refuse it."""
    for i in range(len(list(tablesOf(document)))):
        copied = copy.deepcopy(document)
        list(tablesOf(copied))[i]["no-such-key"] = "x"
        yield copied


def checkToml(kind):
    """How many documents were looked at, and how many faults there were."""
    _, checker = schemaOf(os.path.join(DOCS, kind + ".schema.json"))
    checked = failed = 0
    for name, text in tomlTexts(kind):
        document = tomllib.loads(text)
        checked += 1
        for fault in checker.iter_errors(document):
            failed += 1
            print(f"{name}: {fault.json_path}: {fault.message}")
        # A kernel may have any name.
        for bad in damaged({key: value for key, value in document.items() if key != "kernel"}):
            if checker.is_valid({**bad, **({"kernel": {}} if kind == "bounds" else {})}):
                failed += 1
                print(f"{name}: an unknown key is let through: {bad}")
    if checked == 0:
        failed += 1
        print(f"no document of the kind {kind}")
    return checked, failed


def main():
    checkers, failed, checked = {}, 0, 0
    for path in sorted(glob.glob(os.path.join(DOCS, "*.schema.json"))):
        schema, checker = schemaOf(path)
        if os.path.basename(path).split(".")[0] not in TOML:
            checkers[schema["properties"]["format"]["const"]] = checker

    texts = []
    for path in sorted(glob.glob(os.path.join(DOCS, "*.md"))):
        with open(path, encoding="utf-8") as file:
            found = re.findall(r"^```json\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
        texts += [(os.path.basename(path), text) for text in found]
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            texts.append((path, file.read()))

    for name, text in texts:
        document = json.loads(text)
        # A file may have others in it: the events of a report.
        for part in [document, *(value for value in document.values() if isinstance(value, dict))]:
            checker = checkers.get(part.get("format"))
            if checker is None:
                continue
            checked += 1
            for fault in checker.iter_errors(part):
                failed += 1
                print(f"{name}: {fault.json_path}: {fault.message}")
    for kind in TOML:
        more, faults = checkToml(kind)
        checked, failed = checked + more, failed + faults
    print(f"{len(checkers) + len(TOML)} schemas, {checked} documents, {failed} faults")
    return 1 if failed else 0


sys.exit(main())
