//===- MaskedModelTest.cpp - which weights masks forbid, and the copy without them ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/verify/MaskedModel.h"
#include "../import/Models.h"
#include "compiler/run/Scratch.h"

#include <filesystem>
#include <fstream>

using namespace discoc;
using namespace discoc::importer::testing;
using importer::ForbiddenWeights;

namespace {

IndexSet set(std::vector<int64_t> indices) { return IndexSet::of(std::move(indices)); }

class MaskedModel : public testing::Test {
protected:
  MaskedModel() : model(emptyModel()), graph(*model.mutable_graph()) {
    masks.nodes = owners.nodes = 2;
    file = scratch.path() + "/m.onnx";
    target = scratch.path() + "/masked.onnx";
  }

  /// Weights 1, 2, 3, ...
  onnx::TensorProto *weights(const std::string &name, const std::vector<int64_t> &dims) {
    int64_t count = 1;
    for (int64_t dim : dims)
      count *= dim;
    onnx::TensorProto *tensor = graph.add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    for (int64_t dim : dims)
      tensor->add_dims(dim);
    for (int64_t i = 1; i <= count; ++i) {
      const float value = static_cast<float>(i);
      tensor->mutable_raw_data()->append(reinterpret_cast<const char *>(&value), sizeof(value));
    }
    return tensor;
  }

  /// Node 0 has the first half of `extent` channels.
  void halves(const std::string &tensor, int64_t axis, int64_t extent) {
    owners.tensors[tensor] = {
        axis, {IndexSet::range(0, extent / 2), IndexSet::range(extent / 2, extent)}};
  }

  void mask(const std::string &op, int64_t from, int64_t to, std::vector<int64_t> channels) {
    masks.entries.push_back({op, from, to, set(std::move(channels))});
  }

  bool mask() {
    std::ofstream(file, std::ios::binary) << model.SerializeAsString();
    read = importer::readOnnx(file, errors);
    if (!read)
      return false;
    auto found = importer::forbiddenWeights(*read, masks, owners, errors);
    if (!found)
      return false;
    forbidden = *found;
    if (!importer::writeMaskedModel(*read, forbidden, target, errors))
      return false;
    std::ifstream stream(target, std::ios::binary);
    return masked.ParseFromIstream(&stream);
  }

  std::string errorText() const {
    std::string text;
    for (const auto &error : errors)
      text += error.str() + "\n";
    return text;
  }

  const onnx::TensorProto *tensor(const std::string &name) const {
    for (const auto &t : masked.graph().initializer())
      if (t.name() == name)
        return &t;
    return nullptr;
  }

  std::vector<float> values(const std::string &name) const {
    const onnx::TensorProto *t = tensor(name);
    std::vector<float> all(t ? t->raw_data().size() / sizeof(float) : 0);
    if (t)
      std::memcpy(all.data(), t->raw_data().data(), t->raw_data().size());
    return all;
  }

