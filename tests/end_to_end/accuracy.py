# SPDX-License-Identifier: Apache-2.0
"""The accuracy of the trained models from running shards, N = 1 and N = 4.

Every model runs on its data in one process (leading dimension: one inference
a picture), and in ONNX Runtime on the same arrays. Prints a Markdown table.
Counted as wrong: a prediction that differs from ONNX Runtime's, or between N =
1 and N = 4, on a picture whose margin (the two best scores, over the range of
the scores) is 1e-4 or more; where there are no classes, a figure that differs by
more than 0.05, or a value by more than 1e-4 of its output's range and by more
than four times what ONNX Runtime's optimisations change. int8 models are
compared with each other bit for bit, and with ONNX Runtime by their figures.

    accuracy.py [--models REGEX] [--nodes 1,4] [--count K] [--wire f16|i8]
"""

import argparse
import os
import re
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import accuracy_tasks  # noqa: E402  (finds the oracle's folder)
import cluster  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import ort  # noqa: E402

FLAGS = ("-O3", "-march=native", "-w")
MARGIN, FIGURE = 1e-4, 0.05


def by_onnx_runtime(model, name, pictures, optimise=True):
    data = graph.strip_overridable(model).SerializeToString()
    with ort.Session(data, optimise=optimise) as session:
        parts = [session.run({name: pictures[k:k + 1]})
                 for k in range(len(pictures))]
    return {n: np.concatenate([p[n] for p in parts]) for n in parts[0]}


def by_shards(path, name, pictures, nodes, outputs, folder, runtime, wire):
    out = os.path.join(folder, f"out{nodes}")
    shapes = {name: (1, *pictures.shape[1:])}
    discoc.compile(path, nodes, out, shapes=shapes, extra=["--wire", wire])
    program = os.path.join(folder, f"program{nodes}")
    cluster.build_inproc([out], program, runtime, flags=FLAGS, apart=True,
                         jobs=2)
    got, _ = cluster.run_inproc(program, nodes, {name: pictures}, outputs,
                                os.path.join(folder, f"run{nodes}"),
                                exact=False, timeout=3600)
    return got


def margins(scores, others):
    """Margins of the pictures whose predictions differ."""
    a, b = (s.reshape(len(s), -1).astype(np.float64)
            for s in (scores, others))
    top = np.sort(a, axis=1)
    margin = (top[:, -1] - top[:, -2]) / np.maximum(np.ptp(a, axis=1), 1e-30)
    return margin[a.argmax(1) != b.argmax(1)]


def furthest(got, want):
    """The largest difference over the range of its output."""
    return max(float(np.abs(got[n].astype(np.float64) - want[n]).max() /
                     max(1e-30, np.ptp(want[n]))) for n in want)


def compared(task, got, want, text, tally, name, most=MARGIN):
    """Counts into the tally; how many predictions differ."""
    if task.classes:
        key = next(iter(want))
        differ = margins(want[key], got[key])
        tally.check(name, not (differ >= MARGIN).any(),
                    f"{text}: {len(differ)} predictions differ, largest "
                    f"margin {differ.max(initial=0):.2e}")
        return f"{len(differ)}"
    far = furthest(got, want)
    tally.check(name, far <= most, f"{text}: error {far:.2e} of the range, at "
                f"most {most:.2e}")
    return f"{far:.1e} of the range"


def one(task, nodes, count, folder, runtime, tally, wire):
    """A row of the table for each N. What a narrow wire loses is shown, not
    judged."""
    if wire != "f32":
        tally = discoc.Tally(quiet=True)
    path = os.path.join(discoc.shared(), "models", task.model, "model.onnx")
    model = graph.load(path)
    name = graph.real_inputs(model)[0].name
    pictures, truth = task.load(count)
    want = by_onnx_runtime(model, name, pictures)
    integer, most = "int8" in task.model, MARGIN
    if not task.classes:
        most = max(MARGIN, 4 * furthest(by_onnx_runtime(
            model, name, pictures, False), want))
    right, results = task.measure(want, truth), {}
    def shown(figures):
        return ", ".join(f"{v:.2f} ({k})" for k, v in figures.items())
    for n in nodes:
        got = by_shards(path, name, pictures, n, list(want), folder, runtime,
                        wire)
        figures, label = task.measure(got, truth), f"{task.model} N={n}"
        if integer:
            key = next(iter(want))
            differ = str(len(margins(want[key], got[key])))
        else:
            differ = compared(task, got, want, "ONNX Runtime", tally, label,
                              most)
        for k, v in right.items():
            bound = 4.0 if integer else 0.2 if task.classes else FIGURE
            tally.check(f"{label} {k}", abs(figures[k] - v) <= bound,
                        f"{figures[k]:.3f}, ONNX Runtime {v:.3f}")
        results[n] = got
        print(f"| {task.model} | {task.about} | {n} | {shown(figures)} | "
              f"{shown(right)} | {shown(task.known)} | {differ} |",
              flush=True)
    first = results[nodes[0]]
    for n in nodes[1:]:
        label = f"{task.model} N={nodes[0]} and {n}"
        if integer:
            tally.check(label, all(np.array_equal(results[n][k], first[k])
                                   for k in first), "not the same bits")
        else:
            compared(task, results[n], first, f"N={n}", tally, label, most)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", default="")
    parser.add_argument("--nodes", default="1,4")
    parser.add_argument("--count", type=int, help="only so many pictures")
    parser.add_argument("--wire", default="f32",
                        help="f16 or i8: what narrower features lose")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally(quiet=True)
    if not ort.library_path() or not discoc.shared():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT), or no shared folder")
        return tally.close()
    nodes = [int(n) for n in a.nodes.split(",")]
    print("| model | data | N | the shards | ONNX Runtime, same arrays | "
          "known | predictions that differ |\n"
          "| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="discoc-accuracy-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"), ("-O2",))
        for task in accuracy_tasks.TASKS:
            if not re.search(a.models, task.model):
                continue
            try:
                with tempfile.TemporaryDirectory(dir=folder) as work:
                    one(task, nodes, a.count, work, runtime, tally, a.wire)
            except (discoc.CompileError, cluster.BuildError, cluster.RunError,
                    ImportError) as error:
                tally.fail(task.model, f"{type(error).__name__}: {error}"[
                    :300])
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
