# SPDX-License-Identifier: Apache-2.0
"""The files that people flash: read as the boot ROM or loader of each board would, by this script alone.

Of every board with images: a program for two nodes is compiled and built; .uf2, .hex and .bin hold the same bytes, those of shard.elf;
nothing lies outside of the board's flash or where its boot loader is; the boot tables, checksums, the stack's top and the reset vector
are what the chip needs. Then every table is damaged, one at a time, and has to be noticed. `discoc flash --dry-run` shows the commands that
the tools' makers document.

    images.py [BOARD...]
"""

import os
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import firmware  # noqa: E402  (puts the oracles on the path)
import discoc  # noqa: E402

# What the makers say: where flash is, what the loader takes, where its own bytes are, where RAM is, where the vectors are.
CHIPS = {
    "rp2040": {"flash": (0x10000000, 0x10200000), "ram": (0x20000000, 0x20042000), "vectors": 0x10000100, "family": 0xE48BFF56},
    "rp2350": {"flash": (0x10000000, 0x10400000), "ram": (0x20000000, 0x20082000), "vectors": 0x10000200, "family": 0xE48BFF59},
    "imxrt1062-teensy41": {"flash": (0x60000000, 0x607C0000), "ram": (0x20000000, 0x20020000), "vectors": 0x60002000},
    "nrf52840": {"flash": (0, 0x100000), "ram": (0x20000000, 0x20040000), "vectors": 0},
    "nrf52840-uf2": {"flash": (0x26000, 0xAD000), "ram": (0x20000008, 0x20040000), "vectors": 0x26000, "family": 0xADA52840},
    "stm32f746-nucleo": {"flash": (0x08000000, 0x08100000), "ram": (0x20000000, 0x20050000), "vectors": 0x08000000},
    "stm32h743-nucleo": {"flash": (0x08000000, 0x08200000), "ram": (0x20000000, 0x20020000), "vectors": 0x08000000},
    "netduinoplus2": {"flash": (0x08000000, 0x08100000), "ram": (0x20000000, 0x20020000), "vectors": 0x08000000},
    "stm32vldiscovery": {"flash": (0x08000000, 0x08020000), "ram": (0x20000000, 0x20002000), "vectors": 0x08000000},
    "microbit": {"flash": (0, 0x40000), "ram": (0x20000000, 0x20004000), "vectors": 0},
}  # fmt: skip
SMALL = ("microbit", "stm32vldiscovery")
PROGRAM = "-c 'program {{{file}}} verify reset exit'"  # braces: the path is one word of Tcl
ST_FLASH = "st-flash --reset write {file} 0x08000000"
# What the makers' pages say, by tool, and the file that it takes. nrf52840-uf2 has its loader's drive only.
COMMANDS = {
    "rp2040": [("uf2", "picotool load -v -x {file}")],
    "rp2350": [("uf2", "picotool load -v -x {file}")],
    "imxrt1062-teensy41": [("hex", "teensy_loader_cli --mcpu=TEENSY41 -w -v {file}")],
    "nrf52840": [("hex", "nrfjprog --program {file} --sectorerase --verify --reset"), ("hex", "openocd -f board/nordic_nrf52_dk.cfg " + PROGRAM)],
    "nrf52840-uf2": [],
    "stm32f746-nucleo": [("bin", ST_FLASH), ("elf", "openocd -f board/st_nucleo_f7.cfg " + PROGRAM)],
    "stm32h743-nucleo": [("bin", ST_FLASH), ("elf", "openocd -f board/st_nucleo_h743zi.cfg " + PROGRAM)],
    "netduinoplus2": [("bin", "dfu-util -a 0 -s 0x08000000:leave -D {file}"), ("bin", ST_FLASH)],
    "stm32vldiscovery": [("bin", ST_FLASH), ("elf", "openocd -f board/stm32vldiscovery.cfg " + PROGRAM)],
    "microbit": [("hex", "openocd -f interface/cmsis-dap.cfg -f target/nrf51.cfg " + PROGRAM)],
}


class Wrong(Exception):
    """Why nothing would start."""


def demand(good, why):
    if not good:
        raise Wrong(why)


# ---- the three formats


