//===- move.h - kernels that only move elements ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Nothing is computed: x_t is any storage type. Results are dense and never
// overlap operands.
#ifndef DISCO_KERNELS_MOVE_H
#define DISCO_KERNELS_MOVE_H

#include "types.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

template <class T> inline void copy_run(T *__restrict to, const T *__restrict from, dim count) {
  if (count > 0)
    memcpy(to, from, (size_t)count * sizeof(T));
}

template <class P, int D> struct rearrange_level {
  using T = typename P::x_t;
  /// Elements of one step of dimension D of y that lie as in x.
  static constexpr bool dense() {
    int64_t stride = 1;
    for (int d = P::rank - 1; d >= D; --d) {
      if (P::shape[d] != 1 && P::x_strides[d] != stride)
        return false;
      stride *= P::shape[d];
    }
    return true;
  }
  static constexpr dim elements() {
    int64_t count = 1;
    for (int d = P::rank - 1; d >= D; --d)
      count *= P::shape[d];
    return (dim)count;
  }
  static void run(T *__restrict y, const T *__restrict x) {
    constexpr dim extent = (dim)P::shape[D], step = (dim)P::x_strides[D];
    if constexpr (dense()) {
      copy_run(y, x, elements());
    } else if constexpr (D + 1 == P::rank) {
      for (dim i = 0; i < extent; ++i)
        y[i] = x[i * step];
    } else {
      for (dim i = 0; i < extent; ++i)
        rearrange_level<P, D + 1>::run(y + i * rearrange_level<P, D + 1>::elements(), x + i * step);
    }
  }
};

/// y[i0][i1]... = x[offset + sum of i_d * x_strides[d]]: Transpose, Slice, Expand, Tile,
/// DepthToSpace, channel shuffles and their like.
/// P: x_t, rank (1 .. 8), shape[] (of y), x_strides[] (elements; 0 repeats, negative reverses),
///    offset (of y's first element in x)
template <class P> inline void rearrange(typename P::x_t *y, const typename P::x_t *x) {
  if constexpr (rearrange_level<P, 0>::elements() > 0)
    rearrange_level<P, 0>::run(y, x + (dim)P::offset);
}

/// A result dimension of slice, as rearrange wants it.
template <class P> struct slice_view {
  using x_t = typename P::x_t;
  static constexpr int rank = P::rank;
  struct table {
    int64_t v[8];
    constexpr int64_t operator[](int i) const { return v[i]; }
  };
  static constexpr table make_strides() {
    table t{};
    int64_t stride = 1;
    for (int d = P::rank - 1; d >= 0; --d) {
      t.v[d] = stride * P::steps[d];
      stride *= P::x_shape[d];
    }
    return t;
  }
  static constexpr int64_t make_offset() {
    int64_t at = 0, stride = 1;
    for (int d = P::rank - 1; d >= 0; --d) {
      at += stride * P::starts[d];
      stride *= P::x_shape[d];
    }
    return at;
  }
  static constexpr table make_shape() {
    table t{};
    for (int d = 0; d < P::rank; ++d)
      t.v[d] = P::shape[d];
    return t;
  }
  static constexpr table shape = make_shape();
  static constexpr table x_strides = make_strides();
  static constexpr int64_t offset = make_offset();
};

/// y[i] = x[starts + i * steps].
/// P: x_t, rank, shape[] (of y), x_shape[], starts[] (0 .. extent - 1), steps[] (not 0, may be
/// negative)
template <class P> inline void slice(typename P::x_t *y, const typename P::x_t *x) {
  rearrange<slice_view<P>>(y, x);
}

/// Tile as rearrange: dimension pairs (repeat, extent), the repeats with stride 0.
template <class P, int D> struct tile_level {
  using T = typename P::x_t;
  static constexpr dim elements(bool of_y) {
    int64_t count = 1;
    for (int d = P::rank - 1; d >= D; --d)
      count *= P::x_shape[d] * (of_y ? P::repeats[d] : 1);
    return (dim)count;
  }
  static void run(T *__restrict y, const T *__restrict x) {
    if constexpr (D == P::rank) {
      *y = *x;
    } else {
      constexpr dim extent = (dim)P::x_shape[D], out = tile_level<P, D + 1>::elements(true),
                    in = tile_level<P, D + 1>::elements(false);
      if constexpr (out == in) {
        copy_run(y, x, extent * in);
      } else {
        for (dim i = 0; i < extent; ++i)
          tile_level<P, D + 1>::run(y + i * out, x + i * in);
      }
      for (dim r = 1; r < (dim)P::repeats[D]; ++r)
        copy_run(y + r * extent * out, y, extent * out);
    }
  }
};

/// P: x_t, rank, x_shape[], repeats[]
template <class P> inline void tile(typename P::x_t *y, const typename P::x_t *x) {
  if constexpr (tile_level<P, 0>::elements(true) > 0)
    tile_level<P, 0>::run(y, x);
}

/// Broadcast of x to a larger shape.
/// P: x_t, rank, shape[] (of y), x_strides[] (0 where x is broadcast)
template <class P> struct expand_view : P {
  static constexpr int64_t offset = 0;
};
template <class P> inline void expand(typename P::x_t *y, const typename P::x_t *x) {
  rearrange<expand_view<P>>(y, x);
}

