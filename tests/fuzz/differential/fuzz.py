# SPDX-License-Identifier: Apache-2.0
"""Random graphs over random clusters against ONNX Runtime.

Each seed is a graph of supported ops (any opset from 7 to 21), N from 1 to 7,
perhaps stated owner maps and masks, features only, exact order. Compared are
the outputs, the payload with report.json, and in exact order the bits with
those of another N. A failure is reduced to a few ops, and both lie in --keep,
the reduced one also as a piece of Python for finds.py.

    fuzz.py --seed 1 --count 200       seeds 1 to 200
    fuzz.py --minutes 60               until the time is up
    fuzz.py --replay FOLDER            a kept case again
    fuzz.py --reduce FOLDER            makes it smaller
    fuzz.py --finds                    what was found before, every case
    --state FILE                       takes up where it stopped
"""

import argparse
import collections
import json
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import builder  # noqa: E402,F401
import case as cases  # noqa: E402
import cluster  # noqa: E402
import discoc  # noqa: E402
import finds  # noqa: E402
import judge  # noqa: E402
import ort  # noqa: E402
import reduce  # noqa: E402

BATCH = 12
SANITIZE = ("-O1", "-w", "-fsanitize=address,undefined",
            "-fno-sanitize-recover=all")


def likeness(case, verdict):
    """The same for failures that are perhaps one fault."""
    if verdict.kind != "wrong":
        return verdict.signature
    name = verdict.detail.split(":")[0]
    made = [op.op_type for op in case.model.graph.node if name in op.output]
    return " ".join([verdict.signature, *made])


class Fuzzer:
    def __init__(self, a, folder, tally):
        self.a, self.folder, self.tally = a, folder, tally
        self.flags = SANITIZE if a.sanitize else ("-O0", "-w")
        self.runtime = cluster.Runtime(os.path.join(folder, "runtime"),
                                       self.flags if a.sanitize else ("-O1",))
        self.seen = collections.Counter()   # failures by likeness
        self.skipped = collections.Counter()    # kinds of what is no failure

    def judge(self, batch):
        return judge.judge(batch, self.folder, self.runtime, self.flags)

    def record(self, case, verdict):
        if verdict.kind == "passed":
            return self.tally.ok(case.name)
        if verdict.fine:
            self.skipped[verdict.signature if verdict.kind == "unsupported"
                         else verdict.kind] += 1
            return self.tally.skip(case.name, f"{verdict.kind}: "
                                   f"{verdict.signature[:90]}")
        self.tally.fail(f"{case.name} N={case.nodes}", str(verdict)[:400])
        alike = likeness(case, verdict)
        self.seen[alike] += 1
        if not self.a.keep:
            return None
        target = os.path.join(self.a.keep, case.name)
        case.save(target)
        if self.seen[alike] <= self.a.reduce_each:
            self.reduce(case, verdict, target)
        return None

    def reduce(self, case, verdict, target):
        def fails(smaller):
            now = self.judge([smaller])[0]
            return not now.fine and now.signature == verdict.signature
        small = reduce.reduce(case, fails, self.a.reduce_seconds)
        small.save(os.path.join(target, "reduced"))
        text = finds.as_python(small, str(verdict))
        with open(os.path.join(target, "reduced", "find.py"), "w",
                  encoding="utf-8") as stream:
            stream.write(text)
        print(text, flush=True)

    def seeds(self, first, count, until):
        """Seeds one after the other, in batches; the next seed."""
        last = first + count if count else None
        while (last is None or first < last) and time.monotonic() < until:
            some = range(first, min(first + BATCH, last or first + BATCH))
            batch = [cases.random_case(s, self.folder) for s in some]
            for case, verdict in zip(batch, self.judge(batch)):
                self.record(case, verdict)
            first = some.stop
            if self.a.state:
                with open(self.a.state, "w", encoding="utf-8") as stream:
                    json.dump({"next": first}, stream)
            print(f"...  seed {first}: {self.tally.passed} passed, "
                  f"{self.tally.failed} failed, {self.tally.skipped} skipped",
                  flush=True)
        return first


def run(a, folder, tally):
    fuzzer = Fuzzer(a, folder, tally)
    if a.finds:
        found = finds.cases()
        for k in range(0, len(found), BATCH):
            batch = found[k:k + BATCH]
            for case, verdict in zip(batch, fuzzer.judge(batch)):
                tally.check(case.name, verdict.kind == case.kind, str(verdict))
    elif a.replay or a.reduce:
        case = cases.Case.load(a.replay or a.reduce)
        verdict = fuzzer.judge([case])[0]
        tally.check(case.name, verdict.fine, str(verdict))
        if a.reduce and not verdict.fine:
            fuzzer.reduce(case, verdict, a.reduce)
    if a.count or a.minutes:
        first = a.seed
        if a.state and os.path.exists(a.state):
            with open(a.state, encoding="utf-8") as stream:
                first = json.load(stream)["next"]
        until = time.monotonic() + 60 * a.minutes if a.minutes else 1e18
        fuzzer.seeds(first, a.count, until)
    for signature, count in (*fuzzer.skipped.most_common(),
                             *fuzzer.seen.most_common()):
        print(f"{count} x {signature}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--keep", help="where failures are kept")
    parser.add_argument("--reduce-each", type=int, default=1,
                        help="failures that look alike to reduce (1)")
    parser.add_argument("--reduce-seconds", type=float, default=120)
    parser.add_argument("--sanitize", action="store_true",
                        help="the programs under the sanitizers")
    parser.add_argument("--replay")
    parser.add_argument("--reduce")
    parser.add_argument("--finds", action="store_true")
    parser.add_argument("--state")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally(quiet=True)
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-fuzz-") as folder:
        run(a, folder, tally)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
