//===- mux.h - one transport out of two -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// For a node that reaches some peers in one way and the others in another: TCP and packets.

#ifndef DISCO_TRANSPORT_MUX_H
#define DISCO_TRANSPORT_MUX_H

#include "../disco.h"

inline namespace DISCO_RUNTIME {

// The caller fills in everything. Each of the two must leave the other's peers alone.
struct disco_mux {
  disco_transport first, second;
  const uint8_t *use_second; // by rank: not 0 for the peers of `second`
  // Neither can wait for both: the first waits so long at a time, microseconds, before the second
  // is looked at again. Range: 1 up. Cost: what comes for the second may wait so long.
  uint32_t slice_us;
};

} // namespace DISCO_RUNTIME

disco_transport disco_mux_transport(disco_mux *mux);

#endif // DISCO_TRANSPORT_MUX_H
