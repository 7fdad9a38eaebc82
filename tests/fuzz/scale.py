#!/usr/bin/python3
# How time and memory of the compiler grow with the size of a model.
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/fuzz/scale.py [--check] [--list] [--keep DIR] [-n NODES] [KIND[:SIZE[,SIZE...]]]...

Makes models of one kind each, at sizes n, 2n and 4n (or those given), compiles them with DISCOC and prints seconds of
the processor, the largest memory, and the growth by doubling. A model is made of small tensors: what is measured is the
number of ops, operands, names and calls, not arithmetic.

  --check    the share that scripts/test runs: fewer and smaller, held against the bounds in the table KINDS, and closed
             with `N passed, N failed, N skipped`
  --keep DIR keeps the models there
  --list     names the kinds and ends"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
DOMAIN = "local"


def tensor(name, shape):
    return helper.make_tensor_value_info(name, FLOAT, shape)


def weights(name, *shape):
    values = numpy.random.default_rng(1).uniform(-0.5, 0.5, shape).astype(numpy.float32)
    return numpy_helper.from_array(values, name)


class Graph:
    """A model under construction; ops are appended."""

    def __init__(self, shape=(1, 8)):
        self.ops, self.constants, self.functions = [], [], []
        self.inputs, self.outputs = [tensor("x", shape)], []

    def op(self, kind, inputs, outputs=None, domain="", **attributes):
        """One op; the name of its (first) output."""
        name = f"t{len(self.ops)}"
        self.ops.append(
            helper.make_node(kind, inputs, outputs or [name], domain=domain, name=f"op{len(self.ops)}", **attributes)
        )
        return (outputs or [name])[0]

    def weight(self, *shape):
        name = f"w{len(self.constants)}"
        self.constants.append(weights(name, *shape))
        return name

    def output(self, name, shape):
        self.outputs.append(tensor(name, shape))

    def function(self, name, inputs, outputs, ops):
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
        self.functions.append(helper.make_function(DOMAIN, name, inputs, outputs, ops, opsets))

    def model(self):
        graph = helper.make_graph(self.ops, "scale", self.inputs, self.outputs, self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
        return helper.make_model(graph, opset_imports=opsets, functions=self.functions, ir_version=8)


def chain(n):
    """n functions of one element, in a row"""
    g = Graph()
    x = "x"
    for i in range(n):
        x = g.op(("Relu", "Tanh", "Sigmoid", "Neg")[i % 4], [x])
    g.output(x, (1, 8))
    return g.model()


def gates(n):
    """n times x * tanh(x), then a convolution"""
    g = Graph((1, 8, 4, 4))
    x = "x"
    for _ in range(n):
        x = g.op("Mul", [x, g.op("Tanh", [x])])
    g.output(g.op("Conv", [x, g.weight(8, 8, 1, 1)]), (1, 8, 4, 4))
    return g.model()


def gates_of_vector(n):
    """a squeeze, n times x * tanh(x), then the gate of a whole feature"""
    g = Graph((1, 8, 4, 4))
    x = g.op("Conv", [g.op("GlobalAveragePool", ["x"]), g.weight(8, 8, 1, 1)])
    for _ in range(n):
        x = g.op("Mul", [x, g.op("Tanh", [x])])
    x = g.op("Conv", [x, g.weight(8, 8, 1, 1)])
    for _ in range(n):
        x = g.op("Mul", [x, g.op("Tanh", [x])])
    g.output(g.op("Mul", ["x", x]), (1, 8, 4, 4))
    return g.model()


def gates_after(n):
    """a convolution, n times x * tanh(x), then movement to the output"""
    g = Graph((1, 8, 4, 4))
    x = g.op("Conv", ["x", g.weight(8, 8, 1, 1)])
    for _ in range(n):
        x = g.op("Mul", [x, g.op("Tanh", [x])])
    g.output(g.op("Transpose", [x], perm=[0, 2, 3, 1]), (1, 4, 4, 8))
    return g.model()


def doubled(n):
    """n times a tensor joined to itself and cut again, at the end"""
    g = Graph()
    x = g.op("MatMul", ["x", g.weight(8, 8)])
    for _ in range(n):
        both = g.op("Concat", [x, x], axis=0)
        name = f"t{len(g.ops)}"
        x = g.op("Split", [both], [name, name + "b"], axis=0)
    g.output(x, (1, 8))
    return g.model()


def residuals(n):
    """n residual blocks of one product each"""
    g = Graph()
    x, w = "x", g.weight(8, 8)
    for _ in range(n):
        x = g.op("Add", [x, g.op("Relu", [g.op("MatMul", [x, w])])])
    g.output(x, (1, 8))
    return g.model()


def skips(n):
    """n functions of one element, each added to the one seven before"""
    g = Graph()
    line = [g.op("MatMul", ["x", g.weight(8, 8)])]
    for i in range(n):
        x = g.op("Tanh", [line[-1]])
        line.append(g.op("Add", [x, line[max(0, i - 7)]]))
    g.output(line[-1], (1, 8))
    return g.model()


def long_skips(n):
    """n tensors, all alive until they are added in the order of making"""
    g = Graph()
    line = [g.op("MatMul", ["x", g.weight(8, 8)])]
    for _ in range(n):
        line.append(g.op("Tanh", [line[-1]]))
    x = line[-1]
    for other in line[:-1]:
        x = g.op("Add", [x, other])
    g.output(x, (1, 8))
    return g.model()


def concat(n):
    """one Concat of n operands"""
    g = Graph()
    parts = [g.op("Relu", ["x"]) for _ in range(4)]
    g.output(g.op("Concat", [parts[i % 4] for i in range(n)], axis=1), (1, 8 * n))
    return g.model()


def concat_of_products(n):
    """a Concat of n products, and a product of it"""
    g = Graph()
    w = g.weight(8, 4)
    x = g.op("Concat", [g.op("MatMul", ["x", w]) for _ in range(n)], axis=1)
    g.output(g.op("MatMul", [x, g.weight(4 * n, 8)]), (1, 8))
    return g.model()


def sums(n):
    """one Sum of n operands"""
    g = Graph()
    parts = [g.op("Relu", ["x"]) for _ in range(4)]
    g.output(g.op("Sum", [parts[i % 4] for i in range(n)]), (1, 8))
    return g.model()


def split(n):
    """one Split into n parts, joined again"""
    g = Graph((1, n))
    g.op("Split", ["x"], [f"s{i}" for i in range(n)], axis=1)
    parts = [g.op("Relu", [f"s{i}"]) for i in range(n)]
    g.output(g.op("Concat", parts, axis=1), (1, n))
    return g.model()


def inputs(n):
    """n inputs, added"""
    g = Graph()
    g.inputs = [tensor(f"x{i}", (1, 8)) for i in range(n)]
    x = "x0"
    for i in range(1, n):
        x = g.op("Add", [x, f"x{i}"])
    g.output(x, (1, 8))
    return g.model()


def outputs(n):
    """n outputs of one input"""
    g = Graph()
    for _ in range(n):
        g.output(g.op("Tanh", [g.op("Relu", ["x"])]), (1, 8))
    return g.model()


def initialisers(n):
    """n constants, added one after the other"""
    g = Graph()
    x = g.op("MatMul", ["x", g.weight(8, 8)])
    for _ in range(n):
        x = g.op("Tanh", [g.op("Add", [x, g.weight(8)])])
    g.output(x, (1, 8))
    return g.model()


def unused(n):
    """n constants that nothing reads"""
    g = Graph()
    for _ in range(n):
        g.weight(8)
    g.output(g.op("Relu", ["x"]), (1, 8))
    return g.model()


def readers(n):
    """one tensor with n readers"""
    g = Graph()
    h = g.op("MatMul", ["x", g.weight(8, 8)])
    x = h
    for _ in range(n):
        x = g.op("Mul", [x, h])
    g.output(x, (1, 8))
    return g.model()


def matmuls(n):
    """n products of one input"""
    g = Graph()
    w = g.weight(8, 8)
    x = g.op("MatMul", ["x", w])
    for _ in range(n):
        g.output(g.op("MatMul", [x, w]), (1, 8))
    return g.model()


def products(n):
    """n products in a row"""
    g = Graph()
    w, x = g.weight(8, 8), "x"
    for _ in range(n):
        x = g.op("Relu", [g.op("MatMul", [x, w])])
    g.output(x, (1, 8))
    return g.model()


def scales(n):
    """n factors behind one product with a million weights"""
    g = Graph((1, 1000))
    x = g.op("MatMul", ["x", g.weight(1000, 1000)])
    g.constants.append(numpy_helper.from_array(numpy.float32(1.01), "factor"))
    for _ in range(n):
        x = g.op("Mul", [x, "factor"])
    g.output(x, (1, 1000))
    return g.model()


def norms(n):
    """n times the mean over all channels taken away, divided by the mean square"""
    g = Graph()
    x = g.op("MatMul", ["x", g.weight(8, 8)])
    for _ in range(n):
        x = g.op("Sub", [x, g.op("ReduceMean", [x], axes=[1], keepdims=1)])
        x = g.op("Softmax", [x], axis=1)
    g.output(x, (1, 8))
    return g.model()


def transposes(n):
    """n movements in a row"""
    g = Graph((1, 4, 3, 5))
    shape = [1, 4, 3, 5]
    x = "x"
    for _ in range(n):
        x = g.op("Transpose", [x], perm=[0, 2, 3, 1])
        shape = [shape[0], shape[2], shape[3], shape[1]]
    g.output(x, shape)
    return g.model()


def constants(n):
    """n ops on constants in a row: folded"""
    g = Graph()
    c = g.weight(8)
    for _ in range(n):
        c = g.op("Tanh", [c])
    g.output(g.op("Add", ["x", c]), (1, 8))
    return g.model()


def dead(n):
    """n ops in a row that nothing reads"""
    g = Graph()
    x = "x"
    for _ in range(n):
        x = g.op("Tanh", [x])
    g.output(g.op("Relu", ["x"]), (1, 8))
    return g.model()


def reversed_order(n):
    """n ops in a row, the last first in the file"""
    model = chain(n)
    ops = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(ops))
    return model


