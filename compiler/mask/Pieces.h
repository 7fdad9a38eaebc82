//===- Pieces.h - a model cut at its contractions ---===//
// SPDX-License-Identifier: Apache-2.0
//
// A piece is the contractions of one level and what follows them up to those of the next: once the
// weights of a level are known, its piece computes what the next level sees. All pieces together
// compute every op once.
#ifndef DISCOC_MASK_PIECES_H
#define DISCOC_MASK_PIECES_H

#include "compiler/import/OnnxModel.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace discoc::mask {

class Pieces {
public:
  /// `layers`: places of the contractions among the ops.
  Pieces(const importer::Graph &graph, const std::set<size_t> &layers);

  int64_t count() const { return count_; }
  /// 0: of what is computed before any contraction.
  int64_t levelOf(size_t op) const { return levels_[op]; }
  /// Tensors that a piece reads of earlier ones and of the model's inputs, and that it gives on.
  std::vector<std::string> inputsOf(int64_t level) const;
  std::vector<std::string> outputsOf(int64_t level) const;
  /// Tensors that depend on shapes alone, as far as pieces read them: they are constants of pieces.
  const std::set<std::string> &shapes() const { return shapes_; }

  /// The piece as a model. `known`: types and shapes of all that pieces give on; `constants`: the
  /// values of shapes().
  importer::Model make(const importer::Model &model, int64_t level,
                       const std::map<std::string, importer::ValueInfo> &known,
                       const std::vector<importer::Tensor> &constants) const;

private:
  static constexpr int64_t constant = -1, ofShapes = -2;
  void setLevel(const importer::Graph &graph, size_t op, bool layer);

  std::vector<std::set<std::string>> reads_; // by op: tensors, also those of graphs within it
  std::vector<std::vector<std::string>> makes_;
  std::vector<int64_t> levels_; // by op
  std::map<std::string, int64_t> tensors_;
  std::set<std::string> shapes_, outputs_;
  int64_t count_ = 1;
};

} // namespace discoc::mask

#endif // DISCOC_MASK_PIECES_H
