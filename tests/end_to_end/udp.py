# SPDX-License-Identifier: Apache-2.0
"""Nodes that exchange by datagrams, over a network that loses them.

Between the programs of shipped samples with random masks stands a proxy that
drops, damages, repeats and reorders packets, by a seed: results are those of
TCP to the bit, and so is the payload. A node that is killed or stopped, and a
network that falls silent, end the others within deadline and grace.
`discoc run --transport udp` does the same without a proxy.

    udp.py [--full]       other samples, and two and eight nodes, too
"""

import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import samples  # noqa: E402  (puts the oracles on the path)
import cluster  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402

DEADLINE, GRACE, SLACK = 3.0, 1.0, 4.0
NODES, REPEAT = 3, 20


def udp_ports(count):
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
               for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Network:
    """Passes packets between every pair: a node of the higher rank finds the
    lower one here. Each packet is dropped, damaged or repeated with the given
    probabilities; a tenth of those that pass wait for the next one to overtake
    them where `reorders`. `strangers`: with every packet comes one from
    elsewhere, a greeting in the sender's name. `silent`: nothing passes."""

    def __init__(self, ports, loss=0.0, damage=0.0, repeat=0.0,
                 reorders=False, strangers=False, seed=1):
        self.stranger = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                         if strangers else None)
        self.loss, self.damage, self.repeat = loss, damage, repeat
        self.reorders, self.rng = reorders, random.Random(seed)
        self.silent, self.ended = False, False
        self.passed = self.dropped = self.damaged = 0
        self.routes, self.pairs = {}, {}
        for i in range(len(ports)):
            for j in range(i):
                front, back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                               for _ in range(2))
                front.bind(("127.0.0.1", 0))
                back.connect(("127.0.0.1", ports[j]))
                # A send may take the error that made a socket ready to read.
                front.setblocking(False)
                back.setblocking(False)
                self.pairs[i, j] = front
                self.routes[front] = {"to": back, "at": None, "held": None,
                                      "forged": (greeting(i, j), ports[j])}
                self.routes[back] = {"to": front, "at": None, "held": None}
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        for s in self.routes:
            s.close()

    def address(self, i, j):
        return self.pairs[i, j].getsockname()

    def _run(self):
        while not self.ended:
            for source in select.select(list(self.routes), [], [], 0.02)[0]:
                try:
                    packet, sender = source.recvfrom(2048)
                except OSError:  # nobody is there
                    continue
                route = self.routes[source]
                if source in self.pairs.values():
                    # Where what comes back on the other side goes.
                    self.routes[route["to"]]["at"] = sender
                self._pass(route, packet)

    def _pass(self, route, packet):
        draw = self.rng.random
        if self.silent or draw() < self.loss:
            self.dropped += 1
            return
        if draw() < self.damage:
            at = self.rng.randrange(len(packet))
            packet = (packet[:at] + bytes([packet[at] ^ 1 << self.rng.randrange(8)])
                      + packet[at + 1:])
            self.damaged += 1
        packets = [packet] * (2 if draw() < self.repeat else 1)
        if self.reorders and route["held"] is None and draw() < 0.1:
            route["held"] = packets
            return
        if self.stranger and "forged" in route and self.passed > 200:
            text, port = route["forged"]
            self.stranger.sendto(text, ("127.0.0.1", port))
        held, route["held"] = route["held"], None
        for each in packets + (held or []):
            self.passed += 1
            try:
                if route["at"]:
                    route["to"].sendto(each, route["at"])
                else:
                    route["to"].send(each)
            except OSError:
                pass


def greeting(sender, to):
    """A packet of docs/formats/links.md, of a node that was started again."""
    text = struct.pack("<HHHHBBH", to, sender | 0xc000, 0x5a5a, 0, 0, 0, 0)
    return text + struct.pack("<I", zlib.crc32(text))


