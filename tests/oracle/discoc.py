# SPDX-License-Identifier: Apache-2.0
"""The compiler as the suites use it, and what every suite prints."""

import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
RUNTIME = os.path.join(ROOT, "runtime_stub")
# Emitted programs are built without warnings in every suite.
os.environ.setdefault("DISCO_WERROR", "ON")


def binary(preset="release"):
    """The discoc to test: DISCOC, else the preset's build; None if absent."""
    path = os.environ.get("DISCOC") if preset == "release" else None
    path = path or os.path.join(ROOT, "build", preset, "bin", "discoc")
    return path if os.access(path, os.X_OK) else None


def shared():
    """Folder with the trained models and data sets, or None."""
    path = os.environ.get("DISCOC_SHARED") or \
        os.path.join(os.path.dirname(ROOT), "shared")
    return path if os.path.isdir(os.path.join(path, "models")) else None


class CompileError(RuntimeError):
    """discoc refused; `text` is what it said on stderr."""

    def __init__(self, code, text):
        first = next((line for line in text.splitlines()
                      if "error:" in line), text.strip()[:200])
        super().__init__(first.strip() or f"exit code {code}")
        self.code, self.text = code, text

    @property
    def crashed(self):
        return self.code < 0 or "Sanitizer" in self.text or \
            "PLEASE submit a bug report" in self.text


def compile(model, nodes, out, masks=None, owners=None, shapes=None,
            extra=(), timeout=600, env=None, tool=None, cwd=None):
    """`discoc compile`; returns its stderr, raises CompileError."""
    command = [tool or binary(), "compile", str(model), "-n", str(nodes),
               "-o", str(out)]
    if masks:
        command += ["--masks", str(masks)]
    if owners:
        command += ["--owners", str(owners)]
    for name, dims in (shapes or {}).items():
        command += ["--input-shape", f"{name}={'x'.join(map(str, dims))}"]
    return run(command + list(extra), timeout, env, cwd)


def write_owners(model, nodes, path, shapes=None, masks=None, timeout=600):
    """`discoc inspect --write-owners`."""
    command = [binary(), "inspect", str(model), "-n", str(nodes),
               "--write-owners", str(path)]
    if masks:
        command += ["--masks", str(masks)]
    for name, dims in (shapes or {}).items():
        command += ["--input-shape", f"{name}={'x'.join(map(str, dims))}"]
    return run(command, timeout)


def run(command, timeout=600, env=None, cwd=None):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=timeout,
                              env=env, cwd=cwd)
    except subprocess.TimeoutExpired:
        raise CompileError(-99, f"error: no end after {timeout} s: "
                           + " ".join(command)) from None
    text = done.stderr.decode(errors="replace")
    if done.returncode:
        raise CompileError(done.returncode, text)
    return text


class Tally:
    """Counts, progress, and the closing line."""

    def __init__(self, total=None, quiet=False):
        self.passed = self.failed = self.skipped = 0
        self.total, self.quiet = total, quiet
        self.reasons = {}
        self._shown = time.monotonic()

    def ok(self, name="", note=""):
        self.passed += 1
        if note and not self.quiet:
            print(f"ok   {name}: {note}", flush=True)
        self._progress()

    def fail(self, name, why):
        self.failed += 1
        print(f"FAIL {name}: {why}", flush=True)

    def skip(self, name, why):
        self.skipped += 1
        self.reasons.setdefault(why, []).append(name)

    def check(self, name, good, why):
        if good:
            self.ok(name)
        else:
            self.fail(name, why)
        return good

    def _progress(self):
        now = time.monotonic()
        if self.total and now - self._shown > 20:
            self._shown = now
            done = self.passed + self.failed + self.skipped
            print(f"...  {done} of {self.total}", flush=True)

    def close(self):
        """Prints the closing line; returns the exit code."""
        for why, names in sorted(self.reasons.items()):
            shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
            print(f"skip {len(names)} ({shown}): {why}")
        print(f"{self.passed} passed, {self.failed} failed, "
              f"{self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


def need_compiler():
    """Ends the suite, all of it skipped, where there is no compiler."""
    if binary() is None:
        print("skip: no discoc: build it, or set DISCOC")
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(1)


def run_unittests():
    """unittest with the closing line of the suites instead of its own."""
    import io
    import unittest
    said = io.StringIO()
    result = unittest.main(module="__main__", exit=False,
                           testRunner=unittest.TextTestRunner(said)).result
    bad, skipped = (len(result.failures) + len(result.errors),
                    len(result.skipped))
    if bad:
        print(said.getvalue().rsplit("-" * 70, 1)[0])
    print(f"{result.testsRun - bad - skipped} passed, {bad} failed, "
          f"{skipped} skipped")
    sys.exit(1 if bad else 0)
