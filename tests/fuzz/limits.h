//===- limits.h - bounds of time and memory for fuzz targets --------------===//
// SPDX-License-Identifier: Apache-2.0
//
// For the mains of short seeded runs: an input that takes longer than ten seconds or more than a
// gigabyte is a find. libFuzzer has -timeout and -rss_limit_mb of its own.
#ifndef DISCOC_FUZZ_LIMITS_H
#define DISCOC_FUZZ_LIMITS_H

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

namespace fuzz {

constexpr unsigned seconds_of_input = 10;
constexpr rlim_t bytes_of_process = rlim_t(1) << 30;

inline void out_of_time(int) {
  static const char text[] = "fuzz: an input took longer than 10 s\n";
  if (write(2, text, sizeof text - 1) < 0)
    _exit(1);
  abort();
}

// Once, at the start. Address sanitizers reserve terabytes, and are left without the second bound.
inline void limit_process() {
  signal(SIGALRM, out_of_time);
#if !defined(__SANITIZE_ADDRESS__) && !defined(DISCOC_FUZZ_SANITIZED)
  rlimit most = {bytes_of_process, bytes_of_process};
  setrlimit(RLIMIT_AS, &most);
#endif
}

// Before every input.
inline void limit_input() { alarm(seconds_of_input); }

} // namespace fuzz

#endif // DISCOC_FUZZ_LIMITS_H
