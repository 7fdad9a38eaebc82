# SPDX-License-Identifier: Apache-2.0
"""Where `compile -o OUT` writes: what it replaces, what it refuses, what it keeps, and that standard output counts.

    output_directory.py
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, os.path.join(HERE, "..", "faults"))
import discoc  # noqa: E402
import faults  # noqa: E402

PIN = ["--pin", "batch=1"]
MODEL = os.path.join(discoc.ROOT, "samples", "digits", "digits_dense.onnx")


def tree(folder):
    """{name: content} of every file below a folder; of a link what it says."""
    found = {}
    for at, folders, names in os.walk(folder):
        for name in names + [f for f in folders if os.path.islink(os.path.join(at, f))]:
            path = os.path.join(at, name)
            found[os.path.relpath(path, folder)] = (
                os.readlink(path) if os.path.islink(path) else open(path, "rb").read()
            )
    return found


def write(folder, name, text="mine"):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class OutputDirectory(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory(prefix="discoc-output-")
        self.addCleanup(self.work.cleanup)
        self.out = os.path.join(self.work.name, "out")

    def discoc(self, *arguments, cwd=None, stdout=subprocess.PIPE, model=MODEL, **more):
        return subprocess.run(
            [discoc.binary(), "compile", model, *PIN, *arguments], cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout,
            stderr=subprocess.PIPE, text=True, timeout=120, **more,
        )  # fmt: skip

    def compile(self, *arguments, out=None, **more):
        done = self.discoc("-o", out or self.out, *arguments, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refused(self, *words, arguments=(), out=None, **more):
        done = self.discoc("-o", out or self.out, *arguments, **more)
        self.assertEqual(done.returncode, 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        return done

    def beside(self):
        return sorted(os.listdir(self.work.name))

    def test_lists_its_files(self):
        self.compile("-n", "2")
        with open(os.path.join(self.out, "files.json"), encoding="utf-8") as file:
            listed = json.load(file)
        self.assertEqual((listed["format"], listed["version"]), ("discoc-files", 1))
        self.assertEqual(sorted(tree(self.out)), listed["files"])
        self.assertEqual(self.beside(), ["out"])

    def test_replaces_its_own(self):
        self.compile("-n", "3")
        write(self.out, "node2/build/anything")
        write(self.out, "cluster/build/deep/er")
        write(self.out, ".build.lock")
        write(self.out, "node0/model.cpp", "changed by hand")
        self.compile("-n", "2")
        self.assertFalse(os.path.exists(os.path.join(self.out, "node2")))
        self.assertEqual(self.beside(), ["out"])

    def test_names_what_it_did_not_write(self):
        self.compile("-n", "2")
        for name in ("notes.txt", "node1/notes.txt", "results/y.npy", "node0/runtime/mine.h", "node7/main.cpp",
                     "build/x"):  # fmt: skip
            path = write(self.out, name)
            before = tree(self.out)
            shown = name if os.path.dirname(name) in ("", "node1", "node0/runtime") else name.split("/")[0] + "/"
            self.refused("holds what discoc did not write: " + shown, "--replace", arguments=["-n", "1"])
            self.assertEqual(tree(self.out), before)
            os.remove(path)
            if shown.endswith("/"):
                # An empty folder that is not ours is somebody's, too.
                self.refused(shown)
                os.rmdir(os.path.dirname(path))
        os.symlink("/etc/passwd", os.path.join(self.out, "link"))
        self.refused("link")
        os.remove(os.path.join(self.out, "link"))
        os.symlink("/tmp", os.path.join(self.out, "node0", "build"))
        self.refused("node0/build")
        for i in range(12):
            write(self.out, f"many{i:02}")
        self.refused("and 5 more")
        self.assertEqual(self.beside(), ["out"])

    def test_refuses_before_the_work(self):
        self.compile("-n", "2")
        write(self.out, "notes.txt")
        # A model that is not there is not even looked for.
        self.refused("notes.txt", model="/nowhere.onnx")
        inside = os.path.join(self.out, "node0")
        self.refused("is the current directory", out=".", cwd=self.out, model="/nowhere.onnx")
        self.refused("is the current directory", out="..", cwd=inside, model="/nowhere.onnx")
        self.refused("is the current directory", out=self.out, cwd=inside, model="/nowhere.onnx")
        self.refused("is not an output of discoc", out=write(self.work.name, "file"), model="/nowhere.onnx")
        write(self.work.name, "other/notes.txt")
        self.refused("is not an output of discoc", out=os.path.join(self.work.name, "other"), model="/nowhere.onnx")
        self.refused("is not an output of discoc", out=os.path.join(self.work.name, "other"), model="/nowhere.onnx",
                     arguments=["--replace"])  # fmt: skip
        self.refused("mount point", out="/proc", model="/nowhere.onnx")
        self.refused("cannot write into '/proc", out="/proc/1/x/y", model="/nowhere.onnx")

    def test_keeps_with_replace(self):
        self.compile("-n", "3")
        write(self.out, "notes.txt")
        script = write(self.out, "tools/run.sh", "#!/bin/sh")
        os.chmod(script, 0o751)
        os.makedirs(os.path.join(self.out, "empty"))
        os.chmod(os.path.join(self.out, "empty"), 0o700)
        os.symlink("notes.txt", os.path.join(self.out, "tools", "link"))
        write(self.out, "node2/notes.txt", "of node 2")
        self.compile("-n", "2", "--replace")
        kept = tree(self.out)
        self.assertEqual(kept["notes.txt"], b"mine")
        self.assertEqual(kept["node2/notes.txt"], b"of node 2")
        self.assertEqual(kept["tools/link"], "notes.txt")
        self.assertNotIn("node2/main.cpp", kept)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.out, "tools/run.sh")).st_mode), 0o751)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.out, "empty")).st_mode), 0o700)
        self.assertEqual(self.beside(), ["out"])
        # They are still none of discoc's.
        self.refused("empty/, node2/, notes.txt, tools/")
        self.compile("-n", "2", "--replace")

    def test_replace_overwrites_nothing(self):
        self.compile("-n", "1")
        write(self.out, "node1/main.cpp")
        before = tree(self.out)
        self.refused("node1/main.cpp", "the new output has a file of this name", arguments=["-n", "2", "--replace"])
        self.assertEqual(tree(self.out), before)
        self.assertEqual(self.beside(), ["out"])

    def test_output_without_a_list(self):
        for board in ((), ("--board", "mps2-an386")):
            self.compile("-n", "2", *board)
            os.remove(os.path.join(self.out, "files.json"))
            write(self.out, "node0/build/shard")
            self.compile("-n", "1", *board)
            os.remove(os.path.join(self.out, "files.json"))
            write(self.out, "node0/notes.txt")
            write(self.out, "node0/runtime/mine.h")
            self.refused("node0/notes.txt, node0/runtime/mine.h;", "--replace", arguments=board)
            self.compile("-n", "1", "--replace", *board)
            self.assertEqual(tree(self.out)["node0/runtime/mine.h"], b"mine")
            shutil.rmtree(self.out)

    def test_damaged_list(self):
        self.compile("-n", "1")
        for text in ("", "{}", '{"format": "discoc-files", "version": 2, "files": []}'):
            write(self.out, "files.json", text)
            self.refused("files.json")
        write(self.out, "files.json", '{"format": "discoc-files", "version": 1, "files": ["../outside"]}')
        outside = write(self.work.name, "outside")
        self.refused("manifest.json")
        self.assertTrue(os.path.exists(outside))

    def test_follows_links(self):
        place = os.path.join(self.work.name, "place")
        os.symlink("place", self.out)
        for nodes in ("1", "2", "3"):  # the first makes it
            self.compile("-n", nodes, out=self.out + "/")
            self.assertTrue(os.path.islink(self.out))
            with open(os.path.join(place, "manifest.json"), encoding="utf-8") as file:
                self.assertEqual(len(json.load(file)["nodes"]), int(nodes))
        outside = write(self.work.name, "home/notes.txt")
        os.remove(self.out)
        os.symlink("home", self.out)
        self.refused("is not an output of discoc")
        self.assertTrue(os.path.exists(outside))
        os.rename(place, os.path.join(self.work.name, "home", "place"))
        os.remove(self.out)
        os.symlink(outside, self.out)
        self.refused("is not an output of discoc")

    def test_modes_are_what_the_umask_leaves(self):
        for mask in (0o022, 0o077, 0o002):
            out = os.path.join(self.work.name, f"around{mask:o}", "out")
            self.compile("-n", "2", out=out, preexec_fn=lambda: os.umask(mask))
            for folder, _, names in os.walk(os.path.dirname(out)):
                self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o777 & ~mask, folder)
                for name in names:
                    self.assertEqual(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o666 & ~mask, name)

    def test_makes_and_leaves_no_folders_around(self):
        self.compile("-n", "1", out=os.path.join(self.work.name, "a/b/c"))
        broken = write(self.work.name, "broken.mlir", "module {}")
        self.discoc("-o", os.path.join(self.work.name, "d/e/f"), model=broken)
        self.assertEqual(self.beside(), ["a", "broken.mlir"])

    def test_two_at_once(self):
        self.compile("-n", "1")
        stop, faulty = threading.Event(), []

        def watch():
            while not stop.is_set():
                try:
                    with open(os.path.join(self.out, "manifest.json"), encoding="utf-8") as file:
                        json.load(file)
                except (OSError, ValueError) as error:
                    faulty.append(error)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for _ in range(6):
                running = [
                    subprocess.Popen([discoc.binary(), "compile", MODEL, *PIN, "-n", str(n), "-o", self.out],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                    for n in (2, 3)
                ]  # fmt: skip
                for process in running:
                    said = process.communicate(timeout=120)[1]
                    self.assertEqual((process.returncode, said), (0, ""))
                with open(os.path.join(self.out, "manifest.json"), encoding="utf-8") as file:
                    nodes = len(json.load(file)["nodes"])
                self.assertEqual(len([n for n in os.listdir(self.out) if n.startswith("node")]), nodes)
                self.assertEqual(self.beside(), ["out"])
        finally:
            stop.set()
            watcher.join()
        self.assertEqual(faulty, [])

    def test_file_systems_that_cannot_exchange(self):
        self.compile("-n", "2")
        with faults.Library() as library:
            run = library.run([discoc.binary(), "compile", MODEL, *PIN, "-n", "3", "-o", self.out], "rename", 1, 22,
                              path=self.out)  # fmt: skip
            self.assertTrue(run.failed and run.code == 0, run.err)
            self.assertTrue(os.path.exists(os.path.join(self.out, "node2")))
            self.assertEqual(self.beside(), ["out"])
        # One that was killed between the two steps left this:
        os.rename(self.out, os.path.join(self.work.name, ".out.discoc-abcdef.old"))
        self.assertEqual(self.discoc("-o", self.out, "-n", "1025").returncode, 2)
        write(os.path.join(self.work.name, ".out.discoc-abcdef.old"), "notes.txt")
        self.refused("notes.txt")
        self.assertEqual(self.beside(), ["out"])

    def test_standard_output(self):
        self.compile("-n", "2")
        listing = [["report", self.out], ["report", self.out, "--json"], ["boards"], ["inspect", MODEL, *PIN], ["--help"],
                   ["compile", "--help"], ["--version"], ["fit", MODEL, *PIN, "--board", "mps2-an386"],
                   ["compile", MODEL, *PIN, "-n", "3", "--stop-after", "simplify"]]  # fmt: skip
        for arguments in listing:
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([discoc.binary(), *arguments], stdin=subprocess.DEVNULL, stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=120)  # fmt: skip
            self.assertEqual(done.returncode, 1, arguments)
            self.assertEqual(done.stderr, "error: standard output: No space left on device\n", arguments)
        done = subprocess.run([discoc.binary() + "-opt"], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([discoc.binary() + "-opt"], stdin=subprocess.DEVNULL, stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=120)  # fmt: skip
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left on device", done.stderr)


if __name__ == "__main__":
    discoc.need_compiler()
    discoc.run_unittests()
