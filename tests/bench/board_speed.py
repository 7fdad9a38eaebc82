# SPDX-License-Identifier: Apache-2.0
"""Instructions of a multiply-accumulate on emulated boards, of whole networks: `f32` and `i8` of board.toml.

Each is compiled for one board, built, and run in QEMU with -icount shift=0, under which an instruction takes a nanosecond of the time that
the program measures. Every instruction of an inference counts, those of pools and packs too.

    board_speed.py [BOARD...]"""

import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", part) for part in ("oracle", "end_to_end", "firmware")]
import cluster  # noqa: E402
import firmware  # noqa: E402
import onnx  # noqa: E402
import op_models  # noqa: E402
import quantised  # noqa: E402

SMALL = {"microbit": "digits", "stm32vldiscovery": "tiny"}


def networks(board, folder):
    """(name, path), of floats and of 8 bits."""
    name = SMALL.get(board, "mnist_cnn")
    yield name, op_models.write(name, folder) if name == "tiny" else firmware.model_path(name, 1)
    path = os.path.join(folder, "integers.onnx")
    onnx.save(quantised.network(True), path)
    yield "int8", path


def instructions(board, path, folder):
    """Of an inference, and of a multiply-accumulate."""
    out, lab = os.path.join(folder, "out"), os.path.join(folder, "lab.toml")
    firmware.write_cluster(lab, [board])
    firmware.compile(path, out, lab=lab)
    firmware.build(out)
    toml = os.path.join(out, "node0", "board", "board.toml")
    with open(toml, encoding="utf-8") as file:
        text = file.read()
    counting = '"-icount", "shift=0"'
    text = text.replace("\nargs = [\"-bios\"", f"\nargs = [{counting}, \"-bios\"") if '"-bios"' in text else text.rstrip() + f"\nargs = [{counting}]\n"
    with open(toml, "w", encoding="utf-8") as file:
        file.write(text)
    report = firmware.run(out, firmware.write_inputs(path, folder), os.path.join(folder, "results"), "--deadline-ms", "120000")[1]
    taken = report["time_us"]["median"] * 1000
    macs = cluster.load_json(os.path.join(out, "report.json"))["nodes"][0]["macs"]
    return taken, taken / macs


def main():
    print("| board | network | instructions | of a multiply-accumulate | board.toml |")
    print("| --- | --- | ---: | ---: | ---: |")
    for board, spec in firmware.all_boards().items():
        if "machine" not in spec.get("emulator", {}) or (sys.argv[1:] and board not in sys.argv[1:]):
            continue
        with tempfile.TemporaryDirectory(prefix="discoc-speed-") as folder:
            for name, path in networks(board, folder):
                try:
                    taken, each = instructions(board, path, folder)
                    print(f"| {board} | {name} | {taken:,} | {each:.3g} | {spec['speed']['i8' if name == 'int8' else 'f32']} |", flush=True)
                except (RuntimeError, firmware.DoesNotFit) as why:
                    print(f"| {board} | {name} | {why} | | |", flush=True)


if __name__ == "__main__":
    main()
