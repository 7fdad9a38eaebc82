# SPDX-License-Identifier: Apache-2.0
"""Every scalar function on every element type, folded and computed: the same
bits, and for integers those that exact arithmetic gives.

A model a type has each op twice, once on constants and once on inputs of the
same values, which reach both ends of the type. The program is built so that
undefined behaviour of C++ traps. ONNX Runtime is asked op by op where it has
the type, on values for which ONNX says what comes out.

    scalars.py                all types
    scalars.py int64 uint64   some
"""

import os
import sys
import tempfile

import numpy as np
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, HERE)
import cluster  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402

INTEGERS = [np.dtype(t) for t in ("int8", "uint8", "int16", "uint16", "int32",
                                  "uint32", "int64", "uint64")]
FLOATS = [np.dtype(t) for t in ("float16", "float32", "float64")]
BOOL = np.dtype(bool)
OPSET = 18

# What ONNX Runtime computes in float or double, so that wide integers lose
# their last bits and what overflows is undefined.
ORT_DIFFERS = {"Pow", "Mod fmod", "Shrink", "Shrink bias", "ReduceSum",
               "ReduceProd", "ReduceL1", "ReduceSumSquare"}


def onnx_type(dtype):
    return helper.np_dtype_to_tensor_dtype(dtype) if hasattr(
        helper, "np_dtype_to_tensor_dtype") else \
        {v: k for k, v in ort.DTYPES.items()}[dtype.type]


def values(dtype):
    """Both ends of a type, its middle, and what no double holds."""
    if dtype == BOOL:
        return np.array([False, True])
    if dtype in FLOATS:
        big = {2: 6e4, 4: 1e30, 8: 1e300}[dtype.itemsize]
        return np.array([-np.inf, -big, -300.25, -3.7, -2.5, -1, -0.5, -0.0, 0,
                         1e-5, 0.3, 0.5, 1, 1.5, 2, 7, 3e4, big, np.inf,
                         np.nan], dtype)
    info = np.iinfo(dtype)
    wide = [0, 1, 2, 3, 6, 7, 100, -1, -2, -7, info.min, info.min + 1,
            info.max, info.max - 1, info.max // 3, 2**24 + 1, 2**53 + 1,
            -2**53 - 1, 2**60 + 1, -2**60 - 1, 2**63 + 5]
    kept = sorted({v for v in wide if info.min <= v <= info.max})
    return np.array(kept, dtype)


def wrapped(exact, dtype):
    """Python's integers in a type: the low bits."""
    bits, signed = 8 * dtype.itemsize, dtype.kind == "i"
    low = [int(v) % 2**bits for v in np.ravel(exact)]
    low = [v - 2**bits if signed and v >= 2**(bits - 1) else v for v in low]
    return np.array(low, dtype).reshape(np.shape(exact))


def exact(array):
    return np.array([int(v) for v in array.ravel()], object).reshape(
        array.shape)


def quotient(a, b):
    """Towards zero; by zero 0."""
    if b == 0:
        return 0
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def power(a, b):
    if b < 0:
        return {1: 1, -1: -1 if b % 2 else 1}.get(a, 0)
    return pow(a, b, 2**64)


BINARY = {
    "Add": lambda a, b: a + b, "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b, "Div": quotient, "Min": min, "Max": max,
    "Less": lambda a, b: a < b, "Greater": lambda a, b: a > b,
    "LessOrEqual": lambda a, b: a <= b, "Equal": lambda a, b: a == b,
    "GreaterOrEqual": lambda a, b: a >= b,
    "Mod": lambda a, b: a % b if b else 0,
    "Mod fmod": lambda a, b: a - b * quotient(a, b) if b else 0,
    "Pow": power,
    "PRelu": lambda a, b: a * b if a < 0 else a,
    "BitwiseAnd": lambda a, b: a & b, "BitwiseOr": lambda a, b: a | b,
    "BitwiseXor": lambda a, b: a ^ b,
}
BOOLEAN = {"And": lambda a, b: a and b, "Or": lambda a, b: a or b,
           "Xor": lambda a, b: a != b, "Equal": lambda a, b: a == b}
UNARY = {
    "Abs": abs, "Sign": lambda v: (v > 0) - (v < 0),
    "Erf": lambda v: (v > 5) - (v < -5),
    "BitwiseNot": lambda v: ~v,
}
SIGNED = {
    "Neg": lambda v: -v, "Relu": lambda v: max(v, 0),
    "Shrink": lambda v: v if abs(v) > 1 else 0,
}
REAL_UNARY = """Abs Neg Sign Relu Sigmoid Tanh Exp Log Sqrt Floor Ceil Round
Reciprocal Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Erf HardSwish
Softplus Softsign Mish LeakyRelu ThresholdedRelu Elu Selu Celu HardSigmoid
Shrink IsNaN IsInf""".split()
REAL_BINARY = """Add Sub Mul Div Min Max Less Greater LessOrEqual
GreaterOrEqual Equal Pow PRelu""".split()


