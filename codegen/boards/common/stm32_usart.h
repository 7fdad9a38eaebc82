//===- stm32_usart.h - the USART of STM32 --------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_BOARDS_STM32_USART_H
#define DISCO_BOARDS_STM32_USART_H

#include <stdint.h>

// Where one is, and what its clock is.
struct stm32_usart_place {
  uintptr_t base;
  uint32_t irq, clock_hz;
};

// Of the board: its USARTs by the number of the link.
extern const stm32_usart_place stm32_usarts[];
extern const uint32_t stm32_usart_count;

// Serves an interrupt. False: it is none of an open USART.
bool stm32_usart_interrupt(uint32_t irq);

#endif // DISCO_BOARDS_STM32_USART_H