def same_names(n):
    """n ops and functions with one name"""
    g = Graph()
    x = "x"
    for i in range(n):
        x = g.op(("Relu", "Tanh")[i % 2], [x])
        g.ops[-1].name = "same"
    g.output(x, (1, 8))
    return g.model()


def almost_same_names(n):
    """n ops called a, n called a#2"""
    g = Graph()
    x = "x"
    for i in range(n):
        x = g.op(("Relu", "Tanh")[i % 2], [x])
        g.ops[-1].name = ("a", "a#2")[i % 2]
    g.output(x, (1, 8))
    return g.model()


def names(n):
    """ten ops and tensors with names of n bytes"""
    g = Graph()
    x = "x"
    for i in range(10):
        x = g.op("MatMul", [x, g.weight(8, 8)], [f"{i}" + "n" * n])
        g.ops[-1].name = f"op{i}" + "m" * n
    g.output(x, (1, 8))
    return g.model()


def dimensions(n):
    """a tensor of n dimensions"""
    g = Graph((1, 8) + (1,) * (n - 2))
    x = g.op("Relu", ["x"])
    x = g.op("Transpose", [x], perm=list(range(n - 1, -1, -1)))
    x = g.op("Add", [x, g.op("Tanh", [x])])
    g.output(x, (1,) * (n - 2) + (8, 1))
    return g.model()


