//===- lan9118.h - the Ethernet controller of MPS2 and MPS3 boards --------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_LAN9118_H
#define DISCO_BOARDS_LAN9118_H

#include <stdint.h>

// Of the board.
extern const uintptr_t lan9118_base;
extern const uint32_t lan9118_irq;

// Serves an interrupt. False: it is not this controller's.
bool lan9118_interrupt(uint32_t irq);

#endif // DISCO_BOARDS_LAN9118_H
