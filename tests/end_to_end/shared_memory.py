# SPDX-License-Identifier: Apache-2.0
"""Processes of one host whose data goes by memory that they share.

For shipped samples with random masks: every pair shares memory, results and
payload are those of TCP to the bit; where memory cannot be shared (one of the
two does not, a tunnel or a container lies between, another user) the data goes over TCP, and
the result is the same. A node that is killed or stopped at seeded moments is
named by the others within deadline and grace. Nothing stays behind in the
file system. `discoc run` shares memory unless it is told `--transport tcp`.
"""

import json
import os
import random
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
import compare  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402
import proxy  # noqa: E402

CASES = ((samples.DIGITS, 2), (samples.DIGITS, 3), (samples.DIGITS, 5),
         (samples.CIFAR, 2))
DEADLINE, GRACE, SLACK = 2.0, 1.0, 3.0
MOMENTS = 6


def shared_pairs(results):
    return {(report["rank"], peer["rank"]) for _, report, _, _ in results
            for peer in report["peers"] if peer["shared_memory"]}


def every_pair(nodes):
    return {(a, b) for a in range(nodes) for b in range(nodes) if a != b}


def payload(results):
    return {(report["rank"], peer["rank"]): peer["tx_payload"]
            for _, report, _, _ in results for peer in report["peers"]}


def run(sample, folder, extra=(), extra_of=None, address=None, prefix=None,
        ports=None):
    """(results, outputs) of three inferences. `extra_of`, `prefix`: by rank,
    more arguments, and what starts the program."""
    shards = Shards(sample, folder, extra, extra_of or {}, address,
                    prefix or {}, ports)
    try:
        results = shards.wait(120)
        for rank, (code, _, text, _) in enumerate(results):
            if code != 0:
                raise cluster.RunError(code, f"node {rank}: {text}")
        return results, shards.outputs(sample.outputs)
    finally:
        shards.close()


class Shards(cluster.Tcp):
    """As cluster.Tcp, with arguments and a prefix of some ranks."""

    def __init__(self, sample, folder, extra=(), extra_of=None, address=None,
                 prefix=None, ports=None, repeat=3):
        os.makedirs(folder)
        self.more, self.prefix = extra_of or {}, prefix or {}
        programs = [wrapped(cluster.shard_of(sample.out, rank), folder, rank,
                            self.prefix.get(rank), self.more.get(rank))
                    for rank in range(sample.nodes)]
        super().__init__(sample.out, sample.nodes, sample.feeds, folder, ports,
                         address, ["--repeat", str(repeat), *extra], programs)


def wrapped(program, folder, rank, prefix, more):
    """The program, or a script that starts it with more before and behind."""
    if not prefix and not more:
        return program
    path = os.path.join(folder, f"start{rank}")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(f"#!/bin/sh\nexec {' '.join(prefix or [])} {program} "
                     f"\"$@\" {' '.join(more or [])}\n")
    os.chmod(path, 0o755)
    return path


class Container:
    """Namespaces of networks and mounts for rank 1, and a wire to them."""

    def __init__(self, ports):
        self.ports = ports
        self.host, self.inside = "10.213.77.1", "10.213.77.2"
        self.process = subprocess.Popen(["unshare", "--net", "--mount", "sleep",
                                         "300"], stderr=subprocess.DEVNULL)
        pid = str(self.process.pid)
        self.wire = f"disco{pid}"[:15]
        self.prefix = ["nsenter", "-t", pid, "-n", "-m"]
        there = ["nsenter", "-t", pid, "-n"]
        self.works = self.is_apart() and all(
            subprocess.run(command, capture_output=True).returncode == 0
            for command in (
                ["ip", "link", "add", self.wire, "type", "veth", "peer", "name",
                 "wire", "netns", pid],
                ["ip", "address", "add", self.host + "/30", "dev", self.wire],
                ["ip", "link", "set", self.wire, "up"],
                [*there, "ip", "address", "add", self.inside + "/30", "dev",
                 "wire"],
                [*there, "ip", "link", "set", "wire", "up"]))

    def is_apart(self):
        """Whether it has left our namespace."""
        def network(pid):
            return os.readlink(f"/proc/{pid}/ns/net")
        if not all(map(shutil.which, ("ip", "nsenter", "unshare"))):
            return False
        until = time.monotonic() + 5
        while time.monotonic() < until and self.process.poll() is None:
            if network(self.process.pid) != network("self"):
                return True
            time.sleep(0.02)
        return False

    def of(self, rank):
        """At which address a rank listens."""
        return self.inside if rank == 1 else "0.0.0.0"

    def address(self, i, j):
        host = self.host if i == 1 else "127.0.0.1"
        return self.inside if j == 1 else host, self.ports[j]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()    # the wire goes with its namespace
        self.process.wait()


