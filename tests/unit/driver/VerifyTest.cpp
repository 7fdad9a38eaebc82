//===- VerifyTest.cpp - comparing outputs, random inputs, finding the model ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/VerifyDirectory.h"
#include "compiler/formats/Half.h"
#include "compiler/run/Scratch.h"
#include "compiler/verify/VerifyInputs.h"
#include "compiler/verify/VerifyModel.h"
#include "compiler/verify/VerifyOrt.h"
#include "compiler/verify/VerifyText.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

using namespace discoc;

template <class T> static Array arrayOf(ElementType type, std::vector<T> values) {
  Array array;
  array.type = type;
  array.shape = {static_cast<int64_t>(values.size())};
  array.data.resize(values.size() * sizeof(T));
  std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

static Array floats(std::vector<float> values) { return arrayOf(ElementType::F32, values); }

/// 1 x 4 x 2, channels 0 and 3 are node 0's, 1 and 2 are node 1's.
static ManifestTensor divided(const std::string &type = "float32") {
  ManifestTensor tensor{"y", type, {1, 4, 2}, {}};
  tensor.layout.kind = ManifestLayout::Kind::Owned;
  tensor.layout.axis = 1;
  tensor.layout.owners = {IndexSet::of({0, 3}), IndexSet::of({1, 2})};
  return tensor;
}

TEST(VerifyCompare, ErrorsBelongToTheOwnerOfTheChannel) {
  std::vector<float> wanted(16), got;
  for (size_t i = 0; i < wanted.size(); ++i)
    wanted[i] = static_cast<float>(i % 8) * 10; // range 70
  got = wanted;
  got[0] += 0.001f; // channel 0: within 1e-4 of the range
  got[13] += 7;     // sample 1, channel 2, element 1
  const OutputError error = compareOutput(divided(), 0, floats(got), floats(wanted), 1e-4);
  EXPECT_FALSE(error.good());
  EXPECT_EQ(error.range(), 70);
  ASSERT_EQ(error.nodes.size(), 2u);
  EXPECT_EQ(error.nodes[0].rank, 0);
  EXPECT_EQ(error.nodes[0].elements, 8);
  EXPECT_EQ(error.nodes[0].wrong, 0);
  EXPECT_NEAR(error.nodes[0].absolute, 0.001, 1e-5);
  EXPECT_EQ(error.nodes[1].rank, 1);
  EXPECT_EQ(error.nodes[1].wrong, 1);
  EXPECT_NEAR(error.nodes[1].relative, 0.1, 1e-6);
  EXPECT_EQ(error.nodes[1].sample, 1);
  EXPECT_EQ(error.nodes[1].where, (std::vector<int64_t>{0, 2, 1}));
}

TEST(VerifyCompare, UndividedOutputsAreTheRoots) {
  ManifestTensor tensor{"y", "float32", {2}, {}};
  const OutputError error = compareOutput(tensor, 3, floats({1, 2}), floats({1, 2}), 0);
  ASSERT_EQ(error.nodes.size(), 1u);
  EXPECT_EQ(error.nodes[0].rank, 3);
  EXPECT_TRUE(error.good());
}

TEST(VerifyCompare, ValuesThatAreNotFinite) {
  ManifestTensor tensor{"y", "float32", {4}, {}};
  const float inf = INFINITY, nan = NAN;
  EXPECT_TRUE(
      compareOutput(tensor, 0, floats({1, inf, -inf, nan}), floats({1, inf, -inf, nan}), 0).good());
  const OutputError error =
      compareOutput(tensor, 0, floats({nan, inf, 0, 3}), floats({1, -inf, nan, 3}), 1e6);
  EXPECT_EQ(error.nodes[0].wrong, 3);
  EXPECT_TRUE(std::isinf(error.nodes[0].absolute));
}

/// Sigmoids of 1e-5 that are 1e-7 off: more than 1e-4 of their range, less than the reference's own
/// error.
TEST(VerifyCompare, SmallValuesAreHeldAgainstTheReferencesError) {
  ManifestTensor tensor{"y", "float32", {3}, {}};
  const Array wanted = floats({1e-5f, 2e-5f, 3e-5f}), got = floats({1.01e-5f, 2e-5f, 3.2e-5f});
  EXPECT_EQ(compareOutput(tensor, 0, got, wanted, 1e-4).nodes[0].wrong, 2);
  const OutputError error = compareOutput(tensor, 0, got, wanted, 1e-4, {ortFloor, {}});
  EXPECT_EQ(error.unsettled(), 1);
  EXPECT_EQ(error.nodes[0].wrong, 1);
  EXPECT_EQ(error.nodes[0].where, (std::vector<int64_t>{2}));
}

/// Where the reference's own answers differ, every value between them is right; integers are one of
/// them.
TEST(VerifyCompare, TheReferencesAnswersMayDiffer) {
  ManifestTensor tensor{"y", "float32", {3}, {}};
  const OutputError reals = compareOutput(tensor, 0, floats({0, 1.5f, 2}), floats({0, 1, 3}), 1e-4,
                                          {0, {floats({0, 2, 3}), floats({0, 1, 2.9f})}});
  EXPECT_EQ(reals.unsettled(), 1);
  EXPECT_EQ(reals.nodes[0].wrong, 1);
  tensor.type = "int64";
  auto longs = [](std::vector<int64_t> values) { return arrayOf(ElementType::I64, values); };
  const OutputError integers =
      compareOutput(tensor, 0, longs({5, 6, 2}), longs({5, 5, 3}), 1e-4, {1, {longs({5, 7, 2})}});
  EXPECT_EQ(integers.unsettled(), 1);
  EXPECT_EQ(integers.nodes[0].wrong, 1);
}

TEST(VerifyInputs, NeighboursAreOneUnitAway) {
  const float largest = 3e38f;
  const auto moved = movedByUlp({floats({0, 0, 1, 1, -2, -2, largest})});
  std::vector<float> got(7);
  std::memcpy(got.data(), moved[0].data.data(), moved[0].data.size());
  EXPECT_EQ(got,
            (std::vector<float>{1.4e-45f, 1.4e-45f, std::nextafter(1.0f, 2.0f),
                                std::nextafter(1.0f, 0.0f), std::nextafter(-2.0f, -3.0f),
                                std::nextafter(-2.0f, 0.0f), std::nextafter(largest, INFINITY)}));
  const Array bytes = arrayOf<uint8_t>(ElementType::U8, {1, 2, 3});
  EXPECT_EQ(movedByUlp({bytes})[0].data, bytes.data);
}

TEST(VerifyCompare, ConstantOutputsHaveNoRange) {
  ManifestTensor tensor{"y", "float32", {2}, {}};
  EXPECT_TRUE(compareOutput(tensor, 0, floats({5.0001f, 5}), floats({5, 5}), 1e-4).good());
  EXPECT_FALSE(compareOutput(tensor, 0, floats({5.01f, 5}), floats({5, 5}), 1e-4).good());
  EXPECT_FALSE(compareOutput(tensor, 0, floats({1e-9f, 0}), floats({0, 0}), 1e-4).good());
}

TEST(VerifyCompare, IntegersAreExact) {
  ManifestTensor tensor{"y", "int64", {2}, {}};
  const int64_t big = int64_t(1) << 60; // big and big + 1 are the same double
  const Array wanted = arrayOf<int64_t>(ElementType::I64, {big, 0});
  EXPECT_TRUE(compareOutput(tensor, 0, wanted, wanted, 1).good());
  const OutputError error =
      compareOutput(tensor, 0, arrayOf<int64_t>(ElementType::I64, {big + 1, 0}), wanted, 1);
  EXPECT_EQ(error.nodes[0].wrong, 1);
  EXPECT_EQ(error.nodes[0].where, (std::vector<int64_t>{0}));
}

TEST(VerifyCompare, HalvesMayBeOffByTwoUlp) {
  ManifestTensor tensor{"y", "float16", {2}, {}};
  auto halves = [](uint16_t a, uint16_t b) { return arrayOf<uint16_t>(ElementType::F16, {a, b}); };
  const uint16_t one = doubleToHalf(1);
  OutputError error =
      compareOutput(tensor, 0, halves(static_cast<uint16_t>(one + 2), 0), halves(one, 0), 1e-9);
  EXPECT_TRUE(error.good());
  EXPECT_EQ(error.nodes[0].ulps, 2);
  EXPECT_FALSE(
      compareOutput(tensor, 0, halves(static_cast<uint16_t>(one + 3), 0), halves(one, 0), 1e-9)
          .good());
  // -0 and the smallest numbers around it are neighbours.
  error = compareOutput(tensor, 0, halves(0x8001, one), halves(0x0001, one), 1e-9);
  EXPECT_EQ(error.nodes[0].ulps, 2);
  EXPECT_TRUE(error.good());
}

TEST(VerifyText, NamesTheNodeThatIsWrong) {
  VerifyResult result;
  result.against = "single-node";
  result.samples = 1;
  std::vector<float> wanted(8), got(8);
  wanted[0] = got[0] = 1;
  got[2] = 1;
  result.outputs = {compareOutput(divided(), 0, floats(got), floats(wanted), 1e-4)};
  ASSERT_EQ(differences(result).size(), 1u);
  EXPECT_NE(differences(result)[0].find("node 1 is wrong in 1 of 4"), std::string::npos)
      << differences(result)[0];
  Manifest manifest;
  manifest.nodes.resize(2);
  EXPECT_NE(verifyJson(result, manifest, "", 5).find("\"exit\":5"), std::string::npos);
}

TEST(VerifyInputs, SameSeedSameBytes) {
  Manifest manifest;
  for (const char *type : {"float32", "float16", "float64", "uint8", "int8", "int32", "int64",
                           "bool", "uint16", "int16", "uint32", "uint64"})
    manifest.inputs.push_back({type, type, {3, 5}, {}});
  manifest.inputs.push_back({"scalar", "float32", {}, {}});
  const std::vector<Array> a = randomInputs(manifest, 2, 1, true),
                           b = randomInputs(manifest, 2, 1, true),
                           c = randomInputs(manifest, 2, 2, true);
  ASSERT_EQ(a.size(), manifest.inputs.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].data, b[i].data);
    EXPECT_NE(a[i].data, c[i].data);
    EXPECT_EQ(a[i].shape,
              (i + 1 < a.size() ? std::vector<int64_t>{6, 5} : std::vector<int64_t>{2}));
    EXPECT_EQ(static_cast<int64_t>(a[i].data.size()),
              a[i].count() * elementInfo(a[i].type)->bytes());
    const bool isByte = a[i].type == ElementType::U8 || a[i].type == ElementType::I8;
    for (double v : toDoubles(a[i])) {
      EXPECT_GE(v, isByte ? -128 : 0);
      EXPECT_LE(v, isByte ? 255 : 7);
    }
  }
  for (double v : toDoubles(a[0]))
    EXPECT_LT(v, 1);
}

