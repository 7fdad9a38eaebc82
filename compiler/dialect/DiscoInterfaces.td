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
      when the result cannot be divided along that axis. `operandAxes` are the axes along which the operands are
      divided (-1: not at all); a rule that could name any of several axes of an operand prefers that one.
    }], "std::optional<disco::Division>", "divide",
       (ins "int64_t":$axis, "llvm::ArrayRef<int64_t>":$operandAxes)>,
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
      Why every node computes the whole op although that is work done more than once; empty for ops that are divided, or
      stay at the root. The report says so.
    }], "llvm::StringRef", "getReplication", (ins), "", [{ return llvm::StringRef(); }]>,
    InterfaceMethod<[{
      The axes of its one operand over which the op computes something that nodes can compute of their own channels and
      merge (a sum, a maximum): where the operand is divided along one, such statistics travel instead of features.
    }], "llvm::SmallVector<int64_t>", "getStatisticAxes", (ins), "",
    [{ return llvm::SmallVector<int64_t>(); }]>,
  ];
}

def Disco_ContractionOpInterface : OpInterface<"ContractionOpInterface"> {
  let cppNamespace = "::disco";
  let description = [{An op that sums over the channels of its first operand with constant weights.}];
  let methods = [
    InterfaceMethod<"Where its weights have rows and columns; nothing when its weights are not constant.",
                    "std::optional<disco::Contraction>", "getContraction", (ins)>,
  ];
}

def Disco_CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::disco";
  let description = [{The arithmetic of an op, counted on the shapes that it really has.}];
  let methods = [
    InterfaceMethod<"Multiply-accumulate operations of one execution.", "int64_t", "getMacs", (ins), "",
                    [{ return 0; }]>,
  ];
}

def Disco_KernelOpInterface : OpInterface<"KernelOpInterface"> {
  let cppNamespace = "::disco";
  let description = [{How an op of a planned shard is emitted: one call of a kernel of the runtime stub.}];
  let methods = [
    InterfaceMethod<"Fills in the kernel's name, its compile-time parameters and its operands.", "void",
                    "describeKernel", (ins "disco::KernelCall &":$call)>,
  ];
}

#endif // DISCO_INTERFACES_TD
