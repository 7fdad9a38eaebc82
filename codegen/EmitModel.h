//===- EmitModel.h - model.h and model.cpp of one shard ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_CODEGEN_EMITMODEL_H
#define DISCOC_CODEGEN_EMITMODEL_H

#include "codegen/Codegen.h"
#include "codegen/Levels.h"
#include "codegen/WeightStore.h"
#include "compiler/dialect/KernelCall.h"
#include "compiler/dialect/WireForm.h"
#include <map>
#include <set>

namespace disco {

/// A string literal of C++ in ASCII, whatever the text holds.
std::string cString(llvm::StringRef text);

/// A comment: what a message takes to whom.
std::string titleOf(SendOp op, PartAttr part);

/// The sources of one shard as text. The build hash is filled in when the whole cluster is known.
class ModelEmitter {
public:
  ModelEmitter(mlir::ModuleOp shard, const EmitOptions &options, SpinBounds spins = SpinBounds());

  /// Everything that depends on the program: parameter structs and the function `infer`.
  const std::string &body() const { return code; }
  /// `runtime`: the version that the runtime's copy has.
  std::string header(llvm::StringRef buildHash, llvm::StringRef runtime) const;
  std::string source(llvm::StringRef buildHash, uint32_t weightsCrc) const;
  const WeightStore &weights() const { return store; }
  /// Kernel headers in use, below runtime_stub.
  const std::set<std::string> &headers() const { return used; }
  /// The libraries of the host that it is linked with, without "lib".
  const std::set<std::string> &libraries() const { return linked; }
  /// How many messages the node sends and receives in an inference.
  size_t messageCount() const { return messages.size(); }
  int64_t kernelCallCount() const { return numCalls; }
  /// The kernel of every instance that the calls share, in the order in which they are called.
  const std::vector<std::string> &kernelInstances() const { return instances; }
  /// What the program is compiled for; none where the compiler or the board's flags say it.
  const Levels &levels() const { return ownLevels; }
  /// Whether the code of any of them may call the mathematical library.
  bool mayCallLibrary() const { return library; }
  int64_t arenaBytes() const;
  int64_t inFlightCount() const { return inFlight; }
  /// Bytes of the "inputs" that this node is given, or of the "outputs" that it returns.
  std::vector<int64_t> tensorBytes(llvm::StringRef kind) const;
  mlir::ArrayAttr tensorsHere(llvm::StringRef kind) const;
  /// The same of those that the caller needs a buffer for.
  std::vector<int64_t> bufferBytes(llvm::StringRef kind) const {
    return kind == "inputs" && hasInputPlaces() ? std::vector<int64_t>() : tensorBytes(kind);
  }
  bool notesSteps() const { return traced; }
  /// How many steps it notes in an inference, and bytes of the ring that it keeps them in; 0: none.
  int64_t notedSteps() const { return noted; }
  int64_t noteBytes() const;
  /// Whether all inputs have a place in the arena: the emitted NAME_inputs says where.
  bool hasInputPlaces() const;

private:
  void emitOps();
  void emitOp(mlir::Operation *op);
  void endPart();
  void emitPieces(bool isOne);
  void endPiece();
  void emitEmptyPiece();
  unsigned awaitedBy(mlir::Operation *op);
  std::string parameters(const KernelCall &call);
  void emitKernel(mlir::Operation *op);
  std::string emitPlace(SendOp op, unsigned index);
  void emitSend(SendOp op);
  void emitRecv(RecvOp op);
  void emitOutput(OutputOp op);
  void emitState(StateOp op);
  void emitKeep(KeepOp op);
  void emitInput(InputOp op);
  void emitComment(mlir::Operation *op);
  std::string pointer(mlir::Value value, bool result);
  std::string arenaAt(mlir::Value message) const;
  unsigned indexOf(SendOp send);
  unsigned indexOf(PostOp post);
  unsigned messageIndex(int64_t id, int64_t peer, bool incoming, int64_t bytes,
                        const WireForm &form);
  std::string emitPacked(SendOp op, const std::string &place);
  void emitCompressed(SendOp op, const WireForm &form);
  void emitExpanded(RecvOp op, const WireForm &form);
  void check(llvm::StringRef call);
  /// A call that is noted, where the program notes its steps.
  void checkNoted(llvm::StringRef call);
  void beginNote();
  void endNote(bool computed = false);
  void emitBanner(std::string &text, llvm::StringRef what) const;
  void emitTensorInfos(std::string &text) const;
  void emitTables(std::string &text) const;
  void emitFlight(std::string &text) const;
  std::string programFields(llvm::StringRef scope, llvm::StringRef buildHash,
                            uint32_t weightsCrc) const;

  mlir::ModuleOp shard;
  mlir::func::FuncOp function;
  const EmitOptions &options;
  SpinBounds spins;
  int64_t rank, nodes;
  std::string prefix;
  int64_t inFlight;
  WeightStore store;
  std::string structs, parts, partCalls, calls, code;
  std::set<std::string> used, linked;
  struct Message {
    int64_t id, peer, bytes;
    bool incoming;
    int64_t form;
  };
  std::vector<Message> messages;
  llvm::DenseMap<int64_t, unsigned> messageIndices;                       ///< by id
  std::map<int64_t, int64_t> inputPlaces;                                 // offsets in the arena
  std::map<std::pair<std::string, std::string>, std::string> structNames; // by kernel and members
  int64_t numCalls = 0, callsBeforePart = 0, numParts = 0;
  std::string awaited;  ///< the message that the piece being emitted awaits; empty: none
  bool returns = false; ///< it has outputs
  std::vector<std::string> instances;
  bool library = false;
  bool traced; ///< the program notes when each step begins and ends
  int64_t noted = 0;
  int64_t step = 0; ///< that of the op which is emitted: its place in the function
  Levels ownLevels;
};

} // namespace disco

#endif // DISCOC_CODEGEN_EMITMODEL_H
