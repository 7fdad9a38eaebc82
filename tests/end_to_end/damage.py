# SPDX-License-Identifier: Apache-2.0
"""Damaged ONNX, mask and owner files, and what discoc has to say of each.

cases(folder, seed, count) writes them and yields Case objects. A semantic case
knows the words that the diagnostic must contain; a broken one (bytes cut,
flipped, spliced) may also turn out to be harmless.
"""

import copy
import dataclasses
import json
import os
import random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


@dataclasses.dataclass
class Case:
    name: str
    model: str
    masks: str = None
    owners: str = None
    words: tuple = ()       # regular expressions, all of them, in stderr
    semantic: bool = False
    nodes: int = 2
    extra: tuple = ()


def base_model():
    """conv1 - relu1 - conv2 - add1(relu1) - flat1 - fc1."""
    rng = np.random.default_rng(1)

    def weight(name, *dims):
        return numpy_helper.from_array(
            rng.standard_normal(dims).astype(np.float32), name)

    ops = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], "conv1",
                         kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], "conv2",
                         kernel_shape=[1, 1]),
        helper.make_node("Add", ["c2", "r1"], ["a1"], "add1"),
        helper.make_node("Flatten", ["a1"], ["f1"], "flat1"),
        helper.make_node("Gemm", ["f1", "w3", "b3"], ["y"], "fc1", transB=1),
    ]
    graph = helper.make_graph(
        ops, "damaged",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
        [weight("w1", 8, 3, 3, 3), weight("b1", 8), weight("w2", 8, 8, 1, 1),
         weight("w3", 10, 128), weight("b3", 10)])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def op(model, name):
    return next(o for o in model.graph.node if o.name == name)


def initialiser(model, name):
    return next(i for i in model.graph.initializer if i.name == name)


def set_initialiser(model, name, array):
    initialiser(model, name).CopyFrom(numpy_helper.from_array(array, name))


def set_attribute(node, name, value):
    kept = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)
    if value is not None:
        node.attribute.append(helper.make_attribute(name, value))


