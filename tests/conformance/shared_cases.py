# SPDX-License-Identifier: Apache-2.0
"""Small models made after other tools' bug reports, with inputs and expected
outputs: DISCOC_SHARED/cases.

Each is compiled for the node counts that cases.json names, with its arguments,
run in the in-process cluster, and compared, where nothing is expected with
what the first node count gives. What is refused today stands in
REFUSED with the reason: a case there that compiles fails the suite until it is
taken out.

    shared_cases.py           all
    shared_cases.py NAME...   some
"""

import json
import os
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, HERE)
import cases  # noqa: E402
import cluster  # noqa: E402
import discoc  # noqa: E402

# Case: (a part of the message, why).
_MICROSOFT = ("not one of those of the domain 'com.microsoft'",
              "ops of ONNX Runtime's own")
_OP = ("the op is not supported", "an op that we do not have")
REFUSED = {
}

# Case: why it is not even tried.
LEFT_OUT = {}


def folder_of_cases():
    path = os.environ.get("DISCOC_SHARED") or \
        os.path.join(os.path.dirname(discoc.ROOT), "shared")
    path = os.path.join(path, "cases")
    return path if os.path.exists(os.path.join(path, "cases.json")) else None


def arrays(path):
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def compile_case(case, source, nodes, folder, tally):
    """The emitted directory; None when that settles the case."""
    name = case["case"]
    label, out = f"{name} N={nodes}", os.path.join(folder, f"n{nodes}")
    # Symbols carry the file's stem: one for every N.
    model = os.path.join(folder, f"case_n{nodes}.onnx")
    os.symlink(os.path.join(source, name, "model.onnx"), model)
    try:
        discoc.compile(model, nodes, out, extra=case["arguments"], timeout=60)
    except discoc.CompileError as error:
        part, why = REFUSED.get(name, (None, ""))
        if part and part in error.text and not error.crashed:
            tally.skip(label, f"refused: {why}")
        else:
            tally.fail(label, str(error).replace(model, "MODEL"))
        return None
    if name in REFUSED:
        tally.fail(label, "compiles, but stands in the table REFUSED: "
                   "take it out")
        return None
    return out


def outputs_of(out):
    with open(os.path.join(out, "manifest.json"), encoding="utf-8") as stream:
        return [output["name"] for output in json.load(stream)["outputs"]]


def run_case(case, source, runtime, folder, tally):
    want = os.path.join(source, case["case"], "expected.npz")
    outs = [(n, compile_case(case, source, n, folder, tally))
            for n in case["nodes"]]
    outs = [(n, out) for n, out in outs if out]
    if not outs:
        return
    label = case["case"]
    feeds = arrays(os.path.join(source, label, "inputs.npz"))
    program = os.path.join(folder, "program")
    try:
        cluster.build_inproc([out for _, out in outs], program, runtime,
                             flags=("-O1", "-w"))
        expected = arrays(want) if os.path.exists(want) else None
        for nodes, out in outs:
            names = list(expected) if expected else outputs_of(out)
            got, _ = cluster.run_inproc(program, nodes, feeds, names,
                                        os.path.join(folder, f"run{nodes}"))
            if expected is None:  # nobody computes it: that of the first N
                expected = got
            wrong = [f"{k}: {why}" for k, v in expected.items()
                     for why in [cases.difference(got[k], v, 1e-4, 1e-6)]
                     if why]
            tally.check(f"{label} N={nodes}", not wrong, "; ".join(wrong))
    except (cluster.BuildError, cluster.RunError) as error:
        tally.fail(label, str(error))


def main():
    discoc.need_compiler()
    tally = discoc.Tally(quiet=True)
    source = folder_of_cases()
    if not source:
        tally.skip("all", "DISCOC_SHARED has no cases")
        return tally.close()
    with open(os.path.join(source, "cases.json"), encoding="utf-8") as stream:
        found = json.load(stream)
    found = [c for c in found if len(sys.argv) < 2 or c["case"] in sys.argv]
    with tempfile.TemporaryDirectory(prefix="discoc-cases-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"))
        for case in found:
            if case["case"] in LEFT_OUT:
                tally.skip(case["case"], LEFT_OUT[case["case"]])
                continue
            own = os.path.join(folder, case["case"])
            os.mkdir(own)
            run_case(case, source, runtime, own, tally)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
