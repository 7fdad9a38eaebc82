//===- LauncherFiles.cpp - what starts the programs of a cluster ----------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/LauncherFiles.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

using namespace disco;
using llvm::StringRef;

static constexpr const char *notes =
    "# Start it in the folder that holds node0. The programs are those that\n"
    "# cmake -S nodeK -B nodeK/build/mpi -DDISCO_MPI=ON has configured; inputs are\n"
    "# inputs/NAME.npy, outputs become outputs/NAME.npy.\n";

/// The program of a rank and its arguments. No word needs to be quoted: neither launcher's file
/// could.
static std::string commandOf(const discoc::RootPlacement &root, size_t rank) {
  auto isAt = [&](int64_t at) {
    return at == discoc::RootPlacement::all || at == static_cast<int64_t>(rank);
  };
  return "node" + std::to_string(rank) + "/build/mpi/shard --mpi" +
         (isAt(root.inputAt) ? " --input-dir inputs" : "") +
         (isAt(root.outputAt) ? " --output-dir outputs" : "") + "\n";
}

/// Without port and brackets.
static std::string hostOf(StringRef address) {
  StringRef host = address.rsplit(':').first;
  if (host.consume_front("["))
    host.consume_back("]");
  return host.str();
}

/// A host as mpirun takes it: with places for all its ranks.
static std::string placeOf(const discoc::Cluster &cluster, const std::string &host) {
  const auto ranks = llvm::count_if(
      cluster.nodes, [&](const auto &other) { return hostOf(other.address) == host; });
  return "-host " + host + (ranks > 1 ? ":" + std::to_string(ranks) : "") + " ";
}

std::vector<std::pair<std::string, std::string>>
disco::launcherFiles(const discoc::Cluster &cluster, const discoc::RootPlacement &root) {
  std::string app = "# mpirun --app launch/openmpi.app\n" + std::string(notes),
              slurm = "# srun -n " + std::to_string(cluster.nodes.size()) +
                      " --multi-prog launch/slurm.conf\n" + notes,
              hosts, peers;
  const bool allHosts = llvm::none_of(llvm::seq<size_t>(0, cluster.nodes.size()), [&](size_t rank) {
    return cluster.isBare(static_cast<int64_t>(rank));
  });
  const bool allStated =
      llvm::none_of(cluster.nodes, [](const auto &node) { return node.address.empty(); });
  for (auto [rank, node] : llvm::enumerate(cluster.nodes)) {
    const std::string command = commandOf(root, rank);
    app += "-np 1 " + (allStated ? placeOf(cluster, hostOf(node.address)) : "") + command;
    slurm += std::to_string(rank) + " " + command;
    hosts += hostOf(node.address) + "\n";
    peers += std::to_string(rank) + " " + node.address + "\n";
  }
  std::vector<std::pair<std::string, std::string>> files;
  if (!allHosts || cluster.hasPackets())
    return files;
  files.emplace_back("openmpi.app", app);
  files.emplace_back("slurm.conf", slurm);
  if (allStated) {
    files.emplace_back("hosts", hosts);
    files.emplace_back("peers", peers);
  }
  return files;
}
