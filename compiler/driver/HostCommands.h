//===- HostCommands.h - the subcommands that look at or run a compiled model ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_HOSTCOMMANDS_H
#define DISCOC_DRIVER_HOSTCOMMANDS_H

#include <string>

namespace CLI {
class App;
}

namespace discoc {

/// What discoc's exit codes mean; the same for every subcommand.
enum ExitCode : int {
  ExitSuccess = 0,
  ExitFault = 1,       ///< an input (model, masks, a file of OUT, a picture) is wrong
  ExitUsage = 2,       ///< the command line is wrong
  ExitBuild = 3,       ///< a node directory does not build
  ExitRun = 4,         ///< a node failed, or a peer was lost, while the programs ran
  ExitMismatch = 5,    ///< verify: the results differ
  ExitInterrupted = 6, ///< SIGINT, SIGTERM or SIGHUP; all children have ended
};

/// Each adds its subcommand to `app`; when that was chosen, parsing runs it and
/// leaves the result in exitCode.
void addBuildCommand(CLI::App &app, int &exitCode);
void addFlashCommand(CLI::App &app, int &exitCode);
void addRunCommand(CLI::App &app, int &exitCode);
void addLaunchCommand(CLI::App &app, int &exitCode);
void addMaskCommand(CLI::App &app, int &exitCode);
void addReportCommand(CLI::App &app, int &exitCode);
void addTraceCommand(CLI::App &app, int &exitCode);
void addCalibrateCommand(CLI::App &app, int &exitCode);
void addVerifyCommand(CLI::App &app, int &exitCode); ///< in discocVerify: it compiles

/// Writes what lies in `out` as a page for browsers; an exit code. `against`, `trace`: another
/// output that it is compared with, and a trace of one of its runs; both may be empty.
int writePage(const std::string &out, const std::string &against, const std::string &trace,
              const std::string &path);

} // namespace discoc

#endif // DISCOC_DRIVER_HOSTCOMMANDS_H
