//===- Table.h - aligned tables for people ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_TABLE_H
#define DISCOC_FORMATS_TABLE_H

#include <cstdint>
#include <string>
#include <vector>

namespace discoc {

class Table {
public:
  /// A heading that begins with '<' is of a column of words, aligned left.
  explicit Table(std::vector<std::string> headings);
  /// Cells are made printable; of a long one the first maxShownName characters are shown.
  void row(std::vector<std::string> cells);
  /// A line before the next row, for sums.
  void rule() { rows_.emplace_back(); }
  bool empty() const { return rows_.empty(); }
  std::string text(const std::string &indent = "  ") const;

private:
  std::vector<std::string> headings_;
  std::vector<bool> left_;
  std::vector<std::vector<std::string>> rows_;
};

/// "8.91 M": three digits that matter, decimal prefixes.
std::string count(int64_t value);
/// "17.8 kB".
std::string bytes(int64_t value);
/// "38.7 ms"; "-" when it is 0: not known, or nothing.
std::string duration(int64_t microseconds);
/// "30.1 %"; "-" when there is no whole.
std::string percent(int64_t part, int64_t whole);
/// At most `width` characters, the middle left out: the end of names tells most.
std::string fitted(const std::string &text, size_t width);
/// The least width of `least` to `most` characters at which different texts stay different.
size_t widthApart(const std::vector<std::string> &texts, size_t least, size_t most);

} // namespace discoc

#endif // DISCOC_FORMATS_TABLE_H
