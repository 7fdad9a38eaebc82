//===- Text.cpp - whole text files, and the wording of diagnostics ---===//
// SPDX-License-Identifier: Apache-2.0
#include "Text.h"
#include "Limits.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>

namespace discoc {

std::string Diagnostic::str() const {
  std::string text = file;
  if (!where.empty())
    text += (text.empty() ? "" : ": ") + where;
  text += (text.empty() ? "" : ": ") + what;
  if (!hint.empty())
    text += "; " + hint;
  return text;
}

std::string toString(const Diagnostics &diagnostics) {
  std::string text;
  for (const Diagnostic &d : diagnostics)
    text += "error: " + d.str() + "\n";
  return text;
}

std::optional<std::string> readText(const std::string &path, Diagnostics &out, int64_t most) {
  auto fault = [&](const std::string &what, const char *hint = "") {
    out.push_back({path, "", what, hint});
    return std::nullopt;
  };
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return fault(std::string("cannot be read: ") + std::strerror(errno));
  if (!S_ISREG(info.st_mode))
    return fault("is not a file");
  if (info.st_size > most)
    return fault("is larger than " + std::to_string(most >> 20) + " MiB",
                 "is this the right file?");
  std::FILE *file = std::fopen(path.c_str(), "rb");
  if (!file)
    return fault(std::string("cannot be read: ") + std::strerror(errno));
  std::string text(static_cast<size_t>(info.st_size), '\0');
  size_t got = text.empty() ? 0 : std::fread(&text[0], 1, text.size(), file);
  std::fclose(file);
  if (got != text.size())
    return fault("changed or failed while it was read");
  return text;
}

bool writeText(const std::string &path, const std::string &text, Diagnostics &out) {
  const std::string part = path + ".part";
  std::FILE *file = std::fopen(part.c_str(), "wb");
  bool good = file != nullptr;
  if (good) {
    good = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    good = std::fclose(file) == 0 && good;
    good = good && std::rename(part.c_str(), path.c_str()) == 0;
  }
  if (good)
    return true;
  out.push_back({path, "", std::string("cannot be written: ") + std::strerror(errno), ""});
  if (file)
    std::remove(part.c_str());
  return false;
}

} // namespace discoc
