//===- OnnxWriter.h - writing .onnx files ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_ONNXWRITER_H
#define DISCOC_IMPORT_ONNXWRITER_H

#include "compiler/import/OnnxModel.h"

namespace discoc::importer {

/// Writes the model as one file: functions inlined, ops with the names that the reader gave them,
/// dimensions as they were pinned, all constants inside. False with a diagnostic where that is more
/// than protobuf writes (2 GiB), where an op has what the reader keeps nothing of, or the file
/// cannot be written; then there is no file.
bool writeOnnx(const Model &model, const std::string &path, Diagnostics &errors);

} // namespace discoc::importer

#endif // DISCOC_IMPORT_ONNXWRITER_H
