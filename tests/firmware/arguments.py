# SPDX-License-Identifier: Apache-2.0
"""The command line of a program on an emulated board: what is wrong in it ends the program with the exit code for that.

One small image, started without `discoc run`: it is told as a person with a debugger would tell it. A second one takes its inputs from a source of
one's own, board_input and board_output, and computes what the host does."""

import json
import os
import re
import struct
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import firmware  # noqa: E402  (puts the oracles on the path)
import discoc  # noqa: E402

BOARD, USAGE, FILE = "mps2-an386", 2, 3
INPUT, OUTPUT = ["--input", "0=in"], ["--output", "0=result"]
# (words, exit code)
CASES = (
    (INPUT + OUTPUT, 0),
    (INPUT + OUTPUT + ["--repeat", "2", "--json"], 0),
    (INPUT + ["--output", "9=result"], USAGE),
    (INPUT + ["--output", "0result"], USAGE),
    (INPUT + ["--output", "0="], USAGE),
    (["--input", ":=in"] + OUTPUT, USAGE),
    (INPUT + OUTPUT + ["--repeat", "two"], USAGE),
    (INPUT + OUTPUT + ["--repeat"], USAGE),
    (INPUT + OUTPUT + ["--repeats", "2"], USAGE),
    (["--input", "0=absent"] + OUTPUT, FILE),
)


SENSOR = '''#include "board_main.h"

bool board_input(uint32_t, uint64_t inference, void *to, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes / 4; ++i)
    static_cast<float *>(to)[i] = static_cast<float>((i * 7 + inference) % 17);
  return inference < 3;
}

void board_output(uint32_t, uint64_t, const void *from, uint32_t bytes) {
  board_line line;
  line.size = 0;
  for (uint32_t i = 0; i < bytes / 4; ++i) {
    board_line_hex(&line, static_cast<const uint32_t *>(from)[i]);
    board_line_text(&line, " ");
  }
  board_line_text(&line, "\\n");
  board_line_end(&line);
}
'''


def run(image, words, folder):
    """The emulated program, ended."""
    text = ",".join(["enable=on,target=native,chardev=console", *(f"arg={word}" for word in ["shard", *words])])
    command = ["qemu-system-arm", "-M", BOARD, "-display", "none", "-monitor", "none", "-nodefaults", "-serial", "null",
               "-chardev", "stdio,id=console,signal=off", "-semihosting-config", text, "-kernel", image]  # fmt: skip
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=60, stdin=subprocess.DEVNULL, text=True)


def start(image, words, folder):
    try:
        return run(image, words, folder).returncode
    except subprocess.TimeoutExpired:
        return "no end within 60 s"


def sensor(path, lab, folder):
    """Why the inputs from code do not give the host's outputs."""
    source, out = os.path.join(folder, "sensor.cpp"), os.path.join(folder, "sensor")
    with open(source, "w", encoding="utf-8") as stream:
        stream.write(SENSOR)
    firmware.compile(path, out, lab=lab, extra=["--console", "semihosting"])
    os.environ["DISCO_BOARD_IO"] = source
    firmware.build(out)
    before = os.stat(source)
    firmware.compile(path, out, lab=lab, extra=["--console", "semihosting", "--weight-check"])  # over the first one
    firmware.build(out)
    if (os.stat(source).st_mtime_ns, os.stat(source).st_size) != (before.st_mtime_ns, before.st_size):
        return "compile has written the user's file"
    lines = run(os.path.join(out, "node0", "build", "shard.elf"), [], folder).stdout.splitlines()
    values = np.array([[(i * 7 + k) % 17 for i in range(64)] for k in range(3)], np.float32).reshape(3, 1, 8, 8)
    file = os.path.join(folder, "values.npy")
    np.save(file, values)
    want = firmware.host_answer(path, 1, folder, ["--input", f"image={file}"])
    got = np.array([[struct.unpack("<f", struct.pack("<I", int(word, 16)))[0] for word in line.split()] for line in lines[:-1]], np.float32)
    del os.environ["DISCO_BOARD_IO"]
    report = json.loads(lines[-1])
    if report["inferences"] != 3 or not report["ok"]:
        return lines[-1]
    return firmware.output_fault({name: got.reshape(value.shape) for name, value in want.items()}, want)


def damaged(tally, path, lab, folder):
    """An image that checks itself, whole, and with one byte that is not what was built, anywhere in flash; and unfinished."""
    out = os.path.join(folder, "checked")
    firmware.compile(path, out, lab=lab, extra=["--console", "semihosting", "--check-image"])
    firmware.build(out)
    image = os.path.join(out, "node0", "build", "shard.elf")
    with open(image, "rb") as stream:
        whole = stream.read()
    done = run(image, INPUT + OUTPUT, folder)
    tally.check("a whole image", done.returncode == 0, done.stdout)
    sections = subprocess.run(["arm-none-eabi-readelf", "-SW", image], capture_output=True, text=True, check=True).stdout
    places = {name: (int(at, 16), int(size, 16)) for name, at, size in re.findall(r"\] (\.\S+)\s+PROGBITS\s+\S+ (\S+) (\S+)", sections)}
    for name, share, byte in ((".weights", 0.5, 0), (".weights", 0.99, 0xFF), (".data", 0, 1), (".image_check", 0.2, 1)):
        at, size = places[name]
        bad = bytearray(whole)
        bad[at + int(size * share)] ^= byte or 0x10
        with open(image, "wb") as stream:
            stream.write(bad)
        done = run(image, INPUT + OUTPUT, folder)
        tally.check(f"damaged {name}", done.returncode == FILE and "error: rank 0: flash does not hold the image" in done.stdout,
                    f"{done.returncode}: {done.stdout}")  # fmt: skip
    at, size = places[".image_check"]
    with open(image, "wb") as stream:
        stream.write(whole[:at] + bytes(size) + whole[at + size :])
    tally.check("what discoc build has not finished", start(image, INPUT + OUTPUT, folder) == FILE, "was run")


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if firmware.missing():
        tally.skip("all", firmware.missing())
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-arguments-") as folder:
        path, out = firmware.sample("digits", 1), os.path.join(folder, "out")
        lab = os.path.join(folder, "lab.toml")
        firmware.write_cluster(lab, [BOARD])
        firmware.compile(path, out, lab=lab, extra=["--console", "semihosting"])
        firmware.build(out)
        np.random.default_rng(0).random(64, np.float32).tofile(os.path.join(folder, "in"))
        for words, want in CASES:
            code = start(os.path.join(out, "node0", "build", "shard.elf"), words, folder)
            tally.check(" ".join(words), code == want, f"ended with {code}, not {want}")
        damaged(tally, path, lab, folder)
        why = sensor(path, lab, folder)
        tally.check("inputs from code", why is None, why)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
