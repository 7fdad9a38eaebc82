//===- Divider.h - one imported model divided in many ways ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_DIVIDER_H
#define DISCOC_DRIVER_DIVIDER_H

#include "codegen/Codegen.h"
#include "codegen/Times.h"
#include "compiler/driver/Frontend.h"
#include "compiler/formats/PlanPins.h"
#include <memory>
#include <optional>
#include <string>

namespace disco {

/// One way to divide a model.
struct Way {
  discoc::ModelOptions options; ///< masks and owner maps in files, strategy, what travels
  discoc::Cluster cluster;      ///< of the nodes that take part
  bool dense = false;           ///< every node reads everything, whatever is masked or zero
  /// No contraction reads another node's channels: other results, and the least that masks leave.
  bool isolated = false;
  std::string explain;                            ///< an op whose cover is noted; may be empty
  std::vector<int64_t> shares;                    ///< of the work, by rank; empty: equal ones
  std::shared_ptr<const discoc::PinnedPlan> pins; ///< whose pins hold; null: none
  std::string pinsFile;                           ///< for messages
};

/// What there was to choose from for one contraction: send features, or partial sums.
struct Cover {
  std::string whyFeatures; ///< why sums cannot be sent; empty: they can
  int64_t features = 0, sums = 0;
  bool inTime = false; ///< both in nanoseconds, else in bytes
  bool sendsSums = false;
  std::vector<std::string> tied; ///< ops that read some of the same features
};

/// A model that was divided, as far as memory is planned.
struct Divided {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  EmitOptions emit;
  TimedSchedule timed;
  discoc::Report report; ///< without schedule and times
  /// Of the way's `explain`; nothing: no node lacks anything for it.
  std::optional<Cover> cover;

  /// Whether every node that is a bare board has memory for its part.
  bool fits() const;
};

/// Divides one model in many ways. It is read once.
class Divider {
public:
  /// `loaded` has to outlive this.
  explicit Divider(LoadedModel &loaded);

  /// Nothing after errors on standard error.
  std::optional<Divided> divide(const Way &way);
  /// What each node owns, without all that comes of it. Nothing after errors on standard error.
  std::optional<discoc::Plan> plan(const Way &way);

private:
  /// The module after the stage `last`; null after errors on standard error.
  mlir::OwningOpRef<mlir::ModuleOp> run(const Way &way, llvm::StringRef last);

  LoadedModel &loaded;
  const std::string sha256;
};

/// The options for so many nodes: masks and owner maps in files are for `stated` nodes, and say
/// nothing about others. 0: there are none.
discoc::ModelOptions optionsFor(const discoc::ModelOptions &options, int64_t nodes, int64_t stated);

} // namespace disco

#endif // DISCOC_DRIVER_DIVIDER_H
