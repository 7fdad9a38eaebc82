//===- Image.h - what a linked program consists of ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_BUILD_IMAGE_H
#define DISCOC_BUILD_IMAGE_H

#include "compiler/formats/Diagnostics.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace discoc {

struct Image {
  /// Bytes by part (BoardPart) of the board's memories. "code" has the constants in it, and the
  /// first values of variables.
  std::map<std::string, int64_t> parts;
  std::vector<std::string> functions; ///< names of those that have code
};

/// An ELF file, read with LLVM's Object library.
std::optional<Image> readImage(const std::string &path, Diagnostics &out);

/// Bytes that are loaded.
struct Segment {
  uint64_t address = 0; ///< where they lie until the start: the physical one
  std::vector<uint8_t> bytes;
};

/// Those of an ELF file of 32 bits that have bytes.
std::optional<std::vector<Segment>> readSegments(const std::string &path, Diagnostics &out);

/// Fills in the table by which a program that was compiled with --check-image checks the flash
/// (runtime_stub/board/image_table.h), once after each link; a program without one stays as it is.
/// `isFlash`: whether a byte at that address is in flash.
bool fillImageTable(const std::string &path, const std::function<bool(uint64_t)> &isFlash,
                    Diagnostics &out);

} // namespace discoc

#endif // DISCOC_BUILD_IMAGE_H
