#!/usr/bin/python3
# Plants small faults, one at a time, and sees whether the tests notice.
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/mutants/run.py [--share] [--only PART]... [--state FILE] [--list]

planted.toml and drawn.toml are tables of mutants: a file, a text that stands in it once, what it is replaced by, and the suites that
must fail then, the first of them tried first. A suite is what scripts/test --list names. A mutant is caught when one fails, ends by a
signal or does not end; "boards --models mnist" is a suite with arguments of its own. Suites must pass on the unchanged tree first. A text that is gone is a failure: draw.py draws another. What is
listed with `equivalent` (no output can differ: why) or `invalid` (it does not compile) is counted as left out.

A copy of the tree and of build/release is changed, never the tree itself; where Linux allows it the copy is shown at the tree's own
path, so that only what a mutant touches is built again. build/release must be there.

  --share        those that scripts/test runs: `share = true`
  --only PART    mutants whose name or file contains PART; may be given several times
  --state FILE   results so far, taken up again while compiler, runtime and tests are the same
  --copy DIR     where the copy lies (build/mutants): another for each of several runs at a time
  --list         names the mutants, their files and suites, and ends
The last line reads `N passed, N failed, N skipped`."""

import argparse
import filecmp
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIMIT_SECONDS = 1800  # of one suite on the unchanged tree; with a mutant four times what it took then, a minute at least
TABLES = ("planted.toml", "drawn.toml")


def loadSuites():
    """scripts/test, which knows every suite and counts what they print."""
    path = os.path.join(ROOT, "scripts", "test")
    loader = importlib.machinery.SourceFileLoader("scripts_test", path)
    spec = importlib.util.spec_from_loader("scripts_test", loader)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


def readTables():
    mutants = []
    for table in TABLES:
        with open(os.path.join(HERE, table), "rb") as stream:
            for mutant in tomllib.load(stream)["mutant"]:
                suites = mutant.get("suite", "")
                mutant["suites"] = [suites] if isinstance(suites, str) else suites
                mutants.append(mutant)
    return mutants


class Copy:
    """A copy of the tree with the build folder of the release preset."""

    def __init__(self, folder):
        self.folder = os.path.join(os.path.abspath(folder), "tree")
        self.build = os.path.join(ROOT, "build", "release")
        self.enter = self.namespace()
        if self.enter:  # copying is cheap where nothing has to be built
            shutil.rmtree(self.folder, ignore_errors=True)
        self.refresh()

    @staticmethod
    def namespace():
        """The command that shows the copy at the tree's path; empty where that is not allowed."""
        flags = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
        command = ["unshare", *flags]
        if not shutil.which("unshare"):
            return []
        probe = subprocess.run([*command, "mount", "--bind", "/tmp", "/tmp"], capture_output=True)
        return command if probe.returncode == 0 else []

    def refresh(self):
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True)
        names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
        for name in names:
            source, target = os.path.join(ROOT, name), os.path.join(self.folder, name)
            if not os.path.isfile(source):
                continue
            if os.path.exists(target) and filecmp.cmp(source, target, shallow=False):
                continue  # with its time: what was changed and put back must not look older than the build
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)
        if self.enter:
            os.makedirs(os.path.join(self.folder, "build"))
            subprocess.run(["cp", "-a", self.build, os.path.join(self.folder, "build")], check=True)
            return
        kept = set(names)
        for folder, _, files in os.walk(self.folder):
            inside = os.path.relpath(folder, self.folder)
            for name in files:
                if not (inside + os.sep).startswith("build" + os.sep) and os.path.normpath(os.path.join(inside, name)) not in kept:
                    os.remove(os.path.join(folder, name))
        self.run("cmake --preset release", 600)

    def path(self):
        return ROOT if self.enter else self.folder

    def run(self, command, seconds, environment=None, onLine=None):
        """The exit code and the output's end; code None: it did not end."""
        inner = f"cd {shlex.quote(self.path())} && {command}"
        if self.enter:
            inner = f"mount --bind {shlex.quote(self.folder)} {shlex.quote(ROOT)} && {inner}"
        process = subprocess.Popen([*self.enter, "bash", "-c", inner], env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                                   cwd="/")  # fmt: skip
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None, ""
        text = output.decode("utf-8", "replace")
        if onLine:
            for line in text.splitlines():
                onLine(line)
        return process.returncode, text

    def plant(self, mutant, text):
        with open(os.path.join(self.folder, mutant["file"]), "w", encoding="utf-8") as stream:
            stream.write(text)

    def restore(self, mutant):
        with open(os.path.join(ROOT, mutant["file"]), encoding="utf-8") as stream:
            self.plant(mutant, stream.read())