class Case:
    """One op. Operands are arrays; those in `fixed` are constants both
    times. `want` is None where only the same bits are asked for."""

    def __init__(self, name, operands, want=None, fixed=(), result=None,
                 output=0, **attributes):
        self.name, self.operands, self.want = name, operands, want
        self.fixed, self.output, self.attributes = fixed, output, attributes
        self.result = result or (operands[0].dtype if want is None
                                 else want.dtype)

    def node(self, names, out):
        outs = [""] * self.output + [out]
        return helper.make_node(self.name.split()[0], names, outs,
                                **self.attributes)

    def defined(self):
        """Whether every implementation has an answer to these operands."""
        return not (self.name.split()[0] in ("Div", "Mod")
                    and self.operands[0].dtype.kind in "iu")

    def harmless(self):
        """Which divisors trap nowhere."""
        return [int(v) not in (0, -1) for v in self.operands[1].ravel()]


def pairs(dtype, name=""):
    """Every value with every other; PRelu's slope cannot be the larger."""
    v = values(dtype)
    return v[:, None] if name != "PRelu" else np.repeat(
        v[:, None], len(v), 1), v[None]


def elementwise(table, dtype, count):
    """The cases of a table of functions of Python's integers."""
    found = []
    for name, function in table.items():
        operands = pairs(dtype, name) if count == 2 else (values(dtype),)
        whole = np.vectorize(function, otypes=[object])(
            *(exact(o) for o in operands))
        logical = name.split()[0] in ("Less", "Greater", "LessOrEqual",
                                      "GreaterOrEqual", "Equal")
        want = whole.astype(bool) if logical or dtype == BOOL \
            else wrapped(whole, dtype)
        extra = {"fmod": 1} if "fmod" in name else \
            {"bias": 0.0, "lambd": 1.5} if name == "Shrink" else {}
        found.append(Case(name, operands, want, **extra))
    return found


def casts(dtype):
    v = values(dtype)
    for to in INTEGERS + FLOATS + [BOOL]:
        if to == dtype:
            continue
        with np.errstate(all="ignore"):
            if to == BOOL:
                want = v != 0
            elif to in INTEGERS and dtype in FLOATS:
                info = np.iinfo(to)
                want = np.array([0 if np.isnan(x) else
                                 min(max(int(x) if np.isfinite(x) else
                                         (info.max if x > 0 else info.min),
                                         info.min), info.max)
                                 for x in v.astype("f8")], to)
            elif to in INTEGERS:
                want = wrapped(exact(v), to)
            else:
                want = v.astype(to)
        yield Case(f"Cast {to}", [v], want, to=onnx_type(to))