def check_results(tally, name, sample, folder):
    """Memory against TCP, and against the oracle."""
    results, got = run(sample, os.path.join(folder, "shared"))
    plain, want = run(sample, os.path.join(folder, "tcp"),
                      ["--no-shared-memory"])
    why = compare.fault(got, sample.want())
    tally.check(f"{name} outputs", why is None, why)
    tally.check(f"{name} shares memory",
                shared_pairs(results) == every_pair(sample.nodes),
                str(shared_pairs(results)))
    tally.check(f"{name} over TCP when told so", not shared_pairs(plain),
                str(shared_pairs(plain)))
    tally.check(f"{name} bits", all(got[k].tobytes() == want[k].tobytes()
                                    for k in want), "not those over TCP")
    tally.check(f"{name} payload", payload(results) == payload(plain),
                f"{payload(results)}, over TCP {payload(plain)}")
    results, got = run(sample, os.path.join(folder, "sleepy"),
                       ["--spin-us", "0"])
    tally.check(f"{name} asleep", shared_pairs(results) == every_pair(
        sample.nodes) and all(got[k].tobytes() == want[k].tobytes()
                              for k in want), str(shared_pairs(results)))


def check_alone(tally, sample, folder):
    """What keeps two nodes from sharing: the data goes over TCP then."""
    _, want = run(sample, os.path.join(folder, "want"))

    def check(name, expected, **arguments):
        began = time.monotonic()
        results, got = run(sample, os.path.join(folder, name), **arguments)
        took = time.monotonic() - began
        same = all(got[k].tobytes() == want[k].tobytes() for k in want)
        shared = shared_pairs(results)
        tally.check(f"{name}", same and shared == expected and took < 10,
                    f"same bits: {same}, shared: {shared}, {took:.1f} s")

    others = {(a, b) for a, b in every_pair(3) if 1 not in (a, b)}
    check("one node does not share", others,
          extra_of={1: ["--no-shared-memory"]})
    ports = cluster.free_ports(3)
    targets = {r: ("127.0.0.1", p) for r, p in enumerate(ports)}
    with proxy.Proxy(targets) as between:
        check("a tunnel between all", set(), ports=ports,
              address=between.address)
    if os.geteuid() != 0:
        return tally.skip("another user, a container",
                          "needs root to become one")
    for name, options in (("mount", ["--mount"]),
                          ("user", ["--user", "--map-root-user"])):
        if subprocess.run(["unshare", *options, "true"],
                          capture_output=True).returncode == 0:
            check(f"another {name} namespace", every_pair(3),
                  prefix={1: ["unshare", *options]})
        else:
            tally.skip(f"another {name} namespace", "may not be made here")
    with Container(ports) as container:
        if container.works:
            check("a container", others, ports=ports,
                  address=container.address, prefix={1: container.prefix},
                  extra_of={rank: ["--listen", f"{container.of(rank)}:{port}"]
                            for rank, port in enumerate(ports)})
        else:
            tally.skip("a container", "no network namespaces here")
    # The folder of the test is this user's alone.
    for path in (folder, os.path.dirname(sample.out), sample.out):
        os.chmod(path, 0o755)
    check("another user", others,
          prefix={1: ["setpriv", "--reuid=65534", "--clear-groups"]})
    return None


