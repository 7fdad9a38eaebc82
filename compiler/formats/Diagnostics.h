//===- Diagnostics.h - what is wrong with a file, and what to do about it ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_DIAGNOSTICS_H
#define DISCOC_FORMATS_DIAGNOSTICS_H

#include <string>
#include <vector>

namespace discoc {

/// One user-visible fault of a file.
struct Diagnostic {
  std::string file;  ///< as the user named it; for metadata "MODEL.onnx: discoc.masks"
  std::string where; ///< JSON path such as "$.masks[3].channels", or "line 4" of TOML; may be empty
  std::string what;  ///< what is wrong
  std::string hint;  ///< what to do about it; may be empty
  std::string said = {}; ///< lines that a program said, which follow; may be empty

  /// "file: where: what; hint" on one line, without "error:" in front; then `said`. Printable,
  /// whatever the file has in it.
  std::string str() const;
};

/// Every reader appends to one of these and goes on while that makes sense.
/// A reader that returned a value added nothing.
using Diagnostics = std::vector<Diagnostic>;

/// All faults, one a line, each with "error: " in front and a newline behind.
std::string toString(const Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_DIAGNOSTICS_H
