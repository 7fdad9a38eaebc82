//===- main.cpp - discoc's command line -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/Options.h"
#include "compiler/driver/StandardOutput.h"
#include "compiler/driver/Version.h"
#include "compiler/formats/Interrupt.h"
#include "compiler/formats/Limits.h"
#include "compiler/formats/Owners.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <sstream>

namespace {

using discoc::followLinksHelp;

void addSet(CLI::App &command, std::vector<std::string> &sets) {
  command
      .add_option("--set", sets,
                  "Make an input a constant, such as sr=16000: one value for all its elements, or "
                  "as many as it has, separated by commas; repeatable")
      ->type_name("NAME=VALUE");
}

void addModelOptions(CLI::App &command, discoc::ModelOptions &options) {
  command.add_option("MODEL", options.model, "The ONNX file (opset 7 to 25)")
      ->required()
      ->type_name("MODEL.onnx");
  command
      .add_option("-n,--nodes", options.nodes,
                  "Number of nodes, 1 to 1024 (default: that of the cluster file, else 1)")
      ->check(CLI::Range(int64_t(1), discoc::maxClusterNodes))
      ->type_name("N");
  command
      .add_option("--masks", options.masks,
                  "Masks as JSON (docs/formats/masks.md); else the model's metadata, else the "
                  "weights' zeros")
      ->type_name("FILE");
  command
      .add_option("--owners", options.owners,
                  "Owner maps as JSON (docs/formats/owners.md); else the default division")
      ->type_name("FILE");
  command
      .add_option(
          "--owner-map", options.ownerMap,
          "The number of the default map, by which tensors are divided whose owners nothing "
          "states (docs/formats/owners.md); else that of the owner maps and masks that are "
          "stated, else the latest")
      ->check(CLI::Range(int64_t(1), discoc::latestOwnerMap))
      ->type_name("NUMBER");
  command
      .add_option("--shares", options.shares,
                  "How much each node owns compared with the others, by rank, such as 1,2,4: "
                  "numbers from 0 to 1000, as fast as the nodes are. A node with 0 owns nothing "
                  "(docs/formats/owners.md). Default: all own as much")
      ->delimiter(',')
      ->type_name("S,S,...");
  auto *strategy =
      command
          .add_option("--strategy", options.strategy,
                      "Who chooses along which axis each tensor is divided, and what "
                      "each node owns of it: greedy (the default), stages, stretches, root; auto: "
                      "the best of what 'partition' tries (docs/formats/plan.md)")
          ->type_name("NAME");
  command
      .add_option(
          "--plan", options.plan,
          "These choices: all of them as JSON, as 'inspect --write-plan' writes them, or some "
          "as TOML, as 'partition -o' does (docs/formats/plan.md, pins.md)")
      ->type_name("FILE")
      ->excludes(strategy);
  command
      .add_option("--stages", options.stages,
                  "A pipeline of so many stages: each has the nodes of one stretch of layers, and "
                  "divides them as usual; cut for the slowest of them (docs/running.md). With "
                  "--in-flight all stages compute at once")
      ->check(CLI::Range(int64_t(1), discoc::maxClusterNodes))
      ->excludes(strategy)
      ->excludes(command.get_option("--plan"))
      ->excludes(command.get_option("--shares"))
      ->type_name("N");
  command
      .add_option("--pin", options.pins, "Size of a named dimension, such as batch=1; repeatable")
      ->type_name("NAME=SIZE");
  command
      .add_option("--input-shape", options.inputShapes,
                  "Shape of an input, such as x=1x3x224x224; repeatable")
      ->type_name("NAME=AxBxC");
  addSet(command, options.sets);
  command
      .add_option("--state", options.states,
                  "An output that is an input of the next inference, such as h_out=h_in: it is "
                  "zero at first, and stays with the nodes that own it; repeatable. auto: the "
                  "pairs whose names are alike")
      ->type_name("OUTPUT=INPUT");
  command.add_flag("--follow-links", options.followLinks, followLinksHelp);
  command
      .add_option("--wire", options.wire,
                  "As what f32 features and sums travel: f32 (the default), f16, or i8 with a "
                  "scale for each message; inputs and outputs of the model stay as they are")
      ->check(CLI::IsMember({"f32", "f16", "i8"}));
  command
      .add_option("--wire-compress", options.compress,
                  "How messages are compressed, each only where that is shorter: none (the "
                  "default), sparse (without what is zero), lz4, zfp, which keep all bits, or "
                  "zfp:P, which keeps P bit planes (2 to 64) of floats; hosts alone have lz4 and "
                  "zfp")
      ->type_name("HOW");
  command
      .add_option("--layout", options.layout,
                  "Experimental: how tensors lie in memory, where a kernel takes them so")
      ->type_name("NAME")
      ->group("");
  command
      .add_option("--optimize", options.optimize,
                  "What kernels on hosts are chosen for: speed (the default), or memory, where "
                  "convolutions keep their weights as they are")
      ->check(CLI::IsMember({"speed", "memory"}));
  command.add_flag("--features-only", options.featuresOnly,
                   "Exchange features, never partial sums, also where these are fewer bytes");
  command.add_flag("--picture-bytes", options.pictureBytes,
                   "Inputs whose preprocessing the model's metadata states are pixels of 8 bits, a "
                   "quarter of the bytes: every node applies scale, mean and std itself");
  command.add_flag("--trace", options.trace,
                   "Programs note when each step begins and ends, for 'discoc run --trace FILE'");
  command
      .add_option("--in-flight", options.inFlight,
                  "How many inferences may overlap, 1 (the default) to 8: while one waits for a "
                  "message another computes; takes an arena for each")
      ->check(CLI::Range(1, 8))
      ->type_name("K");
  command.add_flag("--exact-order", options.exactOrder,
                   "Every sum in one order: outputs have the same bits for every number of nodes, "
                   "for more bytes and time");
  auto *cluster = command
                      .add_option("--cluster", options.cluster,
                                  "Nodes, boards and links as TOML (docs/formats/cluster.md)")
                      ->type_name("FILE");
  command
      .add_option("--board", options.board,
                  "Instead of a cluster file: all nodes are boards of this kind, wired in the "
                  "simplest way that they have ports for")
      ->type_name("BOARD")
      ->excludes(cluster);
  command
      .add_option("--target", options.target,
                  "What the programs of hosts are compiled for (docs/formats/target.md): x86-64 "
                  "(the default: AVX2, with code for AVX-512 beside it), aarch64, native, generic, "
                  "or levels such as x86-64-v2")
      ->type_name("TARGET");
}

/// Why a text cannot begin the names of C++; empty: it can.
std::string badName(const std::string &name) {
  constexpr size_t longest = 64;
  bool good = !name.empty() && name.size() <= longest && std::isalpha(name.front()) != 0;
  for (char c : name)
    good = good && (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_');
  return good ? ""
              : "a name has letters, digits and underscores, at most 64, and begins with a letter";
}

void addReplace(CLI::App &command, bool &replace) {
  command.add_flag("--replace", replace,
                   "Keep the files in OUT that are none of discoc's: move them into the new OUT");
}

CLI::Option *addProfile(CLI::App &command, std::string &profile) {
  return command
      .add_option("--profile", profile,
                  "How fast hosts are, for predicted times: as was measured of them "
                  "(docs/formats/profile.md)")
      ->type_name("FILE");
}

void addCompile(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<discoc::CompileOptions>();
  CLI::App *command =
      app.add_subcommand("compile", "Divide a model over N nodes and write a C++ program for each");
  command->footer(
      "The output directory appears only when everything is written. It holds manifest.json, "
      "report.json, the\n"
      "masks.json and owners.json that were used (with --plan, plan.json too), files.json, launch "
      "(what mpirun and\n"
      "srun read), and node0 ... node{N-1}, each of which builds on\n"
      "its own with CMake and a C++17 compiler. An earlier output in its place goes away with its "
      "build\n"
      "folders; where it holds other files than those of its files.json, compile refuses.\n\n"
      "  discoc compile resnet.onnx -n 2 -o out\n"
      "  discoc compile resnet.onnx -n 2 --stop-after assign-owners    prints that stage's IR");
  addModelOptions(*command, options->model);
  command->add_option("-o,--output", options->out, "The directory to write")->type_name("OUT");
  addReplace(*command, options->replace);
  command
      ->add_option("--name", options->model.name,
                   "What the programs' public names begin with: NAME_r0_program (default: the "
                   "file's stem). Programs that are to be linked into one need different names")
      ->check([](const std::string &name) { return badName(name); })
      ->type_name("NAME");
  addProfile(*command, options->model.profile);
  command->add_flag("--weight-check", options->model.weightCheck,
                    "Boards, too, check their weights' CRC-32C before the first inference, for 200 "
                    "bytes of code and about 18 cycles a byte of weights (100 KB at 168 MHz: 11 "
                    "ms); programs on hosts always do");
  command->add_flag(
      "--check-image", options->model.checkImage,
      "Boards check at their start that flash holds what `discoc build` wrote, so that "
      "a half-written one is named on the console: 0.3 KB of code, and about 18 cycles "
      "a byte of the image");
  command
      ->add_option("--console", options->model.console,
                   "Where boards find inputs and leave outputs and text: uart (the first that no "
                   "link uses, of every board), one (the UART of the board that is given the "
                   "inputs; the others' text goes through the links), semihosting (an emulator or "
                   "a debugger), none. By default uart, and through the links where a board has "
                   "none left")
      ->check(CLI::IsMember({"uart", "one", "semihosting", "none"}));
  command
      ->add_option("--stop-after", options->stopAfter,
                   "Print the IR after this stage and write nothing")
      ->type_name("STAGE");
  command
      ->add_option("--print-ir-after", options->printIrAfter,
                   "Print the IR after a stage, or 'all', to standard error")
      ->type_name("STAGE");
  command
      ->add_option("--dump-dir", options->dumpDirectory,
                   "Write the IR after every stage to numbered files")
      ->type_name("DIR");
  command->add_flag("--timing", options->timing, "Say how long each stage took");
  command->add_flag("--statistics", options->statistics, "Print what the stages counted");
  command
      ->add_flag("--any-size", options->anySize, "Emit for boards also what does not fit into them")
      ->group(""); // for tests/bench/bounds.py
  auto html = std::make_shared<std::string>();
  command
      ->add_option("--html", *html,
                   "Also write what 'report --html' shows of OUT: one page for any browser")
      ->type_name("FILE")
      ->excludes("--stop-after");
  command->callback([options, html, &exitCode] {
    exitCode = discoc::runCompile(*options);
    if (exitCode == discoc::ExitSuccess && !html->empty())
      exitCode = discoc::writePage(options->out, "", "", *html);
  });
}

void addEmit(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<discoc::EmitCommandOptions>();
  CLI::App *command = app.add_subcommand(
      "emit", "Write the programs of a planned module in text form (what compile does last)");
  command->add_option("IR", options->ir, "The module, as left by 'discoc-opt --disco-pipeline'")
      ->required()
      ->type_name("FILE.mlir");
  command->add_option("-o,--output", options->out, "The directory to write")
      ->required()
      ->type_name("OUT");
  addReplace(*command, options->replace);
  command->callback([options, &exitCode] { exitCode = discoc::runEmit(*options); });
}

void addInspect(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<discoc::InspectOptions>();
  CLI::App *command = app.add_subcommand(
      "inspect", "Show what there is of a model: inputs, outputs and ops; how N nodes divide it");
  command->footer(
      "Where dimensions are open it names them, and options that would do; what it shows "
      "then is for these.\n"
      "A model that cannot be compiled is shown as far as it was read, with the "
      "reasons. Bytes are those of `discoc\n"
      "report`. With -n and --write-owners, writes the owner maps that compile will "
      "use: a trainer reads them before\n"
      "it chooses masks.\n\n"
      "  discoc inspect model.onnx --what-if      a first look: does dividing pay, and over "
      "what?\n\n"
      "Exit codes: 0 shown, 1 the model cannot be compiled so, 2 usage.");
  addModelOptions(*command, options->model);
  command->add_option("--write-owners", options->writeOwners, "Write the owner maps as JSON")
      ->type_name("FILE");
  command
      ->add_option("--write-plan", options->writePlan,
                   "Write what the strategy chose as JSON (docs/formats/plan.md)")
      ->type_name("FILE");
  command
      ->add_option("--advise", options->advise,
                   "Write what a channel that another node reads costs, in bytes and, with "
                   "--cluster, in microseconds (docs/formats/costs.md)")
      ->type_name("FILE");
  command->add_flag("--pairs", options->pairs,
                    "For every layer the bytes by pair of nodes, also of more than two nodes");
  auto *whatIf = command->add_flag(
      "--what-if", options->whatIf,
      "Instead: 1 to 8 nodes over links of 10 Mbit/s, 100 Mbit/s and 1 Gbit/s (with --board over "
      "the boards' own): what a node stores, how long an inference would take, what limits it, "
      "and whether dividing pays");
  for (const char *other :
       {"--nodes", "--cluster", "--plan", "--write-owners", "--write-plan", "--advise", "--pairs"})
    whatIf->excludes(command->get_option(other));
  command->add_flag("--json", options->json, "Of --what-if: one line of JSON (docs/running.md)")
      ->needs(whatIf);
  addProfile(*command, options->model.profile)->needs(whatIf);
  command->callback([options, &exitCode] { exitCode = discoc::runInspect(*options); });
}

void addPartition(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<discoc::PartitionOptions>();
  CLI::App *command = app.add_subcommand(
      "partition", "Find the division of a model that is best over your nodes and links");
  command->footer(
      "Tries every number of nodes by every strategy, plays each schedule, then moves work between "
      "nodes and leaves\nnodes out as long as that helps. One node can be the answer. Nothing is "
      "written or built, but the plan with -o.\n\n"
      "  discoc partition resnet.onnx --cluster lab.toml -o plan.toml\n"
      "  discoc compile resnet.onnx --cluster lab.toml --plan plan.toml -o out\n\n"
      "Exit codes: 0 one was found, 1 nothing fits or meets the deadline, or an input is wrong, 2 "
      "usage.");
  addModelOptions(*command, options->model);
  for (const char *other : {"--nodes", "--strategy", "--plan", "--shares"})
    if (CLI::Option *option = command->get_option_no_throw(other))
      command->remove_option(option); // that is what is looked for
  command
      ->add_option(
          "-n,--nodes", options->nodes,
          "How many nodes: a number, or a range such as 1..8 (default: 1 to as many as the "
          "cluster file has, else 1..8)")
      ->type_name("N");
  command
      ->add_option("--objective", options->objective,
                   "What is to be least: latency (the default), throughput, memory, bytes, "
                   "energy (docs/partition.md)")
      ->type_name("NAME");
  command
      ->add_option("--deadline", options->deadline,
                   "How many milliseconds an inference takes at most")
      ->check(CLI::PositiveNumber)
      ->type_name("MS");
  addProfile(*command, options->model.profile);
  command
      ->add_option("--bandwidth", options->bandwidth,
                   "Payload bytes a second of links that state nothing (default: 100 Mbit/s)")
      ->check(CLI::Range(1.0, 1e15))
      ->type_name("BYTES");
  command
      ->add_option("--latency", options->latency,
                   "Seconds a message of these links (default 1e-4, with --bandwidth 0)")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS");
  command
      ->add_option("--explain", options->explain,
                   "How an op is divided by every candidate, and what that costs")
      ->type_name("OP");
  command->add_flag("--compare", options->compare,
                    "Side by side: one node, dense, channel groups, masks, and what was found");
  command->add_option("-o,--output", options->plan, "Write what was chosen as a plan")
      ->type_name("PLAN.toml");
  command->add_flag("--json", options->json, "One line of JSON (docs/partition.md)");
  command->callback([options, &exitCode] { exitCode = discoc::runPartition(*options); });
}

void addFit(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<discoc::FitOptions>();
  CLI::App *command =
      app.add_subcommand("fit", "Find the fewest boards of a kind that a model fits into");
  command->footer(
      "For every N, a line: what the fullest node takes of each of its board's memories. Weights, "
      "arena, buffers\nand stack are exact, code and variables are upper bounds from the board's "
      "measured table. Nothing is\nwritten or built. With --masks or --owners, N is theirs.\n\n"
      "  discoc fit resnet20.onnx --board netduinoplus2\n"
      "  discoc fit resnet20.onnx --shop shop.toml --deadline 500\n\n"
      "Exit codes: 0 the smallest N is the last line, 1 no N does or the model is wrong, 2 usage.");
  command->add_option("MODEL", options->model.model, "The ONNX file (opset 7 to 25)")
      ->required()
      ->type_name("MODEL.onnx");
  CLI::Option_group *which = command->add_option_group("which");
  which->require_option(1);
  which->add_option("--board", options->model.board, "The kind of board (see 'discoc boards')")
      ->type_name("BOARD");
  CLI::Option *shop =
      which
          ->add_option("--shop", options->shop,
                       "What kinds of boards cost (docs/formats/shop.md): the cheapest set of one "
                       "kind is looked for")
          ->type_name("SHOP.toml");
  command
      ->add_option("--deadline", options->deadline,
                   "With --shop: how many milliseconds an inference takes at most")
      ->check(CLI::PositiveNumber)
      ->needs(shop)
      ->type_name("MS");
  command->add_option("--max-nodes", options->maxNodes, "The largest N to try (default 16)")
      ->check(CLI::Range(int64_t(1), int64_t(256)))
      ->type_name("M");
  command->add_option("--masks", options->model.masks, "Masks as JSON (docs/formats/masks.md)")
      ->type_name("FILE");
  command->add_option("--owners", options->model.owners, "Owner maps as JSON")->type_name("FILE");
  command
      ->add_option("--pin", options->model.pins,
                   "Size of a named dimension, such as batch=1; repeatable")
      ->type_name("NAME=SIZE");
  command
      ->add_option("--input-shape", options->model.inputShapes,
                   "Shape of an input, such as x=1x3x224x224; repeatable")
      ->type_name("NAME=AxBxC");
  addSet(*command, options->model.sets);
  command->add_flag("--follow-links", options->model.followLinks, followLinksHelp);
  command->add_flag("--json", options->json, "One line of JSON instead of a table");
  command->callback([options, &exitCode] { exitCode = discoc::runFit(*options); });
}

void addSimulate(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<discoc::SimulateOptions>();
  CLI::App *command =
      app.add_subcommand("simulate", "Play the schedule of a compiled model: what happens when");
  command->footer(
      "Plays the steps and messages that the programs have, with packing, shared links, forwarding "
      "and waking up, at\n"
      "the speeds that boards and links state; hosts state none, and count as a nominal core, or "
      "as "
      "'discoc calibrate'\nmeasured them. Nothing is built or run.\n\n"
      "  discoc simulate out --bandwidth 11.75e6 --latency 1e-4\n\n"
      "Exit codes: 0 shown, 1 no schedule in OUT, one that never ends, or a speed is missing, 2 "
      "usage.");
  command
      ->add_option("OUT", options->out,
                   "What 'compile -o OUT' wrote, or a schedule alone (docs/formats/schedule.md)")
      ->required();
  CLI::Option *profile = addProfile(*command, options->profile);
  command->add_option("--inferences", options->inferences, "So many, back to back (default 1)")
      ->check(CLI::Range(int64_t(1), int64_t(1000)))
      ->type_name("K");
  CLI::Option *bandwidth = command
                               ->add_option("--bandwidth", options->bandwidth,
                                            "Payload bytes a second of links that state nothing")
                               ->check(CLI::Range(1.0, 1e15))
                               ->type_name("BYTES");
  command->add_option("--latency", options->latency, "Seconds a message of these links (default 0)")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS");
  command
      ->add_option(
          "--transport", options->transport,
          "What carries messages over links that state nothing: tcp, memory or udp, as the "
          "profile has it between two processes; --bandwidth and --latency come to it")
      ->needs(profile)
      ->type_name("NAME");
  command->add_flag("--json", options->json, "The events, as docs/formats/events.md says");
  command->callback([options, &exitCode] { exitCode = discoc::runSimulate(*options); });
}

void addBoards(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand(
      "boards", "List the boards that programs can be written for, with their memories and links");
  command->callback([&exitCode] { exitCode = discoc::runBoards(); });
}

/// Every command says what it is doing, unless it is to be quiet or its output is for programs.
void addProgress(CLI::App &app) {
  for (CLI::App *command : app.get_subcommands([](CLI::App *) { return true; }))
    command->add_flag_callback(
        "--quiet", [] {}, "No progress on standard error; errors and warnings are said");
  app.parse_complete_callback([&app] {
    for (CLI::App *command : app.get_subcommands()) {
      const CLI::Option *json = command->get_option_no_throw("--json");
      discoc::startProgress(command->get_name(),
                            command->count("--quiet") > 0 || (json && json->count() > 0));
    }
  });
}

/// The exit code once all that was printed has been written: `discoc report > FILE` on a full disk
/// is no success.
int finish(int exitCode, std::string why) {
  const std::string ofLlvm = disco::finishLlvmStreams();
  errno = 0;
  const bool good = std::fflush(stdout) == 0 && !std::ferror(stdout);
  if (why.empty())
    why = !ofLlvm.empty() ? ofLlvm : good ? "" : errno ? std::strerror(errno) : "was not written";
  if (why.empty())
    return exitCode;
  std::cerr << "error: standard output: " << why << "\n";
  return exitCode == discoc::ExitSuccess ? discoc::ExitFault : exitCode;
}

/// `why`: standard output failed.
int run(CLI::App &app, int argc, char **argv, int &exitCode, std::string &why) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0) { // --help and --version
      std::ostringstream text;
      const int code = app.exit(error, text, text);
      if (std::fputs(text.str().c_str(), stdout) == EOF)
        why = std::strerror(errno);
      return code;
    }
    std::cerr << "error: " << discoc::printable(error.what(), discoc::maxShownText)
              << "\nRun 'discoc --help' or 'discoc COMMAND --help'.\n";
    return discoc::ExitUsage;
  } catch (const std::system_error &error) { // of fmt, when what it prints cannot be written
    why = error.code().message();
    return discoc::ExitFault;
  }
  return exitCode;
}

} // namespace

