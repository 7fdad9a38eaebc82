//===- limits.h - bounds of time and memory for fuzz targets --------------===//
// SPDX-License-Identifier: Apache-2.0
//
// For the mains of short seeded runs: an input that takes more than its share of the processor or
// of memory is a find. libFuzzer has -timeout and -rss_limit_mb of its own.
#ifndef DISCOC_FUZZ_LIMITS_H
#define DISCOC_FUZZ_LIMITS_H

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DISCOC_FUZZ_SANITIZED 1
#endif
#endif

namespace fuzz {

constexpr rlim_t gigabyte = rlim_t(1) << 30;

inline void out_of_time(int) {
  static const char text[] = "fuzz: an input takes too long\n";
  if (write(2, text, sizeof text - 1) < 0)
    _exit(1);
  abort();
}

// Once, at the start. Address sanitizers reserve terabytes, and are left without this bound.
inline void limit_process(rlim_t bytes = gigabyte) {
  signal(SIGPROF, out_of_time);
#if !defined(__SANITIZE_ADDRESS__) && !defined(DISCOC_FUZZ_SANITIZED)
  rlimit most = {bytes, bytes};
  setrlimit(RLIMIT_AS, &most);
#else
  (void)bytes;
#endif
}

// Before every input: seconds of the processor, so that a busy machine finds nothing.
inline void limit_input(long seconds = 10) {
  itimerval timer = {{0, 0}, {seconds, 0}};
  setitimer(ITIMER_PROF, &timer, nullptr);
}

} // namespace fuzz

#endif // DISCOC_FUZZ_LIMITS_H