def calls(n):
    """n calls of one function"""
    g = Graph()
    g.function("f", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])])
    x = "x"
    for _ in range(n):
        x = g.op("f", [x], domain=DOMAIN)
    g.output(x, (1, 8))
    return g.model()


def functions(n):
    """n functions, each called once"""
    g = Graph()
    x = "x"
    for i in range(n):
        g.function(f"f{i}", ["a"], ["b"], [helper.make_node(("Relu", "Tanh")[i % 2], ["a"], ["b"])])
        x = g.op(f"f{i}", [x], domain=DOMAIN)
    g.output(x, (1, 8))
    return g.model()


def nested(n):
    """n functions, each calls the one before"""
    g = Graph()
    inner = helper.make_node("Relu", ["a"], ["b"])
    for i in range(n):
        g.function(f"f{i}", ["a"], ["b"], [inner])
        inner = helper.make_node(f"f{i}", ["a"], ["b"], domain=DOMAIN)
    g.output(g.op(f"f{n - 1}", ["x"], domain=DOMAIN), (1, 8))
    return g.model()


def laughs(n, leaf=()):
    """n levels of functions without ops, each calls the one below ten times"""
    g = Graph()
    g.function("f0", ["a"], ["b"], list(leaf))
    for i in range(1, n):
        call = [helper.make_node(f"f{i - 1}", ["a"], [f"b{k}"], domain=DOMAIN) for k in range(10)]
        g.function(f"f{i}", ["a"], ["b"], call + [helper.make_node("Relu", ["a"], ["b"])] * (i == n - 1))
    g.output(g.op(f"f{n - 1}", ["x"], domain=DOMAIN), (1, 8))
    return g.model()


