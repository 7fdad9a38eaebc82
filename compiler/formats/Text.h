//===- Text.h - whole text files, with diagnostics ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_TEXT_H
#define DISCOC_FORMATS_TEXT_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/Limits.h"

#include <optional>
#include <string>

namespace discoc {

/// The bytes of a regular file of at most `most` bytes.
std::optional<std::string> readText(const std::string &path, Diagnostics &out,
                                    int64_t most = maxFileBytes);

/// Whether these bytes stand somewhere in a file of any size, such as a program with its weights.
std::optional<bool> fileHolds(const std::string &path, const std::string &bytes, Diagnostics &out);

/// Writes all or says why not; what was there is replaced in one step.
bool writeText(const std::string &path, const std::string &text, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_FORMATS_TEXT_H
