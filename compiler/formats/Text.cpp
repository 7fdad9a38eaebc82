//===- Text.cpp - whole text files, and the wording of diagnostics ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Text.h"
#include "compiler/formats/Interrupt.h"
#include "compiler/formats/Limits.h"
#include "compiler/formats/Printable.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace discoc {

std::string Diagnostic::str() const {
  std::string text = printable(file, maxShownText);
  if (!where.empty())
    text += (text.empty() ? "" : ": ") + printable(where, maxShownText);
  text += (text.empty() ? "" : ": ") + printable(what, maxShownText);
  if (!hint.empty())
    text += "; " + printable(hint, maxShownText);
  if (!said.empty())
    text += "\n" + printableLines(said);
  return text;
}

std::string toString(const Diagnostics &diagnostics) {
  std::string text;
  for (const Diagnostic &d : diagnostics)
    text += "error: " + d.str() + "\n";
  return text;
}

/// Fills `text`, which has the file's size.
static bool readAll(int file, std::string &text) {
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file, &text[have], text.size() - have);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    have += static_cast<size_t>(got);
  }
  return true;
}

std::optional<std::string> readText(const std::string &path, Diagnostics &out, int64_t most) {
  auto fault = [&](const std::string &what, const char *hint = "") {
    out.push_back({path, "", what, hint});
    return std::nullopt;
  };
  // What is looked at is what is read; opening a FIFO or a terminal waits for nobody.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0)
    return fault(std::string("cannot be read: ") + std::strerror(errno));
  struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } closer{file};
  struct stat info;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
    return fault("is not a file");
  if (info.st_size > most)
    return fault("is larger than " + std::to_string(most >> 20) + " MiB",
                 "is this the right file?");
  try {
    std::string text(static_cast<size_t>(info.st_size), '\0');
    if (readAll(file, text))
      return text;
  } catch (const std::exception &) {
    return fault("has " + std::to_string(info.st_size) + " bytes, more than there is memory");
  }
  return fault("changed or failed while it was read");
}

std::optional<bool> fileHolds(const std::string &path, const std::string &bytes, Diagnostics &out) {
  constexpr size_t blockBytes = 1 << 20;
  std::FILE *file = std::fopen(path.c_str(), "rb");
  std::string window; // what is left of the block before, and a block
  bool found = false;
  for (size_t got = 1; file && got > 0 && !found;) {
    window.erase(0, window.size() - std::min(window.size(), bytes.size()));
    const size_t kept = window.size();
    window.resize(kept + blockBytes);
    got = std::fread(&window[kept], 1, blockBytes, file);
    window.resize(kept + got);
    found = window.find(bytes) != std::string::npos;
  }
  if (file && !std::ferror(file)) {
    std::fclose(file);
    return found;
  }
  out.push_back({path, "", std::string("cannot be read: ") + std::strerror(errno), ""});
  if (file)
    std::fclose(file);
  return std::nullopt;
}

bool writeText(const std::string &path, const std::string &text, Diagnostics &out) {
  const std::string part = path + ".part";
  const Unfinished unfinished(part);
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
