//===- any_layout.h - kernels for tensors that lie in any way -------------===//
// SPDX-License-Identifier: Apache-2.0
//
// P has a function for each operand that lies in a way of its own, which gives the offset of an
// element by its indices: `static constexpr ptrdiff_t x_at(ptrdiff_t i0, ...)`. A kernel here works
// for every layout, whatever the layouts of the others, and reads or writes elements of the tensor
// alone: never borders, empty lanes or what a pitch leaves. Plain loops; what has to be quick gets
// a kernel of its own.
#ifndef DISCO_KERNELS_ANY_LAYOUT_H
#define DISCO_KERNELS_ANY_LAYOUT_H

#include "binary_ops.h"
#include "move.h"
#include "pool.h"
#include "scalar.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Tests compile with DISCO_FILL_UNUSED: a result is NaN before it is written, so that whoever
/// reads what nobody wrote is found out.
template <class T> inline void fill_unused(T *y, int64_t elements, const void *in_place = nullptr) {
#ifdef DISCO_FILL_UNUSED
  if ((const void *)y != in_place)
    memset(y, 0xff, (size_t)elements * sizeof(T));
#else
  (void)y;
  (void)elements;
  (void)in_place;
#endif
}

/// Calls f(i0, i1, ...) for every index of P::shape.
template <class P, int D = 0, class F, class... I>
inline void for_each_index(const F &f, I... indices) {
  if constexpr (D == P::rank) {
    f(indices...);
  } else {
    for (dim i = 0; i < (dim)P::shape[D]; ++i)
      for_each_index<P, D + 1>(f, indices..., i);
  }
}

/// y = x, lying otherwise.
/// P: x_t, rank, shape[], y_elements (of the buffer), y_at, x_at (of rank indices)
template <class P>
inline void relayout(typename P::x_t *__restrict y, const typename P::x_t *__restrict x) {
  fill_unused(y, P::y_elements);
  for_each_index<P>([&](auto... i) { y[P::y_at(i...)] = x[P::x_at(i...)]; });
}

/// y = op(x). P: x_t, y_t, op, rank, shape[], y_elements, y_at, x_at. y may be x when they lie
/// alike.
template <class P> inline void unary_any(typename P::y_t *y, const typename P::x_t *x) {
  using op = typename P::op;
  fill_unused(y, P::y_elements, x);
  for_each_index<P>([&](auto... i) {
    y[P::y_at(i...)] = store<typename P::y_t>(op::template apply<op>(load(x[P::x_at(i...)])));
  });
}

/// y = act(op(a, b)). P: a_t, b_t, y_t, op, act, rank, shape[] (of y), y_elements, y_at, a_at,
/// b_at: of the indices of y, also of an operand that is broadcast. y may be a when they lie alike.
template <class P>
inline void binary_any(typename P::y_t *y, const typename P::a_t *a, const typename P::b_t *b) {
  using op = typename P::op;
  using act = typename P::act;
  fill_unused(y, P::y_elements, a);
  for_each_index<P>([&](auto... i) {
    y[P::y_at(i...)] = store<typename P::y_t>(act::template apply<act>(
        op::template apply<op>(load(a[P::a_at(i...)]), load(b[P::b_at(i...)]))));
  });
}

/// Channel i of the result's axis is channel(i) of sources[source(i)].
/// P: x_t, rank, shape[] (of y), axis, source(i), y_elements, y_at, x_at(s, indices of y): in
/// source s
template <class P>
inline void assemble_any(typename P::x_t *__restrict y, const typename P::x_t *const *sources) {
  fill_unused(y, P::y_elements);
  for_each_index<P>([&](auto... i) {
    const dim index[] = {i...}, s = (dim)P::source((int64_t)index[P::axis]);
    y[P::y_at(i...)] = sources[s][P::x_at(s, i...)];
  });
}

/// One window, of an element of the result.
template <class P>
inline arith_t<typename P::x_t> pool_window_any(const typename P::x_t *x, dim n, dim c, dim oz,
                                                dim oy, dim ox) {
  using S = pool_shape<P>;
  using T = arith_t<typename P::x_t>;
  T v = P::maximum ? pool_lowest<T>() : (T)0;
  const pool_window z = S::z(oz), y = S::y(oy), w = S::x(ox);
  for (dim i = 0; i < z.count; ++i)
    for (dim j = 0; j < y.count; ++j)
      for (dim k = 0; k < w.count; ++k) {
        const T e =
            load(x[P::x_at(n, c, z.first + i * S::dd, y.first + j * S::dh, w.first + k * S::dw)]);
        if constexpr (P::maximum)
          v = e > v ? e : v;
        else
          v = v + e;
      }
  return v;
}

