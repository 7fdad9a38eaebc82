//===- CostModel.h - time of ops and messages -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_STRATEGIES_COSTMODEL_H
#define DISCOC_PASSES_STRATEGIES_COSTMODEL_H

#include "compiler/dialect/PairRates.h"
#include "compiler/formats/Profile.h"
#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace disco {

/// Of the model's module: the profile of its hosts, in the text form of docs/formats. None: nobody
/// said how fast they are.
inline constexpr llvm::StringLiteral kProfileAttr = "disco.profile";

/// Of the model's module: how many times as fast as that each node is, by rank. None: all are once.
inline constexpr llvm::StringLiteral kSpeedsAttr = "disco.speeds";

/// Those speeds; empty: nobody said any.
std::vector<double> speedsOf(mlir::ModuleOp module);

/// That profile, or nothing; failure after a diagnostic.
mlir::FailureOr<std::optional<discoc::Profile>> profileOf(mlir::ModuleOp module);

/// What an op does, as far as its time hangs on it; no kernel is chosen yet.
discoc::StepWork workOf(mlir::Operation *op);

/// Makes time of what ops cost (CostOpInterface) and of what crosses links: of boards at the rates
/// that the cluster states, of hosts at those of a profile, or of a nominal core. What is not
/// stated is alike everywhere. Choices are compared with it; it does not say how long a program
/// takes.
class CostModel {
public:
  /// `cluster` may be null: nothing is known of any node or link. `profile`: of all hosts.
  explicit CostModel(ClusterAttr cluster, std::optional<discoc::Profile> profile = std::nullopt,
                     std::vector<double> speeds = {})
      : cluster(cluster), rates(std::make_shared<PairRates>(cluster)), profile(std::move(profile)),
        speeds(std::move(speeds)) {}

  /// Of some nodes alone: rank k is that of `ranks[k]` here.
  CostModel part(llvm::ArrayRef<int64_t> ranks) const;

  /// What is known of a node's speed: nodes with equal ones take equal times. Null: nothing is.
  mlir::Attribute targetOf(int64_t rank) const;

  /// Bytes of the memory that a node has for weights; 0: no bound is known.
  int64_t weightRoom(int64_t rank) const;
  /// The same of the memory that it has for what it computes with.
  int64_t arenaRoom(int64_t rank) const;

  /// Seconds of arithmetic and memory that an op takes on a node, if that computes all of it.
  double compute(int64_t rank, CostOpInterface op) const;

  /// Seconds that messages take from one node to another, with what hosts at either end do for
  /// them.
  double send(int64_t from, int64_t to, const Cost &cost) const;

  /// Of these the seconds that a link is taken: bytes alone.
  double moving(int64_t from, int64_t to, int64_t bytes) const;
  /// And those that a node's processor is, at one end.
  double handling(int64_t rank, const Cost &cost) const;

private:
  int64_t rankOf(int64_t rank) const { return ranks.empty() ? rank : ranks[rank]; }
  NodeAttr nodeAt(int64_t rank) const {
    return cluster ? cluster.getNode(rankOf(rank)) : NodeAttr();
  }
  /// Of a host; null: of a board, of which the cluster says what is known.
  const discoc::Profile *profileAt(int64_t rank) const;
  /// How many times as fast as that a host is.
  double speedAt(int64_t rank) const {
    const auto at = static_cast<size_t>(rankOf(rank));
    return at < speeds.size() ? speeds[at] : 1;
  }

  ClusterAttr cluster;
  std::shared_ptr<PairRates> rates; // its parts have the same
  std::vector<int64_t> ranks;       // of a part; empty: all
  std::optional<discoc::Profile> profile;
  std::vector<double> speeds;                         // of all nodes, not of a part alone
  mutable std::map<int64_t, discoc::Profile> nominal; // by bytes of a vector
};

} // namespace disco

#endif // DISCOC_PASSES_STRATEGIES_COSTMODEL_H
