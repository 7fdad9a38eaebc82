//===- image_check.cpp - whether flash holds the image that was built -----===//
// SPDX-License-Identifier: Apache-2.0

#include "../disco.h"
#include "board.h"
#include "image_table.h"

__attribute__((section(".image_check"), used)) static const board_image_table board_image = {};

// It is written behind the compiler's back, which must not know its values.
static const board_image_table *image_table() {
  const board_image_table *table = &board_image;
  __asm__("" : "+r"(table));
  return table;
}

bool board_image_matches(void) {
  constexpr uint32_t step = 4096; // between looks at the watchdog
  const board_image_table *table = image_table();
  if (table->magic != board_image_magic || table->count > board_image_parts)
    return false;
  uint32_t crc = 0;
  for (uint32_t i = 0; i < table->count; ++i) {
    const uint8_t *at =
        reinterpret_cast<const uint8_t *>(static_cast<uintptr_t>(table->parts[i].address));
    for (uint32_t left = table->parts[i].size, part; left > 0; left -= part, at += part) {
      part = left < step ? left : step;
      crc = disco_crc32(crc, at, part);
      board_watchdog_feed();
    }
  }
  return crc == table->crc;
}
