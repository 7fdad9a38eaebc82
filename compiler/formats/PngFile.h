//===- PngFile.h - pictures that are written ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_PNGFILE_H
#define DISCOC_FORMATS_PNGFILE_H

#include "compiler/formats/Diagnostics.h"

#include <cstdint>
#include <string>
#include <vector>

namespace discoc {

/// Rows of pixels of three bytes: red, green, blue.
struct Canvas {
  Canvas(int64_t height, int64_t width)
      : height(height), width(width), values(static_cast<size_t>(height * width * 3)) {}

  /// Outside of the canvas nothing is set.
  void set(int64_t y, int64_t x, const uint8_t (&color)[3]);
  /// The edges of a rectangle, two pixels wide.
  void outline(double left, double top, double right, double bottom, const uint8_t (&color)[3]);

  int64_t height, width;
  std::vector<uint8_t> values;
};

bool writePng(const std::string &path, const Canvas &canvas, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_FORMATS_PNGFILE_H
