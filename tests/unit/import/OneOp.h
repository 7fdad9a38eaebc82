//===- OneOp.h - models of one op, and the IR that they become --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCOC_TESTS_IMPORT_ONEOP_H
#define DISCOC_TESTS_IMPORT_ONEOP_H

#include "Models.h"

namespace discoc::importer::testing {

/// The IR of a model in MLIR's generic form, or the messages, one a line after "error: ".
std::string importedText(const onnx::ModelProto &model);
/// The IR with locations.
std::string importedWithLocations(const onnx::ModelProto &model);
/// What the IR is after printing and parsing it; empty when it does not parse.
std::string reparsed(const std::string &text);

/// A model with one op called "op" that makes y (y1, y2...).
class OneOp {
public:
  explicit OneOp(const std::string &type, int64_t opset = 17) {
    model.set_ir_version(8);
    model.add_opset_import()->set_version(opset);
    model.mutable_graph()->set_name("graph");
    model.mutable_graph()->add_node()->set_op_type(type);
    op()->set_name("op");
  }

  /// The next operand is an input of the model; inputs are x0, x1...
  OneOp &input(const std::vector<int64_t> &dims, int type = onnx::TensorProto::FLOAT) {
    setValue(model.mutable_graph()->add_input(), next(), dims, type);
    return *this;
  }
  /// It is a constant.
  OneOp &constant(const std::vector<int64_t> &dims, const std::vector<float> &values) {
    std::string bytes(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
    addRaw(model.mutable_graph(), next(), dims, bytes);
    return *this;
  }
  OneOp &constantInts(const std::vector<int64_t> &values) {
    return constantInts(values, {static_cast<int64_t>(values.size())});
  }
  OneOp &constantInts(const std::vector<int64_t> &values, const std::vector<int64_t> &dims) {
    std::string bytes(reinterpret_cast<const char *>(values.data()),
                      values.size() * sizeof(int64_t));
    addRaw(model.mutable_graph(), next(), dims, bytes, onnx::TensorProto::INT64);
    return *this;
  }
  /// It is a constant of zero bits.
  OneOp &zeros(const std::vector<int64_t> &dims, int type, size_t bytesEach) {
    size_t count = bytesEach;
    for (int64_t dim : dims)
      count *= static_cast<size_t>(dim);
    addRaw(model.mutable_graph(), next(), dims, std::string(count, '\0'), type);
    return *this;
  }
  OneOp &leftOut() {
    op()->add_input("");
    return *this;
  }

  OneOp &attr(const std::string &name, int64_t value) {
    auto *attribute = add(name, onnx::AttributeProto::INT);
    attribute->set_i(value);
    return *this;
  }
  OneOp &attr(const std::string &name, int value) {
    return attr(name, static_cast<int64_t>(value));
  }
  OneOp &attr(const std::string &name, float value) {
    add(name, onnx::AttributeProto::FLOAT)->set_f(value);
    return *this;
  }
  OneOp &attr(const std::string &name, const char *value) {
    add(name, onnx::AttributeProto::STRING)->set_s(value);
    return *this;
  }
  OneOp &attr(const std::string &name, const std::vector<int64_t> &values) {
    auto *attribute = add(name, onnx::AttributeProto::INTS);
    for (int64_t value : values)
      attribute->add_ints(value);
    return *this;
  }
  /// The op is one of another domain, of version 1.
  OneOp &domain(const std::string &name) {
    op()->set_domain(name);
    auto *import = model.add_opset_import();
    import->set_domain(name);
    import->set_version(1);
    return *this;
  }
  OneOp &outputs(int count) {
    outputCount = count;
    return *this;
  }

  onnx::ModelProto build() const {
    onnx::ModelProto whole = model;
    for (int i = 0; i < outputCount; ++i) {
      std::string name = i ? "y" + std::to_string(i) : "y";
      whole.mutable_graph()->mutable_node(0)->add_output(name);
      whole.mutable_graph()->add_output()->set_name(name);
    }
    return whole;
  }
  std::string text() const { return importedText(build()); }

private:
  std::string next() {
    op()->add_input("x" + std::to_string(op()->input_size()));
    return op()->input(op()->input_size() - 1);
  }
  onnx::AttributeProto *add(const std::string &name, onnx::AttributeProto::AttributeType type) {
    auto *attribute = op()->add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  }

  onnx::NodeProto *op() { return model.mutable_graph()->mutable_node(0); }

  onnx::ModelProto model;
  int outputCount = 1;
};

/// Expects every part, in this order.
inline void expectParts(const std::string &text, const std::vector<std::string> &parts) {
  size_t at = 0;
  for (const std::string &part : parts) {
    size_t found = text.find(part, at);
    EXPECT_NE(found, std::string::npos)
        << "no \"" << part << "\" after character " << at << " of:\n"
        << text;
    if (found != std::string::npos)
      at = found + part.size();
  }
}

} // namespace discoc::importer::testing

#endif // DISCOC_TESTS_IMPORT_ONEOP_H
