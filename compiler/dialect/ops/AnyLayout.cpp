//===- AnyLayout.cpp - ops on tensors that do not lie by rows -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PhysicalLayout.h"
#include "compiler/dialect/ops/Support.h"

using namespace mlir;
using namespace disco;

bool disco::liesOtherwise(Operation *op) {
  auto lies = [](Value value) { return bool(physicalOf(value)); };
  return llvm::any_of(op->getOperands(), lies) || llvm::any_of(op->getResults(), lies);
}

bool disco::byRows(ArrayRef<PhysicalAttr> operands, PhysicalAttr result) {
  return !result && llvm::none_of(operands, [](PhysicalAttr lies) { return bool(lies); });
}

bool disco::isRealThroughout(Operation *op) {
  auto real = [](Value value) { return isReal(typeOf(value).getElementType()); };
  return llvm::all_of(op->getOperands(), real) && llvm::all_of(op->getResults(), real);
}

static SmallVector<std::string> indexNames(size_t rank) {
  SmallVector<std::string> names;
  for (size_t i = 0; i < rank; ++i)
    names.push_back("i" + std::to_string(i));
  return names;
}

static void addElements(KernelCall &call, Value y) {
  call.constant("y_elements", PhysicalLayout(typeOf(y)).getElements());
}

void disco::addPlaces(KernelCall &call, Value y, ArrayRef<std::pair<StringRef, Value>> operands) {
  SmallVector<std::string> names = indexNames(shapeOf(y).size());
  SmallVector<StringRef> parameters(names.begin(), names.end());
  call.constant("rank", rankOf(y)).array("shape", shapeOf(y));
  addElements(call, y);
  call.offsets("y_at", parameters, call.offsetText("y", typeOf(y), names));
  for (auto [name, operand] : operands) {
    // Trailing axes belong together; one of extent 1 is broadcast.
    ArrayRef<std::string> own = ArrayRef(names).take_back(shapeOf(operand).size());
    call.offsets((name + "_at").str(), parameters, call.offsetText(name, typeOf(operand), own));
  }
}

void disco::addImagePlaces(KernelCall &call, Value y,
                           ArrayRef<std::pair<StringRef, Value>> operands) {
  auto add = [&](StringRef name, Value tensor) {
    SmallVector<std::string> names = {"n", "c"};
    const size_t spatialRank = shapeOf(tensor).size() - 2;
    for (size_t i = 3 - spatialRank; i < 3; ++i)
      names.push_back(std::string(1, "dhw"[i]));
    call.offsets((name + "_at").str(), {"n", "c", "d", "h", "w"},
                 call.offsetText(name, typeOf(tensor), names));
  };
  addElements(call, y);
  add("y", y);
  for (auto [name, operand] : operands)
    if (operand)
      add(name, operand);
}

void disco::addAssembled(KernelCall &call, Value y, int64_t axis, ValueRange inputs,
                         ArrayRef<int64_t> sources, ArrayRef<int64_t> channels) {
  call.use("assemble_any").type("x_t", y).constant("axis", axis);
  call.table("source", sources).table("channel", channels);
  addPlaces(call, y, {});
  SmallVector<std::string> names = indexNames(shapeOf(y).size());
  SmallVector<StringRef> parameters = {"s"};
  parameters.append(names.begin(), names.end());
  SmallVector<std::string> read = names;
  read[static_cast<size_t>(axis)] = "(ptrdiff_t)channel(" + read[static_cast<size_t>(axis)] + ")";
  std::string text;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    std::string number = std::to_string(i),
                offset = call.offsetText("x" + number, typeOf(input), read);
    text += i + 1 < inputs.size() ? "s == " + number + " ? " + offset + " : " : offset;
  }
  call.offsets("x_at", parameters, text);
  call.pointers = {y};
  call.sources.assign(inputs.begin(), inputs.end());
}
