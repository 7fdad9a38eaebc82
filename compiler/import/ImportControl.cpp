//===- ImportControl.cpp - branches and loops -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// What runs does not branch: of an If the branch that is taken is imported, a loop is unrolled. So
// conditions and counts have to be known once shapes are.
#include "compiler/dialect/Evaluate.h"
#include "compiler/import/Known.h"
#include "compiler/import/ModelImport.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace disco;
using namespace disco::importing;

/// Ops that all loops of a model may become; docs/limits.md states it.
static constexpr int64_t kMostUnrolled = 20000;

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

Tensors ModelImport::importSubgraph(const Graph &graph, ArrayRef<ImportedTensor> inputs) {
  auto [constants, isNew] = inner.try_emplace(&graph);
  scopes.push_back(&constants->second);
  if (isNew)
    importInitializers(graph);
  Scope own;
  scopes.push_back(&own);
  for (auto [info, tensor] : llvm::zip(graph.inputs, inputs))
    define(info.name, tensor);
  importOps(graph);
  Tensors outputs;
  for (const ValueInfo &output : graph.outputs) {
    ImportedTensor *tensor = find(output.name);
    outputs.push_back(tensor ? *tensor : ImportedTensor());
    outputs.back().isBroken |= !tensor;
  }
  scopes.pop_back_n(2);
  return outputs;
}

static const Graph *graphOf(OpImport &op, StringRef name) {
  const OnnxAttribute *attribute = op.attr(name, OnnxAttribute::Kind::Graph);
  if (attribute && !attribute->graphs.empty())
    return &attribute->graphs.front();
  (void)op.error("attribute '" + name + "' with the graph is missing");
  return nullptr;
}

/// The only element of a flag or number that is known now; nothing when it is not.
static std::optional<int64_t> knownInteger(Value value) {
  ElementsAttr elements = value ? OpImport::known(value) : ElementsAttr();
  if (!elements)
    return std::nullopt;
  ConstantView view(elements, shapeOf(value));
  if (!view.isValid() || view.size() != 1 || isa<FloatType>(view.getElementType()))
    return std::nullopt;
  return view.getElementType().isInteger(1) ? !view.isZero(0) : view.integer(0);
}

static ImportedTensor asTensor(Value value, ElemType type) {
  ImportedTensor tensor;
  tensor.value = value;
  tensor.type = type;
  tensor.isBroken = !value;
  return tensor;
}

