//===- Half.h - IEEE binary16 in software ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_HALF_H
#define DISCOC_FORMATS_HALF_H

#include <cmath>
#include <cstdint>

namespace discoc {

inline double halfToDouble(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  double value;
  if (exponent == 31)
    value = fraction ? NAN : INFINITY;
  else if (exponent == 0)
    value = std::ldexp(fraction, -24);
  else
    value = std::ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -value : value;
}

/// Rounds to nearest, ties to even.
inline uint16_t doubleToHalf(double value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  value = std::fabs(value);
  if (std::isnan(value))
    return static_cast<uint16_t>(sign | 0x7e00);
  if (value >= 65520.0)
    return static_cast<uint16_t>(sign | 0x7c00);
  if (value == 0)
    return sign;
  int exponent = 0;
  std::frexp(value, &exponent); // value = m * 2^exponent, m in [0.5, 1)
  if (exponent < -13)
    exponent = -13; // subnormal: steps of 2^-24
  const double steps = std::nearbyint(std::ldexp(value, 11 - exponent));
  // 1024 .. 2048 steps for normal numbers; a carry runs into the exponent.
  const int bits = static_cast<int>(steps) + ((exponent + 13) << 10);
  return static_cast<uint16_t>(sign | bits);
}

} // namespace discoc

#endif // DISCOC_FORMATS_HALF_H
