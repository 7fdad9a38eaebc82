//===- ClusterTexts.h - what describes a cluster as a whole -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_CLUSTERTEXTS_H
#define DISCOC_CODEGEN_CLUSTERTEXTS_H

#include "codegen/Codegen.h"
#include <optional>
#include <utility>

namespace disco {

/// Manifests, report, owner maps, masks and plan of a planned module, as texts.
class ClusterTexts {
public:
  /// `memories`: what every node takes of its board's. Writes no file. Fails after a diagnostic.
  mlir::LogicalResult make(mlir::ModuleOp module, const EmitOptions &options,
                           llvm::StringRef buildHash,
                           llvm::ArrayRef<std::vector<discoc::MemoryUse>> memories);

  /// The manifest in a node's directory.
  std::string ofNode(int64_t rank) const { return manifests->ofNode(rank); }
  mlir::LogicalResult writeTo(llvm::StringRef directory) const;

  /// What the texts say.
  Emitted content;

private:
  std::optional<discoc::ManifestTexts> manifests;
  std::vector<std::pair<std::string, std::string>> files;
};

} // namespace disco

#endif // DISCOC_CODEGEN_CLUSTERTEXTS_H
