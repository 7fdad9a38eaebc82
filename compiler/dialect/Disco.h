//===- Disco.h - the disco dialect ------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_DISCO_H
#define DISCOC_DIALECT_DISCO_H

#include "compiler/dialect/AttributeNames.h"
#include "compiler/dialect/Cost.h"
#include "compiler/dialect/Division.h"
#include "compiler/dialect/KernelChoice.h"
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

namespace mlir {
class OpBuilder;
} // namespace mlir

namespace disco {

struct KernelCall;
class LocalContext;
class StatisticsContext;

/// An operand that a kernel may overwrite with its result.
struct InPlaceOperand {
  mlir::Value value;
  /// No other operand may lie in the same buffer: it is not read element by element.
  bool alone = false;
};

/// Whether two type lists agree in shapes and element types; layouts are not compared.
bool sameShapes(mlir::TypeRange a, mlir::TypeRange b);
/// The default of DivisionOpInterface::localize.
mlir::FailureOr<mlir::Value> localizeByCloning(mlir::Operation *op, LocalContext &context);
/// The default of ContractionOpInterface::buildAddend.
mlir::Value buildAddend(mlir::Operation *op, mlir::OpBuilder &builder, mlir::Value weights,
                        const IndexSet &rows, mlir::ArrayAttr mask, mlir::RankedTensorType type);
/// The default of CostOpInterface::getCost: every operand is read once, the result written once.
Cost costOf(mlir::Operation *op, int64_t macs);

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
/// Bytes that a tensor takes in memory, as it lies there.
int64_t byteSize(mlir::RankedTensorType type);
/// Bytes of its elements alone: what it takes in a message or a file.
int64_t wireBytes(mlir::RankedTensorType type);
/// Bytes of one channel of a tensor, in a message.
int64_t channelBytes(mlir::RankedTensorType type, int64_t axis);
/// Whether a value is a constant of the model.
bool isConstant(mlir::Value value);

/// The kernel that was chosen for an op; null where there is no choice, or none was made.
KernelAttr chosenKernel(mlir::Operation *op);

/// Whether an op is in a module with kExactOrderAttr.
bool inExactOrder(mlir::Operation *op);
/// Whether it is in a module whose kOptimizeAttr is "memory".
bool savesMemory(mlir::Operation *op);

/// Whether an op reads what other nodes send as it arrives: one that is made again of its carrier.
bool readsExchange(mlir::Operation *op);

/// Whether a value is an unchanged view of the bytes of its operand.
bool isView(mlir::Operation *op);
/// Whether a kernel computes an op on tensors that lie as its types say.
bool takesItsLayouts(KernelOpInterface op);

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
