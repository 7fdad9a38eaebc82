# SPDX-License-Identifier: Apache-2.0
"""Progress on standard error: whole lines in a pipe, one line drawn anew on a terminal, nothing with --quiet or --json,
and nothing within the first second.

    progress.py
"""

import argparse
import os
import pty
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402

SAMPLE = os.path.join(discoc.ROOT, "samples", "digits")
IMAGES = "image=" + os.path.join(SAMPLE, "digits_test_images.npy")
MODEL = os.path.join(SAMPLE, "digits_dense.onnx")
# What a line of progress ends with.
LINE = re.compile(r"^(\w+): (.*), (\d+ s|\d+ min \d+ s)(, about (\d+ s|\d+ min \d+ s) left)?$")


def environment(after):
    return {**os.environ, "DISCOC_PROGRESS": after, "TERM": "xterm"}


def tool(*arguments, after="0"):
    return subprocess.run([discoc.binary(), *arguments], capture_output=True, text=True, timeout=600, env=environment(after))


def lines(text, command):
    found = [LINE.match(line) for line in text.splitlines()]
    return [match.group(2) for match in found if match and match.group(1) == command]


def on_terminal(*arguments):
    """What a command writes to a terminal of 80 columns."""
    mine, its = pty.openpty()
    with subprocess.Popen([discoc.binary(), *arguments], stdin=subprocess.DEVNULL, stdout=its, stderr=its, env=environment("0")) as child:
        os.close(its)
        text = b""
        while True:
            try:
                part = os.read(mine, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
    os.close(mine)
    return child.returncode, text.decode()


def check_commands(tally, folder):
    out = os.path.join(folder, "out")
    compiling = ["compile", MODEL, "-n", "2", "--pin", "batch=1", "-o", out]
    done = tool(*compiling)
    tally.check("compile", done.returncode == 0, done.stderr)
    done = tool("build", out)
    said = lines(done.stderr, "build")
    tally.check("build names nodes", done.returncode == 0 and any(re.match(r"node \d, ", line) for line in said), done.stderr)
    tally.check("build: lines of what is done stay", "building 2 of 2 node programs" in done.stderr and "built node 1" in done.stderr, done.stderr)
    tally.check("a log has no lines that are drawn anew", "\r" not in done.stderr and "\x1b" not in done.stderr, ascii(done.stderr))
    done = tool("run", out, "--input", IMAGES, "--repeat", "40")
    said = lines(done.stderr, "run")
    numbers = [int(match.group(1)) for match in (re.match(r"inference (\d+) of \d+$", line) for line in said) if match]
    tally.check("run counts inferences", done.returncode == 0 and numbers and numbers == sorted(numbers), done.stderr[-600:])
    done = tool("verify", out, "--model", MODEL, "--samples", "3")
    said = lines(done.stderr, "verify")
    tally.check("verify says what it does", done.returncode == 0 and any("the same on one node" in line for line in said), done.stderr)
    done = tool("verify", out, "--model", MODEL, "--quiet")
    tally.check("verify --quiet", done.returncode == 0 and not done.stderr, done.stderr)
    for more in (["--quiet"], ["--json"]):
        done = tool("run", out, "--input", IMAGES, "--repeat", "4", *more)
        tally.check(f"run {more[0]} says nothing", done.returncode == 0 and not done.stderr, done.stderr)
    os.utime(os.path.join(out, "node0", "model.cpp"))
    done = tool("build", out, "--quiet")
    tally.check("build --quiet says nothing", done.returncode == 0 and not done.stderr, done.stderr)
    done = tool("run", out, "--input", IMAGES, after="300")
    tally.check("nothing before its time", not lines(done.stderr, "run"), done.stderr)


def check_stages(tally, folder):
    """Of a model that takes a while; the lines of a pipe come at least a second apart."""
    import onnx
    sys.path.insert(0, HERE)
    import resnet50
    path = os.path.join(folder, "resnet50.onnx")
    onnx.save(resnet50.resnet50(), path)
    done = tool("compile", path, "-n", "2", "-o", os.path.join(folder, "resnet"))
    said = lines(done.stderr, "compile")
    known = [line for line in said if re.match(r"(stage \d+ of \d+, [\w-]+|reading the model|writing the programs of 2 nodes)$", line)]
    tally.check("compile: by stage", done.returncode == 0 and known and known == said, done.stderr)
    code, text = on_terminal("compile", path, "-n", "2", "-o", os.path.join(folder, "third"))
    drawn = [part for part in re.findall("\r([^\r\n\x1b]*)\x1b\\[K", text) if part]
    tally.check("a terminal: one line, drawn anew", code == 0 and drawn and all(line.startswith("compile: ") for line in drawn), ascii(text[:400]))
    tally.check("a terminal: no line is wider", all(len(line) < 80 for line in drawn), str(drawn[:3]))
    left = text[text.rindex("\x1b[K") + 3:]
    tally.check("a terminal: taken off before what is written", left.lstrip("\r").startswith("written "), ascii(left[:200]))


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    with tempfile.TemporaryDirectory(prefix="discoc-progress-") as folder:
        check_commands(tally, folder)
        check_stages(tally, folder)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
