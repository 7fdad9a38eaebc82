# SPDX-License-Identifier: Apache-2.0
"""Runs a command whose n-th call of a kind fails (failing_calls.c), for n = 1, 2, ...

    with faults.Library() as library:
        for number, run in library.each(command, "write", errno.ENOSPC):
            ...

A loop ends with the first number that no call reached. Only dynamically linked programs can be harmed.
"""

import os
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class Run:
    """How a command ended: `code` (negative: a signal), `out`, `err`, and `failed`, the calls that failed as
    (kind, number, path)."""

    def __init__(self, done, failed):
        self.code, self.out, self.err, self.failed = done.returncode, done.stdout, done.stderr, failed

    @property
    def path(self):
        """Of the first call that failed."""
        return self.failed[0][2] if self.failed else None


class Library:
    """The library, built into a folder of its own that goes away."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="discoc-faults-")
        self.path = os.path.join(self.folder.name, "failing_calls.so")
        subprocess.run(
            [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", self.path,
             os.path.join(HERE, "failing_calls.c"), "-ldl"],
            check=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def environment(self, call, at, error, program=None, path=None, times=1, log=None):
        """What a process is given so that its call number `at` of the kind `call` fails."""
        chosen = {"LD_PRELOAD": self.path, "FAIL_CALL": call, "FAIL_AT": str(at), "FAIL_ERRNO": str(int(error)),
                  "FAIL_TIMES": str(times)}  # fmt: skip
        for key, value in (("FAIL_PROGRAM", program), ("FAIL_PATH", path), ("FAIL_LOG", log)):
            if value:
                chosen[key] = value
        return dict(os.environ, **chosen)

    def run(self, command, call, at, error, program=None, path=None, times=1, timeout=120, cwd=None, wrap=None):
        """Runs the command once; `program`: its file name where that is not the command's first word. `wrap`: words
        before the command, for a process around it."""
        log = os.path.join(self.folder.name, "failed.log")
        if os.path.exists(log):
            os.remove(log)
        program = program or os.path.basename(os.path.realpath(command[0]))
        environment = self.environment(call, at, error, program, path, times, log)
        done = subprocess.run([*(wrap or []), *command], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                              timeout=timeout, cwd=cwd)  # fmt: skip
        return Run(done, read_log(log))

    def each(self, command, call, error, most=10000, step=1, **rest):
        """(number, run) for every call that the command makes; `step` leaves some out."""
        for at in range(1, most + 1, step):
            run = self.run(command, call, at, error, **rest)
            if not run.failed:
                return
            yield at, run


def read_log(path):
    """The calls that failed."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8", errors="replace") as lines:
        words = [line.rstrip("\n").split(" ", 2) for line in lines]
    return [(kind, int(number), path) for kind, number, path in words]
