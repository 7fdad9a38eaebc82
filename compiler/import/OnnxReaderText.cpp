//===- OnnxReaderText.cpp - messages and names of the reader --------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxReaderImpl.h"

#include "compiler/formats/Printable.h"

using namespace discoc::importer;
using discoc::maxShownName, discoc::utf8Length;

namespace {

/// A damaged file can be wrong in a million places.
constexpr size_t maxErrors = 20;

} // namespace

bool ReadContext::error(std::string message, std::string advice) {
  if (errors.size() < maxErrors)
    errors.push_back({std::move(message), std::move(advice), path, opName, opType, opset});
  return false;
}

bool ReadContext::errorAt(const Op &op, std::string message, std::string advice) {
  opName = op.name;
  opType = op.type;
  opset = op.opset;
  error(std::move(message), std::move(advice));
  opName.clear();
  opType.clear();
  opset = 0;
  return false;
}

std::string discoc::importer::quote(std::string_view text) {
  return "'" + discoc::printable(text, maxShownName) + "'";
}

std::string discoc::importer::dimsText(const std::vector<int64_t> &dims) {
  if (dims.empty())
    return "scalar";
  std::string text;
  for (size_t i = 0; i < dims.size() && i < 16; ++i)
    text += (i != 0 ? "x" : "") + std::to_string(dims[i]);
  return dims.size() > 16 ? text + "x..." : text;
}

bool discoc::importer::isCleanName(std::string_view name) {
  while (!name.empty()) {
    size_t length = utf8Length(name);
    if (const auto byte = static_cast<unsigned char>(name[0]);
        length == 0 || byte < 0x20 || byte == 0x7f)
      return false;
    name.remove_prefix(length);
  }
  return true;
}

std::string discoc::importer::normalDomain(const std::string &domain) {
  return domain == "ai.onnx" ? "" : domain;
}

bool discoc::importer::dimsFit(const std::vector<int64_t> &dims, ElemType type) {
  // Zero dims are skipped: code that multiplies in another order must not
  // overflow before it meets the zero.
  int64_t bits = elemTypeBits(type) == 0 ? 8 : elemTypeBits(type);
  for (int64_t dim : dims)
    if (dim != 0 && __builtin_mul_overflow(bits, dim, &bits))
      return false;
  return true;
}
