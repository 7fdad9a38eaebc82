//===- nrf_uart.h - the UART of nRF51 and nRF52 ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_NRF_UART_H
#define DISCO_BOARDS_NRF_UART_H

#include <stdint.h>

// Of the board: the pins of port 0.
extern const uint32_t nrf_uart_tx_pin, nrf_uart_rx_pin;

// Serves an interrupt. False: it is not open, or another one.
bool nrf_uart_interrupt(uint32_t irq);

#endif // DISCO_BOARDS_NRF_UART_H
