# SPDX-License-Identifier: Apache-2.0
"""What comes of cases: several are compiled into one program."""

import os
import re
import shutil

import numpy as np
import onnx

import builder  # noqa: F401  (finds the oracle's folder)
import cluster
import compare
import discoc
import graph
import ort

# Of these a case may have its reasons; every other verdict is a failure.
FINE = ("passed", "unsettled", "unsupported", "declined", "invalid")
_UNSUPPORTED = re.compile(r"the op is not supported|is not supported")


class Verdict:
    def __init__(self, kind, detail=""):
        self.kind, self.detail = kind, detail

    @property
    def fine(self):
        return self.kind in FINE

    @property
    def signature(self):
        """The same for failures that look alike."""
        if self.kind == "wrong":
            return self.kind
        text = re.sub(r"'[^']*'|\"[^\"]*\"|\S*/\S*|\d+", "_", self.detail)
        return f"{self.kind} {text[:120]}"

    def __str__(self):
        return f"{self.kind} {self.detail}".strip()


def _noisy(model, values, rng):
    """The model with rounding errors put on every float."""
    noisy = onnx.ModelProto()
    noisy.CopyFrom(model)
    del noisy.graph.node[:]
    outputs = {o.name for o in model.graph.output}
    for op in model.graph.node:
        noisy.graph.node.append(op)
        for k, name in enumerate(op.output):
            value = values.get(name)
            if value is None or value.dtype != np.float32 or name in outputs:
                continue
            noisy.graph.node[-1].output[k] = name + "/exact"
        for name in op.output:
            value = values.get(name)
            if value is None or value.dtype != np.float32 or name in outputs:
                continue
            noise = 1 + 1e-6 * rng.standard_normal(value.shape)
            noisy.graph.initializer.append(onnx.numpy_helper.from_array(
                noise.astype(np.float32), name + "/noise"))
            noisy.graph.node.append(onnx.helper.make_node(
                "Mul", [name + "/exact", name + "/noise"], [name]))
    return noisy


def settled(case):
    """Whether rounding errors in ONNX Runtime leave its answer in place."""
    values = graph.trace(case.model, case.feeds)
    want = compare.oracle(case.model, case.feeds)
    rng = np.random.default_rng(0)
    for _ in range(3):
        noisy = _noisy(case.model, values, rng)
        if compare.fault(compare.oracle(noisy, case.feeds), want):
            return False
    plain = {n: values[n] for n in want}
    return compare.fault(plain, want) is None


def _is_quantised(case):
    return any(op.op_type in ("QuantizeLinear", "DynamicQuantizeLinear")
               for op in case.model.graph.node)


def _near(got, want):
    """Why outputs of a quantised graph are not near the oracle's: rounding
    may decide steps of 1/255 of the range, and sums of them."""
    for name, value in want.items():
        have = got[name]
        if have.shape != value.shape or have.dtype != value.dtype:
            return f"{name}: {have.dtype}{have.shape}"
        far = np.abs(have.astype(np.float64) - value)
        spread = float(np.ptp(value.astype(np.float64))) or 1.0
        if value.dtype.kind == "f" and (
                far.max() > 0.04 * spread or far.mean() > 0.005 * spread):
            return (f"{name}: quantised, error {far.max() / spread:.3g}, "
                    f"mean {far.mean() / spread:.3g}")
    return None


def _compile(case, folder):
    """The emitted directory, or a verdict."""
    path = os.path.join(folder, f"{case.name}.onnx")
    with open(path, "wb") as stream:
        stream.write((case.plain or case.model).SerializeToString())
    out = os.path.join(folder, f"{case.name}.out")
    shutil.rmtree(out, ignore_errors=True)
    try:
        discoc.compile(path, case.nodes, out, timeout=120,
                       extra=case.options(folder) + case.extra)
    except discoc.CompileError as error:
        text = str(error).replace(path, "MODEL")
        if error.crashed or error.code not in (1, 2):
            return None, Verdict("crash", f"{text} {error.text[-300:]}")
        kind = "unsupported" if _UNSUPPORTED.search(text) else "refused"
        if case.owners and re.search("state another (axis|map)", text):
            kind = "declined"
        return None, Verdict(kind, text)
    return out, None


def _other(case):
    """The case on another number of nodes, without what is stated for its
    own."""
    result = case.copy()
    result.name = case.name + "other"
    result.nodes = case.nodes % 4 + 1
    result.model = onnx.ModelProto()
    result.model.CopyFrom(case.model)
    result.model.graph.name = result.name
    result.plain = result.masks = result.owners = result.root = None
    return result


def _run_program(case, names, program, number, folder):
    got, report = cluster.run_inproc(
        program, number, case.feeds, list(names),
        os.path.join(folder, f"{case.name}.run"), repeat=2, timeout=60)
    return got, cluster.payload_of(report)


def _run(case, want, program, numbers, outs, folder):
    """`numbers`, `outs`: of the case, and, in exact order, of it on another
    number of nodes."""
    try:
        got, payload = _run_program(case, want, program, numbers[0], folder)
        if len(numbers) > 1:
            bits, _ = _run_program(_other(case), want, program, numbers[1],
                                   folder)
            for name, value in bits.items():
                if value.tobytes() != got[name].tobytes():
                    return Verdict("bits", f"{name} differs from N = "
                                   f"{_other(case).nodes}")
    except cluster.RunError as error:
        return Verdict("error", str(error)[:300])
    why = compare.fault(got, want)
    if why and _is_quantised(case):
        why = _near(got, want)
    if why:
        return Verdict("wrong", why) if settled(case) else \
            Verdict("unsettled", why)
    exchanged, root = cluster.report_traffic(
        cluster.load_json(os.path.join(outs[0], "report.json")))
    stated = {k: exchanged.get(k, 0) + root.get(k, 0)
              for k in set(exchanged) | set(root)}
    if payload != stated:
        return Verdict("traffic", f"payload {payload}, report {stated}")
    return Verdict("passed")


def _compiled(case, folder):
    """([emitted directories], verdict): of the case, and in exact order of it
    on another number of nodes."""
    outs = []
    for one in (case, _other(case))[:1 + ("--exact-order" in case.extra)]:
        out, verdict = _compile(one, folder)
        if verdict:
            return [], verdict
        outs.append(out)
    return outs, None


def judge(cases, folder, runtime, flags=("-O0", "-w")):
    """[Verdict] of the cases, which are built into one program; where that
    does not build, each into its own."""
    verdicts, outs, wants = [None] * len(cases), {}, {}
    for k, case in enumerate(cases):
        try:
            wants[k] = compare.oracle(case.model, case.feeds)
        except ort.OrtError as error:
            verdicts[k] = Verdict("invalid", str(error)[:200])
            continue
        found, verdicts[k] = _compiled(case, folder)
        if found:
            outs[k] = found
    program = os.path.join(folder, "program")
    everything = [out for some in outs.values() for out in some]
    try:
        if outs:
            cluster.build_inproc(everything, program, runtime, flags=flags,
                                 numbered=True)
    except cluster.BuildError as error:
        if len(outs) == 1:
            verdicts[next(iter(outs))] = Verdict("build", str(error)[:300])
        else:
            for k in outs:
                verdicts[k] = judge([cases[k]], folder, runtime, flags)[0]
        outs = {}
    for k, some in outs.items():
        verdicts[k] = _run(cases[k], wants[k], program,
                           [everything.index(out) for out in some], some,
                           folder)
    for out in everything:
        shutil.rmtree(out, ignore_errors=True)
    return verdicts
