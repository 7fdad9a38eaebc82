//===- Launch.h - starts the programs of a compiled model on their hosts ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_LAUNCH_H
#define DISCOC_RUN_LAUNCH_H

#include "compiler/run/ShardRun.h"

#include <map>
#include <string>
#include <vector>

namespace discoc {

/// Where the ranks run, and how they are reached.
struct LaunchHosts {
  enum class With { Ssh, Mpirun, Srun } with = With::Ssh;
  std::vector<std::string> hosts;     ///< by rank; empty: the launcher chooses
  std::vector<std::string> addresses; ///< HOST:PORT by rank; empty: the programs know theirs
  std::vector<std::string> options;   ///< words for ssh, mpirun or srun
  std::string directory = ".discoc";  ///< of ssh: where copies lie, from the home on
  std::vector<std::string> folders;   ///< of ssh, by rank: where buildOverSsh() has built it
};

/// "ssh", "mpirun" or "srun".
const char *launcherName(LaunchHosts::With with);

/// Completes `given`, of which `hosts` has those that the command line names by rank, from what
/// compile wrote. Addresses that the cluster file did not state are the hosts' own, ports from
/// `firstPort` on. A cluster with boards or wires, no host for ssh, or a wrong name: diagnostics.
bool findHosts(const std::string &out, const Manifest &manifest,
               const std::map<int64_t, std::string> &named, int64_t firstPort, LaunchHosts &given,
               Diagnostics &diagnostics);

/// Whether `host` is a name or an address, with or without a user, that can be no option.
bool isHostName(const std::string &host);

/// Where a rank listens that its peers reach at `address`. A host may know its own name as a
/// loopback address only: then on all that it has.
std::string listenAddress(const std::string &address);

/// `request` with its inputs and outputs in one folder: inputs 0.npy, 1.npy, ..., outputs below
/// outputs.
RunRequest staged(const RunRequest &request, const std::string &folder);

/// "exit code 3" or "signal 9 (Killed)" of what a shell says of a program.
std::string shellEndText(int code);

/// Starts every rank's program where it was built, and waits as runShards() does.
RunResult launchOverSsh(const RunRequest &request, const LaunchHosts &hosts,
                        const Manifest &manifest, Diagnostics &out);
/// The same by mpirun or srun; their hosts see OUT under its path here.
RunResult launchOverMpi(const RunRequest &request, const LaunchHosts &hosts,
                        const Manifest &manifest, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_RUN_LAUNCH_H
