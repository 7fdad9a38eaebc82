# SPDX-License-Identifier: Apache-2.0
"""`discoc mask` against column magnitude, by the accuracy of resnet20_cifar10 from running shards.

Column magnitude keeps, of every tensor and ordered pair of nodes, the floor(density * |I_p|) channels whose columns have
the largest norms over all readers, and changes no weight. `discoc mask` is given as many bytes. Training pictures
calibrate; the test pictures are those that `accuracy.py` takes, or with --held-out training pictures that did not calibrate.
With --resnet50: how long it takes for ResNet-50's shapes, with seeded weights, on random pictures.

    mask.py [--nodes 2] [--densities 0.5,0.2,0.1] [--calibrate 256] [--count 1000] [--held-out] [--resnet50]
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "oracle"), os.path.join(HERE, "..", "end_to_end")]
import accuracy_tasks  # noqa: E402
import cluster  # noqa: E402
import contractions as con  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import masks as mask_files  # noqa: E402

MEAN, STD = (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)


def training_pictures(first, count):
    """So many pictures, all classes in turn, from the `first` of each class on."""
    from PIL import Image

    with tarfile.open(os.path.join(discoc.shared(), "data", "cifar10", "train_50000_jpg.tar.gz")) as archive:
        names = sorted(n for n in archive.getnames() if n.endswith(".jpg"))
        kinds = sorted({n.split("/")[-2] for n in names})
        by_kind = [[n for n in names if n.split("/")[-2] == kind] for kind in kinds]
        wanted = [(by_kind[i % len(kinds)][first + i // len(kinds)], i % len(kinds)) for i in range(count)]
        read = {n: np.asarray(Image.open(io.BytesIO(archive.extractfile(n).read())).convert("RGB"), np.float32)
                for n in sorted({n for n, _ in wanted})}  # fmt: skip
    x = np.stack([read[n] for n, _ in wanted]).transpose(0, 3, 1, 2)
    return accuracy_tasks._mean_std(x, MEAN, STD), np.array([label for _, label in wanted])


def by_magnitude(path, nodes, density, target, folder):
    """The model without the columns of the smallest norms."""
    stated = os.path.join(folder, "owners.json")
    discoc.write_owners(path, nodes, stated)
    traced = graph.Traced(graph.load(path))
    owners = mask_files.Owners.load(stated).follow(traced)
    found = con.contractions(traced)
    behind = con.behind_a_contraction(traced, found)
    norms, zeroed = {}, []
    readers = [c for c in found if c.x in behind and not c.depthwise]
    sets = {c.key: (owners.of(c.x, len(traced.shape(c.x))), owners.of(c.y, len(traced.shape(c.y)))) for c in readers}
    readers = [c for c in readers if all(sets[c.key])]
    pairs = [(p, q) for p in range(nodes) for q in range(nodes) if p != q]
    for c in readers:
        for p, q in pairs:
            block = c.matrix()[np.ix_(sets[c.key][1][1][q], sets[c.key][0][1][p])]
            norms[c.x, p, q] = norms.get((c.x, p, q), 0) + (block**2).sum(axis=(0, 2))
    for c in readers:
        for p, q in pairs:
            have = sets[c.key][0][1][p]
            count = len(have) - int(density * len(have) + 1e-9)
            zeroed.append((c, sets[c.key][1][1][q], have[np.argsort(norms[c.x, p, q], kind="stable")[:count]]))
    with open(target, "wb") as stream:
        stream.write(mask_files.zeroed_model(traced, zeroed).SerializeToString())
    return stated


def mask(path, nodes, target, *arguments):
    """Masks; what it said, and its peak of memory in MB, of all processes."""
    begin = time.monotonic()
    done = subprocess.run([discoc.binary(), "mask", path, "-n", str(nodes), "-o", target, "--json", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    said = json.loads(done.stdout)
    said["wall"] = time.monotonic() - begin
    said["peak"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return said


def scores(path, nodes, pictures, folder, runtime, owners=None):
    """(scores, bytes exchanged) of the running shards."""
    out = os.path.join(folder, f"out{time.monotonic_ns()}")
    discoc.compile(path, nodes, out, owners=owners)
    with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
        moved = json.load(file)["cluster"]["exchanged"]["bytes"]
    program = out + ".program"
    cluster.build_inproc([out], program, runtime, flags=("-O3", "-march=native", "-w"), apart=True, jobs=2)
    model = onnx.load(path)
    got, _ = cluster.run_inproc(program, nodes, {model.graph.input[0].name: pictures}, [model.graph.output[0].name],
                                out + ".run", exact=False, timeout=3600)  # fmt: skip
    return next(iter(got.values())), moved


def compare(a, folder):
    path = os.path.join(discoc.shared(), "models", "resnet20_cifar10", "model.onnx")
    runtime = cluster.Runtime(os.path.join(folder, "runtime"), ("-O3", "-march=native", "-w"))
    calibration = os.path.join(folder, "calibration.npy")
    np.save(calibration, training_pictures(0, a.calibrate)[0])
    task = next(t for t in accuracy_tasks.TASKS if t.model == "resnet20_cifar10")
    pictures, truth = training_pictures(a.calibrate // 10 + 1, a.count) if a.held_out else task.load(a.count)

    def accuracy(model, owners=None):
        got, moved = scores(model, a.nodes, pictures, folder, runtime, owners)
        return 100 * float((got.reshape(len(truth), -1).argmax(axis=1) == truth).mean()), moved

    plain, dense = accuracy(path)
    print(f"dense: {plain:.1f} %, {dense:,} bytes\n", flush=True)
    print("| density | magnitude, bytes | accuracy, % | `discoc mask`, bytes | accuracy, % | seconds |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for density in map(float, a.densities.split(",")):
        small, masked = (os.path.join(folder, f"{kind}{density}.onnx") for kind in ("small", "masked"))
        one, moved = accuracy(small, by_magnitude(path, a.nodes, density, small, folder))
        said = mask(path, a.nodes, masked, "--bytes", str(moved), "--calibration", calibration)
        other, moved2 = accuracy(masked)
        print(f"| {density} | {moved:,} | {one:.1f} | {moved2:,} | {other:.1f} | {said['wall']:.0f} |", flush=True)


def large(a, folder):
    import resnet50

    path = os.path.join(folder, "resnet50.onnx")
    onnx.save(resnet50.resnet50(), path)
    said = mask(path, a.nodes, os.path.join(folder, "masked.onnx"), "--density", "0.2", "--samples", str(a.calibrate))
    print(f"ResNet-50, N = {a.nodes}, {a.calibrate} random pictures: {said['wall']:.0f} s, at most {said['peak']:.0f} MB a process")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--densities", default="0.5,0.2,0.1")
    parser.add_argument("--calibrate", type=int, default=256)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--resnet50", action="store_true")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (large if a.resnet50 else compare)(a, folder)


if __name__ == "__main__":
    main()
