//===- Build.h - builds the node directories of a compiled model ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_BUILD_H
#define DISCOC_DRIVER_BUILD_H

#include "formats/Manifest.h"

#include <string>

namespace discoc {

/// OUT/nodeK/build/shard; of a bare board shard.elf.
std::string nodePath(const std::string &outDirectory, const ManifestNode &node);
std::string shardPath(const std::string &outDirectory, const ManifestNode &node);

/// Builds every node directory whose program is missing or older than its
/// sources, several at a time, with a line of progress on stderr for each.
/// False with diagnostics, which have the compiler's own words.
bool buildNodes(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out);

/// OUT/cluster/build/cluster: all nodes in one process.
std::string clusterPath(const std::string &outDirectory);

/// The same for OUT/cluster.
bool buildCluster(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_DRIVER_BUILD_H