def insert(model, node, before="fc1"):
    at = next((k for k, o in enumerate(model.graph.node) if o.name == before),
              len(model.graph.node))
    nodes = list(model.graph.node)
    nodes.insert(at, node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


# -- semantic damage of models ------------------------------------------------

def _cycle(m):
    op(m, "relu1").input[0] = "a1"


def _self_loop(m):
    op(m, "conv2").input[0] = "c2"


def _two_producers(m):
    op(m, "conv2").output[0] = "c1"


def _twice_initialiser(m):
    m.graph.initializer.append(copy.deepcopy(initialiser(m, "w2")))


def _twice_input(m):
    m.graph.input.append(copy.deepcopy(m.graph.input[0]))


def _undefined_tensor(m):
    op(m, "add1").input[1] = "nowhere"


def _undefined_output(m):
    m.graph.output[0].name = "nowhere"


def _integer_conv(m):
    m.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32


def _mixed_types(m):
    set_initialiser(m, "w2", np.ones((8, 8, 1, 1), np.float64))


def _weight_channels(m):
    set_initialiser(m, "w1", np.ones((8, 5, 3, 3), np.float32))


def _bias_size(m):
    set_initialiser(m, "b1", np.ones(7, np.float32))


def _bad_group(m):
    set_attribute(op(m, "conv2"), "group", 3)


def _zero_stride(m):
    set_attribute(op(m, "conv1"), "strides", [0, 1])


def _negative_dilation(m):
    set_attribute(op(m, "conv1"), "dilations", [1, -1])


def _kernel_shape(m):
    set_attribute(op(m, "conv1"), "kernel_shape", [5, 3])


def _short_pads(m):
    set_attribute(op(m, "conv1"), "pads", [1, 1, 1])


def _huge_pads(m):
    set_attribute(op(m, "conv1"), "pads", [1 << 62] * 4)


def _no_room(m):
    set_attribute(op(m, "conv1"), "dilations", [9, 9])


def _huge_input(m):
    for d in m.graph.input[0].type.tensor_type.shape.dim[2:]:
        d.dim_value = 1 << 40


def _negative_input(m):
    m.graph.input[0].type.tensor_type.shape.dim[2].dim_value = -4


def _negative_weight_dim(m):
    initialiser(m, "w2").dims[0] = -8


def _short_weight(m):
    w = initialiser(m, "w2")
    w.raw_data = w.raw_data[:-4]


def _overflowing_weight(m):
    w = initialiser(m, "w2")
    del w.dims[:]
    w.dims.extend([1 << 33, 1 << 33, 1, 1])


def _unknown_weight_type(m):
    initialiser(m, "w2").data_type = 99


def _reshape(shape):
    def damage(m):
        m.graph.initializer.append(numpy_helper.from_array(
            np.array(shape, np.int64), "shape"))
        insert(m, helper.make_node("Reshape", ["f1", "shape"], ["f2"],
                                   "reshape1"))
        op(m, "fc1").input[0] = "f2"
    return damage


def _gemm_inner(m):
    set_initialiser(m, "w3", np.ones((10, 100), np.float32))


def _no_broadcast(m):
    m.graph.initializer.append(numpy_helper.from_array(
        np.ones((1, 3, 1, 1), np.float32), "three"))
    op(m, "add1").input[1] = "three"


def _replace_flatten(kind, inputs, words=None, **attributes):
    def damage(m):
        flat = op(m, "flat1")
        flat.op_type, flat.name = kind, "bad1"
        del flat.input[:], flat.attribute[:]
        flat.input.extend(inputs)
        for key, value in attributes.items():
            set_attribute(flat, key, value)
    return damage


def _foreign_domain(m):
    op(m, "relu1").domain = "com.acme"
    m.opset_import.append(helper.make_opsetid("com.acme", 1))


def _undeclared_domain(m):
    op(m, "relu1").domain = "com.acme"


def _unknown_op(m):
    op(m, "relu1").op_type = "Frobnicate"


def _future_opset(m):
    m.opset_import[0].version = 999


def _no_opset(m):
    del m.opset_import[:]


def _attribute_type(m):
    set_attribute(op(m, "conv1"), "strides", 1.5)


def _missing_axis(m):
    _replace_flatten("Concat", ["a1", "a1"])(m)


def _too_few_inputs(m):
    del op(m, "conv2").input[1:]


def _too_many_inputs(m):
    op(m, "relu1").input.append("c1")


def _no_outputs(m):
    del m.graph.output[:]


def _no_graph(m):
    m.ClearField("graph")


def _string_input(m):
    m.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING


def _unpinned(m):
    m.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"


def _recursive_function(m):
    call = helper.make_node("Loop1", ["a"], ["b"], "again", domain="local")
    m.functions.append(helper.make_function(
        "local", "Loop1", ["a"], ["b"], [call],
        [helper.make_opsetid("", 13), helper.make_opsetid("local", 1)]))
    m.opset_import.append(helper.make_opsetid("local", 1))
    relu = op(m, "relu1")
    relu.op_type, relu.domain = "Loop1", "local"


def _external(location, offset=None):
    def damage(m):
        w = initialiser(m, "w2")
        w.ClearField("raw_data")
        w.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", offset)):
            if value is not None:
                entry = w.external_data.add()
                entry.key, entry.value = key, value
    return damage


MODELS = {
    "cycle": (_cycle, ("relu1|conv2|add1", "cycl")),
    "self_loop": (_self_loop, ("conv2", "cycl|itself")),
    "two_producers": (_two_producers, ("c1", "conv2|conv1")),
    "twice_initialiser": (_twice_initialiser, ("w2",)),
    "twice_input": (_twice_input, (r"\bx\b",)),
    "undefined_tensor": (_undefined_tensor, ("add1", "nowhere")),
    "undefined_output": (_undefined_output, ("nowhere",)),
    "integer_conv": (_integer_conv, ("conv1", "type|int32|i32")),
    "mixed_types": (_mixed_types, ("conv2", "type|double|float64|f64")),
    "weight_channels": (_weight_channels, ("conv1", "channel|5")),
    "bias_size": (_bias_size, ("conv1", "bias|7")),
    "bad_group": (_bad_group, ("conv2", "group")),
    "zero_stride": (_zero_stride, ("conv1", "stride")),
    "negative_dilation": (_negative_dilation, ("conv1", "dilation")),
    "kernel_shape": (_kernel_shape, ("conv1", "kernel")),
    "short_pads": (_short_pads, ("conv1", "pads")),
    "huge_pads": (_huge_pads, ("conv1", "pad|large|overflow|size")),
    "no_room": (_no_room, ("conv1",)),
    "huge_input": (_huge_input, (r"\bx\b|conv1|flat1|c1",
                                 "large|big|overflow|bytes|elements")),
    "negative_input": (_negative_input, (r"\bx\b", "-4|negative|dim")),
    "negative_weight_dim": (_negative_weight_dim, ("w2",)),
    "short_weight": (_short_weight, ("w2", "bytes|data|short")),
    "overflowing_weight": (_overflowing_weight, ("w2",)),
    "unknown_weight_type": (_unknown_weight_type, ("w2", "type")),
    "reshape_size": (_reshape([7, 7]), ("reshape1",)),
    "reshape_two_unknown": (_reshape([-1, -1]), ("reshape1", "-1")),
    "reshape_negative": (_reshape([-2, 64]), ("reshape1",)),
    "gemm_inner": (_gemm_inner, ("fc1",)),
    "no_broadcast": (_no_broadcast, ("add1", "broadcast|shape")),
    "concat_mismatch": (_replace_flatten("Concat", ["a1", "x"], axis=2),
                        ("bad1",)),
    "concat_axis": (_replace_flatten("Concat", ["a1", "a1"], axis=9),
                    ("bad1", "axis")),
    "concat_no_axis": (_missing_axis, ("bad1", "axis")),
    "transpose_perm": (_replace_flatten("Transpose", ["a1"],
                                        perm=[0, 1, 1, 2]),
                       ("bad1", "perm")),
    "softmax_axis": (_replace_flatten("Softmax", ["a1"], axis=-9),
                     ("bad1", "axis")),
    "flatten_axis": (_replace_flatten("Flatten", ["a1"], axis=7),
                     ("bad1", "axis")),
    "batchnorm_inputs": (_replace_flatten("BatchNormalization",
                                          ["a1", "b1", "b1"]),
                         ("bad1", "input")),
    "pool_rank": (_replace_flatten("MaxPool", ["b1"], kernel_shape=[2, 2]),
                  ("bad1",)),
    "foreign_domain": (_foreign_domain, ("relu1", "com.acme")),
    "undeclared_domain": (_undeclared_domain, ("relu1|com.acme",)),
    "unknown_op": (_unknown_op, ("relu1", "Frobnicate")),
    "future_opset": (_future_opset, ("opset", "999")),
    "no_opset": (_no_opset, ("opset",)),
    "attribute_type": (_attribute_type, ("conv1", "strides")),
    "too_few_inputs": (_too_few_inputs, ("conv2", "input")),
    "too_many_inputs": (_too_many_inputs, ("relu1", "input")),
    "no_outputs": (_no_outputs, ("output",)),
    "no_graph": (_no_graph, ("graph",)),
    "string_input": (_string_input, ("x|conv1", "string")),
    "unpinned": (_unpinned, ("height", "pin|input-shape")),
    "recursive_function": (_recursive_function, ("Loop1",)),
    "external_escapes": (_external("../../etc/passwd"), ("w2|passwd",)),
    "external_absolute": (_external("/etc/passwd"), ("w2|passwd",)),
    "external_missing": (_external("gone.bin"), ("w2|gone",)),
    "external_offset": (_external("good.onnx", str(1 << 40)), ("w2|good",)),
}


# -- semantic damage of masks and owner maps -----------------------------------

def owners_document(**tensors):
    maps = {"r1": {"axis": 1, "owners": [[[0, 3]], [[4, 7]]]}}
    maps.update(tensors)
    return {"format": "discoc-owners", "version": 1, "nodes": 2,
            "tensors": {k: v for k, v in maps.items() if v}}


def mask_document(*entries, apply="zero", nodes=2):
    return {"format": "discoc-masks", "version": 1, "nodes": nodes,
            "apply": apply, "masks": list(entries) or [entry()]}


def entry(op="conv2", source=0, to=1, channels=(0, 3)):
    return {"op": op, "from": source, "to": to, "channels": list(channels)}


def _changed(document, **keys):
    document.update(keys)
    return document


def _map(first, second, axis=1):
    return {"axis": axis, "owners": [first, second]}


OWNERS = {
    "missing_channel": (owners_document(r1=_map([[0, 3]], [[5, 7]])),
                        ("r1", "4")),
    "owned_twice": (owners_document(r1=_map([[0, 4]], [[4, 7]])),
                    ("r1", "4")),
    "too_large": (owners_document(r1=_map([[0, 3]], [[4, 8]])), ("r1", "8")),
    "huge_channel": (owners_document(r1=_map([[0, 3]], [[4, 1 << 50]])),
                     ("r1",)),
    "negative": (owners_document(r1=_map([[-1, 3]], [[4, 7]])), ("r1",)),
    "backwards": (owners_document(r1=_map([[3, 0]], [[4, 7]])), ("r1",)),
    "other_nodes": (_changed(owners_document(), nodes=3), ("nodes|3",)),
    "one_set": (owners_document(r1={"axis": 1, "owners": [[[0, 7]]]}),
                ("r1",)),
    "unknown_tensor": (owners_document(zzz=_map([0], [1])), ("zzz",)),
    "axis": (owners_document(r1=_map([[0, 3]], [[4, 7]], axis=9)),
             ("r1", "axis|9")),
    "version": (_changed(owners_document(), version=9), ("version|9",)),
    "format": (_changed(owners_document(), format="other"), ("format|other",)),
    "tied": (owners_document(c2=_map([[0, 1]], [[2, 7]])),
             ("r1|c2|a1|add1",)),
}

MASKS = {
    "unknown_op": (mask_document(entry("nothing")), ("nothing",)),
    "not_a_contraction": (mask_document(entry("add1")), ("add1",)),
    "too_large": (mask_document(entry(channels=[0, 8])), ("conv2", "8")),
    "not_owned": (mask_document(entry(channels=[0, 5])), ("conv2", "5")),
    "twice": (mask_document(entry(), entry()), ("conv2",)),
    "rank": (mask_document(entry(to=2)), ("2",)),
    "negative_rank": (mask_document(entry(source=-1)), ("-1|from",)),
    "other_nodes": (mask_document(nodes=3), ("3",)),
    "nonzero_weight": (mask_document(apply="check"), ("conv2", "zero")),
    "apply": (mask_document(apply="maybe"), ("maybe|apply",)),
    "falling": (mask_document(entry(channels=[3, 0])), ("channels|3",)),
    "no_channels": (mask_document({"op": "conv2", "from": 0, "to": 1}),
                    ("channels",)),
}


# -- bytes ----------------------------------------------------------------------

def _break_bytes(data, rng):
    """One of several ways to damage a file."""
    data = bytearray(data)
    way = rng.randrange(7)
    at = rng.randrange(len(data))
    if way == 0:
        return bytes(data[:at])
    if way == 1:
        for _ in range(rng.randint(1, 20)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif way == 2:
        del data[at:at + rng.randint(1, 64)]
    elif way == 3:
        other = rng.randrange(len(data))
        data[at:at] = data[other:other + rng.randint(1, 200)]
    elif way == 4:
        data[at:at + 8] = b"\xff" * 8
    elif way == 5:
        data[at:at + 4] = bytes(4)
    else:
        # Lengths and names live at the front.
        for _ in range(4):
            data[rng.randrange(min(200, len(data)))] = rng.randrange(256)
    return bytes(data)


def _break_json(text, rng):
    """Exchanges a value for one of another kind, or damages the bytes."""
    strange = ["null", "-1", "1e400", "[]", "{}", '"\\ud800"', "1.5", "true",
               "[" * 5000, "9" * 400, '{"a":1,"a":2}', "NaN", ""]
    if rng.random() < 0.4:
        return _break_bytes(text.encode(), rng)
    places = [k for k, c in enumerate(text) if c in "0123456789[{\""]
    at = rng.choice(places)
    end = at + 1
    while end < len(text) and text[end] not in ",]}:":
        end += 1
    return (text[:at] + rng.choice(strange) + text[end:]).encode()


def cases(folder, seed=0, count=200):
    """Writes the files into `folder`; yields semantic cases first."""
    rng = random.Random(seed)

    def path(name, data):
        full = os.path.join(folder, name)
        with open(full, "wb") as stream:
            stream.write(data if isinstance(data, bytes)
                         else json.dumps(data).encode())
        return full

    good = base_model()
    onnx.checker.check_model(good)
    model = path("good.onnx", good.SerializeToString())
    masks = json.dumps(mask_document(entry(), entry(source=1, to=0,
                                                    channels=[4])))
    owners = json.dumps(owners_document())
    yield Case("undamaged", model, path("good-masks.json", masks.encode()),
               path("good-owners.json", owners.encode()))
    done = 0
    for name, (damage, words) in MODELS.items():
        bad = base_model()
        damage(bad)
        yield Case(f"model/{name}",
                   path(f"{name}.onnx", bad.SerializeToString()),
                   words=words, semantic=True)
        done += 1
    for kind, table in (("owners", OWNERS), ("masks", MASKS)):
        for name, (document, words) in table.items():
            file = path(f"{kind}-{name}.json", document)
            yield Case(f"{kind}/{name}", model, **{kind: file}, words=words,
                       semantic=True)
            done += 1
    number = 0
    while done < count:
        number, done = number + 1, done + 1
        if number % 3:
            data = _break_bytes(good.SerializeToString(), rng)
            yield Case(f"bytes/{number}.onnx", path(f"b{number}.onnx", data))
        elif number % 2:
            yield Case(f"bytes/{number}-masks.json", model, masks=path(
                f"b{number}.json", _break_json(masks, rng)))
        else:
            yield Case(f"bytes/{number}-owners.json", model, owners=path(
                f"b{number}.json", _break_json(owners, rng)))
