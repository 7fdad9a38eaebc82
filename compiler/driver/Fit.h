//===- Fit.h - how many boards a model needs --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_FIT_H
#define DISCOC_DRIVER_FIT_H

#include "compiler/driver/Options.h"
#include "compiler/formats/Cluster.h"

namespace disco {

/// The N that masks or owner maps in files are for, or shares; 0: any. Null after errors on
/// standard error.
std::optional<int64_t> statedNodes(const discoc::ModelOptions &options);

/// After a node did not fit: says which N of the same board, or which other boards, would do.
void suggestFit(const discoc::ModelOptions &options, const discoc::Cluster &cluster);

/// Says which other boards, `least` to `most` of them, would do.
void suggestBoards(const discoc::ModelOptions &options, int64_t least, int64_t most,
                   const std::string &except);

} // namespace disco

#endif // DISCOC_DRIVER_FIT_H
