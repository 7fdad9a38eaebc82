//===- ShellWord.h - any text as one word of a shell -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_SHELLWORD_H
#define DISCOC_FORMATS_SHELLWORD_H

#include <string>

namespace discoc {

/// As a POSIX shell reads it: in quotes where it has to be.
std::string shellQuoted(const std::string &word);

} // namespace discoc

#endif // DISCOC_FORMATS_SHELLWORD_H
