#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `discoc simulate` foretells against what a clock says: one node, and two over the loopback and over links of 100
and 10 Mbit/s made of network namespaces (lan.py). The profile is that of `discoc calibrate`, which knows kernels, memory
and pings alone. Predictions are written down before anything is measured.

    predict.py --profile FILE [--rates loopback,100mbit,10mbit] [--rounds R] [--write PREDICTIONS] [MODEL...]

Models: names of the shared ones, resnet50 (seeded weights), or files. All programs run at real-time priority, on a core
each, in turns, a round each; quoted is the median of the rounds' own medians. Needs the right to make namespaces.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import onnx

import bench
import cluster
import discoc
import lan
import models

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "end_to_end"))
MODELS = ("resnet50", "mobilenet_v2_int8_qdq", "resnet20_cifar10", "vit_pgd_2_3_16_cifar10")
PAYLOAD = 1448 / 1538 / 8  # of an Ethernet frame's bits TCP's payload has, bytes
BURST = "1600b"  # a frame
DIVISIONS = (("dense", None), ("masks 0.2", 0.2))


class Loopback:
    addresses = ("127.0.0.1", "127.0.0.1")

    def enter(self, node):
        return []

    def close(self):
        pass


def found_model(name, folder):
    for found in models.trained(int8=True) or ():
        if found.name == name:
            return found
    if name != "resnet50":
        return bench.model(name, folder)
    import resnet50
    path = os.path.join(folder, "resnet50.onnx")
    onnx.save(resnet50.resnet50(), path)
    return bench.model(path, folder)


def bits(rate):
    return float(rate.removesuffix("mbit")) * 1e6


def predicted_ms(out, profile, rate):
    link = ["--transport", "tcp"] if rate else []
    if rate and rate != "loopback":
        link += ["--bandwidth", str(bits(rate) * PAYLOAD)]
    done = subprocess.run([discoc.binary(), "simulate", out, "--json", "--profile", profile, *link],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["latency_ns"] / 1e6


def alone_ms(out, arguments, work, a):
    done = subprocess.run(["chrt", "-f", "50", "taskset", "-c", "0", cluster.shard_of(out, 0), "--json", "--quiet", *arguments,
                           "--repeat", str(a.repeat), "--output-dir", os.path.join(work, "answers")],
                          capture_output=True, text=True, timeout=900)
    if done.returncode:
        sys.exit(f"{out}: {done.stderr}")
    return json.loads(done.stdout)["time_us"]["median"] / 1e3


class Cell:
    """A model, how it is divided, and over what it talks ("": not at all)."""

    def __init__(self, model, nodes, division, rate, out, arguments):
        self.model, self.nodes, self.division, self.rate, self.out, self.arguments = model, nodes, division, rate, out, arguments
        self.predicted, self.measured = 0, []

    def measure(self, work, a):
        if self.nodes == 1:
            self.measured.append(alone_ms(self.out, self.arguments, work, a))
            return
        link = Loopback() if self.rate == "loopback" else lan.Link(self.rate, BURST)
        try:
            self.measured.append(lan.median_ms(link, self.out, self.arguments, work, a))
        finally:
            link.close()

    def off(self):
        return self.predicted / statistics.median(self.measured) - 1

    def row(self):
        return (f"| {self.model} | {self.nodes} | {self.division} | {self.rate or '-'} | {self.predicted:.3g} | "
                f"{statistics.median(self.measured):.3g} | {min(self.measured):.3g} to {max(self.measured):.3g} | "
                f"{100 * self.off():+.0f} % |")


def prepare(names, folder, rates):
    cells = []
    for name in names:
        found = found_model(name, folder)
        inputs = found.inputs(1)
        shapes = {key: value.shape for key, value in inputs.items()}
        # Masks are drawn for weights that are floats.
        divisions = DIVISIONS[:1] if "int8" in name else DIVISIONS
        for nodes, division, density in [(1, "-", None)] + [(2, *division) for division in divisions]:
            out = os.path.join(folder, f"out{len(cells)}")
            masks = bench.write_masks(found, 2, folder, density)[0] if density else None
            discoc.compile(found.path, nodes, out, extra=["--target", "native"], shapes=shapes, masks=masks)
            os.makedirs(out + ".inputs")
            arguments = cluster.save_inputs(inputs, out + ".inputs")
            cells += [Cell(found.name, nodes, division, rate, out, arguments) for rate in (rates if nodes > 1 else [""])]
    return cells


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--profile", required=True)
    parser.add_argument("--rates", default="loopback,100mbit,10mbit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--write", default="predictions.json")
    a = parser.parse_args()
    a.first_in_line = True
    with tempfile.TemporaryDirectory(prefix="discoc-predict-") as folder:
        cells = prepare(a.models, folder, a.rates.split(","))
        for cell in cells:
            cell.predicted = predicted_ms(cell.out, a.profile, cell.rate)
        with open(a.write, "w") as stream:
            json.dump([[c.model, c.nodes, c.division, c.rate, c.predicted] for c in cells], stream, indent=1)
        for out in sorted({cell.out for cell in cells}):
            cluster.build_shards(out)
        for _ in range(a.rounds):
            for cell in cells:
                cell.measure(folder, a)
    print("| model | N | division | link | predicted, ms | measured, ms | rounds | off by |\n"
          "| --- | ---: | --- | --- | ---: | ---: | --- | ---: |")
    for cell in cells:
        print(cell.row())
    offs = [abs(cell.off()) for cell in cells]
    print(f"\n{sum(off <= 0.15 for off in offs)} of {len(offs)} within 15 %, {sum(off > 0.3 for off in offs)} beyond 30 %")


if __name__ == "__main__":
    main()
