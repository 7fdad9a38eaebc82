# SPDX-License-Identifier: Apache-2.0
"""The command line of a program on an emulated board: what is wrong in it ends the program with the exit code for that.

One small image, started without `discoc run`: it is told as a person with a debugger would tell it."""

import os
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


def start(image, words, folder):
    """The exit code of the emulated program."""
    text = ",".join(["enable=on,target=native,chardev=console", *(f"arg={word}" for word in ["shard", *words])])
    command = ["qemu-system-arm", "-M", BOARD, "-display", "none", "-monitor", "none", "-nodefaults", "-serial", "null",
               "-chardev", "stdio,id=console,signal=off", "-semihosting-config", text, "-kernel", image]  # fmt: skip
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=60, stdin=subprocess.DEVNULL).returncode
    except subprocess.TimeoutExpired:
        return "no end within 60 s"


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
        firmware.compile(path, out, lab=lab)
        firmware.build(out)
        np.random.default_rng(0).random(64, np.float32).tofile(os.path.join(folder, "in"))
        for words, want in CASES:
            code = start(os.path.join(out, "node0", "build", "shard.elf"), words, folder)
            tally.check(" ".join(words), code == want, f"ended with {code}, not {want}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
