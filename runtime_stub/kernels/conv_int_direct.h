//===- conv_int_direct.h - integer convolution, few output channels a group ===//
// SPDX-License-Identifier: Apache-2.0
//
// Parts of conv_int.h. A band of rows of x is copied to scratch memory, one *cell* for each
// position, and positions are sorted by their remainder modulo the stride. Then the inputs that one
// tap of the kernel reads, for all outputs of the band, are one run of cells; the next tap's are
// the same run, shifted. What a cell holds depends on the instructions:
//   quads   four neighbours of a row, 8 bits each: VPDPBUSD, SDOT
//   pairs   two neighbours, 16 bits each: PMADDWD, VPDPWSSD, SMLAD, or plain C
//   halves  one number of 16 bits: SMLAL
//   bytes   one number of 8 bits, which Arm's MVE widens as it loads
// Cells hold x as it is: what its zero point adds to a sum is taken off where the sum starts, and
// pads are the zero point. Sums wrap: all give the same bits, and those of conv_int_planes.
#ifndef DISCO_KERNELS_CONV_INT_DIRECT_H
#define DISCO_KERNELS_CONV_INT_DIRECT_H

#include "conv.h"
#include "conv_int_columns.h"
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Elements of x as Number, less their zero point; pads are 0.
template <class P, class Number> struct conv_int_take {
  using T = Number;
  static T of(typename P::x_t v) { return (T)((int32_t)v - (int32_t)P::x_zero); }
  static constexpr T pad = 0;
  static constexpr int32_t zero = 0; // of what `of` gives
};
/// The bits that quads want, from int_quads::shift on; pads are the zero point.
template <class P> struct conv_int_take<P, int8_t> {
  using T = int8_t;
  static constexpr int32_t moved = int_quads::shift - (int32_t)int_min<typename P::x_t>,
                           zero = (int32_t)P::x_zero + moved;
  static T of(typename P::x_t v) { return (T)(uint8_t)((int32_t)v + moved); }
  static constexpr T pad = (T)(uint8_t)zero;
};

/// What all ways of a convolution have in common.
template <class P, class Number> struct conv_int_base : conv_product<P, conv_int_take<P, Number>> {
  using base = conv_product<P, conv_int_take<P, Number>>;
  using take_x = conv_int_take<P, Number>;
  using y_t = typename P::y_t;
  static constexpr dim m = base::m, n = base::n, k = base::k;
  const int32_t *sum_bias, *sum_init; // of this group
  dim first_row;

  int32_t w_zero(dim m0) const { return (int32_t)P::w_zero((int64_t)(first_row + m0)); }
  /// What the sums of a row begin with, init apart.
  int32_t begin(dim m0) const { return P::has_bias ? sum_bias[m0] : 0; }
  void start(int32_t *c, dim m0, dim n0, dim columns) const {
    const int32_t b = begin(m0);
    for (dim j = 0; j < columns; ++j)
      if constexpr (P::has_init)
        c[j] = (int32_t)((uint32_t)sum_init[m0 * n + n0 + j] + (uint32_t)b);
      else
        c[j] = b;
  }
  /// The sums of a row where what they begin with is there, and init not yet.
  void add_init(int32_t *c, dim m0, dim n0, dim columns) const {
    if constexpr (P::has_init)
      for (dim j = 0; j < columns; ++j)
        c[j] = (int32_t)((uint32_t)c[j] + (uint32_t)sum_init[m0 * n + n0 + j]);
  }
  void finish(const int32_t *c, dim m0, dim n0, dim columns) const {
    quant_store_row<P>(this->y + m0 * n + n0, c, first_row + m0, columns);
  }
};

