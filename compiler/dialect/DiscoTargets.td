//===- DiscoTargets.td - the devices and links that a module is for -------===//
// SPDX-License-Identifier: Apache-2.0
//
// One attribute of the module, `disco.cluster`, has them all. compiler/dialect/Target.h is how passes ask.
#ifndef DISCO_TARGETS_TD
#define DISCO_TARGETS_TD

include "DiscoDialect.td"

/// One that is written as `name = value` of all its parameters.
class Disco_StructAttr<string name, string attrMnemonic> : Disco_Attr<name, attrMnemonic> {
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Disco_TargetAttr : Disco_StructAttr<"Target", "target"> {
  let summary = "what the code of a node is compiled for, and how fast it is";
  let description = [{
    `levels` are instruction sets by their names, rising: the processor has to have the first, and the last one that it has is used. None:
    what the compiler is told, or the flags of the node's board. `vector` is the bytes of a register of the first level (0: none, or unknown),
    `caches` the bytes of data caches, the nearest first. `clock` is Hz and `cycles` those of one multiply-accumulate, by the name of a kernel
    or by the element type that it multiplies (`f32`, `i8`); what is not known is 0, or absent.
  }];
  let parameters = (ins "mlir::StringAttr":$arch, "mlir::ArrayAttr":$levels, "int64_t":$vector, "mlir::DenseI64ArrayAttr":$caches,
                        "mlir::FloatAttr":$clock, "mlir::DictionaryAttr":$cycles);
}

def Disco_MemoryAttr : Disco_StructAttr<"Memory", "memory"> {
  let summary = "a range of addresses of a board, and the parts of a program that lie there";
  let parameters = (ins "mlir::StringAttr":$name, "mlir::StringAttr":$kind, "int64_t":$address, "int64_t":$size, "mlir::ArrayAttr":$holds);
}

def Disco_PortAttr : Disco_StructAttr<"Port", "port"> {
  let summary = "a way out of a board: payload bytes a second and seconds a packet; 0: unknown";
  let parameters = (ins "mlir::StringAttr":$name, "mlir::StringAttr":$kind, "mlir::FloatAttr":$bandwidth, "mlir::FloatAttr":$latency);
}

def Disco_BoardAttr : Disco_StructAttr<"Board", "board"> {
  let summary = "a kind of device: what its board.toml and its bounds.toml say";
  let description = [{
    `reference` is what finds the board's folder again, for the sources that are copied from there. `status` is `linux` where the program is
    that of hosts. `stack` is in bytes. `toolchain` and `build` are what build files are made of, `bounds` what code and variables take at most.
  }];
  let parameters = (ins "mlir::StringAttr":$name, "mlir::StringAttr":$reference, "mlir::StringAttr":$title, "mlir::StringAttr":$status,
                        "TargetAttr":$target, "mlir::ArrayAttr":$memories, "mlir::ArrayAttr":$ports, "int64_t":$stack,
                        "mlir::DictionaryAttr":$toolchain, "mlir::DictionaryAttr":$build, "mlir::DictionaryAttr":$bounds);
}

def Disco_NodeAttr : Disco_Attr<"Node", "node"> {
  let summary = "a node of the cluster";
  let description = [{
    `device` is its board, or the target of a host. `hops` has two numbers for every node of the cluster: the port (its place among the links
    of this node, -1: none is needed, or TCP) that packets to that node leave by, and the rank of the node at the other end. It is empty where
    nothing travels in packets.
  }];
  let parameters = (ins "mlir::StringAttr":$name, "mlir::StringAttr":$address, "mlir::StringAttr":$listen, "mlir::Attribute":$device,
                        "mlir::DenseI64ArrayAttr":$hops);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Null on a host without a board.
    BoardAttr getBoard() const { return llvm::dyn_cast<BoardAttr>(getDevice()); }
    TargetAttr getTarget() const { return getBoard() ? getBoard().getTarget() : llvm::cast<TargetAttr>(getDevice()); }
  }];
}

def Disco_LinkAttr : Disco_StructAttr<"Link", "link"> {
  let summary = "what joins two nodes, or more at a switch: bytes a second and seconds a message; 0: unknown";
  let description = [{`ends` are ranks, rising; `ports` the names of what each end uses, for a kind of link that has ports. `baud` is of a UART.}];
  let parameters = (ins "mlir::DenseI64ArrayAttr":$ends, "mlir::StringAttr":$kind, "mlir::ArrayAttr":$ports, "mlir::FloatAttr":$bandwidth,
                        "mlir::FloatAttr":$latency, DefaultValuedParameter<"int64_t", "0">:$baud);
}

def Disco_ClusterAttr : Disco_StructAttr<"Cluster", "cluster"> {
  let summary = "the nodes that a module is compiled for, by rank, and what joins them";
  let parameters = (ins "mlir::ArrayAttr":$nodes, "mlir::ArrayAttr":$links);
  let extraClassDeclaration = [{
    int64_t size() const { return static_cast<int64_t>(getNodes().size()); }
    NodeAttr getNode(int64_t rank) const { return llvm::cast<NodeAttr>(getNodes()[rank]); }
  }];
}

def Disco_KernelAttr : Disco_StructAttr<"Kernel", "kernel"> {
  let summary = "the kernel of the runtime stub that computes an op, and the bytes of the arena that it works in meanwhile";
  let parameters = (ins "mlir::StringAttr":$name, "int64_t":$scratch);
}

#endif // DISCO_TARGETS_TD
