//===- Codegen.h - writes the programs of a cluster -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_CODEGEN_H
#define DISCOC_CODEGEN_CODEGEN_H

#include "compiler/formats/Cluster.h"
#include "compiler/formats/Manifest.h"
#include "compiler/formats/Masks.h"
#include "compiler/formats/Owners.h"
#include "compiler/formats/Plan.h"
#include "compiler/formats/Report.h"
#include "passes/Passes.h"
#include "llvm/ADT/DenseMap.h"
#include <string>

namespace disco {

/// What the emitted files say about where they come from.
struct EmitOptions {
  std::string modelName;   // used in symbols: letters, digits and underscores
  std::string modelFile;   // file name without directories
  std::string modelPath;   // of the file when it was compiled; may be empty
  std::string modelSha256; // of the model's files, hexadecimal
  std::string compilerVersion;
  std::map<std::string, std::string> settings;
  discoc::Cluster cluster;
  std::vector<std::string> labels;
  std::optional<discoc::Preprocess> preprocess;
};

/// What a module's attributes say of its model: `disco.model` (name, file, path, sha256,
/// compiler),
/// `disco.settings`, `disco.labels`, `disco.preprocess` in the text form of docs/formats, and
/// `disco.cluster`. Fails, with a diagnostic, where one of them is not as it should be.
mlir::FailureOr<EmitOptions> readEmitOptions(mlir::ModuleOp module);
void writeEmitOptions(mlir::ModuleOp module, const EmitOptions &options);

/// The cluster as the module's attribute `disco.cluster`; its boards have to be known.
void writeCluster(mlir::ModuleOp module, const discoc::Cluster &cluster);
mlir::FailureOr<discoc::Cluster> readCluster(mlir::ModuleOp module);

/// Whether boards check their weights before the first inference, as hosts always do.
inline bool checksWeights(const EmitOptions &options) {
  return options.settings.count("weight-check") != 0;
}

/// Whether boards check all that they have in flash at their start.
inline bool checksImage(const EmitOptions &options) {
  return options.settings.count("check-image") != 0;
}

/// Whether programs note when their steps begin and end.
inline bool isTraced(const EmitOptions &options) { return options.settings.count("trace") != 0; }
/// Bytes from the arena of one inference in flight to that of the next, and of all of them: with
/// one in flight what was planned.
int64_t arenaStride(mlir::ModuleOp shard);
int64_t arenaBytes(mlir::ModuleOp shard);

/// How many of the latest notes a program of so many steps keeps; a power of two. That of a board
/// has to fit into its memory: the last inference is whole, and most of the one before.
int64_t noteCapacity(const EmitOptions &options, int64_t rank, int64_t steps);

/// Whether nodes have to fit into their boards.
struct FitCheck {
  bool anySize = false;    // in: what does not fit is emitted all the same
  bool doesNotFit = false; // out: emission failed because a node needs more memory than there is
};

/// What was written of a cluster as a whole.
struct Emitted {
  discoc::Manifest manifest;
  discoc::Report report;
};

/// Writes the node directories, manifests and the report of a planned module into an existing,
/// empty directory. The same module gives the same bytes.
mlir::FailureOr<Emitted> emitCluster(mlir::ModuleOp module, llvm::StringRef runtimeDirectory,
                                     llvm::StringRef directory, FitCheck &fit);

/// Weights above this many bytes are a binary file, others an array in C++.
inline constexpr int64_t kInlineWeightBytes = 64 * 1024;

/// The prefix of the public names of one shard.
std::string shardPrefix(const EmitOptions &options, int64_t rank);
/// The name of everything else: no other program has it, whatever that one is called.
std::string shardScope(llvm::StringRef prefix, llvm::StringRef buildHash);
/// A header's text between guards. A program of the same name that was included before is an error.
std::string guarded(llvm::StringRef guard, llvm::StringRef name, llvm::StringRef buildHash,
                    llvm::StringRef text);
/// The digits of the build hash in it.
inline constexpr size_t kScopeDigits = 16;

discoc::Report makeReport(mlir::ModuleOp module, const EmitOptions &options,
                          llvm::StringRef buildHash);
/// Whether a message hands an input out, or an output in, and nothing else.
bool handsOver(SendOp send);
/// Fills the report's schedule and times, of what boards and links say how fast they are.
mlir::LogicalResult addSchedule(discoc::Report &report, mlir::ModuleOp module);
/// By the number of a message that a host waits for: how many microseconds that wait may spin, 1 to
/// 50. Empty unless the times of the whole schedule are known.
using SpinBounds = llvm::DenseMap<int64_t, uint8_t>;
mlir::FailureOr<SpinBounds> spinBounds(mlir::ModuleOp module);
discoc::Manifest makeManifest(mlir::ModuleOp module, const EmitOptions &options,
                              llvm::StringRef buildHash);
/// The owner maps and masks in use, from what the split noted on the module.
discoc::Owners makeOwners(mlir::ModuleOp module);
discoc::Masks makeMasks(mlir::ModuleOp module);
/// A plan in the form of kPlanAttr as a file's content.
discoc::Plan makePlan(mlir::ModuleOp module, mlir::ArrayAttr plan);

} // namespace disco

#endif // DISCOC_CODEGEN_CODEGEN_H
