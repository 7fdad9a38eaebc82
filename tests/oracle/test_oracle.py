# SPDX-License-Identifier: Apache-2.0
"""The oracles themselves, on graphs small enough to count by hand."""

import os
import sys
import unittest

import numpy as np
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import contractions  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import least_traffic  # noqa: E402
import masks  # noqa: E402
import ort  # noqa: E402


def model(nodes, weights, shape=(1, 4, 2, 2), opset=13):
    g = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(v, k) for k, v in weights.items()])
    return helper.make_model(g, ir_version=8,
                             opset_imports=[helper.make_opsetid("", opset)])


def halves(*names, channels=4, axis=1):
    half = channels // 2
    return {n: {"axis": axis, "owners": [[[0, half - 1]],
                                         [[half, channels - 1]]]}
            for n in names}


def owners(tensors, nodes=2):
    return masks.Owners({"format": "discoc-owners", "version": 1,
                         "nodes": nodes, "tensors": tensors})


def ones(*dims):
    return np.ones(dims, np.float32)


def conv(x, w, y, **attributes):
    return helper.make_node("Conv", [x, w], [y], y, **attributes)


class Weights(unittest.TestCase):
    def zeroed(self, m, outs, channels):
        t = graph.Traced(m)
        c = contractions.contractions(t)[0]
        before = c.reads()
        z = masks.zeroed_model(t, [(c, np.array(outs), np.array(channels))])
        after = contractions.contractions(graph.Traced(z))[0].reads()
        return before, after

    def check(self, m, outs, channels):
        before, after = self.zeroed(m, outs, channels)
        want = before.copy()
        want[np.ix_(outs, channels)] = False
        np.testing.assert_array_equal(after, want)
        self.assertNotEqual(before.sum(), after.sum())

    def test_conv(self):
        self.check(model([conv("x", "w", "y")], {"w": ones(6, 4, 1, 1)}),
                   [4, 5], [0, 3])

    def test_grouped_conv(self):
        m = model([conv("x", "w", "y", group=2)], {"w": ones(6, 2, 1, 1)})
        before, _ = self.zeroed(m, [0], [0])
        self.assertFalse(before[0, 2:].any() or before[5, :2].any())
        self.check(m, [0, 4], [1, 2])

    def test_transposed_conv(self):
        for group, dims in ((1, (4, 6, 1, 1)), (2, (4, 3, 1, 1))):
            m = model([helper.make_node("ConvTranspose", ["x", "w"], ["y"],
                                        "y", group=group)],
                      {"w": ones(*dims)})
            self.check(m, [0, 5], [1, 2])

    def test_gemm(self):
        for transposed, dims in ((0, (4, 6)), (1, (6, 4))):
            m = model([helper.make_node("Gemm", ["x", "w"], ["y"], "y",
                                        transB=transposed)],
                      {"w": ones(*dims)}, (1, 4))
            self.check(m, [1, 5], [0, 3])

    def test_matmul(self):
        m = model([helper.make_node("MatMul", ["x", "w"], ["y"], "y")],
                  {"w": ones(4, 6)}, (1, 3, 4))
        self.check(m, [1, 5], [0, 3])


