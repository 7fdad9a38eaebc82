//===- ElementType.h - the one table of element types -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_ELEMENTTYPE_H
#define DISCOC_FORMATS_ELEMENTTYPE_H

#include <cstdint>
#include <string>

namespace discoc {

/// The value is ONNX's TensorProto.DataType.
enum class ElementType : int32_t {
  Undefined = 0,
  F32 = 1,
  U8 = 2,
  I8 = 3,
  U16 = 4,
  I16 = 5,
  I32 = 6,
  I64 = 7,
  String = 8,
  Bool = 9,
  F16 = 10,
  F64 = 11,
  U32 = 12,
  U64 = 13,
  C64 = 14,
  C128 = 15,
  BF16 = 16,
  F8E4M3FN = 17,
  F8E4M3FNUZ = 18,
  F8E5M2 = 19,
  F8E5M2FNUZ = 20,
  U4 = 21,
  I4 = 22,
  F4E2M1 = 23,
};

struct ElementInfo {
  ElementType type;
  const char *onnx; ///< ONNX's word, such as "float"
  unsigned bits;    ///< of one element, 0 of strings
  const char
      *name; ///< numpy's word, such as "float32"; null: no tensor of a program has such elements
  const char *npy; ///< as in an .npy file's header, such as "<f4"; null likewise
  const char *cpp; ///< the type in emitted programs, such as "float"; null likewise

  int64_t bytes() const { return bits / 8; }
};

/// nullptr when ONNX has no such type.
const ElementInfo *elementInfo(ElementType type);
/// By numpy's word; nullptr when there is no such type.
const ElementInfo *elementInfo(const std::string &name);
const ElementInfo *elementInfoOfNpy(const std::string &descr);

/// ONNX's word, or "type N".
std::string elemTypeName(ElementType type);
/// Bits of one element; 0 for strings and unknown types.
unsigned elemTypeBits(ElementType type);

} // namespace discoc

#endif // DISCOC_FORMATS_ELEMENTTYPE_H
