//===- PngFile.cpp - pictures that are written ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/PngFile.h"
#include "compiler/formats/Text.h"

#include <algorithm>
#include <cmath>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wcast-qual"
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace discoc {

void Canvas::set(int64_t y, int64_t x, const uint8_t (&color)[3]) {
  if (y >= 0 && y < height && x >= 0 && x < width)
    std::copy_n(color, 3, values.begin() + (y * width + x) * 3);
}

void Canvas::outline(double left, double top, double right, double bottom,
                     const uint8_t (&color)[3]) {
  // Far outside, or not a number: only what lies on the canvas is walked along.
  auto pixel = [](double v, int64_t most) {
    return static_cast<int64_t>(std::lround(v > 0 ? std::min(v, static_cast<double>(most)) : 0.0));
  };
  const int64_t x0 = pixel(left, width - 1), x1 = pixel(right, width - 1),
                y0 = pixel(top, height - 1), y1 = pixel(bottom, height - 1);
  for (int64_t wide = 0; wide < 2; ++wide) {
    for (int64_t x = x0; x <= x1; ++x) {
      set(y0 + wide, x, color);
      set(y1 - wide, x, color);
    }
    for (int64_t y = y0; y <= y1; ++y) {
      set(y, x0 + wide, color);
      set(y, x1 - wide, color);
    }
  }
}

bool writePng(const std::string &path, const Canvas &canvas, Diagnostics &out) {
  std::string bytes;
  auto append = [](void *to, void *data, int size) {
    static_cast<std::string *>(to)->append(static_cast<const char *>(data),
                                           static_cast<size_t>(size));
  };
  if (!stbi_write_png_to_func(append, &bytes, static_cast<int>(canvas.width),
                              static_cast<int>(canvas.height), 3, canvas.values.data(),
                              static_cast<int>(canvas.width * 3))) {
    out.push_back({path, "", "cannot be made a PNG", ""});
    return false;
  }
  return writeText(path, bytes, out);
}

} // namespace discoc
