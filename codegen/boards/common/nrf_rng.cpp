//===- nrf_rng.cpp - the random number generator of nRF51 and nRF52 -------===//
// SPDX-License-Identifier: Apache-2.0

#include "board.h"
#include "cortex_m.h"

namespace {

constexpr uintptr_t rng = 0x4000d000, rng_start = rng, rng_stop = rng + 0x004,
                    rng_ready = rng + 0x100, rng_config = rng + 0x504, rng_value = rng + 0x508;
// A byte takes 0.7 ms at most; a generator that does not answer must not hold the start.
constexpr uint32_t looks_most = 100000;

} // namespace

bool board_entropy(uint8_t *to, uint32_t size) {
  reg(rng_config) = 1; // without bias
  reg(rng_start) = 1;
  uint32_t got = 0;
  for (uint32_t looks = 0; got < size && looks < looks_most; ++looks) {
    if (!reg(rng_ready))
      continue;
    reg(rng_ready) = 0;
    to[got++] = static_cast<uint8_t>(reg(rng_value));
    looks = 0;
  }
  reg(rng_stop) = 1;
  return got == size;
}