/// One channel a group: by planes of 32 bits.
template <class P> struct conv_int_plane : conv_int_base<P, int32_t> {
  using base = conv_int_base<P, int32_t>;
  int32_t weight(dim m0, dim tap) const {
    return (int32_t)this->w[m0 * base::taps + tap] - this->w_zero(m0);
  }
  void start_rows(int32_t *sums, dim row, dim m0, dim at, dim count) const {
    for (dim r = 0; r < count; ++r)
      this->start(sums + r * row, m0, at - m0 * base::n + r * base::ow, base::ow);
  }
  void finish_rows(const int32_t *sums, dim row, dim m0, dim at, dim count) const {
    for (dim r = 0; r < count; ++r)
      this->finish(sums + r * row, m0, at - m0 * base::n + r * base::ow, base::ow);
  }
};

/// Words of neighbours. Open: int_pairs or int_quads.
template <class X, class Open, int Depth> struct int_cells {
  using cell = int32_t;
  using sum_type = int_sums;
  static constexpr bool quads = Depth == 4;
  static constexpr dim depth = Depth, lanes = int_vec::lanes;
  // Added to x, so that it has the sign that the instruction wants.
  static constexpr int32_t moved = quads ? int_quads::shift - (int32_t)int_min<X> : 0;
  static void load(sum_type &v, const int32_t *p) { int_vec::load(v, p); }
  static void store(int32_t *p, const sum_type &v) { int_vec::store(p, v); }
  static void fill(sum_type &v, int32_t s) { int_vec::fill(v, s); }
  DISCO_INLINE static void add(sum_type &acc, const cell *p, int32_t w) {
    sum_type word;
    int_vec::load(word, p);
    Open::of(word).add(acc, w);
  }
  /// Numbers `Apart` elements from each other.
  template <int Apart> DISCO_INLINE static cell word(const X *p) {
    if constexpr (quads)
      return (int32_t)(int_quad_of((uint8_t)p[0], (uint8_t)p[Apart], (uint8_t)p[2 * Apart],
                                   (uint8_t)p[3 * Apart]) ^
                       (moved ? 0x80808080u : 0u));
    else
      return int_word((int16_t)p[0], (int16_t)p[Apart]);
  }
  static int32_t weights(const int32_t *w) {
    if constexpr (quads)
      return (int32_t)int_quad_of((uint8_t)w[0], (uint8_t)w[1], (uint8_t)w[2], (uint8_t)w[3]);
    else
      return int_word((int16_t)w[0], (int16_t)w[1]);
  }
};
template <class X> using conv_int_quad_cells = int_cells<X, int_quads, 4>;
template <class X> using conv_int_pair_cells = int_cells<X, int_pairs, 2>;

#if defined(__aarch64__)

/// Numbers of 16 bits, eight at a time.
template <class X> struct conv_int_half_cells {
  using cell = int16_t;
  struct sum_type {
    int32x4_t low, high;
  };
  static constexpr dim depth = 1, lanes = 8;
  static constexpr int32_t moved = 0;
  static void load(sum_type &v, const int32_t *p) { v = {vld1q_s32(p), vld1q_s32(p + 4)}; }
  static void store(int32_t *p, const sum_type &v) {
    vst1q_s32(p, v.low);
    vst1q_s32(p + 4, v.high);
  }
  static void fill(sum_type &v, int32_t s) { v = {vdupq_n_s32(s), vdupq_n_s32(s)}; }
  DISCO_INLINE static void add(sum_type &acc, const cell *p, int32_t w) {
    const int16x8_t value = vld1q_s16(p);
    acc.low = vmlal_n_s16(acc.low, vget_low_s16(value), (int16_t)w);
    acc.high = vmlal_high_n_s16(acc.high, value, (int16_t)w);
  }
  template <int> DISCO_INLINE static cell word(const X *p) { return (cell)*p; }
  static int32_t weights(const int32_t *w) { return *w; }
};

#elif defined(__ARM_FEATURE_MVE)

