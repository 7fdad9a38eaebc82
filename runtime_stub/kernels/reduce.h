//===- reduce.h - reductions over any axes, argmax, softmax ---------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_REDUCE_H
#define DISCO_KERNELS_REDUCE_H

#include "scalar.h"
#include "vec.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

// A reduction op: the value of nothing, one step, joining two partial results,
// and the result from the total and the number of elements. T is arithmetic;
// sums of integers wrap.
struct red_sum {
  template <class T> static constexpr T start() { return (T)0; }
  template <class T> static T step(T s, T v) { return (T)((wrap_t<T>)s + (wrap_t<T>)v); }
  template <class T> static T join(T a, T b) { return (T)((wrap_t<T>)a + (wrap_t<T>)b); }
  template <class T> static T finish(T s, int64_t) { return s; }
};
struct red_mean : red_sum {
  template <class T> static T finish(T s, int64_t count) {
    return count == 0 ? (is_float<T> ? (T)__builtin_nanf("") : (T)0) : (T)(s / (T)count);
  }
};
struct red_max {
  template <class T> static constexpr T start() {
    if constexpr (is_float<T>)
      return -(T)__builtin_inff();
    else
      return int_min<T>;
  }
  template <class T> static T step(T s, T v) { return v > s || is_nan(v) ? v : s; }
  template <class T> static T join(T a, T b) { return step(a, b); }
  template <class T> static T finish(T s, int64_t) { return s; }
};
struct red_min {
  template <class T> static constexpr T start() {
    if constexpr (is_float<T>)
      return (T)__builtin_inff();
    else
      return int_max<T>;
  }
  template <class T> static T step(T s, T v) { return v < s || is_nan(v) ? v : s; }
  template <class T> static T join(T a, T b) { return step(a, b); }
  template <class T> static T finish(T s, int64_t) { return s; }
};
struct red_prod {
  template <class T> static constexpr T start() { return (T)1; }
  template <class T> static T step(T s, T v) { return (T)((wrap_t<T>)s * (wrap_t<T>)v); }
  template <class T> static T join(T a, T b) { return step(a, b); }
  template <class T> static T finish(T s, int64_t) { return s; }
};
struct red_sum_square : red_sum {
  template <class T> static T step(T s, T v) {
    return (T)((wrap_t<T>)s + (wrap_t<T>)v * (wrap_t<T>)v);
  }
};
struct red_l1 : red_sum {
  template <class T> static T step(T s, T v) { return red_sum::step(s, op_abs::apply<op_abs>(v)); }
};
struct red_l2 : red_sum_square {
  template <class T> static T finish(T s, int64_t) {
    if constexpr (is_float<T>)
      return sqrt_of(s);
    else
      return cast_element<T>(sqrt((double)s));
  }
};
struct red_log_sum : red_sum {
  template <class T> static T finish(T s, int64_t) {
    if constexpr (is_float<T>)
      return log_of(s);
    else
      return cast_element<T>(log((double)s));
  }
};
/// Takes two passes: the greatest value is subtracted first. Floats only.
struct red_log_sum_exp : red_sum {};

/// Visits the reduced elements of one result, dimension D on; the innermost runs in lanes.
template <class P, int D> struct reduce_level {
  using x_t = typename P::x_t;
  using T = arith_t<x_t>;
  template <class Op, class Map> static T run(T s, const x_t *x, const Map &map) {
    if constexpr (D == P::reduced_rank) {
      return Op::step(s, map(load(*x)));
    } else {
      constexpr dim extent = (dim)P::reduced[D], step = (dim)P::reduced_strides[D];
      if constexpr (D + 1 == P::reduced_rank && extent >= 32 && !exact_order<P>) {
        constexpr dim lanes = 16;
        T acc[lanes];
        for (dim j = 0; j < lanes; ++j)
          acc[j] = Op::template start<T>();
        constexpr dim whole = extent - extent % lanes;
        for (dim i = 0; i < whole; i += lanes)
          for (dim j = 0; j < lanes; ++j)
            acc[j] = Op::step(acc[j], map(load(x[(i + j) * step])));
        for (dim i = whole; i < extent; ++i)
          s = Op::step(s, map(load(x[i * step])));
        for (dim j = 0; j < lanes; ++j)
          s = Op::join(s, acc[j]);
      } else {
        for (dim i = 0; i < extent; ++i)
          s = reduce_level<P, D + 1>::template run<Op>(s, x + i * step, map);
      }
      return s;
    }
  }
  static constexpr int64_t count() {
    int64_t c = 1;
    for (int d = D; d < P::reduced_rank; ++d)
      c *= P::reduced[d];
    return c;
  }
};

