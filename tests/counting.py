#!/usr/bin/python3
# What scripts/test counts of the output of suites, and that a suite that says nothing has failed.
# SPDX-License-Identifier: Apache-2.0
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "oracle"))
sys.dont_write_bytecode = True
import discoc  # noqa: E402


def load():
    loader = importlib.machinery.SourceFileLoader("scripts_test", os.path.join(HERE, "..", "scripts", "test"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("scripts_test", loader))
    loader.exec_module(module)
    return module


TEST = load()


def count(counter, text, code=0):
    for line in text.splitlines():
        counter.add(line)
    counts = counter.total(code)
    return counts["passed"], counts["failed"], counts["skipped"]


class Counting(unittest.TestCase):
    def plain(self, text, code=0):
        return count(TEST.Counter(), text, code)

    def ctest(self, text, code=0):
        return count(TEST.CtestCounter(), text, code)

    def testEveryForm(self):
        self.assertEqual(self.plain("12 passed, 3 failed, 4 skipped"), (12, 3, 4))
        self.assertEqual(self.plain("[  PASSED  ] 7 tests.\n[  SKIPPED ] 2 tests, listed below:"), (7, 0, 2))
        self.assertEqual(self.plain("[  PASSED  ] 1 test.\n[  FAILED  ] 1 test, listed below:", 1), (1, 1, 0))
        self.assertEqual(self.plain("  Passed: 35 (97.2%)\n  Failed: 1 (2.8%)", 1), (35, 1, 0))
        self.assertEqual(self.plain("Ran 9 tests in 0.1s\n\nFAILED (failures=1, errors=1, skipped=2)", 1), (5, 2, 2))
        self.assertEqual(self.plain("1 passed, 0 failed, 0 skipped\nnoise\n2 passed, 0 failed, 1 skipped"), (3, 0, 1))

    def testFailuresHaveNames(self):
        for line in ("FAIL fit SIGHUP after 3 ms: left", "237: [  FAILED  ] Run.Reads (258 ms)", "[  FAILED  ] Sizes/Crc.Long/3",
                     "FAIL: discoc :: a.mlir (1 of 2)", "ERROR: testLanes (__main__.Counting)"):  # fmt: skip
            self.assertTrue(TEST.FAILURE.search(line), line)
        for line in ("[  FAILED  ] 1 test, listed below:", "5 passed, 1 failed, 0 skipped", "Failed: 1 (2.8%)", "ok FAIL is text"):
            self.assertFalse(TEST.FAILURE.search(line), line)

    def testSilenceIsAFailure(self):
        self.assertEqual(self.plain(""), (0, 1, 0))
        self.assertEqual(self.plain("all is well"), (0, 1, 0))
        self.assertEqual(self.plain("0 passed, 0 failed, 0 skipped"), (0, 1, 0))
        self.assertEqual(self.plain("[  PASSED  ] 0 tests."), (0, 1, 0))

    def testABadEndIsAFailure(self):
        self.assertEqual(self.plain("3 passed, 0 failed, 0 skipped", 1), (3, 1, 0))
        self.assertEqual(self.plain("3 passed, 0 failed, 0 skipped", -11), (3, 1, 0))
        self.assertEqual(self.plain("3 passed, 2 failed, 0 skipped", 1), (3, 2, 0))

    def testCtest(self):
        passed = "1: [  PASSED  ] 5 tests.\n1/1 Test #1: compiler_tests ...   Passed    0.1 sec"
        self.assertEqual(self.ctest(passed), (5, 0, 0))
        self.assertEqual(self.ctest("1/1 Test #1: compiler_tests ...***Failed    0.1 sec", 8), (0, 1, 0))
        self.assertEqual(self.ctest("1/1 Test #1: stub_size ...***Skipped    0.1 sec"), (0, 0, 1))
        two = ("1: [  PASSED  ] 1 test.\n2: 4 passed, 1 failed, 2 skipped\n"
               "1/2 Test #1: a ...   Passed 0.1 sec\n2/2 Test #2: b ...***Failed 0.1 sec")
        self.assertEqual(self.ctest(two, 8), (5, 1, 2))

    def testSilenceOfCtest(self):
        self.assertEqual(self.ctest("1: nothing\n1/1 Test #1: compiler_tests ...   Passed 0.1 sec"), (0, 1, 0))
        self.assertEqual(self.ctest("1: ran 9 inputs\n1/1 Test #1: frame_decoder_fuzz ...   Passed 0.1 sec"), (1, 0, 0))
        self.assertEqual(self.ctest(""), (0, 1, 0), "no test ran")
        for _, reason in TEST.SILENT:
            self.assertTrue(reason)


class Running(unittest.TestCase):
    """Suites as processes, in one lane and in two."""

    def lanes(self, suites, jobs):
        with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w", encoding="utf-8") as null:
            shown, sys.stdout = sys.stdout, null
            try:
                lanes = TEST.Lanes(suites, folder, folder, dict(os.environ))
                lanes.run(jobs)
            finally:
                sys.stdout = shown
            with open(os.path.join(folder, "times.md"), encoding="utf-8") as stream:
                return lanes.total, lanes.bad, stream.read()

    def testSuites(self):
        suites = [("good", True, ["echo", "2 passed, 0 failed, 0 skipped"]), ("silent", True, ["true"]),
                  ("kill", False, ["bash", "-c", "echo '1 passed, 1 failed, 0 skipped'; exit 1"]),
                  ("absent", True, ["/nonexistent/program"])]  # fmt: skip
        for jobs in (1, 2):
            total, bad, times = self.lanes(suites, jobs)
            self.assertEqual(total, {"passed": 3, "failed": 3, "skipped": 0})
            self.assertEqual(sorted(bad), ["absent", "kill", "silent"])
            self.assertEqual(times.count("\n"), 2 + len(suites))

    def testLanesOverlap(self):
        """Each suite waits for what the other writes: only two lanes end well."""
        with tempfile.TemporaryDirectory() as folder:
            def meet(own, other):
                return ["bash", "-c", f"touch {folder}/{own}; for i in $(seq 200); do [ -e {folder}/{other} ] && "
                        "echo '1 passed, 0 failed, 0 skipped' && exit; sleep 0.05; done; exit 1"]  # fmt: skip
            # The second suite of a pair is of the lane of those that wait, or one that this lane takes from the other's.
            suites = [("works", True, meet("a", "b")), ("kill", True, meet("b", "a")),
                      ("left", True, meet("c", "d")), ("right", True, meet("d", "c"))]  # fmt: skip
            total, bad, _ = self.lanes(suites, 2)
        self.assertEqual((total["passed"], bad), (4, []))

    def testWaitingSuitesAreThere(self):
        known = {suite[0] for suite in TEST.SUITES} | {"packets_tests", "runtime_tests"}
        self.assertLessEqual(set(TEST.WAITING), known)


if __name__ == "__main__":
    discoc.run_unittests()
