# SPDX-License-Identifier: Apache-2.0
"""Emitted programs whose data goes by mailbox instead of streams.

Shipped samples with random masks, all shards in one process: with mailboxes of
one place and of three the outputs have the same bits as over streams, which
equal ONNX Runtime's, and every pair of nodes sends the same payload. Large
messages that are packed are packed in their places.
"""

import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import samples  # noqa: E402  (puts the oracles on the path)
import cluster  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402

CASES = ((samples.DIGITS, 2), (samples.DIGITS, 3), (samples.CIFAR, 2))
PLACES = (1, 3)
REPEAT = 5


def placed(out):
    """How many messages are packed where a mailbox takes them from."""
    count = 0
    for directory in cluster.ranks_of(out):
        with open(os.path.join(directory, "model.cpp"),
                  encoding="utf-8") as stream:
            count += stream.read().count("disco_place_or(")
    return count


def check(tally, runtime, path, nodes, folder):
    name = f"{os.path.basename(path)} N={nodes}"
    program = os.path.join(folder, "program")

    def run(places):
        got, report = cluster.run_inproc(
            program, nodes, sample.feeds, sample.outputs,
            os.path.join(folder, f"run{places}"), repeat=REPEAT,
            places=places)
        return got, cluster.payload_of(report)

    try:
        sample = samples.Sample(path, nodes, folder)
        if path == samples.CIFAR:
            count = placed(sample.out)
            tally.check(f"{name}, packed in places", count > 0, f"{count}")
        cluster.build_inproc([sample.out], program, runtime, jobs=2,
                             mail=True)
        plain, payload = run(0)
        why = compare.fault(plain, sample.want())
        tally.check(f"{name}, streams", why is None, why)
        for places in PLACES:
            got, moved = run(places)
            same = all(got[k].tobytes() == plain[k].tobytes() for k in plain)
            tally.check(f"{name}, {places} places", same, "other bits")
            tally.check(f"{name}, {places} places, payload",
                        moved == payload, f"{moved}, not {payload}")
    except (discoc.CompileError, cluster.BuildError,
            cluster.RunError) as error:
        tally.fail(name, f"{type(error).__name__}: {error}")


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-mail-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"))
        for number, (path, nodes) in enumerate(CASES):
            place = os.path.join(folder, str(number))
            os.makedirs(place)
            check(tally, runtime, path, nodes, place)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
