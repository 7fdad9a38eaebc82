//===- tiles.h - what kernels of contractions need for a shape ------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Sizes of tiles, bands and scratch memory: constant arithmetic that kernels compute with, and
// that the compiler includes to choose a kernel and to reserve its scratch memory. So neither can
// believe something else than the other.
#ifndef DISCO_KERNELS_TILES_H
#define DISCO_KERNELS_TILES_H

#include "types.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// What a cell of conv_int_cells holds: see there. `words` is `pairs` without an instruction for
/// it.
enum class cell_form { words, pairs, halves, bytes };

/// How kernels of contractions use a processor.
struct processor {
  dim vector_bytes;  // of a register; 0: they use none
  dim rows, vectors; // of a tile of sums
  dim pair_bytes;    // of a vector of integer sums; 0: scalars
  bool quads;        // four products of 8 bits are one instruction
  cell_form cells;
};

constexpr dim whole_steps(dim value, dim step) { return (value + step - 1) / step * step; }
constexpr dim least(dim a, dim b) { return a < b ? a : b; }

/// Scratch memory begins at a multiple of 16 bytes, and vectors want theirs: what may lie before.
constexpr dim before_scratch(const processor &p) {
  return p.vector_bytes > 16 ? p.vector_bytes - 16 : 0;
}

//===----------------------------------------------------------------------===//
// Products of matrices
//===----------------------------------------------------------------------===//

/// Block sizes: kc columns of a and nc columns of b are packed at a time.
struct gemm_tile_size {
  dim lanes, mr, nr, nc, kc;
  dim mg; // rows of c that wait in scratch memory when y cannot hold sums
};
constexpr gemm_tile_size gemm_tile_of(const processor &p, dim element) {
  const dim lanes = p.vector_bytes ? p.vector_bytes / element : 1, nr = p.vectors * lanes;
  return {lanes, p.rows, nr, 2 * nr, p.vector_bytes ? 128 : 32, 4 * p.rows};
}

/// c[m][n] += sum over k of a[m][k] * b[k][n]. direct: the operand is used where it lies.
struct gemm_shape {
  dim m, n, k;
  bool direct_a, direct_c;
  bool dots;            // an element of c is one dot product
  bool whole_b = false; // b was packed before
};
struct gemm_sizes {
  dim k_step, panel_columns, group;
  dim panel, held, packed_a; // elements
};
constexpr gemm_sizes gemm_sizes_of(const processor &p, dim element, const gemm_shape &s) {
  const gemm_tile_size t = gemm_tile_of(p, element);
  const dim k_step = s.k < t.kc ? (s.k > 0 ? s.k : 1) : t.kc;
  const dim columns = s.dots ? 1 : (s.n < t.nc ? whole_steps(s.n, t.nr) : t.nc);
  const dim group = s.direct_c ? s.m : least(s.m, t.mg);
  return {k_step,
          columns,
          group,
          s.whole_b ? 0 : k_step * columns,
          s.direct_c ? 0 : group * columns,
          s.direct_a ? 0 : t.mr * k_step};
}
constexpr dim gemm_scratch(const processor &p, dim element, const gemm_shape &s) {
  const gemm_sizes z = gemm_sizes_of(p, element, s);
  return before_scratch(p) + element * (z.panel + z.held + z.packed_a);
}

/// At most this many columns are worth dot products.
constexpr dim gemm_few_columns(const processor &p, dim element) {
  return gemm_tile_of(p, element).lanes / 4;
}

/// Columns in a block of a packed b: whole tiles of every processor.
constexpr dim gemm_b_block = 48;

