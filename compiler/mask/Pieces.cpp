//===- Pieces.cpp - a model cut at its contractions ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Pieces.h"

#include <algorithm>

using discoc::importer::Attribute;
using discoc::importer::Graph;
using discoc::importer::Model;
using discoc::importer::Op;
using discoc::importer::Tensor;
using discoc::importer::ValueInfo;

namespace discoc::mask {

static void noteReads(const Op &op, std::set<std::string> &reads) {
  for (const std::string &input : op.inputs)
    if (!input.empty())
      reads.insert(input);
  for (const Attribute &attribute : op.attributes)
    for (const Graph &inner : attribute.graphs) {
      for (const Op &within : inner.ops)
        noteReads(within, reads);
      for (const ValueInfo &output : inner.outputs)
        reads.insert(output.name);
    }
}

Pieces::Pieces(const Graph &graph, const std::set<size_t> &layers) {
  for (const ValueInfo &input : graph.inputs)
    tensors_[input.name] = 0;
  for (const ValueInfo &output : graph.outputs)
    outputs_.insert(output.name);
  reads_.resize(graph.ops.size());
  makes_.resize(graph.ops.size());
  levels_.resize(graph.ops.size(), constant);
  for (size_t i = 0; i < graph.ops.size(); ++i)
    setLevel(graph, i, layers.count(i) != 0);
  for (size_t i = 0; i < graph.ops.size(); ++i)
    for (const std::string &read : reads_[i])
      if (auto known = tensors_.find(read);
          known != tensors_.end() && known->second == ofShapes && levels_[i] != ofShapes)
        shapes_.insert(read);
}

void Pieces::setLevel(const Graph &graph, size_t at, bool layer) {
  const Op &op = graph.ops[at];
  noteReads(op, reads_[at]);
  int64_t level = constant;
  bool shapes = op.domain.empty() && (op.type == "Shape" || op.type == "Size");
  for (const std::string &read : reads_[at])
    if (auto known = tensors_.find(read); known != tensors_.end()) {
      shapes |= known->second == ofShapes;
      level = std::max(level, known->second);
    }
  const bool dynamic = level >= 0 && !(op.type == "Shape" || op.type == "Size");
  levels_[at] = dynamic ? level + (layer ? 1 : 0) : shapes ? ofShapes : constant;
  count_ = std::max(count_, levels_[at] + 1);
  for (const std::string &output : op.outputs) {
    if (output.empty())
      continue;
    makes_[at].push_back(output);
    tensors_[output] = levels_[at];
  }
}

std::vector<std::string> Pieces::inputsOf(int64_t level) const {
  std::set<std::string> own, found;
  for (size_t i = 0; i < levels_.size(); ++i)
    if (levels_[i] == level)
      own.insert(makes_[i].begin(), makes_[i].end());
  for (size_t i = 0; i < levels_.size(); ++i)
    if (levels_[i] == level)
      for (const std::string &read : reads_[i])
        if (auto known = tensors_.find(read);
            known != tensors_.end() && known->second >= 0 && own.count(read) == 0)
          found.insert(read);
  return {found.begin(), found.end()};
}

std::vector<std::string> Pieces::outputsOf(int64_t level) const {
  std::set<std::string> later, found;
  for (size_t i = 0; i < levels_.size(); ++i)
    if (levels_[i] > level)
      later.insert(reads_[i].begin(), reads_[i].end());
  for (size_t i = 0; i < levels_.size(); ++i)
    if (levels_[i] == level)
      for (const std::string &made : makes_[i])
        if (later.count(made) != 0 || outputs_.count(made) != 0)
          found.insert(made);
  return {found.begin(), found.end()};
}

Model Pieces::make(const Model &model, int64_t level, const std::map<std::string, ValueInfo> &known,
                   const std::vector<Tensor> &constants) const {
  Model piece;
  piece.path = model.path;
  piece.irVersion = model.irVersion;
  piece.opsets = model.opsets;
  piece.graph.name = "piece";
  for (const std::string &name : inputsOf(level))
    piece.graph.inputs.push_back(known.at(name));
  for (const std::string &name : outputsOf(level))
    piece.graph.outputs.push_back(known.at(name));
  // Backwards: of the constants' ops only what the piece reads. What layers read may have changed
  // since the levels were found.
  std::set<std::string> wanted;
  for (size_t i = model.graph.ops.size(); i-- > 0;) {
    const Op &op = model.graph.ops[i];
    const bool makes =
        std::any_of(makes_[i].begin(), makes_[i].end(),
                    [&](const std::string &made) { return wanted.count(made) != 0; });
    if (levels_[i] != level && !(levels_[i] == constant && makes))
      continue;
    noteReads(op, wanted);
    piece.graph.ops.push_back(op);
  }
  std::reverse(piece.graph.ops.begin(), piece.graph.ops.end());
  for (const Tensor &tensor : model.graph.initializers)
    if (wanted.count(tensor.name) != 0)
      piece.graph.initializers.push_back(tensor);
  for (const Tensor &tensor : constants)
    if (wanted.count(tensor.name) != 0)
      piece.graph.initializers.push_back(tensor);
  return piece;
}

} // namespace discoc::mask
