//===- line.h - text for the console, without the C library ---------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_BOARD_LINE_H
#define DISCO_BOARD_LINE_H

#include <stdint.h>

// Text that is handed to board_console whenever it fills up, and by board_line_end.
struct board_line {
  uint32_t size;
  char text[120];
};

void board_line_text(board_line *line, const char *text);
void board_line_quoted(board_line *line, const char *text); // as a string of JSON
void board_line_number(board_line *line, uint64_t value);
void board_line_signed(board_line *line, int32_t value);
void board_line_hex(board_line *line, uint32_t value);
void board_line_end(board_line *line); // no newline of its own

// Reads a decimal number that ends at a space or the text's end. False: it is none, or too large.
bool board_read_number(const char *text, uint64_t *value);

#endif // DISCO_BOARD_LINE_H
