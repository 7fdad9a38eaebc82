//===- Ssh.cpp - commands on other hosts ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/Ssh.h"
#include "compiler/formats/ShellWord.h"

namespace discoc {

std::vector<std::string> sshCommand(const LaunchHosts &hosts, size_t rank,
                                    const std::string &script,
                                    const std::vector<std::string> &arguments) {
  std::string line = "exec /bin/sh -c " + shellQuoted(script) + " sh";
  for (const std::string &word : arguments)
    line += " " + shellQuoted(word);
  std::vector<std::string> argv = {"ssh"};
  argv.insert(argv.end(), hosts.options.begin(), hosts.options.end());
  // Nobody is there to type a password; a host that is silent for 15 s is lost.
  for (const char *setting : {"BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=5",
                              "ServerAliveCountMax=3", "LogLevel=ERROR"})
    argv.insert(argv.end(), {"-o", setting});
  argv.insert(argv.end(), {"-T", "--", hosts.hosts[rank], line});
  return argv;
}

bool runToEnd(const std::vector<std::string> &argv, const ChildStart &how,
              std::chrono::seconds most, bool whatever, Diagnostics &out) {
  ProcessGroup group;
  if (!group.start(argv, out, how))
    return false;
  const auto until = Clock::now() + most;
  while (!group.allEnded() && Clock::now() < until && (whatever || !InterruptGuard::interrupted()))
    group.step(std::chrono::milliseconds(100), nullptr);
  const bool inTime = group.allEnded();
  group.endAll();
  const Child &child = group.children().front();
  if (inTime && !child.failed())
    return true;
  out.push_back({argv.front(), "", inTime ? "ended with " + child.endText() : "did not end in time",
                 "", child.errText});
  return false;
}

} // namespace discoc
