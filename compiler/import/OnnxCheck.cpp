//===- OnnxCheck.cpp - names, definitions and order of a graph ------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxReaderImpl.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <set>
#include <unordered_map>
#include <unordered_set>

using namespace discoc::importer;

namespace {

constexpr size_t notAnOp = SIZE_MAX;

using Names = std::set<std::string>;

/// Checks a graph and those of its branches and loops, which see what is around them.
class Checker {
public:
  Checker(ReadContext &context, Graph &graph, const Checker *around = nullptr)
      : context(context), graph(graph), around(around) {}

  bool run();

private:
  bool define(const std::string &name, size_t op, const std::string &what);
  bool defineInputs();
  bool checkInitializerInput(const ValueInfo &input, const Tensor &tensor);
  bool defineOps();
  bool sees(const std::string &name) const;
  bool checkSubgraphs();
  bool checkUses();
  /// What op i and its graphs read, without what these make themselves.
  void forEachRead(size_t i, const std::function<void(const std::string &)> &visit) const;
  bool sortOps();
  bool reportCycle(const std::vector<size_t> &waiting);
  bool checkOutputs();

  ReadContext &context;
  Graph &graph;
  const Checker *around; ///< of the graph around this one
  /// Every tensor and the op that makes it.
  std::unordered_map<std::string, size_t> producers;
  /// By op: what its graphs read from here or from further out.
  std::unordered_map<size_t, Names> captures;
  /// What this graph reads from those around it.
  Names fromAround;
};

bool Checker::define(const std::string &name, size_t op, const std::string &what) {
  auto [it, isNew] = producers.emplace(name, op);
  if (isNew)
    return true;
  std::string message =
      what + " defines the tensor " + quote(name) + " again: it is already made by ";
  if (it->second == notAnOp)
    message += "a graph input or an initialiser";
  else
    message += "op " + quote(graph.ops[it->second].name);
  const char *advice = "every tensor must be defined once; rename one of them";
  if (op == notAnOp)
    return context.error(message, advice);
  return context.errorAt(graph.ops[op], message, advice);
}

bool Checker::checkInitializerInput(const ValueInfo &input, const Tensor &tensor) {
  bool agrees = input.type == tensor.type;
  if (input.hasShape) {
    agrees &= input.dims.size() == tensor.dims.size();
    for (size_t i = 0; agrees && i < input.dims.size(); ++i)
      agrees = !input.dims[i].isFixed() || input.dims[i].size == tensor.dims[i];
  }
  if (agrees)
    return true;
  return context.error("initialiser " + quote(tensor.name) + " (" + elemTypeName(tensor.type) +
                       " " + dimsText(tensor.dims) +
                       ") disagrees with the graph input of that name in type "
                       "or shape");
}

/// Before IR version 4 every initialiser had to be an input as well. From then
/// on such an input has a default value that a caller could override; a
/// compiled model takes the default.
bool Checker::defineInputs() {
  std::unordered_map<std::string_view, const Tensor *> initializers;
  bool good = true;
  for (const Tensor &tensor : graph.initializers) {
    good &= define(tensor.name, notAnOp, "an initialiser");
    initializers.emplace(tensor.name, &tensor);
  }
  std::vector<ValueInfo> inputs;
  std::unordered_set<std::string> seen;
  for (ValueInfo &input : graph.inputs) {
    if (!seen.insert(input.name).second) {
      good = context.error("two graph inputs have the name " + quote(input.name),
                           "rename one of them");
      continue;
    }
    auto it = initializers.find(input.name);
    if (it != initializers.end()) {
      good &= checkInitializerInput(input, *it->second);
      continue;
    }
    good &= define(input.name, notAnOp, "a graph input");
    inputs.push_back(std::move(input));
  }
  graph.inputs = std::move(inputs);
  return good;
}

bool Checker::defineOps() {
  bool good = true;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    bool hasOutput = false;
    for (const std::string &output : graph.ops[i].outputs) {
      if (output.empty())
        continue;
      hasOutput = true;
      good &= define(output, i, "it");
    }
    if (!hasOutput)
      good = context.errorAt(graph.ops[i], "has no output", "remove it from the model");
  }
  return good;
}

bool Checker::sees(const std::string &name) const {
  return producers.count(name) != 0 || (around && around->sees(name));
}

bool Checker::checkSubgraphs() {
  bool good = true;
  for (size_t i = 0; i < graph.ops.size(); ++i)
    for (Attribute &attribute : graph.ops[i].attributes)
      for (Graph &inner : attribute.graphs) {
        Checker checker(context, inner, this);
        good = checker.run() && good;
        captures[i].insert(checker.fromAround.begin(), checker.fromAround.end());
      }
  return good;
}

void Checker::forEachRead(size_t i, const std::function<void(const std::string &)> &visit) const {
  for (const std::string &input : graph.ops[i].inputs)
    if (!input.empty())
      visit(input);
  if (auto captured = captures.find(i); captured != captures.end())
    for (const std::string &name : captured->second)
      visit(name);
}

