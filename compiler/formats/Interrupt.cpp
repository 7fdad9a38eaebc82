//===- Interrupt.cpp - what INT, TERM and HUP do, and what goes away with them ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Interrupt.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <sys/syscall.h>
#include <unistd.h>

namespace discoc {

//===- removing ---===//

namespace {
/// As the kernel hands entries out; the C library's readdir allocates.
struct Entry {
  uint64_t inode;
  int64_t offset;
  uint16_t size;
  uint8_t type;
  char name[1];
};

bool isDots(const char *name) {
  return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}
} // namespace

static bool removeAt(int folder, const char *name) {
  if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
    return true;
  if (errno != EISDIR && errno != EPERM)
    return false;
  const int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return false;
  alignas(Entry) char buffer[2048];
  // Entries move while others are removed: read again until a whole reading removes none.
  for (bool removed = true; removed;) {
    removed = false;
    lseek(fd, 0, SEEK_SET);
    long size;
    while ((size = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
      for (long at = 0; at < size;) {
        const Entry *entry = reinterpret_cast<const Entry *>(buffer + at);
        removed = (!isDots(entry->name) && removeAt(fd, entry->name)) || removed;
        at += entry->size;
      }
  }
  close(fd);
  return unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool removeAll(const char *path) { return removeAt(AT_FDCWD, path); }

//===- what is unfinished ---===//

namespace {
enum PlaceState : int { Free, Taken, Noted };

/// Read by the signal handler.
struct Place {
  std::atomic<int> state{Free};
  char path[4096];
};
Place places[16];
} // namespace

void Unfinished::note(const std::string &path) {
  forget();
  if (path.size() >= sizeof places[0].path)
    return;
  for (size_t i = 0; i < std::size(places); ++i) {
    int free = Free;
    if (!places[i].state.compare_exchange_strong(free, Taken))
      continue;
    std::memcpy(places[i].path, path.c_str(), path.size() + 1);
    places[i].state = Noted;
    place = static_cast<int>(i);
    return;
  }
}

void Unfinished::forget() {
  if (place >= 0)
    places[place].state = Free;
  place = -1;
}

//===- signals ---===//

static constexpr int interruptions[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction oldActions[std::size(interruptions)];
static volatile std::sig_atomic_t interruptedBy = 0;
static volatile std::sig_atomic_t guards = 0;
static volatile std::sig_atomic_t endCode = 1;

/// Runs on the main thread only: nothing else writes files, so that what is removed stays away.
static void onInterrupt(int signal) {
  const int error = errno;
  if (syscall(SYS_gettid) != getpid()) {
    syscall(SYS_tgkill, getpid(), getpid(), signal);
  } else if (guards) {
    interruptedBy = signal;
  } else {
    static const char text[] = "error: interrupted\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    for (const Place &place : places)
      if (place.state == Noted)
        removeAll(place.path);
    _exit(endCode);
  }
  errno = error;
}

/// `old`: gets what was there before; may be null.
static void install(struct sigaction *old) {
  struct sigaction action = {};
  action.sa_handler = onInterrupt;
  for (size_t i = 0; i < std::size(interruptions); ++i) {
    struct sigaction before = {};
    sigaction(interruptions[i], &action, &before);
    if (interruptions[i] == SIGHUP && before.sa_handler == SIG_IGN)
      sigaction(SIGHUP, &before, nullptr);
    if (old)
      old[i] = before;
  }
}

void endOnInterrupt(int exitCode) {
  endCode = exitCode;
  install(nullptr);
}

InterruptGuard::InterruptGuard() {
  if (guards == 0)
    interruptedBy = 0;
  guards = guards + 1;
  if (guards == 1)
    install(oldActions);
}

InterruptGuard::~InterruptGuard() {
  if (guards == 1)
    for (size_t i = 0; i < std::size(interruptions); ++i)
      sigaction(interruptions[i], &oldActions[i], nullptr);
  guards = guards - 1;
}

bool InterruptGuard::interrupted() { return interruptedBy != 0; }

} // namespace discoc