/// Bytes, four at a time.
template <class X> struct conv_int_byte_cells {
  using cell = X;
  using sum_type = int32x4_t;
  static constexpr dim depth = 1, lanes = 4;
  static constexpr int32_t moved = 0;
  static void load(sum_type &v, const int32_t *p) { v = vldrwq_s32(p); }
  static void store(int32_t *p, const sum_type &v) { vstrwq_s32(p, v); }
  static void fill(sum_type &v, int32_t s) { v = vdupq_n_s32(s); }
  DISCO_INLINE static void add(sum_type &acc, const cell *p, int32_t w) {
    int32x4_t value;
    if constexpr (same<X, int8_t>)
      value = vldrbq_s32(p);
    else
      value = vreinterpretq_s32_u32(vldrbq_u32(p));
    acc = vmlaq_n_s32(acc, value, w);
  }
  template <int> DISCO_INLINE static cell word(const X *p) { return *p; }
  static int32_t weights(const int32_t *w) { return *w; }
};

#endif

/// `More`: the sums are added to, else they begin with `begin`.
template <class Form, int Vectors, bool More>
DISCO_INLINE void conv_cells_block(dim taps, const typename Form::cell *__restrict x,
                                   const int32_t *__restrict offsets, const int32_t *__restrict w,
                                   int32_t begin, int32_t *__restrict sums) {
  typename Form::sum_type acc[Vectors];
  DISCO_UNROLL for (int j = 0; j < Vectors; ++j) {
    if constexpr (More)
      Form::load(acc[j], sums + j * Form::lanes);
    else
      Form::fill(acc[j], begin);
  }
  for (dim t = 0; t < taps; ++t) {
    const typename Form::cell *from = x + offsets[t];
    const int32_t scale = w[t];
    DISCO_UNROLL for (int j = 0; j < Vectors; ++j) Form::add(acc[j], from + j * Form::lanes, scale);
  }
  DISCO_UNROLL for (int j = 0; j < Vectors; ++j) Form::store(sums + j * Form::lanes, acc[j]);
}

/// sums[i] += sum over cells of taps of w[t] . x[i + offsets[t]], `vectors` vectors of sums.
template <class Form, bool More>
DISCO_WIDE void conv_cells(dim vectors, dim taps, const typename Form::cell *x,
                           const int32_t *offsets, const int32_t *w, int32_t begin, int32_t *sums) {
  constexpr int block = 8;
  constexpr dim lanes = Form::lanes;
  for (; vectors >= block; vectors -= block, x += block * lanes, sums += block * lanes)
    conv_cells_block<Form, block, More>(taps, x, offsets, w, begin, sums);
  if (vectors >= 4) {
    conv_cells_block<Form, 4, More>(taps, x, offsets, w, begin, sums);
    vectors -= 4, x += 4 * lanes, sums += 4 * lanes;
  }
  for (; vectors > 0; --vectors, x += lanes, sums += lanes)
    conv_cells_block<Form, 1, More>(taps, x, offsets, w, begin, sums);
}

