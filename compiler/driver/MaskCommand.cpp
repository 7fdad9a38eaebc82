//===- MaskCommand.cpp - discoc mask: masks of a trained model, without training ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/MaskRun.h"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <memory>

namespace discoc {

static constexpr const char *description =
    "Makes masks for a trained float32 model, without training: chooses which channels of others\n"
    "every node reads, and adjusts the weights that are left so that every layer's output on\n"
    "calibration inputs changes least.";

static constexpr const char *footer =
    "\n"
    "Writes an ONNX model with the zeros in its weights, and masks and owner maps in its "
    "metadata:\n"
    "`discoc compile MASKED.onnx -n N` needs nothing else, and any runtime runs it. A quarter of\n"
    "the calibration inputs is held out; errors are those on it. docs/masks.md explains it all.\n"
    "\n"
    "Examples:\n"
    "  discoc mask net.onnx -n 2 --density 0.2 --calibration pictures -o net_masked.onnx\n"
    "  discoc mask net.onnx --cluster c.toml --latency 20 --calibration pictures -o masked.onnx\n"
    "  discoc mask net.onnx -n 4 --bytes 200000 --calibration x=x.npy -o net_masked.onnx\n"
    "\n"
    "Exit codes: 0 done; 1 a file is wrong, or the model cannot be masked so; 2 usage; 3, 4 a\n"
    "program of the model does not build, or failed; 6 interrupted.";

void addMaskCommand(CLI::App &app, int &exitCode) {
  auto options = std::make_shared<MaskOptions>();
  CLI::App *command = app.add_subcommand("mask", description);
  command->footer(footer);
  command->add_option("MODEL", options->model.model, "The trained float32 model")
      ->required()
      ->type_name("MODEL.onnx");
  command->add_option("-n,--nodes", options->model.nodes, "Number of nodes, 2 or more")
      ->check(CLI::Range(int64_t(2), int64_t(1024)))
      ->type_name("N");
  auto *density =
      command
          ->add_option("--density", options->density,
                       "Which share of the bytes that masks can leave out is still sent, 0 to 1")
          ->check([](const std::string &text) {
            const double density = std::strtod(text.c_str(), nullptr);
            return density >= 0 && density <= 1 ? std::string()
                                                : "is not from 0 to 1"; // nor not a number
          })
          ->type_name("D");
  auto *bytes = command
                    ->add_option("--bytes", options->bytes,
                                 "How many bytes the nodes exchange at most in one inference")
                    ->check(CLI::NonNegativeNumber)
                    ->type_name("B");
  auto *latency = command
                      ->add_option("--latency", options->latency,
                                   "How many milliseconds an inference takes at most, by "
                                   "prediction; as little as that needs is left out")
                      ->check(CLI::PositiveNumber)
                      ->type_name("MS");
  density->excludes(bytes)->excludes(latency);
  bytes->excludes(latency);
  command
      ->add_option("--cluster", options->model.cluster,
                   "The nodes and links, as TOML (docs/formats/cluster.md)")
      ->type_name("FILE");
  command
      ->add_option("--profile", options->model.profile,
                   "How fast hosts are, for predicted times (docs/formats/profile.md)")
      ->type_name("FILE");
  command
      ->add_option("--calibration", options->calibration,
                   "Inputs as `discoc run --input` takes them: a folder of pictures, an .npy "
                   "file; with several inputs NAME=...; repeatable")
      ->allow_extra_args(false)
      ->type_name("[NAME=]PATH");
  command
      ->add_option("--preprocess", options->preprocess,
                   "How pictures become tensors; wins over the model's metadata")
      ->type_name("FILE");
  command->add_option("-o,--output", options->out, "The masked model")
      ->required()
      ->type_name("MASKED.onnx");
  command->add_option("--owners", options->model.owners, "Owner maps (docs/formats/owners.md)")
      ->type_name("FILE");
  command->add_flag("--default-owners", options->defaultOwners,
                    "Leave every channel on the node that the default division gives it");
  command->add_option("--pin", options->model.pins, "Size of a named dimension; repeatable")
      ->type_name("NAME=SIZE");
  command->add_option("--input-shape", options->model.inputShapes, "Shape of an input; repeatable")
      ->type_name("NAME=AxBxC");
  command->add_option("--set", options->model.sets, "Make an input a constant; repeatable")
      ->type_name("NAME=VALUE");
  command->add_flag("--follow-links", options->model.followLinks, followLinksHelp);
  command->add_option("--samples", options->samples, "Random inputs (default 16)")
      ->check(CLI::Range(int64_t(4), int64_t(1) << 16))
      ->type_name("K");
  command->add_option("--seed", options->seed, "Of random inputs (default 0)")->type_name("S");
  command
      ->add_option(
          "--threads", options->threads,
          "Of the linear algebra (default: all cores); results are the same for any number")
      ->check(CLI::Range(size_t(1), size_t(1024)))
      ->type_name("T");
  command->add_flag("--json", options->json, "One line of JSON instead of text");
  command->callback([options, &exitCode] {
    if (!options->density && !options->bytes && !options->latency)
      throw CLI::ValidationError("mask", "needs --density D, --bytes B or --latency MS");
    if (options->latency && options->model.cluster.empty())
      throw CLI::ValidationError("--latency", "needs --cluster C: the links that messages cross");
    if (options->model.nodes == 0 && options->model.cluster.empty())
      throw CLI::ValidationError("mask", "needs -n N or --cluster C");
    exitCode = runMask(*options);
  });
}

} // namespace discoc
