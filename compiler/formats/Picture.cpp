//===- Picture.cpp - pictures as input tensors ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Picture.h"
#include "compiler/formats/Half.h"
#include "compiler/formats/PictureFile.h"
#include "compiler/formats/Text.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

// A private copy; its warnings are not ours.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wcast-qual"
#define STB_IMAGE_RESIZE_STATIC
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb/stb_image_resize.h>
#pragma GCC diagnostic pop

namespace discoc {

bool isPictureName(const std::string &path) {
  static const char *const endings[] = {".png", ".jpg", ".jpeg", ".bmp",
                                        ".ppm", ".pgm", ".gif",  ".tga"};
  for (const std::string ending : endings) {
    if (path.size() < ending.size())
      continue;
    bool same = true;
    for (size_t i = 0; i < ending.size(); ++i) {
      char c = path[path.size() - ending.size() + i];
      if (c >= 'A' && c <= 'Z')
        c = static_cast<char>(c - 'A' + 'a');
      same = same && c == ending[i];
    }
    if (same)
      return true;
  }
  return false;
}

//===- geometry ---===//

namespace {
Picture stretchedNearest(const Picture &from, int64_t height, int64_t width) {
  Picture to{height, width, from.colors, {}};
  to.values.reserve(static_cast<size_t>(height * width * from.colors));
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      // The pixel whose square has the middle of the new pixel.
      const int64_t sy = (2 * y + 1) * from.height / (2 * height);
      const int64_t sx = (2 * x + 1) * from.width / (2 * width);
      const float *p = &from.values[static_cast<size_t>((sy * from.width + sx) * from.colors)];
      to.values.insert(to.values.end(), p, p + from.colors);
    }
  return to;
}

/// A triangle filter: bilinear when it enlarges, antialiased when it shrinks.
std::optional<Picture> stretchedSmooth(const Picture &from, int64_t height, int64_t width) {
  if (height == from.height && width == from.width)
    return from;
  Picture to{height, width, from.colors, {}};
  to.values.resize(static_cast<size_t>(height * width * from.colors));
  const int done = stbir_resize_float_generic(
      from.values.data(), static_cast<int>(from.width), static_cast<int>(from.height), 0,
      to.values.data(), static_cast<int>(width), static_cast<int>(height), 0,
      static_cast<int>(from.colors), STBIR_ALPHA_CHANNEL_NONE, 0, STBIR_EDGE_CLAMP,
      STBIR_FILTER_TRIANGLE, STBIR_COLORSPACE_LINEAR, nullptr);
  return done ? std::optional(std::move(to)) : std::nullopt;
}

/// Copies `from` into a picture of another size at (top, left) of it; negative
/// places cut, positive ones leave a border of `pad`.
Picture placed(const Picture &from, int64_t height, int64_t width, int64_t top, int64_t left,
               float pad) {
  Picture to{height, width, from.colors, {}};
  to.values.assign(static_cast<size_t>(height * width * from.colors), pad);
  for (int64_t y = std::max<int64_t>(0, top); y < std::min(height, top + from.height); ++y)
    for (int64_t x = std::max<int64_t>(0, left); x < std::min(width, left + from.width); ++x)
      for (int64_t c = 0; c < from.colors; ++c)
        to.values[static_cast<size_t>((y * width + x) * from.colors + c)] =
            from.values[static_cast<size_t>(((y - top) * from.width + x - left) * from.colors + c)];
  return to;
}

int64_t scaled(int64_t value, double by) {
  return std::max<int64_t>(1, std::llround(static_cast<double>(value) * by));
}
} // namespace

std::optional<Picture> resized(const Picture &picture, const PreprocessInput &how,
                               const std::string &file, Diagnostics &out) {
  using Resize = PreprocessInput::Resize;
  const double fitH = static_cast<double>(how.height) / static_cast<double>(picture.height);
  const double fitW = static_cast<double>(how.width) / static_cast<double>(picture.width);
  std::optional<Picture> smooth;
  switch (how.resize) {
  case Resize::None:
    if (picture.height == how.height && picture.width == how.width)
      return picture;
    out.push_back({file, "",
                   "is " + std::to_string(picture.width) + " wide and " +
                       std::to_string(picture.height) + " high, the preprocessing wants " +
                       std::to_string(how.width) + " and " + std::to_string(how.height),
                   "scale it, or state another \"resize\" than \"none\""});
    return std::nullopt;
  case Resize::Nearest: return stretchedNearest(picture, how.height, how.width);
  case Resize::Bilinear: smooth = stretchedSmooth(picture, how.height, how.width); break;
  case Resize::CenterCrop: {
    double by = std::max(fitH, fitW);
    if (how.resizeShorter)
      by = static_cast<double>(*how.resizeShorter) /
           static_cast<double>(std::min(picture.height, picture.width));
    smooth = stretchedSmooth(picture, std::max(how.height, scaled(picture.height, by)),
                             std::max(how.width, scaled(picture.width, by)));
    if (smooth)
      return placed(*smooth, how.height, how.width, -((smooth->height - how.height) / 2),
                    -((smooth->width - how.width) / 2), 0);
    break;
  }
  case Resize::Letterbox:
  case Resize::LetterboxCorner: {
    const double by = std::min(fitH, fitW);
    smooth = stretchedSmooth(picture, std::min(how.height, scaled(picture.height, by)),
                             std::min(how.width, scaled(picture.width, by)));
    const bool middle = how.resize == Resize::Letterbox;
    if (smooth)
      return placed(*smooth, how.height, how.width, middle ? (how.height - smooth->height) / 2 : 0,
                    middle ? (how.width - smooth->width) / 2 : 0, static_cast<float>(how.pad));
    break;
  }
  }
  if (!smooth)
    out.push_back({file, "", "cannot be resized: not enough memory", ""});
  return smooth;
}

