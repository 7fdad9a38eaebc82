# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: models, masks, compiling with its cost, and a
node's program as a library that can be timed in this process.

No timing is ever a test: the scripts print tables, docs/benchmarks.md has
those of one machine.
"""

import contextlib
import ctypes
import glob
import json
import os
import statistics
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "oracle"),
                os.path.join(HERE, "..", "end_to_end"), HERE]
import cluster  # noqa: E402
import discoc  # noqa: E402
import exports  # noqa: E402
import graph  # noqa: E402
import masks as mask_files  # noqa: E402
import models  # noqa: E402
import ort  # noqa: E402

# What an emitted CMakeLists.txt gives the compiler.
FLAGS = ("-std=c++17", "-O3", "-march=native", "-DNDEBUG", "-fno-exceptions",
         "-fno-rtti")


def _real_time():
    """May this process go before all others? Niceness would not do: it is
    weighed only among the programs of one terminal session."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        return True
    except OSError:
        return False


REAL_TIME = _real_time()


def before_others(priority=10):
    """What to put before a command, so that other programs do not disturb
    it where that is allowed."""
    return ["chrt", "-f", str(priority)] if REAL_TIME else []


@contextlib.contextmanager
def undisturbed(core):
    """On one core, before other programs where that is allowed."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    if REAL_TIME:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, cores)


def model(name, folder):
    """A shared model by name, or a seeded torchvision export."""
    for found in models.trained() or ():
        if found.name == name:
            return found
    if os.path.exists(name):
        return models.Model(os.path.splitext(os.path.basename(name))[0], name,
                            lambda rng, dims: rng.standard_normal(dims), {}, 2)
    path = exports.export(name, os.path.join(folder, f"{name}.onnx"))
    make = exports.words if name in exports.TOKENS else models.IMAGENET
    return models.Model(name, path, make, {}, 2)


def write_masks(found, nodes, folder, density=0.2, seed=1):
    """Random masks for the default owners; returns (mask file, the traced
    model, owners, the mask document, what was zeroed)."""
    found.onnx
    owners_path = os.path.join(folder, f"owners{nodes}.json")
    discoc.write_owners(found.path, nodes, owners_path, found.shapes)
    owners = mask_files.Owners.load(owners_path)
    traced = graph.Traced(found.onnx, found.inputs(seed))
    entries, zeroed, _ = mask_files.draw(traced, owners, density, seed)
    document = mask_files.mask_document(entries, nodes, owners.owner_map)
    path = os.path.join(folder, f"masks{nodes}.json")
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(document, stream)
    return path, traced, owners, document, zeroed


def compile_cost(found, nodes, out, masks=None, repeat=3, extra=()):
    """(median seconds, median processor seconds, peak MiB) of
    `discoc compile`; the last output stays."""
    found.onnx
    command = [discoc.binary(), "compile", found.path, "-n", str(nodes),
               "-o", out]
    command += ["--masks", masks] if masks else []
    for name, dims in found.shapes.items():
        command += ["--input-shape", f"{name}={'x'.join(map(str, dims))}"]
    command += extra
    wall, cpu, peak = [], [], []
    for _ in range(repeat):
        subprocess.run(["rm", "-rf", out], check=True)
        done = subprocess.run([*before_others(5), "/usr/bin/time", "-f",
                               "%e %U %S %M", *command],
                              stderr=subprocess.PIPE, check=True)
        e, u, s, m = done.stderr.decode().splitlines()[-1].split()
        wall.append(float(e))
        cpu.append(float(u) + float(s))
        peak.append(int(m) / 1024)
    return statistics.median(wall), statistics.median(cpu), max(peak)


class Node:
    """One emitted node directory as a library in this process."""

    def __init__(self, directory, links=True, build=True):
        target = os.path.join(directory, "timed.so" if links else "alone.so")
        if build:
            self._build(directory, target, links)
        self.library = ctypes.CDLL(os.path.abspath(target))
        code = self.library.bench_start()
        if code:
            raise RuntimeError(f"disco_start: {code}")

    @staticmethod
    def _build(directory, target, links):
        sources = [os.path.join(HERE, "timer.cpp"),
                   os.path.join(directory, "model.cpp")]
        sources += glob.glob(os.path.join(directory, "weights.[Sc]*"))
        sources += sorted(glob.glob(os.path.join(
            directory, "runtime", "disco*.cpp"))) if links else []
        defines = [f'-DMODEL_HEADER="{directory}/model.h"',
                   f"-DPROGRAM={cluster.symbol_of(directory)}"]
        defines += [] if links else ["-DNO_LINKS"]
        cluster.call([os.environ.get("CXX", "g++"), *FLAGS, *defines,
                      "-I", directory, "-fPIC", "-shared", "-Wl,-Bsymbolic",
                      *sources, "-o", target])

    def bind(self, inputs, outputs):
        """Arrays in the order of the model's inputs and outputs."""
        self._arrays = [np.ascontiguousarray(a) for a in inputs], outputs
        self._in, self._out = (
            (ctypes.c_void_p * max(1, len(arrays)))(
                *[a.ctypes.data for a in arrays]) for arrays in self._arrays)

    def time(self, count):
        """(processor, wall) seconds an inference, over `count` of them."""
        cpu, wall = ctypes.c_double(), ctypes.c_double()
        code = self.library.bench_infer(self._in, self._out, count,
                                        ctypes.byref(cpu), ctypes.byref(wall))
        if code:
            raise RuntimeError(f"infer: {code}")
        return cpu.value / count, wall.value / count


class Rival:
    """ONNX Runtime with its tensors made and its names bound."""

    def __init__(self, onnx_model, feeds, timer):
        data = graph.strip_overridable(onnx_model).SerializeToString()
        self.session = ort.Session(data)
        self.timer = timer
        self._feeds = {k: np.ascontiguousarray(v) for k, v in feeds.items()}
        self._values = (ctypes.c_void_p * max(1, len(feeds)))()
        for k, array in enumerate(self._feeds.values()):
            value = ctypes.c_void_p()
            ort._make_tensor(array, value)
            self._values[k] = value.value
        names = list(self.session.outputs)
        self._in = (ctypes.c_char_p * max(1, len(feeds)))(
            *[n.encode() for n in feeds])
        self._out = (ctypes.c_char_p * len(names))(*[n.encode() for n in names])
        self._results = (ctypes.c_void_p * len(names))()
        timer.library.bench_ort.restype = ctypes.c_void_p

    def time(self, count):
        cpu, wall = ctypes.c_double(), ctypes.c_double()
        run = ctypes.c_void_p(ort.api().table[ort._RUN])
        size = ctypes.c_size_t
        bad = self.timer.library.bench_ort(
            run, self.session._session, self._in, self._values,
            size(len(self._feeds)), self._out, self._results,
            size(len(self._results)), count, ctypes.byref(cpu),
            ctypes.byref(wall))
        if bad:
            raise RuntimeError("ONNX Runtime failed")
        return cpu.value / count, wall.value / count


def median(values):
    return statistics.median(values)
