//===- CalibrateCluster.cpp - a cluster file against what was measured ----===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/CalibrateCluster.h"

#include <fmt/format.h>

namespace discoc {

/// Whether an address leads to this machine: none does without one, or by the loopback.
static bool isHere(const ClusterNode &node) {
  const std::string host = node.address.substr(0, node.address.rfind(':'));
  return host.empty() || host == "localhost" || host == "[::1]" || host.rfind("127.", 0) == 0;
}

static std::string placeOf(const Cluster &cluster, int64_t rank) {
  const ClusterNode &node = cluster.nodes[static_cast<size_t>(rank)];
  if (cluster.isBare(rank))
    return fmt::format("not measured: {} counts with the cycles of its folder, {}", node.board,
                       "which emulated boards cannot be faster than");
  if (!isHere(node))
    return fmt::format("not measured: {} is another machine; run calibrate there", node.address);
  return "measured: this host";
}

static void compare(const std::string &link, const char *what, double stated, double measured,
                    const char *unit, ClusterFindings &found) {
  constexpr double most = 2;
  if (stated > 0 && measured > 0 && (stated > most * measured || measured > most * stated))
    found.warnings.push_back(fmt::format("{} states {} of {:.3g} {}, and {:.3g} was measured", link,
                                         what, stated, unit, measured));
}

/// Links between processes of this host; the file stays as it is.
static void compareLink(const Cluster &cluster, const ClusterLink &link, size_t index,
                        const ByteLine &way, ClusterFindings &found) {
  const std::string name =
      fmt::format("link {} of nodes {}", index + 1, fmt::join(link.ends, ", "));
  for (int64_t rank : link.ends)
    if (cluster.isBare(rank) || !isHere(cluster.nodes[static_cast<size_t>(rank)])) {
      found.notes.push_back(name + ": not measured; it counts as the file states it");
      return;
    }
  if (link.kind != streamLink() || way.ns <= 0)
    return;
  compare(name, "a latency", link.latency, way.ns * 1e-9, "s", found);
  compare(name, "a bandwidth", link.bandwidth, way.byteNs > 0 ? 1e9 / way.byteNs : 0,
          "bytes a second", found);
  found.notes.push_back(name + ": measured over the loopback, as TCP");
}

ClusterFindings compareCluster(const Cluster &cluster, const Profile &profile) {
  ClusterFindings found;
  for (size_t rank = 0; rank < cluster.nodes.size(); ++rank)
    found.notes.push_back(fmt::format("node {} ({}): {}", rank, cluster.nodes[rank].name,
                                      placeOf(cluster, static_cast<int64_t>(rank))));
  // From one program to the other: on the way, and on the processors of both ends.
  ByteLine way = profile.wayOver("tcp");
  const ByteLine processor = profile.processorOver("tcp");
  way.ns += 2 * processor.ns;
  way.byteNs += 2 * processor.byteNs;
  for (size_t i = 0; i < cluster.links.size(); ++i)
    compareLink(cluster, cluster.links[i], i, way, found);
  return found;
}

} // namespace discoc
