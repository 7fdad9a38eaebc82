# SPDX-License-Identifier: Apache-2.0
"""Emitted programs built with -DDISCO_MPI=ON, started by mpirun.

For shipped samples with random masks: the outputs have the bits of `discoc
run`, and the programs count the same payload. A rank that is killed, or that
is stopped and says nothing more, ends the job within deadline and grace; the
exit code is not 0, and no process stays. A wrong number of ranks, a wrong
order, and a program that was built without MPI are refused in words.

    mpi.py [--full]       the digits on two and eight nodes, too
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import samples  # noqa: E402  (puts the oracles on the path)
import cluster  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402

import numpy as np  # noqa: E402

CASES = ((samples.DIGITS, 3), (samples.CIFAR, 2))
MORE = ((samples.DIGITS, 2), (samples.DIGITS, 8))    # with --full
REPEAT = 5
DEADLINE, GRACE = 2.0, 1.0
# What starting and ending processes may take on a busy machine.
SLACK = 20.0
# The tests may run as root, on fewer processors than there are ranks, and
# alone on their host.
SETTINGS = {"OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_btl": "self,vader",
            "OMPI_MCA_hwloc_base_binding_policy": "none"}


def build(directory, *settings, place="build"):
    """-O1: both sides of every comparison are this program."""
    place = os.path.join(directory, place)
    cluster.call(["cmake", "-S", directory, "-B", place,
                  "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O1",
                  *settings])
    cluster.call(["cmake", "--build", place, "-j", "2"])


class Job:
    """mpirun with a program a rank, in the order of `ranks`; the root is
    given inputs and returns outputs."""

    def __init__(self, sample, folder, ranks=None, extra=()):
        inputs = cluster.save_inputs(sample.feeds, folder)
        self.target = os.path.join(folder, "out")
        command = ["mpirun", "--oversubscribe"]
        for k, rank in enumerate(ranks or range(sample.nodes)):
            command += [":"] * (k > 0) + [
                "-np", "1", cluster.shard_of(sample.out, rank), "--mpi",
                "--json", *extra]
            if rank == 0:
                command += [*inputs, "--output-dir", self.target]
        self.out = open(os.path.join(folder, "stdout"), "w+b")
        self.err = open(os.path.join(folder, "stderr"), "w+b")
        self.process = subprocess.Popen(
            command, env=dict(os.environ, **SETTINGS), stdout=self.out,
            stderr=self.err, stdin=subprocess.DEVNULL, cwd=folder)

    def said(self, stream):
        return os.pread(stream.fileno(), 1 << 20, 0).decode(errors="replace")

    def wait(self, timeout):
        """(exit code or None, reports by rank, what was said)"""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        lines = [json.loads(line) for line in self.said(self.out).splitlines()
                 if line.startswith("{")]
        return code, {r["rank"]: r for r in lines}, self.said(self.err)

    def close(self):
        for pid in self.ranks().values():
            os.kill(pid, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.out.close()
        self.err.close()

    def ranks(self):
        """{rank: pid} of the programs that mpirun has started."""
        path, found = f"/proc/{self.process.pid}/task", {}
        try:
            for task in os.listdir(path):
                with open(f"{path}/{task}/children", encoding="ascii") as f:
                    for pid in f.read().split():
                        found[rank_of(pid)] = int(pid)
        except OSError:
            pass    # it has ended
        return found


def rank_of(pid):
    """What Open MPI has told a process; None where it is not one of a job."""
    with open(f"/proc/{pid}/environ", "rb") as f:
        for entry in f.read().split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == b"OMPI_COMM_WORLD_RANK":
                return int(value)
    return None


def running(folder):
    """Processes whose program lies in `folder`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe").startswith(folder + os.sep):
                found.append(int(pid))
        except OSError:
            pass    # another user's, or it has ended
    return found


def run_discoc(sample, folder):
    """(outputs, reports by rank) of the same programs under `discoc run`."""
    inputs = cluster.save_inputs(sample.feeds, folder)
    target = os.path.join(folder, "out")
    done = subprocess.run(
        [discoc.binary(), "run", sample.out, *inputs, "--output-dir", target,
         "--repeat", str(REPEAT), "--json"], capture_output=True, timeout=120)
    if done.returncode:
        raise cluster.RunError(done.returncode, done.stderr.decode())
    reports = {r["rank"]: r for r in json.loads(done.stdout)["ranks"]}
    return cluster.load_outputs(sample.outputs, target), reports


def payload(reports):
    return {(rank, peer["rank"]): (peer["tx_payload"], peer["tx_messages"])
            for rank, report in reports.items() for peer in report["peers"]}


