//===- LaunchCommand.cpp - discoc launch: all shards on their hosts -------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildNodes.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/ModelRun.h"
#include "compiler/run/BoardRun.h"
#include "compiler/run/Launch.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace discoc {

static constexpr const char *description =
    "Runs a compiled model where its nodes belong: copies and builds the node directories, starts\n"
    "every node's program, shows what they say with their ranks, feeds the inputs, fetches the\n"
    "outputs, and shows what `discoc run` shows.\n"
    "\n"
    "  local   on this machine, as discoc run does\n"
    "  ssh     copies each node to its host and builds it there, once; data goes over TCP, "
    "between\n"
    "          the addresses of the cluster file, or of the hosts\n"
    "  mpirun  builds with -DDISCO_MPI=ON here; the hosts see OUT under the same path\n"
    "  srun    the same, within Slurm";

static constexpr const char *footer =
    "\n"
    "Examples:\n"
    "  discoc launch out --with ssh --host 0=me@10.0.0.1 --host 1=me@10.0.0.2 --input x=x.npy\n"
    "  discoc launch out --with mpirun --launcher-option=--oversubscribe --input x=x.npy\n"
    "  discoc launch out --with srun --launcher-option=--mpi=pmix --input x=x.npy\n"
    "\n"
    "Exit codes: 0 done; 1 a file is wrong or does not fit; 2 usage; 3 a node does not build; 4 a\n"
    "node failed while running (the message names the rank that failed first); 6 interrupted.\n"
    "Whatever happens, no program stays behind: where a host is lost, its programs end with their\n"
    "connection or their deadlines.";

namespace {
struct LaunchOptions : ModelRunOptions {
  std::string with = "local";
  std::vector<std::string> hosts; ///< RANK=HOST
  int64_t port = 7700;
  LaunchHosts launch;
};

/// RANK=HOST.
std::optional<std::pair<int64_t, std::string>> parseHost(const std::string &text) {
  char *end = nullptr;
  const int64_t rank = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || text[0] < '0' || text[0] > '9' || *end != '=' || !isHostName(end + 1))
    return std::nullopt;
  return std::pair(rank, std::string(end + 1));
}

int launchLocally(const LaunchOptions &options) {
  ModelRunSteps steps;
  steps.check = [&](const Manifest &manifest, Diagnostics &out) -> int {
    return BoardRun::findEmulators(options.out, manifest, out) ? ExitSuccess : ExitRun;
  };
  steps.build = [&](const Manifest &manifest, Diagnostics &out) {
    return buildNodes(options.out, manifest, out);
  };
  steps.start = [](RunRequest &request, const Manifest &manifest, Diagnostics &out) {
    request.talks = true;
    return runShards(request, manifest, out);
  };
  return runModel(options, steps);
}

int launch(const LaunchOptions &options) {
  if (options.with == "local")
    return launchLocally(options);
  LaunchHosts hosts = options.launch;
  hosts.with = options.with == "ssh"      ? LaunchHosts::With::Ssh
               : options.with == "mpirun" ? LaunchHosts::With::Mpirun
                                          : LaunchHosts::With::Srun;
  const bool overSsh = hosts.with == LaunchHosts::With::Ssh;
  ModelRunSteps steps;
  steps.check = [&](const Manifest &manifest, Diagnostics &out) -> int {
    std::map<int64_t, std::string> named;
    for (const std::string &text : options.hosts)
      named.insert(*parseHost(text));
    return findHosts(options.out, manifest, named, options.port, hosts, out) ? ExitSuccess
                                                                             : ExitFault;
  };
  steps.build = [&](const Manifest &manifest, Diagnostics &out) {
    return overSsh ? buildOverSsh(options.out, manifest, hosts, out)
                   : buildNodesForMpi(options.out, manifest, out);
  };
  steps.start = [&](RunRequest &request, const Manifest &manifest, Diagnostics &out) {
    request.talks = true;
    return overSsh ? launchOverSsh(request, hosts, manifest, out)
                   : launchOverMpi(request, hosts, manifest, out);
  };
  return runModel(options, steps);
}
} // namespace

void addLaunchCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<LaunchOptions>();
  CLI::App *command = app.add_subcommand("launch", description);
  command->footer(std::string(inputsHelp) + footer);
  addModelRunOptions(*command, *options);
  command->add_option("--with", options->with, "what starts the programs (default local)")
      ->check(CLI::IsMember({"local", "ssh", "mpirun", "srun"}))
      ->type_name("local|ssh|mpirun|srun");
  command
      ->add_option("--host", options->hosts,
                   "where a rank runs, with USER@ if need be; repeatable. By default the hosts of "
                   "the cluster file's addresses")
      ->allow_extra_args(false)
      ->check([](const std::string &text) {
        return parseHost(text) ? std::string() : "is not RANK=HOST with a name or an address";
      })
      ->type_name("RANK=HOST");
  command
      ->add_option("--port", options->port,
                   "ssh: where the cluster file states no addresses, rank K listens on port P + K "
                   "of its host (default 7700)")
      ->check(CLI::Range(int64_t(1), int64_t(65535 - 1024)))
      ->type_name("P");
  command
      ->add_option("--remote-dir", options->launch.directory,
                   "ssh: where copies lie on a host, from the home on (default .discoc)")
      ->check([](const std::string &text) {
        return text.empty() || text[0] == '-' ? "is empty, or begins with -" : std::string();
      })
      ->type_name("DIR");
  command
      ->add_option("--launcher-option", options->launch.options,
                   "a word for ssh, mpirun or srun, before those of discoc; repeatable")
      ->allow_extra_args(false)
      ->type_name("WORD");
  command->callback([options, &exitCode] { exitCode = launch(*options); });
}

} // namespace discoc
