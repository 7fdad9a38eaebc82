//===- conv_int_columns.h - integers of 8 bits, vectors along the columns ---===//
// SPDX-License-Identifier: Apache-2.0
//
// Parts of conv_int.h, for x86. Rows of bytes become words of 32 bits, a word for each column, all
// at once: the bytes of four rows (VPDPBUSD), or numbers of 16 bits of two (PMADDWD). Sums stay in
// registers until they are bytes again. Rows hold x as it is, without sign; what its zero point
// adds to a sum is taken off where the sum starts. Sums wrap: all give the same bits.
#ifndef DISCO_KERNELS_CONV_INT_COLUMNS_H
#define DISCO_KERNELS_CONV_INT_COLUMNS_H

#include "gemm_int.h"

#if defined(__SSE2__)

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

template <int... I> struct int_list {};
template <int N, int... I> struct int_list_to : int_list_to<N - 1, N - 1, I...> {};
template <int... I> struct int_list_to<0, I...> {
  using type = int_list<I...>;
};

/// Columns of rows of bytes that are worked on at once: four vectors of words.
constexpr int int_columns = DISCO_PAIRS_BYTES;
typedef uint8_t int_bytes __attribute__((vector_size(DISCO_PAIRS_BYTES)));
typedef float int_reals __attribute__((vector_size(DISCO_PAIRS_BYTES)));
using int_byte_vec = vec<uint8_t, DISCO_PAIRS_BYTES>;

/// Every 16 bytes: those of a and b in turns, the first or the last eight of each.
template <int Half, int... I>
DISCO_INLINE void int_in_turns(int_bytes &y, const int_bytes &a, const int_bytes &b,
                               int_list<I...>) {
  y = __builtin_shufflevector(a, b, (I / 16 * 16 + Half * 8 + I % 16 / 2 + I % 2 * int_columns)...);
}
template <int Half>
DISCO_INLINE void int_in_turns(int_bytes &y, const int_bytes &a, const int_bytes &b) {
  int_in_turns<Half>(y, a, b, typename int_list_to<int_columns>::type());
}
/// Word 4 i + j becomes word lanes / 4 * j + i, or the other way round.
template <bool Back, int... I>
DISCO_INLINE void int_turn_words(int_sums &y, const int_sums &a, int_list<I...>) {
  constexpr int across = int_columns / 16;
  if constexpr (Back)
    y = __builtin_shufflevector(a, a, (I % across * 4 + I / across)...);
  else
    y = __builtin_shufflevector(a, a, (I % 4 * across + I / 4)...);
}
template <bool Back> DISCO_INLINE void int_turn_words(int_bytes &v) {
  int_sums y;
  int_turn_words<Back>(y, (int_sums)v, typename int_list_to<int_columns / 4>::type());
  v = (int_bytes)y;
}

/// Words of int_columns columns of Depth rows. Flip: their signs are changed.
template <int Depth, bool Flip>
DISCO_INLINE void int_columns_of(int_sums *four, const uint8_t *const *rows, dim at) {
  int_bytes row[4], half[4], whole[4];
  DISCO_UNROLL for (int d = 0; d < Depth; ++d) {
    int_byte_vec::load(row[d], rows[d] + at);
    if constexpr (Flip)
      row[d] ^= (uint8_t)0x80;
    int_turn_words<false>(row[d]);
  }
  if constexpr (Depth == 4) {
    int_in_turns<0>(half[0], row[0], row[2]);
    int_in_turns<0>(half[1], row[1], row[3]);
    int_in_turns<1>(half[2], row[0], row[2]);
    int_in_turns<1>(half[3], row[1], row[3]);
  } else {
    int_in_turns<0>(half[0], row[0], row[1]);
    int_in_turns<1>(half[2], row[0], row[1]);
    half[1] = half[3] = int_bytes{};
  }
  int_in_turns<0>(whole[0], half[0], half[1]);
  int_in_turns<1>(whole[1], half[0], half[1]);
  int_in_turns<0>(whole[2], half[2], half[3]);
  int_in_turns<1>(whole[3], half[2], half[3]);
  DISCO_UNROLL for (int v = 0; v < 4; ++v) four[v] = (int_sums)whole[v];
}

