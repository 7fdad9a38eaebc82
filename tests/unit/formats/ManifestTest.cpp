//===- ManifestTest.cpp - tests of manifests ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Manifest.h"
#include "Expect.h"
#include "compiler/formats/Json.h"

using namespace discoc;

static Manifest example() {
  Manifest m;
  m.compiler = "0.1.0";
  m.model = {"tiny", "tiny.onnx", std::string(64, 'a'), "models/tiny.onnx"};
  m.settings = {{"pin.batch", "1"}, {"nodes", "2"}};
  m.buildHash = std::string(32, '0');
  m.root.outputAt = RootPlacement::all;
  ManifestTensor x{"x:0", "float32", {1, 3, 8, 8}, {}};
  x.layout.kind = ManifestLayout::Kind::Replicated;
  ManifestTensor y{"y", "float16", {1, 10}, {}};
  y.layout = {ManifestLayout::Kind::Owned, 1, {IndexSet::range(0, 5), IndexSet::range(5, 10)}};
  m.inputs = {x};
  m.outputs = {y, {"scalar", "int64", {}, {}}};
  m.nodes = {{0, "left", "linux", "node0", 100, 200, {}},
             {1, "right", "linux", "node1", 300, 400, {}}};
  m.nodes[0].target = "x86-64-v3,x86-64-v4";
  m.nodes[1].console = "uart3";
  ManifestMessage in{0, 0, 1, 768, true, {}};
  in.routes.push_back({"x:0", ManifestRoute::Kind::Feature, std::nullopt, {}, 768});
  ManifestMessage feature{7, 1, 0, 64, false, {}};
  feature.routes.push_back({"f", ManifestRoute::Kind::Feature, 1, IndexSet::of({3, 8, 9, 10}), 32});
  feature.routes.push_back({"g", ManifestRoute::Kind::PartialSum, 0, IndexSet::of({1}), 32});
  m.messages = {in, feature};
  m.labels = {"cat", "dog"};
  m.preprocess.emplace();
  m.preprocess->inputs["x:0"].height = m.preprocess->inputs["x:0"].width = 8;
  m.preprocess->inputs["x:0"].mean = m.preprocess->inputs["x:0"].std = {1, 1, 1};
  return m;
}

TEST(Manifest, ReadsWhatItWrites) {
  Diagnostics out;
  const std::string text = toJson(example());
  keepForSchemas("manifest.json", text);
  auto back = parseManifest(text, "manifest.json", out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(toJson(*back), text);
  EXPECT_EQ(back->root.outputAt, RootPlacement::all);
  EXPECT_EQ(back->nodes[0].target, "x86-64-v3,x86-64-v4");
  EXPECT_EQ(back->nodes[1].console, "uart3");
  EXPECT_EQ(back->outputs[0].layout.owners[1], IndexSet::range(5, 10));
  ASSERT_EQ(back->messages.size(), 2u);
  EXPECT_FALSE(back->messages[0].routes[0].axis);
  EXPECT_EQ(back->messages[1].routes[0].channels, IndexSet::of({3, 8, 9, 10}));
  EXPECT_EQ(back->preprocess->inputs.at("x:0").height, 8);
}

TEST(Manifest, OfOneNodeHasOnlyItsMessages) {
  Manifest m = example();
  m.nodes.push_back({2, "third", "linux", "node2", 1, 1, {}});
  ManifestTexts texts(m);
  EXPECT_NE(texts.ofNode(0).find("\"rank\": 0"), std::string::npos);
  EXPECT_NE(texts.ofNode(0).find("\"id\": 7"), std::string::npos);
  EXPECT_EQ(texts.ofNode(2).find("\"id\": 7"), std::string::npos);
  EXPECT_EQ(texts.ofNode(2).find("node1"), std::string::npos);
}

TEST(Manifest, DirectoriesStayInside) {
  for (const char *directory : {"../node0", "/tmp", ".", "", "a/b"}) {
    Manifest m = example();
    m.nodes[0].directory = directory;
    Diagnostics out;
    EXPECT_FALSE(parseManifest(toJson(m), "manifest.json", out)) << directory;
    expectFault(out, {"$.nodes[0].directory"});
  }
}

TEST(Manifest, DocumentedExamples) {
  for (const std::string &text : examplesOf("manifest.md", "json")) {
    Diagnostics out;
    EXPECT_TRUE(parseManifest(text, "manifest.md", out)) << toString(out);
  }
}

/// The text that is put together is the one that the whole would have.
TEST(Manifest, IsLaidOutAsOneValue) {
  for (size_t messages : {0u, 1u, 2u}) {
    Manifest m = example();
    m.messages.resize(messages);
    const std::string text = toJson(m);
    EXPECT_EQ(layOut(Json::parse(text)), text) << messages;
  }
}
