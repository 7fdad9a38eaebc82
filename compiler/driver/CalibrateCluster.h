//===- CalibrateCluster.h - a cluster file against what was measured -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_CALIBRATECLUSTER_H
#define DISCOC_DRIVER_CALIBRATECLUSTER_H

#include "compiler/formats/Cluster.h"
#include "compiler/formats/Profile.h"

namespace discoc {

/// What a profile of this host says of a cluster, a line each: nodes and links that it holds for,
/// those that were not measured and why, and as warnings what is stated twice as fast, or half as
/// fast, as it was measured.
struct ClusterFindings {
  std::vector<std::string> notes, warnings;
};
ClusterFindings compareCluster(const Cluster &cluster, const Profile &profile);

} // namespace discoc

#endif // DISCOC_DRIVER_CALIBRATECLUSTER_H
