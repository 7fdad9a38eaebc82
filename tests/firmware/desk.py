# SPDX-License-Identifier: Apache-2.0
"""Boards on a desk: `discoc run --on` and `verify --on` over pseudo-terminals, behind which two boards run in QEMU.

The outputs are the host's to 1e-5 of the range, the payload is what report.json states, and the boards serve one run after
the other. A wrong port, another program, a port that vanishes and one on which nothing is are named, and a default image has no
semihosting call."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import firmware  # noqa: E402  (puts the oracles on the path)
import cluster  # noqa: E402
import discoc  # noqa: E402

BOARD, NODES, ONE_UART = "netduinoplus2", 2, "microbit"
# BKPT, and the shifts of register 0 around RISC-V's call.
SEMIHOSTING = re.compile(r"\bbkpt\b|\b01f01013\b|\b40705013\b")


class Bench:
    """The emulated boards of one OUT: links between them, and the pseudo-terminals of their consoles."""

    def __init__(self, out):
        self.emulators, self.ports = [], []
        pairs = [socket.socketpair() for _ in range(NODES)]
        self.wire, link = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        for node in cluster.load_json(os.path.join(out, "manifest.json"))["nodes"]:
            rank, spec = node["rank"], firmware.all_boards()[node["board"]]
            serials = {item["name"]: item["serial"] for item in spec["link"]}
            lines = {0: f"socket,id=s0,fd={link[rank].fileno()}"}
            if node["console"] in serials:
                lines[serials[node["console"]]] = "pty,id=desk"
            command = [spec["emulator"]["program"], "-M", spec["emulator"]["machine"], "-display", "none", "-monitor", "none", "-nodefaults"]
            for serial in range(max(lines) + 1):
                name = lines.get(serial, "null,id=none").split("id=")[1].split(",")[0]
                command += ["-chardev", lines[serial], "-serial", f"chardev:{name}"] if serial in lines else ["-serial", "null"]
            self.emulators.append(subprocess.Popen(
                [*command, "-kernel", os.path.join(out, f"node{rank}", "build", "shard.elf")], pass_fds=[link[rank].fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))  # fmt: skip
            own = node["console"] in serials
            self.ports.append(re.search(r"/dev/\S+", self.emulators[-1].stdout.readline()).group(0) if own else None)
        for end in link:
            end.close()
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self):
        """Two emulators that write to each other directly wait for each other once a socket is full."""
        waiting = [b"", b""]
        try:
            while True:
                read, write, _ = select.select(self.wire, [end for end, data in zip(self.wire, waiting) if data], [])
                for i, end in enumerate(self.wire):
                    if end in read:
                        waiting[1 - i] += end.recv(4096)
                    if end in write:
                        waiting[i] = waiting[i][end.send(waiting[i], socket.MSG_DONTWAIT) :]
        except OSError:
            pass  # an emulator was ended

    def close(self):
        for emulator in self.emulators:
            emulator.kill()
            emulator.wait()
            emulator.stdout.close()


def write_desk(path, ports):
    """ports: by rank; None: not in the file."""
    with open(path, "w", encoding="utf-8") as stream:
        for rank, port in enumerate(ports):
            if port:
                stream.write(f'[[board]]\nnode = {rank}\nport = "{port}"\n\n')


def image_fault(elf, tool):
    text = subprocess.run([tool, "-d", elf], capture_output=True, text=True, check=True).stdout
    found = SEMIHOSTING.search(text)
    return found.group(0) if found else None if len(text) > 10000 else "nothing was disassembled"


def images(tally, folder):
    """A RISC-V's; one that asks for semihosting has it, so that the search finds something."""
    out = os.path.join(folder, "riscv")
    for more, there in (([], False), (["--console", "semihosting"], True)):
        done = firmware.call(["compile", firmware.sample("digits", 1), "--pin", "batch=1", "-n", "1", "--board", "riscv32-virt", *more, "-o", out], 120)
        if done.returncode:
            tally.fail("riscv32-virt", done.stderr)
            continue
        firmware.build(out)
        found = image_fault(os.path.join(out, "node0", "build", "shard.elf"), "riscv64-unknown-elf-objdump")
        tally.check(f"semihosting in a RISC-V's image{' that asks for it' if there else ''}", bool(found) == there, str(found))


