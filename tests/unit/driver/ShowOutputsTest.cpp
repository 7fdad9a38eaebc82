//===- ShowOutputsTest.cpp - tests of outputs as what they mean, and of inputs from folders ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/ShowOutputs.h"
#include "compiler/formats/PictureFile.h"
#include "compiler/formats/PngFile.h"
#include "compiler/formats/Text.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <unistd.h>

using namespace discoc;

static Array floats(std::vector<int64_t> shape, const std::vector<float> &values) {
  Array array{ElementType::F32, std::move(shape), std::vector<uint8_t>(values.size() * 4)};
  std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

static ManifestTensor tensor(std::string name, std::vector<int64_t> shape) {
  ManifestTensor made;
  made.name = std::move(name);
  made.type = "float32";
  made.shape = std::move(shape);
  return made;
}

namespace {
/// A model with a picture of 8 by 6 as input, boxes, their scores, a mask and a picture.
class ShowOutputs : public testing::Test {
protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() / ("discoc-show-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    manifest.inputs = {tensor("x", {1, 3, 6, 8})};
    manifest.labels = {"cat", "dog"};
    add("boxes", {1, 2, 4}, {0.5f, 0.5f, 0.5f, 1.0f, 0.1f, 0.1f, 0.2f, 0.2f});
    add("scores", {1, 2, 2}, {0.1f, 0.9f, 0.2f, 0.3f});
    add("mask", {1, 2, 1, 4}, {0, 0, 1, 0, 1, 1, 0, 1});
    add("picture", {1, 1, 2, 2}, {0, 1, 0.5f, 0});
    inputs.files = {{"x", (folder / "x.npy").string()}};
    EXPECT_TRUE(
        writeNpy(inputs.files[0].second, floats({1, 3, 6, 8}, std::vector<float>(144)), faults));
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void add(const std::string &name, std::vector<int64_t> shape, const std::vector<float> &values) {
    manifest.outputs.push_back(tensor(name, shape));
    outputs.push_back({manifest.outputs.back(), "", floats(shape, values)});
  }

  /// What is said of output `at`, or of what is wrong.
  std::string show(size_t at, const std::string &line) {
    const auto all = parseShown({line}, manifest, faults);
    if (!all)
      return toString(faults);
    const auto text = showOutput(outputs[at], all->at(outputs[at].tensor.name), outputs, manifest,
                                 inputs, std::nullopt, folder.string(), faults);
    return text ? *text : toString(faults);
  }

  /// The pixels of OUTPUT.png.
  std::vector<uint8_t> pixels(const std::string &name) {
    const auto bytes = readText((folder / (name + ".png")).string(), faults);
    const auto decoded = bytes ? decodePicture(*bytes, 3, name, faults) : std::nullopt;
    return decoded ? decoded->values : std::vector<uint8_t>();
  }

  std::filesystem::path folder;
  Manifest manifest;
  std::vector<RunOutput> outputs;
  RunInputs inputs;
  Diagnostics faults;
};
} // namespace

TEST_F(ShowOutputs, Boxes) {
  const std::string text = show(0, "boxes=boxes,cxcywh,relative,scores=scores,least=0.4");
  EXPECT_NE(text.find("1 box: dog 0.9 at 2,0 to 6,6 -> "), std::string::npos) << text;
  const std::vector<uint8_t> drawn = pixels("boxes");
  ASSERT_EQ(drawn.size(), 144u);
  EXPECT_EQ(drawn[(0 * 8 + 2) * 3], 255); // the box's corner
  EXPECT_EQ(drawn[(0 * 8 + 1) * 3], 0);   // beside it
  EXPECT_EQ(drawn[(2 * 8 + 4) * 3], 0);   // inside
}

TEST_F(ShowOutputs, Mask) {
  EXPECT_NE(show(2, "mask=mask").find("dog 75.0 %, cat 25.0 % -> "), std::string::npos);
  const std::vector<uint8_t> drawn = pixels("mask");
  ASSERT_EQ(drawn.size(), 12u);
  EXPECT_EQ(drawn[0], 97);
  EXPECT_EQ(drawn[6], 0);
}

TEST_F(ShowOutputs, Picture) {
  EXPECT_NE(show(3, "picture=picture").find("2 x 2 pixels -> "), std::string::npos);
  EXPECT_EQ(pixels("picture"),
            (std::vector<uint8_t>{0, 0, 0, 255, 255, 255, 128, 128, 128, 0, 0, 0}));
}

TEST_F(ShowOutputs, Refuses) {
  for (const char *line : {"nothing=boxes", "boxes=what", "boxes=boxes,scores=nothing",
                           "mask=mask,xyxy", "boxes=boxes,least=", "boxes"}) {
    faults.clear();
    EXPECT_FALSE(parseShown({line}, manifest, faults)) << line;
    EXPECT_EQ(faults.size(), 1u) << line;
  }
  faults.clear();
  EXPECT_NE(show(2, "mask=picture").find("no picture's"), std::string::npos);
  EXPECT_NE(show(2, "mask=boxes,scores=picture").find("boxes"), std::string::npos);
}

TEST_F(ShowOutputs, SettingsOfTheModelGiveWay) {
  manifest.settings["show"] = "boxes=scores\npicture=mask\n";
  const auto all = parseShown({"boxes=boxes"}, manifest, faults);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->at("boxes").kind, Shown::Kind::Boxes);
  EXPECT_EQ(all->at("picture").kind, Shown::Kind::Mask);
}

TEST_F(ShowOutputs, AFolderIsAllThatIsInIt) {
  manifest.inputs = {tensor("x", {1, 2})};
  const std::filesystem::path many = folder / "many";
  std::filesystem::create_directories(many / "deeper");
  for (const char *name : {"b.npy", "a.npy"})
    EXPECT_TRUE(writeNpy((many / name).string(), floats({1, 2}, {name[0] * 1.0f, 0}), faults));
  EXPECT_TRUE(writeText((many / "notes.txt").string(), "no array", faults));
  const auto found =
      collectInputs({"x=" + many.string()}, manifest, std::nullopt, folder.string(), faults);
  ASSERT_TRUE(found) << toString(faults);
  EXPECT_EQ(found->count, 2);
  ASSERT_EQ(found->titles.size(), 2u);
  EXPECT_NE(found->titles[0].find("a.npy"), std::string::npos);
  EXPECT_FALSE(collectInputs({"x=" + (many / "deeper").string()}, manifest, std::nullopt,
                             folder.string(), faults));
  EXPECT_NE(toString(faults).find("without arrays"), std::string::npos);
}
