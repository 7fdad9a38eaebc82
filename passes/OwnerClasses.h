//===- OwnerClasses.h - channels that must have one owner -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_OWNERCLASSES_H
#define DISCOC_PASSES_OWNERCLASSES_H

#include "compiler/dialect/Division.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include <vector>

namespace disco {

/// What one channel of a tensor weighs.
struct ChannelWeight {
  int64_t elements = 0; ///< of the tensor
  int64_t macs = 0;     ///< that make it
  bool counts = false;  ///< arithmetic makes or reads the tensor: its channels are shared evenly
};

/// Each channel of `result` goes with the channels of `operand` that it reads.
struct OwnerTie {
  mlir::Value result, operand;
  Relation relation;
};

/// Union-find over the channels of all tensors; each class is dealt to one node.
class OwnerClasses {
public:
  explicit OwnerClasses(int64_t nodes) : OwnerClasses(std::vector<int64_t>(nodes, 1)) {}
  /// `shares`: by rank, how much a node gets compared with the others; one is more than 0.
  explicit OwnerClasses(std::vector<int64_t> shares)
      : nodes(static_cast<int64_t>(shares.size())),
        sharers(llvm::count_if(shares, [](int64_t share) { return share > 0; })),
        shares(std::move(shares)) {}

  void add(mlir::Value value, int64_t extent);
  /// Ties each channel of `result` to the channels of `operand` that it reads.
  void tie(mlir::Value result, mlir::Value operand, const Relation &relation);
  /// The same of each in turn, unless a class would then have more than a node's share of some
  /// tensor, and more than the largest class has of it already.
  void tieUnlessLarge(llvm::ArrayRef<OwnerTie> ties);
  /// In how many independent blocks a relation falls apart.
  static int64_t countBlocks(const Relation &relation);

  /// Gives the classes of some channels to a node. Returns the value whose stated map disagrees,
  /// else null.
  mlir::Value fix(mlir::Value value, const IndexSet &channels, int64_t rank);
  void assignAll(mlir::Value value, int64_t rank);
  /// Deals the classes of a value that have no owner yet, contiguously and as equally as their
  /// sizes allow (owner map 1).
  void deal(mlir::Value value);
  /// Deals all classes that have no owner yet so that each node gets its share of every tensor and
  /// of all work (owner map 2). `weigh` says of each value what one of its channels weighs.
  void dealEvenly(llvm::function_ref<ChannelWeight(mlir::Value)> weigh);

  llvm::SmallVector<IndexSet> ownersOf(mlir::Value value);
  /// The class of each channel of a value.
  std::vector<int64_t> classesOf(mlir::Value value);
  int64_t count();

private:
  friend class EvenDealer;

  bool tieAllUnlessLarge(llvm::ArrayRef<OwnerTie> ties);
  int64_t find(int64_t element);
  int64_t element(mlir::Value value, int64_t channel) const {
    return first.lookup(value) + channel;
  }

  /// Who owns a channel, a stated map before its class; -1: nobody yet.
  int64_t ownerOf(int64_t element);
  /// By tensor, in the order of `values`: how many channels the largest class has of it.
  std::vector<int64_t> largestClasses();

  int64_t nodes, sharers; // all, and those whose share is more than 0
  std::vector<int64_t> shares;
  std::vector<mlir::Value> values;
  llvm::DenseMap<mlir::Value, int64_t> first, extents;
  std::vector<int64_t> parent;
  std::vector<int64_t> owner;        // by representative; -1: none yet
  std::vector<mlir::Value> statedBy; // by representative
  /// Stated maps are absolute for their tensor, also where they cut a class.
  llvm::DenseMap<int64_t, int64_t> fixed;
};

} // namespace disco

#endif // DISCOC_PASSES_OWNERCLASSES_H