/// What a vector instruction makes of sums: see quant_store.
struct int_end {
  const float *multiplier; // of the first row
  dim step;                // to that of the next row
  int16_t zero, low, high; // low and high less zero
};
template <class P> DISCO_INLINE int_end int_end_of(dim row) {
  if constexpr (P::requantised)
    return {P::multiplier + (P::one_multiplier ? 0 : row), P::one_multiplier ? 0 : 1,
            (int16_t)P::y_zero, (int16_t)(P::low - P::y_zero), (int16_t)(P::high - P::y_zero)};
  else
    return {nullptr, 0, 0, 0, 0};
}

/// The nearest integers, halves to even.
DISCO_INLINE void int_rounded(int_sums &y, const int_reals &v) {
#if DISCO_PAIRS_BYTES == 64 && defined(__clang__)
  y = (int_sums)__builtin_ia32_cvtps2dq512_mask(v, int_sums{}, (unsigned short)-1, 4);
#elif DISCO_PAIRS_BYTES == 64
  y = (int_sums)__builtin_ia32_cvtps2dq512_mask(v, int_sums{}, -1, 4);
#elif DISCO_PAIRS_BYTES == 32
  y = (int_sums)__builtin_ia32_cvtps2dq256(v);
#else
  y = (int_sums)__builtin_ia32_cvtps2dq(v);
#endif
}
/// Integers of half the width, the nearest that there are: every 16 bytes eight of a and eight of
/// b.
DISCO_INLINE void int_packed(int_halves &y, const int_sums &a, const int_sums &b) {
#if DISCO_PAIRS_BYTES == 64 && defined(__clang__)
  y = (int_halves)__builtin_ia32_packssdw512(a, b);
#elif DISCO_PAIRS_BYTES == 64
  y = (int_halves)__builtin_ia32_packssdw512_mask(a, b, int_halves{}, -1);
#elif DISCO_PAIRS_BYTES == 32
  y = (int_halves)__builtin_ia32_packssdw256(a, b);
#else
  y = (int_halves)__builtin_ia32_packssdw128(a, b);
#endif
}
template <bool Signed>
DISCO_INLINE void int_packed(int_bytes &y, const int_halves &a, const int_halves &b) {
#if DISCO_PAIRS_BYTES == 64 && defined(__clang__)
  typedef char chars __attribute__((vector_size(64)));
  y = Signed ? (int_bytes)(chars)__builtin_ia32_packsswb512(a, b)
             : (int_bytes)(chars)__builtin_ia32_packuswb512(a, b);
#elif DISCO_PAIRS_BYTES == 64
  typedef char chars __attribute__((vector_size(64)));
  y = Signed ? (int_bytes)__builtin_ia32_packsswb512_mask(a, b, chars{}, -1)
             : (int_bytes)__builtin_ia32_packuswb512_mask(a, b, chars{}, -1);
#elif DISCO_PAIRS_BYTES == 32
  y = Signed ? (int_bytes)__builtin_ia32_packsswb256(a, b)
             : (int_bytes)__builtin_ia32_packuswb256(a, b);
#else
  y = Signed ? (int_bytes)__builtin_ia32_packsswb128(a, b)
             : (int_bytes)__builtin_ia32_packuswb128(a, b);
#endif
}

