//===- OpenDimensions.h - which sizes of inputs are missing -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_OPENDIMENSIONS_H
#define DISCOC_DRIVER_OPENDIMENSIONS_H

#include "compiler/driver/Options.h"
#include "compiler/import/OnnxModel.h"
#include <string>
#include <vector>

namespace disco {

/// What neither a model nor its options give a size.
struct OpenDimensions {
  std::vector<std::string> names; ///< of dimensions; "dimension 2 of 'x'" where one has no name
  /// The options with sizes for these with which the model can be imported; where none was found,
  /// with the first that was tried.
  discoc::ModelOptions options;
  std::string added;                  ///< what was added, as it is typed: `--pin batch=1`
  discoc::importer::Diagnostics left; ///< why the model cannot be imported; empty: it can

  bool any() const { return !names.empty(); }
};

/// Finds them and tries sizes: 1 for batches, usual ones for the others.
OpenDimensions findOpenDimensions(const discoc::importer::Model &model,
                                  const discoc::ModelOptions &options);

} // namespace disco

#endif // DISCOC_DRIVER_OPENDIMENSIONS_H