/// Of integers of 8 bits.
struct int_tile_size {
  dim lanes, mr, vectors, nr, kc, mg;
};
constexpr int_tile_size int_tile_of(const processor &p) {
  const dim lanes = p.pair_bytes ? p.pair_bytes / 4 : 1, mr = p.pair_bytes ? p.rows : 2,
            vectors = p.pair_bytes ? p.vectors : 4;
  return {lanes,
          mr,
          vectors,
          (p.pair_bytes ? vectors : 2 * vectors) * lanes,
          p.pair_bytes ? 512 : 192, // even
          p.pair_bytes ? 4 * mr : 16};
}
struct int_sizes {
  dim depth, step, words, width, group; // depth: numbers in a word
  dim bytes;
};
constexpr int_sizes int_sizes_of(const processor &p, dim depth, dim m, dim n, dim k) {
  const int_tile_size t = int_tile_of(p);
  const dim step = least(whole_steps(k, depth), t.kc), words = step / depth;
  const dim width = least(whole_steps(n, t.lanes), t.nr), group = least(m, t.mg);
  // The panel, sums, rows of a, and rows of b before they are words.
  return {depth, step,  words,
          width, group, 4 * (words * width + group * width + t.mr * words + width)};
}
/// Along columns, for Arm's MVE: sums, the panel, one row.
constexpr int_sizes int_column_sizes_of(dim m, dim n, dim k) {
  const dim step = least(k, 384), width = least(n, 8), group = least(m, 32);
  return {1, step, step, width, group, 4 * group * width + width * step + width};
}

/// Whether columns of bytes become words all at once: conv_int_columns.h.
constexpr bool has_int_columns(const processor &p) {
  return p.pair_bytes > 0 && p.cells == cell_form::pairs;
}
/// As quads there, where they are one instruction: a panel of whole columns of x, what the sums of
/// each row begin with, a tile of sums, rows of x, and rows of weights that are no whole quads.
struct quad_sizes {
  dim k4, rest; // rest: columns that fill no panel
  dim panel, begin, sums;
  dim bytes;
};
constexpr quad_sizes quad_sizes_of(const processor &p, dim m, dim n, dim k) {
  constexpr dim rows = 6;
  const dim columns = p.pair_bytes, k4 = whole_steps(k, 4), panel = k4 / 4 * columns,
            sums = rows * columns;
  return {k4,    n % columns,
          panel, m,
          sums,  before_scratch(p) + 4 * (panel + m + sums + columns) + (k4 == k ? 0 : m * k4)};
}

//===----------------------------------------------------------------------===//
// Convolutions of few channels a group
//===----------------------------------------------------------------------===//

/// One group of a convolution; extents of one axis less than three are 1.
struct window_shape {
  dim ci, m; // input and output channels
  dim id, ih, iw, od, oh, ow, kd, kh, kw, sh, sw, pd, dh, dw;
};

/// Bands of rows of a plane, sorted by stride phase, and sums beside them.
struct band_sizes {
  bool serves;
  dim columns, more_rows, phases, rows; // rows: of y in one band
  dim plane, slack, sums;               // elements
};
constexpr band_sizes band_sizes_of(const processor &p, dim element, const window_shape &w) {
  const dim lanes = gemm_tile_of(p, element).lanes;
  const dim columns = w.ow + (w.kw - 1) * w.dw / w.sw, more_rows = (w.kh - 1) * w.dh / w.sh,
            phases = w.sh * w.sw;
  const dim budget = (p.vector_bytes ? 24576 : 2048) / element / least(phases, 9);
  const dim rows = least(budget / (columns > 0 ? columns : 1) - more_rows, w.oh);
  const bool serves = w.ci == 1 && w.id == 1 && w.od == 1 && w.kd == 1 && w.pd == 0 &&
                      phases <= 9 && rows > 0 && rows * 2 > more_rows && w.oh * w.ow > 0;
  return {serves,
          columns,
          more_rows,
          phases,
          rows,
          serves ? (rows + more_rows) * columns : 1,
          lanes + columns - w.ow,
          serves ? whole_steps(rows * columns, lanes) : 1};
}
constexpr dim band_scratch(const processor &p, dim element, const window_shape &w) {
  const band_sizes z = band_sizes_of(p, element, w);
  return before_scratch(p) + element * (z.phases * z.plane + z.slack + z.sums + w.kh * w.kw);
}