/// Bytes of int_columns sums of row r. A product beyond the ends of 32 bits becomes the least
/// integer, so high ones are cut before.
template <bool Signed>
DISCO_INLINE void int_requantised(int_bytes &y, const int_sums *sums, dim r, const int_end &end) {
  const float scale = end.multiplier[r * end.step], most = (float)end.high;
  int_sums rounded[4];
  int_halves two[2];
  DISCO_UNROLL for (int v = 0; v < 4; ++v) {
    int_reals real = __builtin_convertvector(sums[v], int_reals) * scale;
    const int_reals highest = most - int_reals{};
    real = real < highest ? real : highest;
    int_rounded(rounded[v], real);
  }
  const int_halves low = end.low - int_halves{}, zero = end.zero - int_halves{};
  DISCO_UNROLL for (int v = 0; v < 2; ++v) {
    int_packed(two[v], rounded[2 * v], rounded[2 * v + 1]);
    two[v] = (two[v] > low ? two[v] : low) + zero;
  }
  int_packed<Signed>(y, two[0], two[1]);
  int_turn_words<true>(y);
}

//===----------------------------------------------------------------------===//
// Depthwise
//===----------------------------------------------------------------------===//

/// Sums of int_columns columns at a time, from words of rows: `Taps` words each, from `offsets` on.
/// Ends: bytes to y; else the sums.
template <class Open, int Taps, bool Ends, bool Signed>
DISCO_WIDE void int_columns_run(dim count, const int32_t *__restrict cells,
                                const int32_t *__restrict offsets, const int32_t *__restrict w,
                                int32_t begin, void *__restrict to, const int_end &end) {
  constexpr dim lanes = int_vec::lanes;
  for (dim i = 0; i < count; i += int_columns) {
    int_sums acc[4];
    DISCO_UNROLL for (int v = 0; v < 4; ++v) int_vec::fill(acc[v], begin);
    DISCO_UNROLL for (int t = 0; t < Taps; ++t) {
      DISCO_UNROLL for (int v = 0; v < 4; ++v) {
        int_sums word;
        int_vec::load(word, cells + offsets[t] + i + v * lanes);
        Open::of(word).add(acc[v], w[t]);
      }
    }
    if constexpr (Ends) {
      int_bytes bytes;
      int_requantised<Signed>(bytes, acc, 0, end);
      int_byte_vec::store((uint8_t *)to + i, bytes);
    } else {
      DISCO_UNROLL for (int v = 0; v < 4; ++v)
          int_vec::store((int32_t *)to + i + v * lanes, acc[v]);
    }
  }
}

/// Every second word of two vectors.
template <int First, int... I>
DISCO_INLINE void int_every_second(int_sums &y, const int_sums &a, const int_sums &b,
                                   int_list<I...>) {
  y = __builtin_shufflevector(a, b, (2 * I + First)...);
}
template <int First>
DISCO_INLINE void int_every_second(int_sums &y, const int_sums &a, const int_sums &b) {
  int_every_second<First>(y, a, b, typename int_list_to<int_columns / 4>::type());
}

/// Words of `count` columns, sorted by their remainder modulo SW: to [SW][to_row].
template <int Depth, bool Flip, int SW>
DISCO_WIDE void int_columns_fill(int32_t *__restrict to, dim to_row, const uint8_t *const *rows,
                                 dim count) {
  constexpr dim lanes = int_vec::lanes;
  for (dim i = 0; i < count; i += int_columns) {
    int_sums four[4];
    int_columns_of<Depth, Flip>(four, rows, i);
    if constexpr (SW == 2) {
      DISCO_UNROLL for (int v = 0; v < 2; ++v) {
        int_sums even, odd;
        int_every_second<0>(even, four[2 * v], four[2 * v + 1]);
        int_every_second<1>(odd, four[2 * v], four[2 * v + 1]);
        int_vec::store(to + i / 2 + v * lanes, even);
        int_vec::store(to + to_row + i / 2 + v * lanes, odd);
      }
    } else if constexpr (SW == 1) {
      DISCO_UNROLL for (int v = 0; v < 4; ++v) int_vec::store(to + i + v * lanes, four[v]);
    } else {
      int32_t words[int_columns];
      DISCO_UNROLL for (int v = 0; v < 4; ++v) int_vec::store(words + v * lanes, four[v]);
      for (dim j = 0; j < int_columns; ++j)
        to[(i + j) % SW * to_row + (i + j) / SW] = words[j];
    }
  }
}

