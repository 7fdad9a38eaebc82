//===- line.cpp - text for the console ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "line.h"

#include "board.h"

static void put(board_line *line, char c) {
  if (line->size == sizeof line->text)
    board_line_end(line);
  line->text[line->size++] = c;
}

void board_line_text(board_line *line, const char *text) {
  for (; *text; ++text)
    put(line, *text);
}

static char digit(uint32_t value) {
  return static_cast<char>(value < 10 ? '0' + value : 'a' + value - 10);
}

void board_line_quoted(board_line *line, const char *text) {
  put(line, '"');
  for (; *text; ++text) {
    const unsigned char c = static_cast<unsigned char>(*text);
    if (c < 32) {
      board_line_text(line, "\\u00");
      put(line, digit(c >> 4));
      put(line, digit(c & 15u));
      continue;
    }
    if (c == '"' || c == '\\')
      put(line, '\\');
    put(line, *text);
  }
  put(line, '"');
}

void board_line_number(board_line *line, uint64_t value) {
  char digits[20];
  uint32_t n = 0;
  do {
    digits[n++] = digit(static_cast<uint32_t>(value % 10u));
    value /= 10u;
  } while (value > 0);
  while (n > 0)
    put(line, digits[--n]);
}

void board_line_signed(board_line *line, int32_t value) {
  if (value < 0)
    put(line, '-');
  board_line_number(line,
                    value < 0 ? 0u - static_cast<uint32_t>(value) : static_cast<uint32_t>(value));
}

void board_line_hex(board_line *line, uint32_t value) {
  for (uint32_t shift = 32; shift > 0; shift -= 4)
    put(line, digit((value >> (shift - 4)) & 15u));
}

void board_line_end(board_line *line) {
  if (line->size > 0)
    board_console(line->text, line->size);
  line->size = 0;
}

bool board_read_number(const char *text, uint64_t *value) {
  constexpr uint64_t most = 1000000000000000000u;
  uint64_t v = 0;
  const char *p = text;
  for (; *p >= '0' && *p <= '9'; ++p) {
    if (v >= most)
      return false;
    v = v * 10u + static_cast<uint64_t>(*p - '0');
  }
  *value = v;
  return p != text && (*p == 0 || *p == ' ');
}
