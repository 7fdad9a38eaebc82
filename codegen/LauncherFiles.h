//===- LauncherFiles.h - what starts the programs of a cluster --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_LAUNCHERFILES_H
#define DISCOC_CODEGEN_LAUNCHERFILES_H

#include "codegen/Codegen.h"
#include <string>
#include <utility>
#include <vector>

namespace disco {

/// Files of OUT/launch by name, as docs/running.md describes them: of Open MPI and Slurm where all
/// nodes can run under MPI, and the hosts where the cluster file states all addresses.
std::vector<std::pair<std::string, std::string>> launcherFiles(const discoc::Cluster &cluster,
                                                               const discoc::RootPlacement &root);

} // namespace disco

#endif // DISCOC_CODEGEN_LAUNCHERFILES_H