/// A band of rows of a plane lies in memory with its pads, sorted by their remainder modulo the
/// stride, as one long row each; so do its words. What a tap reads for all outputs are the same
/// words, shifted. G: conv_int_base.
template <class P, class G> struct int_depthwise {
  static constexpr bool quads = DISCO_INT_QUADS && same<typename P::w_t, int8_t> && !P::has_w_zero;
  static constexpr int depth = quads ? 4 : 2;
  using open = typename int_open_of<quads>::type;
  static constexpr column_sizes size = column_sizes_of(
      int_here, depth,
      {1, 1, 1, G::ih, G::iw, 1, G::oh, G::ow, 1, G::kh, G::kw, G::sh, G::sw, 0, G::dh, G::dw});
  static constexpr dim columns = size.columns, plane = size.plane, groups = size.groups,
                       taps = groups * G::kw, bytes = size.bytes;
  static constexpr bool is_signed_x = same<typename P::x_t, int8_t>,
                        is_signed_y = same<typename P::y_t, int8_t>,
                        ends = P::requantised && !P::has_init;

  struct table {
    int32_t of[taps];
  };
  static constexpr table make_offsets() {
    table t{};
    for (dim q = 0; q < groups; ++q)
      for (dim kx = 0; kx < G::kw; ++kx)
        t.of[q * G::kw + kx] =
            (int32_t)((q * G::sw + kx * G::dw % G::sw) * size.words + kx * G::dw / G::sw);
    return t;
  }
  static constexpr table offsets = make_offsets();

  uint8_t *band;  // [sh][plane]
  int32_t *cells; // [groups][sw][words]
  void *out;      // bytes or sums of the band

  /// The rows of the input that `rows` output rows from oy on read; pads are there already.
  void fill(const uint8_t *x, dim oy, dim rows) const {
    constexpr dim row = columns * G::sw, low = G::pw > 0 ? G::pw : 0,
                  high = least(G::iw + G::pw, row);
    for (dim py = 0; py < G::sh; ++py)
      for (dim r = 0; r < rows + size.more_rows; ++r)
        if (const dim iy = (oy + r) * G::sh + py - G::ph; low < high && iy >= 0 && iy < G::ih)
          memcpy(band + py * plane + r * row + low, x + iy * G::iw + low - G::pw,
                 (size_t)(low < high ? high - low : 0));
  }

  void make_cells(dim count) const {
    for (dim q = 0; q < groups; ++q) {
      const uint8_t *from[depth];
      for (int d = 0; d < depth; ++d) {
        const dim ky = q * depth + d, y = (ky < G::kh ? ky : 0) * G::dh;
        from[d] = band + y % G::sh * plane + y / G::sh * columns * G::sw;
      }
      int_columns_fill<depth, is_signed_x, (int)G::sw>(cells + q * G::sw * size.words, size.words,
                                                       from, count * G::sw);
    }
  }

  /// The weights as words; returns what a sum begins with.
  static int32_t weights(int32_t *to, const G &g) {
    constexpr int32_t zero = (int32_t)P::x_zero - (int32_t)int_min<typename P::x_t>;
    int32_t total = 0;
    for (dim q = 0; q < groups; ++q)
      for (dim kx = 0; kx < G::kw; ++kx) {
        int32_t each[4] = {};
        for (dim d = 0; d < depth; ++d)
          if (const dim ky = q * depth + d; ky < G::kh) {
            each[d] = (int32_t)g.w[ky * G::kw + kx] - g.w_zero(0);
            total += each[d];
          }
        to[q * G::kw + kx] = quads ? (int32_t)int_quad_of((uint8_t)each[0], (uint8_t)each[1],
                                                          (uint8_t)each[2], (uint8_t)each[3])
                                   : int_word((int16_t)each[0], (int16_t)each[1]);
      }
    return (int32_t)((uint32_t)g.begin(0) - (uint32_t)total * (uint32_t)zero);
  }

  void channel(const G &g, dim oy, dim rows) const {
    const dim count = whole_steps(rows * columns, int_columns);
    int32_t w[taps];
    const int32_t begin = weights(w, g);
    fill((const uint8_t *)g.channel(0), oy, rows);
    make_cells(count);
    int_columns_run<open, (int)taps, ends, is_signed_y>(count, cells, offsets.of, w, begin, out,
                                                        int_end_of<P>(g.first_row));
    if constexpr (ends) {
      for (dim r = 0; r < rows; ++r)
        memcpy(g.y + (oy + r) * G::ow, (const typename P::y_t *)out + r * columns, (size_t)G::ow);
    } else {
      for (dim r = 0; r < rows; ++r) {
        int32_t *sums = (int32_t *)out + r * columns;
        g.add_init(sums, 0, (oy + r) * G::ow, G::ow);
        g.finish(sums, 0, (oy + r) * G::ow, G::ow);
      }
    }
  }
};