  Scratch scratch;
  std::string file, target;
  onnx::ModelProto model, masked;
  onnx::GraphProto &graph;
  Masks masks;
  Owners owners;
  std::optional<importer::Model> read;
  std::vector<ForbiddenWeights> forbidden;
  importer::Diagnostics errors;
};

/// x (1x4) -> Gemm -> y (1x2): node 0 reads channels 0, 1 and 3, node 1 reads 2 and 3.
TEST_F(MaskedModel, GemmBothWaysAndMatMul) {
  for (const char *kind : {"transB", "plain", "MatMul"}) {
    graph.Clear();
    errors.clear();
    masks.entries.clear();
    setValue(graph.add_input(), "x", {1, 4});
    setValue(graph.add_output(), "y", {1, 2});
    const bool rowsFirst = std::string(kind) == "transB";
    weights("w", rowsFirst ? std::vector<int64_t>{2, 4} : std::vector<int64_t>{4, 2});
    auto *op =
        addOp(&graph, std::string(kind) == "MatMul" ? "MatMul" : "Gemm", "fc", {"x", "w"}, {"y"});
    if (rowsFirst) {
      auto *attribute = op->add_attribute();
      attribute->set_name("transB");
      attribute->set_type(onnx::AttributeProto::INT);
      attribute->set_i(1);
    }
    halves("y", 1, 2);
    mask("fc", 0, 0, {0, 1});
    mask("fc", 1, 0, {3});
    mask("fc", 0, 1, {});
    mask("fc", 1, 1, {2, 3});
    ASSERT_TRUE(mask()) << errorText();
    EXPECT_EQ(values("w"), rowsFirst ? (std::vector<float>{1, 2, 0, 4, 0, 0, 7, 8})
                                     : (std::vector<float>{1, 0, 3, 0, 0, 6, 7, 8}))
        << kind;
  }
}

/// Weights of one byte get the zero point of their row; stored as repeated fields, they are chosen.
TEST_F(MaskedModel, IntegersGetTheirZeroPoints) {
  for (bool isRaw : {true, false}) {
    graph.Clear();
    masks.entries.clear();
    setValue(graph.add_input(), "x", {1, 4}, onnx::TensorProto::UINT8);
    setValue(graph.add_output(), "y", {1, 2}, onnx::TensorProto::INT32);
    auto bytes = [&](const std::string &name, const std::vector<int64_t> &dims,
                     std::string values) {
      onnx::TensorProto *tensor = graph.add_initializer();
      tensor->set_name(name);
      tensor->set_data_type(onnx::TensorProto::INT8);
      for (int64_t dim : dims)
        tensor->add_dims(dim);
      if (isRaw || name != "w")
        tensor->set_raw_data(values);
      else
        for (char value : values)
          tensor->add_int32_data(value);
    };
    bytes("w", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
    bytes("z", {2}, {-5, 9});
    addOp(&graph, "MatMulInteger", "fc", {"x", "w", "", "z"}, {"y"});
    halves("y", 1, 2);
    mask("fc", 0, 0, {0, 1});
    mask("fc", 1, 0, {3});
    mask("fc", 0, 1, {});
    mask("fc", 1, 1, {2, 3});
    ASSERT_TRUE(mask()) << errorText();
    const std::string filled{1, 9, 3, 9, -5, 6, 7, 8};
    if (isRaw) {
      EXPECT_EQ(tensor("w")->raw_data(), filled);
      continue;
    }
    const onnx::NodeProto &where = masked.graph().node(0);
    ASSERT_EQ(where.op_type(), "Where");
    EXPECT_EQ(tensor(where.input(0))->raw_data(), (std::string{1, 0, 1, 0, 0, 1, 1, 1}));
    EXPECT_EQ(tensor(where.input(2))->raw_data(), (std::string{-5, 9, -5, 9, -5, 9, -5, 9}));
    EXPECT_EQ(masked.graph().node(1).input(1), where.output(0));
  }
}

/// Two groups of two channels: columns count within the group, masks count over all.
TEST_F(MaskedModel, GroupsOfConvolutions) {
  graph.clear_input();
  graph.clear_output();
  setValue(graph.add_input(), "x", {1, 4, 3, 3});
  setValue(graph.add_output(), "y", {1, 4, 2, 2});
  weights("w", {4, 2, 2, 2});
  auto *group = addOp(&graph, "Conv", "conv", {"x", "w"}, {"y"})->add_attribute();
  group->set_name("group");
  group->set_type(onnx::AttributeProto::INT);
  group->set_i(2);
  owners.tensors["y"] = {1, {set({0, 2}), set({1, 3})}};
  mask("conv", 0, 0, {0, 2}); // rows 0 and 2
  mask("conv", 1, 0, {3});
  mask("conv", 0, 1, {0});
  mask("conv", 1, 1, {1, 3}); // rows 1 and 3
  ASSERT_TRUE(mask()) << errorText();
  ASSERT_EQ(forbidden.size(), 1u);
  // Row 0 reads 0, 1: not 1. Row 1 reads 0, 1. Row 2 reads 2, 3. Row 3 reads 2, 3: not 2.
  EXPECT_EQ(forbidden[0].forbidden, (std::vector<char>{0, 1, 0, 0, 0, 0, 1, 0}));
  const std::vector<float> w = values("w");
  for (size_t i = 0; i < w.size(); ++i)
    EXPECT_EQ(w[i], i / 4 == 1 || i / 4 == 6 ? 0 : static_cast<float>(i + 1)) << i;
}

/// Two ops read the same weights: only the op that has a mask loses some.
TEST_F(MaskedModel, SharedWeightsAreDoubled) {
  graph.clear_input();
  graph.clear_output();
  setValue(graph.add_input(), "x", {1, 2});
  setValue(graph.add_output(), "y", {1, 2});
  weights("w", {2, 2});
  setValue(graph.add_input(), "w", {2, 2}); // an initialiser that is also an input
  addOp(&graph, "MatMul", "first", {"x", "w"}, {"t"});
  addOp(&graph, "Relu", "act", {"t"}, {"u"}); // fused: t has no owner map
  addOp(&graph, "MatMul", "second", {"u", "w"}, {"y"});
  halves("u", 1, 2);
  mask("first", 0, 0, {0});
  mask("first", 1, 0, {});
  auto *entry = model.add_metadata_props();
  entry->set_key("discoc.masks");
  entry->set_value("{}");
  ASSERT_TRUE(mask()) << errorText();
  EXPECT_EQ(values("w"), (std::vector<float>{1, 2, 3, 4}));
  const std::string own = masked.graph().node(0).input(1);
  EXPECT_NE(own, "w");
  EXPECT_EQ(values(own), (std::vector<float>{1, 2, 0, 4}));
  EXPECT_EQ(masked.graph().node(2).input(1), "w");
  EXPECT_EQ(masked.graph().input_size(), 1);
  EXPECT_EQ(masked.metadata_props_size(), 0);
}

/// A hard swish of its own parts: two ops read the result, and only what they meet in has a map.
TEST_F(MaskedModel, FusedOpsThatPartAndMeet) {
  graph.clear_input();
  graph.clear_output();
  setValue(graph.add_input(), "x", {1, 2});
  setValue(graph.add_output(), "y", {1, 2});
  weights("w", {2, 2});
  addOp(&graph, "MatMul", "fc", {"x", "w"}, {"t"});
  addOp(&graph, "HardSigmoid", "gate", {"t"}, {"g"});
  addOp(&graph, "Mul", "swish", {"t", "g"}, {"y"});
  halves("y", 1, 2);
  mask("fc", 0, 1, {});
  ASSERT_TRUE(mask()) << errorText();
  EXPECT_EQ(values("w"), (std::vector<float>{1, 0, 3, 0}));
}

/// Weights that are computed, or stored as repeated fields, are multiplied with zeros and ones.
TEST_F(MaskedModel, OtherWeightsAreMultiplied) {
  graph.clear_input();
  graph.clear_output();
  setValue(graph.add_input(), "x", {1, 2});
  setValue(graph.add_output(), "y", {1, 2});
  weights("w", {2, 2});
  weights("pruned", {2, 1});
  addOp(&graph, "Mul", "prune", {"w", "pruned"}, {"v"});
  addOp(&graph, "MatMul", "fc", {"x", "v"}, {"y"});
  halves("y", 1, 2);
  mask("y", 0, 1, {}); // by the result's name
  mask("y", 1, 1, {1});
  ASSERT_TRUE(mask()) << errorText();
  ASSERT_EQ(masked.graph().node_size(), 3);
  const onnx::NodeProto &mul = masked.graph().node(1);
  EXPECT_EQ(mul.op_type(), "Mul");
  EXPECT_EQ(mul.input(0), "v");
  EXPECT_EQ(values(mul.input(1)), (std::vector<float>{1, 0, 1, 1}));
  EXPECT_EQ(masked.graph().node(2).input(1), mul.output(0));
}

TEST_F(MaskedModel, ExternalDataLiesBesideTheCopy) {
  graph.clear_input();
  graph.clear_output();
  setValue(graph.add_input(), "x", {1, 2});
  setValue(graph.add_output(), "y", {1, 2});
  onnx::TensorProto *w = weights("w", {2, 2});
  std::filesystem::create_directories(scratch.path() + "/data");
  std::ofstream(scratch.path() + "/data/w.bin", std::ios::binary) << w->raw_data();
  w->clear_raw_data();
  w->set_data_location(onnx::TensorProto::EXTERNAL);
  auto *location = w->add_external_data();
  location->set_key("location");
  location->set_value("data/w.bin");
  addOp(&graph, "MatMul", "fc", {"x", "w"}, {"y"});
  halves("y", 1, 2);
  mask("fc", 0, 1, {});
  std::filesystem::create_directories(scratch.path() + "/elsewhere");
  target = scratch.path() + "/elsewhere/masked.onnx";
  ASSERT_TRUE(mask()) << errorText();
  // A file of its own: a link would be refused when the copy is read, and change with the model's.
  EXPECT_EQ(std::filesystem::hard_link_count(scratch.path() + "/elsewhere/data/w.bin"), 1u);
  EXPECT_TRUE(importer::readOnnx(target, errors)) << errorText();
  EXPECT_EQ(masked.graph().node(0).op_type(), "Mul");
}

/// The masks name an op inside a function.
TEST_F(MaskedModel, FunctionsAreInlined) {
  graph.clear_input();
  graph.clear_output();
  setValue(graph.add_input(), "x", {1, 2});
  setValue(graph.add_output(), "y", {1, 2});
  weights("w", {2, 2});
  model.set_ir_version(8);
  auto *import = model.add_opset_import();
  import->set_domain("own");
  import->set_version(1);
  auto *function = model.add_functions();
  function->set_name("Layer");
  function->set_domain("own");
  function->add_input("a");
  function->add_input("b");
  function->add_output("c");
  function->add_opset_import()->set_version(17);
  auto *inner = function->add_node();
  inner->set_op_type("MatMul");
  inner->set_name("product");
  inner->add_input("a");
  inner->add_input("b");
  inner->add_output("c");
  addOp(&graph, "Layer", "layer", {"x", "w"}, {"y"})->set_domain("own");
  std::ofstream(file, std::ios::binary) << model.SerializeAsString();
  read = importer::readOnnx(file, errors);
  ASSERT_TRUE(read) << errorText();
  for (const importer::Op &op : read->graph.ops)
    if (op.type == "MatMul")
      mask(op.name, 0, 1, {});
  ASSERT_EQ(masks.entries.size(), 1u);
  halves("y", 1, 2);
  ASSERT_TRUE(mask()) << errorText();
  EXPECT_EQ(masked.functions_size(), 0);
  EXPECT_EQ(values("w"), (std::vector<float>{1, 0, 3, 0}));
}

TEST_F(MaskedModel, MasksThatDoNotFitAreRefused) {
  graph.clear_input();
  graph.clear_output();
  setValue(graph.add_input(), "x", {1, 2});
  setValue(graph.add_output(), "y", {1, 2});
  weights("w", {2, 2});
  addOp(&graph, "MatMul", "fc", {"x", "w"}, {"t"});
  addOp(&graph, "Relu", "act", {"t"}, {"y"});
  mask("nobody", 0, 1, {});
  EXPECT_FALSE(mask());
  EXPECT_NE(errorText().find("'nobody'"), std::string::npos);
  errors.clear();
  masks.entries.clear();
  mask("fc", 0, 1, {});
  EXPECT_FALSE(mask()); // no owner map of t, nor of y
  EXPECT_NE(errorText().find("no owner map"), std::string::npos) << errorText();
  errors.clear();
  halves("y", 1, 4);
  EXPECT_FALSE(mask());
  EXPECT_NE(errorText().find("has channel 3"), std::string::npos) << errorText();
  errors.clear();
  halves("y", 1, 2);
  mask("fc", 1, 1, {7});
  EXPECT_FALSE(mask());
  EXPECT_NE(errorText().find("list channel 7 of 2"), std::string::npos) << errorText();
  errors.clear();
  masks.entries.clear();
  mask("act", 0, 1, {});
  EXPECT_FALSE(mask());
  EXPECT_NE(errorText().find("is no contraction"), std::string::npos) << errorText();
}

} // namespace