def copies(n):
    """n levels of functions that only pass outputs through, ten times each"""
    g = Graph()
    g.function("f0", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])])
    for i in range(1, n):
        call = [helper.make_node(f"f{i - 1}", ["a"], [f"b{k}" if k else "b"], domain=DOMAIN) for k in range(10)]
        g.function(f"f{i}", ["a"], ["b"], call)
    g.output(g.op(f"f{n - 1}", ["x"], domain=DOMAIN), (1, 8))
    return g.model()


def attributes(n):
    """an attribute of n integers, in each of n calls"""
    g = Graph()
    inner = helper.make_node("Relu", ["a"], ["b"], unknown=list(range(n)))
    g.function("f", ["a"], ["b"], [inner])
    x = "x"
    for _ in range(n):
        x = g.op("f", [x], domain=DOMAIN)
    g.output(x, (1, 8))
    return g.model()


def many_attributes(n):
    """one op with n attributes"""
    g = Graph()
    g.output(g.op("Relu", ["x"], **{f"a{i}": 1 for i in range(n)}), (1, 8))
    return g.model()


def calls_of_one_name(n):
    """n calls of one name of a function with a tensor inside"""
    g = Graph()
    ops = [helper.make_node("Relu", ["a"], ["m"]), helper.make_node("Tanh", ["m"], ["b"])]
    g.function("f", ["a"], ["b"], ops)
    x = "x"
    for _ in range(n):
        x = g.op("f", [x], domain=DOMAIN)
        g.ops[-1].name = "same"
    g.output(x, (1, 8))
    return g.model()


def groups(n):
    """n grouped convolutions in a row, channels shuffled between"""
    g = Graph((1, 8, 4, 4))
    x = "x"
    for _ in range(n):
        x = g.op("Conv", [x, g.weight(8, 2, 1, 1)], group=4)
        x = g.op("Relu", [x])
    g.output(x, (1, 8, 4, 4))
    return g.model()


def constant_concat(n):
    """one Concat of n constants"""
    g = Graph()
    w = g.weight(1, 8)
    x = g.op("Concat", [w] * n, axis=1)
    g.inputs = [tensor("x", (1, 8 * n))]
    g.output(g.op("Add", ["x", x]), (1, 8 * n))
    return g.model()


def quantised_gates(n):
    """n times: x * tanh(x) taken from bytes and made bytes eight times"""
    g = Graph()
    g.constants += [numpy_helper.from_array(numpy.float32(0.05), "scale"), numpy_helper.from_array(numpy.int8(0), "zero")]
    x = "x"
    for _ in range(n):
        x = g.op("DequantizeLinear", [g.op("QuantizeLinear", [x, "scale", "zero"]), "scale", "zero"])
        for _ in range(8):
            x = g.op("Mul", [x, g.op("Tanh", [x])])
    x = g.op("DequantizeLinear", [g.op("QuantizeLinear", [x, "scale", "zero"]), "scale", "zero"])
    g.output(x, (1, 8))
    return g.model()


def call_names(n):
    """nested calls whose names have n bytes: names are joined"""
    g = Graph()
    inner = helper.make_node("Relu", ["a"], ["b"], name="r" * n)
    for i in range(30):
        g.function(f"f{i}", ["a"], ["b"], [inner])
        inner = helper.make_node(f"f{i}", ["a"], ["b"], domain=DOMAIN, name=f"{i}" + "c" * n)
    x = "x"
    for _ in range(n):
        x = g.op("f29", [x], domain=DOMAIN)
    g.output(x, (1, 8))
    return g.model()


