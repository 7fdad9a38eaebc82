//===- MaskedModel.h - a model with the weights that masks forbid zeroed --===//
// SPDX-License-Identifier: Apache-2.0
//
// What `discoc verify` compares a cluster with. It works on the ONNX file, not
// on the dialect, so that a fault of the compiler cannot hide in it.
//
//===----------------------------------------------------------------------===//

#ifndef DISCOC_VERIFY_MASKEDMODEL_H
#define DISCOC_VERIFY_MASKEDMODEL_H

#include "compiler/formats/Masks.h"
#include "compiler/formats/Owners.h"
#include "compiler/import/OnnxModel.h"

#include <optional>

namespace discoc::importer {

/// The weights of one op, and which of them masks forbid.
struct ForbiddenWeights {
  const Op *op = nullptr; ///< of the model
  size_t input = 1;       ///< of the op, where the weights are
  std::string weights;    ///< the tensor
  ElemType type = ElemType::Undefined;
  std::vector<int64_t> dims;
  /// By the first two axes, dims[0] * dims[1]; an entry stands for all taps.
  std::vector<char> forbidden;
  /// The bytes that forbidden weights of one byte get, entry by entry: their zero points. Empty: 0.
  std::string fill;
};

/// What masks forbid, op by op. \p masks has to be complete, as compile writes
/// it: every pair of an op, also the diagonal, or none of that node's. Ops of
/// which nothing is forbidden are left out.
std::optional<std::vector<ForbiddenWeights>>
forbiddenWeights(const Model &model, const Masks &masks, const Owners &owners, Diagnostics &errors);

/// Writes the model's file with those weights zero, files of external data
/// beside it. Initialisers that are also inputs are inputs no more, stated
/// masks and owner maps are gone from the metadata.
bool writeMaskedModel(const Model &model, const std::vector<ForbiddenWeights> &forbidden,
                      const std::string &target, Diagnostics &errors);

} // namespace discoc::importer

#endif // DISCOC_VERIFY_MASKEDMODEL_H
