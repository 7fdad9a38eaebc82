//===- ModelPrograms.h - programs of parts of a model, one after another ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_MODELPROGRAMS_H
#define DISCOC_DRIVER_MODELPROGRAMS_H

#include "compiler/formats/Manifest.h"
#include "compiler/import/OnnxModel.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace discoc {

/// Compiles a model for this machine alone, builds and runs it. What the program of the model
/// before was built from and this one has, too, is not compiled again.
class ModelPrograms {
public:
  /// `scratch`: a folder for everything.
  explicit ModelPrograms(std::string scratch) : scratch_(std::move(scratch)) {}

  /// An exit code. Diagnostics of the compiler go to standard error.
  int compile(const importer::Model &model, Diagnostics &faults);
  /// Builds what was compiled.
  int build(Diagnostics &faults);
  /// Of what was compiled.
  const Manifest &manifest() const { return *manifest_; }
  std::string outputFileOf(const std::string &folder, size_t output) const;

  using Files = std::vector<std::pair<std::string, std::string>>; ///< name, .npy file
  /// So many inferences, outputs stacked in `folder`; an exit code.
  int run(const Files &inputs, int64_t count, const std::string &folder, Diagnostics &faults);

private:
  std::string out() const { return scratch_ + "/program"; }
  void keepBuild(const std::string &before) const;

  std::string scratch_;
  std::optional<Manifest> manifest_;
};

} // namespace discoc

#endif // DISCOC_DRIVER_MODELPROGRAMS_H
