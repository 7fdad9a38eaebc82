//===- VerifyModel.h - the model that a directory was compiled from, and its masked copy ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_VERIFY_VERIFYMODEL_H
#define DISCOC_VERIFY_VERIFYMODEL_H

#include "compiler/formats/Manifest.h"
#include "compiler/import/OnnxModel.h"

#include <optional>
#include <string>

namespace discoc {

/// Reads the model that OUT was compiled from. `stated` is its file; when empty, the manifest's
/// file name is looked for in the current directory, in OUT, beside OUT, and in the folders around.
/// The file's sha256 has to be the manifest's.
std::optional<importer::Model> findModel(const std::string &out, const Manifest &manifest,
                                         const std::string &stated, bool followLinks,
                                         Diagnostics &faults);

/// Sizes and constants of inputs as the manifest's settings state them.
bool useSettings(importer::Model &model, const Manifest &manifest, Diagnostics &faults);

/// Writes the model as OUT's masks leave it into `directory`; its path, or empty after a fault.
std::string writeMasked(const importer::Model &model, const std::string &out,
                        const Manifest &manifest, const std::string &directory,
                        Diagnostics &faults);

} // namespace discoc

#endif // DISCOC_VERIFY_VERIFYMODEL_H
