#!/usr/bin/python3
# Checks the schemas of docs/formats, every example there, and JSON files given as arguments against them.
# SPDX-License-Identifier: Apache-2.0
"""usage: check_schemas.py [FILE.json]...

Prints one line a fault. Exit status 0: all good, 1: faults, 77: jsonschema is not installed (Debian: python3-jsonschema)."""

import glob
import json
import os
import re
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: no jsonschema")
    sys.exit(77)

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "docs", "formats")


def main():
    checkers, failed, checked = {}, 0, 0
    for path in sorted(glob.glob(os.path.join(DOCS, "*.schema.json"))):
        with open(path, encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        checkers[schema["properties"]["format"]["const"]] = jsonschema.Draft202012Validator(schema)

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
    print(f"{len(checkers)} schemas, {checked} documents, {failed} faults")
    return 1 if failed else 0


sys.exit(main())
