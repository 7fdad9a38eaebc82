//===- VerifyInputs.h - seeded random inputs of a compiled model ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_VERIFY_VERIFYINPUTS_H
#define DISCOC_VERIFY_VERIFYINPUTS_H

#include "compiler/formats/Manifest.h"
#include "compiler/formats/Npy.h"

#include <cstdint>
#include <vector>

namespace discoc {

/// One array an input, in the manifest's order, `samples` stacked along the first dimension. Where
/// the model states how pictures become tensors: random pictures. Else floating-point numbers from
/// 0 to 1, all values of 8-bit types, 0 to 7 for other integers, which are small enough to be
/// indices. The same seed gives the same bytes everywhere.
std::vector<Array> randomInputs(const Manifest &manifest, int64_t samples, uint64_t seed,
                                bool forPrograms);

/// The inputs with every float32 and float64 moved to a neighbour, in turn up and down: what a
/// rounding error before the model would do.
std::vector<Array> movedByUlp(std::vector<Array> inputs);

} // namespace discoc

#endif // DISCOC_VERIFY_VERIFYINPUTS_H
