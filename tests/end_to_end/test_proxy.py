# SPDX-License-Identifier: Apache-2.0
"""The proxy itself, between two sockets of this process."""

import os
import socket
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402
import proxy  # noqa: E402


def frame(kind, message, payload):
    return proxy.HEADER.pack(proxy.MAGIC, 2, kind, 0, 0, message, 0, 0, 0,
                             len(payload), 0, 0) + payload


def read_all(connection):
    data = b""
    while part := connection.recv(1 << 16):
        data += part
    return data


class ProxyTest(unittest.TestCase):
    def run_once(self, out, back, **options):
        """Node 0 dials node 1 through the proxy; returns what arrived."""
        listener = socket.create_server(("127.0.0.1", 0))
        got = {}
        targets = {0: ("127.0.0.1", 1), 1: listener.getsockname()[:2]}
        with proxy.Proxy(targets, **options) as p:
            def serve():
                connection, _ = listener.accept()
                connection.sendall(back)
                connection.shutdown(socket.SHUT_WR)
                got["out"] = read_all(connection)
                connection.close()
            thread = threading.Thread(target=serve)
            thread.start()
            started = time.monotonic()
            near = socket.create_connection(p.address(0, 1))
            for k in range(0, len(out), 7):
                near.sendall(out[k:k + 7])
            near.shutdown(socket.SHUT_WR)
            got["back"] = read_all(near)
            thread.join()
            near.close()
            got["seconds"] = time.monotonic() - started
        listener.close()
        return p, got

    def test_counts_and_passes(self):
        out = frame(proxy.HELLO, 0, b"h" * 24)
        out += frame(proxy.TERMS, 0, b"t" * 24)
        out += frame(proxy.DATA, 5, b"x" * 100)
        out += frame(proxy.DATA, 5, b"") + frame(proxy.BYE, 0, b"")
        back = frame(proxy.DATA, 6, b"y" * 100000)
        p, got = self.run_once(out, back)
        self.assertEqual(got["out"], out)
        self.assertEqual(got["back"], back)
        self.assertEqual(p.counts[0, 1], {5: [2, 100]})
        self.assertEqual(p.payload(), {(0, 1): 100, (1, 0): 100000})
        self.assertEqual(p.payload(skip={6}), {(0, 1): 100})
        self.assertEqual(p.wire[1, 0], 100032)
        self.assertEqual(p.frames[0, 1, proxy.HELLO], 1)
        self.assertEqual(p.frames[0, 1, proxy.TERMS], 1)

    def test_delays(self):
        _, got = self.run_once(frame(proxy.DATA, 1, b"x"), b"", delay=0.2)
        self.assertGreaterEqual(got["seconds"], 0.2)

    def test_rate(self):
        _, got = self.run_once(b"", frame(proxy.DATA, 1, b"x" * 50000),
                               rate=250000)
        self.assertGreaterEqual(got["seconds"], 0.19)

    def test_garbage_passes(self):
        p, got = self.run_once(b"\xff" * 100, b"")
        self.assertEqual(got["out"], b"\xff" * 100)
        self.assertEqual(p.broken, {(0, 1)})


if __name__ == "__main__":
    discoc.run_unittests()
