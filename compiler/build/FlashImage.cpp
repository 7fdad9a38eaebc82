//===- FlashImage.cpp - the files that people flash ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/FlashImage.h"
#include "compiler/build/Image.h"
#include "compiler/formats/Text.h"
#include "compiler/run/NodePaths.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

namespace fs = std::filesystem;

namespace discoc {

namespace {
constexpr uint64_t mostBin = 64 << 20; // bytes of a .bin, gaps and all

/// Checks what an image may touch.
class FlashChecker {
public:
  FlashChecker(const std::string &elf, const Board &board, Diagnostics &out)
      : elf_(elf), board_(board), out_(out) {}

  std::optional<FlashBytes> run() {
    const auto segments = readSegments(elf_, out_);
    if (!segments)
      return std::nullopt;
    for (const Segment &segment : *segments)
      if (!add(segment))
        return std::nullopt;
    if (bytes_.empty()) {
      fault("has nothing for the board's flash", "build the node again");
      return std::nullopt;
    }
    return checkCrcs() && checkWidth() ? std::optional(std::move(bytes_)) : std::nullopt;
  }

private:
  bool fault(const std::string &what, const std::string &hint) {
    out_.push_back({elf_, "", what, hint});
    return false;
  }

  bool add(const Segment &segment) {
    const uint64_t from = segment.address, to = from + segment.bytes.size();
    const std::string range = fmt::format("{:#x} to {:#x}", from, to);
    for (const BoardImage::Range &keep : board_.image.keep)
      if (from < keep.to && keep.from < to)
        return fault(fmt::format("has bytes at {}, and the boot loader keeps {:#x} to {:#x}", range,
                                 keep.from, keep.to),
                     "place the program elsewhere: the memories in board.toml say where");
    if (std::none_of(board_.memories.begin(), board_.memories.end(), [&](const BoardMemory &m) {
          return m.kind == "flash" && from >= m.address && to <= m.address + m.size;
        }))
      return fault("has bytes at " + range + ", where the board has no flash",
                   "the memories in board.toml say where it is");
    const auto next = bytes_.lower_bound(from);
    const bool before =
        next != bytes_.begin() && std::prev(next)->first + std::prev(next)->second.size() > from;
    if (before || (next != bytes_.end() && next->first < to))
      return fault("has bytes at " + range + " twice", "look at the linker script");
    bytes_[from] = segment.bytes;
    return true;
  }

  /// Null: not in the image.
  const uint8_t *at(uint64_t address, uint64_t size) const {
    auto found = bytes_.upper_bound(address);
    if (found == bytes_.begin())
      return nullptr;
    --found;
    const bool inside = address + size <= found->first + found->second.size();
    return inside ? found->second.data() + (address - found->first) : nullptr;
  }

  bool checkCrcs() {
    for (const BoardImage::Crc &crc : board_.image.crcs) {
      const uint8_t *bytes = at(crc.address, crc.size), *stored = at(crc.at, 4);
      if (!bytes || !stored)
        return fault(fmt::format("has no {} bytes at {:#x} with their checksum at {:#x}", crc.size,
                                 crc.address, crc.at),
                     "the boot ROM starts nothing without them");
      const uint32_t want = crcOf(bytes, crc.size), is = stored[0] | stored[1] << 8 |
                                                         stored[2] << 16 |
                                                         static_cast<uint32_t>(stored[3]) << 24;
      if (is != want)
        return fault(fmt::format("the checksum at {:#x} is {:#010x}, and has to be {:#010x}",
                                 crc.at, is, want),
                     "the boot ROM starts nothing else; write it into the board's source");
    }
    return true;
  }

  static uint32_t crcOf(const uint8_t *bytes, uint64_t size) {
    uint32_t crc = 0xffffffff;
    for (uint64_t i = 0; i < size; ++i) {
      crc ^= static_cast<uint32_t>(bytes[i]) << 24;
      for (int bit = 0; bit < 8; ++bit)
        crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
    }
    return crc;
  }

  bool checkWidth() {
    const auto &formats = board_.image.formats;
    const uint64_t width =
        bytes_.rbegin()->first + bytes_.rbegin()->second.size() - bytes_.begin()->first;
    return std::find(formats.begin(), formats.end(), "bin") == formats.end() || width <= mostBin ||
           fault(fmt::format("takes {} bytes from the first address to the last, too many for a "
                             ".bin",
                             width),
                 "leave \"bin\" out of formats in board.toml");
  }

