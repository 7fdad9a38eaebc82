//===- Target.h - what passes may know of the devices and links -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//
// Everything comes from the module's attribute `disco.cluster`. What nobody has stated is 0, or
// null: a pass then does what is right on any device.
#ifndef DISCOC_DIALECT_TARGET_H
#define DISCOC_DIALECT_TARGET_H

#include "compiler/dialect/Disco.h"
#include "mlir/IR/BuiltinOps.h"

namespace disco {

/// The cluster that an op's module is compiled for; null where it states none.
ClusterAttr clusterOf(mlir::Operation *op);
/// The node that an op's shard is for; null outside shards, and where no cluster is stated.
NodeAttr nodeOf(mlir::Operation *op);

/// Whether nothing but our program runs there: its inputs and outputs have places of their own.
bool isBare(NodeAttr node);
/// Bytes of the memory that holds a part of the program ("arena", "weights", ...); 0: no bound is
/// known.
int64_t memoryBytes(NodeAttr node, llvm::StringRef part);
/// Hz; 0: unknown.
double clockOf(NodeAttr node);
/// Bytes of a vector register that every processor of this target has; 0: none, or unknown.
int64_t vectorBytes(NodeAttr node);
/// Bytes of the data caches, the nearest first; empty: none, or unknown.
llvm::ArrayRef<int64_t> cacheBytes(NodeAttr node);
/// Cycles of one multiply-accumulate of an op: what is stated for its kind, or else for its
/// arithmetic; 0: unknown.
double cyclesOfMac(NodeAttr node, mlir::Operation *op);

/// Payload bytes a second of a link in one direction: what is stated for it, or else the slowest of
/// its ports; 0: unknown.
double bandwidthOf(ClusterAttr cluster, LinkAttr link);
/// One link of the way of packets, and the ranks that it takes them between.
struct WayStep {
  LinkAttr link;
  int64_t from, to;
};
/// The links from one node to another, in order: those that packets pass, or the stated TCP link of
/// the two; none where none is stated.
llvm::SmallVector<WayStep> wayOf(ClusterAttr cluster, int64_t from, int64_t to);
/// Payload bytes a second from one node to another: the slowest link of the way; 0: one is unknown.
double bandwidthBetween(ClusterAttr cluster, int64_t from, int64_t to);
/// Seconds from one node to another beside the bytes: the sum over the way.
double latencyBetween(ClusterAttr cluster, int64_t from, int64_t to);

} // namespace disco

#endif // DISCOC_DIALECT_TARGET_H
