//===- OpImport.cpp - operands and attributes of an ONNX op ---------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/import/OpImport.h"
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Known.h"
#include "compiler/import/ModelImport.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

Type disco::importing::elementType(MLIRContext *context, ElemType type) {
  auto integer = [&](unsigned width, IntegerType::SignednessSemantics sign) -> Type {
    return IntegerType::get(context, width, sign);
  };
  switch (type) {
  case ElemType::F16: return Float16Type::get(context);
  case ElemType::F32: return Float32Type::get(context);
  case ElemType::F64: return Float64Type::get(context);
  case ElemType::Bool: return integer(1, IntegerType::Signless);
  case ElemType::I8: return integer(8, IntegerType::Signless);
  case ElemType::I16: return integer(16, IntegerType::Signless);
  case ElemType::I32: return integer(32, IntegerType::Signless);
  case ElemType::I64: return integer(64, IntegerType::Signless);
  case ElemType::U8: return integer(8, IntegerType::Unsigned);
  case ElemType::U16: return integer(16, IntegerType::Unsigned);
  case ElemType::U32: return integer(32, IntegerType::Unsigned);
  case ElemType::U64: return integer(64, IntegerType::Unsigned);
  default: return {};
  }
}

Type disco::importing::constantType(MLIRContext *context, ElemType type) {
  switch (type) {
  case ElemType::I4: return elementType(context, ElemType::I8);
  case ElemType::U4: return elementType(context, ElemType::U8);
  case ElemType::BF16: return elementType(context, ElemType::F32);
  default: return elementType(context, type);
  }
}

ElemType disco::importing::elemTypeOf(Type element) {
  for (ElemType type :
       {ElemType::F32, ElemType::F64, ElemType::F16, ElemType::Bool, ElemType::I8, ElemType::I16,
        ElemType::I32, ElemType::I64, ElemType::U8, ElemType::U16, ElemType::U32, ElemType::U64})
    if (elementType(element.getContext(), type) == element)
      return type;
  return ElemType::Undefined;
}

static Location opLocation(MLIRContext *context, const OnnxOp &op, const std::string &own) {
  Location name = NameLoc::get(StringAttr::get(context, own));
  auto text = StringAttr::get(context, op.type + ", opset " + std::to_string(op.opset));
  return FusedLoc::get({name}, text, context);
}

OpImport::OpImport(ModelImport &model, const OnnxOp &op)
    : op(op), builder(model.builder), name(model.opNameOf(op.name)),
      loc(opLocation(&model.context, op, name)), model(model) {}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Value OpImport::input(size_t i) {
  if (failed || !hasInput(i))
    return {};
  ImportedTensor *tensor = model.find(op.inputs[i]);
  if (!tensor)
    return {};
  if (tensor->sequence) {
    (void)error("input '" + op.inputs[i] + "' is a sequence of tensors, and must be a tensor");
    return {};
  }
  model.materialise(*tensor);
  return tensor->value;
}

Values OpImport::inputs() {
  // Empty names at the end stand for nothing.
  size_t count = op.inputs.size();
  while (count > 0 && op.inputs[count - 1].empty())
    --count;
  Values values;
  for (size_t i = 0; i < count; ++i)
    values.push_back(input(i));
  return values;
}

Value OpImport::weights(size_t i) {
  if (failed || !hasInput(i))
    return {};
  ImportedTensor *tensor = model.find(op.inputs[i]);
  return tensor ? model.narrowed(*tensor) : Value();
}

ElemType OpImport::inputType(size_t i) const {
  ImportedTensor *tensor = hasInput(i) ? model.find(op.inputs[i]) : nullptr;
  return tensor ? tensor->type : ElemType::Undefined;
}

ArrayRef<int64_t> OpImport::shape(Value value) const {
  return value ? shapeOf(value) : ArrayRef<int64_t>();
}

ElementsAttr OpImport::constant(Value value) {
  auto made = value ? value.getDefiningOp<ConstantOp>() : ConstantOp();
  return made ? cast<ElementsAttr>(made.getValue()) : ElementsAttr();
}

/// More elements than anybody should have to know when compiling.
static constexpr int64_t kMostEvaluated = int64_t(1) << 20;

/// What an op of constants alone gives, in as many elements as it has to have; null when it cannot
/// be folded or has too many.
static Attribute evaluate(Operation *op) {
  SmallVector<Attribute> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(OpImport::constant(operand));
    if (!operands.back())
      operands.back() =
          dyn_cast_or_null<ElementsAttr>(operand.getDefiningOp()->getAttr(kOfConstantsAttr));
    if (!operands.back())
      return {};
  }
  SmallVector<OpFoldResult, 1> folded;
  op->setAttr(kEvaluatedAttr, UnitAttr::get(op->getContext()));
  bool done = succeeded(op->fold(operands, folded)) && folded.size() == 1;
  op->removeAttr(kEvaluatedAttr);
  if (!done)
    return {};
  if (auto value = dyn_cast<Value>(folded.front()))
    return operands[llvm::find(op->getOperands(), value) - op->operand_begin()];
  return cast<Attribute>(folded.front());
}