/// y[o][i][:] = x[o][index(i)][:]: the channels of a route into its message, and Gather with a
/// constant list. P: x_t, outer, x_extent, extent (of y), inner, index(i) (static constexpr
/// function)
template <class P>
inline void select(typename P::x_t *__restrict y, const typename P::x_t *__restrict x) {
  constexpr dim inner = (dim)P::inner;
  for (dim o = 0; o < (dim)P::outer; ++o, x += (dim)P::x_extent * inner)
    for (dim i = 0; i < (dim)P::extent; ++i, y += inner)
      copy_run(y, x + (dim)P::index((int64_t)i) * inner, inner);
}

/// The name of select where it fills a message buffer.
template <class P> inline void pack(typename P::x_t *y, const typename P::x_t *x) {
  select<P>(y, x);
}

/// y[o][i][:] = sources[source(i)][o][channel(i)][:].
/// P: x_t, outer, extent (of y), inner, source(i), channel(i) (static constexpr functions),
///    source_extents[] (channels of each source buffer)
template <class P>
inline void assemble(typename P::x_t *__restrict y, const typename P::x_t *const *sources) {
  constexpr dim inner = (dim)P::inner;
  for (dim o = 0; o < (dim)P::outer; ++o)
    for (dim i = 0; i < (dim)P::extent; ++i, y += inner) {
      const dim s = (dim)P::source((int64_t)i), c = (dim)P::channel((int64_t)i);
      copy_run(y, sources[s] + (o * (dim)P::source_extents[s] + c) * inner, inner);
    }
}

/// The inverse of select: y[o][index(i)][:] = x[o][i][:]; other channels of y stay as they are.
/// P: x_t, outer, extent (of x), y_extent, inner, index(i)
template <class P>
inline void place(typename P::x_t *__restrict y, const typename P::x_t *__restrict x) {
  constexpr dim inner = (dim)P::inner;
  for (dim o = 0; o < (dim)P::outer; ++o, y += (dim)P::y_extent * inner)
    for (dim i = 0; i < (dim)P::extent; ++i, x += inner)
      copy_run(y + (dim)P::index((int64_t)i) * inner, x, inner);
}

/// y[o] = sources[0][o], sources[1][o], ...
/// P: x_t, outer, inner, count (of sources), extents[]   source s is [outer][extents[s]][inner]
template <class P>
inline void concat(typename P::x_t *__restrict y, const typename P::x_t *const *sources) {
  for (dim o = 0; o < (dim)P::outer; ++o)
    for (dim s = 0; s < (dim)P::count; ++s) {
      const dim run = (dim)P::extents[s] * (dim)P::inner;
      copy_run(y, sources[s] + o * run, run);
      y += run;
    }
}

/// y[b][o][i][:] = x[b][o][indices[b][i]][:], indices below 0 count from the end. An index out
/// of range reads the nearest valid one: data must not lead outside a buffer.
/// P: x_t, index_t (int32_t or int64_t), batch, outer, extent (of x), count (of indices), inner
template <class P>
inline void gather(typename P::x_t *__restrict y, const typename P::x_t *__restrict x,
                   const typename P::index_t *__restrict indices) {
  constexpr dim inner = (dim)P::inner, extent = (dim)P::extent;
  for (dim b = 0; b < (dim)P::batch; ++b, indices += (dim)P::count)
    for (dim o = 0; o < (dim)P::outer; ++o, x += extent * inner)
      for (dim i = 0; i < (dim)P::count; ++i, y += inner) {
        int64_t at = indices[i] < 0 ? (int64_t)indices[i] + extent : (int64_t)indices[i];
        at = at < 0 ? 0 : at >= extent ? extent - 1 : at;
        copy_run(y, x + (dim)at * inner, inner);
      }
}

enum class pad_mode { constant, reflect, edge, wrap };

/// Where result position i (0 = first of y) reads, or -1 for the constant.
inline dim pad_source(pad_mode mode, dim i, dim begin, dim extent) {
  dim at = i - begin;
  if (at >= 0 && at < extent)
    return at;
  if (mode == pad_mode::constant || extent == 0)
    return -1;
  if (mode == pad_mode::edge || extent == 1)
    return at < 0 ? 0 : extent - 1;
  const dim period = mode == pad_mode::wrap ? extent : 2 * (extent - 1);
  at = at % period;
  at = at < 0 ? at + period : at;
  return at < extent ? at : period - at;
}

template <class P, int D> struct pad_level {
  using T = typename P::x_t;
  static constexpr dim elements(bool of_y) {
    int64_t count = 1;
    for (int d = P::rank - 1; d >= D; --d)
      count *= of_y ? P::shape[d] : P::x_shape[d];
    return (dim)count;
  }
  static void run(T *__restrict y, const T *__restrict x, T value) {
    if constexpr (D == P::rank) {
      *y = *x;
    } else {
      constexpr dim out = pad_level<P, D + 1>::elements(true),
                    in = pad_level<P, D + 1>::elements(false);
      for (dim i = 0; i < (dim)P::shape[D]; ++i, y += out) {
        const dim at = pad_source(P::mode, i, (dim)P::begins[D], (dim)P::x_shape[D]);
        if (at >= 0)
          pad_level<P, D + 1>::run(y, x + at * in, value);
        else
          for (dim j = 0; j < out; ++j)
            y[j] = value;
      }
    }
  }
};

/// P: x_t, rank, x_shape[], shape[] (of y), begins[] (may be negative: cropped), mode
/// (disco::pad_mode) End pads follow from the shapes. `value` fills in constant mode.
template <class P>
inline void pad(typename P::x_t *y, const typename P::x_t *x, typename P::x_t value) {
  pad_level<P, 0>::run(y, x, value);
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
