//===- Cluster.h - the cluster's description, a TOML file ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/cluster.md is the specification.
#ifndef DISCOC_FORMATS_CLUSTER_H
#define DISCOC_FORMATS_CLUSTER_H

#include "compiler/formats/Board.h"
#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/Manifest.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// A way out of a node, and what is at the other end of it.
struct ClusterPort {
  std::string name; ///< the board's link, "uart1"; on a Linux node "wire0", "wire1", ...
  const LinkKind *kind = nullptr; ///< one with packets
  int64_t neighbour = -1;         ///< rank of the one node at the other end; -1: a switch
  size_t link = 0;                ///< index into Cluster::links
};

/// How a node reaches another one.
struct ClusterHop {
  int64_t port = -1; ///< index into ClusterNode::ports; -1: not over packets, or the node itself
  int64_t next = -1; ///< rank that takes the packet from there
  bool tcp = false;  ///< over TCP
};

struct ClusterNode {
  std::string name; ///< unique; default "nodeK"
  std::string board = anyHost;
  Target target = defaultTarget(); ///< of a host
  bool statesTarget = false;       ///< whether the file says so
  double speed = 1;                ///< of a host: how many times as fast as its profile says
  std::string address;             ///< "host:port" at which peers reach it; may be empty
  std::string listen;              ///< "host:port" that it binds; empty: loopback
  int64_t line = 0;                ///< of the file that states its board; 0: none does

  bool hasBoard() const { return board != anyHost; }

  /// What planLinks() found; both are empty in a cluster that knows nothing but TCP.
  std::vector<ClusterPort> ports;
  std::vector<ClusterHop> hops; ///< by rank
};

struct ClusterLink {
  /// Ranks, rising. More than two are on one Ethernet switch.
  std::vector<int64_t> ends;
  const LinkKind *kind = streamLink();
  /// The port that each end uses, in the order of `ends`; empty text: the first free one.
  std::vector<std::string> ports;
  double bandwidth = 0; ///< bytes a second, each direction; 0: unknown
  double latency = 0;   ///< seconds a message; 0: unknown
  int64_t baud = 0;     ///< of a UART; 0: the fastest that both ends make, by resolveCluster()
};

struct Cluster {
  std::vector<ClusterNode> nodes; ///< in rank order
  std::vector<ClusterLink> links; ///< by ends
  RootPlacement root;
  /// By ClusterNode::board, once resolveCluster() has found them.
  std::map<std::string, std::shared_ptr<const Board>> boards;

  /// The board of a node; null on any Linux host, and while boards are not known.
  const Board *boardOf(int64_t rank) const;
  /// Whether a node is a board with nothing but our program on it.
  bool isBare(int64_t rank) const;
  /// Whether anything travels in packets, so that ports and hops are there.
  bool hasPackets() const;
};

/// N nodes "node0" ... on loopback, root 0: what holds without a file.
Cluster defaultCluster(int64_t nodes);

/// `nodes` is the N of -n, which must agree; nullopt takes the file's. Boards are not looked at:
/// ports and hops are there when the text names every port, as toToml() does.
std::optional<Cluster> parseCluster(const std::string &text, const std::string &file,
                                    std::optional<int64_t> nodes, Diagnostics &diagnostics);
std::optional<Cluster> readCluster(const std::string &path, std::optional<int64_t> nodes,
                                   Diagnostics &diagnostics); ///< boards' paths become absolute
std::string toToml(const Cluster &cluster);

using BoardFinder = std::function<std::optional<Board>(const std::string &, Diagnostics &)>;

/// Gives every link the ports that its boards have, and plans the hops: all that a cluster needs
/// beyond its text. `file` is for diagnostics.
bool resolveCluster(Cluster &cluster, const std::string &file, Diagnostics &diagnostics,
                    const BoardFinder &find = readBoard);

/// Fills the ports of all nodes from links whose ports are known.
void placePorts(Cluster &cluster);
/// Fills ports and hops of all nodes from links whose ports are known.
bool planLinks(Cluster &cluster, const std::string &file, Diagnostics &diagnostics);

/// The same cluster without the nodes that are not among `ranks`, which rise and hold the root:
/// nodes, links and ranks of what is left. Nothing, with a diagnostic, where a node that is left
/// out was the only way between two others.
std::optional<Cluster> partOf(const Cluster &cluster, const std::vector<int64_t> &ranks,
                              const std::string &file, Diagnostics &diagnostics);

/// How many boards of a kind can be joined with nothing but what they have; nullopt: any number.
std::optional<int64_t> mostOf(const Board &board);
/// N of one board, over what it has: a switch, a wire for each pair, or a chain.
std::optional<Cluster> clusterOf(const Board &board, int64_t nodes, Diagnostics &diagnostics);

/// The ranks that a packet visits, both ends with it; two when the nodes are neighbours.
std::vector<int64_t> routeOf(const Cluster &cluster, int64_t from, int64_t to);

/// One link of a packet's way.
struct ClusterStep {
  size_t link;
  int64_t from, to; ///< ranks
};
/// Those of a way that carry packets.
std::vector<ClusterStep> stepsOf(const Cluster &cluster, int64_t from, int64_t to);

/// "3" or "all" of input_at and output_at; nullopt when it is neither.
std::optional<int64_t> parseRootRank(const std::string &text, int64_t nodes);

/// The keys of a table of the file: "node", "link", "network", "root", or "" for the tables
/// themselves.
const std::vector<const char *> &clusterKeys(const std::string &table);

} // namespace discoc

#endif // DISCOC_FORMATS_CLUSTER_H