LogicalResult ModelImport::importControl(OpImport &op) {
  LogicalResult done = op.op.type == "If"     ? importIf(op)
                       : op.op.type == "Loop" ? importLoop(op)
                                              : importScan(op);
  return succeeded(done) ? op.checkAttributesRead() : failure();
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

LogicalResult ModelImport::importIf(OpImport &op) {
  const Graph *branches[] = {graphOf(op, "else_branch"), graphOf(op, "then_branch")};
  Value condition = op.input(0);
  if (op.hasFailed())
    return failure();
  std::optional<int64_t> taken = knownInteger(condition);
  if (!taken)
    return op.error("the condition, '" + op.op.inputs[0] +
                        "', is computed from values of the model's inputs, but must be known "
                        "when compiling: one branch is compiled",
                    adviceToKnow(condition));
  Tensors outputs = importSubgraph(*branches[*taken != 0], {});
  if (outputs.size() < op.op.outputs.size())
    return op.error("has " + Twine(op.op.outputs.size()) + " outputs, but its branch makes " +
                    Twine(outputs.size()));
  for (auto [name, tensor] : llvm::zip(op.op.outputs, outputs))
    if (!name.empty())
      define(name, tensor);
  return success();
}

//===----------------------------------------------------------------------===//
// Loop and Scan
//===----------------------------------------------------------------------===//

LogicalResult ModelImport::payIteration(OpImport &op, const Graph &body, int64_t iteration) {
  unrolled += std::max<int64_t>(static_cast<int64_t>(body.ops.size()), 1);
  if (unrolled <= kMostUnrolled)
    return success();
  return op.error("the model's loops are unrolled to more than " + Twine(kMostUnrolled) +
                      " ops: this one is at iteration " + Twine(iteration),
                  "say with ops on whole tensors what the loop does by parts, or with fewer "
                  "iterations");
}

/// Entry i of a list that may be absent.
static int64_t entryOf(ArrayRef<int64_t> list, size_t i) { return i < list.size() ? list[i] : 0; }

/// What the iterations left of one scanned output, along a new axis.
LogicalResult ModelImport::stackScanned(OpImport &op, ArrayRef<ImportedTensor> parts,
                                        const ValueInfo &declared, size_t output, int64_t axis,
                                        bool reversed) {
  if (parts.empty()) {
    Ints shape{0};
    Type element = elementType(&context, declared.type);
    for (const discoc::importer::Dim &dim : declared.dims)
      shape.push_back(dim.isFixed() ? dim.size : 0);
    if (!declared.hasShape || !element)
      return op.error("runs no iteration, so that nothing tells the type and shape of output '" +
                          op.op.outputs[output] + "'",
                      "export the model without the loop");
    return op.resultOfType(op.filled(shape, element, 0), declared.type, output);
  }
  Values slices;
  for (ImportedTensor part : parts) {
    materialise(part);
    if (part.sequence || !part.value)
      return op.error("gathers sequences of tensors, which is not supported");
    Ints shape(shapeOf(part.value));
    if (axis < 0 ? -axis > static_cast<int64_t>(shape.size()) + 1
                 : axis > static_cast<int64_t>(shape.size()))
      return op.error("stacks its results along axis " + Twine(axis) + ", which does not exist");
    int64_t at = axis < 0 ? axis + static_cast<int64_t>(shape.size()) + 1 : axis;
    shape.insert(shape.begin() + at, 1);
    slices.push_back(op.reshape(part.value, shape));
  }
  if (reversed)
    std::reverse(slices.begin(), slices.end());
  int64_t at = axis < 0 ? axis + op.rank(slices[0]) : axis;
  return op.resultOfType(op.concat(slices, at), parts[0].type, output);
}

/// One iteration: `fed` and the state go into the body; what comes out behind its first `skipped`
/// outputs is the new state, and a slice for each scanned output. The first output is returned.
ImportedTensor ModelImport::iterate(Unrolling &loop, Tensors fed, bool stateFirst) {
  iterations = loop.around + "@" + std::to_string(loop.count++);
  Tensors inputs = stateFirst ? loop.state : fed;
  llvm::append_range(inputs, stateFirst ? fed : loop.state);
  Tensors outputs = importSubgraph(*loop.body, inputs);
  iterations = loop.around;
  loop.isBroken =
      llvm::any_of(outputs, [](const ImportedTensor &tensor) { return tensor.isBroken; });
  const size_t first = stateFirst ? 0 : 1, carried = loop.state.size();
  for (size_t i = 0; i < carried; ++i)
    loop.state[i] = outputs[first + i];
  for (size_t k = 0; k < loop.scanned.size(); ++k)
    loop.scanned[k].push_back(outputs[first + carried + k]);
  return outputs.empty() ? ImportedTensor() : outputs.front();
}

/// What is left after the last iteration.
LogicalResult ModelImport::finish(OpImport &op, const Unrolling &loop, ArrayRef<int64_t> axes,
                                  ArrayRef<int64_t> ways) {
  const size_t carried = loop.state.size(),
               first = loop.body->outputs.size() - carried - loop.scanned.size();
  for (size_t i = 0; i < op.op.outputs.size(); ++i) {
    const std::string &name = op.op.outputs[i];
    if (name.empty())
      continue;
    if (loop.isBroken) // the error has been told
      define(name, asTensor({}, ElemType::Undefined));
    else if (i < carried)
      define(name, loop.state[i]);
    else if (i - carried >= loop.scanned.size())
      return op.error("has more outputs than its body");
    else if (const size_t k = i - carried;
             failed(stackScanned(op, loop.scanned[k], loop.body->outputs[first + i], i,
                                 entryOf(axes, k), entryOf(ways, k) != 0)))
      return failure();
  }
  return success();
}

LogicalResult ModelImport::importLoop(OpImport &op) {
  Unrolling loop;
  loop.body = graphOf(op, "body");
  loop.around = iterations;
  std::optional<int64_t> count = op.hasInput(0) ? knownInteger(op.input(0)) : INT64_MAX,
                         goesOn = op.hasInput(1) ? knownInteger(op.input(1)) : 1;
  Value decides = op.hasInput(1) ? op.input(1) : Value();
  if (op.hasFailed())
    return failure();
  if (!count)
    return op.error("the number of iterations, '" + op.op.inputs[0] +
                        "', is computed from values of the model's inputs, but must be known "
                        "when compiling: the loop is unrolled",
                    adviceToKnow(op.input(0)));
  for (size_t i = 2; i < op.op.inputs.size(); ++i) {
    ImportedTensor *tensor = find(op.op.inputs[i]);
    if (!tensor)
      return op.error("input " + Twine(i) + " is missing");
    loop.state.push_back(*tensor);
  }
  const size_t carried = loop.state.size();
  if (loop.body->inputs.size() != carried + 2 || loop.body->outputs.size() < carried + 1)
    return op.error("carries " + Twine(carried) + " tensors, which its body does not fit");
  loop.scanned.resize(loop.body->outputs.size() - carried - 1);
  for (int64_t i = 0; i < *count && !loop.isBroken; ++i) {
    if (!goesOn)
      return op.error("whether iteration " + Twine(i) +
                          " runs is computed from values of the model's inputs, but must be known "
                          "when compiling: the loop is unrolled",
                      adviceToKnow(decides));
    if (!*goesOn)
      break;
    if (failed(payIteration(op, *loop.body, i)))
      return failure();
    ImportedTensor next = iterate(loop,
                                  {asTensor(op.integersOf({}, ArrayRef<int64_t>{i}), ElemType::I64),
                                   asTensor(op.filled({}, builder.getI1Type(), 1), ElemType::Bool)},
                                  /*stateFirst=*/false);
    materialise(next);
    decides = next.value;
    goesOn = knownInteger(decides);
  }
  return finish(op, loop, {}, {});
}

LogicalResult ModelImport::importScan(OpImport &op) {
  Unrolling loop;
  loop.body = graphOf(op, "body");
  loop.around = iterations;
  if (op.opset() < 9)
    return op.error("the form of opset 8 is not supported",
                    "export the model with opset 9 or later");
  auto scanned = static_cast<size_t>(std::max<int64_t>(op.integer("num_scan_inputs", 0), 0));
  Ints inputAxes = op.integers("scan_input_axes"), outputAxes = op.integers("scan_output_axes"),
       inputWays = op.integers("scan_input_directions"),
       outputWays = op.integers("scan_output_directions");
  Values operands = op.inputs();
  if (op.hasFailed())
    return failure();
  if (scanned < 1 || scanned > operands.size() || loop.body->inputs.size() != operands.size() ||
      loop.body->outputs.size() < operands.size() - scanned)
    return op.error("its inputs do not fit its body");
  const size_t carried = operands.size() - scanned;
  Ints axes;
  std::optional<int64_t> length;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (i < carried) {
      loop.state.push_back(*find(op.op.inputs[i]));
      continue;
    }
    std::optional<int64_t> axis =
        op.normalAxis(entryOf(inputAxes, i - carried), op.rank(operands[i]));
    if (!axis)
      return failure();
    axes.push_back(*axis);
    if (length.value_or(op.shape(operands[i])[*axis]) != op.shape(operands[i])[*axis])
      return op.error("scans tensors of different lengths");
    length = op.shape(operands[i])[*axis];
  }
  loop.scanned.resize(loop.body->outputs.size() - carried);
  for (int64_t step = 0; step < *length && !loop.isBroken; ++step) {
    if (failed(payIteration(op, *loop.body, step)))
      return failure();
    Tensors fed;
    for (size_t i = 0; i < scanned; ++i) {
      int64_t at = entryOf(inputWays, i) ? *length - 1 - step : step;
      Value slice =
          op.gather(operands[carried + i], op.integersOf({}, ArrayRef<int64_t>{at}), axes[i]);
      fed.push_back(asTensor(slice, op.inputType(carried + i)));
    }
    iterate(loop, fed, /*stateFirst=*/true);
  }
  return finish(op, loop, outputAxes, outputWays);
}
