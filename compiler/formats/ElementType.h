//===- ElementType.h - numpy's words for element types ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_ELEMENTTYPE_H
#define DISCOC_FORMATS_ELEMENTTYPE_H

#include <cstdint>
#include <optional>
#include <string>

namespace discoc {

/// The value is ONNX's TensorProto.DataType.
enum class ElementType : uint8_t {
  F32 = 1,
  U8 = 2,
  I8 = 3,
  U16 = 4,
  I16 = 5,
  I32 = 6,
  I64 = 7,
  Bool = 9,
  F16 = 10,
  F64 = 11,
  U32 = 12,
  U64 = 13,
};

struct ElementInfo {
  ElementType type;
  const char *name; ///< "float32"
  const char *npy;  ///< "<f4", as in an .npy file's header
  int64_t bytes;
};

/// nullptr when there is no such type.
const ElementInfo *elementInfo(ElementType type);
const ElementInfo *elementInfo(const std::string &name);
const ElementInfo *elementInfoOfNpy(const std::string &descr);

} // namespace discoc

#endif // DISCOC_FORMATS_ELEMENTTYPE_H
