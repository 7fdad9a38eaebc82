//===- BuildNodes.h - builds the node directories of a compiled model ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_BUILD_BUILDNODES_H
#define DISCOC_BUILD_BUILDNODES_H

#include "compiler/formats/Manifest.h"

#include <string>

namespace discoc {

/// Builds every node directory whose program is missing or older than its
/// sources, several at a time, with a line of progress on stderr for each.
/// False with diagnostics, which have the compiler's own words.
bool buildNodes(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out);

/// The same for OUT/cluster.
bool buildCluster(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_BUILD_BUILDNODES_H