/// Bytes, depth and lanes of cells.
struct cell_size {
  dim bytes, depth, lanes;
};
constexpr cell_size cell_size_of(const processor &p, bool quads) {
  if (quads && p.quads && p.cells != cell_form::bytes)
    return {4, 4, p.pair_bytes / 4};
  if (p.cells == cell_form::bytes)
    return {1, 1, 4};
  if (p.cells == cell_form::halves)
    return {2, 1, 8};
  return {4, 2, p.pair_bytes ? p.pair_bytes / 4 : 1};
}
struct cell_sizes {
  bool serves;
  dim across, apart, x_phases, phases, columns, more_rows, taps, rows;
  dim raw_size, raw_rows, plane, slack, sums;
  dim bytes;
};
constexpr cell_sizes cell_sizes_of(const processor &p, const cell_size &c, const window_shape &w) {
  // A row of taps is `across` cells. They lie in one plane where their distance fits the stride.
  const dim across = (w.kw + c.depth - 1) / c.depth, apart = c.depth * w.dw,
            x_phases = apart % w.sw == 0 ? 1 : w.sw, phases = w.sh * x_phases;
  const dim columns = w.ow + (across - 1) * apart / w.sw, more_rows = (w.kh - 1) * w.dh / w.sh;
  const dim wide = columns > 0 ? columns : 1;
  const dim budget = p.vector_bytes ? 49152 : 4096, row_cells = phases * wide * c.bytes,
            row_sums = wide * 5 * w.m;
  const dim rows = least((budget - more_rows * row_cells) / (row_cells + row_sums), w.oh);
  // A row of x between its pads. Vectors of cells go beyond its end, into the next row.
  const dim padded = whole_steps(columns, c.lanes);
  const dim raw_size = (padded > 0 ? padded : 1) * w.sw + apart + w.sw,
            raw_rows = p.vector_bytes ? 8 : 1;
  // A single tap of many channels is better paired with those of other channels.
  const bool serves = w.id == 1 && w.od == 1 && w.kd == 1 && w.pd == 0 && phases <= 9 && rows > 0 &&
                      rows * 2 > more_rows && w.oh * w.ow > 0 && w.ci > 0 &&
                      (w.ci == 1 || w.kw > 1) && raw_rows * raw_size < budget / 4;
  const dim plane = serves ? (rows + more_rows) * columns : 1;
  const dim sums = serves ? whole_steps(rows * columns, c.lanes) : 1;
  const dim slack = c.lanes + columns - w.ow, taps = w.kh * across;
  // Sums, weights, what is taken off the sums, cells, rows of x, and rows of y.
  const dim bytes = 4 * (w.m * sums + taps + w.m) +
                    whole_steps(c.bytes * (phases * plane + slack), 4) + raw_rows * raw_size +
                    (serves ? rows * columns : 0);
  return {serves,   across,    apart, x_phases, phases,
          columns,  more_rows, taps,  rows,     raw_size,
          raw_rows, plane,     slack, sums,     before_scratch(p) + bytes};
}

/// Depthwise ones of 8 bits by columns: words for `groups` of `depth` rows of taps, sorted by their
/// columns' remainder modulo the stride; sums or bytes; a band of rows, sorted by theirs.
struct column_sizes {
  bool serves;
  dim columns, more_rows, groups, rows; // rows: of y in one band
  dim count, plane, words;              // elements: outputs, a row's remainder, words of one
  dim bytes;
};
constexpr column_sizes column_sizes_of(const processor &p, dim depth, const window_shape &w) {
  constexpr dim budget = 28672, most_taps = 32;
  const dim shift = (w.kw - 1) * w.dw / w.sw, columns = w.ow + shift,
            more_rows = (w.kh - 1) * w.dh / w.sh, groups = (w.kh + depth - 1) / depth,
            phases = w.sh * w.sw, each = columns * (phases + 4 * groups * w.sw + 4),
            fit = each > 0 ? budget / each : 1, rows = least(fit < 1 ? 1 : fit, w.oh);
  const bool serves = has_int_columns(p) && w.ci == 1 && w.m == 1 && w.id == 1 && w.od == 1 &&
                      w.kd == 1 && w.pd == 0 && phases <= 9 && w.oh * w.ow > 0 &&
                      groups * w.kw <= most_taps && each <= 8 * budget;
  const dim count = serves ? whole_steps(rows * columns, p.pair_bytes) : 1,
            plane = (count + more_rows * columns) * w.sw, words = whole_steps(count + shift, 16);
  return {serves, columns, more_rows,
          groups, rows,    count,
          plane,  words,   before_scratch(p) + 4 * (groups * w.sw * words + count) + w.sh * plane};
}

