//===- VerifyDirectory.h - files that are not as compile writes them ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_VERIFYDIRECTORY_H
#define DISCOC_DRIVER_VERIFYDIRECTORY_H

#include "compiler/driver/Options.h"
#include "compiler/formats/Manifest.h"

#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// The options of compile that the manifest's settings record, for this model file.
ModelOptions settingsOf(const Manifest &manifest, const std::string &model);

/// Compiles `model` again into `scratch`, as the manifest, masks and owner maps of OUT say, and
/// compares the directories of the nodes: "node1/weights.bin", ... Nothing when this discoc writes
/// other programs than the one that wrote OUT, so that there is nothing to compare with.
std::optional<std::vector<std::string>> changedFiles(const std::string &out,
                                                     const Manifest &manifest,
                                                     const std::string &model, bool followLinks,
                                                     const std::string &scratch);

} // namespace discoc

#endif // DISCOC_DRIVER_VERIFYDIRECTORY_H
