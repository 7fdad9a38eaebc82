//===- BuildNodes.h - builds the node directories of a compiled model ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_BUILD_BUILDNODES_H
#define DISCOC_BUILD_BUILDNODES_H

#include "compiler/formats/Manifest.h"
#include "compiler/run/Launch.h"

#include <string>

namespace discoc {

/// Builds every node directory whose program is missing or older than its
/// sources, several at a time, with a line of progress on stderr for each.
/// False with diagnostics, which have the compiler's own words.
bool buildNodes(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out);

/// The same of programs for hosts that run under MPI, too: OUT/nodeK/build/mpi.
bool buildNodesForMpi(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out);

/// Whether the sources of every node are those of the compile that wrote the manifest.
bool areSourcesOfOneCompile(const std::string &outDirectory, const Manifest &manifest,
                            Diagnostics &out);

/// Copies every node's directory to its host and builds it there, where it is not there already;
/// fills hosts.folders.
bool buildOverSsh(const std::string &outDirectory, const Manifest &manifest, LaunchHosts &hosts,
                  Diagnostics &out);

/// The same for OUT/cluster.
bool buildCluster(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_BUILD_BUILDNODES_H
