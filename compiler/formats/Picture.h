//===- Picture.h - pictures as input tensors ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_PICTURE_H
#define DISCOC_FORMATS_PICTURE_H

#include "compiler/formats/Npy.h"
#include "compiler/formats/Preprocess.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// Whether a file's name ends as pictures' do (.png, .jpg, .jpeg, .bmp, .ppm, .pgm, .gif, .tga).
bool isPictureName(const std::string &path);

/// Rows of pixels, `colors` values each, in the order that was asked for.
struct Picture {
  int64_t height = 0, width = 0, colors = 0;
  std::vector<float> values; ///< 0 .. 255
};

/// Exposed for tests: resizes by `how` to its size.
std::optional<Picture> resized(const Picture &picture, const PreprocessInput &how,
                               const std::string &file, Diagnostics &out);

/// Exposed for tests: (value * scale - mean) / std, layout, element type.
Array toTensor(const Picture &picture, const PreprocessInput &how, ElementType type);

/// What every pixel value becomes, [colours, 256].
Array pixelTable(const PreprocessInput &how, ElementType type);

/// A picture file as one input tensor of 1 x C x H x W or 1 x H x W x C.
std::optional<Array> readPicture(const std::string &path, const PreprocessInput &how,
                                 ElementType type, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_FORMATS_PICTURE_H