/// A convolution of one or two dimensions by bands of cells.
template <class P, class Form> struct conv_int_bands {
  using cell = typename Form::cell;
  using x_t = typename P::x_t;
  using G = conv_int_base<P, x_t>;
  static constexpr dim depth = Form::depth, lanes = Form::lanes;
  static constexpr x_t pad = (x_t)P::x_zero;
  static constexpr cell_sizes size =
      cell_sizes_of(int_here, {(dim)sizeof(cell), depth, lanes}, window_of<P>);
  static constexpr bool serves = size.serves;
  static constexpr dim across = size.across, apart = size.apart, x_phases = size.x_phases,
                       columns = size.columns, more_rows = size.more_rows, taps = size.taps,
                       rows = size.rows, plane = size.plane, sums_size = size.sums,
                       padded = whole_steps(columns, lanes), raw_size = size.raw_size,
                       raw_rows = size.raw_rows, bytes = size.bytes;

  struct table {
    int32_t of[serves ? taps : 1];
  };
  static constexpr table make_offsets() {
    table t{};
    for (dim ky = 0; ky < G::kh; ++ky)
      for (dim j = 0; j < across; ++j) {
        const dim y = ky * G::dh, x = j * apart, phase = y % G::sh * x_phases + x % G::sw;
        t.of[ky * across + j] = (int32_t)(phase * plane + y / G::sh * columns + x / G::sw);
      }
    return t;
  }
  static constexpr table offsets = make_offsets();

  static void fill_row(cell *__restrict to, const x_t *__restrict raw) {
    if constexpr (same<cell, x_t> && G::sw == 1)
      memcpy(to, raw, (size_t)columns);
    else
      for (dim c = 0; c < padded; ++c)
        to[c] = Form::template word<(int)G::dw>(raw + c * G::sw);
  }

  /// `raw` holds pads only. A few rows are copied before cells are made of the first: what has just
  /// been stored is not read again in other pieces.
  static void fill(cell *to, const x_t *x, dim oy0, dim band, x_t *raw) {
    constexpr dim low = G::pw > 0 ? G::pw : 0, from = low - G::pw,
                  room = raw_size > low ? raw_size - low : 0,
                  there = from < G::iw ? G::iw - from : 0, count = there < room ? there : room;
    const cell none = Form::template word<(int)G::dw>(pads().of);
    for (dim py = 0; py < G::sh; ++py, to += x_phases * plane)
      for (dim r0 = 0; r0 < band + more_rows; r0 += raw_rows) {
        const dim left = band + more_rows - r0, some = left < raw_rows ? left : raw_rows,
                  first = (oy0 + r0) * G::sh + py - G::ph;
        for (dim r = 0; r < some; ++r)
          if (const dim iy = first + r * G::sh; count > 0 && iy >= 0 && iy < G::ih)
            memcpy(raw + r * raw_size + low, x + iy * G::iw + from, (size_t)count * sizeof(x_t));
        for (dim px = 0; px < x_phases; ++px)
          for (dim r = 0; r < some; ++r) {
            const dim iy = first + r * G::sh;
            cell *row = to + px * plane + (r0 + r) * columns;
            if (iy >= 0 && iy < G::ih)
              fill_row(row, raw + r * raw_size + px);
            else
              for (dim c = 0; c < columns; ++c)
                row[c] = none;
          }
      }
  }

  struct row_of_pads {
    x_t of[(depth - 1) * G::dw + 1];
  };
  static row_of_pads pads() {
    row_of_pads row;
    for (x_t &v : row.of)
      v = pad;
    return row;
  }

  /// The weights of output channel m0 and input channel c, as cells.
  static void fill_weights(int32_t *to, const G &g, dim m0, dim c) {
    const typename G::w_t *from = g.w + m0 * G::k + c * G::taps;
    for (dim ky = 0; ky < G::kh; ++ky)
      for (dim j = 0; j < across; ++j) {
        int32_t each[depth];
        for (dim d = 0; d < depth; ++d) {
          const dim kx = j * depth + d;
          each[d] = kx < G::kw ? (int32_t)from[ky * G::kw + kx] - g.w_zero(m0) : 0;
        }
        to[ky * across + j] = Form::weights(each);
      }
  }

  /// What the zero point of x adds to a row.
  static uint32_t excess(const G &g, dim m0) {
    constexpr int32_t zero = (int32_t)P::x_zero + Form::moved;
    uint32_t sum = 0;
    if constexpr (zero != 0)
      for (dim i = 0; i < G::k; ++i)
        sum += (uint32_t)((int32_t)g.w[m0 * G::k + i] - g.w_zero(m0));
    return sum * (uint32_t)zero;
  }

  static void start(int32_t *sums, const G &g, dim m0, dim oy, dim band, uint32_t off) {
    for (dim r = 0; r < band; ++r) {
      g.start(sums + r * columns, m0, (oy + r) * G::ow, G::ow);
      for (dim c = 0; c < G::ow && off != 0; ++c)
        sums[r * columns + c] = (int32_t)((uint32_t)sums[r * columns + c] - off);
      for (dim c = G::ow; c < columns; ++c)
        sums[r * columns + c] = 0;
    }
    for (dim i = band * columns; i < sums_size; ++i)
      sums[i] = 0;
  }

  /// `all`: room for a band of y.
  static void finish(const int32_t *sums, const G &g, dim m0, dim oy, dim band,
                     typename P::y_t *all) {
    (void)all;
    if constexpr (columns == G::ow) {
      g.finish(sums, m0, oy * G::ow, band * G::ow);
    } else if constexpr (P::requantised && DISCO_VECTOR_BYTES) {
      // In one run, too, and then without what lies between the rows.
      typename P::y_t *y = g.y + m0 * G::n + oy * G::ow;
      quant_store_row<P>(all, sums, g.first_row + m0, band * columns);
      for (dim r = 0; r < band; ++r)
        memcpy(y + r * G::ow, all + r * columns, (size_t)G::ow * sizeof *y);
    } else {
      for (dim r = 0; r < band; ++r)
        g.finish(sums + r * columns, m0, (oy + r) * G::ow, G::ow);
    }
  }

  static void run_group(const G &g, void *scratch) {
    constexpr dim cells = size.phases * plane + size.slack, raw_count = raw_rows * raw_size;
    int32_t *const sums = (int32_t *)(void *)scratch_start(scratch), *const w =
                                                                         sums + G::m * sums_size;
    uint32_t *const off = (uint32_t *)(w + taps);
    cell *const buffer = (cell *)(void *)(off + G::m);
    x_t *const raw =
        (x_t *)(void *)((unsigned char *)buffer + whole_steps((dim)sizeof(cell) * cells, 4));
    auto *const all = (typename P::y_t *)(void *)(raw + raw_count);
    // Slack is beyond the last vectors of a run.
    for (dim i = cells - size.slack; i < cells; ++i)
      buffer[i] = (cell)0;
    for (dim i = 0; i < raw_count; ++i)
      raw[i] = pad;
    for (dim m0 = 0; m0 < G::m; ++m0)
      off[m0] = excess(g, m0);
    for (dim oy = 0; oy < G::oh; oy += rows) {
      const dim band = G::oh - oy < rows ? G::oh - oy : rows,
                vectors = (band * columns + lanes - 1) / lanes;
      for (dim c = 0; c < G::ci; ++c) {
        fill(buffer, g.channel(c), oy, band, raw);
        for (dim m0 = 0; m0 < G::m; ++m0) {
          int32_t *to = sums + m0 * sums_size;
          if (P::has_init && c == 0)
            start(to, g, m0, oy, band, off[m0]);
          fill_weights(w, g, m0, c);
          const auto begin = (int32_t)((uint32_t)g.begin(m0) - off[m0]);
          if (P::has_init || c > 0)
            conv_cells<Form, true>(vectors, taps, buffer, offsets.of, w, 0, to);
          else
            conv_cells<Form, false>(vectors, taps, buffer, offsets.of, w, begin, to);
        }
      }
      for (dim m0 = 0; m0 < G::m; ++m0)
        finish(sums + m0 * sums_size, g, m0, oy, band, all);
    }
  }
};

/// Whether four products are one instruction for these weights.
template <class P>
inline constexpr bool conv_int_has_quads =
    DISCO_INT_QUADS && same<typename P::w_t, int8_t> && !P::has_w_zero;

/// The cells of the target's instructions.
template <class P, bool Quads> struct conv_int_cells_of {
#if defined(__ARM_FEATURE_MVE)
  using type = conv_int_byte_cells<typename P::x_t>;
#elif defined(__aarch64__)
  using type = conv_int_half_cells<typename P::x_t>;
#else
  using type = conv_int_pair_cells<typename P::x_t>;
#endif
};
#if !defined(__ARM_FEATURE_MVE)
template <class P> struct conv_int_cells_of<P, true> {
  using type = conv_int_quad_cells<typename P::x_t>;
};
#endif
template <class P>
using conv_int_own_cells = typename conv_int_cells_of<P, conv_int_has_quads<P>>::type;

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
