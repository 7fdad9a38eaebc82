//===- batch.h - which matrices a product of a batch is of ----------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_KERNELS_BATCH_H
#define DISCO_KERNELS_BATCH_H

#include "types.h"

namespace disco {
inline namespace DISCO_KERNELS DISCO_HIDDEN {

/// Where the factors of one product begin, in elements.
struct batch_place {
  dim a, b;
};

/// Of product i. P: batch_rank, batch[], a_batch[], b_batch[] as in matmul
template <class P> inline batch_place batch_at(dim i) {
  batch_place place{0, 0};
  for (int r = (int)P::batch_rank - 1; r >= 0; --r) {
    const dim at = i % (dim)P::batch[r];
    i /= (dim)P::batch[r];
    place.a += at * (dim)P::a_batch[r];
    place.b += at * (dim)P::b_batch[r];
  }
  return place;
}

} // namespace DISCO_KERNELS DISCO_HIDDEN
} // namespace disco

#endif
