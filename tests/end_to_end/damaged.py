# SPDX-License-Identifier: Apache-2.0
"""200 damaged ONNX, mask and owner files: no crash, a reason, nothing left.

Tried with the build of the `asan` preset when there is one, else with the
ordinary one (and says so). --seed, --count; --filter REGEX runs some.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import damage  # noqa: E402
import discoc  # noqa: E402

# A report of a sanitizer, or of LLVM's or glibc's last words.
CRASH = re.compile(r"Sanitizer|runtime error:|PLEASE submit a bug report|"
                   r"terminate called|Assertion .* failed|LLVM ERROR|"
                   r"Stack dump")


def fault_of(case, done, out):
    """Why the case failed, or None."""
    text = done.stderr.decode(errors="replace")
    tail = " | ".join(text.strip().splitlines()[:3])[:300]
    if done.returncode < 0 or done.returncode >= 128:
        return f"ended by signal, exit code {done.returncode}: {tail}"
    if CRASH.search(text):
        return f"crashed: {CRASH.search(text).group(0)}: {tail}"
    if done.returncode == 0:
        if case.semantic:
            return "compiled"
        return None if os.path.isdir(out) else "exit code 0 but no OUT"
    if "error:" not in text:
        return f"exit code {done.returncode} without `error:`: {tail}"
    if os.path.exists(out):
        return "left OUT behind"
    if case.name == "undamaged":
        return f"refused: {tail}"
    for word in case.words:
        if not re.search(word, text):
            return f"stderr lacks /{word}/: {tail}"
    return None


def build_asan():
    root = os.path.join(HERE, "..", "..")
    for command in (["cmake", "--preset", "asan"],
                    ["cmake", "--build", "--preset", "asan", "--target",
                     "discoc", "-j", str(os.cpu_count() or 2)]):
        subprocess.run(command, cwd=root, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--filter", default="")
    parser.add_argument("--build-asan", action="store_true",
                        help="build discoc with the sanitizers first")
    a = parser.parse_args()
    if a.build_asan:
        build_asan()
    discoc.need_compiler()
    tool = discoc.binary("asan") or discoc.binary()
    if tool != discoc.binary("asan"):
        print("note: no build/asan/bin/discoc: without the address sanitizer")
    tally = discoc.Tally(a.count + 1)
    # Memory that only the process' exit frees is no fault here. LLVM's bump
    # allocator marks memory by hand, in our objects only: its libraries are
    # built without the sanitizer, and take what they get unmarked.
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:allow_user_poisoning=0:"
               "allocator_may_return_null=1")
    with tempfile.TemporaryDirectory(prefix="discoc-damaged-") as folder:
        for case in damage.cases(folder, a.seed, a.count):
            if not re.search(a.filter, case.name):
                continue
            parent = os.path.join(folder, "outs", case.name.replace("/", "-"))
            os.makedirs(parent)
            out = os.path.join(parent, "out")
            command = [tool, "compile", case.model, "-n", str(case.nodes),
                       "-o", out, *case.extra]
            for option in ("masks", "owners"):
                if getattr(case, option):
                    command += [f"--{option}", getattr(case, option)]
            try:
                done = subprocess.run(command, capture_output=True, timeout=60,
                                      env=env, cwd=parent)
                why = fault_of(case, done, out)
            except subprocess.TimeoutExpired:
                why = "no end within 60 s"
            if not why and set(os.listdir(parent)) - {"out"}:
                why = f"left {os.listdir(parent)} beside OUT"
            tally.check(case.name, why is None, why)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