class Desk:
    """A compiled model, its bench and its desk file."""

    def __init__(self, folder, boards=(BOARD,) * NODES):
        self.folder = folder
        self.path, self.out = firmware.sample("digits", NODES), os.path.join(folder, "out")
        self.file, self.lab, picture = (os.path.join(folder, name) for name in ("desk.toml", "lab.toml", "in.npy"))
        firmware.write_cluster(self.lab, boards)
        firmware.compile(self.path, self.out, lab=self.lab)
        firmware.build(self.out)
        np.save(picture, np.load(os.path.join(discoc.ROOT, "samples", "digits", "digits_test_images.npy"))[:2].astype(np.float32))
        self.inputs = ["--input", f"image={picture}"]
        self.bench = Bench(self.out)

    def words(self, out=None, *more):
        return ["run", out or self.out, *self.inputs, "--on", self.file, *more]

    def refused(self, tally, name, text, ports, code=4, out=None):
        write_desk(self.file, ports)
        done = firmware.call(self.words(out), 200)
        tally.check(name, done.returncode == code and text in done.stderr, f"ended with {done.returncode}: {done.stderr}")


def runs(tally, desk, which="", verifies=True):
    want = firmware.host_answer(desk.path, NODES, desk.folder, desk.inputs)
    write_desk(desk.file, desk.bench.ports)
    for turn in ("first", "second"):
        got, report = firmware.run(desk.out, desk.inputs, os.path.join(desk.folder, turn), "--on", desk.file)
        why = firmware.output_fault(got, want) or firmware.traffic_fault(desk.out, report)
        tally.check(f"{which}the {turn} run", not why, why)
    if not verifies:
        return
    done = firmware.call(desk.words(None, "--json"), 200)
    tally.check("nothing is said with --json", done.returncode == 0 and not done.stderr, done.stderr)
    done = firmware.call(["verify", desk.out, "--model", desk.path, "--on", desk.file], 300)
    tally.check("verify", done.returncode == 0, done.stderr)


def faults(tally, desk):
    ports, other = desk.bench.ports, os.path.join(desk.folder, "other")
    desk.refused(tally, "wrong ports", "leads to the board of rank", ports[::-1])
    desk.refused(tally, "no port", "node 1 has no port", ports[:1])
    desk.refused(tally, "an absent port", "cannot be opened", [os.path.join(desk.folder, "absent"), ports[1]])
    desk.refused(tally, "a file as port", "is no serial port", [desk.lab, ports[1]])
    firmware.compile(desk.path, other, lab=desk.lab, extra=["--wire", "f16"])
    firmware.build(other)
    desk.refused(tally, "another program", "with another program", ports, out=other)
    write_desk(desk.file, ports)
    process = subprocess.Popen([discoc.binary(), *desk.words(None, "--repeat", "1000000")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = ""
    while "rank 0" not in said or "begun" not in said:
        said = process.stderr.readline()
    time.sleep(1)
    desk.bench.emulators[0].send_signal(signal.SIGKILL)
    said = process.communicate(timeout=100)[1]
    tally.check("a port that vanishes", process.returncode == 4 and f"the port {ports[0]} vanished" in said, said)


def behind(tally, folder):
    """A board whose console goes through another one is heard to its end, whether it is given the inputs or not."""
    for boards in ((BOARD, ONE_UART), (ONE_UART, BOARD)):
        inner = os.path.join(folder, boards[0])
        os.makedirs(inner)
        desk = Desk(inner, boards)
        try:
            runs(tally, desk, f"{' and '.join(boards)}: ", verifies=False)
            if boards[0] == BOARD:
                desk.refused(tally, "a port for a board behind another one", "node 1 has a port, but its console goes through node 0",
                             [desk.bench.ports[0], "/dev/null"])  # fmt: skip
        finally:
            desk.bench.close()


def silence(tally, desk):
    """A terminal at whose other end nobody is."""
    master, slave = os.openpty()
    write_desk(desk.file, [os.ttyname(slave), desk.bench.ports[1]])
    done = firmware.call(desk.words(None, "--deadline-ms", "500"), 100)
    tally.check("nobody there", done.returncode == 4 and "nothing comes from" in done.stderr, done.stderr)
    os.close(master)
    os.close(slave)


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if firmware.missing():
        tally.skip("all", firmware.missing())
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-desk-") as folder:
        images(tally, folder)
        behind(tally, os.path.join(folder, "behind"))
        desk = Desk(folder)
        found = image_fault(os.path.join(desk.out, "node0", "build", "shard.elf"), "arm-none-eabi-objdump")
        tally.check("no semihosting in the image", not found, str(found))
        try:
            runs(tally, desk)
            silence(tally, desk)
            faults(tally, desk)
        finally:
            desk.bench.close()
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