class Least(unittest.TestCase):
    """Feature = 2x2 plane of fp32 = 16 bytes; two nodes own halves."""

    def total(self, nodes, weights, tensors, document=None):
        t = graph.Traced(model(nodes, weights))
        return least_traffic.least(t, owners(tensors), document)

    head = [conv("x", "w0", "a")]
    w0 = {"w0": ones(4, 4, 1, 1)}

    def test_dense(self):
        got = self.total(self.head + [conv("a", "w1", "y")],
                         {**self.w0, "w1": ones(4, 4, 1, 1)},
                         halves("a", "y"))
        self.assertEqual(got["payload_total"], 2 * 2 * 16)
        # The root hands out the whole input, and is handed half the output.
        self.assertEqual(got["root"]["in"],
                         [{"from": 0, "to": 1, "bytes": 64}])
        self.assertEqual(got["root"]["out"],
                         [{"from": 1, "to": 0, "bytes": 32}])

    def test_mask_and_zeros(self):
        w1 = ones(4, 4, 1, 1)
        w1[2:, 0] = 0                       # node 1 does not read channel 0
        document = masks.mask_document(
            [{"op": "y", "from": 1, "to": 0, "channels": []}], 2)
        got = self.total(self.head + [conv("a", "w1", "y")],
                         {**self.w0, "w1": w1}, halves("a", "y"), document)
        self.assertEqual(got["payload"], [{"from": 0, "to": 1, "bytes": 16}])

    def test_two_readers_one_feature(self):
        got = self.total(
            self.head + [conv("a", "w1", "b"), conv("a", "w2", "c"),
                         helper.make_node("Add", ["b", "c"], ["y"])],
            {**self.w0, "w1": ones(4, 4, 1, 1), "w2": ones(4, 4, 1, 1)},
            halves("a", "b", "c", "y"))
        self.assertEqual(got["payload_total"], 2 * 2 * 16)

    def test_same_feature_by_two_names(self):
        # Read as itself, and behind a Concat and a shuffle of it.
        shape = {"s1": np.array([1, 2, 4, 2, 2]), "s2": np.array([1, 8, 2, 2])}
        nodes = self.head + [
            helper.make_node("Concat", ["a", "a"], ["d"], axis=1),
            helper.make_node("Reshape", ["d", "s1"], ["r"]),
            helper.make_node("Transpose", ["r"], ["t"],
                             perm=[0, 2, 1, 3, 4]),
            helper.make_node("Reshape", ["t", "s2"], ["u"]),
            conv("u", "w1", "b"), conv("a", "w2", "c"),
            helper.make_node("Add", ["b", "c"], ["y"])]
        got = self.total(nodes, {**self.w0, **shape, "w1": ones(4, 8, 1, 1),
                                 "w2": ones(4, 4, 1, 1)},
                         halves("a", "b", "c", "y"))
        self.assertEqual(got["payload_total"], 2 * 2 * 16)

    def test_depthwise_is_free(self):
        got = self.total(self.head + [conv("a", "w1", "y", group=4)],
                         {**self.w0, "w1": ones(4, 1, 1, 1)},
                         halves("a", "y"))
        self.assertEqual(got["payload_total"], 0)

    def test_fused_activation(self):
        # Only the activation's map is stated, as after fusion.
        got = self.total(
            self.head + [helper.make_node("Relu", ["a"], ["b"]),
                         conv("b", "w1", "y")],
            {**self.w0, "w1": ones(4, 4, 1, 1)}, halves("b", "y"))
        self.assertEqual(got["payload_total"], 2 * 2 * 16)

    def test_dequantised_features(self):
        for dtype, scale, size in ((np.int8, np.float32(0.5), 1),
                                   (np.uint8, ones(1), 1),
                                   (np.int8, ones(4), 4)):
            axis = {"axis": 1} if np.size(scale) > 1 else {}
            nodes = self.head + [
                helper.make_node("QuantizeLinear", ["a", "s", "z"], ["q"], **axis),
                helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], **axis),
                conv("d", "w1", "y")]
            got = self.total(
                nodes, {**self.w0, "w1": ones(4, 4, 1, 1), "s": scale,
                        "z": np.zeros(np.shape(scale), dtype)},
                halves("a", "q", "d", "y"))
            self.assertEqual(got["payload_total"], 2 * 2 * 4 * size)

    def test_flattened_features(self):
        w1 = np.zeros((4, 16), np.float32)
        w1[3, 1] = 1                        # one element of channel 0
        flat = {"f": {"axis": 1, "owners": [[[0, 7]], [[8, 15]]]}}
        got = self.total(
            self.head + [helper.make_node("Flatten", ["a"], ["f"]),
                         helper.make_node("Gemm", ["f", "w1"], ["y"],
                                          transB=1)],
            {**self.w0, "w1": w1}, {**halves("a", "y"), **flat})
        self.assertEqual(got["payload"], [{"from": 0, "to": 1, "bytes": 4}])

    def test_pad_of_nothing(self):
        # Behind tokens: the padded axis is not that of the features.
        nodes = self.head + [
            helper.make_node("Transpose", ["a"], ["t"], perm=[0, 2, 3, 1]),
            helper.make_node("Pad", ["t", "p"], ["u"]),
            helper.make_node("Slice", ["u", "s", "e", "l"], ["v"]),
            helper.make_node("Relu", ["v"], ["r"]),
            helper.make_node("MatMul", ["r", "w1"], ["y"])]
        where = {k: np.array([v]) for k, v in (("s", 0), ("e", 1), ("l", 1))}
        maps = {**halves("a"), **halves("t", "v", "r", "y", axis=3)}
        stated = halves("u", axis=3)
        for pads, sent in (((0, 0), 16), ((0, 1), 16)):
            p = np.array([0, 0, pads[0], 0, 0, 0, pads[1], 0])
            got = self.total(nodes, {**self.w0, **where, "p": p,
                                     "w1": ones(4, 4)},
                             {**maps, **(stated if pads[1] else {})})
            self.assertEqual(got["payload"], [
                {"from": a, "to": b, "bytes": sent + 8 * pads[1]}
                for a, b in ((0, 1), (1, 0))])

    def test_part_of_an_output(self):
        """One token is read by all, and all tokens are handed in: a feature
        is handed in whole."""
        nodes = self.head + [
            helper.make_node("Gather", ["a", "i"], ["t"], axis=2),
            conv("t", "w1", "y")]
        m = model(nodes, {**self.w0, "i": np.array([0]),
                          "w1": ones(4, 4, 1, 1)})
        m.graph.output.append(helper.make_tensor_value_info(
            "a", TensorProto.FLOAT, None))
        got = least_traffic.least(graph.Traced(m), owners(
            halves("a", "t", "y")))
        self.assertEqual(got["payload_total"], 2 * 2 * 8)
        self.assertEqual(got["root"]["out"],
                         [{"from": 1, "to": 0, "bytes": 2 * 16 + 2 * 8}])

    def test_output_that_is_read(self):
        """What the root has whole for an op of its own is not handed in."""
        m = model(self.head + [conv("a", "w1", "y")],
                  {**self.w0, "w1": ones(4, 4, 1, 1)})
        m.graph.output.append(helper.make_tensor_value_info(
            "a", TensorProto.FLOAT, None))
        got = least_traffic.least(graph.Traced(m), owners(halves("a", "y")))
        self.assertEqual(got["root"]["out"],
                         [{"from": 1, "to": 0, "bytes": 32}])


if __name__ == "__main__":
    if not ort.library_path():
        print("skip: no ONNX Runtime (DISCOC_ORT)")
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    discoc.run_unittests()
