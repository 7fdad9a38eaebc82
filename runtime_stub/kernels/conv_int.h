//===- conv_int.h - convolution of integers of 8 bits ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_CONV_INT_H
#define DISCO_KERNELS_CONV_INT_H

#include "conv.h"
#include "quant.h"

namespace disco {

/// y = sum over taps of (x - x_zero) * (w - w_zero), + init + bias; where `requantised`,
/// clamp(round(y * multiplier) + y_zero) of it.
///
/// P: as conv, but
///    x_t, w_t          int8_t or uint8_t
///    y_t               int32_t, or int8_t, uint8_t where requantised
///    x_zero, w_zero(r) zero points; has_w_zero: not all of the weights' are 0
///    requantised, and then y_zero, low, high, float multiplier[], one_multiplier (else one a row)
///    no residual, no act
/// bias [co] and init are int32_t; init may be y itself where that is int32_t too.
template <class P>
inline void conv_int(typename P::y_t *y, const typename P::x_t *x, const typename P::w_t *w,
                     const int32_t *bias, const int32_t *init) {
  constexpr dim ci = (dim)(P::ci / P::groups), m = (dim)(P::co / P::groups);
  constexpr dim plane = (dim)(P::id * P::ih * P::iw);
  for (dim image = 0; image < (dim)P::n; ++image, x += (dim)P::x_channels * plane)
    for (dim row = 0; row < (dim)P::co; ++row) {
      const int32_t w_zero = (int32_t)P::w_zero((int64_t)row);
      for (dim oz = 0; oz < (dim)P::od; ++oz)
        for (dim oy = 0; oy < (dim)P::oh; ++oy)
          for (dim ox = 0; ox < (dim)P::ow; ++ox) {
            uint32_t sum = 0;
            for (dim c = 0; c < ci; ++c) {
              const dim packed = row / m * ci + c;
              const typename P::x_t *from =
                  x + (P::dense_channels ? packed : (dim)P::channel((int64_t)packed)) * plane;
              for (dim kz = 0; kz < (dim)P::kd; ++kz)
                for (dim ky = 0; ky < (dim)P::kh; ++ky)
                  for (dim kx = 0; kx < (dim)P::kw; ++kx) {
                    const dim iz = oz * (dim)P::sd - (dim)P::pd + kz * (dim)P::dd,
                              iy = oy * (dim)P::sh - (dim)P::ph + ky * (dim)P::dh,
                              ix = ox * (dim)P::sw - (dim)P::pw + kx * (dim)P::dw;
                    if (iz < 0 || iz >= (dim)P::id || iy < 0 || iy >= (dim)P::ih || ix < 0 ||
                        ix >= (dim)P::iw)
                      continue;
                    const int32_t a =
                        (int32_t)w[(((row * ci + c) * (dim)P::kd + kz) * (dim)P::kh + ky) *
                                       (dim)P::kw +
                                   kx] -
                        w_zero;
                    const int32_t b =
                        (int32_t)from[(iz * (dim)P::ih + iy) * (dim)P::iw + ix] - (int32_t)P::x_zero;
                    sum += (uint32_t)(a * b);
                  }
            }
            if constexpr (P::has_bias)
              sum += (uint32_t)bias[row];
            if constexpr (P::has_init)
              sum += (uint32_t)*init++;
            *y++ = quant_store<P>((int32_t)sum, row);
          }
    }
}

} // namespace disco

#endif