//===----------------------------------------------------------------------===//
// Products of matrices
//===----------------------------------------------------------------------===//

#if DISCO_INT_QUADS

/// Rows x Vectors tile of sums: words of rows of `a`, which are a_row bytes apart, by a panel
/// [words][Vectors][lanes]. Ends: `used` bytes to rows of y; else the sums, `Vectors` vectors a
/// row.
template <int Rows, int Vectors, bool Ends, bool Signed>
DISCO_WIDE void int_quad_tile(dim words, const int8_t *__restrict a, dim a_row,
                              const int32_t *__restrict panel, const int32_t *__restrict begin,
                              void *__restrict to, dim to_row, dim used, const int_end &end) {
  constexpr dim lanes = int_vec::lanes;
  int_sums acc[Rows][4];
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) DISCO_UNROLL for (int v = 0; v < 4; ++v)
      int_vec::fill(acc[r][v], v < Vectors ? begin[r] : 0);
  for (dim k = 0; k < words; ++k, panel += Vectors * lanes) {
    int_sums b[Vectors];
    DISCO_UNROLL for (int v = 0; v < Vectors; ++v) int_vec::load(b[v], panel + v * lanes);
    DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
      int32_t word;
      memcpy(&word, a + r * a_row + k * 4, sizeof word);
      DISCO_UNROLL for (int v = 0; v < Vectors; ++v) int_quads::of(b[v]).add(acc[r][v], word);
    }
  }
  DISCO_UNROLL for (int r = 0; r < Rows; ++r) {
    if constexpr (Ends) {
      int_bytes bytes;
      int_requantised<Signed>(bytes, acc[r], r, end);
      uint8_t *y = (uint8_t *)to + r * to_row;
      if (used == int_columns)
        int_byte_vec::store(y, bytes);
      else
        memcpy(y, &bytes, (size_t)used);
    } else {
      DISCO_UNROLL for (int v = 0; v < Vectors; ++v)
          int_vec::store((int32_t *)to + r * to_row + v * lanes, acc[r][v]);
    }
  }
}

