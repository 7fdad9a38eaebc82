//===- text.cpp - text of models and command lines, safe to show ----------===//
// SPDX-License-Identifier: Apache-2.0

#include "text.h"

#include <string.h>

#include <stdint.h>

namespace {

// The character that `text` begins with and its bytes; 0 when it begins with no UTF-8.
size_t decode(const char *text, uint32_t *character) {
  const unsigned char *p = reinterpret_cast<const unsigned char *>(text);
  if (p[0] < 0x80) {
    *character = p[0];
    return 1;
  }
  const size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
  if (p[0] < 0xc2 || p[0] > 0xf4)
    return 0;
  uint32_t c = n == 4 ? p[0] & 0x07u : n == 3 ? p[0] & 0x0fu : p[0] & 0x1fu;
  for (size_t i = 1; i < n; ++i) {
    if ((p[i] & 0xc0) != 0x80)
      return 0;
    c = c << 6 | (p[i] & 0x3fu);
  }
  static constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
    return 0;
  *character = c;
  return n;
}

struct range {
  uint32_t first, last;
};

// The table of the compiler's Printable.cpp.
constexpr range hidden[] = {
    {0x80, 0x9f},     {0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},
    {0x115f, 0x1160}, {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},
    {0x2028, 0x202e}, {0x2060, 0x206f},   {0x3164, 0x3164},   {0xfdd0, 0xfdef},
    {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
    {0xfffe, 0xffff}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff}};

bool is_hidden(uint32_t character) {
  for (const range &r : hidden)
    if (r.first <= character && character <= r.last)
      return true;
  return false;
}

} // namespace

namespace {

// Of a line for standard error, which is written at once: several programs may have the same one.
struct line {
  char text[4096];
  size_t size;

  void flush() {
    fwrite(text, 1, size, stderr);
    size = 0;
  }
  void put(const char *from, size_t n) {
    if (size + n > sizeof text)
      flush();
    memcpy(text + size, from, n);
    size += n;
  }
  void put_printable(const char *from) {
    for (size_t n = 0; *from; from += n ? n : 1) {
      uint32_t c = 0;
      n = decode(from, &c);
      char shown[16];
      int length = 0;
      if (n == 0 || c < 0x20 || c == 0x7f)
        length = snprintf(shown, sizeof shown, "\\x%02x",
                          static_cast<unsigned>(static_cast<unsigned char>(*from)));
      else if (is_hidden(c))
        length = snprintf(shown, sizeof shown, "\\u{%x}", static_cast<unsigned>(c));
      put(length ? shown : from, length ? static_cast<size_t>(length) : n);
    }
  }
};

void print_line(const char *before, const char *text) {
  line l;
  l.size = 0;
  l.put(before, strlen(before));
  l.put_printable(text);
  l.put("\n", 1);
  l.flush();
}

} // namespace

void disco_print_error(const char *text) { print_line("error: ", text); }

void disco_print_note(const char *text) { print_line("", text); }

void disco_print_json(FILE *to, const char *text) {
  fputc('"', to);
  while (*text) {
    uint32_t c = 0xfffd;
    const size_t n = decode(text, &c);
    if (c == '"' || c == '\\')
      fprintf(to, "\\%c", static_cast<int>(c));
    else if (c >= 0x10000)
      fprintf(to, "\\u%04x\\u%04x", static_cast<unsigned>(0xd800 + ((c - 0x10000) >> 10)),
              static_cast<unsigned>(0xdc00 + ((c - 0x10000) & 0x3ff)));
    else if (c < 0x20 || c >= 0x7f)
      fprintf(to, "\\u%04x", static_cast<unsigned>(c));
    else
      fputc(static_cast<int>(c), to);
    text += n ? n : 1;
  }
  fputc('"', to);
}
