//===- LayerSummary.cpp - what the undivided program was ------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/LayerSummary.h"
#include "compiler/dialect/Evaluate.h"
#include "compiler/dialect/Replication.h"
#include "passes/WeightDensity.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace disco;

namespace {
struct Layer {
  std::string type, replicated;
  int64_t macs = 0, weightBytes = 0, denseMacs = 0, denseWeightBytes = 0, denseBytes = 0,
          denseMessages = 0;
  SmallVector<int64_t> shape;
  llvm::SmallSetVector<StringAttr, 4> inputs;
  Attribute density;
};
} // namespace

/// How many (row, column) pairs of a contraction's weights the mask leaves, and how many there are.
static std::pair<int64_t, int64_t> countPairs(Operation *op, const Contraction &rule) {
  ArrayRef<int64_t> weights = shapeOf(op->getOperand(rule.weights));
  int64_t rows = weights[rule.rowAxis], perGroup = weights[rule.columnAxis],
          rowsPerGroup = rows / rule.groups;
  OwnedAttr owners = ownersOf(op->getResult(0));
  bool divided = owners.getAxis() == rule.resultAxis;
  int64_t kept = 0;
  const bool everywhere = owners.isReplicated();
  const int64_t first = everywhere ? ranksOf(owners).front() : 0;
  for (auto route : op->getAttrOfType<ArrayAttr>(kMaskAttr).getAsRange<RouteAttr>()) {
    if (everywhere && route.getTo() != first)
      continue; // the same again
    IndexSet outputs = divided ? owners.getSet(route.getTo()) : IndexSet::all(rows);
    if (rule.groups == 1) {
      kept += outputs.size() * route.getSet().size();
      continue;
    }
    route.getSet().forEach([&](int64_t column) {
      int64_t group = column / perGroup;
      kept += outputs.intersect(IndexSet::range(group * rowsPerGroup, (group + 1) * rowsPerGroup))
                  .size();
    });
  }
  return {kept, rows * perGroup};
}

/// What a node stores that stores all of a constant.
static int64_t storedBytes(Value constant) {
  RankedTensorType type = tensorType(constant);
  if (byteSize(type) <= kSmallConstantBytes)
    return byteSize(type);
  ElementsAttr value = constant.getDefiningOp<ConstantOp>().getValue();
  int64_t bytes = elementBytes(type.getElementType());
  for (auto [stored, extent] :
       llvm::zip(storedShape(value, value.getShapedType().getShape()), type.getShape()))
    bytes *= stored == 1 ? 1 : extent;
  return bytes;
}

static void addCosts(Operation *op, Layer &layer) {
  int64_t weights = 0, macs = 0;
  for (Value operand : op->getOperands())
    if (isConstant(operand))
      weights += storedBytes(operand);
  if (auto cost = dyn_cast<CostOpInterface>(op))
    macs = cost.getMacs();
  if (!op->hasAttr(kRouteKindAttr)) { // an addend is part of another op
    layer.denseMacs += macs;
    layer.denseWeightBytes += weights;
  }
  auto contraction = dyn_cast<ContractionOpInterface>(op);
  std::optional<Contraction> rule = contraction ? contraction.getContraction() : std::nullopt;
  if (rule && op->hasAttr(kMaskAttr)) {
    auto [kept, all] = countPairs(op, *rule);
    int64_t matrix = byteSize(tensorType(op->getOperand(rule->weights)));
    macs = macs / std::max<int64_t>(all, 1) * kept;
    if (storedBytes(op->getOperand(rule->weights)) == matrix)
      weights += matrix / std::max<int64_t>(all, 1) * kept - matrix;
  }
  layer.macs += macs;
  layer.weightBytes += weights;
}

/// The op of the model whose result an operand is, whatever moved it on the way; null for constants
/// and inputs of the model.
static Operation *sourceOf(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && (isa<ExchangeOp, MergeOp>(op) || readsExchange(op)))
    op = (isa<MergeOp>(op) ? cast<MergeOp>(op).getOwn() : op->getOperand(0)).getDefiningOp();
  return op && !isa<ConstantOp, InputOp>(op) ? op : nullptr;
}

/// What a layer makes, and of which others it is made.
static void addShape(Operation *op, Layer &layer) {
  const std::string name = opName(op);
  for (Value operand : op->getOperands())
    if (Operation *source = sourceOf(operand); source && opName(source) != name)
      layer.inputs.insert(StringAttr::get(op->getContext(), opName(source)));
  if (!op->hasAttr(kRouteKindAttr) && op->getNumResults() > 0)
    layer.shape.assign(shapeOf(op->getResult(0)).begin(), shapeOf(op->getResult(0)).end());
}

static int64_t integerOf(Operation *op, StringRef name) {
  auto attr = op->getAttrOfType<IntegerAttr>(name);
  return attr ? attr.getInt() : 0;
}

static Attribute fullMask(Operation *op) {
  Attribute full = op->getAttr(kFullMaskAttr);
  return full ? full : op->getAttr(kMaskAttr);
}

