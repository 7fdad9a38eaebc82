//===- BufferPlan.h - which values share storage, and for how long -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_BUFFERPLAN_H
#define DISCOC_PASSES_BUFFERPLAN_H

#include "compiler/dialect/Disco.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include <vector>

namespace disco {

/// One stretch of the arena: some values share it, and it lives from op `start` to op `end` of the
/// program, both inside.
struct Buffer {
  int64_t bytes = 0, start = 0, end = 0, offset = -1;
};

/// Where a value lies: in a buffer, at a distance from its beginning. Constants lie elsewhere
/// (buffer -1), and so do inputs of the model unless inputsInArena().
struct Place {
  int64_t buffer = -1, distance = 0;
};

/// The buffers of one shard, from the program alone.
class BufferPlan {
public:
  explicit BufferPlan(mlir::func::FuncOp function);

  std::vector<Buffer> buffers;
  Place placeOf(mlir::Value value) const { return places.lookup(value); }
  /// The buffer that an op works in while it runs; nothing where its kernel needs none.
  std::optional<int64_t> scratchOf(mlir::Operation *op) const;
  /// Every buffer begins at a multiple of this many bytes.
  static constexpr int64_t alignment = 16;
  static int64_t rounded(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }
  /// The largest sum of bytes that live at the same time: no arena can be smaller.
  int64_t largestLiveSum() const { return peak().bytes; }
  /// That sum, and the first op of the program at which it lives; -1: before all of them.
  struct Peak {
    int64_t bytes = 0, at = -1;
  };
  Peak peak() const;

private:
  /// Of a piece of a joined tensor: the tensor, and where in it the piece lies.
  struct Piece {
    mlir::Value joined;
    int64_t distance;
  };

  void notePieces(mlir::Operation *op);
  Place placeInJoined(Piece piece, int64_t index);
  void placeResults(mlir::Operation *op, int64_t index);
  Place newBuffer(int64_t bytes, int64_t index);
  Place shareWith(mlir::Value value, int64_t distance);
  bool diesAt(mlir::Value value, int64_t index) const;
  bool readOnce(mlir::Operation *op, mlir::Value operand) const;
  mlir::Value dying(mlir::Operation *op, int64_t index) const;

  bool keepInputs;
  llvm::DenseMap<mlir::Value, Place> places;
  llvm::DenseMap<mlir::Operation *, int64_t> order, scratch;
  llvm::DenseMap<mlir::Value, Piece> pieces;
  llvm::DenseMap<mlir::Value, int64_t> joined; // the buffers of joined tensors
};

/// Whether the inputs of a shard have a place in the arena: on boards, which have no memory to
/// waste. Elsewhere inputs are read where the caller has them.
bool inputsInArena(mlir::func::FuncOp function);

/// Whether kernels have their scratch memory on the stack: on boards, whose stack is reserved
/// anyway, and as large for what waits for links. Elsewhere it is a buffer of the arena.
bool scratchOnStack(mlir::func::FuncOp function);

/// Whether a message is one whole tensor as it lies in memory: nothing has to be packed.
bool isSentInPlace(SendOp send);

} // namespace disco

#endif // DISCOC_PASSES_BUFFERPLAN_H