/// A product of rows of weights and columns of x. G: m, n, k; row(to, k0, n0): where int_columns
/// numbers of row k0 are, or `to`, where it has put `Columns` of them; finish, add_init.
template <class P, class G> struct int_quad_product {
  static constexpr quad_sizes size = quad_sizes_of(int_here, G::m, G::n, G::k);
  static constexpr dim lanes = int_vec::lanes, k4 = size.k4, words = k4 / 4, rest = size.rest;
  static constexpr bool ends = P::requantised && !P::has_init,
                        is_signed_y = same<typename P::y_t, int8_t>;
  static constexpr int rows_of_four = DISCO_PAIRS_BYTES == 64 ? 6 : 2,
                       rows_of_one = rows_of_four + 2;

  const G &g;
  int32_t *panel, *begin, *sums; // scratch memory
  uint8_t *rows;
  const int8_t *a;

  template <int Columns, int Vectors> void pack(dim n0) const {
    for (dim p = 0; p < words; ++p) {
      const uint8_t *from[4];
      for (dim d = 0; d < 4; ++d)
        // What is beyond the last row meets zeros of a.
        from[d] = g.template row<Columns>(rows + d * int_columns, least(4 * p + d, G::k - 1), n0);
      int_sums four[4];
      int_columns_of<4, G::flips>(four, from, 0);
      DISCO_UNROLL for (int v = 0; v < Vectors; ++v)
          int_vec::store(panel + (p * Vectors + v) * lanes, four[v]);
    }
  }

  template <int Rows, int Vectors> void tile(dim m0, dim n0, dim used) const {
    const int8_t *weights = a + m0 * k4;
    if constexpr (ends) {
      int_quad_tile<Rows, Vectors, true, is_signed_y>(words, weights, k4, panel, begin + m0,
                                                      g.y + m0 * G::n + n0, G::n, used,
                                                      int_end_of<P>(g.first_row + m0));
    } else {
      int_quad_tile<Rows, Vectors, false, false>(words, weights, k4, panel, begin + m0, sums,
                                                 Vectors * lanes, used, int_end{});
      for (dim r = 0; r < Rows; ++r) {
        int32_t *row = sums + r * Vectors * lanes;
        g.add_init(row, m0 + r, n0, used);
        g.finish(row, m0 + r, n0, used);
      }
    }
  }

  template <int Columns> void columns(dim n0) const {
    constexpr int vectors = Columns <= lanes       ? 1
                            : Columns <= 2 * lanes ? 2
                                                   : 4,
                  most = vectors == 4 ? rows_of_four : rows_of_one;
    pack<Columns, vectors>(n0);
    dim m0 = 0;
    for (; m0 + most <= G::m; m0 += most)
      tile<most, vectors>(m0, n0, Columns);
    for (; m0 + 2 <= G::m; m0 += 2)
      tile<2, vectors>(m0, n0, Columns);
    if (m0 < G::m)
      tile<1, vectors>(m0, n0, Columns);
  }

  void prepare() {
    constexpr int32_t zero = (int32_t)P::x_zero - (int32_t)int_min<typename P::x_t>;
    for (dim i = 0; i < G::m; ++i) {
      const int8_t *row = g.w + i * G::k;
      begin[i] = (int32_t)((uint32_t)g.begin(i) -
                           (zero != 0 ? (uint32_t)zero * (uint32_t)int_total(row, G::k) : 0u));
    }
    a = g.w;
    if constexpr (k4 != G::k) {
      int8_t *to = (int8_t *)(rows + 4 * int_columns);
      a = to;
      for (dim i = 0; i < G::m; ++i, to += k4) {
        memcpy(to, g.w + i * G::k, (size_t)G::k);
        memset(to + G::k, 0, (size_t)(k4 - G::k));
      }
    }
  }

  static void run(const G &g, void *scratch) {
    int32_t *const panel = (int32_t *)(void *)scratch_start(scratch),
                   *const begin = panel + size.panel, *const sums = begin + size.begin;
    int_quad_product all{g, panel, begin, sums, (uint8_t *)(sums + size.sums), nullptr};
    all.prepare();
    dim n0 = 0;
    for (; n0 + int_columns <= G::n; n0 += int_columns)
      all.template columns<int_columns>(n0);
    if constexpr (rest > 0)
      all.template columns<(int)rest>(n0);
  }
};

#endif

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
#endif