//===- values ---===//

namespace {
template <class T> void put(std::vector<uint8_t> &data, size_t at, double value) {
  T element;
  if constexpr (std::numeric_limits<T>::is_integer) {
    constexpr double least = static_cast<double>(std::numeric_limits<T>::min());
    constexpr double most = static_cast<double>(std::numeric_limits<T>::max());
    value = std::nearbyint(value);
    element = value <= least   ? std::numeric_limits<T>::min()
              : value >= most  ? std::numeric_limits<T>::max()
              : value != value ? T(0)
                               : static_cast<T>(value);
  } else {
    element = static_cast<T>(value);
  }
  std::memcpy(&data[at * sizeof(T)], &element, sizeof(T));
}

void putAs(ElementType type, std::vector<uint8_t> &data, size_t at, double value) {
  switch (type) {
  case ElementType::F32: return put<float>(data, at, value);
  case ElementType::F64: return put<double>(data, at, value);
  case ElementType::Bool: return put<uint8_t>(data, at, value != 0);
  case ElementType::U8: return put<uint8_t>(data, at, value);
  case ElementType::I8: return put<int8_t>(data, at, value);
  case ElementType::U16: return put<uint16_t>(data, at, value);
  case ElementType::I16: return put<int16_t>(data, at, value);
  case ElementType::I32: return put<int32_t>(data, at, value);
  case ElementType::I64: return put<int64_t>(data, at, value);
  case ElementType::U32: return put<uint32_t>(data, at, value);
  case ElementType::U64: return put<uint64_t>(data, at, value);
  case ElementType::F16: {
    const uint16_t bits = doubleToHalf(value);
    std::memcpy(&data[at * 2], &bits, 2);
    return;
  }
  default: return; // no other type has an .npy file
  }
}
} // namespace

Array toTensor(const Picture &p, const PreprocessInput &how, ElementType type) {
  Array array;
  array.type = type;
  const bool planes = how.layout == PreprocessInput::Layout::NCHW;
  array.shape = planes ? std::vector<int64_t>{1, p.colors, p.height, p.width}
                       : std::vector<int64_t>{1, p.height, p.width, p.colors};
  array.data.resize(p.values.size() * static_cast<size_t>(elementInfo(type)->bytes()));
  const int64_t pixels = p.height * p.width;
  for (int64_t i = 0; i < pixels; ++i)
    for (int64_t c = 0; c < p.colors; ++c) {
      const size_t from = static_cast<size_t>(i * p.colors + c);
      const size_t to = planes ? static_cast<size_t>(c * pixels + i) : from;
      const size_t color = static_cast<size_t>(c);
      const double x =
          (static_cast<double>(p.values[from]) * how.scale - how.mean[color]) / how.std[color];
      putAs(type, array.data, to, x);
    }
  return array;
}

Array pixelTable(const PreprocessInput &how, ElementType type) {
  PreprocessInput planes = how;
  planes.layout = PreprocessInput::Layout::NCHW;
  Picture all{1, 256, how.colors(), {}};
  for (int value = 0; value < 256; ++value)
    all.values.insert(all.values.end(), static_cast<size_t>(all.colors), static_cast<float>(value));
  Array table = toTensor(all, planes, type);
  table.shape = {all.colors, 256};
  return table;
}

static std::optional<Picture> decode(const std::string &path, PreprocessInput::Color color,
                                     Diagnostics &out) {
  using Color = PreprocessInput::Color;
  std::optional<std::string> bytes = readText(path, out, maxPictureBytes);
  if (!bytes)
    return std::nullopt;
  const int colors = color == Color::Gray ? 1 : color == Color::RGBA ? 4 : 3;
  const std::optional<Pixels> pixels = decodePicture(*bytes, colors, path, out);
  if (!pixels)
    return std::nullopt;
  Picture picture{pixels->height, pixels->width, colors, {}};
  picture.values.assign(pixels->values.begin(), pixels->values.end());
  if (color == Color::BGR)
    for (size_t i = 0; i + 2 < picture.values.size(); i += 3)
      std::swap(picture.values[i], picture.values[i + 2]);
  return picture;
}

std::optional<Array> readPicture(const std::string &path, const PreprocessInput &how,
                                 ElementType type, Diagnostics &out) {
  std::optional<Picture> picture = decode(path, how.color, out);
  if (picture)
    picture = resized(*picture, how, path, out);
  if (!picture)
    return std::nullopt;
  return toTensor(*picture, how, type);
}

} // namespace discoc
