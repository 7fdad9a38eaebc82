//===- Converters.h - which converter an ONNX op has ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_CONVERTERS_H
#define DISCOC_IMPORT_CONVERTERS_H

#include "compiler/import/OpImport.h"
#include "llvm/ADT/StringMap.h"

namespace disco::importing {

/// Sets of element types.
enum TypeSet : unsigned {
  kFloats = 1,
  kSigned = 2,
  kUnsigned = 4,
  kBool = 8,
  kConstants = 16, ///< types that only constants have: 4-bit integers and bfloat16
};
inline constexpr unsigned kNumbers = kFloats | kSigned | kUnsigned,
                          kAny = kNumbers | kBool | kConstants;

inline constexpr size_t kVariadic = SIZE_MAX;

/// A converter and what is checked before it is called.
struct Converter {
  mlir::LogicalResult (*convert)(OpImport &);
  size_t minInputs, maxInputs, maxOutputs;
  unsigned types = kAny; ///< of input 0
  size_t same = 1;       ///< that many leading inputs share its type
};

using ConverterTable = llvm::StringMap<Converter>;

void addContractions(ConverterTable &table);
void addConvTranspose(ConverterTable &table);
void addElementwise(ConverterTable &table);
void addShapes(ConverterTable &table);
void addMovement(ConverterTable &table);
void addWindows(ConverterTable &table);
void addNormalise(ConverterTable &table);
void addResize(ConverterTable &table);
void addQuantized(ConverterTable &table);
void addGather(ConverterTable &table);
void addScatter(ConverterTable &table);
void addOrder(ConverterTable &table);
void addEinsum(ConverterTable &table);
void addLoss(ConverterTable &table);
void addRecurrent(ConverterTable &table);
void addDetect(ConverterTable &table);
void addAttention(ConverterTable &table);
void addRuntimeAttention(ConverterTable &table);
void addNBits(ConverterTable &table);
void addSignal(ConverterTable &table);

} // namespace disco::importing

#endif // DISCOC_IMPORT_CONVERTERS_H