TEST(VerifyInputs, PicturesGoThroughThePreprocessing) {
  Manifest manifest;
  manifest.inputs = {{"x", "float32", {1, 3, 8, 6}, {}}};
  PreprocessInput how;
  how.height = 8;
  how.width = 6;
  how.scale = 1.0 / 255;
  how.mean = {10, 20, 30};
  how.std = {1, 1, 1};
  manifest.preprocess.emplace();
  manifest.preprocess->inputs["x"] = how;
  const std::vector<double> values = toDoubles(randomInputs(manifest, 1, 0, true)[0]);
  ASSERT_EQ(values.size(), 144u);
  for (size_t i = 0; i < values.size(); ++i) {
    const double mean = how.mean[i / 48];
    EXPECT_GE(values[i], -mean - 1e-5);
    EXPECT_LE(values[i], 1 - mean + 1e-5);
  }
}

TEST(VerifyModel, MissingAndOtherFiles) {
  Scratch scratch;
  std::filesystem::create_directories(scratch.path() + "/a/out");
  Manifest manifest;
  manifest.model = {"m", "no-such-model.onnx", std::string(64, '0'), ""};
  Diagnostics faults;
  EXPECT_FALSE(findModel(scratch.path() + "/a/out", manifest, "", false, faults));
  EXPECT_NE(toString(faults).find("name it with --model"), std::string::npos) << toString(faults);
  faults.clear();
  std::ofstream(scratch.path() + "/a/no-such-model.onnx") << "not a model";
  EXPECT_FALSE(findModel(scratch.path() + "/a/out", manifest, "", false, faults));
  EXPECT_NE(toString(faults).find("no-such-model.onnx"), std::string::npos) << toString(faults);
}

TEST(VerifyModel, SettingsBecomeOptionsAgain) {
  Manifest manifest;
  manifest.settings = {{"nodes", "2"}, {"pin.a=b", "3"}, {"shape.x", "1x3"}, {"set.sr", "16"}};
  const ModelOptions options = settingsOf(manifest, "m.onnx");
  EXPECT_EQ(options.pins, (std::vector<std::string>{"a=b=3"}));
  EXPECT_EQ(options.inputShapes, (std::vector<std::string>{"x=1x3"}));
  EXPECT_EQ(options.sets, (std::vector<std::string>{"sr=16"}));
}

TEST(VerifyOrt, WhatIsNotOnnxRuntimeIsRefused) {
  Diagnostics faults;
  EXPECT_FALSE(OrtSession::open("/no/such/library.so", "m.onnx", true, faults));
  EXPECT_NE(toString(faults).find("cannot be loaded"), std::string::npos);
  faults.clear();
  EXPECT_FALSE(OrtSession::open("libm.so.6", "m.onnx", true, faults));
  EXPECT_NE(toString(faults).find("is not ONNX Runtime"), std::string::npos);
}
