//===- copy_blocks.h - rows to blocks of channels -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// [C][H][W] to [C/V][H][W][V], what a convolution over divided channels likes to read: a block at a
// time, whose lanes are written side by side.
#ifndef DISCO_KERNELS_COPY_BLOCKS_H
#define DISCO_KERNELS_COPY_BLOCKS_H

#include "any_layout.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// y = x, images of two dimensions, x by rows, y in blocks of channels.
/// P: x_t, n, c, h, w, block (V); y_elements, y_image, y_block, y_row (elements from one to the
/// next),
///    y_first (offset of the first element). Lanes of y behind the last channel stay as they are.
template <class P>
inline void copy_blocks(typename P::x_t *__restrict y, const typename P::x_t *__restrict x) {
  constexpr dim block = (dim)P::block, c = (dim)P::c, h = (dim)P::h, w = (dim)P::w, plane = h * w;
  fill_unused(y, P::y_elements);
  for (dim n = 0; n < (dim)P::n; ++n)
    for (dim first = 0; first < c; first += block) {
      const typename P::x_t *from = x + (n * c + first) * plane;
      typename P::x_t *to =
          y + (dim)P::y_first + n * (dim)P::y_image + first / block * (dim)P::y_block;
      const dim lanes = c - first < block ? c - first : block;
      for (dim i = 0; i < h; ++i, to += (dim)P::y_row, from += w)
        for (dim j = 0; j < w; ++j)
          for (dim v = 0; v < lanes; ++v)
            to[j * block + v] = from[v * plane + j];
    }
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
