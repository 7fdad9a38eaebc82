# SPDX-License-Identifier: Apache-2.0
"""Boards in QEMU without semihosting: command line, inputs, outputs and console go over a UART that no link uses (docs/formats/desk.md).

Of some boards: the outputs equal those of the host's programs to 1e-5 of the range, the payload is what
report.json states, the exit code comes, and no image has a semihosting call."""

import json
import os
import re
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import firmware  # noqa: E402  (puts the oracles on the path)
import discoc  # noqa: E402

# (board, nodes)
SHARE = (("netduinoplus2", 1), ("mps2-an386", 1), ("microbit", 1))


def encode(packet):
    """COBS and the delimiter."""
    return b"".join(
        bytes((len(part) + 1,)) + part if len(part) < 254 else b"\xff" + part[:254] + bytes((len(part) - 253,)) + part[254:]
        for part in packet.split(b"\0")
    ) + b"\0"


def decode(frame):
    out, at = bytearray(), 0
    while at < len(frame):
        code = frame[at]
        out += frame[at + 1 : at + code]
        at += code
        if code < 255 and at < len(frame):
            out.append(0)
    return bytes(out)


class Desk:
    """Answers one board; `files`: {name: bytes}, written ones come into it."""

    def __init__(self, arguments="shard", files=None):
        self.arguments, self.files = arguments.encode(), files or {}
        self.frame, self.console, self.exit, self.requests = bytearray(), "", None, 0
        self.handles, self.last = [], (None, b"")

    def bytes(self, data):
        """What came; returns what is answered."""
        answers = b""
        for byte in data:
            if byte:
                self.frame.append(byte)
                continue
            packet, self.frame = decode(bytes(self.frame)), bytearray()
            if len(packet) >= 12 and zlib.crc32(packet[:-4]) == struct.unpack("<I", packet[-4:])[0]:
                self.requests += 1
                answers += self.answer(packet)
        return answers

    def answer(self, packet):
        what, sequence, handle, _, number = struct.unpack_from("<4BI", packet)
        if (sequence, what) != self.last[0] or what == ord("H"):
            result, data = self.serve(chr(what), handle, number, packet[8:-4])
            reply = struct.pack("<4Bi", what | 0x80, sequence, 0, 0, result) + data
            self.last = ((sequence, what), encode(reply + struct.pack("<I", zlib.crc32(reply))))
        return self.last[1]

    def serve(self, what, handle, number, data):
        name, at = self.handles[handle] if handle < len(self.handles) else (None, 0)
        if what == "H":
            self.handles = []
        elif what == "C":
            return 0, self.arguments[number : number + 128]
        elif what == "O":
            name = data.decode()
            if number != 1:
                self.files[name] = b""
            if name not in self.files:
                return -1, b""
            self.handles.append((name, 0))
            return len(self.handles) - 1, b""
        elif what == "S":
            return len(self.files[name]) if name else -1, b""
        elif what == "R" and name:
            part = self.files[name][at : at + number]
            self.handles[handle] = (name, at + len(part))
            return len(part), part
        elif what == "W" and name:
            self.files[name] += data
            return len(data), b""
        elif what == "K" and name:
            self.handles[handle] = (name, number)
        elif what == "P":
            self.console += data.decode(errors="replace")
        elif what == "E":
            self.exit = number
        return 0, b""


def start(board, elf, serials):
    """QEMU with {serial: socket}."""
    emulator = firmware.all_boards()[board]["emulator"]
    command = [emulator["program"], "-M", emulator["machine"], *emulator.get("args", []), "-display", "none", "-monitor", "none", "-nodefaults"]
    for serial in range(max(serials) + 1):
        if serial in serials:
            command += ["-chardev", f"socket,id=s{serial},fd={serials[serial].fileno()}", "-serial", f"chardev:s{serial}"]
        else:
            command += ["-serial", "null"]
    return subprocess.Popen([*command, "-kernel", elf], pass_fds=[s.fileno() for s in serials.values()],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip


def run(board, out, desks, seconds=100):
    """Serves all desks until every program has ended. The link of two boards is their first UART."""
    nodes, emulators = len(desks), []
    ends = [socket.socketpair() for _ in desks]
    link = socket.socketpair() if nodes == 2 else None
    try:
        for rank in range(nodes):
            serials = {(1 if link else 0): ends[rank][1]}
            if link:
                serials[0] = link[rank]
            emulators.append(start(board, os.path.join(out, f"node{rank}", "build", "shard.elf"), serials))
        with selectors.DefaultSelector() as poll:
            for desk, (own, _) in zip(desks, ends):
                poll.register(own, selectors.EVENT_READ, desk)
            end = time.monotonic() + seconds
            while time.monotonic() < end and any(desk.exit is None for desk in desks):
                for key, _ in poll.select(0.2):
                    if data := key.fileobj.recv(4096):
                        key.fileobj.sendall(key.data.bytes(data))
    finally:
        for emulator in emulators:
            emulator.kill()
            emulator.wait()
        for pair in [*ends, *([link] if link else [])]:
            for end in pair:
                end.close()


def prepared(board, nodes, folder):
    path, out = firmware.sample("digits", nodes), os.path.join(folder, "out")
    done = firmware.call(["compile", path, "--pin", "batch=1", "-n", str(nodes), "--board", board, "--console", "uart", "-o", out], 120)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-300:])
    firmware.build(out)
    value = np.load(os.path.join(discoc.ROOT, "samples", "digits", "digits_test_images.npy"))[:2].astype(np.float32)
    np.save(os.path.join(folder, "in.npy"), value)
    want = firmware.host_answer(path, nodes, folder, ["--input", f"image={os.path.join(folder, 'in.npy')}"])
    return out, value, want


def fault(board, nodes, folder):
    out, value, want = prepared(board, nodes, folder)
    for rank in range(nodes):
        text = subprocess.run(["arm-none-eabi-objdump", "-d", os.path.join(out, f"node{rank}", "build", "shard.elf")],
                              capture_output=True, text=True, check=True).stdout  # fmt: skip
        if re.search(r"\bbkpt\b", text) or len(text) < 10000:
            return "a semihosting call is in the image"
    desks = [Desk("shard --input 0=i --output 0=o", {"i": value.tobytes()})] + [Desk() for _ in range(nodes - 1)]
    run(board, out, desks)
    if any(desk.exit != 0 for desk in desks):
        return f"exit codes {[desk.exit for desk in desks]}, {[desk.requests for desk in desks]} requests: {[desk.console[-300:] for desk in desks]}"
    ((name, values),) = want.items()
    got = {name: np.frombuffer(desks[0].files["o"], values.dtype).reshape(values.shape)}
    reports = [json.loads(desk.console.splitlines()[-1]) for desk in desks]
    return firmware.output_fault(got, want) or firmware.traffic_fault(out, {"ranks": reports})


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if firmware.missing():
        tally.skip("all", firmware.missing())
        return tally.close()
    for board, nodes in SHARE:
        with tempfile.TemporaryDirectory(prefix="discoc-desk-") as folder:
            try:
                why = fault(board, nodes, folder)
            except (RuntimeError, subprocess.TimeoutExpired, KeyError, ValueError) as error:
                why = f"{type(error).__name__}: {error}"
        tally.check(f"{nodes} {board}", not why, why)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
