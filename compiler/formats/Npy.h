//===- Npy.h - numpy's array files ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_NPY_H
#define DISCOC_FORMATS_NPY_H

#include "compiler/formats/Diagnostics.h"
#include "compiler/formats/ElementType.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

/// A dense tensor, row-major, little-endian.
struct Array {
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> data;

  int64_t count() const; ///< elements
};

/// "1x3x224x224"; "scalar" without dimensions.
std::string shapeText(const std::vector<int64_t> &shape);

/// Versions 1 to 3 of the format. Column-major and big-endian files are refused
/// with the numpy call that converts them.
std::optional<Array> readNpy(const std::string &path, Diagnostics &out);
std::optional<Array> parseNpy(const std::string &bytes, const std::string &file, Diagnostics &out);
/// Type and shape alone; data stays empty. Checks that the file has the right size.
std::optional<Array> readNpyShape(const std::string &path, Diagnostics &out);

/// Version 1, as numpy.save writes it, byte for byte.
std::string npyHeader(ElementType type, const std::vector<int64_t> &shape);
bool writeNpy(const std::string &path, const Array &array, Diagnostics &out);

/// Every element as a double. float16 too.
std::vector<double> toDoubles(const Array &array);

} // namespace discoc

#endif // DISCOC_FORMATS_NPY_H
