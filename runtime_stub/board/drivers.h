//===- drivers.h - what a board's drivers implement -----------------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_BOARD_DRIVERS_H
#define DISCO_BOARD_DRIVERS_H

#include "../disco.h"

inline namespace DISCO_RUNTIME {
struct disco_uart;
struct disco_ethernet;
} // namespace DISCO_RUNTIME

// Of the board's drivers. `link` is its place in the board's list of links. The rings, sizes and
// addresses are there; the driver fills in its callbacks and switches the hardware on.
bool board_open_uart(uint32_t link, disco_uart *uart);
bool board_open_ethernet(uint32_t link, disco_ethernet *ethernet);

#endif // DISCO_BOARD_DRIVERS_H
