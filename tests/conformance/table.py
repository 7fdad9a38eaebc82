# SPDX-License-Identifier: Apache-2.0
"""expected.txt, the table of what each case does, and the page made of it; and
whether each op of ONNX that is refused has its line.

A line is `case kinds reason`: kinds are one word for all N, or `1=passed
2=refused ...`; the reason is that of the first N that does not pass.
"""

import collections
import os
import re
import subprocess
import tempfile

import onnx
from onnx import TensorProto, helper

import cases
import discoc

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "expected.txt")
PAGE = os.path.join(discoc.ROOT, "docs", "conformance.md")
_HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# What every packaged ONNX case does at N = 1, 2, 3, 5; tests/conformance/run.py
# --update writes it.
"""


# Outputs of packaged cases that we do not give, and why.
NOT_FOLLOWED = (
    "`Resize` with `align_corners` and a scale whose product with the extent "
    "is not whole (`test_resize_downsample_scales_linear_align_corners`, "
    "`..._cubic_align_corners`): the packaged outputs stretch the corners to "
    "scale x extent, so that the last element misses its corner. PyTorch, "
    "which exports such models, and ONNX Runtime take the extent that the "
    "result has; so do we, with `tf_crop_and_resize` too.",
    "`MaxUnpool` with an `output_shape` other than the window's "
    "(`test_maxunpool_export_with_output_shape`): the packaged output counts "
    "indices in the planes that the window gives. PyTorch and ONNX Runtime "
    "count them in those of `output_shape`, and MaxPool of odd sizes makes "
    "them so; so do we.",
)


# Ops of ONNX that are refused, and why.
REFUSED_OPS = (
    ("`If`, `Loop`, `Scan` whose condition or count is computed from values",
     "a program does not branch, and its shapes are fixed: the branch that is "
     "taken is compiled, loops are unrolled (up to 20,000 ops in all). "
     "`--set` fixes an input of a few numbers that a condition is computed of. `Scan` of "
     "opset 8 carries a batch that no exporter used"),
    ("`NonZero`, `Unique`, `Compress` by values, `Range` by values, `Reshape` "
     "and its like by values", "the shape of the result is not known when "
     "compiling"),
    ("`Bernoulli`, `Multinomial`, `RandomNormal`, `RandomNormalLike`, "
     "`RandomUniform`, `RandomUniformLike`, `Dropout` in training mode",
     "results are drawn: no two runs agree, nor two nodes"),
    ("`Adagrad`, `Adam`, `Momentum`, `Gradient`", "training"),
    ("strings, `TfIdfVectorizer`, `StringNormalizer`, `StringConcat`, "
     "`StringSplit`, `RegexFullMatch`, `LabelEncoder` and the domain "
     "`ai.onnx.ml`", "text and tables: no tensor of numbers"),
    ("`SequenceMap`, `Optional`, `OptionalGetElement`, "
     "`OptionalHasElement`, sequences as inputs and outputs of the model",
     "sequences of known length are lists when compiling, and nothing when "
     "the program runs"),
    ("`DFT`, `STFT` and windows of a length that is computed, transforms of "
     "more than some 2,000 samples", "a transform is a product with a "
     "constant matrix; no fast one is written"),
    ("`Col2Im`, `DeformConv`, `AffineGrid`, `ImageDecoder`, `Det`, "
     "`TensorScatter`, `MaxRoiPool`", "not written yet: in none of the models "
     "that were tried, but for DeformConv in a few"),
    ("of the domain `com.microsoft` all but `Attention`, `BiasGelu`, "
     "`DequantizeLinear`, `DynamicQuantizeLSTM`, `DynamicQuantizeMatMul`, "
     "`EmbedLayerNormalization`, `FastGelu`, `FusedConv`, `FusedGemm`, "
     "`FusedMatMul`, `Gelu`, `MatMulNBits`, `MultiHeadAttention`, `QAttention`, "
     "`QGemm`, `QLinearAdd`, `QLinearConcat`, `QLinearGlobalAveragePool`, "
     "`QLinearLeakyRelu`, `QLinearMul`, `QLinearSigmoid`, `QuantizeLinear`, "
     "`QuickGelu`, `SkipLayerNormalization`, "
     "`SkipSimplifiedLayerNormalization`",
     "ONNX Runtime's own ops, which its optimiser writes: let it optimise on "
     "its basic level only, or export the model without it"),
    ("`DynamicQuantizeLSTM` of more than 64 steps, or with sequences of other "
     "lengths", "the hidden state is quantised at every step: no whole "
     "recurrence has a kernel for it. Leave 'LSTM' out of the op types that are "
     "quantised"),
    ("`Attention` and `MultiHeadAttention` of ONNX Runtime with rotation, a "
     "shared cache or packed keys and values, `GroupQueryAttention`",
     "of large language models' caches, whose lengths are known when the "
     "program runs alone"),
    ("`Crop`, `ImageScaler`, `Affine` and other ops of before opset 7",
     "no longer in ONNX: `onnx.version_converter` does not know them either; "
     "convert the model anew"),
    ("bfloat16, 4-bit integers, 8-bit and 4-bit floats of tensors that are "
     "computed", "no kernel has them. Constants of bfloat16, int4 and uint4 "
     "are there, and what QuantizeLinear makes in 4 bits; they are stored in 8 "
     "bits, or as float where a float product reads them"),
)


# Ops of ONNX that are younger than the package whose list is asked.
NEWER_OPS = """AffineGrid Attention BitwiseAnd BitwiseNot BitwiseOr BitwiseXor
CenterCropPad Col2Im DeformConv Gelu GroupNormalization ImageDecoder Mish
RMSNormalization RegexFullMatch RotaryEmbedding StringConcat StringSplit Swish
TensorScatter""".split()


def _is_unknown(op, folder):
    """Whether the compiler has no converter for an op of ONNX's own domain."""
    path = os.path.join(folder, "model.onnx")
    graph = helper.make_graph(
        [helper.make_node(op, ["x"], ["y"])], "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 3, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid("", 24)]), path)
    done = subprocess.run([discoc.binary(), "inspect", path, "-n", "1"],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60)
    return "the op is not supported" in done.stderr


def check_refused(tally):
    """Every op of ONNX that we do not know has a line."""
    names = {s.name for s in onnx.defs.get_all_schemas() if not s.domain}
    named = set(re.findall(r"`(\w+)`", " ".join(
        what for what, _ in REFUSED_OPS if "com.microsoft" not in what)))
    with tempfile.TemporaryDirectory(prefix="discoc-ops-") as folder:
        unknown = {op for op in sorted(names | set(NEWER_OPS))
                   if _is_unknown(op, folder)}
    tally.check("ops without a line", not unknown - named,
                ", ".join(sorted(unknown - named)))
    tally.check("ops that were looked at", len(unknown) > 15,
                f"{len(unknown)} are unknown")


def load():
    """{case: {N: [kind, reason]}}"""
    result = {}
    if not os.path.exists(PATH):
        return result
    with open(PATH, encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("#") or not line.strip():
                continue
            name, kinds, *reason = line.rstrip("\n").split("\t")
            reason = reason[0] if reason else ""
            by_nodes = {}
            for n in cases.NODES:
                found = re.search(rf"\b{n}=(\w+)", kinds)
                kind = found.group(1) if found else kinds
                by_nodes[n] = [kind, "" if kind == "passed" else reason]
            result[name] = by_nodes
    return result


def _plain(reason):
    """Without what differs between two runs."""
    reason = re.sub(r"/tmp/[^\s:]*", "", reason)
    return re.sub(r"\s+", " ", reason).strip()[:160]


def save(expected):
    lines = [_HEAD]
    for name in sorted(expected):
        by_nodes = expected[name]
        kinds = {n: by_nodes[n][0] for n in cases.NODES}
        alike = len(set(kinds.values())) == 1
        text = kinds[1] if alike else " ".join(
            f"{n}={kinds[n]}" for n in cases.NODES)
        reason = next((r for _, (k, r) in sorted(by_nodes.items())
                       if k != "passed"), "")
        lines.append("\t".join([name, text, _plain(reason)]).rstrip() + "\n")
    with open(PATH, "w", encoding="utf-8") as stream:
        stream.writelines(lines)


def _share(rows, nodes):
    asked = [r[nodes][0] for r in rows if r[nodes][0] != "skipped"]
    good = asked.count("passed")
    return f"{good} of {len(asked)} ({100 * good / len(asked):.1f} %)" \
        if asked else "none"


def page():
    """docs/conformance.md as text."""
    expected = load()
    known = {c.name: c for c in cases.all_cases()}
    packaged = {n: r for n, r in expected.items()
                if not n.startswith("local/")}
    tier_1 = [r for n, r in packaged.items() if n in known
              and known[n].tier_1()]
    listed = [r for n, r in packaged.items() if n in known
              and known[n].listed()]
    local = [r for n, r in expected.items() if n not in packaged]
    lines = ["# ONNX's own test cases", "",
             "Written by `tests/conformance/run.py --write-docs` from "
             "`tests/conformance/expected.txt`; do not edit.", "",
             "The cases are those that ONNX 1.12 packages (Debian's "
             "`libonnx-testdata`). Each is compiled for N nodes, runs in the "
             "in-process cluster with links that hold nothing, and has to "
             "give the packaged outputs: within 1e-3 relative and 1e-7 "
             "absolute as in ONNX's own backend tests, fp16 within 2 units in "
             "the last place, integers exactly. Operands that decide shapes "
             "(Reshape's shape, Slice's starts...) are given at compile time. "
             "Cases of opset 6 and below go through ONNX's version converter "
             "first. Strings, sequences, optionals and bfloat16 are left out. "
             "For forms that the package does not have, opsets 18 to 24 "
             "among them, there are cases of our own "
             "(`tests/conformance/local.py`, `local_newer.py`), made from the "
             "specification's text.",
             "", "Tier 1 are the operators without which hardly any vision "
             "model works; tiers 2 and 3 and the list beside them are named "
             "in `tests/conformance/cases.py`.",
             "", "| | " + " | ".join(f"N = {n}" for n in cases.NODES) + " |",
             "| --- |" + " --- |" * len(cases.NODES)]
    for title, rows in (("tier-1 operators", tier_1),
                        ("tiers 1 to 3 and the list", listed),
                        ("all", list(packaged.values())),
                        ("our own cases", local)):
        lines.append(f"| {title} | " + " | ".join(
            _share(rows, n) for n in cases.NODES) + " |")
    lines += ["", "## By operator", "",
              "Cases that consist of the one operator.", "",
              "| operator | cases | pass at every N |", "| --- | --- | --- |"]
    by_op = collections.defaultdict(list)
    for name, row in expected.items():
        if name in packaged and name in known and \
                len(known[name].ops()) == 1 and row[1][0] != "skipped":
            by_op[next(iter(known[name].ops()))].append(row)
    for op in sorted(by_op):
        good = sum(all(r[n][0] == "passed" for n in cases.NODES)
                   for r in by_op[op])
        lines.append(f"| {op} | {len(by_op[op])} | {good} |")
    lines += ["", "## Where packaged outputs are not followed", ""]
    lines += [f"- {item}" for item in NOT_FOLLOWED]
    lines += ["", "## Ops that are refused", "",
              "| what | why |", "| --- | --- |"]
    lines += [f"| {what} | {why} |" for what, why in REFUSED_OPS]
    lines += ["", "## What does not pass", ""]
    reasons = collections.defaultdict(list)
    for name, row in sorted(expected.items()):
        bad = {n: row[n] for n in cases.NODES
               if row[n][0] not in ("passed", "skipped")}
        if bad:
            kind, reason = next(iter(bad.values()))
            where = "" if len(bad) == len(cases.NODES) else \
                " (N = " + ", ".join(map(str, bad)) + ")"
            reasons[kind].append(f"`{name}`{where}: {reason}")
    for kind in sorted(reasons):
        lines += [f"### {kind}: {len(reasons[kind])}", ""]
        lines += [f"- {item}" for item in reasons[kind]] + [""]
    return "\n".join(lines).rstrip() + "\n"


def write_page():
    os.makedirs(os.path.dirname(PAGE), exist_ok=True)
    with open(PAGE, "w", encoding="utf-8") as stream:
        stream.write(page())
    return 0


def check_page():
    tally = discoc.Tally()
    if not os.path.isdir(cases.DATA):
        tally.skip("docs/conformance.md",
                   "the package libonnx-testdata is not installed")
        return tally.close()
    text = ""
    if os.path.exists(PAGE):
        with open(PAGE, encoding="utf-8") as stream:
            text = stream.read()
    tally.check("docs/conformance.md", text == page(),
                "not what expected.txt gives: run "
                "tests/conformance/run.py --write-docs")
    check_refused(tally)
    return tally.close()
