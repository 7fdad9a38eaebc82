# SPDX-License-Identifier: Apache-2.0
"""Picos in rp2040js, an emulator of the RP2040 that nobody here wrote: the very .uf2 is booted, by rp2040.mjs.

One Pico, and two over a UART (with digits by one console for both), compute the digits sample and an int8 network; inputs, outputs and console go over the UART that no link
uses. Integers are the host's bits; floats are within 1e-5 of the range. The clock and the baud rate are those that board.toml
states, read from the registers that the program wrote. A damaged second stage starts nothing, and lost bytes are sent again.

rp2040js comes from npm with scripts/setup test; DISCOC_RP2040JS names another index.js."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import firmware  # noqa: E402  (puts the oracles on the path)
import discoc  # noqa: E402
import quantised  # noqa: E402

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "discoc")
MODULE = os.environ.get("DISCOC_RP2040JS",
                        os.path.join(CACHE, "rp2040js-1.4.1", "node_modules", "rp2040js", "dist", "esm", "index.js"))  # fmt: skip
COUNT = 2  # inferences
DESK_BAUD = 115200


def lacking():
    if firmware.missing():
        return firmware.missing()
    if not shutil.which("node"):
        return "no node (scripts/setup test)"
    return None if os.path.exists(MODULE) else f"no {MODULE} (scripts/setup test)"


def emulate(job, folder):
    path = os.path.join(folder, "job.json")
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(job, stream)
    done = subprocess.run(["node", os.path.join(HERE, "rp2040.mjs"), MODULE, path], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-400:])
    return json.loads(done.stdout)


def chips_of(out, nodes, inputs, outputs, one):
    """The chips of a job; the link is on UART 0, the desk on the other one, of rank 0 alone with `one`, or on UART 0 of a Pico alone."""
    chips = []
    for rank in range(nodes):
        spec = {"uf2": os.path.join(out, f"node{rank}", "build", "shard.uf2"), "arguments": "shard"}
        if rank == 0 or not one:
            spec["desk"] = 0 if nodes == 1 else 1
        if rank == 0:
            spec["arguments"] += " --input 0=i" + "".join(f" --output {i}=o{i}" for i in range(len(outputs)))
            spec["files"] = {"i": inputs, **{f"o{i}": path for i, path in enumerate(outputs)}}
        chips.append(spec)
    return chips


def reports(answer):
    """The last line of every console."""
    return [json.loads(chip["console"].splitlines()[-1]) for chip in answer["chips"]]


class Case:
    """A network on one Pico, or two."""

    def __init__(self, name, path, value, nodes, folder, *more, baud=None):
        self.name, self.nodes, self.folder, self.one = name, nodes, folder, "one" in more
        self.out, lab, file = (os.path.join(folder, f) for f in ("out", "lab.toml", "in.npy"))
        self.raw = os.path.join(folder, "in.bin")
        firmware.write_cluster(lab, ["rp2040"] * nodes, baud=baud)
        firmware.compile(path, self.out, lab=lab, extra=more)
        firmware.build(self.out)
        np.save(file, value)
        value.tofile(self.raw)
        (tensor,) = firmware.shapes_of(path)
        self.want = firmware.host_answer(path, nodes, folder, ["--input", f"{tensor}={file}"])
        self.results = [os.path.join(folder, f"result{i}") for i in range(len(self.want))]

    def job(self, **more):
        wires = [[0, 0, 1, 0]] if self.nodes == 2 else []
        return {"seconds": 60, "wires": wires, "chips": chips_of(self.out, self.nodes, self.raw, self.results, self.one), **more}

    def fault(self, answer, exact):
        if answer["problem"] or any(chip["exit"] for chip in answer["chips"]) or answer["chips"][0]["exit"] is None:
            return json.dumps(answer)[:900]
        got = {name: np.fromfile(file, want.dtype).reshape(want.shape) for file, (name, want) in zip(self.results, self.want.items())}
        return quantised.bits_differ(got, self.want) if exact else firmware.output_fault(got, self.want)

    def check(self, tally, exact):
        answer = emulate(self.job(), self.folder)
        why = self.fault(answer, exact) or self.clocks_fault(answer, self.wires(), self.one)
        name = f"{self.name} on {self.nodes} Pico{'s' if self.nodes > 1 else ''}"
        if why:
            tally.fail(name, why)
            return
        stated = firmware.traffic_fault(self.out, {"ranks": reports(answer)})
        tally.check(name + ": payload", not stated, stated)
        times = reports(answer)[0]["time_us"]
        tally.ok(name, f"an inference {times['median'] / 1000:.1f} ms, {answer['chips'][0]['link_bytes']} bytes sent by rank 0")

    def wires(self):
        with open(os.path.join(self.out, "report.json"), encoding="utf-8") as file:
            return json.load(file).get("wires", [])

    @staticmethod
    def clocks_fault(answer, wires, one):
        spec = firmware.all_boards()["rp2040"]
        for chip in answer["chips"]:
            if chip["clock"] != spec["speed"]["clock"]:
                return f"the registers make {chip['clock']} Hz of the crystal, board.toml states {spec['speed']['clock']}"
            # The first is the link's where there is one, and the desk's else.
            bauds = ([wire["baud"] for wire in wires] + [DESK_BAUD])[: len(answer["chips"]) - (one and chip is not answer["chips"][0])]
            if any(abs(rate - baud) > baud * 0.01 for rate, baud in zip(chip["baud"], bauds)):
                return f"baud {chip['baud']}, not {bauds}"
            if any(chip["lost"]):
                return f"lost bytes: {chip['lost']}"
        return None


def damage(case, tally):
    """A second stage with another byte: the boot ROM starts nothing."""
    job = case.job()
    with open(job["chips"][0]["uf2"], "rb") as stream:
        data = bytearray(stream.read())
    data[32 + 16] ^= 1
    job["chips"][0]["uf2"] = os.path.join(case.folder, "damaged.uf2")
    with open(job["chips"][0]["uf2"], "wb") as stream:
        stream.write(data)
    try:
        emulate(job, case.folder)
        tally.fail("a damaged second stage", "was started")
    except RuntimeError as why:
        tally.check("a damaged second stage", "wrong checksum" in str(why), str(why))


def half_written(case, tally):
    """The last 6 KB were not flashed, whole sectors and the end of the weights: a program that was compiled to check itself names it on the console."""
    job = case.job()
    with open(job["chips"][0]["uf2"], "rb") as stream:
        data = bytearray(stream.read())
    for at in range(len(data) - 24 * 512, len(data), 512):
        data[at + 32 : at + 288] = b"\xff" * 256
    job["chips"][0]["uf2"] = os.path.join(case.folder, "half.uf2")
    with open(job["chips"][0]["uf2"], "wb") as stream:
        stream.write(data)
    chip = emulate(job, case.folder)["chips"][0]
    tally.check("a half-written flash", chip["exit"] == 3 and "flash does not hold the image" in chip["console"], str(chip)[:900])


def losses(case, tally, exact):
    answer = emulate(case.job(lose=0.002), case.folder)
    again = sum(chip["repeated"] for chip in answer["chips"])
    why = case.fault(answer, exact)
    tally.check("bytes that get lost", not why, f"{why}; {again} requests came again")


def no_breakpoints(case, tally):
    """An image for a desk without a debugger has no semihosting call: BKPT 0xAB."""
    elf = os.path.join(case.out, "node0", "build", "shard.elf")
    text = subprocess.run(["arm-none-eabi-objdump", "-d", elf], capture_output=True, text=True, check=True).stdout
    tally.check("no semihosting in the image", "bkpt" not in text and len(text) > 10000, "bkpt is there")


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if lacking():
        tally.skip("all", lacking())
        return tally.close()
    digits = np.load(os.path.join(discoc.ROOT, "samples", "digits", "digits_test_images.npy"))[:COUNT].astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="discoc-pico-") as folder:
        int8 = os.path.join(folder, "int8.onnx")
        onnx.save(quantised.network(True), int8)
        picture = np.concatenate([quantised.picture_of(seed) for seed in range(COUNT)])
        for nodes in (1, 2):
            for name, value in (("digits", digits), ("int8", picture)):
                inner = os.path.join(folder, f"{name}{nodes}")
                os.makedirs(inner)
                try:
                    more = {("digits", 1): ("--check-image",), ("digits", 2): ("--console", "one")}.get((name, nodes), ())
                    case = Case(name, int8 if name == "int8" else firmware.sample("digits", nodes), value, nodes, inner, *more)
                    case.check(tally, name == "int8")
                    if (name, nodes) == ("digits", 1):
                        damage(case, tally)
                        half_written(case, tally)
                        no_breakpoints(case, tally)
                    if (name, nodes) == ("int8", 2):
                        losses(case, tally, True)
                except (RuntimeError, firmware.DoesNotFit, subprocess.TimeoutExpired) as why:
                    tally.fail(f"{name} on {nodes}", str(why))
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
