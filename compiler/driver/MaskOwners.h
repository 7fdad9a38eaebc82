//===- MaskOwners.h - who owns what, so that masks cost least ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_MASKOWNERS_H
#define DISCOC_DRIVER_MASKOWNERS_H

#include "compiler/driver/MaskDivision.h"
#include "compiler/mask/Masker.h"

namespace discoc {

struct MovedOwners {
  Owners owners;
  int64_t channels = 0, moved = 0; ///< classes of tied channels: all, and with another owner
  double before = 0,
         after =
             0; ///< what crosses, as a share of the outputs that read it: the mean of all layers
};

/// Owner maps of which less crosses. Every node has as many channels of every tensor as before.
/// Nothing where none is better.
std::optional<MovedOwners> moveOwners(const ModelDivision &division, const mask::Masker &masker);

} // namespace discoc

#endif // DISCOC_DRIVER_MASKOWNERS_H