template <class P, int D> struct reduce_kept {
  using x_t = typename P::x_t;
  using y_t = typename P::y_t;
  using T = arith_t<x_t>;
  static T one(const x_t *x) {
    using op = typename P::op;
    using all = reduce_level<P, 0>;
    const auto same_value = [](T v) { return v; };
    if constexpr (same<op, red_log_sum_exp>) {
      const T top = all::template run<red_max>(red_max::start<T>(), x, same_value);
      const T shift = is_finite(top) ? top : (T)0; // infinities speak for themselves
      return shift + log_of(all::template run<red_sum>((T)0, x,
                                                       [shift](T v) { return exp_of(v - shift); }));
    } else {
      return op::finish(all::template run<op>(op::template start<T>(), x, same_value),
                        all::count());
    }
  }
  static void run(y_t *&y, const x_t *x) {
    if constexpr (D == P::kept_rank) {
      *y++ = store<y_t>((arith_t<y_t>)one(x));
    } else {
      for (dim i = 0; i < (dim)P::kept[D]; ++i)
        reduce_kept<P, D + 1>::run(y, x + i * (dim)P::kept_strides[D]);
    }
  }
};

/// P: x_t, y_t (the same), op (disco::red_*)
///    kept_rank (0 .. 8), kept[], kept_strides[]            axes that stay, in order; strides of x
///    in elements reduced_rank (0 .. 8), reduced[], reduced_strides[]   axes that go (an array of
///    rank 0 still needs one element)
/// y [kept...] dense.
template <class P> inline void reduce(typename P::y_t *y, const typename P::x_t *x) {
  reduce_kept<P, 0>::run(y, x);
}

/// ArgMax and ArgMin along one axis of a view [outer][extent][inner].
/// P: x_t, outer, extent, inner, minimum (bool), last (bool: the last of equals, else the first)
/// y [outer][inner], int64_t.
template <class P>
inline void arg_extreme(int64_t *__restrict y, const typename P::x_t *__restrict x) {
  constexpr dim extent = (dim)P::extent, inner = (dim)P::inner;
  for (dim o = 0; o < (dim)P::outer; ++o, x += extent * inner)
    for (dim j = 0; j < inner; ++j) {
      auto best = load(x[j]);
      dim at = 0;
      for (dim i = 1; i < extent; ++i) {
        const auto v = load(x[i * inner + j]);
        if (P::minimum ? v < best || (P::last && v == best) : v > best || (P::last && v == best)) {
          best = v;
          at = i;
        }
      }
      *y++ = (int64_t)at;
    }
}

/// Running sums along one axis of a view [outer][extent][inner]; sums of integers wrap.
/// P: x_t, outer, extent, inner, exclusive (bool: without the element itself), reverse (bool)
/// y as x.
template <class P>
inline void cum_sum(typename P::x_t *__restrict y, const typename P::x_t *__restrict x) {
  using x_t = typename P::x_t;
  using T = arith_t<x_t>;
  constexpr dim extent = (dim)P::extent, inner = (dim)P::inner;
  for (dim o = 0; o < (dim)P::outer; ++o, x += extent * inner, y += extent * inner)
    for (dim j = 0; j < inner; ++j) {
      T sum = 0;
      for (dim i = 0; i < extent; ++i) {
        const dim at = (P::reverse ? extent - 1 - i : i) * inner + j;
        const T before = sum;
        sum = (T)((wrap_t<T>)sum + (wrap_t<T>)load(x[at]));
        y[at] = store<x_t>(P::exclusive ? before : sum);
      }
    }
}

