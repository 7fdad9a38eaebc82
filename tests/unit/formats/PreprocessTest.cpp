//===- PreprocessTest.cpp - tests of preprocess files and of labels ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Preprocess.h"
#include "Expect.h"
#include "compiler/formats/Metadata.h"

using namespace discoc;

static std::string file(const std::string &resize, const std::string &color,
                        const std::string &mean, const std::string &std,
                        const std::string &more = "") {
  return R"({"format":"discoc-preprocess","version":1,"inputs":{"x":{"size":[32,48],"resize":")" +
         resize + R"(","layout":"NCHW","color":")" + color +
         R"(","scale":0.00392156862745098,"mean":)" + mean + ",\"std\":" + std + more + "}}}";
}

TEST(Preprocess, ReadsWhatItWrites) {
  Diagnostics out;
  auto first = parsePreprocess(file("center-crop", "BGR", "[0.4,0.5,0.6]", "0.25",
                                    R"(,"resize_shorter":64,"type":"float16")"),
                               "p", out);
  ASSERT_TRUE(first) << toString(out);
  const PreprocessInput &in = first->inputs.at("x");
  EXPECT_EQ(in.height, 32);
  EXPECT_EQ(in.width, 48);
  EXPECT_EQ(in.resizeShorter, 64);
  EXPECT_EQ(in.std, (std::vector<double>{0.25, 0.25, 0.25}));
  keepForSchemas("preprocess.json", toJson(*first));
  auto back = parsePreprocess(toJson(*first), "p", out);
  ASSERT_TRUE(back) << toString(out);
  EXPECT_EQ(toJson(*back), toJson(*first));
}

TEST(Preprocess, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string text;
    std::vector<std::string> parts;
  } cases[] = {
      {file("stretch", "RGB", "0", "1"), {"$.inputs.x.resize", "unknown word", "\"bilinear\""}},
      {file("nearest", "rgb", "0", "1"), {"$.inputs.x.color", "\"BGR\""}},
      {file("nearest", "RGB", "[0,0]", "1"), {"$.inputs.x.mean", "has 2 elements", "give 3"}},
      {file("nearest", "GRAY", "[0,0,0]", "1"), {"mean", "give 1"}},
      {file("nearest", "RGB", "0", "[1,0,1]"), {"std", "has a zero"}},
      {file("nearest", "RGB", "0", "1", ",\"pad\":3"), {"pad", "letterbox"}},
      {file("nearest", "RGB", "0", "1", ",\"resize_shorter\":64"), {"center-crop"}},
      {file("center-crop", "RGB", "0", "1", ",\"resize_shorter\":40"), {"resize_shorter", "40"}},
      {file("nearest", "RGB", "0", "1", ",\"type\":\"half\""), {"type", "unknown element type"}},
      {file("nearest", "RGB", "1e999", "1"), {"not JSON"}},
  };
  for (const Case &c : cases) {
    Diagnostics out;
    EXPECT_FALSE(parsePreprocess(c.text, "p.json", out)) << c.text;
    expectFault(out, c.parts);
  }
}

TEST(Preprocess, Labels) {
  Diagnostics out;
  auto labels = parseLabels(R"(["cat","dog"])", "model: discoc.labels", out);
  ASSERT_TRUE(labels);
  EXPECT_EQ(*labels, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_FALSE(parseLabels(R"(["cat",7])", "model: discoc.labels", out));
  expectFault(out, {"$[1]", "not a string"});
}

TEST(Preprocess, DocumentedExamples) {
  for (const std::string &text : examplesOf("preprocess.md", "json")) {
    Diagnostics out;
    EXPECT_TRUE(parsePreprocess(text, "preprocess.md", out)) << toString(out);
  }
}
