# SPDX-License-Identifier: Apache-2.0
"""`discoc flash` with fake tools on PATH, which note what they were called with; and what it refuses."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import firmware  # noqa: E402  (puts the oracles on the path)
import discoc  # noqa: E402

FAKE = """#!/bin/sh
printf '%s\\n' "$(basename "$0")" "$@" >"$NOTES"
echo "fake tool"
exit "${FAKE_EXIT:-0}"
"""


class Bench:
    """A folder with tools, and OUT of two boards."""

    def __init__(self, folder, board):
        self.folder, self.board = folder, board
        self.tools, self.notes = os.path.join(folder, "tools"), os.path.join(folder, "notes")
        os.makedirs(self.tools)
        self.out, lab = os.path.join(folder, "out"), os.path.join(folder, "lab.toml")
        firmware.write_cluster(lab, [board] * 2)
        firmware.compile(firmware.sample("digits", 2), self.out, lab=lab)
        self.elf = os.path.join(self.out, "node0", "build", "shard.elf")

    def add_tool(self, name):
        path = os.path.join(self.tools, name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(FAKE)
        os.chmod(path, 0o755)

    def flash(self, *words, exit_code=0):
        """(exit code, output, what the fake tool noted)"""
        if os.path.exists(self.notes):
            os.remove(self.notes)
        env = {**os.environ, "PATH": f"{self.tools}:/usr/bin:/bin", "NOTES": self.notes, "FAKE_EXIT": str(exit_code)}
        done = subprocess.run([discoc.binary(), "flash", self.out, *words], capture_output=True, text=True, timeout=60, env=env)
        noted = None
        if os.path.exists(self.notes):
            with open(self.notes, encoding="utf-8") as stream:
                noted = stream.read().splitlines()
        return done.returncode, done.stdout + done.stderr, noted


def every_tool(tally, folder):
    """Each board's first tool gets the arguments that its description states."""
    for board, spec in firmware.all_boards().items():
        for tool in spec.get("flash", [])[:1] if board in ("rp2040", "stm32f746-nucleo", "imxrt1062-teensy41", "nrf52840") else []:
            bench = Bench(os.path.join(folder, board), board)
            firmware.build(bench.out)
            bench.add_tool(tool["program"])
            want = [tool["program"]]
            for word in tool["args"]:
                for kind in ("elf", "uf2", "hex", "bin"):
                    word = word.replace("{" + kind + "}", bench.elf[:-3] + kind)
                want.append(word)
            code, text, noted = bench.flash("--node", "0")
            tally.check(f"{board}: {tool['program']}", (code, noted) == (0, want) and "fake tool" in text, f"{code}, {noted}: {text}")
            code, text, noted = bench.flash("--node", "0", "--dry-run")
            tally.check(f"{board}: --dry-run runs nothing", code == 0 and noted is None and text.split() == want, f"{code}, {noted}: {text}")


def change(path, at, new):
    with open(path, "r+b") as stream:
        stream.seek(at)
        stream.write(new)


def refusals(tally, folder):
    bench = Bench(os.path.join(folder, "refused"), "rp2040")

    def refused(name, words, *texts, code=1, **more):
        got, text, noted = bench.flash(*words, **more)
        good = got == code and all(t in text for t in texts) and (noted is None or "exit_code" in more)
        tally.check(name, good, f"{got}, {noted}: {text}")

    refused("nothing built", ["--node", "0"], "shard.elf", "discoc build")
    firmware.build(bench.out)
    refused("no tool", ["--node", "0"], "picotool", "is not installed", "github.com/raspberrypi/picotool")
    bench.add_tool("picotool")
    refused("an unknown tool", ["--node", "0", "--tool", "esptool"], "not flashed with esptool", "known: picotool")
    refused("no such node", ["--node", "2"], "has no node 2", "0 to 1")
    refused("a tool that fails", ["--node", "0"], "picotool", "exit code 3", code=4, exit_code=3)
    drive = os.path.join(bench.folder, "drive")
    os.makedirs(drive)
    refused("a drive of something else", ["--node", "0", "--drive", drive], "INFO_UF2.TXT")
    with open(os.path.join(drive, "INFO_UF2.TXT"), "w", encoding="utf-8") as stream:
        stream.write("UF2 Bootloader v3.0\n")
    code, text, _ = bench.flash("--node", "0", "--drive", drive)
    with open(bench.elf[:-3] + "uf2", "rb") as image, open(os.path.join(drive, "shard.uf2"), "rb") as copy:
        tally.check("the drive has the image", code == 0 and image.read() == copy.read(), text)
    uf2 = bench.elf[:-3] + "uf2"
    with open(uf2, "rb") as stream:
        good = stream.read()
    for name, at, new in (("another family", 28, b"\x57"), ("another address", 13, b"\x10"), ("a byte", 40, bytes((good[40] ^ 1,)))):
        change(uf2, at, new)
        refused(f"an image with {name}", ["--node", "0"], "is not the image of shard.elf")
        change(uf2, at, good[at : at + 1])
    board = os.path.join(bench.out, "node0", "board", "board.toml")
    with open(board, encoding="utf-8") as stream:
        text = stream.read()

    def with_board(name, changed, *texts):
        with open(board, "w", encoding="utf-8") as stream:
            stream.write(changed)
        refused(name, ["--node", "0"], *texts)

    with_board("flash elsewhere", text.replace("address = 0x10000100\nsize = 0x1fff00", "address = 0x10000100\nsize = 0x1000"), "where the board has no flash")
    with_board("the boot loader's place", text.replace("address = 0x10000100\nsize = 0x1fff00", "address = 0x10008000\nsize = 0x10000")
               + "\n[[image.keep]]\nfrom = 0x10000100\nto = 0x10000200\n", "the boot loader keeps")  # fmt: skip
    with_board("a wrong checksum", text.replace("size = 252", "size = 248"), "the checksum at 0x100000fc is", "has to be")


def consoles(tally, folder):
    """A board whose only UART is a link's has none for the desk."""
    words = ["compile", firmware.sample("digits", 2), "--pin", "batch=1", "-n", "2", "--board", "nrf52840", "-o", os.path.join(folder, "console")]
    done = firmware.call([*words, "--console", "uart"], 60)
    tally.check("no UART left", done.returncode == 1 and "no UART left for the console" in done.stderr, done.stderr)
    done = firmware.call([*words, "--console", "none"], 60)
    tally.check("nobody on the desk", done.returncode == 0, done.stderr)
    boards, mine = os.path.join(discoc.ROOT, "codegen", "boards"), os.path.join(folder, "my")
    for name in ("common", "mps2-an386"):
        shutil.copytree(os.path.join(boards, name), os.path.join(mine, name))
    toml = os.path.join(mine, "mps2-an386", "board.toml")
    with open(toml, encoding="utf-8") as stream:
        text = stream.read()
    with open(toml, "w", encoding="utf-8") as stream:
        stream.write(text.replace('holds = ["code", "weights"]', 'holds = ["weights"]').replace('holds = ["stack",', 'holds = ["code", "stack",'))
    done = firmware.call(["compile", firmware.sample("digits", 1), "--pin", "batch=1", "-n", "1", "--board", os.path.join(mine, "mps2-an386"),
                          "-o", os.path.join(folder, "ram"), "--check-image"], 60)  # fmt: skip
    tally.check("no flash to check", done.returncode == 1 and "in no flash that could be half written" in done.stderr, done.stderr)


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if firmware.missing():
        tally.skip("all", firmware.missing())
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-flash-") as folder:
        every_tool(tally, folder)
        refusals(tally, folder)
        consoles(tally, folder)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
