//===- Build.h - making ops whose shapes may be wrong -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DIALECT_BUILD_H
#define DISCOC_DIALECT_BUILD_H

#include "compiler/dialect/Disco.h"
#include "mlir/IR/Builders.h"

namespace disco {

/// Creates an op with an inferred result type. Shapes that do not fit are an error at `loc` and a
/// failure, where OpBuilder::create would end the process. `attrs` need not hold
/// operandSegmentSizes for ops without optional operands.
template <typename OpTy>
mlir::FailureOr<OpTy> createInferred(mlir::OpBuilder &builder, mlir::Location loc,
                                     mlir::ValueRange operands,
                                     llvm::ArrayRef<mlir::NamedAttribute> attrs) {
  mlir::DictionaryAttr dictionary = builder.getDictionaryAttr(attrs);
  typename OpTy::Properties properties;
  auto emitError = [&] { return mlir::emitError(loc); };
  llvm::SmallVector<mlir::Type> types;
  if (failed(OpTy::setPropertiesFromAttr(properties, dictionary, emitError)) ||
      failed(OpTy::inferReturnTypes(builder.getContext(), loc, operands, dictionary, &properties,
                                    {}, types)))
    return mlir::failure();
  mlir::OperationState state(loc, OpTy::getOperationName(), operands, types, attrs);
  return mlir::cast<OpTy>(builder.create(state));
}

/// operandSegmentSizes and the operands of a contraction whose optional ones may be null.
inline llvm::SmallVector<mlir::Value>
contractionOperands(mlir::OpBuilder &builder, mlir::Value x, mlir::Value w, mlir::Value bias,
                    mlir::Value init, mlir::Value residual,
                    llvm::SmallVectorImpl<mlir::NamedAttribute> &attrs) {
  llvm::SmallVector<mlir::Value> operands{x, w};
  llvm::SmallVector<int32_t> segments{1, 1};
  for (mlir::Value optional : {bias, init, residual}) {
    segments.push_back(optional ? 1 : 0);
    if (optional)
      operands.push_back(optional);
  }
  attrs.push_back(builder.getNamedAttr(kSegmentsAttr, builder.getDenseI32ArrayAttr(segments)));
  return operands;
}

/// A value broadcast to a type's shape.
mlir::Value buildExpanded(mlir::OpBuilder &builder, mlir::Location loc, mlir::RankedTensorType type,
                          mlir::Value value);

} // namespace disco

#endif // DISCOC_DIALECT_BUILD_H
