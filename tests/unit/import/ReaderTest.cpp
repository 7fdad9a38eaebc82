//===- ReaderTest.cpp - headers, damage, metadata -------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "Models.h"

using namespace discoc::importer;
using namespace discoc::importer::testing;

TEST(Reader, ReadsASmallModel) {
  auto proto = reluModel();
  proto.set_producer_name("tests");
  auto *entry = proto.add_metadata_props();
  entry->set_key("disco.masks");
  entry->set_value("{}");
  Result result = read(proto);
  ASSERT_TRUE(result.model) << result.text();
  const Model &model = *result.model;
  EXPECT_EQ(model.irVersion, 8);
  EXPECT_EQ(model.defaultOpset(), 17);
  EXPECT_EQ(model.producerName, "tests");
  EXPECT_EQ(model.metadata.at("disco.masks"), "{}");
  ASSERT_EQ(model.graph.ops.size(), 1u);
  EXPECT_EQ(model.graph.ops[0].name, "act");
  EXPECT_EQ(model.graph.ops[0].type, "Relu");
  EXPECT_EQ(model.graph.ops[0].opset, 17);
  ASSERT_EQ(model.graph.inputs.size(), 1u);
  EXPECT_EQ(model.graph.inputs[0].dims[1].size, 3);
  EXPECT_EQ(model.files.size(), 1u);
}

TEST(Reader, RefusesWhatIsNoModel) {
  expectError(readBytes(""), {"test.onnx: ", "empty"});
  expectError(readBytes("version https://git-lfs.github.com/spec/v1\n"), {"no ONNX model"});
  expectError(readBytes(std::string(64, '\xff')), {"no ONNX model"});
  expectError(readBytes(std::string(2, '\0')), {"no ONNX model"});
}

TEST(Reader, EveryTruncationIsDiagnosed) {
  auto proto = reluModel();
  addRaw(proto.mutable_graph(), "w", {4}, std::string(16, 'a'));
  std::string bytes = proto.SerializeAsString();
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(readBytes(bytes.substr(0, length)).model) << length;
}

TEST(Reader, MissingFile) {
  Diagnostics errors;
  EXPECT_FALSE(readOnnx("/nonexistent/model.onnx", errors));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].str().find("cannot open"), std::string::npos);
  errors.clear();
  EXPECT_FALSE(readOnnx("/", errors));
  ASSERT_EQ(errors.size(), 1u);
}

TEST(Reader, HeaderFaults) {
  auto proto = reluModel();
  proto.clear_graph();
  expectError(read(proto), {"no graph"});

  proto = reluModel();
  proto.set_ir_version(2);
  expectError(read(proto), {"IR version 2", "3 to"});

  proto = reluModel();
  proto.clear_opset_import();
  expectError(read(proto), {"op 'act' (Relu)", "opset_import"});

  for (int version : {6, 26, 0, -1}) {
    proto = reluModel();
    proto.mutable_opset_import(0)->set_version(version);
    expectError(read(proto), {"opset " + std::to_string(version), "7 to 25"});
  }

  proto = reluModel();
  proto.add_opset_import()->set_version(16);
  expectError(read(proto), {"two versions"});
}

TEST(Reader, OpsetLimitsAreOptions) {
  auto proto = reluModel();
  proto.mutable_opset_import(0)->set_version(6);
  ReadOptions options;
  options.minOpset = 6;
  EXPECT_TRUE(readBytes(proto.SerializeAsString(), options).model);
}

TEST(Reader, DefaultDomainHasTwoNames) {
  auto proto = reluModel();
  proto.mutable_opset_import(0)->set_domain("ai.onnx");
  EXPECT_TRUE(read(proto).model);
}

TEST(Reader, UnknownDomain) {
  auto proto = reluModel();
  auto *import = proto.add_opset_import();
  import->set_domain("com.example");
  import->set_version(1);
  EXPECT_TRUE(read(proto).model) << "an import that is not used is harmless";
  proto.mutable_graph()->mutable_node(0)->set_domain("com.example");
  expectError(read(proto), {"op 'act' (Relu, opset 1)", "com.example"});
}

TEST(Reader, MetadataMustBeUnambiguous) {
  auto proto = reluModel();
  for (const char *value : {"a", "b"}) {
    auto *entry = proto.add_metadata_props();
    entry->set_key("k");
    entry->set_value(value);
  }
  expectError(read(proto), {"metadata_props", "'k'"});
}

TEST(Reader, NamesAreText) {
  auto proto = reluModel();
  proto.mutable_graph()->mutable_node(0)->set_name("a\nint evil;");
  expectError(read(proto), {"not plain UTF-8", "a\\x0aint evil;"});
  proto = reluModel();
  proto.mutable_graph()->mutable_node(0)->set_output(0, "\xff\xfe");
  expectError(read(proto), {"'\\xff\\xfe'"});
  proto = reluModel();
  proto.mutable_graph()->mutable_node(0)->set_name("Schicht/\xc3\xa4\xe6\xbc\xa2");
  EXPECT_TRUE(read(proto).model);
}

TEST(Reader, MessagesAreLimited) {
  auto proto = emptyModel();
  for (int i = 0; i < 1000; ++i)
    addOp(proto.mutable_graph(), "Relu", "", {"gone" + std::to_string(i)},
          {"t" + std::to_string(i)});
  Result result = read(proto);
  EXPECT_FALSE(result.model);
  EXPECT_LE(result.errors.size(), 20u);
}

TEST(Reader, TrainingGraphsAreSkipped) {
  auto proto = reluModel();
  auto *training = proto.add_training_info();
  addRaw(training->mutable_initialization(), "w", {4}, std::string(3, 'a'));
  EXPECT_TRUE(read(proto).model);
}

TEST(Reader, DeepNestingIsRefused) {
  auto proto = reluModel();
  auto *graph = proto.mutable_graph();
  for (int i = 0; i < 200; ++i) {
    auto *attribute = graph->node_size() == 0
                          ? addOp(graph, "If", "if", {"x"}, {"z"})->add_attribute()
                          : graph->mutable_node(0)->add_attribute();
    attribute->set_name("then_branch");
    attribute->set_type(onnx::AttributeProto::GRAPH);
    graph = attribute->mutable_g();
  }
  expectError(read(proto), {"nested too deep"});
}
