//===- ShellWord.cpp - any text as one word of a shell --------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/ShellWord.h"

namespace discoc {

std::string shellQuoted(const std::string &word) {
  if (!word.empty() &&
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "_-+=:,./@%") == std::string::npos)
    return word;
  std::string quoted = "'";
  for (const char c : word)
    quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

} // namespace discoc
