# SPDX-License-Identifier: Apache-2.0
"""ONNX's packaged cases at N = 1, 2, 3, 5, in the in-process cluster.

A case is compiled for every N, all shards go into one program, which runs with
links that hold nothing. What is expected of each case stands in expected.txt;
a case that gets worse, or better, fails the run until the table says so.

    run.py                    all cases
    run.py --tier1            those of tier-1 operators alone
    run.py --share 1/20       a fixed share of them
    run.py --filter REGEX     by name
    run.py --update           write what came out into expected.txt, and the page
    run.py --check-docs       only: is docs/conformance.md what the table says?
    run.py --write-docs       write it

Results are kept in --state FILE with a key of the compiler and the runtime, so
that a run can be taken up again.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, HERE)
import cases  # noqa: E402
import cluster  # noqa: E402
import discoc  # noqa: E402
import table  # noqa: E402


def compiler_key():
    """Changes when the compiler or the runtime does."""
    digest = hashlib.sha256()
    paths = [discoc.binary()]
    for folder, _, names in sorted(os.walk(discoc.RUNTIME)):
        paths += [os.path.join(folder, n) for n in sorted(names)]
    for path in paths + [os.path.join(HERE, name)
                         for name in ("cases.py", "local.py",
                                      "local_newer.py", "local_runtime.py")]:
        with open(path, "rb") as stream:
            digest.update(hashlib.sha256(stream.read()).digest())
    return digest.hexdigest()[:16]


def _stem(case, nodes):
    return re.sub(r"\W", "_", case.name.split("/")[1]) + f"_n{nodes}"


def _compile_all(case, folder):
    """{N: result} of what did not compile, and the directories of the rest."""
    results, outs = {}, []
    data, feeds = case.prepared()
    for nodes in cases.NODES:
        # Symbols carry the file's stem: one for every N.
        model = os.path.join(folder, _stem(case, nodes) + ".onnx")
        with open(model, "wb") as stream:
            stream.write(data)
        out = os.path.join(folder, f"n{nodes}")
        try:
            discoc.compile(model, nodes, out, timeout=120)
            outs.append((nodes, out))
        except discoc.CompileError as error:
            kind = "crash" if error.crashed else "refused"
            results[nodes] = [kind, str(error).replace(model, "MODEL")]
    return results, outs, feeds


def _compare(case, program, nodes, feeds, folder):
    want = case.tensors("output")
    try:
        got, _ = cluster.run_inproc(program, nodes, feeds, list(want),
                                    os.path.join(folder, f"run{nodes}"),
                                    timeout=60)
    except cluster.RunError as error:
        return ["error", str(error)[:200]]
    for name, value in want.items():
        why = cases.difference(got[name], value)
        if why:
            return ["wrong", f"{name}: {why}"]
    return ["passed", ""]


def run_case(case, runtime):
    """{N: [kind, detail]}"""
    why = case.unsupported()
    if why:
        return {n: ["skipped", why] for n in cases.NODES}
    with tempfile.TemporaryDirectory(prefix="discoc-case-") as folder:
        results, outs, feeds = _compile_all(case, folder)
        if outs:
            program = os.path.join(folder, "program")
            try:
                cluster.build_inproc([o for _, o in outs], program, runtime,
                                     flags=("-O0", "-w"))
            except cluster.BuildError as error:
                results.update({n: ["build", str(error).replace(folder, "")]
                                for n, _ in outs})
                outs = []
        for nodes, _ in outs:
            results[nodes] = _compare(case, program, nodes, feeds, folder)
    return results


class State:
    """Results so far, one JSON line a case, for one compiler."""

    def __init__(self, path, key):
        self.path, self.key, self.done = path, key, {}
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as stream:
                for line in stream:
                    entry = json.loads(line)
                    if entry["key"] == key:
                        self.done[entry["case"]] = {
                            int(n): r for n, r in entry["results"].items()}

    def add(self, name, results):
        self.done[name] = results
        if self.path:
            with open(self.path, "a", encoding="utf-8") as stream:
                stream.write(json.dumps({"key": self.key, "case": name,
                                         "results": results}) + "\n")


def chosen(a):
    found = [c for c in cases.all_cases() if re.search(a.filter, c.name)]
    if a.tier1:
        found = [c for c in found if c.tier_1()]
    if a.share:
        part, parts = (int(v) for v in a.share.split("/"))
        found = found[part - 1::parts]
    return found


def run_all(found, state, jobs, runtime):
    missing = [c for c in found if c.name not in state.done]
    if len(missing) < len(found):
        print(f"{len(found) - len(missing)} cases are in {state.path}")
    started = shown = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(run_case, c, runtime): c for c in missing}
        for k, future in enumerate(
                concurrent.futures.as_completed(waiting), 1):
            state.add(waiting[future].name, future.result())
            if time.monotonic() - shown > 15:
                shown = time.monotonic()
                print(f"... {k} of {len(missing)} cases, "
                      f"{shown - started:.0f} s", flush=True)


def judge(found, state, expected, tally):
    """Every (case, N) against the table."""
    for case in found:
        for nodes, (kind, detail) in sorted(state.done[case.name].items()):
            name = f"{case.name} N={nodes}"
            want = expected.get(case.name, {}).get(nodes)
            if kind == "skipped":
                tally.skip(name, detail)
            elif want is None:
                tally.fail(name, f"{kind} {detail}: not in the table")
            elif want[0] != kind:
                tally.fail(name, f"{kind} {detail}: the table says {want[0]}")
            elif kind == "passed":
                tally.ok(name)
            else:
                tally.skip(name, f"expected: {kind}")


def summary(found, state):
    packaged = [c for c in found if not c.name.startswith("local/")]
    for tier, picked in (("tier 1", [c for c in packaged if c.tier_1()]),
                         ("listed", [c for c in packaged if c.listed()]),
                         ("all", packaged),
                         ("local", [c for c in found if c not in packaged])):
        for nodes in cases.NODES:
            kinds = [state.done[c.name][nodes][0] for c in picked]
            asked = [k for k in kinds if k != "skipped"]
            if asked:
                good = asked.count("passed")
                print(f"{tier:7} N={nodes}: {good} of {len(asked)} pass "
                      f"({100 * good / len(asked):.1f} %)")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tier1", action="store_true")
    parser.add_argument("--share")
    parser.add_argument("--filter", default="")
    parser.add_argument("--state")
    parser.add_argument("--jobs", "-j", type=int, default=2)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--check-docs", action="store_true")
    parser.add_argument("--write-docs", action="store_true")
    a = parser.parse_args()
    if a.check_docs or a.write_docs:
        return table.check_page() if a.check_docs else table.write_page()
    discoc.need_compiler()
    tally = discoc.Tally()
    if not os.path.isdir(cases.DATA):
        tally.skip("all", "the package libonnx-testdata is not installed")
        return tally.close()
    found = chosen(a)
    state = State(a.state, compiler_key())
    with tempfile.TemporaryDirectory(prefix="discoc-conformance-") as folder:
        run_all(found, state, a.jobs, cluster.Runtime(folder))
    summary(found, state)
    expected = table.load()
    if a.update:
        expected.update({c.name: state.done[c.name] for c in found})
        table.save(expected)
        table.write_page()
    judge(found, state, expected, tally)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