/// A few neighbouring columns of softmax; rows of the view are `inner` apart.
template <class P, bool Log, int Columns> struct softmax_columns {
  using x_t = typename P::x_t;
  using T = arith_t<x_t>;
  static constexpr dim extent = (dim)P::extent, inner = (dim)P::inner;
  static void run(x_t *y, const x_t *x, dim columns) {
    T top[Columns], sum[Columns];
    for (dim j = 0; j < columns; ++j) {
      top[j] = load(x[j]);
      sum[j] = 0;
    }
    for (dim i = 1; i < extent; ++i)
      for (dim j = 0; j < columns; ++j) {
        const T v = load(x[i * inner + j]);
        top[j] = v > top[j] ? v : top[j];
      }
    for (dim i = 0; i < extent; ++i)
      for (dim j = 0; j < columns; ++j)
        sum[j] += exp_of(load(x[i * inner + j]) - top[j]);
    for (dim j = 0; j < columns; ++j)
      sum[j] = Log ? log_of(sum[j]) : 1 / sum[j];
    for (dim i = 0; i < extent; ++i)
      for (dim j = 0; j < columns; ++j) {
        const T v = load(x[i * inner + j]) - top[j];
        y[i * inner + j] = store<x_t>(Log ? v - sum[j] : exp_of(v) * sum[j]);
      }
  }
};

/// One contiguous row of softmax, in lanes.
template <class P, bool Log> inline void softmax_row(typename P::x_t *y, const typename P::x_t *x) {
  using x_t = typename P::x_t;
  using T = arith_t<x_t>;
  constexpr dim lanes = 16, extent = (dim)P::extent, whole = extent - extent % lanes;
  T part[lanes], top = load(x[0]), sum = 0;
  for (dim j = 0; j < lanes; ++j)
    part[j] = top;
  for (dim i = 0; i < whole; i += lanes)
    for (dim j = 0; j < lanes; ++j) {
      const T v = load(x[i + j]);
      part[j] = v > part[j] ? v : part[j];
    }
  for (dim i = whole; i < extent; ++i)
    top = load(x[i]) > top ? load(x[i]) : top;
  for (dim j = 0; j < lanes; ++j) {
    top = part[j] > top ? part[j] : top;
    part[j] = 0;
  }
  constexpr bool keep = same<x_t, T> && !Log; // exponentials wait in y
  for (dim i = 0; i < whole; i += lanes)
    for (dim j = 0; j < lanes; ++j) {
      const T e = exp_of(load(x[i + j]) - top);
      part[j] += e;
      if constexpr (keep)
        y[i + j] = e;
    }
  for (dim i = whole; i < extent; ++i) {
    const T e = exp_of(load(x[i]) - top);
    sum += e;
    if constexpr (keep)
      y[i] = e;
  }
  for (dim j = 0; j < lanes; ++j)
    sum += part[j];
  const T factor = Log ? log_of(sum) : 1 / sum;
  for (dim i = 0; i < extent; ++i) {
    if constexpr (keep)
      y[i] *= factor;
    else if constexpr (Log)
      y[i] = store<x_t>(load(x[i]) - top - factor);
    else
      y[i] = store<x_t>(exp_of(load(x[i]) - top) * factor);
  }
}

template <class P, bool Log>
inline void softmax_view(typename P::x_t *y, const typename P::x_t *x) {
  constexpr dim extent = (dim)P::extent, inner = (dim)P::inner, columns = 16;
  if constexpr (extent > 0)
    for (dim o = 0; o < (dim)P::outer; ++o, y += extent * inner, x += extent * inner) {
      if constexpr (inner == 1 && !exact_order<P>) {
        softmax_row<P, Log>(y, x);
      } else {
        for (dim j = 0; j < inner; j += columns)
          softmax_columns<P, Log, columns>::run(y + j, x + j,
                                                inner - j < columns ? inner - j : columns);
      }
    }
}

/// Softmax along one axis of a view [outer][extent][inner]. Opset below 13: extent is
/// everything from the axis on, inner 1.
/// P: x_t (floats), outer, extent, inner. y may be x.
template <class P> inline void softmax(typename P::x_t *y, const typename P::x_t *x) {
  softmax_view<P, false>(y, x);
}
template <class P> inline void log_softmax(typename P::x_t *y, const typename P::x_t *x) {
  softmax_view<P, true>(y, x);
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
