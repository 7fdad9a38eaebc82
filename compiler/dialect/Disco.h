//===- Disco.h - the disco dialect ------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_DISCO_H
#define DISCOC_DIALECT_DISCO_H

#include "compiler/dialect/Division.h"
#include "compiler/formats/ElementType.h"
#include "compiler/formats/IndexSet.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace disco {

struct KernelCall;
class LocalContext;

/// Whether two type lists agree in shapes and element types; layouts are not compared.
bool sameShapes(mlir::TypeRange a, mlir::TypeRange b);
/// The default of DivisionOpInterface::localize.
mlir::FailureOr<mlir::Value> localizeByCloning(mlir::Operation *op, LocalContext &context);

} // namespace disco

#include "compiler/dialect/DiscoDialect.h.inc"
#include "compiler/dialect/DiscoEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/DiscoAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "compiler/dialect/DiscoTypes.h.inc"

#include "compiler/dialect/DiscoInterfaces.h.inc"
#define GET_OP_CLASSES
#include "compiler/dialect/DiscoOps.h.inc"

namespace disco {

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) { return tensorType(value).getShape(); }

/// The owner map in a tensor's type; the tensor must have one.
OwnedAttr ownersOf(mlir::Value value);
/// The layout of a shard's tensor; null for constants.
LocalAttr localOf(mlir::Value value);
/// Extent of a layout's axis: 1 for the pretended axis -1 of a tensor that is not divided.
int64_t axisExtent(mlir::RankedTensorType type, int64_t axis);
/// The same tensor type with another layout (null: none).
mlir::RankedTensorType withLayout(mlir::RankedTensorType type, mlir::Attribute layout);
/// The type of the part of a tensor that has the indices `set` of `axis`, local layout included.
mlir::RankedTensorType localType(mlir::RankedTensorType type, int64_t axis, const IndexSet &set);
/// What files, programs and ONNX call an element type.
const discoc::ElementInfo &elementInfo(mlir::Type element);
/// Bytes of one element; i1 takes a byte.
int64_t elementBytes(mlir::Type type);
int64_t byteSize(mlir::RankedTensorType type);
/// Bytes of one channel of a tensor.
int64_t channelBytes(mlir::RankedTensorType type, int64_t axis);
/// Whether a value is a constant of the model.
bool isConstant(mlir::Value value);

/// Name of the attribute that carries the ONNX name of an op's result.
inline constexpr llvm::StringLiteral kTensorAttr = "disco.tensor";
/// Name of the attribute that carries a stated owner map of an op's result.
inline constexpr llvm::StringLiteral kOwnersAttr = "disco.owners";
/// Name of the attribute that carries a stated mask of a contraction.
inline constexpr llvm::StringLiteral kStatedMaskAttr = "disco.stated_mask";
/// Name of the attribute of a module that says for how many nodes it is compiled.
inline constexpr llvm::StringLiteral kNodesAttr = "disco.nodes";
/// Name of the attribute of a shard's module that says which node it is for.
inline constexpr llvm::StringLiteral kRankAttr = "disco.rank";
/// Name of the attribute of an op of a planned shard that gives the arena offsets of its results.
inline constexpr llvm::StringLiteral kOffsetsAttr = "disco.offsets";

/// Name of the attribute of an op whose result travels as something else than features: the kind of
/// its routes.
inline constexpr llvm::StringLiteral kRouteKindAttr = "disco.route_kind";

/// Name of the attribute of an op that every node computes on purpose: why, for the report.
inline constexpr llvm::StringLiteral kReplicatedAttr = "disco.replicated";
/// Name of the attribute of a contraction some of whose columns are summed elsewhere: its mask
/// before.
inline constexpr llvm::StringLiteral kFullMaskAttr = "disco.full_mask";
/// Name of the attribute of a module in which no node sums for another.
inline constexpr llvm::StringLiteral kFeaturesOnlyAttr = "disco.features_only";
/// Name of the attribute of a module each of whose sums has one order, whatever the number of
/// nodes.
inline constexpr llvm::StringLiteral kExactOrderAttr = "disco.exact_order";
/// Whether an op is in such a module.
bool inExactOrder(mlir::Operation *op);

/// Whether an op reads what other nodes send as it arrives: a dequantisation of integers that
/// travel in their stead.
bool readsExchange(mlir::Operation *op);

/// Name of the attribute of what a node computes of a grouped convolution: how many groups the
/// whole one has. Weights number their columns within a group.
inline constexpr llvm::StringLiteral kGroupsAttr = "disco.groups";

/// Name of the attribute of a part of a contraction that reads a received tensor under the channel
/// names that it had before it was renamed: those names, one a column.
inline constexpr llvm::StringLiteral kOriginsAttr = "disco.origins";

/// A scalar function of a constant.
std::optional<double> evaluateUnary(UnaryKind kind, double x, double alpha, double beta);
/// Calls back with the index of every element of x, of its scale and of its zero point.
void forEachScaled(mlir::Operation *op, mlir::Value x, mlir::Value scale, mlir::Value zero,
                   llvm::function_ref<void(int64_t, int64_t, int64_t)> callback);

/// The ONNX name of the tensor that a value stands for; empty when unknown.
llvm::StringRef tensorName(mlir::Value value);
/// The ONNX op that an operation comes from, as `name` from its location.
std::string opName(mlir::Operation *op);
/// `Conv, opset 13` from the location; empty when unknown.
std::string opDescription(mlir::Operation *op);

} // namespace disco

#endif // DISCOC_DIALECT_DISCO_H
