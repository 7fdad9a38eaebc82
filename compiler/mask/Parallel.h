//===- Parallel.h - work of numbers, the same whoever does it ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_MASK_PARALLEL_H
#define DISCOC_MASK_PARALLEL_H

#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace discoc::mask {

/// Calls `work` with 0 to count - 1, on so many threads. What each call computes depends on its
/// number alone, so results are the same for any number of threads.
inline void parallelFor(size_t count, size_t threads, const std::function<void(size_t)> &work) {
  std::atomic<size_t> next = 0;
  auto run = [&] {
    for (size_t i = next++; i < count; i = next++)
      work(i);
  };
  std::vector<std::thread> helpers;
  for (size_t t = 1; t < threads && t < count; ++t)
    helpers.emplace_back(run);
  run();
  for (std::thread &helper : helpers)
    helper.join();
}

} // namespace discoc::mask

#endif // DISCOC_MASK_PARALLEL_H
