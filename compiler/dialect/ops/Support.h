//===- Support.h - what the files of ops share ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_OPS_SUPPORT_H
#define DISCOC_DIALECT_OPS_SUPPORT_H

#include "compiler/dialect/Disco.h"
#include "compiler/dialect/Evaluate.h"
#include "compiler/dialect/KernelCall.h"
#include "compiler/dialect/LocalContext.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/STLExtras.h"
#include <array>

namespace disco {

using Inferred = llvm::SmallVectorImpl<mlir::Type> &;
using Local = mlir::FailureOr<mlir::Value>;
using Shape = llvm::SmallVector<int64_t>;

inline mlir::RankedTensorType typeOf(mlir::Value value) { return tensorType(value); }
inline int64_t rankOf(mlir::Value value) { return static_cast<int64_t>(shapeOf(value).size()); }

//===----------------------------------------------------------------------===//
// Result types
//===----------------------------------------------------------------------===//

/// The one result type of an op.
mlir::LogicalResult infer(Inferred types, llvm::ArrayRef<int64_t> shape, mlir::Type element);

/// An error when a tensor of some rank does not have the axis.
mlir::LogicalResult checkAxis(std::optional<mlir::Location> loc, int64_t axis, size_t rank);

/// The spatial shape of a convolution or of pooling.
mlir::LogicalResult windowedShape(std::optional<mlir::Location> loc, llvm::ArrayRef<int64_t> in,
                                  llvm::ArrayRef<int64_t> kernel, llvm::ArrayRef<int64_t> strides,
                                  llvm::ArrayRef<int64_t> pads, llvm::ArrayRef<int64_t> dilations,
                                  bool ceilMode, llvm::SmallVectorImpl<int64_t> &out);

/// Multidirectional broadcasting; failure when extents differ and neither is 1.
mlir::LogicalResult broadcast(std::optional<mlir::Location> loc, llvm::ArrayRef<int64_t> a,
                              llvm::ArrayRef<int64_t> b, llvm::SmallVectorImpl<int64_t> &out);

//===----------------------------------------------------------------------===//
// Folding
//===----------------------------------------------------------------------===//

/// Row-major strides of a shape, in elements.
llvm::SmallVector<int64_t> stridesOf(llvm::ArrayRef<int64_t> shape);

/// Calls back with every index of a shape, in row-major order.
void forEachIndex(llvm::ArrayRef<int64_t> shape,
                  llvm::function_ref<void(int64_t, llvm::ArrayRef<int64_t>)> callback);

/// The linear index of a broadcast operand that belongs to an index of the result.
int64_t broadcastIndex(llvm::ArrayRef<int64_t> index, llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<int64_t> strides);

/// Copies elements of the operand x, whose value is `value`: `source` gives the operand's linear
/// index for each index of the result. Along the axes of extent 1 in `stored` the elements of the
/// result are all the same. Nothing when the copy would be larger than x and `otherElements`.
mlir::OpFoldResult
moveElements(mlir::Operation *op, mlir::ElementsAttr value, mlir::Value x,
             llvm::ArrayRef<int64_t> stored, int64_t otherElements,
             llvm::function_ref<int64_t(int64_t, llvm::ArrayRef<int64_t>)> source);

/// Whether elements of a type are floating point.
bool isReal(mlir::Type element);

//===----------------------------------------------------------------------===//
// Division
//===----------------------------------------------------------------------===//

/// The need of an operand that is broadcast to the result.
OperandNeed broadcastNeed(mlir::Value operand, mlir::Value result, int64_t axis);

/// The division of an op that computes each element from those of the same place.
Divisions elementwise(mlir::Operation *op, int64_t axis);

/// Whether the operands of such an op have the result's shape together still when operand `k` has a
/// smaller one.
bool broadcastsTo(mlir::Operation *op, unsigned k, llvm::ArrayRef<int64_t> smaller);

/// Every operand along the same axis, index by index.
Divisions sameAxis(mlir::Operation *op, int64_t axis);

//===----------------------------------------------------------------------===//
// What one node computes
//===----------------------------------------------------------------------===//

/// Channel i of the result is channel `channels[i]` of the source; nothing to do when that is every
/// channel in order.
mlir::Value reorder(LocalContext &context, mlir::Operation *op, mlir::Value source, int64_t axis,
                    llvm::ArrayRef<int64_t> channels, mlir::RankedTensorType type);

/// The order in which a node's indices of a relabelled axis lie in its local operand.
llvm::SmallVector<int64_t> localOrder(const Relation &relation, const IndexSet &set);

//===----------------------------------------------------------------------===//
// Kernel calls
//===----------------------------------------------------------------------===//

/// The number of elements of a shape.
int64_t product(llvm::ArrayRef<int64_t> extents);

/// Up to three spatial values, missing leading ones filled.
std::array<int64_t, 3> spatial(llvm::ArrayRef<int64_t> values, int64_t missing);
void addSpatial(KernelCall &call, llvm::StringRef letter, bool before,
                llvm::ArrayRef<int64_t> values, int64_t missing);

/// The extents, window, strides, pads and dilations of a windowed op.
void addWindow(KernelCall &call, mlir::Value x, mlir::Value y, llvm::ArrayRef<int64_t> kernel,
               llvm::ArrayRef<int64_t> strides, llvm::ArrayRef<int64_t> pads,
               llvm::ArrayRef<int64_t> dilations);

/// What lies outside and inside of an axis of a shape.
void addOuterInner(KernelCall &call, llvm::ArrayRef<int64_t> shape, int64_t axis);

/// y[i...] = x[offset + sum of i * strides], dimensions joined where they can be.
void addStrided(KernelCall &call, mlir::Value y, mlir::Value x, llvm::ArrayRef<int64_t> shape,
                llvm::ArrayRef<int64_t> strides, int64_t offset);

/// Whether a tensor of an op does not lie by rows: a kernel of any_layout.h computes it then.
bool liesOtherwise(mlir::Operation *op);
/// Whether all tensors of an op lie by rows.
bool byRows(llvm::ArrayRef<PhysicalAttr> operands, PhysicalAttr result);
/// Whether all tensors of an op are floating point.
bool isRealThroughout(mlir::Operation *op);

/// What kernels of any_layout.h want to know of y and of operands that are broadcast to its shape.
void addPlaces(KernelCall &call, mlir::Value y,
               llvm::ArrayRef<std::pair<llvm::StringRef, mlir::Value>> operands);
/// The same of tensors [N, C, spatial...], by batch, channel and three spatial indices; null
/// operands are left out.
void addImagePlaces(KernelCall &call, mlir::Value y,
                    llvm::ArrayRef<std::pair<llvm::StringRef, mlir::Value>> operands);
/// assemble_any: index i of y's axis is index channels[i] of inputs[sources[i]].
void addAssembled(KernelCall &call, mlir::Value y, int64_t axis, mlir::ValueRange inputs,
                  llvm::ArrayRef<int64_t> sources, llvm::ArrayRef<int64_t> channels);

/// A broadcast view of some operands with as few dimensions as possible.
struct BroadcastView {
  Shape shape;
  llvm::SmallVector<Shape> strides; // by operand

  BroadcastView(llvm::ArrayRef<int64_t> result, mlir::ValueRange operands);
};

} // namespace disco

#endif // DISCOC_DIALECT_OPS_SUPPORT_H
