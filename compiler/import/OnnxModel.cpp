//===- OnnxModel.cpp - an ONNX model as plain C++ structures --------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxModel.h"

#include "compiler/formats/Printable.h"

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

int64_t Model::defaultOpset() const {
  auto it = opsets.find("");
  return it == opsets.end() ? 0 : it->second;
}