ElementsAttr OpImport::known(Value value) {
  if (ElementsAttr made = constant(value))
    return made;
  auto isPending = [](Operation *op) {
    return op && isa_and_nonnull<UnitAttr>(op->getAttr(kOfConstantsAttr));
  };
  Operation *last = value ? value.getDefiningOp() : nullptr;
  SmallVector<Operation *> pending;
  if (isPending(last))
    pending.push_back(last);
  llvm::SmallPtrSet<Operation *, 8> seen(pending.begin(), pending.end());
  for (size_t i = 0; i < pending.size(); ++i)
    for (Value operand : pending[i]->getOperands()) {
      Operation *before = operand.getDefiningOp();
      if (isPending(before) && seen.insert(before).second)
        pending.push_back(before);
      if (tensorType(operand).getNumElements() > kMostEvaluated)
        return {};
    }
  llvm::sort(pending, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *op : pending) {
    Attribute made = evaluate(op);
    if (!made)
      return {};
    op->setAttr(kOfConstantsAttr, made);
  }
  return last ? dyn_cast_or_null<ElementsAttr>(last->getAttr(kOfConstantsAttr)) : ElementsAttr();
}

/// The model's inputs that a value is computed of.
static llvm::SmallSetVector<Operation *, 8> inputsOf(Value value) {
  llvm::SmallSetVector<Operation *, 8> inputs;
  llvm::DenseSet<Operation *> seen;
  SmallVector<Operation *> pending{value.getDefiningOp()};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val();
    if (!op || !seen.insert(op).second)
      continue;
    if (isa<InputOp>(op))
      inputs.insert(op);
    for (Value operand : op->getOperands())
      pending.push_back(operand.getDefiningOp());
  }
  return inputs;
}

std::string disco::importing::adviceToKnow(Value value) {
  constexpr int64_t mostSet = 16;
  if (!value)
    return "";
  std::string few, many;
  int64_t large = 0;
  const auto inputs = inputsOf(value);
  for (Operation *input : inputs) {
    const std::string name = cast<InputOp>(input).getName().str();
    if (tensorType(input->getResult(0)).getNumElements() > mostSet && ++large)
      many += (many.empty() ? "'" : ", '") + name + "'";
    else
      few += (few.empty() ? "--set " : " --set ") + name + "=VALUE";
  }
  if (inputs.empty())
    return "store it as an initialiser";
  if (!many.empty())
    return "it depends on what " + many + (large > 1 ? " hold" : " holds") +
           ", which differs from inference to inference: export the model without this op";
  return few + " fixes what it is computed of";
}

std::optional<Ints> OpImport::constantInts(size_t i, StringRef what) {
  Value value = input(i);
  if (!value)
    return std::nullopt;
  ElementsAttr elements = known(value);
  if (!elements) {
    (void)error("input '" + what + "' ('" + op.inputs[i] +
                    "') is computed from the model's inputs, but must be known "
                    "when compiling",
                adviceToKnow(value));
    return std::nullopt;
  }
  ConstantView view(elements, shape(value));
  if (view.size() > kMostConstant) {
    (void)error("input '" + what + "' ('" + op.inputs[i] + "') has more than " +
                Twine(kMostConstant) + " elements");
    return std::nullopt;
  }
  if (!view.isValid() || isa<FloatType>(view.getElementType()) ||
      view.getElementType().isInteger(1)) {
    (void)error("input '" + what + "' ('" + op.inputs[i] + "') must hold integers");
    return std::nullopt;
  }
  if (shape(value).size() > 1) {
    (void)error("input '" + what + "' ('" + op.inputs[i] +
                "') must have one dimension, but has the shape " + shapeText(shape(value)));
    return std::nullopt;
  }
  Ints list;
  for (int64_t k = 0; k < view.size(); ++k)
    list.push_back(view.integer(k));
  return list;
}

std::optional<Reals> OpImport::constantReals(size_t i, StringRef what) {
  Value value = input(i);
  if (!value)
    return std::nullopt;
  ElementsAttr elements = known(value);
  if (!elements) {
    (void)error("input '" + what + "' ('" + op.inputs[i] +
                    "') is computed from the model's inputs, but must be known "
                    "when compiling",
                adviceToKnow(value));
    return std::nullopt;
  }
  ConstantView view(elements, shape(value));
  if (view.size() > kMostConstant) {
    (void)error("input '" + what + "' ('" + op.inputs[i] + "') has more than " +
                Twine(kMostConstant) + " elements");
    return std::nullopt;
  }
  Reals list;
  for (int64_t k = 0; view.isValid() && k < view.size(); ++k)
    list.push_back(view.real(k));
  return list;
}

std::optional<int64_t> OpImport::declaredExtent(size_t i, size_t dimension) const {
  for (const auto *infos : {&model.model.graph.outputs, &model.model.graph.valueInfos})
    for (const auto &info : *infos)
      if (i < op.outputs.size() && info.name == op.outputs[i] && info.hasShape &&
          dimension < info.dims.size() && info.dims[dimension].isFixed())
        return info.dims[dimension].size;
  return std::nullopt;
}

