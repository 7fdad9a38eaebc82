//===- ElementType.cpp - numpy's words for element types ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/ElementType.h"
#include "compiler/formats/JsonParts.h"

namespace discoc {

static constexpr ElementInfo table[] = {
    {ElementType::F32, "float32", "<f4", 4}, {ElementType::U8, "uint8", "|u1", 1},
    {ElementType::I8, "int8", "|i1", 1},     {ElementType::U16, "uint16", "<u2", 2},
    {ElementType::I16, "int16", "<i2", 2},   {ElementType::I32, "int32", "<i4", 4},
    {ElementType::I64, "int64", "<i8", 8},   {ElementType::Bool, "bool", "|b1", 1},
    {ElementType::F16, "float16", "<f2", 2}, {ElementType::F64, "float64", "<f8", 8},
    {ElementType::U32, "uint32", "<u4", 4},  {ElementType::U64, "uint64", "<u8", 8},
};

const ElementInfo *elementInfo(ElementType type) {
  for (const ElementInfo &info : table)
    if (info.type == type)
      return &info;
  return nullptr;
}

const ElementInfo *elementInfo(const std::string &name) {
  for (const ElementInfo &info : table)
    if (name == info.name)
      return &info;
  return nullptr;
}

const ElementInfo *elementInfoOfNpy(const std::string &descr) {
  for (const ElementInfo &info : table)
    if (descr == info.npy ||
        (info.bytes == 1 && descr.size() == 3 && descr.substr(1) == info.npy + 1))
      return &info;
  return nullptr;
}

bool readType(const JsonView &view, std::string &type) {
  if (!view.read(type))
    return false;
  return elementInfo(type) || view.fault("unknown element type \"" + type + "\"",
                                         "use numpy's words: float32, float16, uint8, int64, ...");
}

} // namespace discoc