def start(sample, folder, ports, network, repeat, extra=()):
    os.makedirs(folder)
    return cluster.Tcp(
        sample.out, sample.nodes, sample.feeds, folder, ports,
        network.address if network else None,
        ["--repeat", str(repeat), "--deadline-ms", str(int(DEADLINE * 1000)),
         "--grace-ms", str(int(GRACE * 1000)), *extra])


def run(sample, folder, ports, network, extra=("--transport", "udp")):
    """(reports, outputs) of some inferences"""
    shards = start(sample, folder, ports, network, REPEAT, extra)
    try:
        results = shards.wait(60)
        for rank, (code, _, text, _) in enumerate(results):
            if code != 0:
                raise cluster.RunError(code, f"node {rank}: {text}")
        return [r for _, r, _, _ in results], shards.outputs(sample.outputs)
    finally:
        shards.close()


def payload(reports):
    return {(r["rank"], p["rank"]): p["tx_payload"]
            for r in reports for p in r["peers"]}


def again(reports):
    return sum(s["retransmissions"] for r in reports for s in r["streams"])


def check_results(tally, name, sample, folder, networks):
    plain, want = run(sample, os.path.join(folder, "tcp"),
                      cluster.free_ports(sample.nodes), None,
                      ("--transport", "tcp"))
    why = compare.fault(want, sample.want())
    tally.check(f"{name} over TCP", why is None, why)
    for k, how in enumerate(networks):
        title = ", ".join(f"{key} {value}" for key, value in how.items())
        ports = udp_ports(sample.nodes)
        with Network(ports, **how) as network:
            reports, got = run(sample, os.path.join(folder, f"udp{k}"), ports,
                               network)
        title = f"{name}, {title or 'nothing lost'}"
        tally.check(f"{title}: bits", all(got[k].tobytes() == want[k].tobytes()
                                          for k in want), "not those over TCP")
        tally.check(f"{title}: payload", payload(reports) == payload(plain),
                    f"{payload(reports)}, over TCP {payload(plain)}")
        damaged = sum(p["damaged"] for r in reports for p in r["ports"])
        tally.check(f"{title}: packets", all(r["udp"] for r in reports)
                    and (not network.dropped or again(reports) > 0)
                    and (damaged > 0) == bool(network.damaged or network.stranger),
                    f"{network.dropped} dropped, {again(reports)} sent again, "
                    f"{network.damaged} damaged, {damaged} found")


def check_loss(tally, sample, folder):
    """A node that is killed or stopped is named, a silent network is noticed."""
    for k, (victim, how) in enumerate(((0, "killed"), (2, "killed"),
                                       (1, "stopped"), (None, "silent"))):
        ports = udp_ports(NODES)
        with Network(ports, loss=0.01) as network:
            shards = start(sample, os.path.join(folder, f"loss{k}"), ports,
                           network, 100000000, ("--transport", "udp"))
            time.sleep(0.7)
            why = end_one(shards, network, victim, how)
            shards.close()
        tally.check("the network falls silent" if victim is None
                    else f"rank {victim} is {how}", why is None, why)


def end_one(shards, network, victim, how):
    """Why the others did not end as they must, or None."""
    if victim is None:
        network.silent = True
    else:
        shards.processes[victim].send_signal(
            signal.SIGSTOP if how == "stopped" else signal.SIGKILL)
    when = time.monotonic()
    try:
        for rank, process in enumerate(shards.processes):
            if rank != victim:
                process.wait(30)
    except subprocess.TimeoutExpired:
        return "the others did not end"
    took = time.monotonic() - when
    if victim is not None:
        shards.processes[victim].kill()
    if took > DEADLINE + GRACE + SLACK:
        return f"they ended after {took:.1f} s"
    for rank, (code, report, text, _) in enumerate(shards.wait(30)):
        named = (report or {}).get("failed_rank")
        if rank != victim and (code != 1 or victim not in (None, named)):
            return f"node {rank}: code {code}, names {named}: {text}"
    return None


