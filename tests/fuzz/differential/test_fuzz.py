# SPDX-License-Identifier: Apache-2.0
"""The fuzzer's own tools: seeds repeat, the reducer reduces, finds are read
back. Needs ONNX Runtime, no compiler."""

import glob
import os
import re
import sys
import unittest

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import builder  # noqa: E402
import case as cases  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import finds  # noqa: E402
import fuzz  # noqa: E402
import judge  # noqa: E402
import ort  # noqa: E402
import reduce  # noqa: E402


# Ops that compile and that no generator draws, with the reason.
NOT_DRAWN = {}


def convertible():
    """The ops that the importer's tables convert."""
    result = set()
    for path in glob.glob(os.path.join(discoc.ROOT, "compiler", "import",
                                       "*.cpp")):
        with open(path, encoding="utf-8") as stream:
            result.update(re.findall(
                r'(?:table\[|unary\(|binary\()"(\w+)"', stream.read()))
    return result


def drawn():
    """What the generators name."""
    result = set()
    for path in glob.glob(os.path.join(HERE, "*.py")):
        if os.path.basename(path) in ("test_fuzz.py", "finds.py"):
            continue
        with open(path, encoding="utf-8") as stream:
            result.update(re.findall(r'"([A-Z]\w+)"', stream.read()))
    return result


def kinds(case):
    return [op.op_type for op in case.model.graph.node]


def graph_case(seed):
    model, feeds = cases.random_graph(np.random.default_rng(seed), "g")
    return cases.Case("g", model, feeds, 3)


class ListTest(unittest.TestCase):
    def test_every_op_is_drawn(self):
        ops = convertible()
        self.assertGreater(len(ops), 130)
        self.assertEqual(sorted(ops - drawn()), sorted(NOT_DRAWN))


@unittest.skipUnless(ort.library_path(), "no ONNX Runtime (DISCOC_ORT)")
class FuzzTest(unittest.TestCase):
    def test_seeds_repeat(self):
        for seed in range(8):
            self.assertEqual(
                graph_case(seed).model.SerializeToString(),
                graph_case(seed).model.SerializeToString())

    def test_graphs_are_valid_and_differ(self):
        seen = set()
        for seed in range(30):
            case = graph_case(seed)
            compare.oracle(case.model, case.feeds)
            seen.update(kinds(case))
        self.assertGreater(len(seen), 25)

    def test_reduces_to_one_op(self):
        """What fails is that a Softmax is there."""
        for seed in range(200):
            case = graph_case(seed)
            if "Softmax" in kinds(case) and len(kinds(case)) > 6:
                break
        small = reduce.reduce(
            case, lambda c: "Softmax" in kinds(c) and c.nodes >= 2, 60)
        self.assertEqual(kinds(small), ["Softmax"])
        self.assertEqual(small.nodes, 2)
        compare.oracle(small.model, small.feeds)

    def test_finds_are_read_back(self):
        for seed in range(20):
            case = graph_case(seed)
            text = finds.as_python(case, "wrong").strip().rstrip(",")
            again = eval(f"({text})", {"Find": finds.Find}).case()
            self.assertEqual(kinds(again), kinds(case))
            try:
                want = compare.oracle(again.model, again.feeds)
            except ort.OrtError as error:
                self.fail(f"{error}\n{text}")
            # How many boxes are kept depends on values, which are drawn anew.
            boxes = "NonMaxSuppression" in kinds(case)
            shapes = lambda values: {  # noqa: E731
                n: v.shape[boxes:] for n, v in values.items()}
            self.assertEqual(shapes(want), shapes(
                compare.oracle(case.model, case.feeds)))

    def test_likeness(self):
        case = graph_case(3)
        last = case.model.graph.node[-1]
        self.assertEqual(fuzz.likeness(case, judge.Verdict(
            "wrong", f"{last.output[0]}: error 1")), f"wrong {last.op_type}")
        crash = judge.Verdict("crash", "at 12")
        self.assertEqual(fuzz.likeness(case, crash), crash.signature)

    def test_rounding_decides(self):
        """A difference of two almost equal numbers is not settled."""
        g = builder.Builder(np.random.default_rng(1), 13)
        x = g.input(np.full((1, 8), 3, np.float32))
        y = g.op("Exp", x)
        z = g.op("Sub", g.op("Mul", y, g.constant(np.float32(1.1))),
                 g.op("Mul", y, g.constant(np.float32(1.0999999))))
        g.op("Mul", z, g.constant(np.arange(8, dtype=np.float32)))
        case = cases.Case("g", g.model("g"), g.inputs, 2)
        self.assertFalse(judge.settled(case))
        self.assertTrue(judge.settled(graph_case(3)))


if __name__ == "__main__":
    discoc.run_unittests()
