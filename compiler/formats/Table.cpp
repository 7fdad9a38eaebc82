//===- Table.cpp - aligned tables for people ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Table.h"
#include "compiler/formats/Printable.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace discoc {

Table::Table(std::vector<std::string> headings) : headings_(std::move(headings)) {
  for (std::string &heading : headings_) {
    left_.push_back(!heading.empty() && heading[0] == '<');
    if (left_.back())
      heading.erase(0, 1);
  }
}

void Table::row(std::vector<std::string> cells) {
  for (std::string &cell : cells)
    cell = printable(cell, maxShownName);
  rows_.push_back(std::move(cells));
}

std::string Table::text(const std::string &indent) const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < headings_.size(); ++c) {
    widths.push_back(shownWidth(headings_[c]));
    for (const auto &row : rows_)
      if (c < row.size())
        widths[c] = std::max(widths[c], shownWidth(row[c]));
  }
  std::string out;
  auto line = [&](const std::vector<std::string> &cells) {
    std::string text;
    for (size_t c = 0; c < cells.size(); ++c) {
      const std::string pad(widths[c] - shownWidth(cells[c]), ' ');
      text += (c ? "  " : "") + (left_[c] ? cells[c] + pad : pad + cells[c]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += indent + text + "\n";
  };
  std::vector<std::string> dashes;
  for (size_t width : widths)
    dashes.push_back(std::string(width, '-'));
  line(headings_);
  line(dashes);
  for (const auto &row : rows_)
    line(row.empty() ? dashes : row);
  return out;
}

/// Three digits that matter and a prefix.
static std::string scaled(int64_t value, const char *const (&prefixes)[5]) {
  double v = static_cast<double>(value);
  size_t p = 0;
  while (std::fabs(v) >= 999.5 && p < 4) {
    v /= 1000;
    ++p;
  }
  if (p == 0)
    return fmt::format("{}{}", value, prefixes[0]);
  const int digits = std::fabs(v) < 9.995 ? 2 : std::fabs(v) < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}{}", v, digits, prefixes[p]);
}

std::string count(int64_t value) {
  static constexpr const char *prefixes[5] = {"", " k", " M", " G", " T"};
  return scaled(value, prefixes);
}

std::string bytes(int64_t value) {
  static constexpr const char *prefixes[5] = {" B", " kB", " MB", " GB", " TB"};
  return scaled(value, prefixes);
}

std::string duration(int64_t microseconds) {
  static constexpr const char *prefixes[5] = {" us", " ms", " s", " ks", " Ms"};
  return microseconds == 0 ? "-" : scaled(microseconds, prefixes);
}

std::string percent(int64_t part, int64_t whole) {
  if (whole == 0)
    return "-";
  return fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

/// Bytes of the first characters of printable text.
static size_t bytesOf(std::string_view text, size_t characters) {
  size_t at = 0;
  for (; characters > 0; --characters)
    at += utf8Length(text.substr(at));
  return at;
}

std::string fitted(const std::string &text, size_t width) {
  const std::string shown = printable(text);
  const size_t characters = shownWidth(shown);
  if (characters <= width)
    return shown;
  const size_t left = width - 2, head = left / 3;
  return shown.substr(0, bytesOf(shown, head)) + ".." +
         shown.substr(bytesOf(shown, characters - (left - head)));
}

size_t widthApart(const std::vector<std::string> &texts, size_t least, size_t most) {
  const std::set<std::string> whole(texts.begin(), texts.end());
  for (size_t width = least; width < most; ++width) {
    std::set<std::string> shown;
    for (const std::string &text : whole)
      shown.insert(fitted(text, width));
    if (shown.size() == whole.size())
      return width;
  }
  return most;
}

} // namespace discoc
