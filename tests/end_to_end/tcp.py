# SPDX-License-Identifier: Apache-2.0
"""Real processes over TCP, through a proxy that counts from outside.

For shipped samples with random masks: every node's directory is copied alone
to another place and built there; the answer equals ONNX Runtime's; payload
counted between the programs = report.json = the least that the masks allow of
features alone; a
message costs 32 bytes beside its payload. --full: larger ones too. One node
is given the inputs and another returns the outputs: the same bits, and the
same bytes between the programs but for handing in and out.
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
import proxy  # noqa: E402

CASES = ((samples.DIGITS, 2), (samples.DIGITS, 3), (samples.CIFAR, 2))
MORE = ((samples.DIGITS, 5), (samples.CIFAR, 4))    # with --full
# Nodes, who is given the inputs, who returns the outputs.
ROOTS = ((2, 0, 1), (3, 0, 2), (3, 2, 1))
REPEAT = 3


def pairs(entries):
    return {(e["from"], e["to"]): e["bytes"] for e in entries}


def run_through_proxy(sample, programs, folder):
    """(proxy, results, outputs) of REPEAT inferences."""
    ports = cluster.free_ports(sample.nodes)
    targets = {r: ("127.0.0.1", p) for r, p in enumerate(ports)}
    with proxy.Proxy(targets) as between:
        shards = cluster.Tcp(sample.out, sample.nodes, sample.feeds, folder,
                             ports, between.address,
                             ["--repeat", str(REPEAT)], programs)
        try:
            results = shards.wait(120)
            for rank, (code, _, text, _) in enumerate(results):
                if code != 0:
                    raise cluster.RunError(code, f"node {rank}: {text}")
            return between, results, shards.outputs(sample.outputs)
        finally:
            shards.close()


def faults(sample, between):
    """(aspect, fault or None) of what the proxy saw."""
    root = sample.root_messages()
    report = cluster.load_json(os.path.join(sample.out, "report.json"))
    exchanged, handed = cluster.report_traffic(report)
    seen = {k: v / REPEAT for k, v in between.payload(skip=root).items()}
    yield "payload", None if seen == exchanged else \
        f"the proxy saw {seen}, report.json says {exchanged}"
    least = pairs(sample.least()["payload"])
    yield "least", None if seen == least else \
        f"the proxy saw {seen}, the least is {least}"
    ids = {m["id"] for m in sample.manifest["messages"]} - root
    seen = {k: v / REPEAT for k, v in between.payload(skip=ids).items()}
    yield "root", None if seen == handed else \
        f"the proxy saw {seen}, report.json says {handed}"
    # Each direction: hello and terms of 56 bytes each and a bye of 32, else
    # data frames.
    for pair, size in between.wire.items():
        frames = between.messages().get(pair, 0)
        payload = between.payload().get(pair, 0)
        other = sum(n for (p, q, kind), n in between.frames.items()
                    if (p, q) == pair and kind != proxy.DATA)
        overhead = size - payload - 2 * 24 - 32 * other
        if overhead != 32 * frames:
            yield "overhead", f"{pair}: {overhead} bytes for {frames} frames"
            return
    yield "overhead", None


def write_cluster(path, nodes, inputs, outputs):
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("[[node]]\n" * nodes + f"[root]\ninput_at = {inputs}\n"
                     f"output_at = {outputs}\n")
    return path


def run_with_roots(nodes, inputs, outputs, folder):
    """(sample, proxy, results, outputs) of the digits over TCP."""
    os.makedirs(folder)
    file = write_cluster(os.path.join(folder, "cluster.toml"), nodes, inputs,
                         outputs)
    sample = samples.Sample(samples.DIGITS, nodes, folder,
                            extra=["--features-only", "--cluster", file])
    cluster.build_shards(sample.out)
    return (sample, *run_through_proxy(sample, None,
                                       os.path.join(folder, "run")))


def check_roots(tally, nodes, inputs, outputs, folder):
    name = f"digits N={nodes}, {inputs} to {outputs}"
    try:
        plain = run_with_roots(nodes, inputs, inputs,
                               os.path.join(folder, "plain"))
        sample, between, results, got = run_with_roots(
            nodes, inputs, outputs, os.path.join(folder, "apart"))
    except (discoc.CompileError, cluster.BuildError,
            cluster.RunError) as error:
        return tally.fail(name, f"{type(error).__name__}: {error}")
    why = compare.fault(got, sample.want())
    tally.check(f"{name} outputs", why is None, why)
    same = all(got[k].tobytes() == plain[3][k].tobytes() for k in got)
    tally.check(f"{name} bits", same, "not those of one root")
    for aspect, why in faults(sample, between):
        tally.check(f"{name} {aspect}", why is None, why)
    counts = [r[1]["inferences"] for r in results]
    tally.check(f"{name} counts", counts == [REPEAT] * nodes, str(counts))


def check_refusal(tally, folder):
    file = write_cluster(os.path.join(folder, "cluster.toml"), 2, 0, '"all"')
    try:
        discoc.compile(samples.DIGITS, 2, os.path.join(folder, "out"),
                       extra=["--cluster", file])
        why = "it compiles"
    except discoc.CompileError as error:
        text = str(error)
        why = None if "must each name one node" in text else text
    tally.check("output_at = all is refused", why is None, why)


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    for path, nodes in CASES + (MORE if "--full" in sys.argv else ()):
        name = f"{os.path.basename(path)} N={nodes}"
        with tempfile.TemporaryDirectory(prefix="discoc-tcp-") as folder:
            try:
                sample = samples.Sample(path, nodes, folder,
                                        extra=["--features-only"])
                programs = sample.build_apart(folder)
                tally.ok(f"{name} builds alone")
                between, _, got = run_through_proxy(
                    sample, programs, os.path.join(folder, "run"))
            except (discoc.CompileError, cluster.BuildError,
                    cluster.RunError) as error:
                tally.fail(name, f"{type(error).__name__}: {error}")
                continue
            why = compare.fault(got, sample.want())
            tally.check(f"{name} outputs", why is None, why)
            for aspect, why in faults(sample, between):
                tally.check(f"{name} {aspect}", why is None, why)
    for nodes, inputs, outputs in ROOTS:
        with tempfile.TemporaryDirectory(prefix="discoc-tcp-") as folder:
            check_roots(tally, nodes, inputs, outputs, folder)
    with tempfile.TemporaryDirectory(prefix="discoc-tcp-") as folder:
        check_refusal(tally, folder)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
