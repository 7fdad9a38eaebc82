# SPDX-License-Identifier: Apache-2.0
"""Every call of an emitted host program fails once: memory, files, sockets.

For each kind of call and n = 1, 2, ... the n-th call fails in one process of a
cluster of two nodes over TCP, in a program of one node, or in the program of
all nodes. What must come of it: right outputs with exit code 0, or another
exit code and words on standard error; in the other process as well; never a
crash, never no end.
"""

import concurrent.futures
import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "oracle"),
                os.path.join(HERE, "..", "end_to_end")]
import cluster  # noqa: E402
import discoc  # noqa: E402
import emitted  # noqa: E402
import faults  # noqa: E402

KINDS = {"alloc": errno.ENOMEM, "open": errno.EMFILE, "create": errno.ENOSPC,
         "read": errno.EIO, "write": errno.ENOSPC, "close": errno.EIO,
         "mkdir": errno.EACCES, "socket": errno.EMFILE,
         "bind": errno.EADDRINUSE, "listen": errno.EADDRINUSE,
         "connect": errno.ENETUNREACH, "accept": errno.EMFILE,
         "send": errno.ECONNRESET, "recv": errno.ECONNRESET,
         "poll": errno.ENOMEM, "thread": errno.EAGAIN}
# Kinds that a program must make at all, or nothing was tested.
MADE = {"alone": "alloc open read write create close mkdir",
        "all": "alloc open read write create close mkdir thread",
        "rank 0": "alloc open read write create close mkdir socket bind listen accept "
                  "send recv poll",
        "rank 1": "alloc socket connect send recv poll"}
MOST = 40     # of a kind; waits repeat the same few calls
AT_ONCE = 6
LIMIT = 30    # seconds, of a process
DEADLINES = ["--start-deadline-ms", "1500", "--deadline-ms", "1500",
             "--grace-ms", "200"]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Suite:
    def __init__(self, folder, library):
        self.folder, self.library = folder, library
        self.tally = discoc.Tally()
        model = emitted.make_model(self.path("net.onnx"), 1, 40)
        for nodes in (1, 2):
            discoc.compile(model, nodes, self.path(f"out{nodes}"))
        for name in ("out1/node0", "out2/node0", "out2/node1", "out2/cluster"):
            build = self.path(name + "/build")
            cluster.call(["cmake", "-S", self.path(name), "-B", build,
                          "-DCMAKE_BUILD_TYPE=MinSizeRel"])
            cluster.call(["cmake", "--build", build])
        self.input = self.path("x.npy")
        np.save(self.input, np.random.default_rng(2).standard_normal(
            (3, emitted.INPUTS)).astype(np.float32))
        self.want = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def commands(self, what, work):
        """{process: command}"""
        root = ["--input", f"x={self.input}", "--output-dir",
                os.path.join(work, "out"), *DEADLINES]
        if what == "alone":
            return {what: [self.path("out1/node0/build/shard"), *root]}
        if what == "all":
            return {what: [self.path("out2/cluster/build/cluster"), *root]}
        port = free_port()
        return {"rank 0": [self.path("out2/node0/build/shard"), *root,
                           "--listen", f"127.0.0.1:{port}"],
                "rank 1": [self.path("out2/node1/build/shard"), *DEADLINES,
                           "--peer", f"0=127.0.0.1:{port}"]}

    def run_once(self, what, kind=None, at=0):
        """(whether the call was reached, what is wrong or None)"""
        work = tempfile.mkdtemp(dir=self.folder)
        log = os.path.join(work, "failed.log")
        running = {}
        for name, command in self.commands(what, work).items():
            environment = self.library.environment(
                kind, at, KINDS[kind], log=log) if name == what and kind \
                else None
            running[name] = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wrong = None
        for name, process in running.items():
            try:
                _, text = process.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                wrong = wrong or f"{name} has no end"
                continue
            why = self.judge(process.returncode, text,
                             os.path.join(work, "out"), name != "rank 1")
            wrong = wrong or (why and f"{name}: {why}")
        reached = bool(faults.read_log(log))
        shutil.rmtree(work)
        return reached, wrong

    def judge(self, code, text, out, is_root):
        if code < 0:
            return f"ended by signal {-code}"
        if code:
            return None if "error:" in text else \
                f"exit code {code} without a word: {text!r}"
        if not is_root:
            return None
        try:
            got = np.load(os.path.join(out, "y.npy"))
        except (OSError, ValueError) as error:
            return f"exit code 0, but {error}"
        if self.want is None:
            self.want = got
        return None if np.array_equal(got, self.want) else \
            "exit code 0 and wrong outputs"

    def every(self, what, kind):
        """Until a number that no call reaches."""
        made, first = 0, 1
        while first <= MOST:
            numbers = range(first, first + AT_ONCE)
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                results = list(pool.map(
                    lambda at: self.run_once(what, kind, at), numbers))
            for at, (reached, wrong) in zip(numbers, results):
                made += reached
                if reached or wrong:
                    self.tally.check(f"{what}, {kind} {at}", not wrong, wrong)
            if not all(reached for reached, _ in results):
                break
            first += AT_ONCE
        if kind in MADE[what].split():
            self.tally.check(f"{what} calls {kind}", made > 0, "never")
        print(f"{what}: {kind} failed {made} times", flush=True)

    def full_output(self):
        """A report that cannot be written."""
        for name in ("out1/node0/build/shard", "out2/cluster/build/cluster"):
            for extra in (["--json", "--input", f"x={self.input}"], ["--help"]):
                with open("/dev/full", "w", encoding="utf-8") as full:
                    done = subprocess.run(
                        [self.path(name), *extra], stdout=full, timeout=LIMIT,
                        stderr=subprocess.PIPE, text=True)
                self.tally.check(
                    f"{name} {extra[0]} > /dev/full",
                    done.returncode == 3 and "standard output" in done.stderr,
                    f"exit code {done.returncode}: {done.stderr}")

    def run(self):
        for what in ("alone", "all", "rank 0"):  # exact: one order of sums
            self.want = None
            _, wrong = self.run_once(what)
            self.tally.check(f"{what}, nothing fails", not wrong, wrong)
            for kind in KINDS:
                self.every(what, kind)
            if what == "rank 0":
                for kind in KINDS:
                    self.every("rank 1", kind)
        self.full_output()
        return self.tally.close()


def main():
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-host-faults-") as folder, \
            faults.Library() as library:
        return Suite(folder, library).run()


if __name__ == "__main__":
    sys.exit(main())
