//===- OnnxProto.h - a model's structures as protobuf's -------------------===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_ONNXPROTO_H
#define DISCOC_IMPORT_ONNXPROTO_H

#include "compiler/import/OnnxModel.h"

#include <onnx/onnx_pb.h>

namespace discoc::importer {

/// False for attributes that the reader keeps nothing of.
bool toProto(const Op &op, onnx::NodeProto &proto);
bool toProto(const Graph &graph, onnx::GraphProto &proto);

} // namespace discoc::importer

#endif // DISCOC_IMPORT_ONNXPROTO_H
