# SPDX-License-Identifier: Apache-2.0
"""Models on one to four emulated boards of one kind.

Of every model, board, number of boards and kind of link: the outputs equal
those of the host's programs to 1e-5 of the range, and the payload between
every two boards is what report.json states; and no
image holds a heap, a C++ library or double arithmetic. What does not fit is named by
`compile`, and listed.

    boards.py                 the fixed share of scripts/test
    boards.py --full          all combinations
    boards.py --models REGEX --boards REGEX --nodes 1,2 --kinds uart,ethernet
"""

import argparse
import os
import re
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import firmware  # noqa: E402  (puts the oracles on the path)
import discoc  # noqa: E402

MODELS = ("digits", "mnist_cnn", "micro_kws_m", "cifar10")
# (model, board, N, kind): what every run of the tests tries; scripts/soak
# tries all. Like any image they have no semihosting: the desk is a UART.
SHARE = (("mnist_cnn", "mps2-an386", 2, "uart"),
         ("mnist_cnn", "mps2-an500", 2, "ethernet"),
         ("mnist_cnn", "mps3-an547", 2, "uart"),
         ("mnist_cnn", "netduinoplus2", 3, "uart"),
         ("mnist_cnn", "riscv32-virt", 2, "ethernet"),
         ("mnist_cnn", "riscv32-virt", 2, "uart"),
         ("digits", "microbit", 1, "uart"),
         ("cifar10", "mps2-an386", 4, "uart"))


def combinations(a):
    if not (a.full or a.models or a.boards or a.nodes or a.kinds):
        yield from SHARE
        return
    counts = [int(n) for n in (a.nodes or "1,2,3,4").split(",")]
    for model in MODELS:
        for board, network in firmware.BOARDS.items():
            for nodes in counts:
                for kind in (a.kinds or "uart,ethernet").split(","):
                    if kind == "ethernet" and (nodes == 1 or not network):
                        continue
                    if (model == "digits") != (board in firmware.TINY):
                        continue
                    if re.search(a.models, model) and \
                            re.search(a.boards, board):
                        yield model, board, nodes, kind


def fault(model, board, nodes, kind, folder):
    """(why not, note)"""
    path = firmware.model_path(model, nodes)
    out, lab = os.path.join(folder, "out"), os.path.join(folder, "lab.toml")
    firmware.write_cluster(lab, [board] * nodes, kind,
                           "switch" if kind == "ethernet" else "all")
    # Two boards of one UART have none for a console: those alone ask an emulator.
    alone = nodes > 1 and len(firmware.all_boards()[board].get("link", ())) == 1
    firmware.compile(path, out, lab=lab, extra=("--console", "semihosting") if alone else ())
    firmware.build(out)
    inputs = firmware.write_inputs(path, folder)
    want = firmware.host_answer(path, nodes, folder, inputs)
    began = time.monotonic()
    got, report = firmware.run(out, inputs, os.path.join(folder, "results"))
    note = (f"{time.monotonic() - began:.1f} s, inference "
            f"{report['time_us']['median'] / 1000:.0f} ms, "
            f"{report['wire_bytes']} bytes with headers, stack "
            f"{max(r.get('stack_bytes', 0) for r in report['ranks'])}")
    return (firmware.output_fault(got, want) or
            firmware.traffic_fault(out, report) or
            firmware.times_fault(out, kind) or
            firmware.image_fault(out)), note


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--models", default="")
    parser.add_argument("--boards", default="")
    parser.add_argument("--nodes")
    parser.add_argument("--kinds")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    if lacking := firmware.missing():
        tally.skip("all", lacking)
        return tally.close()
    for model, board, nodes, kind in combinations(a):
        name = f"{model} on {nodes} {board}, {kind}"
        if not firmware.model_path(model, nodes):
            tally.skip(name, "the shared models are absent (DISCOC_SHARED)")
            continue
        with tempfile.TemporaryDirectory(prefix="discoc-boards-") as folder:
            try:
                why, note = fault(model, board, nodes, kind, folder)
            except firmware.DoesNotFit as refused:
                tally.skip(name, str(refused))
                continue
            except Exception as error:  # one combination, not the run
                why, note = f"{type(error).__name__}: {error}", ""
        if why:
            tally.fail(name, why)
        else:
            tally.ok(name, note)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