def subgraphs(n):
    """n branches in each other"""
    inner = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "leaf", [], [tensor("y", (1, 8))])
    for i in range(n):
        node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner if i == 0 else None)
        inner = helper.make_graph([node], f"g{i}", [], [tensor("y", (1, 8))])
    g = Graph()
    g.inputs.append(helper.make_tensor_value_info("c", TensorProto.BOOL, ()))
    g.ops = list(inner.node)
    g.output("y", (1, 8))
    return g.model()


# What is printed without arguments: the kind and the smallest of three sizes, each twice the one before.
KINDS = {
    chain: 10000, gates: 15, gates_of_vector: 15, gates_after: 15, doubled: 15, residuals: 2000, skips: 4000,
    long_skips: 4000, concat: 5000, constant_concat: 5000, concat_of_products: 1000, sums: 5000, split: 1000,
    inputs: 2000, outputs: 1000, initialisers: 5000, unused: 5000, readers: 5000, matmuls: 1000, products: 2000,
    groups: 500, norms: 500, scales: 250, transposes: 5000, constants: 5000, dead: 5000, reversed_order: 5000, same_names: 5000,
    almost_same_names: 5000, names: 250000, dimensions: 16, calls: 5000, calls_of_one_name: 5000, functions: 2500,
    nested: 15, laughs: 10, copies: 3, attributes: 5000, call_names: 500, subgraphs: 20, quantised_gates: 4,
}  # fmt: skip

# The share that scripts/test runs. (kind, size, seconds, MB, what the answer has to say: nothing, it is compiled)
BOUNDS = [
    (gates, 30, 1, 250, ""),
    (gates, 60, 1, 250, ""),
    (gates_of_vector, 60, 1, 250, ""),
    (gates_after, 60, 1, 250, ""),
    (doubled, 60, 1, 250, ""),
    (quantised_gates, 8, 1, 250, ""),
    (chain, 20000, 10, 1000, ""),
    (concat, 10000, 10, 1000, ""),
    (constant_concat, 10000, 10, 1000, ""),
    (scales, 1000, 10, 1000, ""),
    (dimensions, 64, 10, 1000, ""),
    (dimensions, 65, 1, 250, "has 65 dimensions; a tensor may have 64"),
    (names, 1000000, 10, 1000, ""),
    (nested, 60, 10, 1000, ""),
    (nested, 70, 10, 1000, "nested more than 64 deep"),
    (laughs, 40, 10, 1000, "functions are called more than 200000 times"),
    (copies, 9, 10, 1000, "functions are called more than 200000 times"),
    (attributes, 20000, 10, 1000, "expand to more than 256 MB of names and attributes"),
    (call_names, 2000, 10, 1000, "expand to more than 256 MB of names and attributes"),
    (many_attributes, 100000, 10, 1000, "has 100000 attributes; an op may have 1000"),
    (chain, 200001, 10, 1000, "the model has 200001 ops; discoc compiles up to 200000"),
    (subgraphs, 50, 10, 1000, "messages are nested too deep"),
]
# From a size to four times that size, time may grow so much: 2.5 a doubling. It is less than 2 where it is linear, but
# a machine that does something else as well is not a clock.
GROWTH = 2.5 * 2.5
GROWING = [
    (chain, 5000), (residuals, 1000), (skips, 2000), (long_skips, 2000), (concat, 5000), (split, 500), (inputs, 1000),
    (outputs, 500), (initialisers, 2000), (readers, 2500), (matmuls, 500), (products, 1000), (groups, 250),
    (calls_of_one_name, 5000),
]  # fmt: skip


def limited(seconds, megabytes):
    def setLimits():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # A recursion over the ops of a deep program ends here even where programs are not that deep.
        resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, 512 << 10))

    return setLimits