def check_results(tally, name, sample, folder):
    for part in ("local", "mpi"):
        os.makedirs(os.path.join(folder, part))
    want, counted = run_discoc(sample, os.path.join(folder, "local"))
    job = Job(sample, os.path.join(folder, "mpi"),
              extra=["--repeat", str(REPEAT)])
    try:
        code, reports, text = job.wait(120)
    finally:
        job.close()
    if not tally.check(f"{name} ends well", code == 0,
                       f"exit code {code}: {text.strip()[-500:]}"):
        return
    got = cluster.load_outputs(sample.outputs, job.target)
    tally.check(f"{name} bits", all(got[k].tobytes() == want[k].tobytes() and
                                    np.all(np.isfinite(want[k]))
                                    for k in want), "not those of discoc run")
    tally.check(f"{name} payload", payload(reports) == payload(counted),
                f"{payload(reports)}, discoc run {payload(counted)}")
    tally.check(f"{name} says that it was MPI",
                len(reports) == sample.nodes and
                all(r.get("mpi") is True for r in reports.values()) and
                not any("mpi" in r for r in counted.values()), str(reports))


def wait_until_all_are_there(job, nodes):
    until = time.monotonic() + 60
    while time.monotonic() < until and job.process.poll() is None:
        if job.said(job.err).count("nodes are there") == nodes:
            return True
        time.sleep(0.05)
    return False


def check_lost(tally, name, sample, folder, victim, how):
    """Rank `victim` is sent the signal `how` while inferences run."""
    os.makedirs(folder)
    job = Job(sample, folder, extra=[
        "--repeat", "100000000", "--deadline-ms", str(int(DEADLINE * 1000)),
        "--grace-ms", str(int(GRACE * 1000))])
    try:
        if not wait_until_all_are_there(job, sample.nodes):
            return tally.fail(name, f"it did not start: {job.said(job.err)}")
        time.sleep(0.2)
        ranks = job.ranks()
        if sorted(ranks) != list(range(sample.nodes)):
            return tally.fail(name, f"it has ended: {job.said(job.err)}")
        os.kill(ranks[victim], how)
        began = time.monotonic()
        code, _, text = job.wait(DEADLINE + GRACE + SLACK)
        took = time.monotonic() - began
        left = running(sample.out)
    finally:
        job.close()
    tally.check(f"{name}: the job ends", code is not None,
                f"no end after {took:.1f} s: {text[-500:]}")
    tally.check(f"{name}: exit code", code not in (None, 0), str(code))
    tally.check(f"{name}: nothing stays", not left, str(left))
    print(f"     {name}: exit code {code} after {took:.1f} s")
    if how == signal.SIGSTOP:
        tally.check(f"{name}: who", f"rank {victim}" in text, text[-500:])


def check_refused(tally, name, sample, folder, ranks, words):
    os.makedirs(folder)
    job = Job(sample, folder, ranks)
    try:
        code, _, text = job.wait(60)
        left = running(sample.out)
    finally:
        job.close()
    tally.check(name, code not in (None, 0) and words in text and not left,
                f"exit code {code}, left {left}: {text[-500:]}")


def check_without(tally, sample, folder):
    """Built as usual, a program knows --mpi and says what it lacks."""
    place = os.path.join(folder, "plain")
    shutil.copytree(os.path.join(sample.out, "node1"), place,
                    ignore=shutil.ignore_patterns("build"))
    build(place)
    done = subprocess.run([os.path.join(place, "build", "shard"), "--mpi"],
                          capture_output=True, timeout=60)
    text = done.stderr.decode()
    tally.check("without DISCO_MPI", done.returncode > 0 and "-DDISCO_MPI=ON" in text,
                f"exit code {done.returncode}: {text}")


def check(tally, path, nodes, folder):
    name = f"{os.path.basename(path)} N={nodes}"
    sample = samples.Sample(path, nodes, folder)
    for directory in cluster.ranks_of(sample.out):
        build(directory, "-DDISCO_MPI=ON")
    check_results(tally, name, sample, folder)
    if nodes == 2 and path == samples.CIFAR:
        check_refused(tally, "a rank too many", sample,
                      os.path.join(folder, "many"), [0, 1, 1],
                      "of 2, and MPI has started it as rank")
        check_refused(tally, "a rank too few", sample,
                      os.path.join(folder, "few"), [0],
                      "of 2, and MPI has started it as rank 0 of 1")
        check_refused(tally, "the wrong order", sample,
                      os.path.join(folder, "order"), [1, 0],
                      "of 2, and MPI has started it as rank")
    if (path, nodes) == CASES[0]:
        check_without(tally, sample, folder)
        check_lost(tally, "killed", sample, os.path.join(folder, "killed"), 1,
                   signal.SIGKILL)
        check_lost(tally, "root killed", sample,
                   os.path.join(folder, "root"), 0, signal.SIGKILL)
        check_lost(tally, "stopped", sample, os.path.join(folder, "stopped"),
                   2, signal.SIGSTOP)


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    if not shutil.which("mpirun"):
        tally.skip("all", "no mpirun (scripts/setup test installs it)")
        return tally.close()
    for path, nodes in CASES + (MORE if "--full" in sys.argv else ()):
        with tempfile.TemporaryDirectory(prefix="discoc-mpi-") as folder:
            try:
                check(tally, path, nodes, folder)
            except (discoc.CompileError, cluster.BuildError,
                    cluster.RunError) as error:
                tally.fail(f"{os.path.basename(path)} N={nodes}",
                           f"{type(error).__name__}: {error}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
