# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy between shards that counts frames, and can delay them.

It knows the programs from outside only: it reads the 32-byte headers of
docs/formats/protocol.md in the stream and counts payload by direction and
message. Node i is told the proxy's address instead of node j's own, for every
ordered pair, so that whoever dials goes through here.

    with Proxy({0: ("127.0.0.1", 5000), 1: ("127.0.0.1", 5001)}) as proxy:
        ...give node i the address proxy.address(i, j) for its peer j...
        proxy.counts        # {(from, to): {message id: [frames, bytes]}}
"""

import asyncio
import collections
import struct
import threading

# Magic, version, type, session, sequence, message, part, form, tag, length,
# CRC, zero. A hello has other fields where session to tag are.
HEADER = struct.Struct("<HBBIIIHBBIII")
MAGIC = 0xD15C
HELLO, DATA, ABORT, BYE, NOTICE, TERMS = 1, 2, 3, 4, 5, 6


class Direction:
    """One direction of one connection: finds the frames in the bytes."""

    def __init__(self, on_frame):
        self.on_frame = on_frame
        self.head = b""
        self.left = 0           # payload bytes still to come
        self.broken = False     # not our protocol: passed on, not counted

    def feed(self, data):
        """Yields (bytes, a frame starts here) in the order of the stream."""
        view, at = data, 0
        while at < len(view):
            if self.broken:
                yield view[at:], False
                return
            if self.left:
                part = view[at:at + self.left]
                self.left -= len(part)
                at += len(part)
                yield part, False
                continue
            part = view[at:at + HEADER.size - len(self.head)]
            self.head += part
            at += len(part)
            if len(self.head) < HEADER.size:
                return
            fields = HEADER.unpack(self.head)
            head, self.head = self.head, b""
            if fields[0] != MAGIC:
                self.broken = True
            else:
                self.left = fields[9]
                self.on_frame(fields[2], fields[5], fields[9])
            yield head, True


class Proxy:
    """Between all pairs of `targets` ({rank: (host, port)}).

    delay: seconds that every frame spends on the way; rate: bytes a second of
    each direction of each link. Both leave the order of the bytes alone.
    """

    def __init__(self, targets, delay=0.0, rate=None, host="127.0.0.1",
                 on_data=None):
        """on_data(data frames seen so far): called as each begins, in the
        proxy's thread, before it is passed on."""
        self.targets, self.delay, self.rate = dict(targets), delay, rate
        self.host, self.on_data, self.seen = host, on_data, 0
        # Seconds that frames really spent here, and how many there were.
        self.held, self.passed = 0.0, 0
        self.counts = collections.defaultdict(dict)
        self.frames = collections.Counter()     # (from, to, type)
        self.wire = collections.Counter()       # (from, to): every byte
        self.broken = set()                     # streams of no frames
        self._ports = {}
        self._ready = threading.Event()
        self._failure = None
        self._tasks = set()
        self._thread = threading.Thread(target=self._main, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def address(self, i, j):
        """Where node i finds node j."""
        return self.host, self._ports[i, j]

    def payload(self, skip=()):
        """{(from, to): payload bytes of data frames}, without the messages
        whose ids are in `skip`."""
        return {pair: sum(v[1] for m, v in seen.items() if m not in skip)
                for pair, seen in self.counts.items()
                if any(m not in skip for m in seen)}

    def messages(self, skip=()):
        return {pair: sum(v[0] for m, v in seen.items() if m not in skip)
                for pair, seen in self.counts.items()
                if any(m not in skip for m in seen)}

    # -- the thread ------------------------------------------------------------

    def _main(self):
        try:
            asyncio.run(self._serve())
        except Exception as error:  # reported to whoever waits in __enter__
            self._failure = error
            self._ready.set()

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        servers = []
        for i in self.targets:
            for j in self.targets:
                if i == j:
                    continue
                server = await asyncio.start_server(
                    lambda r, w, i=i, j=j: self._accept(i, j, r, w),
                    self.host, 0)
                self._ports[i, j] = server.sockets[0].getsockname()[1]
                servers.append(server)
        self._ready.set()
        await self._stop.wait()
        for server in servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, i, j, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            far_reader, far_writer = await self._dial(j)
            try:
                await asyncio.gather(
                    self._pump(i, j, reader, far_writer),
                    self._pump(j, i, far_reader, writer))
            finally:
                far_writer.close()
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _dial(self, j):
        """Nodes start in any order: the target may not listen yet."""
        while True:
            try:
                return await asyncio.open_connection(*self.targets[j])
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)

    async def _pump(self, source, sink, reader, writer):
        queue = asyncio.Queue()
        passing = asyncio.create_task(self._deliver(queue, writer))
        pair = (source, sink)

        def on_frame(kind, message, length):
            self.frames[source, sink, kind] += 1
            if kind == DATA:
                entry = self.counts[pair].setdefault(message, [0, 0])
                entry[0] += 1
                entry[1] += length
                self.seen += 1
                if self.on_data:
                    self.on_data(self.seen)

        direction = Direction(on_frame)
        last = 0.0
        try:
            while True:
                try:
                    data = await reader.read(1 << 16)
                except ConnectionError:
                    break
                if not data:
                    break
                self.wire[pair] += len(data)
                now = self._loop.time()
                for part, starts in direction.feed(data):
                    if self.rate:
                        last = max(last, now) + len(part) / self.rate
                    else:
                        last = now
                    await queue.put((last + self.delay, part, starts))
            if direction.broken:
                self.broken.add(pair)
        finally:
            await queue.put((0.0, None, False))
            await passing

    async def _deliver(self, queue, writer):
        slow = self.delay or self.rate
        while True:
            due, part, starts = await queue.get()
            if part is None:
                break
            if slow and (wait := due - self._loop.time()) > 0:
                await writer.drain()
                await asyncio.sleep(wait)
            try:
                writer.write(part)
                if starts:
                    self.held += self._loop.time() - due + self.delay
                    self.passed += 1
                await writer.drain()
            except ConnectionError:
                return
        try:
            # The other direction may still flow.
            writer.write_eof()
        except (OSError, RuntimeError):
            pass
