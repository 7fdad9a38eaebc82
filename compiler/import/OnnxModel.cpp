//===- OnnxModel.cpp - an ONNX model as plain C++ structures --------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxModel.h"

#include "compiler/formats/Printable.h"

#include <algorithm>

using namespace discoc::importer;
using discoc::maxShownName, discoc::maxShownText, discoc::printable;

std::string Diagnostic::str() const {
  std::string text;
  if (!file.empty())
    text += file + ": ";
  if (!opName.empty()) {
    text += "op '" + printable(opName, maxShownName) + "' (" + printable(opType, maxShownName);
    if (opset != 0)
      text += ", opset " + std::to_string(opset);
    text += "): ";
  }
  text += message;
  if (!advice.empty())
    text += "; " + advice;
  return printable(text, maxShownText);
}

std::string discoc::importer::elemTypeName(ElemType type) {
  switch (type) {
  case ElemType::Undefined: return "undefined";
  case ElemType::F32: return "float";
  case ElemType::U8: return "uint8";
  case ElemType::I8: return "int8";
  case ElemType::U16: return "uint16";
  case ElemType::I16: return "int16";
  case ElemType::I32: return "int32";
  case ElemType::I64: return "int64";
  case ElemType::String: return "string";
  case ElemType::Bool: return "bool";
  case ElemType::F16: return "float16";
  case ElemType::F64: return "double";
  case ElemType::U32: return "uint32";
  case ElemType::U64: return "uint64";
  case ElemType::C64: return "complex64";
  case ElemType::C128: return "complex128";
  case ElemType::BF16: return "bfloat16";
  case ElemType::F8E4M3FN: return "float8e4m3fn";
  case ElemType::F8E4M3FNUZ: return "float8e4m3fnuz";
  case ElemType::F8E5M2: return "float8e5m2";
  case ElemType::F8E5M2FNUZ: return "float8e5m2fnuz";
  case ElemType::U4: return "uint4";
  case ElemType::I4: return "int4";
  case ElemType::F4E2M1: return "float4e2m1";
  }
  return "type " + std::to_string(static_cast<int32_t>(type));
}

unsigned discoc::importer::elemTypeBits(ElemType type) {
  switch (type) {
  case ElemType::Undefined:
  case ElemType::String: return 0;
  case ElemType::U4:
  case ElemType::I4:
  case ElemType::F4E2M1: return 4;
  case ElemType::U8:
  case ElemType::I8:
  case ElemType::Bool:
  case ElemType::F8E4M3FN:
  case ElemType::F8E4M3FNUZ:
  case ElemType::F8E5M2:
  case ElemType::F8E5M2FNUZ: return 8;
  case ElemType::U16:
  case ElemType::I16:
  case ElemType::F16:
  case ElemType::BF16: return 16;
  case ElemType::F32:
  case ElemType::I32:
  case ElemType::U32: return 32;
  case ElemType::F64:
  case ElemType::I64:
  case ElemType::U64:
  case ElemType::C64: return 64;
  case ElemType::C128: return 128;
  }
  return 0;
}

std::string_view discoc::importer::attributeKindName(Attribute::Kind kind) {
  static constexpr std::string_view names[] = {
      "UNDEFINED",      "FLOAT",      "INT",        "STRING",  "TENSOR", "GRAPH",
      "FLOATS",         "INTS",       "STRINGS",    "TENSORS", "GRAPHS", "SPARSE_TENSOR",
      "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"};
  auto index = static_cast<size_t>(kind);
  return index < std::size(names) ? names[index] : "UNKNOWN";
}

int64_t Tensor::elementCount() const {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

const Attribute *Op::findAttribute(std::string_view attributeName) const {
  for (const Attribute &attribute : attributes)
    if (attribute.name == attributeName)
      return &attribute;
  return nullptr;
}

bool Op::hasSubgraph() const {
  return std::any_of(attributes.begin(), attributes.end(), [](const Attribute &attribute) {
    return attribute.kind == Attribute::Kind::Graph || attribute.kind == Attribute::Kind::Graphs;
  });
}

int64_t Model::defaultOpset() const {
  auto it = opsets.find("");
  return it == opsets.end() ? 0 : it->second;
}