def check_loss(tally, sample, folder, seed):
    """A node that is killed, or stopped, is named by all others in time."""
    rng = random.Random(seed)
    options = ["--deadline-ms", str(int(DEADLINE * 1000)),
               "--grace-ms", str(int(GRACE * 1000))]
    for k in range(MOMENTS):
        victim, stops = rng.randrange(3), k % 2 == 1
        # Waits that spin for the whole deadline notice as well.
        spin = rng.choice(("0", "50", "1000000"))
        name = (f"rank {victim} is {'stopped' if stops else 'killed'}, "
                f"spin {spin} us")
        shards = Shards(sample, os.path.join(folder, f"loss{k}"),
                        [*options, "--spin-us", spin], repeat=100000000)
        time.sleep(0.3 + rng.random() / 2)
        process = shards.processes[victim]
        process.send_signal(signal.SIGSTOP if stops else signal.SIGKILL)
        when = time.monotonic()
        why = None
        try:
            for rank, other in enumerate(shards.processes):
                if rank != victim:
                    other.wait(30)
            took = time.monotonic() - when
            limit = (DEADLINE if stops else 0) + GRACE + SLACK
            if took > limit:
                why = f"they ended after {took:.1f} s"
        except subprocess.TimeoutExpired:
            why = "the others did not end"
        process.kill()
        for rank, (code, report, text, _) in enumerate(shards.wait(30)):
            if rank != victim and not why:
                named = (report or {}).get("failed_rank")
                if code != 1 or named != victim:
                    why = f"node {rank}: code {code}, names {named}: {text}"
        shards.close()
        tally.check(name, why is None, why)


def left(builds):
    """Sockets of these builds, and files of shared memory. Other programs of
    discoc may be running."""
    with open("/proc/net/unix", encoding="utf-8") as stream:
        names = [line.split()[-1] for line in stream if "disco-" in line]
    return ([n for n in names if any(build in n for build in builds)]
            + [n for n in os.listdir("/dev/shm") if "disco" in n])


def check_run(tally, sample, folder):
    """The command, and the programs' own reports."""
    inputs = cluster.save_inputs(sample.feeds, folder)
    for transport, expected in ((None, True), ("local", True), ("tcp", False)):
        extra = ["--transport", transport] if transport else []
        name = f"run, {transport or 'by default'}"
        done = subprocess.run([discoc.binary(), "run", sample.out, *inputs,
                               "--json", *extra], capture_output=True,
                              text=True, timeout=120)
        if done.returncode != 0:
            tally.fail(name, done.stderr)
            continue
        nodes = json.loads(done.stdout)["ranks"]
        shared = {peer["shared_memory"] for node in nodes
                  for peer in node["peers"]}
        tally.check(name, shared == {expected}, str(shared))


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    builds = []
    for path, nodes in CASES:
        name = f"{os.path.basename(path)} N={nodes}"
        with tempfile.TemporaryDirectory(prefix="discoc-shm-") as folder:
            try:
                sample = samples.Sample(path, nodes, folder)
                builds.append(sample.manifest["build_hash"][:8])
                cluster.build_shards(sample.out)
                check_results(tally, name, sample, folder)
                if (path, nodes) == (samples.DIGITS, 3):
                    check_alone(tally, sample, folder)
                    check_loss(tally, sample, folder, 1)
                    check_run(tally, sample, folder)
            except (discoc.CompileError, cluster.BuildError,
                    cluster.RunError) as error:
                tally.fail(name, f"{type(error).__name__}: {error}")
    tally.check("nothing is left behind", len(builds) == len(CASES)
                and not left(builds), str(left(builds)))
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
