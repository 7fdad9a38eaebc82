# SPDX-License-Identifier: Apache-2.0
"""Every write of the compiler fails once, in a loop: each file that it makes, each write, close, folder and rename.

compile has to end with an error that names a file, and with the old OUT as it was; a file that cannot be removed costs a
warning. Nothing half-written stays.

    compile_faults.py [--step 1]
"""

import argparse
import errno
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, os.path.join(HERE, "..", "faults"))
import discoc  # noqa: E402
import faults  # noqa: E402
from output_directory import tree  # noqa: E402

DIGITS = os.path.join(discoc.ROOT, "samples", "digits", "digits_dense.onnx")
PIN = ["--pin", "batch=1"]
# A kind of call, and the error; those after the exchange cost a warning only.
KINDS = (
    ("create", errno.ENOSPC), ("create", errno.EACCES), ("write", errno.ENOSPC), ("close", errno.EIO),
    ("mkdir", errno.ENOSPC), ("rename", errno.EIO),
)  # fmt: skip
LATE = (("unlink", errno.EACCES), ("rmdir", errno.EBUSY))


def reset(place):
    """The folder around OUT with nothing but an OUT for two nodes."""
    shutil.rmtree(place, ignore_errors=True)
    discoc.run([discoc.binary(), "compile", DIGITS, *PIN, "-n", "2", "-o", os.path.join(place, "out")])
    return tree(place)


def loop(tally, library, name, command, call, error, place, step):
    """All calls of a kind, of a command that writes into the folder `place`."""
    number, before = 0, reset(place)
    for number, run in library.each(command, call, error, path=place, step=step):
        title = f"{name}: {call} {number} with {errno.errorcode[error]} on {run.path}"
        tally.check(title, run.code == 1, f"exit code {run.code}: {run.err}")
        named = [part for part in run.err.split("'") + run.err.split(": ") if part.startswith(place)]
        tally.check(title, "error: " in run.err and named, f"does not name a file: {run.err!r}")
        tally.check(title, os.strerror(error) in run.err, f"does not say why: {run.err!r}")
        now = tree(place)
        tally.check(title, now == before, f"left or lost {sorted(now.items() ^ before.items())[:3]}")
    tally.check(f"{name}: {call}", number > 0, "no such call was met")


def late(tally, library, command, call, error, place):
    """What was there before cannot be removed: the new output is in its place."""
    reset(place)
    for number, run in library.each(command, call, error, path=place, step=7):
        title = f"{call} {number} on {run.path}"
        tally.check(title, run.code == 0, f"exit code {run.code}: {run.err}")
        tally.check(title, "warning: cannot remove what" in run.err, f"does not warn: {run.err!r}")
        discoc.run(command)
        tally.check(title, os.listdir(place) == ["out"], f"the next compile leaves {os.listdir(place)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", type=int, default=5, help="leaves some calls out, of the commands with many")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    with tempfile.TemporaryDirectory(prefix="discoc-writes-") as folder, faults.Library() as library:
        place = os.path.join(folder, "place")
        out = os.path.join(place, "out")
        compile = [discoc.binary(), "compile", DIGITS, *PIN, "-o", out]
        for call, error in KINDS:
            loop(tally, library, "compile", [*compile, "-n", "2"], call, error, place,
                 a.step if call in ("create", "write", "close") else 1)  # fmt: skip
        boards = [*compile, "-n", "1", "--board", "mps2-an386"]
        for call, error in (("write", errno.ENOSPC), ("close", errno.EIO), ("mkdir", errno.EACCES)):
            loop(tally, library, "boards", boards, call, error, place, 3 * a.step)
        owners = [discoc.binary(), "inspect", DIGITS, *PIN, "-n", "2", "--write-owners", os.path.join(place, "owners.json")]
        for call, error in (("create", errno.EACCES), ("write", errno.ENOSPC), ("rename", errno.EIO)):
            loop(tally, library, "inspect", owners, call, error, place, 1)
        dump = [discoc.binary(), "compile", DIGITS, *PIN, "--stop-after", "assign-owners", "--dump-dir",
                os.path.join(folder, "dump")]  # fmt: skip
        for call, error in (("create", errno.EACCES), ("write", errno.ENOSPC), ("close", errno.EIO)):
            for number, run in library.each(dump, call, error, path="/dump/"):
                tally.check(f"dump: {call} {number}", run.code == 1 and "/dump/" in run.err, f"{run.code}: {run.err!r}")
        for call, error in LATE:
            late(tally, library, [*compile, "-n", "2"], call, error, place)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