def integer_cases(dtype):
    v, found = values(dtype), []
    wide = exact(v)
    found += elementwise(BINARY, dtype, 2) + elementwise(UNARY, dtype, 1)
    if dtype.kind == "i":
        found += elementwise(SIGNED, dtype, 1)
        # v + 2.5 and v - 2.5, without what is behind the point
        found.append(Case("Shrink bias", [v], wrapped(
            [x + 2 + (x + 2 < 0) if x < -1 else
             x - 3 + (x - 3 < 0) if x > 1 else 0 for x in wide], dtype),
            bias=2.5, lambd=1.0))
    else:
        amounts = np.array([0, 1, 3, 7, 8 * dtype.itemsize - 1], dtype)[None]
        for way, f in (("LEFT", lambda a, b: a << b),
                       ("RIGHT", lambda a, b: a >> b)):
            found.append(Case(f"BitShift {way}", [v[:, None], amounts], wrapped(
                np.vectorize(f, otypes=[object])(wide[:, None],
                                                 exact(amounts)), dtype),
                direction=way))
    low, high = v[len(v) // 3], v[2 * len(v) // 3]
    found.append(Case("Clip", [v, np.array(low), np.array(high)],
                      np.clip(v, low, high)))
    found.append(Case("Clip wide", [v, v[1], v[-2]], np.clip(v, v[1], v[-2])))
    mask = np.arange(len(v)) % 2 == 0
    found.append(Case("Where", [mask, v, v[::-1].copy()],
                      np.where(mask, v, v[::-1])))
    for border in (v[0], v[-1], v[1]):
        found.append(Case(f"Pad {border}", [
            v, np.array([1, 2], np.int64), np.array(border)],
            np.concatenate([[border], v, [border] * 2]).astype(dtype),
            fixed=(1, 2)))
    found += sums(dtype) + orders(dtype) + products(dtype)
    if dtype in (np.int16, np.int32, np.int64):
        start, step = v[-1], np.array(-int(v[-1] // 3), dtype)
        stop = np.array(v[-1] // 4, dtype)
        want = list(range(int(start), int(stop), int(step)))
        found.append(Case("Range", [np.array(start), stop, step],
                          np.array(want, dtype), fixed=(0, 1, 2)))
    return found + list(casts(dtype))


def sums(dtype):
    """Reductions and running sums, of the types that ONNX has them for."""
    v = values(dtype)
    rows = np.stack([v, v[::-1], np.roll(v, 3)])
    wide, axis = exact(rows), np.array([1], np.int64)
    found = [Case("ReduceMax", [rows, axis], rows.max(1), fixed=(1,),
                  keepdims=0),
             Case("ReduceMin", [rows, axis], rows.min(1), fixed=(1,),
                  keepdims=0)]
    if dtype.itemsize < 4:
        return found
    for name, total in (
            ("ReduceSum", wide.sum(1)), ("ReduceProd", (wide[:, 1:4]).prod(1)),
            ("ReduceL1", abs(wide).sum(1)),
            ("ReduceSumSquare", (wide * wide).sum(1))):
        x = rows[:, 1:4].copy() if name == "ReduceProd" else rows
        found.append(Case(name, [x, axis], wrapped(total, dtype), fixed=(1,),
                          keepdims=0))
    found.append(Case("CumSum", [rows, np.array(1)],
                      wrapped(np.cumsum(wide, 1), dtype), fixed=(1,)))
    return found


def products(dtype):
    """Products of matrices, and what is added to elements by their indices."""
    v = values(dtype)
    at = np.array([2, 0, 2, 1, 2], np.int64)
    joins = {"add": lambda a, b: a + b, "mul": lambda a, b: a * b, "max": max,
             "min": min}
    found = []
    for name, join in joins.items():
        whole = exact(v)
        for i, more in zip(at, exact(v[-5:])):
            whole[i] = join(whole[i], more)
        found.append(Case(f"ScatterElements {name}", [v, at, v[-5:].copy()],
                          wrapped(whole, dtype), reduction=name))
    if dtype.itemsize >= 4:
        a, b = np.resize(v, (3, 4)), np.resize(v[::-1], (4, 3))
        found.append(Case("MatMul", [a, b],
                          wrapped(exact(a).dot(exact(b)), dtype)))
    return found


def orders(dtype):
    v = np.random.default_rng(4).permutation(values(dtype))
    k = min(5, len(v))
    order = np.argsort(-exact(v), kind="stable")[:k]
    return [Case("TopK", [v, np.array([k], np.int64)], v[order], fixed=(1,)),
            Case("TopK where", [v, np.array([k], np.int64)],
                 order.astype(np.int64), fixed=(1,), output=1),
            Case("ArgMax", [v], np.array([exact(v).argmax()]), axis=0),
            Case("ArgMin", [v], np.array([exact(v).argmin()]), axis=0)]


def real_cases(dtype):
    v, found = values(dtype), []
    for name in REAL_UNARY:
        found.append(Case(name, [v], result=BOOL if name.startswith("Is")
                          else None))
    for name in REAL_BINARY:
        logical = name.startswith(("Less", "Greater", "Equal"))
        found.append(Case(name, pairs(dtype, name),
                          result=BOOL if logical else None))
    found.append(Case("Mod", pairs(dtype), fmod=1))
    found.append(Case("Clip", [v, v[4], v[11]]))
    found.append(Case("Pad", [v, np.array([1, 1], np.int64), v[9]],
                      np.concatenate([v[9:10], v, v[9:10]]), fixed=(1, 2)))
    found += [Case(name, [v[1:-2].reshape(1, -1).copy(),
                          np.array([1], np.int64)],
                   want=v[1:-2].max(keepdims=True) if name == "ReduceMax"
                   else v[1:-2].min(keepdims=True), fixed=(1,), keepdims=0)
              for name in ("ReduceMax", "ReduceMin")]
    return found + list(casts(dtype))


def cases_of(dtype):
    if dtype == BOOL:
        return elementwise(BOOLEAN, dtype, 2) + list(casts(dtype)) + \
            [Case("Not", [values(BOOL)], ~values(BOOL)),
             Case("Pad", [values(BOOL), np.array([1, 1], np.int64),
                          np.array(True)],
                  np.array([True, False, True, True]), fixed=(1, 2))]
    return real_cases(dtype) if dtype in FLOATS else integer_cases(dtype)


def info(name, array):
    return helper.make_tensor_value_info(name, onnx_type(array.dtype),
                                         array.shape)


def model_of(nodes, inputs, constants, outputs):
    graph = helper.make_graph(
        nodes, "scalars", [info(k, v) for k, v in inputs.items()],
        [helper.make_tensor_value_info(k, onnx_type(t), None)
         for k, t in outputs.items()],
        [numpy_helper.from_array(np.asarray(v), k)
         for k, v in constants.items()])
    return helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid("", OPSET)])


def model_of_type(found):
    nodes, inputs, constants, outputs = [], {}, {}, {}
    for k, case in enumerate(found):
        folded, given = [], []
        for j, array in enumerate(case.operands):
            name = f"{k}_{j}"
            constants["c" + name] = array
            folded.append("c" + name)
            if j in case.fixed:
                given.append("c" + name)
            else:
                inputs["x" + name] = np.asarray(array)
                given.append("x" + name)
        nodes += [case.node(folded, f"f{k}"), case.node(given, f"r{k}")]
        outputs[f"f{k}"] = outputs[f"r{k}"] = case.result
    return model_of(nodes, inputs, constants, outputs), inputs, list(outputs)


def same(a, b):
    """Bit by bit, but all NaN are one."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    equal = a == b
    if a.dtype.kind == "f":
        equal = (equal & (np.signbit(a) == np.signbit(b))) | (
            np.isnan(a) & np.isnan(b))
    return bool(np.all(equal))


def shown(case, got, want):
    """The first element that differs, and what it was made of."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.dtype}{list(got.shape)}, not {want.dtype}{list(want.shape)}"
    wrong = np.argwhere(~((got == want) | ((got != got) & (want != want))))
    at = tuple(wrong[0]) if len(wrong) else ()
    text = f"{got[at]}, not {want[at]} at {[int(i) for i in at]}"
    try:
        operands = [np.broadcast_to(o, got.shape)[at] for o in case.operands]
    except ValueError:
        return text
    return text + f" of {', '.join(map(str, operands))}"


def asked(case):
    """ONNX Runtime's answer; None where it has none."""
    operands = [np.asarray(o) for o in case.operands]
    if not case.defined():
        operands[1] = operands[1][:, case.harmless()]
    names = [f"x{j}" for j in range(len(operands))]
    constants = {names[j]: operands[j] for j in case.fixed}
    inputs = {n: o for n, o in zip(names, operands) if n not in constants}
    model = model_of([case.node(names, "y")], inputs, constants,
                     {"y": case.result})
    try:
        with ort.Session(model.SerializeToString(), optimise=False) as session:
            return session.run(inputs)["y"]
    except ort.OrtError:
        return None


def check_ort(dtype, case, got, tally):
    """Casts of what the type does not hold are nobody's."""
    name = f"{dtype} {case.name} and ONNX Runtime"
    if case.name in ORT_DIFFERS and dtype in INTEGERS:
        tally.skip(name, "ONNX Runtime computes it in floats")
        return
    if dtype not in INTEGERS:
        return
    answer = asked(case)
    if answer is None:
        tally.skip(name, "ONNX Runtime has no such op of the type")
        return
    if not case.defined():
        got = got[:, case.harmless()]
    tally.check(name, same(got, answer),
                "" if same(got, answer) else shown(case, got, answer))


def check_type(dtype, runtime, folder, tally):
    found = cases_of(dtype)
    model, inputs, outputs = model_of_type(found)
    path, out = os.path.join(folder, f"{dtype}.onnx"), \
        os.path.join(folder, str(dtype))
    with open(path, "wb") as stream:
        stream.write(model.SerializeToString())
    program = out + ".program"
    try:
        discoc.compile(path, 1, out)
        cluster.build_inproc([out], program, runtime, flags=FLAGS)
        got, _ = cluster.run_inproc(program, 1, inputs, outputs, out + ".run")
    except (discoc.CompileError, cluster.BuildError,
            cluster.RunError) as error:
        tally.fail(str(dtype), str(error))
        return
    for k, case in enumerate(found):
        folded, computed = got[f"f{k}"], got[f"r{k}"]
        name = f"{dtype} {case.name}"
        if not tally.check(name + " folded", same(folded, computed),
                           "folded " + shown(case, folded, computed)):
            continue
        if case.want is not None and not tally.check(
                name, same(computed, case.want),
                shown(case, computed, case.want)):
            continue
        if ort.library_path():
            check_ort(dtype, case, computed, tally)


# What C++ leaves undefined ends the program.
FLAGS = ("-O1", "-w", "-fsanitize=undefined,float-cast-overflow",
         "-fsanitize-trap=undefined,float-cast-overflow")


def main():
    discoc.need_compiler()
    tally = discoc.Tally(quiet=True)
    names = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="discoc-scalars-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"))
        for dtype in INTEGERS + FLOATS + [BOOL]:
            if not names or str(dtype) in names:
                check_type(dtype, runtime, folder, tally)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
