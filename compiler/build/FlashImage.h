//===- FlashImage.h - the files that people flash ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_BUILD_FLASHIMAGE_H
#define DISCOC_BUILD_FLASHIMAGE_H

#include "compiler/formats/Board.h"
#include "compiler/formats/Manifest.h"

#include <map>
#include <vector>

namespace discoc {

/// What a program has in flash: bytes by their first address, ascending and apart.
using FlashBytes = std::map<uint64_t, std::vector<uint8_t>>;

/// The loadable segments of an ELF file at the addresses where they lie until the start. What lies
/// outside of the board's flash, twice, or where the boot loader is, and a boot ROM's checksum that
/// is wrong: diagnostics.
std::optional<FlashBytes> readFlashBytes(const std::string &elf, const Board &board,
                                         Diagnostics &out);

/// The file in one of BoardImage::allFormats(): blocks of UF2, records of Intel HEX, or all bytes
/// from the first address to the last.
std::string imageText(const FlashBytes &bytes, const std::string &format, const Board &board);

/// OUT/nodeK/build/shard.uf2, by the format.
std::string imagePath(const std::string &elf, const std::string &format);

/// Writes the images of every bare node whose board has some, beside its shard.elf.
bool writeImages(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out);

} // namespace discoc

#endif // DISCOC_BUILD_FLASHIMAGE_H
