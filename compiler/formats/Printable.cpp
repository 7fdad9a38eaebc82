//===- Printable.cpp - any bytes as text that is safe to show ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Printable.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace discoc {

size_t utf8Length(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80)
    return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  // Overlong forms, surrogates, and what lies above U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

/// The character that `length` bytes encode.
static uint32_t decoded(std::string_view text, size_t length) {
  static constexpr uint32_t leadBits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t character = static_cast<unsigned char>(text[0]) & leadBits[length];
  for (size_t i = 1; i < length; ++i)
    character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  return character;
}

/// Beyond ASCII: controls, format characters, and characters without a width or a meaning.
static bool isHidden(uint32_t character) {
  struct Range {
    uint32_t first, last;
  };
  static constexpr Range hidden[] = {
      {0x0080, 0x009f},     // C1 controls: one byte that begins an escape sequence
      {0x00ad, 0x00ad},     // soft hyphen
      {0x034f, 0x034f},     // grapheme joiner
      {0x061c, 0x061c},     // Arabic letter mark
      {0x115f, 0x1160},     // fillers
      {0x17b4, 0x17b5},     // invisible vowels
      {0x180b, 0x180f},     // Mongolian selectors
      {0x200b, 0x200f},     // zero width, direction marks
      {0x2028, 0x202e},     // line and paragraph separators, embeddings, overrides
      {0x2060, 0x206f},     // joiners, isolates, invisible operators
      {0x3164, 0x3164},     // filler
      {0xd800, 0xdfff},     // surrogates: no UTF-8
      {0xfdd0, 0xfdef},     // no characters
      {0xfe00, 0xfe0f},     // variation selectors
      {0xfeff, 0xfeff},     // byte order mark
      {0xffa0, 0xffa0},     // filler
      {0xfff0, 0xfffb},     // annotations
      {0xfffe, 0xffff},     // no characters
      {0x1bca0, 0x1bca3},   // shorthand controls
      {0x1d173, 0x1d17a},   // musical controls
      {0xe0000, 0x10ffff}}; // tags, selectors, private use
  return std::any_of(std::begin(hidden), std::end(hidden), [&](const Range &range) {
    return range.first <= character && character <= range.last;
  });
}

/// What is shown for the start of `text`; `length` is how many bytes that is.
static std::string shownStart(std::string_view text, size_t &length) {
  char escape[16];
  length = utf8Length(text);
  const auto byte = static_cast<unsigned char>(text[0]);
  if (length == 0 || byte < 0x20 || byte == 0x7f) {
    length = 1;
    std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned>(byte));
    return escape;
  }
  if (const uint32_t character = decoded(text, length); isHidden(character)) {
    std::snprintf(escape, sizeof escape, "\\u{%x}", static_cast<unsigned>(character));
    return escape;
  }
  return std::string(text.substr(0, length));
}

std::string printable(std::string_view text, size_t most) {
  std::string shown;
  size_t width = 0;
  while (!text.empty()) {
    size_t length = 0;
    const std::string next = shownStart(text, length);
    width += next.size() == length ? 1 : next.size();
    if (width > most)
      return shown + "...";
    shown += next;
    text.remove_prefix(length);
  }
  return shown;
}

std::string printableLines(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\n\t"), text.size());
    shown += printable(text.substr(0, end));
    if (end < text.size())
      shown += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return shown;
}

size_t shownWidth(std::string_view text) {
  const std::string shown = printable(text);
  return static_cast<size_t>(
      std::count_if(shown.begin(), shown.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

} // namespace discoc