/// MaxPool and AveragePool of floats.
/// P: maximum; x_t, n, c and the window as in max_pool; without maximum ed eh ew and
/// count_include_pad
///    as in average_pool; y_elements, y_at, x_at of (n, c, d, h, w)
template <class P>
inline void pool_any(typename P::x_t *__restrict y, const typename P::x_t *__restrict x) {
  using S = pool_shape<P>;
  using T = arith_t<typename P::x_t>;
  fill_unused(y, P::y_elements);
  for (dim n = 0; n < (dim)P::n; ++n)
    for (dim c = 0; c < (dim)P::c; ++c)
      for (dim oz = 0; oz < S::od; ++oz)
        for (dim oy = 0; oy < S::oh; ++oy)
          for (dim ox = 0; ox < S::ow; ++ox) {
            T v = pool_window_any<P>(x, n, c, oz, oy, ox);
            if constexpr (!P::maximum)
              v = v / (T)pool_divisor<P>(oz, oy, ox);
            y[P::y_at(n, c, oz, oy, ox)] = store<typename P::x_t>(v);
          }
}

/// The sum of an element of a convolution; columns rise.
template <class P>
inline arith_t<typename P::x_t> conv_sum_any(const typename P::x_t *x, const typename P::w_t *w,
                                             dim n, dim o, dim oz, dim oy, dim ox) {
  constexpr dim ci = (dim)(P::ci / P::groups), rows = (dim)(P::co / P::groups);
  arith_t<typename P::x_t> sum = 0;
  const dim first = o / rows * ci;
  w += o * ci * (dim)(P::kd * P::kh * P::kw);
  for (dim i = 0; i < ci; ++i)
    for (dim kz = 0; kz < (dim)P::kd; ++kz)
      for (dim ky = 0; ky < (dim)P::kh; ++ky)
        for (dim kx = 0; kx < (dim)P::kw; ++kx, ++w) {
          const dim z = oz * (dim)P::sd - (dim)P::pd + kz * (dim)P::dd,
                    y = oy * (dim)P::sh - (dim)P::ph + ky * (dim)P::dh,
                    v = ox * (dim)P::sw - (dim)P::pw + kx * (dim)P::dw;
          if (z >= 0 && z < (dim)P::id && y >= 0 && y < (dim)P::ih && v >= 0 && v < (dim)P::iw)
            sum += load(x[P::x_at(n, (dim)P::channel((int64_t)(first + i)), z, y, v)]) * load(*w);
        }
  return sum;
}

/// Convolution: what conv_gemm computes.
/// P: as there, without x_channels; y_elements, y_at, x_at, init_at, residual_at of (n, c, d, h, w)
/// y may be init when they lie alike.
template <class P>
inline void conv_any(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                     const arith_t<typename P::x_t> *bias, const typename P::y_t *init,
                     const typename P::y_t *residual) {
  using act = typename P::act;
  fill_unused(y, P::y_elements, init);
  for (dim n = 0; n < (dim)P::n; ++n)
    for (dim o = 0; o < (dim)P::co; ++o)
      for (dim oz = 0; oz < (dim)P::od; ++oz)
        for (dim oy = 0; oy < (dim)P::oh; ++oy)
          for (dim ox = 0; ox < (dim)P::ow; ++ox) {
            auto sum = conv_sum_any<P>(x, w, n, o, oz, oy, ox);
            if constexpr (P::has_init)
              sum += load(init[P::init_at(n, o, oz, oy, ox)]);
            if constexpr (P::has_bias)
              sum += bias[o];
            if constexpr (P::has_residual)
              sum += load(residual[P::residual_at(n, o, oz, oy, ox)]);
            y[P::y_at(n, o, oz, oy, ox)] = store<typename P::y_t>(act::template apply<act>(sum));
          }
  (void)bias;
  (void)init;
  (void)residual;
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
