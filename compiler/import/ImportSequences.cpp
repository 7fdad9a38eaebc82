//===- ImportSequences.cpp - sequences of tensors -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// A sequence whose length is known is a list of tensors here, and nothing when the model runs.
#include "compiler/import/ModelImport.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

static constexpr StringLiteral kSequenceOps[] = {
    "ConcatFromSequence", "SequenceAt",     "SequenceConstruct", "SequenceEmpty",
    "SequenceErase",      "SequenceInsert", "SequenceLength",    "SplitToSequence"};

bool ModelImport::isSequenceOp(StringRef type) { return llvm::is_contained(kSequenceOps, type); }

namespace {
using List = std::vector<ImportedTensor>;

/// One op of sequences; results are noted under the names of its outputs.
class SequenceImport {
public:
  SequenceImport(ModelImport &model, OpImport &op) : model(model), op(op) {}

  LogicalResult run();

private:
  /// Input i, which must be a sequence; null after an error.
  const List *list(size_t i);
  LogicalResult setList(List list);
  LogicalResult setTensor(const ImportedTensor &tensor);
  /// The position that input i states, from -size to `last`; `missing` when it is left out.
  std::optional<int64_t> position(size_t i, int64_t size, int64_t last, int64_t missing);
  LogicalResult construct();
  LogicalResult at();
  LogicalResult insert();
  LogicalResult erase();
  LogicalResult split();
  List parts(Value x, int64_t axis, ArrayRef<int64_t> sizes, bool keepdims);
  LogicalResult concat();

  ModelImport &model;
  OpImport &op;
};
} // namespace

const List *SequenceImport::list(size_t i) {
  ImportedTensor *tensor = op.hasInput(i) ? model.find(op.op.inputs[i]) : nullptr;
  if (tensor && tensor->sequence)
    return tensor->sequence.get();
  (void)op.error("input " + Twine(i) + " must be a sequence of tensors");
  return nullptr;
}

LogicalResult SequenceImport::setList(List list) {
  ImportedTensor tensor;
  tensor.sequence = std::make_shared<List>(std::move(list));
  return setTensor(tensor);
}

LogicalResult SequenceImport::setTensor(const ImportedTensor &tensor) {
  if (op.hasFailed())
    return failure();
  if (!op.op.outputs.empty() && !op.op.outputs[0].empty())
    model.define(op.op.outputs[0], tensor);
  return success();
}

std::optional<int64_t> SequenceImport::position(size_t i, int64_t size, int64_t last,
                                                int64_t missing) {
  std::optional<Ints> given = op.hasInput(i) ? op.constantInts(i, "position") : Ints{missing};
  if (!given)
    return std::nullopt;
  if (given->size() == 1 && given->front() >= -size && given->front() <= last)
    return given->front() < 0 ? given->front() + size : given->front();
  (void)op.error("the position " + shapeText(*given) + " is outside a sequence of " + Twine(size) +
                 " tensors");
  return std::nullopt;
}

LogicalResult SequenceImport::construct() {
  List list;
  for (size_t i = 0; i < op.op.inputs.size(); ++i) {
    if (!op.input(i))
      return op.error("input " + Twine(i) + " must be a tensor");
    list.push_back(*model.find(op.op.inputs[i]));
  }
  return setList(std::move(list));
}

LogicalResult SequenceImport::at() {
  const List *all = list(0);
  const int64_t size = all ? static_cast<int64_t>(all->size()) : 0;
  std::optional<int64_t> at = all ? position(1, size, size - 1, 0) : std::nullopt;
  return at ? setTensor((*all)[static_cast<size_t>(*at)]) : failure();
}

LogicalResult SequenceImport::insert() {
  const List *all = list(0);
  if (!all || !op.input(1))
    return op.error("input 1 must be a tensor");
  const auto size = static_cast<int64_t>(all->size());
  std::optional<int64_t> at = position(2, size, size, size);
  if (!at)
    return failure();
  List longer = *all;
  longer.insert(longer.begin() + *at, *model.find(op.op.inputs[1]));
  return setList(std::move(longer));
}

