//===- Interrupt.h - what INT, TERM and HUP do, and what goes away with them ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_INTERRUPT_H
#define DISCOC_FORMATS_INTERRUPT_H

#include <string>

namespace discoc {

/// From here on INT, TERM and HUP remove everything that is Unfinished and end the process with
/// this exit code. HUP stays ignored where it was (nohup).
void endOnInterrupt(int exitCode);

/// While one lives, they only set a flag, so that children can be ended in order.
class InterruptGuard {
public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard &) = delete;
  InterruptGuard &operator=(const InterruptGuard &) = delete;
  static bool interrupted();
};

/// A file or a folder that is of no use yet: an interrupted process removes it. Nothing happens to
/// it when this ends.
class Unfinished {
public:
  Unfinished() = default;
  explicit Unfinished(const std::string &path) { note(path); }
  ~Unfinished() { forget(); }
  Unfinished(const Unfinished &) = delete;
  Unfinished &operator=(const Unfinished &) = delete;

  void note(const std::string &path);
  void forget();

private:
  int place = -1;
};

/// Removes a file, or a folder with all that it holds, and follows no links. For signal handlers,
/// too. False, with errno set, when something is left.
bool removeAll(const char *path);

} // namespace discoc

#endif // DISCOC_FORMATS_INTERRUPT_H