class Run:
    """One compilation: exit code, seconds of the processor, peak of memory in MB, what was said, bytes of the model."""

    def __init__(self, discoc, kind, size, nodes=2, keep=None, seconds=120, megabytes=8000):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(keep or folder, f"{kind.__name__}-{size}.onnx")
            if not os.path.exists(path):
                # By a process of its own: what this one has held counts as memory of those that it starts.
                subprocess.run([sys.executable, __file__, "--make", path, f"{kind.__name__}:{size}"], check=True)
            self.bytes = os.path.getsize(path)
            command = [discoc, "compile", path, "-n", str(nodes), "-o", os.path.join(folder, "out")]
            with tempfile.TemporaryFile("w+", errors="replace") as log:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    preexec_fn=limited(seconds, megabytes),
                )  # fmt: skip
                _, status, usage = os.wait4(process.pid, 0)
                self.code = process.returncode = os.waitstatus_to_exitcode(status)
                log.seek(0)
                self.text = log.read(20000)
        self.seconds, self.megabytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    def firstLine(self):
        return (self.text.strip().splitlines() or [""])[0]


def kindsByName():
    return {kind.__name__: kind for kind in [*KINDS, *(bound[0] for bound in BOUNDS)]}


def measure(args, discoc):
    byName = kindsByName()
    for wanted in args.kinds or [kind.__name__ for kind in KINDS]:
        name, _, sizes = wanted.partition(":")
        kind = byName[name]
        sizes = [int(size) for size in sizes.split(",")] if sizes else [KINDS[kind] << i for i in range(3)]
        before = None
        for size in sizes:
            run = Run(discoc, kind, size, args.n, args.keep)
            growth = f"x{run.seconds / before:.2f}" if before else ""
            before = run.seconds
            said = "" if run.code == 0 else f"exit {run.code} {run.firstLine()[:150]}"
            print(f"{name:20}{size:9}{run.bytes:11} B{run.seconds:8.2f} s{run.megabytes:7.0f} MB {growth:7}{said}", flush=True)


def withinBounds(discoc, kind, size, seconds, megabytes, answer):
    """Nothing, or what is wrong."""
    wrong = ""
    for _ in range(3):  # the least of three: others may be at work
        run = Run(discoc, kind, size, seconds=10 * seconds, megabytes=4 * megabytes)
        if run.code < 0 or (run.code == 0) != (not answer) or answer not in run.text:
            return f"exit {run.code}: {run.firstLine()[:200]}"
        if run.megabytes > megabytes:
            return f"{run.megabytes:.0f} MB, more than {megabytes}"
        if run.seconds <= seconds:
            return ""
        wrong = f"{run.seconds:.1f} s, more than {seconds}"
    return wrong


def growsTooFast(discoc, kind, size):
    """Nothing, or what is wrong."""
    small, large = [], []
    for _ in range(3):
        for sizes, n in ((small, size), (large, 4 * size)):
            run = Run(discoc, kind, n)
            if run.code != 0:
                return f"exit {run.code} at {n}: {run.firstLine()[:200]}"
            sizes.append(run.seconds)
        if min(large) <= GROWTH * min(small):
            return ""
    return f"{min(small):.2f} s at {size}, {min(large):.2f} s at {4 * size}: more than {GROWTH} times"


def check(discoc):
    passed, failed = 0, 0
    tests = [(f"{b[0].__name__} {b[1]}", withinBounds, b) for b in BOUNDS]
    tests += [(f"growth of {g[0].__name__}", growsTooFast, g) for g in GROWING]
    for name, test, arguments in tests:
        wrong = test(discoc, *arguments)
        passed, failed = passed + (not wrong), failed + bool(wrong)
        print(f"{name}: {wrong or 'good'}", flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", metavar="DIR")
    parser.add_argument("--make", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("-n", type=int, default=2, metavar="NODES")
    parser.add_argument("kinds", nargs="*", metavar="KIND[:SIZE,...]")
    args = parser.parse_args()
    if args.make:
        name, _, size = args.kinds[0].partition(":")
        with open(args.make, "wb") as file:
            file.write(kindsByName()[name](int(size)).SerializeToString())
        return 0
    if args.list:
        for kind in KINDS:
            print(f"{kind.__name__:20} {kind.__doc__}")
        return 0
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    discoc = os.environ.get("DISCOC", os.path.join(root, "build", "release", "bin", "discoc"))
    return check(discoc) if args.check else measure(args, discoc)


if __name__ == "__main__":
    sys.exit(main())
