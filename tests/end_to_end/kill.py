# SPDX-License-Identifier: Apache-2.0
"""Any node is killed between its first and its last frame.

At 20 seeded moments (counted in data frames, by the proxy) one of three nodes
is killed. Every other node ends within its deadline and the grace time, with
the right result or with an error that names the rank that was killed.

    kill.py [--moments 20] [--seed 0]
"""

import argparse
import os
import random
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

NODES = 3
REPEAT = 4
DEADLINE, GRACE = 3.0, 2.0
# What starting and ending processes may take on a busy machine.
SLACK = 3.0


class Moment:
    """Kills `victim` when the data frame number `at` begins."""

    def __init__(self, victim, at):
        self.victim, self.at, self.when, self.shards = victim, at, None, None

    def __call__(self, seen):
        # The shards are there: no data flows before all have started.
        if seen == self.at:
            self.shards.processes[self.victim].kill()
            self.when = time.monotonic()


def run(sample, programs, folder, moment):
    """(results, outputs of the root if it wrote them)"""
    ports = cluster.free_ports(NODES)
    targets = {r: ("127.0.0.1", p) for r, p in enumerate(ports)}
    with proxy.Proxy(targets, on_data=moment) as between:
        moment.shards = shards = cluster.Tcp(
            sample.out, NODES, sample.feeds, folder, ports, between.address,
            ["--repeat", str(REPEAT), "--deadline-ms",
             str(int(DEADLINE * 1000)), "--grace-ms", str(int(GRACE * 1000))],
            programs)
        try:
            results = shards.wait(60)
            ended = time.monotonic()
            outputs = None
            if results[0][0] == 0:
                outputs = shards.outputs(sample.outputs)
            return results, outputs, ended
        finally:
            shards.close()


def fault(moment, results, outputs, ended, want):
    if moment.when is None:
        return "the moment never came: " + "; ".join(
            f"node {rank} ended with {code}: {text.strip()[-300:]}"
            for rank, (code, _, text, _) in enumerate(results))
    for rank, (code, report, text, _) in enumerate(results):
        if rank == moment.victim:
            continue
        if code is None:
            return f"node {rank} did not end"
        if code < 0:
            return f"node {rank} ended by signal {-code}"
        if code == 0:
            continue
        named = (report or {}).get("failed_rank")
        if named != moment.victim:
            return f"node {rank} names rank {named}: {text.strip()[:200]}"
        if f"{moment.victim}" not in text:
            return f"node {rank} does not say who failed: {text.strip()[:200]}"
    if ended - moment.when > DEADLINE + GRACE + SLACK:
        return f"the last node ended after {ended - moment.when:.1f} s"
    if outputs is not None and moment.victim != 0:
        return compare.fault(outputs, want)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    rng = random.Random(a.seed)
    with tempfile.TemporaryDirectory(prefix="discoc-kill-") as folder:
        sample = samples.Sample(samples.DIGITS, NODES, folder)
        programs = sample.build_apart(folder)
        want = sample.want()
        total = REPEAT * len(sample.manifest["messages"])
        for k in range(a.moments):
            moment = Moment(rng.randrange(NODES), rng.randint(1, total))
            name = (f"moment {k}: rank {moment.victim} at frame {moment.at} "
                    f"of {total}")
            results, outputs, ended = run(
                sample, programs, os.path.join(folder, f"run{k}"), moment)
            why = fault(moment, results, outputs, ended, want)
            tally.check(name, why is None, why)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