bool OpImport::isUsed(size_t i) const {
  return i < op.outputs.size() && !op.outputs[i].empty() && model.isUsed(op.outputs[i]);
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const OnnxAttribute *OpImport::attr(StringRef name, OnnxAttribute::Kind kind) {
  read.insert(name);
  const OnnxAttribute *attribute = op.findAttribute({name.data(), name.size()});
  if (!attribute || attribute->kind == kind)
    return attribute;
  (void)error("attribute '" + name + "' is of kind " +
              std::string(attributeKindName(attribute->kind)) + ", but must be of kind " +
              std::string(attributeKindName(kind)));
  return nullptr;
}

int64_t OpImport::integer(StringRef name, int64_t missing) {
  const OnnxAttribute *attribute = attr(name, OnnxAttribute::Kind::Int);
  return attribute ? attribute->i : missing;
}

double OpImport::real(StringRef name, double missing) {
  const OnnxAttribute *attribute = attr(name, OnnxAttribute::Kind::Float);
  return attribute ? static_cast<double>(attribute->f) : missing;
}

std::string OpImport::text(StringRef name, StringRef missing) {
  const OnnxAttribute *attribute = attr(name, OnnxAttribute::Kind::String);
  return attribute ? attribute->s : missing.str();
}

Ints OpImport::integers(StringRef name, ArrayRef<int64_t> missing) {
  const OnnxAttribute *attribute = op.findAttribute({name.data(), name.size()});
  // Some exporters leave an empty list without a type.
  if (attribute && attribute->kind == OnnxAttribute::Kind::Floats && attribute->floats.empty()) {
    read.insert(name);
    return {};
  }
  attribute = attr(name, OnnxAttribute::Kind::Ints);
  return attribute ? Ints(attribute->ints.begin(), attribute->ints.end()) : Ints(missing);
}

Reals OpImport::reals(StringRef name) {
  const OnnxAttribute *attribute = attr(name, OnnxAttribute::Kind::Floats);
  return attribute ? Reals(attribute->floats.begin(), attribute->floats.end()) : Reals();
}

void OpImport::ignore(std::initializer_list<StringRef> names) {
  for (StringRef name : names)
    read.insert(name);
}

std::optional<Ints> OpImport::attrOrInput(StringRef name, int64_t since, size_t i) {
  if (opset() >= since)
    return hasInput(i) ? constantInts(i, name) : std::nullopt;
  return hasAttr(name) ? std::optional<Ints>(integers(name)) : std::nullopt;
}

std::optional<int64_t> OpImport::normalAxis(int64_t axis, int64_t rank) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  (void)error("axis " + Twine(axis) + " does not exist in a tensor of " + Twine(rank) +
              " dimensions");
  return std::nullopt;
}

std::optional<Ints> OpImport::normalAxes(ArrayRef<int64_t> axes, int64_t rank) {
  Ints normal;
  for (int64_t axis : axes) {
    std::optional<int64_t> one = normalAxis(axis, rank);
    if (!one)
      return std::nullopt;
    normal.push_back(*one);
  }
  llvm::sort(normal);
  if (std::adjacent_find(normal.begin(), normal.end()) == normal.end())
    return normal;
  (void)error("the axes " + shapeText(axes) + " name one axis twice");
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

LogicalResult OpImport::error(const Twine &message, const Twine &advice) {
  if (failed)
    return failure();
  failed = true;
  Diagnostic diagnostic;
  diagnostic.message = message.str();
  diagnostic.advice = advice.str();
  diagnostic.opName = name;
  diagnostic.opType = op.domain.empty() ? op.type : op.domain + "." + op.type;
  diagnostic.opset = op.opset;
  model.report(std::move(diagnostic));
  return failure();
}

LogicalResult OpImport::checkAttributesRead() {
  for (const OnnxAttribute &attribute : op.attributes)
    if (!read.contains(attribute.name))
      return error("attribute '" + attribute.name + "' is not known in this form of the op",
                   "the op of this opset does not have it, or discoc does not support it: remove "
                   "it or export the "
                   "model with another opset");
  return success();
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

LogicalResult OpImport::result(Value value, size_t i, size_t like) {
  if (!value)
    return failure();
  Type element = tensorType(value).getElementType();
  ElemType type = elemTypeOf(element), given = inputType(like);
  bool isNarrow = given == ElemType::F16 && type == ElemType::F32;
  if (isNarrow || (!elementType(builder.getContext(), given) &&
                   constantType(builder.getContext(), given) == element))
    type = given;
  return resultOfType(value, type, i);
}

LogicalResult OpImport::resultOfType(Value value, ElemType type, size_t i) {
  if (!value || failed)
    return failure();
  if (i >= op.outputs.size() || op.outputs[i].empty())
    return success();
  // A forwarded value keeps the name that it has.
  Operation *made = value.getDefiningOp();
  if (!isa<InputOp>(made) && !made->hasAttr(kTensorAttr))
    made->setAttr(kTensorAttr, builder.getStringAttr(model.tensorNameOf(op.outputs[i])));
  ImportedTensor tensor;
  tensor.value = value;
  tensor.type = type;
  model.define(op.outputs[i], tensor);
  return success();
}
