//===- Ssh.h - commands on other hosts ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_RUN_SSH_H
#define DISCOC_RUN_SSH_H

#include "compiler/run/Launch.h"
#include "compiler/run/Process.h"

#include <string>
#include <vector>

namespace discoc {

/// The command line that runs `script`, a text for sh, on the host of a rank, with `arguments` as
/// $1, $2, ...; it begins in the home there. No name is read by a shell but in quotes.
std::vector<std::string> sshCommand(const LaunchHosts &hosts, size_t rank,
                                    const std::string &script,
                                    const std::vector<std::string> &arguments);

/// Runs a command to its end, for at most so long; an interruption ends it earlier unless
/// `whatever`. False, with a diagnostic that has what it said, when it fails.
bool runToEnd(const std::vector<std::string> &argv, const ChildStart &how,
              std::chrono::seconds most, bool whatever, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_RUN_SSH_H
