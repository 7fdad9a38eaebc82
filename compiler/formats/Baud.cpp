//===- Baud.cpp - the speeds of UARTs -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Baud.h"

#include <algorithm>
#include <cmath>

namespace discoc {

/// What terminals and boards have.
static const std::vector<int64_t> &usualBauds() {
  static const std::vector<int64_t> all = {9600,   19200,  38400,   57600,   115200,  230400,
                                           460800, 921600, 1000000, 2000000, 3000000, 4000000};
  return all;
}

static int64_t distance(double baud, int64_t wanted) {
  return std::llround(std::fabs(baud - static_cast<double>(wanted)));
}

double BaudRates::nearest(int64_t wanted) const {
  if (!fixed.empty())
    return static_cast<double>(
        *std::min_element(fixed.begin(), fixed.end(), [&](int64_t a, int64_t b) {
          return std::llabs(a - wanted) < std::llabs(b - wanted);
        }));
  if (clock == 0)
    return static_cast<double>(usualBaud);
  // As the drivers do: the quotient to the nearest.
  const int64_t divisor = std::clamp((clock + wanted / 2) / wanted, least, most);
  return static_cast<double>(clock) / static_cast<double>(divisor);
}

bool BaudRates::makes(int64_t wanted, double error) const {
  return (max == 0 || wanted <= max) &&
         std::fabs(nearest(wanted) / static_cast<double>(wanted) - 1) <= error;
}

static bool allMake(const std::vector<BaudRates> &ends, int64_t wanted, double error) {
  return std::all_of(ends.begin(), ends.end(),
                     [&](const BaudRates &end) { return end.makes(wanted, error); });
}

int64_t fastestBaud(const std::vector<BaudRates> &ends) {
  int64_t fastest = 0;
  for (int64_t one : usualBauds())
    if (allMake(ends, one, maxBaudError / 2))
      fastest = one;
  return fastest;
}

int64_t nearestBaud(const std::vector<BaudRates> &ends, int64_t wanted) {
  int64_t found = 0;
  for (int64_t one : usualBauds())
    if (allMake(ends, one, maxBaudError) &&
        (found == 0 ||
         distance(static_cast<double>(one), wanted) < distance(static_cast<double>(found), wanted)))
      found = one;
  return found;
}

} // namespace discoc
