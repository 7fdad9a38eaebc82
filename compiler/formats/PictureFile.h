//===- PictureFile.h - files of pictures, decoded within bounds ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_PICTUREFILE_H
#define DISCOC_FORMATS_PICTUREFILE_H

#include "compiler/formats/Diagnostics.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

constexpr int64_t maxPictureBytes = 64LL << 20;  ///< of a file
constexpr int64_t maxPicturePixels = 24LL << 20; ///< width x height; 6000 x 4000 fits
constexpr const char *pictureFormats = "PNG, JPEG, BMP, PPM, PGM, GIF and TGA can be read";

struct Pixels {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> values; ///< row by row, `colors` values each
};

/// The picture that `bytes` hold as 1 (gray), 3 (RGB) or 4 (RGBA) values a pixel. What it is is
/// told by its content, only TGA, which has no mark, by the ending of `file`.
std::optional<Pixels> decodePicture(const std::string &bytes, int colors, const std::string &file,
                                    Diagnostics &out);

} // namespace discoc

#endif // DISCOC_FORMATS_PICTUREFILE_H
