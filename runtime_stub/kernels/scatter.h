//===- scatter.h - slices of a tensor replaced or changed -----------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_SCATTER_H
#define DISCO_KERNELS_SCATTER_H

#include "binary_ops.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

// How an update joins what is there; T is a storage type.
struct scatter_none {
  template <class T> static T join(T, T update) { return update; }
};
template <class Op> struct scatter_by {
  template <class T> static T join(T old, T update) {
    return store<T>(Op::template apply<Op>(load(old), load(update)));
  }
};
struct scatter_add : scatter_by<op_add> {};
struct scatter_mul : scatter_by<op_mul> {};
struct scatter_max : scatter_by<op_max> {};
struct scatter_min : scatter_by<op_min> {};

/// y is x, but y[b][indices[b][i]][:] is joined with updates[b][i][:], one i after the other.
/// Indices below 0 count from the end; others outside are left out.
/// P: x_t, index_t (int32_t or int64_t), outer, extent (of x), count (of indices), inner,
///    op (disco::scatter_none, _add, _mul, _max, _min)
/// x [outer][extent][inner], indices [outer][count], updates [outer][count][inner]; y as x.
template <class P>
inline void scatter(typename P::x_t *__restrict y, const typename P::x_t *__restrict x,
                    const typename P::index_t *__restrict indices,
                    const typename P::x_t *__restrict updates) {
  constexpr dim inner = (dim)P::inner, extent = (dim)P::extent, count = (dim)P::count;
  for (dim i = 0; i < (dim)P::outer * extent * inner; ++i)
    y[i] = x[i];
  for (dim o = 0; o < (dim)P::outer; ++o, y += extent * inner, indices += count)
    for (dim i = 0; i < count; ++i, updates += inner) {
      const int64_t at = indices[i] < 0 ? (int64_t)indices[i] + extent : (int64_t)indices[i];
      if (at < 0 || at >= extent)
        continue;
      typename P::x_t *to = y + (dim)at * inner;
      for (dim j = 0; j < inner; ++j)
        to[j] = P::op::join(to[j], updates[j]);
    }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
