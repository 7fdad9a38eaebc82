# SPDX-License-Identifier: Apache-2.0
"""With --exact-order a model's outputs have the same bits for every N.

A seeded block (convolutions dense, grouped and depthwise, ConvTranspose,
group and layer normalisation, Softmax, attention, Gemm, with zeros among the weights) and,
where they are there, shared models run at N = 1, 2, 3, 5, 7.

    exact_order.py [--only REGEX] [--full] [--default-order]

--full: all models, not only the block and two small ones. --default-order
leaves the option out: the test then has to fail.
"""

import argparse
import os
import re
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import models  # noqa: E402

SEED = 31
NODES = (1, 2, 3, 5, 7)
QUICK = ("mnist_cnn", "micro_kws_m")


class Block:
    """A graph under construction; weights are drawn, a fifth of them zero."""

    def __init__(self):
        self.rng = np.random.default_rng(SEED)
        self.ops, self.constants, self.count = [], [], 0

    def name(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    def constant(self, value):
        name = self.name("c")
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weights(self, *shape):
        fan = max(1, int(np.prod(shape[1:])))
        values = self.rng.standard_normal(shape).astype(np.float32) / np.float32(np.sqrt(fan))
        if len(shape) > 1 and shape[1] > 1:
            values[self.rng.random(shape[:2]) < 0.2] = 0
        return self.constant(values)

    def op(self, kind, *inputs, **attributes):
        name = self.name(kind.lower())
        self.ops.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name


def block():
    b = Block()
    x = b.op("Relu", b.op("Conv", "x", b.weights(20, 3, 3, 3), b.weights(20), pads=[1] * 4))
    y = b.op("Conv", x, b.weights(20, 1, 3, 3), b.weights(20), group=20, pads=[1] * 4)
    y = b.op("Sigmoid", b.op("Conv", y, b.weights(20, 5, 3, 3), group=4, pads=[1] * 4))
    y = b.op("Add", b.op("Conv", y, b.weights(20, 20, 1, 1), b.weights(20)), x)
    y = b.op("Reshape", y, b.constant(np.array([1, 4, 245], np.int64)))
    y = b.op("InstanceNormalization", y, b.weights(4), b.weights(4))
    y = b.op("Reshape", y, b.constant(np.array([1, 20, 7, 7], np.int64)))
    y = b.op("ConvTranspose", y, b.weights(20, 14, 2, 2), b.weights(14), strides=[2, 2])
    y = b.op("Conv", y, b.weights(22, 14, 3, 3), strides=[2, 2], pads=[1] * 4)
    y = b.op("Reshape", y, b.constant(np.array([1, 22, 49], np.int64)))
    y = b.op("Transpose", y, perm=[0, 2, 1])
    y = b.op("LayerNormalization", y, b.weights(22), b.weights(22))
    q, k, v = (b.op("MatMul", y, b.weights(22, 24)) for _ in range(3))
    scores = b.op("Softmax", b.op("MatMul", q, b.op("Transpose", k, perm=[0, 2, 1])))
    y = b.op("Add", y, b.op("MatMul", b.op("MatMul", scores, v), b.weights(24, 22)))
    y = b.op("LayerNormalization", y, b.weights(22), b.weights(22))
    y = b.op("Tanh", b.op("MatMul", y, b.weights(22, 37)))
    y = b.op("ReduceMean", y, axes=[1], keepdims=0)
    y = b.op("Gemm", y, b.weights(10, 37), b.weights(10), transB=1)
    y = b.op("Softmax", y, axis=1)
    graph = helper.make_graph(
        b.ops, "block", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 7, 7])],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, [1, 10])], b.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def block_inputs(rng, dims):
    return rng.standard_normal(dims)


def check_model(model, runtime, folder, flags, tally):
    feeds = model.inputs(SEED)
    outputs = [v.name for v in model.onnx.graph.output]
    want, exchanged = None, []
    for nodes in NODES:
        out = os.path.join(folder, f"{model.name}{nodes}")
        try:
            discoc.compile(model.path, nodes, out, shapes=model.shapes, extra=flags)
        except discoc.CompileError as error:
            tally.fail(f"{model.name}, N = {nodes}", str(error))
            return
        report = cluster.load_json(os.path.join(out, "report.json"))
        exchanged.append(report["cluster"]["exchanged"]["bytes"])
        program = out + ".program"
        cluster.build_inproc([out], program, runtime, flags=("-O1", "-march=native"), apart=True)
        got, _ = cluster.run_inproc(program, nodes, feeds, outputs, os.path.join(folder, "data"))
        want = want or got
        for output in outputs:
            same = got[output].tobytes() == want[output].tobytes()
            apart = int(np.count_nonzero(got[output] != want[output]))
            tally.check(f"{model.name}, N = {nodes}, {output}",
                        same and np.all(np.isfinite(got[output])),
                        f"{apart} of {got[output].size} values differ from N = 1, by up to "
                        f"{np.abs(got[output] - want[output]).max()}")
    print(f"     {model.name}: exchanged at N = {NODES}: {exchanged}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--default-order", action="store_true")
    args = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    flags = [] if args.default_order else ["--exact-order"]
    with tempfile.TemporaryDirectory() as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"))
        path = os.path.join(folder, "block.onnx")
        onnx.save(block(), path)
        checked = [models.Model("block", path, block_inputs, {}, 1)]
        trained = models.trained()
        if trained is None:
            tally.skip(", ".join(QUICK), "no shared models")
        checked += [m for m in trained or [] if args.full or args.only or m.name in QUICK]
        for model in checked:
            if re.search(args.only, model.name):
                check_model(model, runtime, folder, flags, tally)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
