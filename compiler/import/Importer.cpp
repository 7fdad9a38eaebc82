//===- Importer.cpp - a whole ONNX model into the dialect -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Import.h"
#include "compiler/import/ModelImport.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;
using discoc::importer::Dim;

static constexpr int64_t kInlineElements = 64;
static constexpr const char *kTypesAdvice =
    "export the model with float, double, float16, bool or integer tensors of 8 bits or more";

ModelImport::ModelImport(MLIRContext &context, const Model &model, Diagnostics &errors)
    : model(model), context(context), builder(&context), errors(errors),
      errorsBefore(errors.size()) {
  addContractions(table);
  addConvTranspose(table);
  addElementwise(table);
  addShapes(table);
  addMovement(table);
  addWindows(table);
  addNormalise(table);
  addResize(table);
  addGather(table);
  addScatter(table);
  addQuantized(table);
  addOrder(table);
  addEinsum(table);
  addLoss(table);
  addRecurrent(table);
  addDetect(table);
  addSignal(table);
  addAttention(table);
  addRuntimeAttention(table);
  addNBits(table);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

ImportedTensor *ModelImport::find(const std::string &name) {
  for (Scope *scope : llvm::reverse(scopes))
    if (auto it = scope->find(name); it != scope->end())
      return &it->second;
  return nullptr;
}

static std::string uniqueIn(StringSet<> &names, const std::string &wanted) {
  std::string name = wanted;
  for (int number = 2; !names.insert(name).second; ++number)
    name = wanted + "#" + std::to_string(number);
  return name;
}

std::string ModelImport::opNameOf(const std::string &name) {
  return iterations.empty() ? name : uniqueIn(opNames, name + iterations);
}

std::string ModelImport::tensorNameOf(const std::string &name) {
  return scopes.size() == 1 ? name : uniqueIn(tensorNames, name + iterations);
}

/// Names of ops are unique in the model as it was read; tensors of the outermost graph keep theirs.
void ModelImport::noteNames(const Graph &graph) {
  for (const OnnxOp &op : graph.ops) {
    opNames.insert(op.name);
    used.insert(op.inputs.begin(), op.inputs.end());
    if (&graph == &model.graph)
      tensorNames.insert(op.outputs.begin(), op.outputs.end());
    for (const OnnxAttribute &attribute : op.attributes)
      for (const Graph &inner : attribute.graphs)
        noteNames(inner);
  }
  for (const ValueInfo &output : graph.outputs)
    used.insert(output.name);
  if (&graph != &model.graph)
    return;
  for (const ValueInfo &input : graph.inputs)
    tensorNames.insert(input.name);
  for (const Tensor &tensor : graph.initializers)
    tensorNames.insert(tensor.name);
}

Location ModelImport::locationOf(const std::string &name) {
  return NameLoc::get(StringAttr::get(&context, name));
}

/// Two to a byte, the first in the low half; bytes that are missing count as zeros.
static ElementsAttr widenedNibbles(RankedTensorType type, ArrayRef<char> bytes) {
  ConstantBuilder elements(type);
  bool isSigned = !type.getElementType().isUnsignedInteger();
  for (int64_t i = 0; i < type.getNumElements() && i / 2 < static_cast<int64_t>(bytes.size());
       ++i) {
    int64_t value = bytes[i / 2] >> (i % 2 * 4) & 15;
    elements.setInteger(i, isSigned && value > 7 ? value - 16 : value);
  }
  return elements.finish();
}

/// The upper halves of floats.
static ElementsAttr widenedHalves(RankedTensorType type, ArrayRef<char> bytes) {
  ConstantBuilder elements(type);
  for (int64_t i = 0; i < type.getNumElements() && 2 * i + 1 < static_cast<int64_t>(bytes.size());
       ++i) {
    const char whole[4] = {0, 0, bytes[2 * i], bytes[2 * i + 1]};
    elements.setBytes(i, whole);
  }
  return elements.finish();
}

Value ModelImport::constantOf(const Tensor &tensor, Location loc) {
  auto type = RankedTensorType::get(tensor.dims, constantType(&context, tensor.type));
  int64_t count = type.getNumElements(), size = elementBytes(type.getElementType());
  ArrayRef<char> bytes(reinterpret_cast<const char *>(tensor.bytes.data()), tensor.bytes.size());
  ElementsAttr value;
  if (tensor.type == ElemType::I4 || tensor.type == ElemType::U4) {
    value = widenedNibbles(type, bytes);
  } else if (tensor.type == ElemType::BF16) {
    value = widenedHalves(type, bytes);
  } else if (static_cast<int64_t>(bytes.size()) < count * size || count <= kInlineElements) {
    ConstantBuilder elements(type);
    for (int64_t i = 0; i < count && (i + 1) * size <= static_cast<int64_t>(bytes.size()); ++i)
      elements.setBytes(i, &bytes[i * size]);
    value = elements.finish();
  } else {
    value = makeExternalConstant(type, bytes.take_front(count * size));
  }
  return builder.create<ConstantOp>(loc, type, value, ArrayAttr());
}

Value ModelImport::widened(Value value) {
  auto type = tensorType(value);
  if (!type.getElementType().isF16())
    return value;
  auto cast = builder.create<CastOp>(
      value.getLoc(), RankedTensorType::get(type.getShape(), builder.getF32Type()), value);
  SmallVector<Value, 1> folded;
  if (!disco::isConstant(value) || failed(builder.tryFold(cast, folded)) || folded.empty())
    return cast;
  if (auto name = value.getDefiningOp()->getAttr(kTensorAttr))
    folded.front().getDefiningOp()->setAttr(kTensorAttr, name);
  cast->erase();
  return folded.front();
}

StringAttr ModelImport::nameOf(const Tensor &initializer) {
  ImportedTensor *outermost = nullptr;
  if (auto it = tensors.find(initializer.name); it != tensors.end())
    outermost = &it->second;
  bool isOutermost = outermost && outermost->initializer == &initializer;
  return builder.getStringAttr(isOutermost ? initializer.name
                                           : uniqueIn(tensorNames, initializer.name));
}

void ModelImport::materialise(ImportedTensor &tensor) {
  if (tensor.value || !tensor.initializer)
    return;
  if (!tensor.narrow) {
    tensor.narrow = constantOf(*tensor.initializer, locationOf(tensor.initializer->name));
    tensor.narrow.getDefiningOp()->setAttr(kTensorAttr, nameOf(*tensor.initializer));
  }
  tensor.value = widened(tensor.narrow);
}

Value ModelImport::narrowed(ImportedTensor &tensor) {
  if (tensor.type != ElemType::F16 || (!tensor.initializer && !isConstant(tensor.value))) {
    materialise(tensor);
    return tensor.value;
  }
  if (tensor.narrow)
    return tensor.narrow;
  if (tensor.initializer) {
    tensor.narrow = constantOf(*tensor.initializer, locationOf(tensor.initializer->name));
    tensor.narrow.getDefiningOp()->setAttr(kTensorAttr, nameOf(*tensor.initializer));
    return tensor.narrow;
  }
  auto cast = builder.create<CastOp>(
      tensor.value.getLoc(), RankedTensorType::get(shapeOf(tensor.value), builder.getF16Type()),
      tensor.value);
  SmallVector<Value, 1> folded;
  if (failed(builder.tryFold(cast, folded)) || folded.empty()) {
    cast->erase();
    return tensor.value;
  }
  if (auto name = tensor.value.getDefiningOp()->getAttr(kTensorAttr))
    folded.front().getDefiningOp()->setAttr(kTensorAttr, name);
  cast->erase();
  return tensor.narrow = folded.front();
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

void ModelImport::report(Diagnostic diagnostic) {
  diagnostic.file = model.path;
  if (!isFull())
    errors.push_back(std::move(diagnostic));
}

std::string ModelImport::takeCaught() { return std::exchange(caught, {}); }

//===----------------------------------------------------------------------===//
// Inputs, ops, outputs
//===----------------------------------------------------------------------===//

void ModelImport::importInputs() {
  for (auto [index, input] : llvm::enumerate(model.graph.inputs)) {
    ImportedTensor tensor;
    tensor.type = input.type;
    tensor.isBroken = true;
    Type element = elementType(&context, input.type);
    Ints shape;
    for (const Dim &dim : input.dims)
      shape.push_back(dim.size);
    Diagnostic diagnostic;
    if (!element) {
      diagnostic.message = "input '" + input.name + "' has the element type " +
                           elemTypeName(input.type) + ", which is not supported";
      diagnostic.advice = kTypesAdvice;
    } else if (!input.hasShape ||
               llvm::any_of(input.dims, [](const Dim &dim) { return !dim.isFixed(); })) {
      diagnostic.message = "the shape of input '" + input.name + "' is not fixed";
      diagnostic.advice = "fix it with --input-shape " + input.name + "=AxB or --pin name=size";
    } else if (!isReasonable(shape)) {
      diagnostic.message =
          "input '" + input.name + "' has the shape " + shapeText(shape) + ", which is too large";
    } else {
      Value value =
          builder.create<InputOp>(locationOf(input.name), RankedTensorType::get(shape, element),
                                  builder.getStringAttr(input.name),
                                  builder.getI64IntegerAttr(static_cast<int64_t>(index)));
      tensor.value = widened(value);
      tensor.isBroken = false;
    }
    if (tensor.isBroken)
      report(std::move(diagnostic));
    define(input.name, tensor);
  }
}

bool ModelImport::checkArity(OpImport &importer, const Converter &converter) {
  const OnnxOp &op = importer.op;
  size_t inputs = op.inputs.size(), outputs = op.outputs.size();
  while (inputs > 0 && op.inputs[inputs - 1].empty())
    --inputs;
  size_t needed = converter.maxInputs == kVariadic ? std::max(inputs, converter.minInputs)
                                                   : converter.minInputs;
  for (size_t i = 0; i < needed; ++i)
    if (!importer.hasInput(i))
      return succeeded(importer.error("input " + Twine(i) + " is missing: the op needs at least " +
                                      Twine(needed)));
  if (inputs > converter.maxInputs)
    return succeeded(importer.error("has " + Twine(inputs) + " inputs, but takes at most " +
                                    Twine(converter.maxInputs)));
  if (outputs > converter.maxOutputs)
    return succeeded(importer.error("has " + Twine(outputs) + " outputs, of which at most " +
                                        Twine(converter.maxOutputs) + " can be had",
                                    "outputs that only training needs are not supported"));
  return true;
}

static unsigned typeSetOf(ElemType type) {
  switch (type) {
  case ElemType::F16:
  case ElemType::F32:
  case ElemType::F64: return kFloats;
  case ElemType::I8:
  case ElemType::I16:
  case ElemType::I32:
  case ElemType::I64: return kSigned;
  case ElemType::U8:
  case ElemType::U16:
  case ElemType::U32:
  case ElemType::U64: return kUnsigned;
  case ElemType::Bool: return kBool;
  case ElemType::I4:
  case ElemType::U4:
  case ElemType::BF16: return kConstants;
  default: return 0;
  }
}

bool ModelImport::checkTypes(OpImport &importer, const Converter &converter) {
  const OnnxOp &op = importer.op;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (!importer.hasInput(i))
      continue;
    ElemType type = importer.inputType(i);
    if (!constantType(&context, type))
      return succeeded(importer.error("input '" + op.inputs[i] + "' has the element type " +
                                          elemTypeName(type) + ", which is not supported",
                                      kTypesAdvice));
    if (i == 0 && !(typeSetOf(type) & converter.types))
      return succeeded(importer.error("does not take the element type " + elemTypeName(type) +
                                      " of its input '" + op.inputs[i] + "'"));
    if (i > 0 && i < converter.same && importer.hasInput(0) && type != importer.inputType(0))
      return succeeded(importer.error("inputs '" + op.inputs[0] + "' and '" + op.inputs[i] +
                                          "' must have the same element type, but are " +
                                          elemTypeName(importer.inputType(0)) + " and " +
                                          elemTypeName(type),
                                      "insert a Cast or export the model again"));
  }
  return true;
}

/// Whether the types that the model states are those that its ops have.
bool ModelImport::checkDeclared(OpImport &importer) {
  if (scopes.size() > 1) // a branch may use names of the outermost graph again
    return true;
  for (const std::string &output : importer.op.outputs) {
    auto it = declared.find(output);
    ImportedTensor *tensor = find(output);
    if (it != declared.end() && tensor && tensor->type != it->second &&
        it->second != ElemType::Undefined)
      return succeeded(importer.error(
          "makes the tensor '" + output + "' with the element type " + elemTypeName(tensor->type) +
              ", but the model declares it as " + elemTypeName(it->second),
          "the model is damaged: export it again"));
  }
  return true;
}

bool ModelImport::readsSequence(const OnnxOp &op) {
  return llvm::any_of(op.inputs, [&](const std::string &name) {
    ImportedTensor *tensor = name.empty() ? nullptr : find(name);
    return tensor && tensor->sequence;
  });
}

/// An op that has a converter, or has none.
LogicalResult ModelImport::importConverted(OpImport &importer) {
  const OnnxOp &op = importer.op;
  auto found = table.find(op.domain.empty() ? op.type : op.domain + "." + op.type);
  if (found == table.end())
    return importer.error(op.domain.empty() ? "the op is not supported"
                                            : "the op is not one of those of the domain '" +
                                                  op.domain + "' that are supported",
                          "export the model without it; docs/conformance.md says which ops there "
                          "are, and why others are not");
  if (readsSequence(op))
    return importer.error("reads a sequence of tensors, which only ops of sequences do");
  const Converter &converter = found->second;
  return success(checkArity(importer, converter) && checkTypes(importer, converter) &&
                 succeeded(converter.convert(importer)) &&
                 succeeded(importer.checkAttributesRead()) && checkDeclared(importer));
}

void ModelImport::importOp(const OnnxOp &op) {
  // What follows from an error that has been told is not told again.
  bool isBroken = llvm::any_of(op.inputs, [&](const std::string &name) {
    ImportedTensor *tensor = name.empty() ? nullptr : find(name);
    return tensor && tensor->isBroken;
  });
  takeCaught();
  if (!isBroken) {
    OpImport importer(*this, op);
    bool isControl =
        op.domain.empty() && (op.type == "If" || op.type == "Loop" || op.type == "Scan");
    bool ofSequences = op.domain.empty() &&
                       (isSequenceOp(op.type) || (op.type == "Identity" && readsSequence(op)));
    isBroken = failed(isControl     ? importControl(importer)
                      : ofSequences ? importSequenceOp(importer)
                                    : importConverted(importer));
    if (isBroken && !importer.hasFailed())
      (void)importer.error("could not be converted: " + takeCaught(),
                           "this is a fault of discoc: please report it");
  }
  if (!isBroken)
    return;
  ImportedTensor broken;
  broken.isBroken = true;
  for (const std::string &output : op.outputs)
    if (!output.empty())
      define(output, broken);
}

void ModelImport::importOutputs() {
  for (auto [index, output] : llvm::enumerate(model.graph.outputs)) {
    ImportedTensor *tensor = find(output.name);
    if (!tensor || tensor->isBroken)
      continue;
    if (!elementType(&context, tensor->type)) {
      Diagnostic diagnostic;
      diagnostic.message = "output '" + output.name + "' has the element type " +
                           elemTypeName(tensor->type) + ", which is not supported";
      diagnostic.advice = kTypesAdvice;
      report(std::move(diagnostic));
      continue;
    }
    materialise(*tensor);
    Value value = tensor->value;
    Location loc = locationOf(output.name);
    if (isa<InputOp, ConstantOp>(value.getDefiningOp()))
      value = builder.create<UnaryOp>(loc, value.getType(), value,
                                      ActAttr::get(&context, UnaryKind::Identity));
    if (tensor->type == ElemType::F16)
      value = builder.create<CastOp>(
          loc, RankedTensorType::get(shapeOf(value), builder.getF16Type()), value);
    if (!value.getDefiningOp()->hasAttr(kTensorAttr))
      value.getDefiningOp()->setAttr(kTensorAttr, builder.getStringAttr(output.name));
    builder.create<OutputOp>(loc, value, builder.getStringAttr(output.name),
                             builder.getI64IntegerAttr(static_cast<int64_t>(index)));
  }
}

/// What only shape arithmetic read, and notes about the import itself.
void ModelImport::dropUnused() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body))) {
    bool ofConstants = isa<ConstantOp>(op) || op.hasAttr(kOfConstantsAttr);
    if (ofConstants && op.use_empty())
      op.erase();
    else
      op.removeAttr(kOfConstantsAttr);
  }
}

