//===- trace.cpp - the notes of a host's program, in a file ---------------===//
// SPDX-License-Identifier: Apache-2.0

#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

namespace {

// Processes between two starts of one machine share its clock.
uint64_t clock_id() {
  char text[64] = {};
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0)
    close(fd);
  if (size <= 0)
    return 0;
  size_t n = static_cast<size_t>(size);
  return static_cast<uint64_t>(disco_crc32(0, text, n)) << 32 | disco_crc32c(0, text, n);
}

// The file's pages, which are there before the first is written: a full disk must not end the
// program later. Null with errno.
disco_notes *map_file(const char *path, size_t bytes) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0)
    return nullptr;
  int code = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  void *memory =
      code ? MAP_FAILED
           : mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (code == 0)
    code = errno;
  close(fd);
  errno = code;
  return memory == MAP_FAILED ? nullptr : static_cast<disco_notes *>(memory);
}

void fill(disco_notes *notes, const disco_program *program, uint32_t capacity) {
  memcpy(notes->magic, DISCO_NOTES_MAGIC, sizeof notes->magic);
  notes->version = DISCO_NOTES_VERSION;
  notes->rank = program->rank;
  notes->nodes = program->nodes;
  notes->capacity = capacity;
  memcpy(notes->build_hash, program->build_hash, sizeof notes->build_hash);
  notes->clock_id = clock_id();
  notes->ticks_per_second = 1000000000u;
}

} // namespace

inline namespace DISCO_RUNTIME {

uint64_t disco_note_clock() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

#ifdef DISCO_SLOW
uint32_t disco_slow = 1;

// A sleep never ends at the time that was asked for: what it was too long is taken off the next.
void disco_slow_down(const disco_note *kernel) {
  static int64_t owed = 0;
  constexpr int64_t least = 20000; // a shorter sleep takes that long, too
  owed += static_cast<int64_t>(kernel->end - kernel->start) * (disco_slow - 1);
  if (owed < least)
    return;
  const uint64_t before = disco_note_clock();
  const timespec pause = {static_cast<time_t>(owed / 1000000000),
                          static_cast<long>(owed % 1000000000)};
  nanosleep(&pause, nullptr);
  owed -= static_cast<int64_t>(disco_note_clock() - before);
}
#endif

} // namespace DISCO_RUNTIME

bool disco_trace_open(disco_notes **notes, const disco_program *program, uint32_t capacity) {
  const char *folder = getenv("DISCO_TRACE");
  if (!folder || !*folder)
    return true;
  char path[4096];
  int size = snprintf(path, sizeof path, "%s/node%u.notes", folder, program->rank);
  if (size < 0 || static_cast<size_t>(size) >= sizeof path)
    errno = ENAMETOOLONG;
  else
    *notes = map_file(path, disco_notes_bytes(capacity));
  if (!*notes) {
    fprintf(stderr, "error: the trace's file in %.300s (DISCO_TRACE) cannot be made: %s\n", folder,
            strerror(errno));
    return false;
  }
  fill(*notes, program, capacity);
  return true;
}
