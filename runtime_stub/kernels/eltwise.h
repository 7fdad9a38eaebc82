//===- eltwise.h - unary, binary, where, cast and per-channel scaling -----===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_ELTWISE_H
#define DISCO_KERNELS_ELTWISE_H

#include "binary_ops.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Stores what an op computed; ops of bool results have none of the operand's type.
template <class To, class T> inline To eltwise_store(T v) {
  if constexpr (same<To, T>)
    return v;
  else
    return store<To>(v);
}

/// y[i] = op(x[i]).
/// P: x_t, y_t (the same, or bool for ops of bool results), count, op (scalar.h)
/// y may be x.
template <class P> inline void unary(typename P::y_t *y, const typename P::x_t *x) {
  using op = typename P::op;
  for (dim i = 0; i < (dim)P::count; ++i)
    y[i] = eltwise_store<typename P::y_t>(op::template apply<op>(load(x[i])));
}

/// y[i] = cast(x[i]). P: x_t, y_t, count. Not in place.
template <class P>
inline void cast(typename P::y_t *__restrict y, const typename P::x_t *__restrict x) {
  for (dim i = 0; i < (dim)P::count; ++i)
    y[i] = cast_element<typename P::y_t>(x[i]);
}

/// Dimension D of a broadcasting op: y is dense, operands have strides.
template <class P, int D> struct binary_level {
  using a_t = typename P::a_t;
  using b_t = typename P::b_t;
  using y_t = typename P::y_t;
  static void run(y_t *&y, const a_t *a, const b_t *b) {
    constexpr dim extent = (dim)P::shape[D], sa = (dim)P::a_strides[D], sb = (dim)P::b_strides[D];
    if constexpr (D + 1 == P::rank) {
      using op = typename P::op;
      using act = typename P::act;
      y_t *to = y;
      if constexpr (sb == 0 && sa == 1) { // load a scalar once even where y might alias it
        const auto right = load(*b);
        for (dim i = 0; i < extent; ++i)
          to[i] = eltwise_store<y_t>(
              act::template apply<act>(op::template apply<op>(load(a[i]), right)));
      } else {
        for (dim i = 0; i < extent; ++i)
          to[i] = eltwise_store<y_t>(
              act::template apply<act>(op::template apply<op>(load(a[i * sa]), load(b[i * sb]))));
      }
      y += extent;
    } else {
      for (dim i = 0; i < extent; ++i)
        binary_level<P, D + 1>::run(y, a + i * sa, b + i * sb);
    }
  }
};

/// y = act(op(a, b)) with broadcasting.
/// P: a_t, b_t (the same but for pow), y_t (a_t, or bool for comparisons), op (binary_ops.h),
///    act (act_none, or what follows in the graph)
///    rank              1 .. 8, after collapsing what can be: same shapes are rank 1
///    shape[], a_strides[], b_strides[]   static constexpr int64_t arrays; strides in elements,
///                      0 where an operand is broadcast
/// y is dense; it may be an operand that has its type and is not broadcast.
template <class P>
inline void binary(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b) {
  binary_level<P, 0>::run(y, a, b);
}

template <class P, int D> struct where_level {
  using T = typename P::x_t;
  static void run(T *&y, const bool *c, const T *a, const T *b) {
    constexpr dim extent = (dim)P::shape[D];
    constexpr dim sc = (dim)P::c_strides[D], sa = (dim)P::a_strides[D], sb = (dim)P::b_strides[D];
    if constexpr (D + 1 == P::rank) {
      for (dim i = 0; i < extent; ++i)
        y[i] = c[i * sc] ? a[i * sa] : b[i * sb];
      y += extent;
    } else {
      for (dim i = 0; i < extent; ++i)
        where_level<P, D + 1>::run(y, c + i * sc, a + i * sa, b + i * sb);
    }
  }
};

/// y = condition ? a : b with broadcasting.
/// P: x_t, rank, shape[], c_strides[], a_strides[], b_strides[]   as in binary
template <class P>
inline void where(typename P::x_t *y, const bool *condition, const typename P::x_t *a,
                  const typename P::x_t *b) {
  where_level<P, 0>::run(y, condition, a, b);
}

/// y = act(x * scale + shift), one scale and shift a channel: a BatchNormalization that could not
/// be folded. P: x_t (float, f16, double), outer, channels, inner, act y, x
/// [outer][channels][inner], y may be x; scale, shift [channels] in the arithmetic type.
template <class P>
inline void channel_affine(typename P::x_t *y, const typename P::x_t *x,
                           const arith_t<typename P::x_t> *scale,
                           const arith_t<typename P::x_t> *shift) {
  using act = typename P::act;
  constexpr dim inner = (dim)P::inner;
  for (dim o = 0; o < (dim)P::outer; ++o)
    for (dim c = 0; c < (dim)P::channels; ++c, y += inner, x += inner) {
      const arith_t<typename P::x_t> s = scale[c], t = shift[c];
      for (dim i = 0; i < inner; ++i)
        y[i] = store<typename P::x_t>(act::template apply<act>(load(x[i]) * s + t));
    }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
