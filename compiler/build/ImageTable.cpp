//===- ImageTable.cpp - what an image in flash has to be ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/Image.h"
#include "runtime_stub/board/image_table.h"

#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/CRC.h"

#include <cstring>
#include <fstream>

using namespace llvm;
using namespace llvm::object;

namespace discoc {

namespace {
/// Where the table is: in the file, and in flash.
struct Place {
  uint64_t offset = 0, address = 0;
};

bool fault(const std::string &path, const std::string &what, Diagnostics &out) {
  out.push_back({path, "", what, "build the node again"});
  return false;
}

std::optional<uint64_t> sectionOffset(const ELF32LEObjectFile &file) {
  for (const ELFSectionRef section : file.sections()) {
    Expected<StringRef> name = section.getName();
    if (!name)
      consumeError(name.takeError());
    else if (*name == ".image_check" && section.getSize() == sizeof(board_image_table))
      return file.getSection(section.getRawDataRefImpl())->sh_offset;
  }
  return std::nullopt;
}

std::optional<Place> placeOf(const ELF32LEObjectFile &file, ELF32LEFile::Elf_Phdr_Range headers) {
  const auto offset = sectionOffset(file);
  for (const ELF32LEFile::Elf_Phdr &header : headers)
    if (offset && header.p_type == ELF::PT_LOAD && *offset >= header.p_offset &&
        *offset + sizeof(board_image_table) <= header.p_offset + header.p_filesz)
      return Place{*offset, header.p_paddr + (*offset - header.p_offset)};
  return std::nullopt;
}

void addPart(board_image_table &table, const Segment &segment, uint64_t from, uint64_t to) {
  if (from >= to || table.count > board_image_parts)
    return;
  if (table.count < board_image_parts) {
    table.parts[table.count] = {static_cast<uint32_t>(from), static_cast<uint32_t>(to - from)};
    table.crc =
        crc32(table.crc, {segment.bytes.data() + (from - segment.address), size_t(to - from)});
  }
  ++table.count;
}
} // namespace

/// Nothing: the program has no table, or it is full.
static std::optional<Place> findEmptyTable(const std::string &path, Diagnostics &out) {
  Expected<OwningBinary<ObjectFile>> opened = ObjectFile::createObjectFile(path);
  if (!opened) {
    fault(path, "cannot be read: " + toString(opened.takeError()), out);
    return std::nullopt;
  }
  const auto *file = dyn_cast<ELF32LEObjectFile>(opened->getBinary());
  if (!file)
    return std::nullopt;
  Expected<ELF32LEFile::Elf_Phdr_Range> headers = file->getELFFile().program_headers();
  if (!headers) {
    consumeError(headers.takeError());
    return std::nullopt;
  }
  const auto place = placeOf(*file, *headers);
  uint32_t magic = 0;
  if (place)
    std::memcpy(&magic, file->getData().data() + place->offset, sizeof magic);
  return magic == board_image_magic ? std::nullopt : place;
}

bool fillImageTable(const std::string &path, const std::function<bool(uint64_t)> &isFlash,
                    Diagnostics &out) {
  const auto place = findEmptyTable(path, out);
  if (!place)
    return true;
  const auto segments = readSegments(path, out);
  if (!segments)
    return false;
  board_image_table table = {board_image_magic, 0, 0, {}};
  for (const Segment &segment : *segments) {
    const uint64_t end = segment.address + segment.bytes.size();
    if (!isFlash(segment.address))
      continue;
    if (place->address < segment.address || place->address >= end) {
      addPart(table, segment, segment.address, end);
      continue;
    }
    addPart(table, segment, segment.address, place->address);
    addPart(table, segment, place->address + sizeof table, end);
  }
  if (table.count > board_image_parts)
    return fault(path, "lies in more pieces than --check-image can check", out);
  std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(place->offset));
  stream.write(reinterpret_cast<const char *>(&table), sizeof table);
  stream.close();
  return stream.good() || fault(path, "cannot be written", out);
}

} // namespace discoc
