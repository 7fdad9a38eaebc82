//===- ClusterSchedule.h - what every node does, step by step ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// The schedule of a split module as an object: read from the IR, which stays the truth. The pass
// disco-schedule makes it, disco-check-schedule proves it, EventEngine.h runs it.
#ifndef DISCOC_PASSES_CLUSTERSCHEDULE_H
#define DISCOC_PASSES_CLUSTERSCHEDULE_H

#include "compiler/dialect/Disco.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"
#include <vector>

namespace disco {

/// One thing that a node does. Constants, inputs and views are none: they take no time.
struct Step {
  enum class Kind : uint8_t {
    Compute, ///< also what copies: an output, an input's place in the arena
    Send,    ///< packs a message and begins to send it; does not wait
    Flush,   ///< waits until the message has left
    Post,    ///< opens a receive buffer; its bytes may arrive from here on
    Recv     ///< waits until the message is there
  };
  Kind kind = Kind::Compute;
  int32_t message = -1;          ///< index into ClusterSchedule::messages; -1: it computes
  mlir::Operation *op = nullptr; ///< null in a schedule that was read from a file
  /// Of what computes, for who keeps a table of what that takes (codegen/Times.h): its row.
  int32_t work = -1;

  bool waits() const { return kind == Kind::Flush || kind == Kind::Recv; }
};

/// One message with both its ends. Of a faulty module an end may be missing: its op is null then,
/// and its rank -1.
struct ScheduledMessage {
  int64_t number = 0; ///< that of the IR, the manifest and the frames
  int64_t from = -1, to = -1;
  SendOp send;
  PostOp post;
  RecvOp recv;

  int64_t payload = 0; ///< bytes, where there is no IR
  int32_t name = -1;   ///< of what made it, for who keeps a table of names (codegen/Times.h)

  /// Payload.
  int64_t bytes() { return send ? send.getBuffer().getType().getBytes() : payload; }
};

/// A stretch of a node's arena, alive from step `first` to step `last`, both inside. A receive
/// buffer is alive from its post on, when the first byte may arrive.
struct ScheduledBuffer {
  int64_t bytes = 0;
  size_t first = 0, last = 0;
};

/// One node: its steps in the order in which they run, one at a time.
struct NodeSchedule {
  mlir::func::FuncOp function;
  std::vector<Step> steps;

  /// By step: the steps of this node that have to be over before it, rising. A wait needs, beside
  /// these, its message.
  std::vector<llvm::SmallVector<size_t, 2>> dependencies() const;
  std::vector<ScheduledBuffer> buffers() const;
};

/// The programs of all nodes and the messages between them.
class ClusterSchedule {
public:
  /// Of a split module. Fails, with a diagnostic, where one end of a message is there twice or a
  /// wait names no message.
  static mlir::FailureOr<ClusterSchedule> read(mlir::ModuleOp module);

  /// What every node does, for people and for tests.
  void print(llvm::raw_ostream &os);

  std::vector<NodeSchedule> nodes;        ///< by rank
  std::vector<ScheduledMessage> messages; ///< by number
  /// Inferences that a node may have begun and not ended.
  int64_t inFlight = 1;
};

} // namespace disco

#endif // DISCOC_PASSES_CLUSTERSCHEDULE_H