bool Checker::checkUses() {
  bool good = true;
  for (size_t i = 0; i < graph.ops.size(); ++i)
    forEachRead(i, [&](const std::string &name) {
      if (producers.count(name))
        return;
      fromAround.insert(name);
      if (!sees(name))
        good = context.errorAt(graph.ops[i],
                               "reads the tensor " + quote(name) + ", which nothing makes",
                               "the model is damaged, or a tool removed an op or an initialiser "
                               "that was still needed");
    });
  return good;
}

/// Kahn's algorithm, always taking the first op in file order that is ready:
/// a sorted graph stays exactly as it is.
bool Checker::sortOps() {
  size_t count = graph.ops.size();
  std::vector<std::vector<size_t>> readers(count);
  std::vector<size_t> waiting(count, 0);
  for (size_t i = 0; i < count; ++i)
    forEachRead(i, [&](const std::string &name) {
      auto producer = producers.find(name);
      if (producer == producers.end() || producer->second == notAnOp)
        return;
      readers[producer->second].push_back(i);
      ++waiting[i];
    });
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < count; ++i)
    if (waiting[i] == 0)
      ready.push(i);
  std::vector<size_t> order;
  while (!ready.empty()) {
    size_t op = ready.top();
    ready.pop();
    order.push_back(op);
    for (size_t reader : readers[op])
      if (--waiting[reader] == 0)
        ready.push(reader);
  }
  if (order.size() != count)
    return reportCycle(waiting);
  std::vector<Op> sorted;
  sorted.reserve(count);
  for (size_t op : order)
    sorted.push_back(std::move(graph.ops[op]));
  graph.ops = std::move(sorted);
  return true;
}

/// Every op that waits has a producer that waits: walking back meets a cycle.
bool Checker::reportCycle(const std::vector<size_t> &waiting) {
  auto blockedProducer = [&](size_t op) {
    size_t found = notAnOp;
    forEachRead(op, [&](const std::string &name) {
      auto producer = producers.find(name);
      if (found == notAnOp && producer != producers.end() && producer->second != notAnOp &&
          waiting[producer->second] != 0)
        found = producer->second;
    });
    return found;
  };
  auto first = std::find_if(waiting.begin(), waiting.end(), [](size_t n) { return n != 0; });
  size_t op = static_cast<size_t>(first - waiting.begin());
  std::unordered_set<size_t> seen;
  while (seen.insert(op).second)
    op = blockedProducer(op);
  std::string path = quote(graph.ops[op].name);
  size_t at = op;
  for (int shown = 0; shown < 8; ++shown) {
    at = blockedProducer(at);
    path += " needs " + quote(graph.ops[at].name);
    if (at == op)
      break;
  }
  if (at != op)
    path += " needs ...";
  return context.errorAt(graph.ops[op], "is part of a cycle, so it can never run: " + path,
                         "an ONNX graph must have no cycles");
}

bool Checker::checkOutputs() {
  bool good = true;
  std::unordered_set<std::string> seen;
  for (const ValueInfo &output : graph.outputs) {
    if (!around && !seen.insert(output.name).second)
      good = context.error("two graph outputs have the name " + quote(output.name));
    if (!producers.count(output.name))
      fromAround.insert(output.name);
    if (!sees(output.name))
      good = context.error("nothing makes the graph output " + quote(output.name),
                           "the model is damaged, or a tool removed the op that made it");
  }
  return good;
}

bool Checker::run() {
  if (!around && (graph.ops.empty() || graph.outputs.empty()))
    return context.error(graph.ops.empty() ? "the graph is empty: no ops"
                                           : "the graph has no outputs",
                         "export the model again");
  // Each step needs the one before; within a step all mistakes are told.
  bool defined = defineInputs();
  defined &= defineOps();
  return defined && checkSubgraphs() && checkUses() && checkOutputs() && sortOps();
}

/// ONNX lets ops share a name, and have none; masks and messages need one.
class UniqueNames {
public:
  void run(Graph &graph) {
    for (Op &op : graph.ops)
      makeUnique(op);
    for (Op &op : graph.ops)
      for (Attribute &attribute : op.attributes)
        for (Graph &inner : attribute.graphs)
          run(inner);
  }

private:
  void makeUnique(Op &op) {
    std::string name = op.name;
    auto [it, isNew] = next.emplace(op.name, 2);
    while (!names.insert(name).second)
      name = op.name + "#" + std::to_string(it->second++);
    op.name = std::move(name);
  }

  std::unordered_set<std::string> names;
  std::unordered_map<std::string, int> next;
};

} // namespace

void discoc::importer::nameOps(std::vector<Op> &ops) {
  std::unordered_set<std::string> taken;
  std::unordered_map<std::string, int> next; // number to try, by base
  for (const Op &op : ops)
    taken.insert(op.name);
  for (Op &op : ops) {
    if (!op.name.empty())
      continue;
    std::string base = op.type;
    for (auto output = op.outputs.rbegin(); output != op.outputs.rend(); ++output)
      if (!output->empty())
        base = *output;
    // Explicit names keep themselves; these give way.
    std::string name = base;
    while (!taken.insert(name).second)
      name = base + "#" + std::to_string(next.try_emplace(base, 2).first->second++);
    op.name = std::move(name);
  }
}

bool discoc::importer::checkGraph(ReadContext &context) {
  UniqueNames().run(context.model.graph);
  return Checker(context, context.model.graph).run();
}
