//===- Metadata.h - what a model's metadata_props may carry ---===//
// SPDX-License-Identifier: Apache-2.0
//
// The values are the texts of the files of the same name, docs/formats/*.md.
#ifndef DISCOC_FORMATS_METADATA_H
#define DISCOC_FORMATS_METADATA_H

#include "compiler/formats/Diagnostics.h"

#include <optional>
#include <string>
#include <vector>

namespace discoc {

constexpr const char *metadataMasks = "discoc.masks";
constexpr const char *metadataOwners = "discoc.owners";
constexpr const char *metadataPreprocess = "discoc.preprocess";
constexpr const char *metadataLabels = "discoc.labels";
constexpr const char *metadataShow = "discoc.show";

/// discoc.labels: ["airplane", "automobile", ...], by class.
std::optional<std::vector<std::string>> parseLabels(const std::string &text,
                                                    const std::string &file, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_FORMATS_METADATA_H
