//===- PictureTest.cpp - tests of pictures as tensors ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Picture.h"
#include "compiler/formats/PictureFile.h"
#include "compiler/formats/Text.h"
#include "compiler/run/Scratch.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace discoc;
using In = PreprocessInput;

static In how(In::Resize resize, int64_t height, int64_t width) {
  In in;
  in.height = height;
  in.width = width;
  in.resize = resize;
  in.mean = {0, 0, 0};
  in.std = {1, 1, 1};
  return in;
}

/// One colour, value 10 * row + column.
static Picture ramp(int64_t height, int64_t width) {
  Picture p{height, width, 1, {}};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      p.values.push_back(static_cast<float>(10 * y + x));
  return p;
}

static std::vector<float> resizedRamp(In in, int64_t height, int64_t width) {
  Diagnostics out;
  auto p = resized(ramp(height, width), in, "p.png", out);
  EXPECT_TRUE(p) << toString(out);
  return p ? p->values : std::vector<float>();
}

TEST(Picture, Resizes) {
  using R = In::Resize;
  EXPECT_EQ(resizedRamp(how(R::None, 2, 2), 2, 2), (std::vector<float>{0, 1, 10, 11}));
  EXPECT_EQ(resizedRamp(how(R::Nearest, 1, 2), 3, 6), (std::vector<float>{11, 14}));
  EXPECT_EQ(resizedRamp(how(R::CenterCrop, 2, 2), 2, 4), (std::vector<float>{1, 2, 11, 12}));
  In box = how(R::Letterbox, 4, 4);
  box.pad = 7;
  EXPECT_EQ(resizedRamp(box, 2, 4),
            (std::vector<float>{7, 7, 7, 7, 0, 1, 2, 3, 10, 11, 12, 13, 7, 7, 7, 7}));
  box.resize = R::LetterboxCorner;
  EXPECT_EQ(resizedRamp(box, 2, 4),
            (std::vector<float>{0, 1, 2, 3, 10, 11, 12, 13, 7, 7, 7, 7, 7, 7, 7, 7}));
  // A triangle filter that shrinks keeps the mean, one that enlarges the range.
  const auto small = resizedRamp(how(R::Bilinear, 2, 2), 8, 8);
  EXPECT_NEAR((small[0] + small[3]) / 2, 38.5, 0.01);
  for (float v : resizedRamp(how(R::Bilinear, 9, 9), 2, 2)) {
    EXPECT_GE(v, 0);
    EXPECT_LE(v, 11);
  }
}

TEST(Picture, RefusesAnotherSizeWhenToldNotToResize) {
  Diagnostics out;
  EXPECT_FALSE(resized(ramp(2, 3), how(In::Resize::None, 2, 2), "p.png", out));
  EXPECT_NE(toString(out).find("3 wide and 2 high"), std::string::npos);
}

TEST(Picture, LayoutColorsAndFormula) {
  Scratch scratch;
  Diagnostics out;
  const std::string path = scratch.path() + "/p.ppm";
  ASSERT_TRUE(writeText(path, std::string("P6\n2 1\n255\n") + "\x01\x02\x03\x04\x05\x06", out));
  In in = how(In::Resize::None, 1, 2);
  in.scale = 2;
  in.mean = {1, 0, 0};
  in.std = {1, 2, 1};
  auto values = [&] {
    auto array = readPicture(path, in, ElementType::F32, out);
    EXPECT_TRUE(array) << toString(out);
    return array ? toDoubles(*array) : std::vector<double>();
  };
  EXPECT_EQ(values(), (std::vector<double>{1, 7, 2, 5, 6, 12}));
  in.layout = In::Layout::NHWC;
  EXPECT_EQ(values(), (std::vector<double>{1, 2, 6, 7, 5, 12}));
  in.color = In::Color::BGR;
  EXPECT_EQ(values(), (std::vector<double>{5, 2, 2, 11, 5, 8}));
  auto bytes = readPicture(path, in, ElementType::U8, out);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->shape, (std::vector<int64_t>{1, 1, 2, 3}));
  EXPECT_EQ(bytes->data[0], 5);
  in.scale = -1;
  EXPECT_EQ(readPicture(path, in, ElementType::U8, out)->data[0], 0); // clamped
}

