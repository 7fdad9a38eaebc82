//===- Cluster.h - the cluster's description, a TOML file ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/cluster.md is the specification.
#ifndef DISCOC_FORMATS_CLUSTER_H
#define DISCOC_FORMATS_CLUSTER_H

#include "Diagnostics.h"
#include "Manifest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

struct ClusterNode {
  std::string name; ///< unique; default "nodeK"
  std::string board = "linux";
  std::string address; ///< "host:port" at which peers reach it; may be empty
  std::string listen;  ///< "host:port" that it binds; empty: loopback
};

struct ClusterLink {
  int64_t a = 0, b = 0; ///< ranks, a < b
  std::string kind = "tcp";
  double bandwidth = 0; ///< bytes a second, each direction; 0: unknown
  double latency = 0;   ///< seconds a message; 0: unknown
};

struct Cluster {
  std::vector<ClusterNode> nodes; ///< in rank order
  std::vector<ClusterLink> links; ///< by (a, b)
  RootPlacement root;
};

/// N nodes "node0" ... on loopback, root 0: what holds without a file.
Cluster defaultCluster(int64_t nodes);

/// `nodes` is the N of -n, which must agree; nullopt takes the file's.
std::optional<Cluster> parseCluster(const std::string &text, const std::string &file,
                                    std::optional<int64_t> nodes, Diagnostics &diagnostics);
std::optional<Cluster> readCluster(const std::string &path, std::optional<int64_t> nodes,
                                   Diagnostics &diagnostics);
std::string toToml(const Cluster &cluster);

/// "3" or "all" of --input-at and --output-at; nullopt when it is neither.
std::optional<int64_t> parseRootRank(const std::string &text, int64_t nodes);

} // namespace discoc

#endif // DISCOC_FORMATS_CLUSTER_H
