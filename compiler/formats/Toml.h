//===- Toml.h - toml++, whose exceptions become diagnostics ---===//
// SPDX-License-Identifier: Apache-2.0
//
// For the .cpp files of this library alone.
#ifndef DISCOC_FORMATS_TOML_H
#define DISCOC_FORMATS_TOML_H

#include "compiler/formats/Diagnostics.h"

#include <optional>
#include <string>

// Some malformed texts break the library's own assumptions, which a release build
// turns into undefined behaviour. Here they throw in every build.
#undef NDEBUG
#include <stdexcept>
[[noreturn]] inline void discocMalformedToml() {
  throw std::runtime_error("malformed in a way that has no better name");
}
#define TOML_ASSERT(expression) ((expression) ? void() : discocMalformedToml())
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace discoc {

/// What of `text` the library, which recurses by nested lists and by parts of keys, must not see.
std::optional<Diagnostic> tooMuchToml(const std::string &text, const std::string &file);

/// Calls back with the table that the text is.
template <class F>
bool withToml(const std::string &text, const std::string &file, Diagnostics &out, F callback) {
  if (std::optional<Diagnostic> tooMuch = tooMuchToml(text, file)) {
    out.push_back(*tooMuch);
    return false;
  }
  try {
    const toml::table root = toml::parse(text);
    callback(root);
    return true;
  } catch (const toml::parse_error &error) {
    out.push_back({file, "line " + std::to_string(error.source().begin.line),
                   "is not TOML: " + std::string(error.description()), ""});
  } catch (const std::exception &error) {
    out.push_back({file, "", std::string("is not TOML: ") + error.what(), ""});
  }
  return false;
}

} // namespace discoc

#endif // DISCOC_FORMATS_TOML_H
