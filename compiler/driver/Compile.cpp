//===- Compile.cpp - discoc compile and discoc emit -----------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "codegen/Codegen.h"
#include "codegen/NodeFiles.h"
#include "codegen/OutputFile.h"
#include "compiler/driver/Fit.h"
#include "compiler/driver/Frontend.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/driver/OutputDirectory.h"
#include "compiler/driver/RuntimeDirectory.h"
#include "compiler/driver/SummaryText.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Progress.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Format.h"
#if defined(__GLIBC__)
#include <malloc.h>
#endif

using namespace mlir;
using namespace disco;

namespace {

/// Prints stages as they end: to numbered files, to standard error, or to standard output and then
/// stops.
class StagePrinter {
public:
  explicit StagePrinter(const discoc::CompileOptions &options) : options(options) {}

  bool checkNames() const {
    for (const std::string &name : options.printIrAfter)
      if (name != "all" && !isStage(name))
        return complain("--print-ir-after", name);
    return options.stopAfter.empty() || isStage(options.stopAfter) ||
           complain("--stop-after", options.stopAfter);
  }

  /// Whether to go on.
  LogicalResult stageEnded(ModuleOp module, StringRef name) {
    OpPrintingFlags flags;
    flags.enableDebugInfo();
    if (!options.dumpDirectory.empty()) {
      if (failed(makeDirectories(options.dumpDirectory)))
        return failure();
      std::string number;
      llvm::raw_string_ostream(number) << llvm::format("%02d-", count++);
      OutputFile file(pathIn(options.dumpDirectory, number + name.str() + ".mlir"));
      module->print(file.stream(), flags);
      file << "\n";
      if (failed(file.close()))
        return failure();
    }
    if (llvm::is_contained(options.printIrAfter, "all") ||
        llvm::is_contained(options.printIrAfter, name)) {
      llvm::errs() << "// after " << name << "\n";
      module->print(llvm::errs(),
                    OpPrintingFlags().elideLargeElementsAttrs(64).elideLargeResourceString(64));
      llvm::errs() << "\n";
    }
    if (options.stopAfter == name) {
      module->print(llvm::outs(), flags);
      llvm::outs() << "\n";
    }
    return success();
  }

private:
  static bool isStage(StringRef name) {
    return name == "import" ||
           llvm::any_of(stages(), [&](const Stage &stage) { return name == stage.name; });
  }

  static bool complain(StringRef option, StringRef name) {
    llvm::errs() << "error: " << option << " " << name << ": no such stage; the stages are import";
    for (const Stage &stage : stages())
      llvm::errs() << ", " << stage.name;
    llvm::errs() << "\n";
    return false;
  }

