# SPDX-License-Identifier: Apache-2.0
"""The speeds of boards, from what their start-up code writes to registers.

Each board's board.cpp is compiled for this host with registers that are a table (registers/cortex_m.h), and run once. The speed of the
core and of the UARTs' clocks is computed from the values that were written, as the chip's manual says, and compared with `clock` of
board.toml and with the drivers' tables. Voltage and wait states have to come before the switch. The RP2040's are read
in pico.py, by an emulator."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import firmware  # noqa: E402  (puts the oracles on the path)
import discoc  # noqa: E402

MAIN = """
#include "%(source)s"
int main() {
  board_init_hardware();
#ifdef DISCO_BOARDS_STM32_USART_H
  for (uint32_t i = 0; i < stm32_usart_count; ++i)
    std::printf("uart %%lx %%u\\n", static_cast<unsigned long>(stm32_usarts[i].base), stm32_usarts[i].clock_hz);
#endif
}
"""


def divider(code):
    """Of a bus of F4, F7 and H7: 0xx: none, 4 to 7: 2 to 16."""
    return 1 if code < 4 else 2 << (code - 4)


def stm32f(values, crystal, internal=16e6):
    """(core, first and second peripheral clock) of F4 and F7."""
    pll, cfgr = values[0x40023804], values[0x40023808]
    source = crystal if pll >> 22 & 1 else internal
    vco = source / (pll & 63) * (pll >> 6 & 511)
    core = vco / (2 * ((pll >> 16 & 3) + 1)) if cfgr & 3 == 2 else internal
    return core, core / divider(cfgr >> 10 & 7), core / divider(cfgr >> 13 & 7)


def stm32f4(values):
    return stm32f(values, 25e6)


def stm32f7(values):
    return stm32f(values, 8e6)


def stm32h7(values):
    rcc = 0x58024400
    select, config, dividers = values[rcc + 0x28], values[rcc + 0x2C], values[rcc + 0x30]
    source = {0: 64e6, 2: 8e6}[select & 3] / (select >> 4 & 63)
    demand = {0: (1e6, 2e6), 1: (2e6, 4e6), 2: (4e6, 8e6), 3: (8e6, 16e6)}[config >> 2 & 3]
    assert demand[0] <= source <= demand[1] and config >> 16 & 1, "the PLL's input, or its output"
    vco = source * ((dividers & 511) + 1)
    assert 192e6 <= vco <= 836e6, "the PLL's oscillator"
    core = vco / ((dividers >> 9 & 127) + 1) if values[rcc + 0x10] & 7 == 3 else 64e6
    bus = core / (1 if not values[rcc + 0x18] & 8 else 2)
    assert bus <= 200e6, "the bus"
    return core, bus / divider(values[rcc + 0x1C] >> 4 & 7), bus / divider(values[rcc + 0x1C] >> 8 & 7)


def imxrt(values):
    """Of the UARTs: the crystal's clock, undivided."""
    ccm, pll = 0x400FC000, values[0x400D8000]
    assert pll >> 13 & 1 and not pll >> 12 & 1 and 54 <= (pll & 127) <= 108, "the PLL"
    assert values[ccm + 0x18] >> 18 & 3 == 3 and not values[ccm + 0x14] >> 25 & 1, "the core is not on the PLL"
    core = 24e6 * (pll & 127) / 2 / ((values[ccm + 0x10] & 7) + 1) / ((values[ccm + 0x14] >> 10 & 7) + 1)
    assert core / ((values[ccm + 0x14] >> 8 & 3) + 1) <= 150e6, "the bus"
    assert 800 + 25 * (values[0x4008000C] & 31) >= 1250, "voltage"
    assert values[ccm + 0x24] >> 6 & 1 and not values[ccm + 0x24] & 63, "the UARTs"
    return core, 24e6, 24e6


def rp2350(values):
    pll, dividers = 0x40050000, values[0x4005000C]
    assert values[0x40010048] == 1 << 11 and values[0x4001003C] & 1, "the UARTs', or the core, are not on the PLL"
    vco = 12e6 / values[pll] * values[pll + 8]
    assert 750e6 <= vco <= 1600e6 and not values[pll + 4] & (1 | 1 << 3 | 1 << 5), "the PLL's oscillator"
    core = vco / (dividers >> 16 & 7) / (dividers >> 12 & 7)
    return core, core, core


