//===- OneOpModel.cpp - from protobuf to the side that sees MLIR ----------===//
// SPDX-License-Identifier: Apache-2.0

#include "OneOp.h"

namespace discoc::importer::testing {

std::string importedBytes(const std::string &bytes, bool withLocations);

std::string importedText(const onnx::ModelProto &model) {
  return importedBytes(model.SerializeAsString(), false);
}

std::string importedWithLocations(const onnx::ModelProto &model) {
  return importedBytes(model.SerializeAsString(), true);
}

} // namespace discoc::importer::testing
