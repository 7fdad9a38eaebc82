//===- DiscoInterfaces.td - what every op says about itself ---------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCO_INTERFACES_TD
#define DISCO_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Disco_DivisionOpInterface : OpInterface<"DivisionOpInterface"> {
  let cppNamespace = "::disco";
  let description = [{
    The division rule: owner maps are propagated, exchanges inserted and shards built from it alone, never
    by a switch over op names.
  }];
  let methods = [
    InterfaceMethod<[{
      What a node that computes some indices of the result's `axis` needs of each operand, or nothing
      when the result cannot be divided along that axis. A rule that could name any of several axes of an operand says so by
      several ways. It must follow from types and attributes alone, and from which operands are constants.
    }], "disco::Divisions", "divide", (ins "int64_t":$axis)>,
    InterfaceMethod<[{
      Builds what one node computes of this op: its indices of the result's axis, from local operands.
      The default clones the op with local operands and a local result type.
    }], "mlir::FailureOr<mlir::Value>", "localize", (ins "disco::LocalContext &":$context), "",
    [{ return disco::localizeByCloning($_op, context); }]>,
    InterfaceMethod<[{
      Whether the op only renames the indices of the result's `axis`: each is an index of the same axis of one operand,
      untouched. A feature may then travel before it is renamed.
    }], "bool", "relabels", (ins "int64_t":$axis), "", [{ return false; }]>,
    InterfaceMethod<[{
      Whether elements of the result are elements of the operands, or the reals that those stand for: the root
      puts an output of the model together with it, and what it reads is handed in.
    }], "bool", "isMovement", (ins), "", [{ return false; }]>,
    InterfaceMethod<[{
      Why every node computes the whole op although that is work done more than once; empty for ops that are divided, or
      stay at the root. The report says so.
    }], "llvm::StringRef", "getReplication", (ins), "", [{ return llvm::StringRef(); }]>,
    InterfaceMethod<[{
      The axes of its one operand over which the op computes something that nodes can compute of their own channels and
      merge (a sum, a maximum): where the operand is divided along one, such statistics travel instead of features.
    }], "llvm::SmallVector<int64_t>", "getStatisticAxes", (ins), "",
    [{ return llvm::SmallVector<int64_t>(); }]>,
    InterfaceMethod<[{
      Replaces the op, whose operand is divided along one of its statistic axes: every owner computes statistics of its own channels, the
      context exchanges them, and every node merges them.
    }], "void", "mergeStatistics", (ins "disco::StatisticsContext &":$context), "",
    [{ llvm::report_fatal_error("an op with statistic axes does not merge statistics"); }]>,
  ];
}

def Disco_ContractionOpInterface : OpInterface<"ContractionOpInterface"> {
  let cppNamespace = "::disco";
  let description = [{An op that sums over the channels of its first operand with constant weights.}];
  let methods = [
    InterfaceMethod<"Where its weights have rows and columns; nothing when its weights are not constant.",
                    "std::optional<disco::Contraction>", "getContraction", (ins)>,
    InterfaceMethod<[{
      Builds the sum that a node can add to some rows of the result: with their weights alone, over the columns that `mask` names, without bias
      and without what follows the sum.
    }], "mlir::Value", "buildAddend",
       (ins "mlir::OpBuilder &":$builder, "mlir::Value":$weights, "const disco::IndexSet &":$rows, "mlir::ArrayAttr":$mask,
            "mlir::RankedTensorType":$type), "",
    [{ return disco::buildAddend($_op, builder, weights, rows, mask, type); }]>,
  ];
}

def Disco_CarriedOpInterface : OpInterface<"CarriedOpInterface"> {
  let cppNamespace = "::disco";
  let description = [{
    An op whose result any node can make again of one operand, element by element: that operand may travel in its stead, where it
    has fewer bytes. (Quantised tensors travel as integers.)
  }];
  let methods = [
    InterfaceMethod<[{
      The operand that carries the result; null when other operands are no constants that fit whatever part of it arrives. A constant may have a
      part for each channel: the op's division rule then names it.
    }],
                    "mlir::Value", "getCarrier", (ins)>,
    InterfaceMethod<[{
      Makes the result again, as a tensor of `type`, of what arrived of the carrier. That becomes the first operand of the op that it returns,
      and all others are constants.
    }], "mlir::Value", "restore", (ins "mlir::OpBuilder &":$builder, "mlir::Value":$carrier, "mlir::Type":$type)>,
  ];
}

def Disco_CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::disco";
  let description = [{What an op costs, counted on the shapes that it really has.}];
  let methods = [
    InterfaceMethod<"Multiply-accumulate operations of one execution.", "int64_t", "getMacs", (ins), "",
                    [{ return 0; }]>,
    InterfaceMethod<[{
      Whether the op is worth dividing even where that moves more bytes: its arithmetic outweighs what it reads.
    }], "bool", "isArithmetic", (ins), "", [{ return false; }]>,
    InterfaceMethod<"All that one execution takes, messages included.", "disco::Cost", "getCost", (ins), "",
                    [{ return disco::costOf($_op, $_op.getMacs()); }]>,
  ];
}

def Disco_StorageOpInterface : OpInterface<"StorageOpInterface"> {
  let cppNamespace = "::disco";
  let description = [{Where the result of an op of a shard may lie, and how its operands may be stored.}];
  let methods = [
    InterfaceMethod<"Whether the result has the bytes of the first operand, in the same order: nothing is computed.",
                    "bool", "isView", (ins), "", [{ return false; }]>,
    InterfaceMethod<[{
      The operands that the kernel may overwrite with its result when nobody reads them later, the preferred one first. Each has room
      for the result.
    }], "llvm::SmallVector<disco::InPlaceOperand>", "getInPlaceOperands", (ins), "",
    [{ return llvm::SmallVector<disco::InPlaceOperand>(); }]>,
    InterfaceMethod<[{
      Whether the op reads operand `k` in a smaller shape just as it reads it now: it broadcasts it itself.
    }], "bool", "readsSmaller", (ins "unsigned":$k, "llvm::ArrayRef<int64_t>":$shape), "", [{ return false; }]>,
  ];
}

def Disco_KernelOpInterface : OpInterface<"KernelOpInterface"> {
  let cppNamespace = "::disco";
  let description = [{How an op of a planned shard is emitted: one call of a kernel of the runtime stub.}];
  let methods = [
    InterfaceMethod<[{
      The kernels that can compute the op on a node (null: any), on the shapes that it has there; of equal costs the first is taken. Empty:
      there is one way, and nothing to choose. `describeKernel` emits what `disco.kernel` says.
    }], "llvm::SmallVector<disco::KernelChoice>", "getKernelChoices", (ins "disco::NodeAttr":$node), "",
    [{ return llvm::SmallVector<disco::KernelChoice>(); }]>,
    InterfaceMethod<[{
      Whether a kernel computes the op where its operands and its result lie as given (null: by rows, as constants do).
      `disco-assign-layouts` asks, and gives an op that takes none of them copies by rows.
    }], "bool", "takesLayouts", (ins "llvm::ArrayRef<disco::PhysicalAttr>":$operands, "disco::PhysicalAttr":$result), "",
    [{ return !result && llvm::none_of(operands, [](disco::PhysicalAttr operand) { return bool(operand); }); }]>,
    InterfaceMethod<"Fills in the kernel's name, its compile-time parameters and its operands.", "void",
                    "describeKernel", (ins "disco::KernelCall &":$call)>,
  ];
}

#endif // DISCO_INTERFACES_TD
