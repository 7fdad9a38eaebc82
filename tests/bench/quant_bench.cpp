//===- quant_bench.cpp - integer convolutions of few channels a group ------===//
// SPDX-License-Identifier: Apache-2.0
//
// How long the target's own way takes, and the plain one, in one run: on a host in nanoseconds, on
// an emulated board (with -DBOARD, QEMU's -icount shift=0) in instructions. See
// docs/benchmarks.md for the commands.
#include <stdio.h>
#include <stdlib.h>

#include "conv_int.h"

#if defined(BOARD) && defined(__riscv)
/// Instructions.
static int64_t now() {
  uint32_t count;
  __asm__ volatile("csrr %0, instret" : "=r"(count));
  return count;
}
static constexpr int warm = 0, rounds = 2;
#elif defined(BOARD)
/// Instructions, by the processor's 25 MHz timer: forty a tick, as every one takes a nanosecond.
static int64_t now() {
  static volatile uint32_t *const timer = (volatile uint32_t *)0xe000e010;
  static int64_t total;
  static uint32_t last;
  timer[1] = 0xffffff;
  timer[0] = 5;
  const uint32_t at = 0xffffff - timer[2];
  total += (int64_t)((at - last) & 0xffffff) * 40;
  last = at;
  return total;
}
static constexpr int warm = 0, rounds = 2;
#else
#include <time.h>
static int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
static constexpr int warm = 3, rounds = 41;
#endif

namespace {

/// Square image and kernel; pads as large as keep the extent.
template <int64_t Channels, int64_t Image, int64_t Kernel, int64_t Stride, int64_t PerGroup = 1,
          bool Asymmetric = false, int64_t Out = Channels>
struct Conv {
  using x_t = int8_t;
  using w_t = int8_t;
  using y_t = int8_t;
  using act = disco::act_none;
  static constexpr int64_t n = 1, ci = Channels, co = Out, groups = Channels / PerGroup,
                           x_channels = Channels;
  static constexpr int64_t id = 1, ih = Image, iw = Image, od = 1,
                           oh = (Image + Stride - 1) / Stride, ow = oh;
  static constexpr int64_t kd = 1, kh = Kernel, kw = Kernel, sd = 1, sh = Stride, sw = Stride;
  static constexpr int64_t pd = 0, ph = Kernel / 2, pw = Kernel / 2, dd = 1, dh = 1, dw = 1;
  static constexpr bool dense_channels = true, has_init = false, has_bias = true,
                        has_residual = false;
  static constexpr int64_t x_zero = -128, y_zero = 3, low = -128, high = 127;
  static constexpr int64_t w_zero(int64_t) { return Asymmetric ? 5 : 0; }
  static constexpr bool has_w_zero = Asymmetric, requantised = true, one_multiplier = true;
  static constexpr float multiplier[1] = {3e-4f};
};

constexpr int64_t most = warm > 0 ? 1 << 19 : 1 << 14;
int8_t x[most], y[2][most], w[1 << 13];
int32_t bias[1 << 10];

/// The least time of a call.
template <class Call> int64_t time(const Call &call) {
  int64_t least = INT64_MAX;
  for (int round = -warm; round < rounds; ++round) {
    const int64_t start = now();
    call();
    const int64_t taken = now() - start;
    if (round >= 0 && taken < least)
      least = taken;
  }
  return least;
}

/// P with scratch memory for a kernel.
template <class P, int64_t Bytes> struct Scratch : P {
  static constexpr int64_t scratch = Bytes;
};
alignas(16) unsigned char scratch[warm > 0 ? 1 << 17 : 1 << 14];

template <class P> void plain(int8_t *to) {
  using planes = disco::conv_bands<P, disco::conv_int_plane<P>>;
  if constexpr (P::ci == P::groups && planes::serves)
    disco::conv_int_planes<Scratch<P, planes::bytes>>(to, x, w, bias, nullptr, scratch);
  else
    disco::conv_int_images<P, disco::conv_int_product<P>>(
        to, x, w, bias, nullptr,
        [](const disco::conv_int_product<P> &g) { disco::gemm_int(g, scratch); });
}

template <class P> void direct(int8_t *to) {
  using bands = disco::conv_int_bands<P, disco::conv_int_own_cells<P>>;
#if defined(__SSE2__)
  if constexpr (P::ci == P::groups && P::co == P::groups) {
    using columns = disco::int_depthwise<P, disco::conv_int_base<P, int8_t>>;
    return disco::conv_int_depthwise<Scratch<P, columns::bytes>>(to, x, w, bias, nullptr, scratch);
  }
#endif
  if constexpr (bands::serves)
    disco::conv_int_cells<Scratch<P, bands::bytes>>(to, x, w, bias, nullptr, scratch);
  else
    disco::conv_int_gemm<Scratch<P, disco::conv_int_gemm_bytes<P>>>(to, x, w, bias, nullptr,
                                                                    scratch);
}

template <class P> void measure(const char *name) {
  static_assert(P::ci * P::ih * P::iw <= most && P::ci * P::oh * P::ow <= most, "does not fit");
  const auto before = time([] { plain<P>(y[0]); }), after = time([] { direct<P>(y[1]); });
  for (int64_t i = 0; i < P::co * P::oh * P::ow; ++i)
    if (y[0][i] != y[1][i]) {
      printf("%s: other bits at %ld\n", name, (long)i);
      exit(1);
    }
  const auto macs = (double)(P::co * P::oh * P::ow * P::kh * P::kw * P::ci / P::groups);
  printf("| %s | %.3f | %.3f | %.2f |\n", name, (double)before / macs, (double)after / macs,
         (double)before / (double)after);
}

} // namespace

