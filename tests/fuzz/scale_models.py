# SPDX-License-Identifier: Apache-2.0
"""The models of scale.py: a function a kind, which makes one of a size."""

import numpy
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


def dense_layers(n, layers=4):
    """four convolutions of n channels, for n / 4 nodes: every node reads all others"""
    g = Graph((1, n, 8, 8))
    x = "x"
    for _ in range(layers):
        x = g.op("Relu", [g.op("Conv", [x, g.weight(n, n, 3, 3)], pads=[1] * 4)])
    g.output(x, (1, n, 8, 8))
    return g.model()


def sparse_layers(n, layers=20, density=0.02):
    """twenty 1x1 convolutions of n channels, for n nodes: every node reads one in fifty of the others"""
    g = Graph((1, n, 4, 4))
    random = numpy.random.default_rng(1)
    x = "x"
    for layer in range(layers):
        values = random.uniform(0.1, 0.5, (n, n, 1, 1)).astype(numpy.float32)
        kept = random.random((n, n)) < density
        numpy.fill_diagonal(kept, True)
        if layer:  # the first reads the model's input, which the root hands out
            values *= kept[:, :, None, None]
        g.constants.append(numpy_helper.from_array(values, f"w{layer}"))
        x = g.op("Relu", [g.op("Conv", [x, f"w{layer}"])])
    g.output(x, (1, n, 4, 4))
    return g.model()
