//===- NodeFiles.h - what is written into a node's directory ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_NODEFILES_H
#define DISCOC_CODEGEN_NODEFILES_H

#include "compiler/formats/Cluster.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringMap.h"
#include <set>
#include <string>
#include <vector>

namespace disco {

std::string pathIn(llvm::StringRef directory, llvm::StringRef name);
/// These print what failed. Modes are what the umask leaves.
mlir::LogicalResult writeText(llvm::StringRef directory, llvm::StringRef name,
                              llvm::StringRef text);
mlir::LogicalResult makeDirectories(llvm::StringRef path);
mlir::LogicalResult copyFile(llvm::StringRef from, llvm::StringRef to);

class RuntimeStub;
mlir::FailureOr<RuntimeStub> openRuntimeStub(llvm::StringRef folder);

/// The runtime stub's folder and texts, and what its copies are named after.
class RuntimeStub {
public:
  std::string folder;
  std::string version; // the first 16 digits of the SHA-256 of its files

  /// The text of a file as it is copied; read once. Fails, with a message, when it cannot be read.
  mlir::FailureOr<llvm::StringRef> read(llvm::StringRef name) const;
  /// Whether there is a source file or header of that name.
  bool has(llvm::StringRef name) const { return texts.contains(name); }

private:
  friend mlir::FailureOr<RuntimeStub> openRuntimeStub(llvm::StringRef folder);
  mutable llvm::StringMap<std::string> texts; // by name
};

/// Files of the runtime stub that a shard needs: those that are asked for and everything that they
/// include.
class RuntimeFiles {
public:
  explicit RuntimeFiles(const RuntimeStub &stub) : stub(&stub) {}

  mlir::LogicalResult add(const std::string &name);
  /// A header and the source file of the same name, if there is one.
  mlir::LogicalResult addWithSource(const std::string &header);
  mlir::LogicalResult copyTo(llvm::StringRef directory) const;
  /// What another directory beside this one has is taken from there.
  void leaveOut(const RuntimeFiles &other);
  std::vector<std::string> sources() const;

private:
  const RuntimeStub *stub;
  std::set<std::string> names; // sorted: the order of files must not depend on anything else
};

/// Lets whoever builds `target` ask for warnings as errors; our tests do, by the environment.
std::string werrorOption(const std::string &target);

/// How the assembler finds a node's weights; `path` is the node's directory in terms of CMake.
std::string weightsRule(llvm::StringRef source, llvm::StringRef path);

/// The rows of the table that says by which port, and over which node, packets leave for each node.
std::string hopRows(const discoc::ClusterNode &node);

} // namespace disco

#endif // DISCOC_CODEGEN_NODEFILES_H
