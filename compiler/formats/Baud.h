//===- Baud.h - the speeds of UARTs ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_BAUD_H
#define DISCOC_FORMATS_BAUD_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// What a UART runs at where nothing else is said.
inline constexpr int64_t usualBaud = 115200;
/// An end that is further from what is asked for than this share is refused.
inline constexpr double maxBaudError = 0.02;

/// The bauds that a UART of a board makes: `fixed`, or `clock` / n for n from `least` to `most`.
/// Neither: only usualBaud, with no error that is known.
struct BaudRates {
  std::vector<int64_t> fixed; ///< rising
  int64_t clock = 0;          ///< Hz, oversampling and fractions of the divisor taken into account
  int64_t least = 1, most = 0;
  int64_t max = 0; ///< the highest that its driver keeps up with; 0: the UART's own

  /// The baud next to `wanted` that it makes.
  double nearest(int64_t wanted) const;
  /// Whether that is within `error` of `wanted`, and `wanted` not above `max`.
  bool makes(int64_t wanted, double error = maxBaudError) const;
};

/// The highest usual baud that all of them make within half of maxBaudError.
int64_t fastestBaud(const std::vector<BaudRates> &ends);
/// Of the usual bauds that all of them make, the one next to `wanted`.
int64_t nearestBaud(const std::vector<BaudRates> &ends, int64_t wanted);

} // namespace discoc

#endif // DISCOC_FORMATS_BAUD_H
