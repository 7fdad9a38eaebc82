# SPDX-License-Identifier: Apache-2.0
"""Tests of the library that makes calls fail: every kind is met, in the program that was named and nowhere else."""

import errno
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402
import faults  # noqa: E402

PROGRAM = r"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
static int end(int bad) {
  if (bad)
    fprintf(stderr, "%s\n", strerror(errno));
  return bad ? 1 : 0;
}
int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "file")) { // create, write, close, rename, open, read
    FILE *f = fopen("part", "wb");
    int bad = !f || fwrite("some text", 1, 9, f) != 9;
    if (f && fclose(f) != 0)
      bad = 1;
    if (bad || rename("part", "whole") != 0)
      return end(1);
    char text[9];
    struct stat s;
    f = fopen("whole", "rb");
    bad = !f || fstat(fileno(f), &s) != 0 || s.st_size != 9 || fread(text, 1, 9, f) != 9;
    return end(bad || memcmp(text, "some text", 9) != 0);
  }
  if (!strcmp(what, "folder"))
    return end(mkdir("folder", 0777) != 0 || rmdir("folder") != 0);
  if (!strcmp(what, "memory")) {
    void *a = malloc(10), *b = a ? calloc(2, 10) : NULL, *c = b ? realloc(b, 100) : NULL;
    return end(!c);
  }
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return end(fd < 0 || (send(fd, "", 1, 0) < 0 && errno != ENOTCONN));
}
"""


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.library = faults.Library().__enter__()
        cls.folder = tempfile.TemporaryDirectory(prefix="discoc-faults-")
        source = os.path.join(cls.folder.name, "victim.c")
        cls.victim = os.path.join(cls.folder.name, "victim")
        with open(source, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        faults.subprocess.run(["cc", "-o", cls.victim, source], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.library.__exit__()
        cls.folder.cleanup()

    def count(self, what, call, error=errno.ENOSPC, **rest):
        """How many calls of a kind failed, each in a run of its own that told it."""
        number = 0
        for number, run in self.library.each([self.victim, what], call, error, cwd=self.folder.name, **rest):
            self.assertEqual(run.code, 1, (call, number))
            self.assertEqual(run.err.strip(), os.strerror(error))
        return number

    def test_every_kind(self):
        for what, call, calls in (
            ("file", "create", 1), ("file", "write", 1), ("file", "rename", 1), ("file", "open", 1),
            ("file", "read", 1), ("folder", "mkdir", 1), ("folder", "rmdir", 1), ("socket", "socket", 1),
            ("socket", "send", 1),
        ):  # fmt: skip
            self.assertEqual(self.count(what, call), calls, (what, call))
        self.assertGreaterEqual(self.count("memory", "alloc", errno.ENOMEM), 3)

    def test_close(self):
        run = self.library.run([self.victim, "file"], "close", 1, errno.EIO, cwd=self.folder.name)
        self.assertEqual((run.code, run.failed[0][:2]), (1, ("close", 1)))

    def test_path_and_program(self):
        self.assertEqual(self.count("file", "write", path="/part"), 1)
        self.assertEqual(self.count("file", "write", path="/elsewhere"), 0)
        self.assertEqual(self.count("file", "write", program="another"), 0)

    def test_all_from_one_on(self):
        run = self.library.run([self.victim, "memory"], "alloc", 1, errno.ENOMEM, times=0)
        self.assertEqual(run.code, 1)


if __name__ == "__main__":
    discoc.run_unittests()