int main() {
  uint32_t state = 1;
  for (int8_t &v : x)
    v = (int8_t)((state = state * 1664525u + 1013904223u) >> 24);
  for (int8_t &v : w)
    v = (int8_t)((state = state * 1664525u + 1013904223u) >> 24);
  printf("| convolution | plain, a multiply-accumulate | this target's way | ratio |\n");
#if !defined(BOARD)
  measure<Conv<32, 112, 3, 1>>("depthwise 3x3, 32 @112");
  measure<Conv<96, 56, 3, 2>>("depthwise 3x3/2, 96 @56");
  measure<Conv<144, 56, 3, 1>>("depthwise 3x3, 144 @56");
  measure<Conv<384, 14, 3, 1>>("depthwise 3x3, 384 @14");
  measure<Conv<960, 7, 3, 1>>("depthwise 3x3, 960 @7");
  measure<Conv<240, 14, 5, 1>>("depthwise 5x5, 240 @14");
  measure<Conv<144, 56, 3, 1, 1, true>>("depthwise 3x3, 144 @56, weights with a zero point");
  measure<Conv<64, 56, 3, 1, 2>>("2 channels a group 3x3, 64 @56");
  measure<Conv<64, 56, 3, 1, 4>>("4 channels a group 3x3, 64 @56");
  measure<Conv<64, 28, 3, 1, 8>>("8 channels a group 3x3, 64 @28");
#else
  measure<Conv<16, 24, 3, 1>>("depthwise 3x3, 16 @24");
  measure<Conv<16, 24, 3, 2>>("depthwise 3x3/2, 16 @24");
  measure<Conv<16, 12, 5, 1>>("depthwise 5x5, 16 @12");
  measure<Conv<32, 6, 3, 1>>("depthwise 3x3, 32 @6");
  measure<Conv<16, 24, 3, 1, 2>>("2 channels a group 3x3, 16 @24");
  measure<Conv<16, 24, 3, 1, 4>>("4 channels a group 3x3, 16 @24");
  measure<Conv<16, 12, 3, 1, 16, false, 32>>("3x3, 16 to 32 @12");
#endif
}
