//===- ElementType.cpp - numpy's words for element types ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/ElementType.h"
#include "compiler/formats/JsonParts.h"

namespace discoc {

static constexpr ElementInfo table[] = {
    {ElementType::Undefined, "undefined", 0, nullptr, nullptr, nullptr},
    {ElementType::F32, "float", 32, "float32", "<f4", "float"},
    {ElementType::U8, "uint8", 8, "uint8", "|u1", "uint8_t"},
    {ElementType::I8, "int8", 8, "int8", "|i1", "int8_t"},
    {ElementType::U16, "uint16", 16, "uint16", "<u2", "uint16_t"},
    {ElementType::I16, "int16", 16, "int16", "<i2", "int16_t"},
    {ElementType::I32, "int32", 32, "int32", "<i4", "int32_t"},
    {ElementType::I64, "int64", 64, "int64", "<i8", "int64_t"},
    {ElementType::String, "string", 0, nullptr, nullptr, nullptr},
    {ElementType::Bool, "bool", 8, "bool", "|b1", "bool"},
    {ElementType::F16, "float16", 16, "float16", "<f2", "disco::f16"},
    {ElementType::F64, "double", 64, "float64", "<f8", "double"},
    {ElementType::U32, "uint32", 32, "uint32", "<u4", "uint32_t"},
    {ElementType::U64, "uint64", 64, "uint64", "<u8", "uint64_t"},
    {ElementType::C64, "complex64", 64, nullptr, nullptr, nullptr},
    {ElementType::C128, "complex128", 128, nullptr, nullptr, nullptr},
    {ElementType::BF16, "bfloat16", 16, nullptr, nullptr, nullptr},
    {ElementType::F8E4M3FN, "float8e4m3fn", 8, nullptr, nullptr, nullptr},
    {ElementType::F8E4M3FNUZ, "float8e4m3fnuz", 8, nullptr, nullptr, nullptr},
    {ElementType::F8E5M2, "float8e5m2", 8, nullptr, nullptr, nullptr},
    {ElementType::F8E5M2FNUZ, "float8e5m2fnuz", 8, nullptr, nullptr, nullptr},
    {ElementType::U4, "uint4", 4, nullptr, nullptr, nullptr},
    {ElementType::I4, "int4", 4, nullptr, nullptr, nullptr},
    {ElementType::F4E2M1, "float4e2m1", 4, nullptr, nullptr, nullptr},
};

const ElementInfo *elementInfo(ElementType type) {
  for (const ElementInfo &info : table)
    if (info.type == type)
      return &info;
  return nullptr;
}

const ElementInfo *elementInfo(const std::string &name) {
  for (const ElementInfo &info : table)
    if (info.name && name == info.name)
      return &info;
  return nullptr;
}

const ElementInfo *elementInfoOfNpy(const std::string &descr) {
  for (const ElementInfo &info : table)
    if (info.npy && (descr == info.npy ||
                     (info.bits == 8 && descr.size() == 3 && descr.substr(1) == info.npy + 1)))
      return &info;
  return nullptr;
}

std::string elemTypeName(ElementType type) {
  const ElementInfo *info = elementInfo(type);
  return info ? info->onnx : "type " + std::to_string(static_cast<int32_t>(type));
}

unsigned elemTypeBits(ElementType type) {
  const ElementInfo *info = elementInfo(type);
  return info ? info->bits : 0;
}

bool readType(const JsonView &view, std::string &type) {
  if (!view.read(type))
    return false;
  return elementInfo(type) || view.fault("unknown element type \"" + type + "\"",
                                         "use numpy's words: float32, float16, uint8, int64, ...");
}

} // namespace discoc
