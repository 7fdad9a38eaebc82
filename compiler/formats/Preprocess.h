//===- Preprocess.h - how a picture becomes an input tensor ---===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/preprocess.md is the specification.
#ifndef DISCOC_FORMATS_PREPROCESS_H
#define DISCOC_FORMATS_PREPROCESS_H

#include "compiler/formats/Diagnostics.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// One input: x = (value * scale - mean) / std, value 0..255 of each colour.
struct PreprocessInput {
  enum class Resize {
    None,            ///< the picture must have the size already
    Bilinear,        ///< stretched to the size, antialiased
    Nearest,         ///< stretched to the size, each pixel from the nearest one
    CenterCrop,      ///< scaled so that the size just fits inside (or so that the shorter
                     ///< side is resizeShorter), then cut from the middle
    Letterbox,       ///< scaled so that it just fits inside the size, in the middle, the rest
                     ///< filled with pad
    LetterboxCorner, ///< likewise, in the upper left corner
  };
  enum class Layout { NCHW, NHWC };
  enum class Color { RGB, BGR, RGBA, Gray };

  int64_t height = 0;
  int64_t width = 0;
  Resize resize = Resize::Bilinear;
  std::optional<int64_t> resizeShorter; ///< CenterCrop only
  double pad = 0;                       ///< letterboxes only, a value 0..255
  Layout layout = Layout::NCHW;
  Color color = Color::RGB;
  double scale = 1;
  std::vector<double> mean; ///< one a colour, in the order of `color`
  std::vector<double> std;  ///< likewise
  std::string type;         ///< numpy's word; empty: the input's own

  int64_t colors() const { return color == Color::Gray ? 1 : color == Color::RGBA ? 4 : 3; }
  bool letterbox() const {
    return resize == Resize::Letterbox || resize == Resize::LetterboxCorner;
  }
};

/// The same without the formula: what a program is given that applies it itself.
PreprocessInput pixelsOf(PreprocessInput input);

struct Preprocess {
  static constexpr int64_t version = 1;
  std::map<std::string, PreprocessInput> inputs; ///< by input name
};

std::string toJson(const Preprocess &preprocess);
std::optional<Preprocess> parsePreprocess(const std::string &text, const std::string &file,
                                          Diagnostics &diagnostics);
std::optional<Preprocess> readPreprocess(const std::string &path, Diagnostics &diagnostics);

} // namespace discoc

#endif // DISCOC_FORMATS_PREPROCESS_H
