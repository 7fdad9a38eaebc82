# SPDX-License-Identifier: Apache-2.0
"""Time of an inference on two Picos as the schedule predicts it, and as it passes in rp2040js, whose UARTs carry bytes at the baud rate.

The slower the wire, the more of an inference it takes: at 115,200 baud nearly all. Bytes beside the stated ones are headers, handshakes and what is sent again.

    board_wires.py [BAUD...]"""

import os
import sys
import tempfile

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", part) for part in ("oracle", "end_to_end", "firmware")]
import cluster  # noqa: E402
import discoc  # noqa: E402
import firmware  # noqa: E402
import pico  # noqa: E402
import quantised  # noqa: E402

BAUDS = (115200, 460800, 2000000)
COUNT = 4  # inferences


def networks(folder):
    digits = np.load(os.path.join(discoc.ROOT, "samples", "digits", "digits_test_images.npy"))[:COUNT].astype(np.float32)
    int8 = os.path.join(folder, "int8.onnx")
    onnx.save(quantised.network(True), int8)
    yield "digits", firmware.sample("digits", 2), digits
    yield "int8, small", int8, np.concatenate([quantised.picture_of(seed) for seed in range(COUNT)])


def row(name, path, value, baud, folder):
    case = pico.Case(name, path, value, 2, folder, baud=baud)
    answer = pico.emulate(case.job(), folder)
    if why := case.fault(answer, False):
        return f"| {name} | {baud:,} | {why} | | | | |"
    stated = cluster.load_json(os.path.join(case.out, "report.json"))
    predicted = stated["schedule"]["latency_ns"] / 1e6
    measured = pico.reports(answer)[0]["time_us"]["median"] / 1e3
    wire = stated["wires"][0].get("least_us", 0) / 1e3
    sent = [chip["link_bytes"] / COUNT for chip in answer["chips"]]
    return f"| {name} | {baud:,} | {wire:.4g} | {predicted:.4g} | {measured:.4g} | {measured / predicted:.2f} | {max(sent):.0f} |"


def main():
    if pico.lacking():
        sys.exit(pico.lacking())
    print("| network | baud | busier way carries, ms | predicted, ms | measured, ms | ratio | bytes an inference, busier way |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="discoc-wires-") as folder:
        for name, path, value in networks(folder):
            for baud in [int(word) for word in sys.argv[1:]] or BAUDS:
                inner = os.path.join(folder, f"{name.replace(', ', '-')}-{baud}")
                os.makedirs(inner)
                print(row(name, path, value, baud, inner), flush=True)


if __name__ == "__main__":
    main()