  const std::string &elf_;
  const Board &board_;
  Diagnostics &out_;
  FlashBytes bytes_;
};

void put32(std::string &text, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8)
    text += static_cast<char>(value >> shift & 0xff);
}

/// What is erased together: a loader that gets a part of it may leave anything in the rest.
constexpr uint64_t sector = 4096;
constexpr uint64_t page = 256; // of a UF2 block

/// Whole sectors; what the image does not have is as erased.
FlashBytes inSectors(const FlashBytes &bytes) {
  FlashBytes sectors;
  for (const auto &[address, part] : bytes)
    for (uint64_t i = 0; i < part.size(); ++i) {
      const uint64_t at = address + i;
      std::vector<uint8_t> &whole = sectors[at / sector * sector];
      whole.resize(sector, 0xff);
      whole[at % sector] = part[i];
    }
  return sectors;
}

std::string uf2Text(const FlashBytes &bytes, uint32_t family) {
  constexpr uint32_t begin0 = 0x0a324655, begin1 = 0x9e5d5157, end = 0x0ab16f30, hasFamily = 0x2000,
                     room = 476;
  const FlashBytes sectors = inSectors(bytes);
  const auto count = static_cast<uint32_t>(sectors.size() * (sector / page));
  std::string text;
  uint32_t block = 0;
  for (const auto &[address, whole] : sectors)
    for (uint64_t at = 0; at < sector; at += page) {
      for (uint32_t word : {begin0, begin1, hasFamily, static_cast<uint32_t>(address + at),
                            static_cast<uint32_t>(page), block++, count, family})
        put32(text, word);
      text.append(reinterpret_cast<const char *>(whole.data()) + at, page);
      text.append(room - page, '\0');
      put32(text, end);
    }
  return text;
}

/// One record of Intel HEX.
std::string hexRecord(uint8_t type, uint16_t address, const uint8_t *data, size_t size) {
  auto sum = static_cast<uint8_t>(size + (address >> 8) + address + type);
  std::string text = fmt::format(":{:02X}{:04X}{:02X}", size, address, type);
  for (size_t i = 0; i < size; ++i) {
    sum = static_cast<uint8_t>(sum + data[i]);
    text += fmt::format("{:02X}", data[i]);
  }
  return text + fmt::format("{:02X}\n", static_cast<uint8_t>(-sum));
}

std::string hexText(const FlashBytes &bytes) {
  constexpr size_t line = 16;
  std::string text;
  uint64_t upper = ~uint64_t(0);
  for (const auto &[address, part] : bytes)
    for (uint64_t at = address; at < address + part.size();) {
      if (at >> 16 != upper) {
        upper = at >> 16;
        const uint8_t high[] = {static_cast<uint8_t>(upper >> 8), static_cast<uint8_t>(upper)};
        text += hexRecord(4, 0, high, sizeof high);
      }
      // A record neither crosses 64 KB nor a multiple of its length.
      const uint64_t end = std::min((at / line + 1) * line, address + part.size());
      text += hexRecord(0, static_cast<uint16_t>(at), part.data() + (at - address), end - at);
      at = end;
    }
  return text + ":00000001FF\n";
}

std::string binText(const FlashBytes &bytes) {
  const uint64_t first = bytes.begin()->first;
  std::string text;
  for (const auto &[address, part] : bytes) {
    text.resize(address - first, '\xff');
    text.append(reinterpret_cast<const char *>(part.data()), part.size());
  }
  return text;
}
} // namespace

std::optional<FlashBytes> readFlashBytes(const std::string &elf, const Board &board,
                                         Diagnostics &out) {
  return FlashChecker(elf, board, out).run();
}

std::string imageText(const FlashBytes &bytes, const std::string &format, const Board &board) {
  if (format == "uf2")
    return uf2Text(bytes, static_cast<uint32_t>(board.image.uf2Family));
  return format == "hex" ? hexText(bytes) : binText(bytes);
}

std::string imagePath(const std::string &elf, const std::string &format) {
  return fs::path(elf).replace_extension(format).string();
}

bool writeImages(const std::string &outDirectory, const Manifest &manifest, Diagnostics &out) {
  for (const ManifestNode &node : manifest.nodes) {
    if (!node.isBare())
      continue;
    const auto board = readNodeBoard(nodePath(outDirectory, node), node.board, out);
    if (!board)
      return false;
    const std::string elf = shardPath(outDirectory, node);
    const auto isFlash = [&](uint64_t address) {
      return std::any_of(board->memories.begin(), board->memories.end(), [&](const auto &memory) {
        return memory.kind == "flash" && address >= memory.address &&
               address - memory.address < memory.size;
      });
    };
    if (!fillImageTable(elf, isFlash, out))
      return false;
    if (board->image.formats.empty())
      continue;
    const auto bytes = readFlashBytes(elf, *board, out);
    if (!bytes)
      return false;
    for (const std::string &format : board->image.formats) {
      const std::string path = imagePath(elf, format), text = imageText(*bytes, format, *board);
      Diagnostics absent;
      if (readText(path, absent) != text && !writeText(path, text, out))
        return false;
    }
  }
  return true;
}

} // namespace discoc
