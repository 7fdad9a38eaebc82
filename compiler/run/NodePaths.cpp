//===- NodePaths.cpp - where the programs of a compiled model lie ---------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/NodePaths.h"

#include <filesystem>

namespace fs = std::filesystem;

namespace discoc {

std::string nodePath(const std::string &outDirectory, const ManifestNode &node) {
  return (fs::path(outDirectory) / node.directory).string();
}

std::string shardPath(const std::string &outDirectory, const ManifestNode &node) {
  return (fs::path(nodePath(outDirectory, node)) / "build" /
          (node.isBare() ? "shard.elf" : "shard"))
      .string();
}

std::string mpiShardPath(const std::string &outDirectory, const ManifestNode &node) {
  return (fs::path(nodePath(outDirectory, node)) / "build" / "mpi" / "shard").string();
}

std::string clusterPath(const std::string &outDirectory) {
  return (fs::path(outDirectory) / "cluster" / "build" / "cluster").string();
}

} // namespace discoc
