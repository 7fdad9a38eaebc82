//===- kernel_test.h - what all kernel tests share ------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_TESTS_KERNEL_TEST_H
#define DISCO_TESTS_KERNEL_TEST_H

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "types.h"

namespace kernel_test {

/// P with as many bytes of scratch memory as it says, which the sanitizer guards.
template <class P, int64_t Bytes> struct Scratch : P {
  static constexpr int64_t scratch = Bytes;
  std::vector<unsigned char> memory = std::vector<unsigned char>((size_t)Bytes);
};

/// A buffer that the address sanitizer guards at both ends: nothing but its elements may be
/// touched.
template <class T> using buffer = std::vector<T>;

/// The same, for references that count in int64_t.
template <class T> struct indexed : std::vector<T> {
  using std::vector<T>::vector;
  indexed(std::vector<T> values) : std::vector<T>(std::move(values)) {}
  T &operator[](int64_t i) { return std::vector<T>::operator[]((size_t)i); }
  const T &operator[](int64_t i) const { return std::vector<T>::operator[]((size_t)i); }
};

inline uint32_t nextRandom(uint32_t &state) { return state = state * 1664525u + 1013904223u; }

template <class T> T fromDouble(double v) { return disco::cast_element<T>(v); }
template <class T> double toDouble(T v) { return disco::cast_element<double>(v); }

/// Small values, exact in every type: sums of products of integers stay exact.
template <class T> buffer<T> randomBuffer(int64_t count, uint32_t seed, int range = 9) {
  buffer<T> b;
  uint32_t state = seed * 2654435761u + 12345u;
  for (int64_t i = 0; i < count; ++i) {
    const int v =
        (int)(nextRandom(state) >> 16) % (2 * range + 1) - (disco::is_signed<T> ? range : 0);
    b.push_back(fromDouble<T>(disco::is_float<T> ? v * 0.125 : (double)v));
  }
  return b;
}

template <class T> double tolerance() {
  return disco::same<T, disco::f16> ? 2e-3
         : disco::same<T, float>    ? 2e-6
         : disco::same<T, double>   ? 1e-13
                                    : 0;
}

/// Compares with a reference in double; `scale` is the size of the terms that were summed.
template <class T>
void expectNear(const buffer<T> &got, const std::vector<double> &want, double scale = 1) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const double g = toDouble(got[i]), w = want[i];
    if (std::isnan(w)) {
      ASSERT_TRUE(std::isnan(g)) << "at " << i << ": " << g;
      continue;
    }
    if (g == w)
      continue;
    ASSERT_LE(std::fabs(g - w), tolerance<T>() * (scale + std::fabs(w)))
        << "at " << i << ": " << g << ", not " << w;
  }
}

} // namespace kernel_test

#endif
