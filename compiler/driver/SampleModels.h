//===- SampleModels.h - the networks that calibrate measures ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_SAMPLEMODELS_H
#define DISCOC_DRIVER_SAMPLEMODELS_H

#include "compiler/import/OnnxModel.h"

namespace discoc {

/// Parts of networks, one after the other in one model, so that one program has them all. Weights
/// are numbers of no meaning.
/// `evictBytes`: of weights that a last product has, so that whatever else was in a cache is in
/// none when the next inference begins; 0: there is none.
enum class SampleSet {
  Short, ///< a few ops, for tests
  Small, ///< weights that caches hold: a picture of 32x32, mobile convolutions, attention, 8 bits
  Large  ///< bottlenecks of residual networks, 64 MB of weights
};
importer::Model sampleModel(SampleSet which, int64_t evictBytes);

} // namespace discoc

#endif // DISCOC_DRIVER_SAMPLEMODELS_H