def check_start(tally, sample, folder):
    """A peer that is not there is named, and so is a wrong use."""
    program = cluster.shard_of(sample.out, 1)

    def check(name, code, text, *arguments):
        done = subprocess.run([program, *arguments], capture_output=True,
                              text=True, timeout=60)
        tally.check(name, done.returncode == code and text in done.stderr,
                    f"{done.returncode}: {done.stderr}")

    port = str(udp_ports(1)[0])
    check("nobody is there", 1, "nothing has come from", "--transport", "udp",
          "--listen", "0", "--peer", f"0=127.0.0.1:{port}",
          "--start-deadline-ms", "300")
    check("no address", 2, "no address for rank 0", "--transport", "udp",
          "--listen", "0")
    check("another word", 2, "neither tcp nor udp", "--transport", "pigeon")
    inputs = cluster.save_inputs(sample.feeds, folder)
    done = subprocess.run([discoc.binary(), "run", sample.out, *inputs,
                           "--json", "--transport", "udp"],
                          capture_output=True, text=True, timeout=120)
    ranks = json.loads(done.stdout)["ranks"] if done.returncode == 0 else []
    tally.check("discoc run", len(ranks) == NODES
                and all(r["udp"] for r in ranks), done.stderr)
    done = subprocess.run([discoc.binary(), "verify", sample.out, "--transport",
                           "udp", "--samples", "1", "--against",
                           "onnxruntime=" + ort.library_path()],
                          capture_output=True, text=True, timeout=300)
    tally.check("discoc verify", done.returncode == 0,
                done.stdout + done.stderr)


def check_boards(tally, inputs, folder):
    """Datagrams reach neither boards nor wires."""
    wired = os.path.join(folder, "wired.toml")
    with open(wired, "w", encoding="utf-8") as stream:
        stream.write('[[node]]\n\n[[node]]\nboard = "mps2-an386"\n\n[[link]]\n'
                     'between = [0, 1]\nkind = "uart"\n')
    out = os.path.join(folder, "wired")
    os.makedirs(out)
    discoc.compile(samples.DIGITS, 2, os.path.join(out, "out"),
                   extra=["--pin", "batch=1", "--cluster", wired])
    for verb, more in (("run", inputs), ("verify", [])):
        done = subprocess.run([discoc.binary(), verb, os.path.join(out, "out"),
                               "--transport", "udp", *more],
                              capture_output=True, text=True, timeout=300)
        tally.check(f"{verb} with a board is refused", done.returncode > 0 and
                    "UDP reaches neither boards nor wires" in done.stderr,
                    f"{done.returncode}: {done.stderr}")


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    rough = {"loss": 0.05, "damage": 0.05, "repeat": 0.05, "reorders": True}
    cases = [(samples.DIGITS, NODES, ({}, {"loss": 0.01}, {"loss": 0.1}, rough,
                                      {"strangers": True}))]
    if "--full" in sys.argv:
        cases += [(path, nodes, ({}, {"loss": 0.01}, {"loss": 0.1}, rough))
                  for path, nodes in ((samples.CIFAR, 2), (samples.DIGITS, 2),
                                      (samples.DIGITS, 8))]
    for path, nodes, networks in cases:
        name = f"{os.path.basename(path)} N={nodes}"
        with tempfile.TemporaryDirectory(prefix="discoc-udp-") as folder:
            try:
                sample = samples.Sample(path, nodes, folder)
                cluster.build_shards(sample.out)
                check_results(tally, name, sample, folder, networks)
                if nodes == NODES:
                    check_loss(tally, sample, folder)
                    check_start(tally, sample, folder)
                    check_boards(tally, cluster.save_inputs(sample.feeds,
                                                            folder), folder)
            except (discoc.CompileError, cluster.BuildError,
                    cluster.RunError) as error:
                tally.fail(name, f"{type(error).__name__}: {error}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
