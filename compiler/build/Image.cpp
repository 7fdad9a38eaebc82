//===- Image.cpp - what a linked program consists of ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/build/Image.h"
#include "compiler/formats/Board.h"

#include "llvm/Object/ELFObjectFile.h"

using namespace llvm;
using namespace llvm::object;

namespace discoc {

/// The part that a section belongs to; sections that nobody named are judged by what they are.
static const char *partOf(StringRef name, bool hasBytes, bool isWritable) {
  if (name == ".weights")
    return BoardPart::weights;
  if (name == ".arena")
    return BoardPart::arena;
  if (name == ".buffers")
    return BoardPart::buffers;
  if (name == ".stack")
    return BoardPart::stack;
  if (name == ".boot")
    return BoardPart::boot;
  return hasBytes && !isWritable ? BoardPart::code : BoardPart::data;
}

static bool readSections(const ELFObjectFileBase &file, Image &image) {
  for (const ELFSectionRef section : file.sections()) {
    Expected<StringRef> name = section.getName();
    if (!name) {
      consumeError(name.takeError());
      return false;
    }
    if (!(section.getFlags() & ELF::SHF_ALLOC))
      continue;
    const bool hasBytes = section.getType() != ELF::SHT_NOBITS,
               isWritable = (section.getFlags() & ELF::SHF_WRITE) != 0;
    const char *part = partOf(*name, hasBytes, isWritable);
    const auto size = static_cast<int64_t>(section.getSize());
    image.parts[part] += size;
    if (part == StringRef(BoardPart::data) && hasBytes)
      image.parts[BoardPart::code] += size; // the first values lie there until they are copied
  }
  return true;
}

static bool readFunctions(const ELFObjectFileBase &file, Image &image) {
  for (const ELFSymbolRef symbol : file.symbols()) {
    Expected<StringRef> name = symbol.getName();
    Expected<section_iterator> section = symbol.getSection();
    if (!name || !section) {
      consumeError(name.takeError());
      consumeError(section.takeError());
      return false;
    }
    if (symbol.getELFType() == ELF::STT_FUNC && *section != file.section_end())
      image.functions.push_back(name->str());
  }
  return true;
}

std::optional<Image> readImage(const std::string &path, Diagnostics &out) {
  auto fault = [&](const std::string &what) {
    out.push_back({path, "", what, "build the node again"});
    return std::nullopt;
  };
  Expected<OwningBinary<ObjectFile>> opened = ObjectFile::createObjectFile(path);
  if (!opened)
    return fault("cannot be read: " + toString(opened.takeError()));
  const auto *file = dyn_cast<ELFObjectFileBase>(opened->getBinary());
  Image image;
  if (!file || !readSections(*file, image) || !readFunctions(*file, image))
    return fault("is no linked program");
  for (const std::string &part : BoardPart::all())
    image.parts.try_emplace(part, 0);
  return image;
}

std::optional<std::vector<Segment>> readSegments(const std::string &path, Diagnostics &out) {
  auto fault = [&](const std::string &what) {
    out.push_back({path, "", what, "build the node again"});
    return std::nullopt;
  };
  Expected<OwningBinary<ObjectFile>> opened = ObjectFile::createObjectFile(path);
  if (!opened)
    return fault("cannot be read: " + toString(opened.takeError()));
  const auto *file = dyn_cast<ELF32LEObjectFile>(opened->getBinary());
  if (!file)
    return fault("is no linked program");
  Expected<ELF32LEFile::Elf_Phdr_Range> headers = file->getELFFile().program_headers();
  if (!headers)
    return fault("cannot be read: " + toString(headers.takeError()));
  std::vector<Segment> segments;
  for (const ELF32LEFile::Elf_Phdr &header : *headers) {
    if (header.p_type != ELF::PT_LOAD || header.p_filesz == 0)
      continue;
    Expected<ArrayRef<uint8_t>> bytes = file->getELFFile().getSegmentContents(header);
    if (!bytes)
      return fault("cannot be read: " + toString(bytes.takeError()));
    segments.push_back({header.p_paddr, {bytes->begin(), bytes->end()}});
  }
  return segments;
}

} // namespace discoc
