# SPDX-License-Identifier: Apache-2.0
"""Nothing is left after INT, TERM and HUP, and what KILL leaves the next discoc removes.

At drawn moments compile, build, run, verify, fit, inspect and mask are ended: no process, no temporary folder and no half-written
file stays, and an earlier OUT is as it was, or is the new one, whole.

    interrupted.py [--moments 8] [--seed 0]
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402
import numpy as np  # noqa: E402

MODEL = os.path.join(discoc.ROOT, "samples", "digits", "digits_dense.onnx")
# Takes long enough to be interrupted.
LARGER = os.path.join(discoc.ROOT, "samples", "cifar10", "cifar10_dense.onnx")
PIN = ["--pin", "batch=1"]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
INTERRUPTED = 6

def living(mark):
    """Processes that inherited this mark in their environment and have not ended."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read()
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if mark.encode() in environment and state != "Z":
            found.append(int(pid))
    return found


class Place:
    """A folder with a compiled model, a folder for temporary files, and what is in them."""

    def __init__(self, folder):
        self.folder = folder
        self.out = os.path.join(folder, "work", "out")
        self.temporary = os.path.join(folder, "tmp")
        os.makedirs(self.temporary)
        self.input = os.path.join(folder, "x.npy")

    def environment(self, mark):
        return dict(os.environ, TMPDIR=self.temporary, DISCOC_TEST_MARK=mark)

    def run(self, arguments):
        """A discoc that is not disturbed."""
        return subprocess.run([discoc.binary(), *arguments], env=self.environment("none"), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=600)  # fmt: skip

    def leftovers(self):
        """Half-written things, in the work and the temporary folder."""
        found = os.listdir(self.temporary)
        for folder, folders, names in os.walk(os.path.dirname(self.out)):
            found += [n for n in names + folders if n.endswith(".part") or ".discoc-" in n]
            folders[:] = [f for f in folders if f != "build"]
        return found


def nodes_of(out):
    """How many nodes OUT is for: their folders, if manifest and list agree with them; else None."""
    import json

    try:
        with open(os.path.join(out, "manifest.json"), encoding="utf-8") as file:
            stated = len(json.load(file)["nodes"])
        with open(os.path.join(out, "files.json"), encoding="utf-8") as file:
            files = json.load(file)["files"]
    except (OSError, ValueError):
        return None
    if not all(os.path.isfile(os.path.join(out, name)) for name in files):
        return None
    there = len([n for n in os.listdir(out) if n.startswith("node")])
    return stated if there == stated else None