int main(int argc, char **argv) {
  discoc::endOnInterrupt(discoc::ExitInterrupted);
  CLI::App app(
      "discoc divides a neural network within each layer over several nodes that exchange only the "
      "features that\n"
      "its trained communication masks let through, and writes a C++ program for each node.",
      "discoc");
  app.set_version_flag("--version", "discoc " DISCOC_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 success, 1 an input is wrong, 2 the command line is wrong, 3 a node "
             "directory does not build,\n"
             "4 a node failed while the programs ran, 5 results differ, 6 interrupted.");
  int exitCode = discoc::ExitSuccess;
  addCompile(app, exitCode);
  addPartition(app, exitCode);
  addFit(app, exitCode);
  addInspect(app, exitCode);
  discoc::addMaskCommand(app, exitCode);
  discoc::addBuildCommand(app, exitCode);
  discoc::addFlashCommand(app, exitCode);
  discoc::addRunCommand(app, exitCode);
  discoc::addLaunchCommand(app, exitCode);
  discoc::addVerifyCommand(app, exitCode);
  discoc::addReportCommand(app, exitCode);
  discoc::addTraceCommand(app, exitCode);
  addSimulate(app, exitCode);
  discoc::addCalibrateCommand(app, exitCode);
  addBoards(app, exitCode);
  addEmit(app, exitCode);
  addProgress(app);
  std::string why;
  const int code = run(app, argc, argv, exitCode, why);
  discoc::endProgress();
  return finish(code, why);
}