# Board, how to compute, what is ready at once, what shows a choice; the write that switches; (register, bits, why) that come before it.
BOARDS = (
    ("netduinoplus2", stm32f4, "{0x40023800, 1 << 17 | 1 << 25}", "{0x40023808, 3, 2}", (0x40023808, 2),
     ((0x40023C00, 7, 5, "wait states"),)),
    ("stm32f746-nucleo", stm32f7, "{0x40023800, 1 << 17 | 1 << 25}, {0x40007004, 3 << 16}", "{0x40023808, 3, 2}", (0x40023808, 2),
     ((0x40023C00, 15, 7, "wait states"), (0x40007000, 3 << 16, 3 << 16, "over-drive"))),
    ("stm32h743-nucleo", stm32h7, "{0x58024400, 1 << 17 | 1 << 25}, {0x58024804, 1 << 13}, {0x58024818, 1 << 13}", "{0x58024410, 7, 3}",
     (0x58024410, 3), ((0x52002000, 15, 2, "wait states"), (0x58024818, 3 << 14, 3 << 14, "voltage scale 1"), (0x5802480C, 7, 2, "supply"))),
    ("imxrt1062-teensy41", imxrt, "{0x400d8000, 1u << 31}, {0x40080000, 1u << 31}", "{0, 0, 0}", (0x400FC010, 1),
     ((0x4008000C, 31, 18, "1.25 V"), (0x400FC014, 1 << 25, 1 << 25, "the crystal meanwhile"))),
    ("rp2350", rp2350, "{0x40048004, 1u << 31}, {0x40010038, 1u << 2}, {0x40050000, 1u << 31 | 1}, {0x40010044, 3}, {0x40020008, ~0u}", "{0, 0, 0}", (0x4001003C, 1),
     ((0x40050008, 4095, 125, "the PLL"), (0x40010030, 3, 2, "the crystal"))),
)  # fmt: skip
SECOND_BUS = (0x40011000, 0x40011400)  # USART1 and 6


def writes_of(board, ready, choice, folder):
    boards = os.path.join(discoc.ROOT, "codegen", "boards")
    source, program = os.path.join(folder, "main.cpp"), os.path.join(folder, "main")
    with open(source, "w", encoding="utf-8") as stream:
        stream.write(MAIN % {"source": os.path.join(boards, board, "board.cpp")})
    for header in ("cortex_m7.h", "stm32_usart.h", "lpuart.h", "pl011.h", "rp_clocks.h", "wait_for.h"):  # beside no cortex_m.h of their own, so that they find the table's
        shutil.copy(os.path.join(boards, "common", header), folder)
    subprocess.run(["g++", "-std=c++17", f"-DREADY={ready}", f"-DSWITCH={choice}", "-I", os.path.join(HERE, "registers"),
                    "-I", folder, "-o", program, source], check=True, capture_output=True, text=True)  # fmt: skip
    text = subprocess.run([program], capture_output=True, text=True, check=True, timeout=60).stdout
    uarts = {int(a, 16): int(hz) for a, hz in re.findall(r"^uart (\S+) (\d+)$", text, re.M)}
    return [(int(a, 16), int(v, 16)) for a, v in re.findall(r"^([0-9a-f]+) ([0-9a-f]+)$", text, re.M)], uarts


UART_MAIN = """
#include "%(source)s"
struct disco_uart { void (*start_tx)(void *); void *context; };
bool disco_uart_tx_byte(disco_uart *, uint8_t *) { return false; }
void disco_uart_rx_byte(disco_uart *, uint8_t) {}
uint32_t cortex_m_lock() { return 0; }
void cortex_m_unlock(uint32_t) {}
void cortex_m_enable(uint32_t) {}
%(places)s
int main() {
  disco_uart uart = {};
  board_open_uart(0, &uart);
}
"""


def cmsdk_baud(values):
    return 25e6 / values[0x1010]


def pl011_baud(values):
    return 133e6 / 16 / (values[0x1024] + values[0x1028] / 64)


def lpuart_baud(values):
    return 24e6 / ((values[0x1010] >> 24 & 31) + 1) / (values[0x1010] & 8191)


def stm32_baud(values):
    return 42e6 / values[0x100C]


def nrf_baud(values):
    return values[0x40002524] * 16e6 / 2**32


