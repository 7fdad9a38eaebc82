//===- sort.h - the greatest or least values of an axis, in order ---------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_SORT_H
#define DISCO_KERNELS_SORT_H

#include "types.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// A heap of indices in one column of the result: on top is the one that comes last.
template <class P> struct top_k_heap {
  using x_t = typename P::x_t;
  static constexpr dim inner = (dim)P::inner;
  int64_t *heap;
  const x_t *x;

  int64_t &at(dim i) const { return heap[i * inner]; }
  auto value(int64_t index) const { return load(x[(dim)index * inner]); }

  /// Of equal values the lower index comes first.
  bool before(int64_t a, int64_t b) const {
    const auto u = value(a), v = value(b);
    if (P::smallest ? u < v : u > v)
      return true;
    if (P::smallest ? v < u : v > u)
      return false;
    return a < b;
  }

  void sink(dim i, dim count) const {
    for (dim child = 2 * i + 1; child < count; i = child, child = 2 * i + 1) {
      if (child + 1 < count && before(at(child), at(child + 1)))
        ++child;
      if (!before(at(i), at(child)))
        return;
      swap(i, child);
    }
  }
  void swap(dim i, dim j) const {
    const int64_t kept = at(i);
    at(i) = at(j);
    at(j) = kept;
  }

  void run() const {
    constexpr dim k = (dim)P::k;
    for (dim i = 0; i < k; ++i)
      at(i) = (int64_t)i;
    for (dim i = k / 2; i-- > 0;)
      sink(i, k);
    for (dim i = k; i < (dim)P::extent; ++i)
      if (before((int64_t)i, at(0))) {
        at(0) = (int64_t)i;
        sink(0, k);
      }
    for (dim left = k; left-- > 1;) {
      swap(0, left);
      sink(0, left);
    }
  }
};

/// The indices of the k greatest or least values along one axis of a view [outer][extent][inner],
/// the best first.
/// P: x_t, outer, extent, inner, k (at most extent), smallest (bool)
/// y [outer][k][inner], int64_t.
template <class P> inline void top_k(int64_t *y, const typename P::x_t *x) {
  constexpr dim extent = (dim)P::extent, inner = (dim)P::inner, k = (dim)P::k;
  if constexpr (k > 0)
    for (dim o = 0; o < (dim)P::outer; ++o, x += extent * inner, y += k * inner)
      for (dim j = 0; j < inner; ++j)
        top_k_heap<P>{y + j, x + j}.run();
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
