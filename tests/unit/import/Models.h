//===- Models.h - building small ONNX models in tests ---------------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCOC_TESTS_IMPORT_MODELS_H
#define DISCOC_TESTS_IMPORT_MODELS_H

#include "compiler/import/OnnxReader.h"

#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cstring>

namespace discoc::importer::testing {

inline void setValue(onnx::ValueInfoProto *info, const std::string &name,
                     const std::vector<int64_t> &dims, int type = onnx::TensorProto::FLOAT) {
  info->set_name(name);
  auto *tensor = info->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  auto *shape = tensor->mutable_shape();
  for (int64_t dim : dims)
    shape->add_dim()->set_dim_value(dim);
}

inline onnx::NodeProto *addOp(onnx::GraphProto *graph, const std::string &type,
                              const std::string &name, const std::vector<std::string> &inputs,
                              const std::vector<std::string> &outputs) {
  auto *op = graph->add_node();
  op->set_op_type(type);
  op->set_name(name);
  for (const std::string &input : inputs)
    op->add_input(input);
  for (const std::string &output : outputs)
    op->add_output(output);
  return op;
}

/// ir 8, opset 17, input x and output y of shape 2x3, no ops.
inline onnx::ModelProto emptyModel() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  setValue(model.mutable_graph()->add_input(), "x", {2, 3});
  setValue(model.mutable_graph()->add_output(), "y", {2, 3});
  return model;
}

/// y = Relu(x).
inline onnx::ModelProto reluModel() {
  onnx::ModelProto model = emptyModel();
  addOp(model.mutable_graph(), "Relu", "act", {"x"}, {"y"});
  return model;
}

inline onnx::TensorProto *addRaw(onnx::GraphProto *graph, const std::string &name,
                                 const std::vector<int64_t> &dims, const std::string &bytes,
                                 int type = onnx::TensorProto::FLOAT) {
  auto *tensor = graph->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(type);
  for (int64_t dim : dims)
    tensor->add_dims(dim);
  tensor->set_raw_data(bytes);
  return tensor;
}

/// The read model and what its views point into.
struct Result {
  std::shared_ptr<std::string> bytes;
  std::optional<Model> model;
  Diagnostics errors;

  /// All messages, for searching in.
  std::string text() const {
    std::string all;
    for (const Diagnostic &error : errors)
      all += error.str() + "\n";
    return all;
  }
};

inline Result readBytes(const std::string &bytes, const ReadOptions &options = {}) {
  Result result;
  result.bytes = std::make_shared<std::string>(bytes);
  result.model = readOnnxBytes(std::as_bytes(std::span(*result.bytes)), result.bytes, "test.onnx",
                               "", result.errors, options);
  EXPECT_EQ(result.model.has_value(), result.errors.empty()) << result.text();
  return result;
}

inline Result read(const onnx::ModelProto &model) { return readBytes(model.SerializeAsString()); }

/// Expects that reading fails and that the messages hold every part.
inline void expectError(const Result &result, const std::vector<std::string> &parts) {
  EXPECT_FALSE(result.model.has_value());
  for (const std::string &part : parts)
    EXPECT_NE(result.text().find(part), std::string::npos)
        << "no \"" << part << "\" in: " << result.text();
}

template <class T> std::vector<T> elements(const Tensor &tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty())
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

} // namespace discoc::importer::testing

#endif // DISCOC_TESTS_IMPORT_MODELS_H