//===----------------------------------------------------------------------===//
// Winograd's convolutions
//===----------------------------------------------------------------------===//

/// Channels in a block, of every processor: one vector of the widest, whole ones of the others.
constexpr dim winograd_block = 16;

/// Sums in registers: tiles, and blocks of output channels.
struct winograd_tile_size {
  dim rows, blocks;
};
constexpr winograd_tile_size winograd_tile_of(const processor &p) {
  if (p.vector_bytes == 64)
    return {6, 4};
  return {p.vector_bytes == 32 || p.rows == 8 ? 6 : p.vector_bytes ? 3 : 1, 1};
}

/// The largest part of equal ones that are at most as large as `most`.
constexpr dim even_parts(dim whole, dim most) {
  const dim parts = (whole + most - 1) / most;
  return (whole + parts - 1) / parts;
}

struct winograd_shape {
  dim m; // outputs of a tile along an axis
  dim ci, co, oh, ow;
};
/// A batch has down x across tiles; the rest: floats of scratch memory, one after the other.
struct winograd_sizes {
  dim down, across, blocks;
  dim patch, inputs, sums, outputs;
  dim bytes;
};
constexpr winograd_sizes winograd_sizes_of(const processor &p, const winograd_shape &s) {
  // What the transforms of a batch take stays in a second-level cache, and its tiles fill
  // registers; more of them would not read the weights much less often.
  constexpr dim budget = dim(1) << 18, most = 16, step = 6;
  const dim places = (s.m + 2) * (s.m + 2), tile = s.m * s.m,
            channels = whole_steps(s.ci, winograd_block),
            blocks =
                least(winograd_tile_of(p).blocks, (s.co + winograd_block - 1) / winograd_block);
  const dim each = places * (channels + blocks * winograd_block),
            fit = least(most, budget / each / step * step), tiles = fit < step ? step : fit;
  const dim all_down = (s.oh + s.m - 1) / s.m, all_across = (s.ow + s.m - 1) / s.m,
            across = even_parts(all_across, tiles),
            down = across < all_across ? 1 : even_parts(all_down, tiles / across),
            batch = down * across;
  const dim patch = (s.m * down + 2) * (s.m * across + 2) * winograd_block,
            inputs = places * batch * channels, sums = places * batch * blocks * winograd_block,
            outputs = whole_steps(tile * batch, 4) * winograd_block;
  return {down,   across, blocks,  patch,
          inputs, sums,   outputs, before_scratch(p) + 4 * (patch + inputs + sums + 2 * outputs)};
}

//===----------------------------------------------------------------------===//
// Convolutions whose weights lie in blocks of rows
//===----------------------------------------------------------------------===//

struct block_shape {
  dim m, n, k;
  bool direct; // columns are read where they lie
};
/// A strip is some tiles, as wide as one each; the last one has the rest of the columns beside it.
/// Then floats of scratch memory, one after the other.
struct block_sizes {
  dim width, whole, rest, k_step, blocks, strip;
  dim panel, beside, sums, ends;
  dim bytes;
};
constexpr block_sizes block_sizes_of(const processor &p, const block_shape &s) {
  // More tiles in a panel would not share much more; narrower vectors use less of a line of
  // weights.
  constexpr dim budget = 24576, most = 8;
  const dim width = gemm_tile_of(p, 4).nr, rest = s.n % width, whole = s.n - rest,
            k_step = even_parts(s.k, p.vector_bytes < 64 ? 96
                                     : s.direct          ? 512
                                                         : 256),
            blocks = least(winograd_tile_of(p).blocks, (s.m + winograd_block - 1) / winograd_block);
  const dim tiles = least(least(most, budget / (k_step * width)), whole / width),
            strip = s.direct || tiles < 1 ? width : tiles * width;
  const dim panel = s.direct || whole == 0 ? 0 : k_step * strip,
            beside = s.direct ? 0 : whole_steps(k_step * rest, winograd_block),
            fours = whole_steps(rest, 4), sums = fours * blocks * winograd_block,
            ends = fours * winograd_block;
  return {width,
          whole,
          rest,
          k_step,
          blocks,
          strip,
          panel,
          beside,
          sums,
          ends,
          before_scratch(p) + 4 * (panel + beside + sums + ends)};
}