/// A contraction's mask, and who owns what it reads and makes, where both are divided along its
/// channels: masks can be stated for it then.
static Attribute noteMask(OpBuilder &builder, Operation *op) {
  SmallVector<NamedAttribute> entries{builder.getNamedAttr("op", builder.getStringAttr(opName(op))),
                                      builder.getNamedAttr("routes", fullMask(op))};
  std::optional<Contraction> rule = cast<ContractionOpInterface>(op).getContraction();
  Value input = op->getOperand(0);
  if (auto merge = input.getDefiningOp<MergeOp>())
    input = merge.getOwn();
  OwnedAttr sources = isConstant(input) ? OwnedAttr() : ownersOf(input),
            readers = ownersOf(op->getResult(0));
  bool mixes =
      rule && (rule->groups == 1 || shapeOf(op->getOperand(rule->weights))[rule->columnAxis] > 1);
  if (mixes && sources && sources.getAxis() == rule->inputAxis &&
      readers.getAxis() == rule->resultAxis) {
    entries.push_back(builder.getNamedAttr("sources", sources));
    entries.push_back(builder.getNamedAttr("readers", readers));
  }
  return builder.getDictionaryAttr(entries);
}

static Attribute noteLayer(OpBuilder &builder, StringAttr name, const Layer &layer) {
  auto number = [&](StringRef key, int64_t value) {
    return builder.getNamedAttr(key, builder.getI64IntegerAttr(value));
  };
  SmallVector<NamedAttribute> entries{
      builder.getNamedAttr("op", name),
      builder.getNamedAttr("type", builder.getStringAttr(layer.type)),
      builder.getNamedAttr("replicated", builder.getStringAttr(layer.replicated)),
      number("macs", layer.macs),
      number("weight_bytes", layer.weightBytes),
      number("dense_macs", layer.denseMacs),
      number("dense_weight_bytes", layer.denseWeightBytes),
      number("dense_bytes", layer.denseBytes),
      number("dense_messages", layer.denseMessages),
      builder.getNamedAttr("inputs", builder.getArrayAttr(llvm::to_vector_of<Attribute>(
                                         layer.inputs.getArrayRef()))),
      builder.getNamedAttr("shape", builder.getDenseI64ArrayAttr(layer.shape))};
  if (layer.density)
    entries.push_back(builder.getNamedAttr("density", layer.density));
  return builder.getDictionaryAttr(entries);
}

void disco::noteLayers(ModuleOp module, func::FuncOp function) {
  OpBuilder builder(module.getContext());
  SmallVector<Attribute> inputs, outputs, list, tensors, masks;
  llvm::MapVector<StringAttr, Layer> layers;
  auto tensor = [&](StringAttr name, RankedTensorType type, Attribute owners) {
    SmallVector<NamedAttribute> entries{
        builder.getNamedAttr("name", name),
        builder.getNamedAttr("type", TypeAttr::get(withLayout(type, {})))};
    if (owners)
      entries.push_back(builder.getNamedAttr("owners", owners));
    return builder.getDictionaryAttr(entries);
  };
  for (Operation &op : function.getBody().front()) {
    if (auto input = dyn_cast<InputOp>(op)) {
      DictionaryAttr entry = tensor(input.getNameAttr(), tensorType(input.getResult()), {});
      if (Attribute stated = op.getAttr(kModelTypeAttr)) {
        NamedAttrList entries(entry);
        entries.set(kModelTypeAttr, stated);
        entry = entries.getDictionary(builder.getContext());
      }
      inputs.push_back(entry);
      tensors.push_back(
          tensor(input.getNameAttr(), tensorType(input.getResult()), ownersOf(input.getResult())));
      continue;
    }
    if (auto output = dyn_cast<OutputOp>(op)) {
      auto merge = output.getX().getDefiningOp<MergeOp>();
      Value made = merge ? merge.getOwn() : output.getX();
      outputs.push_back(tensor(output.getNameAttr(), tensorType(made),
                               isConstant(made) ? Attribute() : ownersOf(made)));
      continue;
    }
    if (isa<ConstantOp, ExchangeOp, MergeOp, func::ReturnOp>(op) || readsExchange(&op))
      continue;
    auto name = op.getAttrOfType<StringAttr>(kTensorAttr);
    if (name && !op.hasAttr(kRouteKindAttr))
      tensors.push_back(tensor(name, tensorType(op.getResult(0)), ownersOf(op.getResult(0))));
    if (op.hasAttr(kMaskAttr) && !op.hasAttr(kRouteKindAttr))
      masks.push_back(noteMask(builder, &op));
    Layer &layer = layers[builder.getStringAttr(opName(&op))];
    if (layer.type.empty())
      layer.type = opDescription(&op);
    if (auto reason = op.getAttrOfType<StringAttr>(kReplicatedAttr))
      layer.replicated = reason.str();
    addCosts(&op, layer);
    addShape(&op, layer);
    if (op.hasAttr(kMaskAttr) && !op.hasAttr(kRouteKindAttr))
      layer.density = noteDensity(&op, cast<ArrayAttr>(fullMask(&op)));
    layer.denseBytes += integerOf(&op, kDenseBytesAttr);
    layer.denseMessages += integerOf(&op, kDenseMessagesAttr);
    op.removeAttr(kDenseBytesAttr);
    op.removeAttr(kDenseMessagesAttr);
  }
  for (auto &[name, layer] : layers)
    list.push_back(noteLayer(builder, name, layer));
  module->setAttr(kInputsAttr, builder.getArrayAttr(inputs));
  module->setAttr(kOutputsAttr, builder.getArrayAttr(outputs));
  module->setAttr(kTensorsAttr, builder.getArrayAttr(tensors));
  module->setAttr(kMasksAttr, builder.getArrayAttr(masks));
  module->setAttr(kLayersAttr, builder.getArrayAttr(list));
}
