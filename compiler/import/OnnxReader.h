//===- OnnxReader.h - reading .onnx files ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// The files are mapped, and big tensors are views of the mapping: neither
// protobuf nor the reader copies raw_data or external data. No exception
// leaves these functions, and every malformed input ends in a diagnostic.
//
//===----------------------------------------------------------------------===//

#ifndef DISCOC_IMPORT_ONNXREADER_H
#define DISCOC_IMPORT_ONNXREADER_H

#include "compiler/import/OnnxModel.h"

#include <optional>

namespace discoc::importer {

struct ReadOptions {
  /// Accepted versions of ONNX's own operator set.
  int64_t minOpset = 7;
  int64_t maxOpset = 25;
  /// External data may be symbolic and hard links, and so lie anywhere.
  bool followLinks = false;

  /// What a small file could make large; docs/limits.md states them.
  size_t maxOps = 200000;                ///< after functions are inlined, with branches
  size_t maxCalls = 200000;              ///< of functions
  size_t maxInlined = size_t(256) << 20; ///< bytes of names and attributes that inlining copies
  size_t maxAttributes = 1000;           ///< of one op
  size_t maxDims = 64;                   ///< of one tensor
  size_t maxSparse = size_t(1) << 30;    ///< bytes of all sparse tensors, made dense
};

/// Reads, checks and normalises a model: functions are inlined, op names made
/// unique, ops sorted, initialisers taken off the inputs. Nothing on failure,
/// with at least one entry in \p errors.
std::optional<Model> readOnnx(const std::string &path, Diagnostics &errors,
                              const ReadOptions &options = {});

/// The same for bytes in memory. \p owner keeps them alive and may be null
/// when they outlive the model. External data is looked for in \p directory;
/// when that is empty, external data is an error.
std::optional<Model> readOnnxBytes(std::span<const std::byte> bytes,
                                   std::shared_ptr<const void> owner, const std::string &path,
                                   const std::string &directory, Diagnostics &errors,
                                   const ReadOptions &options = {});

/// Gives every dimension of every input a size. \p pins is `--pin name=size`,
/// \p shapes is `--input-shape NAME=AxB`; a symbol that a shape fixes is fixed
/// everywhere. A dimension that stays open is an error: nothing is guessed.
bool pinDimensions(Model &model, const std::map<std::string, int64_t> &pins,
                   const std::map<std::string, std::vector<int64_t>> &shapes, Diagnostics &errors);

/// Makes inputs constants: `--set NAME=VALUE`, a number (or true, false) for
/// all elements, or as many as there are, separated by commas. Shapes have to
/// be fixed: pinDimensions comes first.
bool setInputs(Model &model, const std::map<std::string, std::string> &values, Diagnostics &errors);

} // namespace discoc::importer

#endif // DISCOC_IMPORT_ONNXREADER_H