class Runner:
    def __init__(self, copy):
        self.copy = copy
        self.tools = loadSuites()
        folder = os.path.join(copy.path(), "build", "release")
        self.environment = self.tools.environmentFor(folder)
        self.known = {suite[0]: [part.replace("{build}", folder) for part in suite[2]] for suite in self.tools.SUITES}
        for name, *_ in self.tools.ctestSuites(os.path.join(ROOT, "build", "release")):
            self.known[name] = ([os.path.join(folder, "bin", name), "--gtest_brief=1"] if self.isProgram(name) else
                                ["ctest", "--test-dir", folder, "-V", "-R", f"^{name}$"])  # fmt: skip
        self.passing, self.limits = {}, {}

    @staticmethod
    def isProgram(name):
        return os.path.exists(os.path.join(ROOT, "build", "release", "bin", name))

    def command(self, suite):
        """None: nothing is called so."""
        name, *arguments = suite.split()
        return [*self.known[name], *arguments] if name in self.known else None

    def targets(self, suite):
        """What a suite runs, as far as it is built."""
        suite = suite.split()[0]
        if suite == "lit":
            return "discoc discoc-opt import_ir"
        return suite if self.isProgram(suite) else "discoc"

    def build(self, suite):
        return self.copy.run(f"cmake --build --preset release --target {self.targets(suite)}", 1800, self.environment)

    def fails(self, suite):
        """Why a suite fails on what is built, or None."""
        command = self.command(suite)
        counter = self.tools.CtestCounter() if command[0] == "ctest" else self.tools.Counter()
        command = " ".join(map(shlex.quote, command))
        limit, began = self.limits.get(suite, LIMIT_SECONDS), time.time()
        named = []

        def note(line):
            counter.add(line)
            if self.tools.FAILURE.search(line):
                named.append(line.strip())

        code, _ = self.copy.run(command, limit, self.environment, note)
        if code is None:
            return f"no end within {limit} s"
        self.limits.setdefault(suite, max(60, int(4 * (time.time() - began))))
        counts = counter.total(code)
        return f"{counts['failed']} failed{f' ({named[0][:200]})' if named else ''}" if counts["failed"] else None

    def passes(self, suite):
        """Whether a suite passes on the unchanged copy; a diagnosis otherwise."""
        if suite not in self.passing:
            if not self.command(suite):
                self.passing[suite] = f"no suite is called '{suite}'"
            else:
                code, text = self.build(suite)
                self.passing[suite] = self.fails(suite) if code == 0 else "does not build: " + text[-300:]
        return self.passing[suite]

    def judge(self, mutant):
        """(whether it is caught, how)."""
        with open(os.path.join(ROOT, mutant["file"]), encoding="utf-8") as stream:
            text = stream.read()
        found = text.count(mutant["old"])
        if found != 1:
            return False, f"{mutant['file']}: the text stands there {found} times, not once: draw another or mend the table"
        if not mutant["suites"] or mutant["suites"] == [""]:
            return False, "no suite is named"
        for suite in mutant["suites"]:
            if why := self.passes(suite):
                return False, f"{suite} does not pass on the unchanged tree: {why}"
        self.copy.plant(mutant, text.replace(mutant["old"], mutant["new"]))
        try:
            for suite in mutant["suites"]:
                code, output = self.build(suite)
                if code != 0:
                    lines = [line for line in output.splitlines() if "error" in line.lower()]
                    return False, f"does not build: {(lines or [output[-200:]])[0][:200]}"
                if why := self.fails(suite):
                    return True, f"{suite}: {why}"
            return False, f"missed by {', '.join(mutant['suites'])}"
        finally:
            self.copy.restore(mutant)


def treeKey():
    """Of all that decides whether a mutant is caught."""
    digest = hashlib.sha256()
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in sorted(listed.stdout.split("\n")):
        if name.startswith(("compiler/", "passes/", "codegen/", "runtime_stub/", "tests/")) and \
                not name.startswith("tests/mutants/") and os.path.isfile(os.path.join(ROOT, name)):  # fmt: skip
            with open(os.path.join(ROOT, name), "rb") as stream:
                digest.update(name.encode() + stream.read())
    return digest.hexdigest()[:16]


class State:
    def __init__(self, path):
        self.path, self.key, self.done = path, treeKey(), {}
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as stream:
                for entry in map(json.loads, stream):
                    if entry["key"] == self.key:
                        self.done[entry["mutant"]] = entry["caught"], entry["how"]

    @staticmethod
    def nameOf(mutant):
        return json.dumps([mutant[key] for key in ("name", "file", "old", "new", "suites")])

    def get(self, mutant):
        return self.done.get(self.nameOf(mutant))

    def add(self, mutant, caught, how):
        if self.path:
            with open(self.path, "a", encoding="utf-8") as stream:
                stream.write(json.dumps({"key": self.key, "mutant": self.nameOf(mutant), "caught": caught, "how": how}) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--state")
    parser.add_argument("--copy", default=os.path.join(ROOT, "build", "mutants"))
    parser.add_argument("--list", action="store_true")
    a = parser.parse_args()
    chosen = [m for m in readTables() if (not a.share or m.get("share")) and
              (not a.only or any(part in m["name"] or part in m["file"] for part in a.only))]  # fmt: skip
    if a.list:
        for m in chosen:
            print(f"{m['name']:40} {m['file']:40} {', '.join(m['suites']) or '-'}")
        return 0
    state, runner, counts = State(a.state), None, {"passed": 0, "failed": 0, "skipped": 0}
    for mutant in chosen:
        left = next((kind for kind in ("equivalent", "invalid") if kind in mutant), None)
        if left:
            counts["skipped"] += 1
            print(f"skip {mutant['name']}: {left}: {mutant[left]}", flush=True)
            continue
        began, known = time.time(), state.get(mutant)
        if not known:
            runner = runner or Runner(Copy(a.copy))
            known = runner.judge(mutant)
            state.add(mutant, *known)
        caught, how = known
        counts["passed" if caught else "failed"] += 1
        print(f"{'ok' if caught else 'FAIL'} {mutant['name']} ({mutant['file']}): {how}, {time.time() - began:.0f} s", flush=True)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