void ModelImport::importInitializers(const Graph &graph) {
  for (const Tensor &tensor : graph.initializers) {
    ImportedTensor entry;
    entry.initializer = &tensor;
    entry.type = isReasonable(tensor.dims) ? tensor.type : ElemType::Undefined;
    define(tensor.name, entry);
  }
}

void ModelImport::importOps(const Graph &graph) {
  for (const OnnxOp &op : graph.ops) {
    if (isFull())
      break;
    importOp(op);
  }
}

OwningOpRef<ModuleOp> ModelImport::run() {
  ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    caught += (caught.empty() ? "" : "; ") + diagnostic.str();
    return success();
  });
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  builder.setInsertionPointToEnd(module->getBody());
  auto main = builder.create<func::FuncOp>(UnknownLoc::get(&context), "main",
                                           builder.getFunctionType({}, {}));
  body = main.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  scopes.push_back(&tensors);
  noteNames(model.graph);
  for (const auto *infos : {&model.graph.valueInfos, &model.graph.outputs})
    for (const ValueInfo &info : *infos)
      declared[info.name] = info.type;
  importInputs();
  importInitializers(model.graph);
  importOps(model.graph);
  importOutputs();
  if (errors.size() != errorsBefore)
    return {};
  builder.create<func::ReturnOp>(UnknownLoc::get(&context));
  dropUnused();
  takeCaught();
  if (succeeded(verify(*module)))
    return module;
  Diagnostic diagnostic;
  diagnostic.message = "the imported model is not valid: " + takeCaught();
  diagnostic.advice = "this is a fault of discoc: please report it";
  report(std::move(diagnostic));
  return {};
}

OwningOpRef<ModuleOp> disco::importModel(MLIRContext &context, const Model &model,
                                         Diagnostics &errors) {
  context.loadDialect<DiscoDialect, func::FuncDialect>();
  return ModelImport(context, model, errors).run();
}
