//===- MaskDivision.h - what the compiler knows of a model that is to get masks ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_MASKDIVISION_H
#define DISCOC_DRIVER_MASKDIVISION_H

#include "compiler/driver/Options.h"
#include "compiler/formats/Owners.h"
#include "compiler/import/OnnxModel.h"
#include "compiler/mask/Division.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

struct ModelDivision {
  importer::Model model; ///< pinned
  Owners owners;
  std::vector<mask::Division> contractions; ///< whose inputs are divided
  /// By tensor: which channels go together. Empty where owners are stated.
  std::map<std::string, std::vector<int64_t>> classes;
  int64_t exchangedBytes = 0; ///< between nodes, an inference, without the root's
  /// Predicted, of one inference; where a cluster file says of which links. Hosts are those of the
  /// profile, or nominal.
  std::optional<int64_t> latencyNs;
};

/// Divides and plans the model as compile does. Nothing after errors on standard error.
std::optional<ModelDivision> divideModel(const ModelOptions &options);

} // namespace discoc

#endif // DISCOC_DRIVER_MASKDIVISION_H
