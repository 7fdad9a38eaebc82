# SPDX-License-Identifier: Apache-2.0
"""torchvision's ResNet-50: compile time, memory, shares, bytes, speed.

Bounds of the project, checked: N = 2 compiles in at most 5 s with at most 3
times the model file in memory, N = 16 in at most 15 s; with masks of density
0.2 each of two nodes stores at most 0.305 of the contraction weights and they
exchange at most a fifth of dense gather; dense, N = 2: 8.91 M values; one node
takes under 2 s.

    resnet50.py [--model FILE] [--quick]      --quick: builds and runs nothing
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import compare  # noqa: E402
import contractions  # noqa: E402
import discoc  # noqa: E402
import exports  # noqa: E402
import graph  # noqa: E402
import least_traffic  # noqa: E402
import masks as mask_files  # noqa: E402
import ort  # noqa: E402

DENSE_VALUES = 8.91e6


def measured(command):
    """(seconds, peak bytes) of a command that has to succeed."""
    began = time.monotonic()
    # A child of its own, so that its peak is not hidden by an earlier one.
    code = ("import resource, subprocess, sys; "
            "r = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); "
            "sys.exit(r.returncode)")
    done = subprocess.run([sys.executable, "-c", code, *command],
                          capture_output=True)
    seconds = time.monotonic() - began
    if done.returncode:
        raise discoc.CompileError(done.returncode,
                                  done.stderr.decode(errors="replace"))
    return seconds, int(done.stdout.split()[-1]) * 1024


class Bench:
    def __init__(self, model, folder, tally):
        self.path, self.folder, self.tally = model, folder, tally
        self.size = os.path.getsize(model)
        self.traced = graph.Traced(graph.load(model))
        self.weights = sum(c.weight.nbytes for c in
                           contractions.contractions(self.traced))
        print(f"model file {self.size / 1e6:.1f} MB, contraction weights "
              f"{self.weights / 1e6:.1f} MB")

    def masks(self, nodes):
        owners_path = os.path.join(self.folder, f"owners{nodes}.json")
        discoc.write_owners(self.path, nodes, owners_path)
        owners = mask_files.Owners.load(owners_path)
        entries, zeroed, _ = mask_files.draw(self.traced, owners, 0.2, 1)
        document = mask_files.mask_document(entries, nodes)
        path = os.path.join(self.folder, f"masks{nodes}.json")
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(document, stream)
        return owners, document, zeroed, path

    def compile(self, nodes, name, masks, most_seconds, most_memory=None):
        out = os.path.join(self.folder, name)
        command = [discoc.binary(), "compile", self.path, "-n", str(nodes),
                   "-o", out] + (["--masks", masks] if masks else [])
        # The second run: the first reads the file into the page cache.
        measured(command[:6] + [out + ".first"] + command[7:])
        subprocess.run(["rm", "-rf", out + ".first"], check=True)
        seconds, memory = measured(command)
        note = (f"{seconds:.1f} s, peak memory {memory / 1e6:.0f} MB = "
                f"{memory / self.size:.2f} x the model file")
        print(f"{name}: compiled in {note}")
        self.tally.check(f"{name}: at most {most_seconds} s",
                         seconds <= most_seconds, note)
        if most_memory:
            self.tally.check(f"{name}: at most {most_memory} x the file",
                             memory <= most_memory * self.size, note)
        return out, cluster.load_json(os.path.join(out, "report.json"))

    def two_nodes(self):
        owners, document, zeroed, masks = self.masks(2)
        _, dense = self.compile(2, "dense-2", None, 5, 3)
        out, report = self.compile(2, "masked-2", masks, 5, 3)
        values = dense["cluster"]["exchanged"]["bytes"] / 4
        print(f"dense gather: {values / 1e6:.3f} M values")
        self.tally.check("dense gather: 8.91 M values",
                         abs(values - DENSE_VALUES) < 5e3, f"{values}")
        for node in report["nodes"]:
            # A layer that reads the input has no mask, and biases are small:
            # both count.
            share = node["weight_bytes"] / self.weights
            print(f"node {node['rank']}: {share:.4f} of the contraction "
                  "weights")
            self.tally.check(f"node {node['rank']}: at most 0.305",
                             share <= 0.305, f"{share:.4f}")
        sent = report["cluster"]["exchanged"]["bytes"]
        share = sent / dense["cluster"]["exchanged"]["bytes"]
        print(f"masked: {sent / 4e6:.3f} M values, {share:.4f} of dense "
              f"gather, {report['cluster']['exchanged']['messages']} messages")
        self.tally.check("at most a fifth of dense gather", share <= 0.2,
                         f"{share:.4f}")
        answer = least_traffic.least(self.traced, owners, document)
        self.tally.check("the least that masks allow",
                         sent == answer["payload_total"],
                         f"{sent}, least {answer['payload_total']}")
        return out, zeroed

    def run(self, out, nodes, name, model, most_seconds=None):
        program = os.path.join(self.folder, f"{name}.program")
        began = time.monotonic()
        runtime = cluster.Runtime(os.path.join(self.folder, "runtime"),
                                  ("-O2",))
        cluster.build_inproc([out], program, runtime, apart=True, jobs=2,
                             flags=("-O3", "-march=native", "-w"))
        print(f"{name}: built in {time.monotonic() - began:.0f} s")
        feeds = self.traced.feeds
        want = compare.oracle(model, feeds)
        got, report = cluster.run_inproc(program, nodes, feeds, list(want),
                                         os.path.join(self.folder, name),
                                         exact=False, repeat=3)
        why = compare.fault(got, want)
        self.tally.check(f"{name}: equals ONNX Runtime", why is None, why)
        seconds = report["nodes"][0]["time_us"]["median"] / 1e6
        if nodes == 1:
            session = ort.Session(model.SerializeToString())
            began = time.monotonic()
            for _ in range(5):
                session.run(feeds)
            rival = (time.monotonic() - began) / 5
            print(f"{name}: {seconds * 1e3:.0f} ms; ONNX Runtime, one "
                  f"thread: {rival * 1e3:.0f} ms")
        else:
            print(f"{name}: {seconds * 1e3:.0f} ms in one process")
        if most_seconds:
            self.tally.check(f"{name}: under {most_seconds} s",
                             seconds < most_seconds, f"{seconds:.2f} s")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--quick", action="store_true")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-resnet50-") as folder:
        try:
            model = a.model or exports.export(
                "resnet50", os.path.join(folder, "resnet50.onnx"))
        except ImportError as error:
            tally.skip("all", f"no torchvision: {error}")
            return tally.close()
        bench = Bench(model, folder, tally)
        try:
            out, zeroed = bench.two_nodes()
            bench.compile(16, "masked-16", bench.masks(16)[3], 15)
            single, _ = bench.compile(1, "one", None, 5, 3)
            if not a.quick:
                bench.run(single, 1, "one node", bench.traced.model, 2)
                bench.run(out, 2, "two nodes, masks", mask_files.zeroed_model(
                    bench.traced, zeroed))
        except (discoc.CompileError, cluster.BuildError,
                cluster.RunError) as error:
            tally.fail("resnet50", f"{type(error).__name__}: {error}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
