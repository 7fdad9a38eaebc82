//===- OnnxReaderText.cpp - messages and names of the reader --------------===//
// SPDX-License-Identifier: Apache-2.0

#include "OnnxReaderImpl.h"

#include <cstdio>

using namespace discoc::importer;

namespace {

/// A damaged file can be wrong in a million places.
constexpr size_t maxErrors = 20;
constexpr size_t maxQuoted = 120;

/// Length of the UTF-8 character at the start of \p text; 0 when it is none.
size_t utf8Length(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80)
    return 1;
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  // Overlong forms, surrogates, and what lies above U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

bool isControl(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

/// Quotes are the caller's.
std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    if (result.size() > maxQuoted)
      return result + "...";
    size_t length = utf8Length(text);
    if (length == 0 || isControl(text[0])) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\x%02x", static_cast<unsigned char>(text[0]));
      result += escape;
      length = 1;
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result;
}

} // namespace

bool ReadContext::error(std::string message, std::string advice) {
  if (errors.size() < maxErrors)
    errors.push_back(
        {std::move(message), std::move(advice), path, printable(opName), printable(opType), opset});
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

std::string discoc::importer::quote(std::string_view text) { return "'" + printable(text) + "'"; }

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
    if (length == 0 || isControl(name[0]))
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