/// Depthwise ones: rows of the input in the ring, of the output in a turn. Then floats of scratch
/// memory, one after the other; what is in `outputs` ends there or beside it.
struct depthwise_sizes {
  dim ring, columns, rows;
  dim inputs, outputs;
  dim bytes;
};
constexpr depthwise_sizes depthwise_sizes_of(const processor &p, const window_shape &w) {
  constexpr dim turn = 128; // outputs of a channel
  const dim ring = (w.kh - 1) * w.dh + 1, columns = (w.ow - 1) * w.sw + (w.kw - 1) * w.dw + 1,
            rows = w.ow >= turn ? 1 : least(turn / w.ow, w.oh),
            inputs = ring * columns * winograd_block, outputs = rows * w.ow * winograd_block;
  return {ring, columns, rows, inputs, outputs, before_scratch(p) + 4 * (inputs + 2 * outputs)};
}

/// Few channels: pixels and blocks of a tile, and as above. Then floats of scratch memory.
struct pixel_sizes {
  dim pixels, blocks;
  dim ring, columns, rows;
  dim inputs, biases, outputs; // outputs: of a block
  dim bytes;
};
constexpr pixel_sizes pixel_sizes_of(const processor &p, const window_shape &w) {
  constexpr dim turn = 128; // outputs of a channel
  const dim all = (w.m + winograd_block - 1) / winograd_block,
            blocks = p.vector_bytes == 64 && all > 1 ? 2 : 1,
            most = p.vector_bytes == 64                  ? (blocks > 1 ? 12 : 14)
                   : p.vector_bytes == 32 || p.rows == 8 ? 6
                   : p.vector_bytes                      ? 3
                                                         : 1,
            ring = (w.kh - 1) * w.dh + 1, columns = (w.ow - 1) * w.sw + (w.kw - 1) * w.dw + 1,
            rows = w.ow >= turn ? 1 : least(turn / w.ow, w.oh), inputs = ring * w.ci * columns,
            outputs = rows * w.ow * winograd_block;
  return {even_parts(w.ow, most),
          blocks,
          ring,
          columns,
          rows,
          inputs,
          all * winograd_block,
          outputs,
          before_scratch(p) + 4 * (inputs + all * winograd_block + (all + 1) * outputs)};
}

/// Few channels and rows of whole vectors: rows and vectors of a tile, and the ring of rows, one
/// turn more than a turn reads. All that is in scratch memory.
struct line_sizes {
  bool serves;
  dim rows, vectors;
  dim ring, columns;
  dim inputs;
  dim bytes;
};
constexpr line_sizes line_sizes_of(const processor &p, const window_shape &w) {
  const dim lanes = p.vector_bytes ? p.vector_bytes / 4 : 1, all = w.ow / lanes,
            vectors = all % 3 == 0   ? 3
                      : all % 2 == 0 ? 2
                                     : 1,
            rows = vectors == 1 ? 2 : 1, ring = (w.kh - 1) * w.dh + (2 * rows - 1) * w.sh + 1,
            columns = whole_steps(w.ow + (w.kw - 1) * w.dw, winograd_block),
            inputs = ring * w.ci * columns;
  const bool serves = w.sw == 1 && w.id == 1 && w.od == 1 && w.kd == 1 && w.pd == 0 && w.ow > 0 &&
                      w.ow % winograd_block == 0;
  return {serves, rows, vectors, ring, columns, inputs, before_scratch(p) + 4 * inputs};
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