TEST(Picture, RefusesWhatIsNone) {
  Scratch scratch;
  Diagnostics out;
  const std::string path = scratch.path() + "/p.png";
  ASSERT_TRUE(writeText(path, "hello", out));
  EXPECT_FALSE(readPicture(path, how(In::Resize::Bilinear, 2, 2), ElementType::F32, out));
  EXPECT_NE(toString(out).find("not a picture"), std::string::npos);
  EXPECT_TRUE(isPictureName("a/B.JPeG"));
  EXPECT_FALSE(isPictureName("a.npy"));
}

//===- files that are none, or too much ---===//

namespace {
/// A file of the fuzz targets' corpus.
std::string corpus(const std::string &name) {
  Diagnostics out;
  return readText(std::string(DISCOC_CORPUS) + "/picture/" + name, out).value_or("");
}

std::string refusal(const std::string &bytes, const std::string &file) {
  Diagnostics out;
  EXPECT_FALSE(decodePicture(bytes, 3, file, out)) << file;
  EXPECT_EQ(out.size(), 1u);
  return toString(out);
}
} // namespace

TEST(PictureFile, EveryFormatIsRead) {
  for (const char *name : {"rgb.png", "palette.png", "rgba.png", "gray16.png", "rgb.jpg",
                           "gray.jpg", "progressive.jpg", "cmyk.jpg", "rgb.bmp", "palette.bmp",
                           "rgb.ppm", "gray.pgm", "rgb.gif", "frames.gif", "rgb.tga", "rle.tga"})
    for (int colors : {1, 3, 4}) {
      Diagnostics out;
      auto pixels = decodePicture(corpus(name), colors, name, out);
      ASSERT_TRUE(pixels) << name << ": " << toString(out);
      EXPECT_EQ(static_cast<int64_t>(pixels->values.size()),
                pixels->height * pixels->width * colors);
    }
}

TEST(PictureFile, OtherFormatsAreRefused) {
  EXPECT_NE(refusal(corpus("pict.png"), "p.png").find("format"), std::string::npos);
  EXPECT_NE(refusal("8BPS" + std::string(60, '\0'), "p.png").find("format"), std::string::npos);
  EXPECT_NE(refusal("#?RADIANCE\n", "p.png").find("format"), std::string::npos);
  // Almost anything is a TGA: only what is called one is tried as one.
  EXPECT_NE(refusal(corpus("rgb.tga"), "p.png").find("format"), std::string::npos);
  EXPECT_NE(refusal("", "p.tga").find("format"), std::string::npos);
}

TEST(PictureFile, TooManyPixelsAreRefusedBeforeTheyAreDecoded) {
  EXPECT_NE(refusal(corpus("large.png"), "p.png").find("16384 wide and 16384 high"),
            std::string::npos);
}

TEST(PictureFile, FillsNoMemoryThatItsSizeDoesNotNeed) {
  // 8 MiB of zeros for a picture of 4 x 4.
  EXPECT_NE(refusal(corpus("bomb.png"), "p.png").find("picture"), std::string::npos);
}

TEST(PictureFile, WhatIsCutOffIsRefused) {
  for (const char *name : {"rgb.png", "rgb.jpg", "progressive.jpg", "rgb.bmp", "palette.bmp",
                           "rgb.ppm", "gray.pgm", "rgb.gif", "rgb.tga"}) {
    const std::string bytes = corpus(name);
    refusal(bytes.substr(0, bytes.size() * 3 / 4), name);
  }
}

TEST(PictureFile, JpegsOfManyScansAreRefused) {
  std::string bytes = corpus("progressive.jpg");
  const size_t scan = bytes.rfind("\xff\xda");
  const std::string again = bytes.substr(scan, bytes.rfind("\xff\xd9") - scan);
  std::string many;
  for (int i = 0; i < 300; ++i)
    many += again;
  EXPECT_NE(refusal(bytes.insert(scan, many), "p.jpg").find("too many scans"), std::string::npos);
}