  const discoc::CompileOptions &options;
  int count = 0;
};

/// Runs the stages one by one up to the one at which to stop.
LogicalResult runStages(ModuleOp module, const discoc::CompileOptions &options,
                        discoc::Activity &activity) {
  StagePrinter printer(options);
  // Shards are verified, planned and written as text side by side; one program has nothing to gain.
  module.getContext()->enableMultithreading(nodesOf(module) > 1);
  if (failed(printer.stageEnded(module, "import")) || options.stopAfter == "import")
    return success(options.stopAfter == "import");
  int64_t number = 0;
  for (const Stage &stage : stages()) {
    activity.at("stage " + std::to_string(++number) + " of " + std::to_string(stages().size()) +
                ", " + stage.name.str());
    PassManager manager(module.getContext());
    manager.enableVerifier(true);
    if (options.timing)
      manager.enableTiming();
    if (options.statistics)
      manager.enableStatistics(PassDisplayMode::List);
    manager.addPass(stage.create());
    if (failed(manager.run(module)) || failed(printer.stageEnded(module, stage.name)))
      return failure();
    if (options.stopAfter == stage.name)
      break;
  }
#if defined(__GLIBC__)
  // Threads have heaps of their own, which cannot use what the stages have freed.
  malloc_trim(0);
#endif
  return success();
}

/// Five lines of what lies in `out` now.
void sayWhatIsThere(const Emitted &emitted, const std::string &out) {
  const auto &[manifest, report] = emitted;
  std::string next = "discoc run " + shellWord(out);
  for (const discoc::ManifestTensor &input : manifest.inputs)
    next += " --input " +
            shellWord(input.name + "=FILE." +
                      (manifest.preprocess && manifest.preprocess->inputs.count(input.name) != 0
                           ? "png"
                           : "npy"));
  llvm::outs() << "written    " << discoc::printable(out) << ": " << manifest.model.name << " for "
               << nodesWord(report) << "\n"
               << "nodes      " << (report.nodes.size() > 1 ? "at most " : "") << sharesText(report)
               << "\n"
               << "exchanged  " << trafficText(report) << "\n"
               << "limit      " << limitText(report) << "\n"
               << "next       " << next << "\n";
}

/// Emits into a directory that appears only when everything is written.
int emitTo(ModuleOp module, OutputDirectory &directory, FitCheck &fit, const std::string &out,
           bool quiet = false) {
  std::string runtime = runtimeDirectory();
  if (runtime.empty()) {
    llvm::errs() << "error: the runtime stub's sources are not beside discoc: reinstall it, or set "
                    "DISCOC_RUNTIME to their folder\n";
    return discoc::ExitFault;
  }
  FailureOr<Emitted> emitted = failure();
  bool isThere = false;
  {
    const discoc::Activity activity("writing the programs of " + std::to_string(nodesOf(module)) +
                                    " nodes");
    if (directory.prepare())
      emitted = emitCluster(module, runtime, directory.path(), fit);
    isThere = succeeded(emitted) && directory.commit();
  }
  if (isThere) {
    if (!quiet)
      sayWhatIsThere(*emitted, out);
    return discoc::ExitSuccess;
  }
  return discoc::InterruptGuard::interrupted() ? discoc::ExitInterrupted : discoc::ExitFault;
}

} // namespace

int discoc::runCompile(const CompileOptions &options) {
  if (!StagePrinter(options).checkNames())
    return ExitUsage;
  if (options.out.empty() && options.stopAfter.empty()) {
    llvm::errs() << "error: -o OUT is missing: the directory to write, or --stop-after STAGE to "
                    "print a stage\n";
    return ExitUsage;
  }
  OutputDirectory directory(options.out, options.replace);
  if (options.stopAfter.empty() && !directory.check())
    return ExitFault;
  std::optional<Activity> activity(std::in_place, "compile");
  activity->at("reading the model");
  std::optional<LoadedModel> loaded = loadModel(options.model);
  if (!loaded)
    return ExitFault;
  DiagnosticPrinter printer(*loaded->context, options.model.model);
  if (failed(runStages(*loaded->module, options, *activity)))
    return ExitFault;
  activity.reset();
  if (!options.stopAfter.empty())
    return ExitSuccess;
  FitCheck fit{options.anySize};
  if (!options.quiet)
    llvm::outs() << loaded->choice;
  int code = emitTo(*loaded->module, directory, fit, options.out, options.quiet);
  if (fit.doesNotFit)
    if (auto cluster = disco::readCluster(*loaded->module); succeeded(cluster))
      suggestFit(options.model, *cluster);
  return code;
}

int discoc::runEmit(const EmitCommandOptions &options) {
  OutputDirectory directory(options.out, options.replace);
  if (!directory.check())
    return ExitFault;
  std::unique_ptr<MLIRContext> context = makeContext();
  DiagnosticPrinter printer(*context, options.ir);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(options.ir, ParserConfig(context.get()));
  if (!module)
    return ExitFault;
  SmallVector<ModuleOp> shards = shardsOf(*module);
  if (shards.empty() || !shards.front()->hasAttr(kArenaBytesAttr)) {
    llvm::errs()
        << "error: " << options.ir
        << ": is not a planned module; run it through 'discoc-opt --disco-pipeline' first\n";
    return ExitFault;
  }
  if (failed(disco::readCluster(*module)))
    return ExitFault;
  // A text may have been changed by hand: what is emitted was proved.
  PassManager manager(context.get());
  manager.addPass(createCheckSchedule());
  FitCheck fit;
  return succeeded(manager.run(*module)) ? emitTo(*module, directory, fit, options.out) : ExitFault;
}
