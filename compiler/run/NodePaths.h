//===- NodePaths.h - where the programs of a compiled model lie -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_NODEPATHS_H
#define DISCOC_RUN_NODEPATHS_H

#include "compiler/formats/Manifest.h"

#include <string>

namespace discoc {

/// OUT/nodeK.
std::string nodePath(const std::string &outDirectory, const ManifestNode &node);
/// OUT/nodeK/build/shard; of a bare board shard.elf.
std::string shardPath(const std::string &outDirectory, const ManifestNode &node);
/// OUT/nodeK/build/mpi/shard: the program for hosts with MPI.
std::string mpiShardPath(const std::string &outDirectory, const ManifestNode &node);
/// OUT/cluster/build/cluster: all nodes in one process.
std::string clusterPath(const std::string &outDirectory);

} // namespace discoc

#endif // DISCOC_RUN_NODEPATHS_H
