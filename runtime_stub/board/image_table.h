//===- image_table.h - what an image in flash has to be -------------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_BOARD_IMAGE_TABLE_H
#define DISCO_BOARD_IMAGE_TABLE_H

#include <stdint.h>

constexpr uint32_t board_image_magic = 0x676d4944; // "DImg"
constexpr uint32_t board_image_parts = 6;

// `discoc build` fills it in once the program is linked: what is loaded into flash, but for this
// table, and the CRC-32 of all its bytes in that order. In the section .image_check.
struct board_image_table {
  uint32_t magic, count, crc;
  struct {
    uint32_t address, size;
  } parts[board_image_parts];
};

#endif // DISCO_BOARD_IMAGE_TABLE_H
