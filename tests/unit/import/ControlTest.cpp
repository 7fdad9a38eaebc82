//===- ControlTest.cpp - branches, loops and sequences --------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "OneOp.h"

using namespace discoc::importer::testing;

namespace {

onnx::GraphProto *addGraph(onnx::NodeProto *op, const std::string &name) {
  auto *attribute = op->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::GRAPH);
  attribute->mutable_g()->set_name(name);
  return attribute->mutable_g();
}

/// y = If(c) { Relu(x) } else { Neg(x) }; both name what they make t.
onnx::ModelProto branchModel(bool isKnown, bool value = true) {
  auto proto = emptyModel();
  auto *graph = proto.mutable_graph();
  auto *op = addOp(graph, "If", "choice", {"c"}, {"y"});
  if (isKnown)
    addRaw(graph, "c", {}, std::string(1, value ? '\1' : '\0'), onnx::TensorProto::BOOL);
  else
    setValue(graph->add_input(), "c", {}, onnx::TensorProto::BOOL);
  for (const auto &[name, type] : {std::pair("then_branch", "Relu"), {"else_branch", "Neg"}}) {
    auto *branch = addGraph(op, name);
    addOp(branch, type, "inner", {"x"}, {"t"});
    branch->add_output()->set_name("t");
  }
  return proto;
}

/// y = x + 1, `count` times.
onnx::ModelProto loopModel(int64_t count) {
  auto proto = emptyModel();
  auto *graph = proto.mutable_graph();
  addRaw(graph, "n", {}, std::string(reinterpret_cast<char *>(&count), 8),
         onnx::TensorProto::INT64);
  const float one = 1;
  addRaw(graph, "one", {}, std::string(reinterpret_cast<const char *>(&one), 4));
  auto *body = addGraph(addOp(graph, "Loop", "loop", {"n", "", "x"}, {"y"}), "body");
  for (const char *name : {"i", "c", "v"})
    body->add_input()->set_name(name);
  addOp(body, "Add", "sum", {"v", "one"}, {"w"});
  for (const char *name : {"c", "w"})
    body->add_output()->set_name(name);
  return proto;
}

} // namespace

TEST(Control, TheBranchThatIsTaken) {
  std::string text = importedText(branchModel(true));
  expectParts(text, {"#disco.act<relu>", "\"disco.output\""});
  EXPECT_EQ(text.find("neg"), std::string::npos) << text;
  expectParts(importedText(branchModel(true, false)), {"#disco.act<neg>", "\"disco.output\""});
}

TEST(Control, ConditionsMustBeKnown) {
  expectParts(importedText(branchModel(false)),
              {"error:", "op 'choice' (If", "the condition, 'c'", "--set c=VALUE fixes"});
  expectParts(OneOp("NonZero").input({3, 5, 7}).text(),
              {"error:", "it depends on what 'x0' holds", "export the model without"});
}

TEST(Control, BranchesSeeWhatIsAround) {
  auto proto = branchModel(true);
  auto *branch = proto.mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_g();
  branch->mutable_node(0)->set_input(0, "nothing");
  expectError(read(proto), {"op 'inner'", "reads the tensor 'nothing', which nothing makes"});
}

TEST(Control, OpsThatBranchesReadComeFirst) {
  auto proto = branchModel(true);
  auto *graph = proto.mutable_graph();
  graph->mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(0, "late");
  addOp(graph, "Neg", "producer", {"x"}, {"late"});
  expectParts(importedText(proto), {"#disco.act<neg>", "#disco.act<relu>"});
}

TEST(Control, LoopsAreUnrolled) {
  std::string text = importedWithLocations(loopModel(3));
  expectParts(text, {"sum@0", "sum@1", "sum@2"});
  EXPECT_EQ(text.find("sum@3"), std::string::npos) << text;
  expectParts(text, {"disco.tensor = \"w@0\"", "disco.tensor = \"w@1\""});
}

TEST(Control, LoopsEndSomewhere) {
  expectParts(
      importedText(loopModel(int64_t(1) << 40)),
      {"error:", "op 'loop' (Loop", "unrolled to more than 20000 ops", "at iteration 20000"});
}

TEST(Control, SequencesAreNoTensors) {
  auto proto = emptyModel();
  auto *graph = proto.mutable_graph();
  addOp(graph, "SequenceConstruct", "make", {"x", "x"}, {"q"});
  addOp(graph, "Relu", "act", {"q"}, {"y"});
  expectParts(importedText(proto), {"error:", "op 'act' (Relu", "reads a sequence of tensors"});
}