def end_at(place, arguments, seconds, number):
    """Starts a discoc and ends it; returns (exit code, None if it ended by itself before, else what was left alive)."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen([discoc.binary(), *arguments], env=place.environment(mark), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    try:
        process.wait(seconds)
        return process.returncode, None
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    code = process.wait(300)
    # After KILL the programs end by themselves; a compiler that cmake started finishes its file.
    until = time.monotonic() + (60 if number == signal.SIGKILL else 3)
    while living(mark) and time.monotonic() < until:
        time.sleep(0.05)
    return code, living(mark)


def check(tally, place, name, arguments, seconds, number, before):
    """`before`: nodes of OUT before, and those that it may have afterwards."""
    code, alive = end_at(place, arguments, seconds, number)
    title = f"{name} {signal.Signals(number).name} after {seconds * 1000:.0f} ms"
    if alive is None:
        tally.ok(title, "ended before")
    killed = number == signal.SIGKILL
    if alive is not None:
        # By the signal itself: it came before main. 0: the work was done already.
        tally.check(title, code in (-number, 0 if killed else INTERRUPTED, 0), f"exit code {code}")
        tally.check(title, not alive, f"left processes {alive}")
    now = nodes_of(place.out)
    tally.check(title, now in before, f"OUT is for {now} nodes instead of {before}")
    if killed:
        if arguments[0] == "compile":
            done = place.run(["compile", MODEL, *PIN, "-n", "2", "-o", place.out])
            tally.check(title, done.returncode == 0, f"the next compile: {done.stderr}")
        done = place.run(["run", place.out, "--input", "image=/nowhere.npy"])  # makes a temporary folder, too
        tally.check(title, done.returncode == 1, f"the next run: {done.stderr}")
    left = place.leftovers()
    tally.check(title, not left, f"left {left}")
    return code, alive is not None


def boards_missing():
    """Why there is no run of emulated boards, or None."""
    lacking = [tool for tool in ("qemu-system-arm", "arm-none-eabi-g++") if not shutil.which(tool)]
    return f"no {', '.join(lacking)} (scripts/setup boards)" if lacking else None


def duration(place, arguments, most=3):
    """How long a command takes, in seconds; `most` where it takes longer, for on a busy machine that can be minutes."""
    begin = time.monotonic()
    process = subprocess.Popen([discoc.binary(), *arguments], env=place.environment("none"), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
    try:
        _, said = process.communicate(timeout=most)
        if process.returncode:
            raise RuntimeError(f"{arguments[0]}: {said}")
    except subprocess.TimeoutExpired:
        process.terminate()
        process.communicate()
    return time.monotonic() - begin


def commands(place):
    """(name, share of the moments, arguments, preparation, nodes that OUT may have then)"""
    model = ["--model", MODEL]
    feed = ["--input", "image=" + place.input]
    results = os.path.join(place.folder, "work", "results")

    def compiled():
        if nodes_of(place.out) != 2:
            place.run(["compile", MODEL, *PIN, "-n", "2", "-o", place.out])

    def unbuilt():
        compiled()
        for part in os.listdir(place.out):
            shutil.rmtree(os.path.join(place.out, part, "build"), ignore_errors=True)

    def built():
        compiled()
        place.run(["build", place.out])

    yield "compile", 1, ["compile", LARGER, "-n", "8", "-o", place.out], compiled, (2, 8)
    yield "fit", 2, ["fit", LARGER, "--board", "netduinoplus2"], compiled, (2,)
    yield "inspect", 2, ["inspect", LARGER, "-n", "64", "--write-owners", place.out + ".owners"], compiled, (2,)
    masked = os.path.join(place.folder, "work", "masked.onnx")
    yield "mask", 3, ["mask", MODEL, *PIN, "-n", "2", "--density", "0.5", "--samples", "4", "-o", masked], compiled, (2,)
    yield "build", 3, ["build", place.out], unbuilt, (2,)
    yield "run", 1, ["run", place.out, *feed, "--repeat", "3000", "--output-dir", results], built, (2,)
    yield "run inproc", 3, ["run", place.out, *feed, "--transport", "inproc", "--repeat", "100000"], built, (2,)
    yield "verify", 3, ["verify", place.out, *model], built, (2,)
    if boards_missing():
        return
    boards = os.path.join(place.folder, "boards")
    place.run(["compile", MODEL, *PIN, "-n", "2", "--board", "mps2-an386", "-o", boards])
    place.run(["build", boards])
    yield "run boards", 2, ["run", boards, *feed, "--repeat", "20"], built, (2,)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    discoc.need_compiler()
    tally, rng = discoc.Tally(), random.Random(a.seed)
    with tempfile.TemporaryDirectory(prefix="discoc-interrupted-") as folder:
        place = Place(folder)
        np.save(place.input, np.zeros((1, 1, 8, 8), np.float32))
        for name, share, arguments, prepare, nodes in commands(place):
            prepare()
            whole = duration(place, arguments)
            codes = set()
            for k in range(-(-a.moments // share)):
                for _ in range(6):  # until it comes in time: others keep the machine busy, or no longer do
                    prepare()
                    at = rng.uniform(0.02, whole)
                    code, intime = check(tally, place, name, arguments, at, SIGNALS[k % 4], nodes)
                    if intime:
                        codes.add(code)
                        break
                    whole = at
            for _ in range(10):  # a signal that comes before main ends it, too, but tries nothing of ours
                if INTERRUPTED in codes:
                    break
                prepare()
                code, _ = check(tally, place, name, arguments, rng.uniform(0.3, 1) * whole, signal.SIGTERM, nodes)
                codes.add(code)
            tally.check(name, INTERRUPTED in codes, f"was never interrupted: {codes}")
    if lacking := boards_missing():
        tally.skip("run boards", lacking)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