def read_uf2(data, chip):
    """{address: byte}, as a loader that wants its family and whole blocks of 256 bytes."""
    demand(data and len(data) % 512 == 0, "uf2: no blocks of 512 bytes")
    count, memory = len(data) // 512, {}
    for i in range(count):
        block = data[i * 512 : i * 512 + 512]
        begin0, begin1, flags, address, size, number, total, family = struct.unpack("<8I", block[:32])
        demand((begin0, begin1) == (0x0A324655, 0x9E5D5157) and struct.unpack("<I", block[508:])[0] == 0x0AB16F30, f"uf2: block {i}: magic")
        demand(flags & 0x2000 and family == chip["family"], f"uf2: block {i}: family {family:#x}")
        demand((number, total) == (i, count), f"uf2: block {i}: number {number} of {total}")
        demand(size == 256 and address % 256 == 0, f"uf2: block {i}: {size} bytes at {address:#x}")
        for k in range(size):
            demand(address + k not in memory, f"uf2: {address + k:#x} twice")
            memory[address + k] = block[32 + k]
    pages = {a // 4096 for a in memory}
    demand(all(a in memory for page in pages for a in range(page * 4096, page * 4096 + 4096)), "uf2: a part of a sector that is erased")
    return memory


def read_hex(data, _):
    memory, upper, ended = {}, 0, False
    for number, line in enumerate(data.decode("ascii").splitlines(), 1):
        demand(not ended and line.startswith(":"), f"hex: line {number}")
        raw = bytes.fromhex(line[1:])
        demand(len(raw) == raw[0] + 5 and sum(raw) % 256 == 0, f"hex: line {number}: length or sum")
        address, kind, body = raw[1] << 8 | raw[2], raw[3], raw[4:-1]
        if kind == 4:
            upper = int.from_bytes(body, "big") << 16
        elif kind == 1:
            ended = True
        else:
            demand(kind == 0 and address + len(body) <= 0x10000, f"hex: line {number}: type or end")
            for k, byte in enumerate(body):
                demand(upper + address + k not in memory, f"hex: line {number}: twice")
                memory[upper + address + k] = byte
    demand(ended, "hex: no end")
    return memory


def read_bin(data, chip):
    return {chip["flash"][0] + i: byte for i, byte in enumerate(data)}


READERS = {"uf2": read_uf2, "hex": read_hex, "bin": read_bin}


def read_elf(data):
    """The loadable bytes at their physical addresses."""
    demand(data[:6] == b"\x7fELF\x01\x01", "elf: not of 32 bits, little-endian")
    at, size, count = struct.unpack_from("<I", data, 28)[0], *struct.unpack_from("<2H", data, 42)
    memory = {}
    for i in range(count):
        kind, offset, _, address, length = struct.unpack_from("<5I", data, at + i * size)
        if kind == 1:
            memory.update((address + k, data[offset + k]) for k in range(length))
    return memory


# ---- what the chips want


def bytes_at(memory, address, size):
    demand(all(a in memory for a in range(address, address + size)), f"nothing at {address:#x}")
    return bytes(memory[a] for a in range(address, address + size))


def words_at(memory, address, count):
    return struct.unpack(f"<{count}I", bytes_at(memory, address, 4 * count))


def crc32_of_boot(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


def check_rp2040(memory):
    stage = bytes_at(memory, 0x10000000, 256)
    demand(crc32_of_boot(stage[:252]) == struct.unpack("<I", stage[252:])[0], "second stage: checksum")


def check_rp2350(memory):
    """A block in the first 4 KB: a program for Arm in secure state, its vector table; the loop of blocks is closed."""
    start = next((a for a in range(0x10000000, 0x10001000, 4) if all(a + k in memory for k in range(28)) and words_at(memory, a, 1)[0] == 0xFFFFDED3), None)
    demand(start is not None, "image definition: none")
    _, kind, item, vectors, last, following, end = words_at(memory, start, 7)
    demand(kind == 0x10210142, "image definition: kind of image")
    demand((item, vectors) == (0x0203, CHIPS["rp2350"]["vectors"]), "image definition: vector table")
    demand((last, following, end) == (0x03FF, 0, 0xAB123579), "image definition: end")
    demand(vectors % 512 == 0, "the vector table's alignment")


def check_imxrt(memory):
    tag, version = words_at(memory, 0x60000000, 2)
    demand(tag == 0x42464346 and version >> 24 == ord("V"), "flash configuration: tag")
    kind, pads = bytes_at(memory, 0x60000044, 2)
    demand((kind, pads) == (1, 4), "flash configuration: kind of device, wires")
    demand(words_at(memory, 0x60000050, 1)[0] == 8 << 20, "flash configuration: size")
    steps = struct.unpack("<6H", bytes_at(memory, 0x60000080, 12))
    demand([s >> 10 for s in steps] == [1, 2, 7, 12, 9, 0] and steps[0] & 0xFF == 0xEB and steps[1] & 0xFF == 24, "flash configuration: how it reads")
    demand(words_at(memory, 0x600001C0, 2) == (256, 4096), "flash configuration: page, sector")
    header, entry, _, _, boot_data, own, _, _ = words_at(memory, 0x60001000, 8)
    demand(header & 0xFF == 0xD1 and header >> 8 & 0xFFFF == 0x2000 and header >> 24 in (0x40, 0x41, 0x42, 0x43), "image vectors: header")
    demand(own == 0x60001000 and entry == 0x60002000, "image vectors: itself, entry")
    start, length, plugin = words_at(memory, boot_data, 3)
    last = max(memory)
    demand(start == 0x60000000 and plugin == 0, "boot data: start")
    demand(last < start + length <= last + 64, f"boot data: length {length:#x}, the last byte is at {last:#x}")


TABLES = {"rp2040": check_rp2040, "rp2350": check_rp2350, "imxrt1062-teensy41": check_imxrt}


def check_start(memory, chip):
    """Flash alone is written, and the core finds a stack and code."""
    low, high = chip["flash"]
    outside = [a for a in memory if not low <= a < high]
    demand(not outside, f"bytes outside of flash: {min(outside or [0]):#x}")
    stack, reset = words_at(memory, chip["vectors"], 2)
    demand(chip["ram"][0] < stack <= chip["ram"][1] and stack % 8 == 0, f"the stack's top is {stack:#x}")
    demand(reset & 1 and chip["vectors"] < reset < high and reset - 1 in memory, f"the reset vector is {reset:#x}")


def check(board, data):
    """`data`: {format: bytes}."""
    chip, want = CHIPS[board], None
    for kind in data:
        if kind == "elf":
            continue
        memory = READERS[kind](data[kind], chip)
        check_start(memory, chip)
        TABLES.get(board, lambda _: None)(memory)
        elf = read_elf(data["elf"])
        for address, byte in elf.items():
            demand(memory.get(address) == byte, f"{kind}: {address:#x} is not what shard.elf has")
        demand(all(byte == 0xFF for address, byte in memory.items() if address not in elf), f"{kind}: bytes that shard.elf has not")
        want = want or memory
    demand(want, "no image")


# ---- damage

# Addresses of words, one damaged at a time; every one of them has to be noticed.
DAMAGED = {
    "rp2040": (0x10000000, 0x100000F8, 0x100000FC),
    "rp2350": tuple(0x10000000 + 4 * i for i in range(7)),
    "imxrt1062-teensy41": (0x60000000, 0x60000044, 0x60000050, 0x60000080, 0x600001C0, 0x60001000, 0x60001004, 0x60001010, 0x60001014, 0x60001020,
                           0x60001024),
}  # fmt: skip


def put(data, kind, chip, address, word):
    """The file with another word there, its own sums right again: only the boot ROM could notice."""
    new = struct.pack("<I", word)
    if kind == "bin":
        at = address - chip["flash"][0]
        return data[:at] + new + data[at + 4 :]
    if kind == "uf2":
        for i in range(0, len(data), 512):
            first = struct.unpack_from("<I", data, i + 12)[0]
            if first <= address < first + 256:
                at = i + 32 + address - first
                return data[:at] + new + data[at + 4 :]
    memory = read_hex(data, chip)
    memory.update((address + k, new[k]) for k in range(4))
    lines, upper = [], None
    for first in sorted({a & ~15 for a in memory}):
        if first >> 16 != upper:
            upper = first >> 16
            lines.append(bytes((2, 0, 0, 4)) + upper.to_bytes(2, "big"))
        run = [a for a in range(first, first + 16) if a in memory]
        lines.append(bytes((len(run), run[0] >> 8 & 255, run[0] & 255, 0)) + bytes(memory[a] for a in run))
    text = "".join(":" + (raw + bytes((-sum(raw) & 255,))).hex().upper() + "\n" for raw in lines)
    return (text + ":00000001FF\n").encode()


def damages(board, data):
    """(what, the damaged files)"""
    chip = CHIPS[board]
    vectors = chip["vectors"]
    for kind in [k for k in data if k != "elf"]:
        def with_word(address, word):
            return {"elf": data["elf"], kind: put(data[kind], kind, chip, address, word)}
        for address in DAMAGED.get(board, ()):
            # What only the tables' own checks see: shard.elf is taken from the damaged file, so to say.
            yield f"{kind}, table at {address:#x}", with_word(address, 0x5AA55AA5), True
        yield f"{kind}, stack", with_word(vectors, 0x1FFFFFF0), True
        yield f"{kind}, reset vector without its Thumb bit", with_word(vectors + 4, vectors + 0x200), True
        yield f"{kind}, reset vector outside", with_word(vectors + 4, 0xF0000001), True
        yield f"{kind}, code", with_word(vectors + 0x400, 0x5AA55AA5), False
    if "uf2" in data:
        uf2 = data["uf2"]
        yield "uf2, family", {"elf": data["elf"], "uf2": uf2[:28] + struct.pack("<I", 0xE48BFF57) + uf2[32:]}, True
        yield "uf2, no family", {"elf": data["elf"], "uf2": uf2[:8] + struct.pack("<I", 0) + uf2[12:]}, True
        yield "uf2, magic", {"elf": data["elf"], "uf2": uf2[:508] + b"\0\0\0\0" + uf2[512:]}, True
        yield "uf2, a block short", {"elf": data["elf"], "uf2": uf2[:-512]}, True
        below = struct.unpack_from("<I", uf2, 12)[0] - 256
        yield "uf2, below the program", {"elf": data["elf"], "uf2": uf2[:12] + struct.pack("<I", below & 0xFFFFFFFF) + uf2[16:]}, True
    if "hex" in data:
        text = data["hex"]
        yield "hex, a digit", {"elf": data["elf"], "hex": text[:-30] + (b"0" if text[-30:-29] != b"0" else b"1") + text[-29:]}, True
        yield "hex, no end", {"elf": data["elf"], "hex": text[: -len(":00000001FF\n")]}, True


def tables_only(board, data):
    """As check(), without a look at shard.elf: what is damaged has to be noticed by the tables."""
    for kind in data:
        if kind != "elf":
            memory = READERS[kind](data[kind], CHIPS[board])
            check_start(memory, CHIPS[board])
            TABLES.get(board, lambda _: None)(memory)


def files_of(board, spec, folder):
    path = firmware.sample("digits", 1 if board in SMALL else 2)
    out, lab = os.path.join(folder, "out"), os.path.join(folder, "lab.toml")
    if board == "stm32vldiscovery":
        import op_models

        path = op_models.write("tiny", folder)
    firmware.write_cluster(lab, [board] * (1 if board in SMALL else 2))
    firmware.compile(path, out, lab=lab)
    firmware.build(out)
    data = {}
    for kind in [*spec["image"]["formats"], "elf"]:
        with open(os.path.join(out, "node0", "build", f"shard.{kind}"), "rb") as stream:
            data[kind] = stream.read()
    return data


def command_fault(board, folder):
    """Why `discoc flash` does not show the commands of COMMANDS; None: it does."""
    out = os.path.join(folder, "out")
    for kind, command in COMMANDS[board]:
        want = command.format(file=os.path.join(out, "node0", "build", f"shard.{kind}")) + "\n"
        done = firmware.call(["flash", out, "--node", "0", "--dry-run", "--tool", command.split()[0]], 60)
        if (done.returncode, done.stdout) != (0, want):
            return f"{done.returncode}: {done.stdout}{done.stderr}instead of {want}"
    done = firmware.call(["flash", out, "--node", "0", "--dry-run", "--tool", "none"], 60)
    known = ", ".join(command.split()[0] for _, command in COMMANDS[board]) or "names no tool"
    return None if done.returncode == 1 and known in done.stderr else done.stderr


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if firmware.missing():
        tally.skip("all", firmware.missing())
        return tally.close()
    boards = {name: spec for name, spec in firmware.all_boards().items() if "image" in spec}
    tally.check("every board with images is known here", set(boards) == set(CHIPS), f"{set(boards) ^ set(CHIPS)}")
    for board in sys.argv[1:] or boards:
        with tempfile.TemporaryDirectory(prefix="discoc-images-") as folder:
            try:
                data = files_of(board, boards[board], folder)
                check(board, data)
                tally.check(f"{board}, commands", not (why := command_fault(board, folder)), str(why))
            except (Wrong, RuntimeError, firmware.DoesNotFit) as why:
                tally.fail(board, str(why))
                continue
        tally.ok(board, ", ".join(f"{kind} {len(text)} bytes" for kind, text in data.items()))
        missed = []
        for what, damaged, by_tables in damages(board, data):
            try:
                (tables_only if by_tables else check)(board, damaged)
                missed.append(what)
            except Wrong:
                pass
        tally.check(f"{board}, damaged", not missed, f"not noticed: {', '.join(missed)}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
