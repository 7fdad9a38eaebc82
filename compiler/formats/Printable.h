//===- Printable.h - any bytes as text that is safe to show ---===//
// SPDX-License-Identifier: Apache-2.0
//
// Names, attributes and labels come out of files that anybody may have written. They are kept as
// they are and made printable where they are printed: on terminals and in emitted sources.
#ifndef DISCOC_FORMATS_PRINTABLE_H
#define DISCOC_FORMATS_PRINTABLE_H

#include <cstddef>
#include <string>
#include <string_view>

namespace discoc {

/// Characters of a name that tables and diagnostics show.
constexpr size_t maxShownName = 120;
/// Characters of one part of a diagnostic (what is wrong, where, what to do).
constexpr size_t maxShownText = 2000;

/// Bytes of the UTF-8 character that `text`, which is not empty, begins with; 0 when it is none.
size_t utf8Length(std::string_view text);

/// One line of visible characters. Control characters and bytes that are no UTF-8 become \xNN;
/// what steers terminals, changes the direction of text or has no width becomes \u{NNNN}. What is
/// longer than `most` ends in "...". Printable text stays as it is.
std::string printable(std::string_view text, size_t most = std::string_view::npos);

/// The same for what a program said: its line breaks and tabs stay.
std::string printableLines(std::string_view text);

/// Characters that `text` takes on a terminal, as printable() writes them.
size_t shownWidth(std::string_view text);

} // namespace discoc

#endif // DISCOC_FORMATS_PRINTABLE_H
