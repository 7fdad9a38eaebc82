//===- Run.cpp - discoc run: builds, starts and feeds all shards here ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/BuildNodes.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/ModelRun.h"
#include "compiler/run/BoardRun.h"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <memory>

namespace discoc {

static constexpr const char *description =
    "Runs a compiled model on this machine: builds the node directories that are not built,\n"
    "starts every node's program as a process of its own, connected over TCP on free loopback\n"
    "ports, feeds the inputs, and shows the outputs, the bytes exchanged, and the time.";

static constexpr const char *footer =
    "\n"
    "Examples:\n"
    "  discoc run out --input image=cat.png\n"
    "  discoc run out --input x=x.npy --output-dir results --repeat 100 --json\n"
    "  discoc run out --input x=x.npy --on desk.toml           on boards that were flashed\n"
    "\n"
    "Exit codes: 0 done; 1 a file is wrong or does not fit; 2 usage; 3 a node does not build; 4 a\n"
    "node failed while running (the message names the rank that failed first); 6 interrupted.\n"
    "Whatever happens, no program stays behind.";

namespace {
struct RunOptions : ModelRunOptions {
  bool boardLog = false;
  std::string wireErrors; ///< RATE[,SEED]
  std::string transport = "local";
  bool exact = false;
  std::string on; ///< a desk file
};

/// RATE[,SEED].
std::optional<WireErrors> parseWireErrors(const std::string &text) {
  WireErrors errors;
  char *end = nullptr;
  errors.rate = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !(errors.rate >= 0 && errors.rate <= 1))
    return std::nullopt;
  if (*end == ',') {
    const char *seed = end + 1;
    if (*seed < '0' || *seed > '9')
      return std::nullopt;
    errors.seed = std::strtoull(seed, &end, 10);
  }
  return *end ? std::nullopt : std::optional(errors);
}

RunRequest::Transport transportOf(const RunOptions &options) {
  if (options.exact)
    return RunRequest::Transport::Exact;
  if (options.transport == "inproc")
    return RunRequest::Transport::Inproc;
  if (options.transport == "udp")
    return RunRequest::Transport::Udp;
  return options.transport == "tcp" ? RunRequest::Transport::Tcp : RunRequest::Transport::Local;
}

int run(const RunOptions &options) {
  const bool inproc = options.transport == "inproc";
  ModelRunSteps steps;
  steps.check = [&](const Manifest &manifest, Diagnostics &out) -> int {
    return inproc || !options.on.empty() || BoardRun::findEmulators(options.out, manifest, out)
               ? ExitSuccess
               : ExitRun;
  };
  steps.build = [&](const Manifest &manifest, Diagnostics &out) {
    return inproc ? buildCluster(options.out, manifest, out)
                  : buildNodes(options.out, manifest, out);
  };
  steps.start = [&](RunRequest &request, const Manifest &manifest, Diagnostics &out) {
    request.transport = transportOf(options);
    request.on = options.on;
    request.boardLog = options.boardLog;
    request.wireErrors = parseWireErrors(options.wireErrors).value_or(WireErrors());
    return runShards(request, manifest, out);
  };
  return runModel(options, steps);
}
} // namespace

void addRunCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<RunOptions>();
  CLI::App *command = app.add_subcommand("run", description);
  command->footer(std::string(inputsHelp) + footer);
  addModelRunOptions(*command, *options);
  auto *transport =
      command
          ->add_option(
              "--transport", options->transport,
              "local: a process for each node, data by shared memory (the default); tcp: "
              "likewise, over loopback TCP; udp: likewise, by datagrams; inproc: one process, "
              "a thread for each node")
          ->check(CLI::IsMember({"local", "tcp", "udp", "inproc"}))
          ->type_name("local|tcp|udp|inproc");
  command
      ->add_flag("--exact", options->exact,
                 "inproc: links buffer nothing, as the proof of the schedule assumes")
      ->needs(transport);
  command
      ->add_option("--on", options->on,
                   "run on real boards: which serial port leads to which (docs/formats/desk.md)")
      ->excludes(transport)
      ->type_name("desk.toml");
  command->add_flag("--board-log", options->boardLog,
                    "show every line that the boards' consoles print, on stderr");
  command
      ->add_option("--wire-errors", options->wireErrors,
                   "a trial: damage or drop a share RATE of the bytes between boards, chosen by "
                   "SEED")
      ->check([](const std::string &text) {
        return parseWireErrors(text) ? std::string() : "is not RATE[,SEED] with a rate from 0 to 1";
      })
      ->type_name("RATE[,SEED]");
  command->callback([options, &exitCode] {
    if (options->exact && options->transport != "inproc")
      throw CLI::ValidationError("--exact", "needs --transport inproc");
    exitCode = run(*options);
  });
}

} // namespace discoc