# Driver, defines, the board's places, how to compute, speeds.
UARTS = (
    ("cmsdk_uart", ("BOARD_PERIPHERAL_HZ=25000000",), "const cmsdk_uart_place cmsdk_uarts[] = {{0x1000, 0, 1}}; const uint32_t cmsdk_uart_count = 1;",
     cmsdk_baud, (9600, 115200, 460800)),
    ("pl011", ("BOARD_UART_HZ=133000000",), "const pl011_place pl011_uarts[] = {{0x1000, 20}}; const uint32_t pl011_count = 1;",
     pl011_baud, (9600, 115200, 2000000)),
    ("lpuart", ("BOARD_UART_HZ=24000000",), "const lpuart_place lpuarts[] = {{0x1000, 20}}; const uint32_t lpuart_count = 1;",
     lpuart_baud, (9600, 57600, 115200, 230400, 460800, 921600, 1000000, 2000000, 3000000)),
    ("stm32_usart", ("BOARD_USART_VERSION=2",), "const stm32_usart_place stm32_usarts[] = {{0x1000, 20, 42000000}}; const uint32_t stm32_usart_count = 1;",
     stm32_baud, (9600, 115200, 2000000)),
    ("nrf_uart", (), "const uint32_t nrf_uart_tx_pin = 1, nrf_uart_rx_pin = 2;",
     nrf_baud, (9600, 115200, 230400, 460800, 1000000)),
)  # fmt: skip


def uart_fault(driver, defines, places, compute, baud, folder):
    """What a driver writes makes the speed that it was told to within 2 %."""
    common = os.path.join(discoc.ROOT, "codegen", "boards", "common")
    for name in os.listdir(common):
        if name.endswith((".cpp", ".h")) and not name.startswith("cortex_m"):
            shutil.copy(os.path.join(common, name), folder)
    for name, text in (("uart.h", "#pragma once\n#include <cstdint>\nstruct disco_uart;\nbool disco_uart_tx_byte(disco_uart *, uint8_t *);\n"
                        "void disco_uart_rx_byte(disco_uart *, uint8_t);\n"), ("drivers.h", "#pragma once\n"),
                       ("locks.h", "#pragma once\n#include <cstdint>\nstruct disco_uart { void (*start_tx)(void *); void *context; };\n"
                        "uint32_t cortex_m_lock();\nvoid cortex_m_unlock(uint32_t);\nvoid cortex_m_enable(uint32_t);\n")):  # fmt: skip
        with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
            stream.write(text)
    source, program = os.path.join(folder, "uart.cpp"), os.path.join(folder, "uart")
    with open(source, "w", encoding="utf-8") as stream:
        stream.write(UART_MAIN.replace("struct disco_uart { void (*start_tx)(void *); void *context; };\n", "")
                     % {"source": os.path.join(folder, driver + ".cpp"), "places": places})  # fmt: skip
    subprocess.run(["g++", "-std=c++17", "-DREADY={0, 0}", "-DSWITCH={0, 0, 0}", f"-DBOARD_BAUDS={baud}", *("-D" + d for d in defines),
                    "-include", os.path.join(folder, "locks.h"), "-I", os.path.join(HERE, "registers"), "-I", folder, "-o", program, source],
                   check=True, capture_output=True, text=True)  # fmt: skip
    text = subprocess.run([program], capture_output=True, text=True, check=True, timeout=60).stdout
    made = compute({int(a, 16): int(v, 16) for a, v in re.findall(r"^([0-9a-f]+) ([0-9a-f]+)$", text, re.M)})
    return None if abs(made / baud - 1) <= 0.02 else f"makes {made:.0f} baud"


def fault(board, compute, ready, choice, switch, before, folder):
    writes, uarts = writes_of(board, ready, choice, folder)
    core, first, second = compute(dict(writes))
    stated = firmware.all_boards()[board]["speed"]["clock"]
    if core != stated:
        return f"the registers make {core} Hz, board.toml states {stated}"
    for base, hz in uarts.items():
        if hz != (second if base in SECOND_BUS else first):
            return f"the UART at {base:#x} has another clock than {hz} Hz"
    at = next(i for i, (a, v) in enumerate(writes) if a == switch[0] and v & 7 & switch[1] == switch[1])
    for register, mask, value, why in before:
        if not any(a == register and v & mask == value for a, v in writes[:at]):
            return f"{why}: not there before the switch"
    return None


def main():
    tally = discoc.Tally()
    for board, *rest in BOARDS:
        with tempfile.TemporaryDirectory(prefix="discoc-clocks-") as folder:
            try:
                why = fault(board, *rest, folder)
            except (AssertionError, subprocess.CalledProcessError) as wrong:
                why = f"{wrong} {getattr(wrong, 'stderr', '')}"
        if why:
            tally.fail(board, why)
        else:
            tally.ok(board, f"{firmware.all_boards()[board]['speed']['clock'] / 1e6:g} MHz")
    for driver, defines, places, compute, bauds in UARTS:
        for baud in bauds:
            with tempfile.TemporaryDirectory(prefix="discoc-clocks-") as folder:
                try:
                    why = uart_fault(driver, defines, places, compute, baud, folder)
                except subprocess.CalledProcessError as wrong:
                    why = f"{wrong} {wrong.stderr[:600]}"
            tally.check(f"{driver} at {baud} baud", why is None, why)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