LogicalResult SequenceImport::erase() {
  const List *all = list(0);
  const int64_t size = all ? static_cast<int64_t>(all->size()) : 0;
  std::optional<int64_t> at = all ? position(1, size, size - 1, size - 1) : std::nullopt;
  if (!at)
    return failure();
  List shorter = *all;
  shorter.erase(shorter.begin() + *at);
  return setList(std::move(shorter));
}

LogicalResult SequenceImport::split() {
  Value x = op.input(0);
  std::optional<int64_t> axis = op.normalAxis(op.integer("axis", 0), op.rank(x));
  bool keepdims = op.flag("keepdims", true) || op.hasInput(1);
  std::optional<Ints> sizes = op.hasInput(1) ? op.constantInts(1, "split") : Ints{1};
  if (op.hasFailed() || !axis || !sizes)
    return failure();
  const int64_t extent = op.shape(x)[*axis];
  if (!op.hasInput(1) || op.rank(op.input(1)) == 0) {
    const int64_t size = sizes->front();
    if (size < 1)
      return op.error("splits into parts of " + Twine(size));
    sizes->clear();
    for (int64_t at = 0; at < extent; at += size)
      sizes->push_back(std::min(size, extent - at));
  }
  int64_t total = 0;
  for (int64_t size : *sizes)
    total = size < 0 || size > extent - total ? extent + 1 : total + size;
  if (total != extent)
    return op.error("the parts " + shapeText(*sizes) + " do not fit an axis of " + Twine(extent));
  return setList(parts(x, *axis, *sizes, keepdims));
}

/// Parts of these sizes, or single entries without the axis.
List SequenceImport::parts(Value x, int64_t axis, ArrayRef<int64_t> sizes, bool keepdims) {
  List parts;
  int64_t at = 0;
  for (int64_t size : sizes) {
    Ints starts(op.shape(x).size(), 0), ones(op.shape(x).size(), 1), shape(op.shape(x));
    starts[axis] = size == 0 ? 0 : at;
    shape[axis] = size;
    ImportedTensor part;
    part.value = op.slice(x, starts, ones, shape);
    shape.erase(shape.begin() + axis);
    if (!keepdims)
      part.value = op.reshape(part.value, shape);
    part.type = op.inputType(0);
    parts.push_back(part);
    at += size;
  }
  return parts;
}

LogicalResult SequenceImport::concat() {
  const List *all = list(0);
  bool isNew = op.flag("new_axis");
  int64_t given = op.integer("axis", 0);
  if (!all || all->empty())
    return op.error("has no tensors to concatenate");
  Values values;
  for (ImportedTensor tensor : *all) {
    model.materialise(tensor);
    values.push_back(tensor.value);
  }
  std::optional<int64_t> axis = op.normalAxis(given, op.rank(values[0]) + isNew);
  if (!axis)
    return failure();
  for (Value &value : values) {
    Ints shape(op.shape(value));
    if (isNew && *axis <= static_cast<int64_t>(shape.size())) {
      shape.insert(shape.begin() + *axis, 1);
      value = op.reshape(value, shape);
    }
  }
  return op.resultOfType(op.concat(values, *axis), all->front().type);
}

LogicalResult SequenceImport::run() {
  StringRef type = op.op.type;
  if (type == "SequenceConstruct")
    return construct();
  if (type == "SequenceEmpty")
    return op.ignore({"dtype"}), setList({});
  if (type == "SequenceAt")
    return at();
  if (type == "SequenceInsert")
    return insert();
  if (type == "SequenceErase")
    return erase();
  if (type == "SplitToSequence")
    return split();
  if (type == "ConcatFromSequence")
    return concat();
  const List *all = list(0);
  if (!all)
    return failure();
  if (type == "Identity")
    return setList(*all);
  return op.result(op.integersOf({}, ArrayRef<int64_t>{static_cast<int64_t>(all->size())}));
}

LogicalResult ModelImport::importSequenceOp(OpImport &op) {
  LogicalResult done = SequenceImport(*this, op).run();
  return succeeded(done) ? op.checkAttributesRead() : failure();
}
