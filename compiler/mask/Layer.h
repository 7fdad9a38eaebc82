//===- Layer.h - a contraction as a product of matrices ---===//
// SPDX-License-Identifier: Apache-2.0
//
// Conv, ConvTranspose, Gemm and MatMul with constant weights are all Y = W X + b: a row of W is an
// output channel, a column an input channel and a tap, a column of X a position of the output.
#ifndef DISCOC_MASK_LAYER_H
#define DISCOC_MASK_LAYER_H

#include "compiler/import/OnnxModel.h"

#include <Eigen/Core>

#include <cstdint>
#include <string>
#include <vector>

namespace discoc::mask {

using Matrix = Eigen::MatrixXd;
using Samples = Eigen::MatrixXf; ///< a column a position

struct Layer {
  enum class Kind { Conv, Transposed, Matrix };
  Kind kind = Kind::Matrix;
  size_t op = 0; ///< its place among the model's ops
  std::string name, type, input, output;
  std::string weights, bias; ///< initialisers; bias may be empty
  int64_t rows = 0, columns = 0, groups = 1, taps = 1;
  double scale = 1;          ///< of Gemm: alpha
  bool columnsFirst = false; ///< how the weights lie: [columns, rows, ...]
  std::vector<int64_t> kernel, strides, dilations, pads; ///< of convolutions, pads before
  bool automatic = false, automaticUpper = false;        ///< pads follow from the shapes
  std::vector<int64_t> inputShape, outputShape;          ///< of one inference

  int64_t rowsInGroup() const { return rows / groups; }
  int64_t columnsInGroup() const { return columns / groups; }
  /// Rows of X, without the one for the bias.
  int64_t width() const { return columnsInGroup() * taps; }
  /// Positions of the output of one inference.
  int64_t positions() const;
};

/// The layer that an op of a graph is. Else `why` says what it lacks, or is empty: it is none.
bool makeLayer(const importer::Graph &graph, size_t op, Layer &layer, std::string &why);

/// The weights, rows x (columns in a group * taps), and the bias as a last column: 0 where there is
/// none.
Matrix readWeights(const importer::Graph &graph, const Layer &layer);

/// Writes them back. Others that read the same tensors keep what they had; a layer without a bias
/// gets one where `withBias`.
void writeWeights(importer::Graph &graph, const Layer &layer, const Matrix &weights);

/// Whether the layer has a bias, or can be given one.
bool canHaveBias(const Layer &layer);

/// Fills the columns of `patches`, (width() + 1) x positions, of one inference and group: what the
/// rows of the group see at some positions. The last row is 1.
void gatherPatches(const Layer &layer, int64_t group, const float *input,
                   const std::vector<int64_t> &positions, Eigen::Ref<Samples> patches);

/// Likewise the outputs, rows x positions.
void gatherOutputs(const Layer &layer, const float *output, const std::vector<int64_t> &positions,
                   Eigen::Ref<Samples> outputs);

} // namespace discoc::mask

#endif // DISCOC_MASK_LAYER_H
