//===- KernelPlaces.cpp - how emitted code finds an element ---------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/KernelCall.h"
#include "compiler/dialect/PhysicalLayout.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace disco;

static std::string scaled(const std::string &index, int64_t factor) {
  return factor == 1 ? index : index + " * " + std::to_string(factor);
}

/// Adds what an axis contributes to an offset: a term for each of its dimensions with more than one
/// step, and a constant.
static void addAxis(const PhysicalLayout &layout, int64_t axis, const std::string &index,
                    SmallVectorImpl<std::string> &terms, int64_t &constant) {
  SmallVector<PhysicalDim> dims;
  for (const PhysicalDim &dim : layout.getDims())
    if (dim.axis == axis)
      dims.push_back(dim);
  const int64_t border = layout.getBorder(axis);
  if (dims.size() == 1) {
    terms.push_back(scaled(index, dims.front().stride));
    constant += border * dims.front().stride;
    return;
  }
  const std::string place = border ? "(" + index + " + " + std::to_string(border) + ")" : index;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    std::string term = place;
    if (i > 0)
      term += " % " + std::to_string(dims[i - 1].unit);
    if (dim.unit > 1)
      term += " / " + std::to_string(dim.unit);
    terms.push_back(scaled(term, dim.stride));
  }
}

std::string KernelCall::offsetText(StringRef name, RankedTensorType type,
                                   ArrayRef<std::string> indices) {
  PhysicalLayout layout(type);
  SmallVector<std::string> terms;
  int64_t constant = 0;
  for (auto [i, index] : llvm::enumerate(indices)) {
    auto axis = static_cast<int64_t>(i);
    if (index.empty() || layout.getShape()[i] == 1) {
      constant += layout.getShape()[i] == 0 ? 0 : layout.offsetsAlong(axis).front();
      continue;
    }
    std::string place = index;
    if (axis == layout.getOrderAxis()) {
      table((name + "_place").str(), layout.getPlaces());
      place = ("(ptrdiff_t)" + name + "_place(" + index + ")").str();
    }
    addAxis(layout, axis, place, terms, constant);
  }
  if (constant != 0 || terms.empty())
    terms.push_back(std::to_string(constant));
  return llvm::join(terms, " + ");
}

/// Whether an expression uses a name.
static bool uses(StringRef text, StringRef name) {
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  for (size_t at = text.find(name); at != StringRef::npos; at = text.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || !isWord(text[at - 1])) && (end == text.size() || !isWord(text[end])))
      return true;
  }
  return false;
}

KernelCall &KernelCall::offsets(StringRef name, ArrayRef<StringRef> parameters,
                                const std::string &text) {
  std::string list;
  for (StringRef parameter : parameters) // a compiler may warn of one that is not used
    list += (list.empty() ? "ptrdiff_t" : ", ptrdiff_t") +
            (uses(text, parameter) ? " " + parameter.str() : std::string());
  return member("static constexpr ptrdiff_t " + name.str() + "(" + list + ") { return " + text +
                "; }");
}
