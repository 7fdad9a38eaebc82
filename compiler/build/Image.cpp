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

static std::nullopt_t fault(const std::string &path, const std::string &what, Diagnostics &out) {
  out.push_back({path, "", what, "build the node again"});
  return std::nullopt;
}

/// The file as one of a kind; nothing, and a diagnostic, when it is none.
template <class File>
static std::optional<OwningBinary<ObjectFile>> openImage(const std::string &path,
                                                         Diagnostics &out) {
  Expected<OwningBinary<ObjectFile>> opened = ObjectFile::createObjectFile(path);
  if (!opened)
    return fault(path, "cannot be read: " + toString(opened.takeError()), out);
  if (!isa<File>(opened->getBinary()))
    return fault(path, "is no linked program", out);
  return std::move(*opened);
}

std::optional<Image> readImage(const std::string &path, Diagnostics &out) {
  auto opened = openImage<ELFObjectFileBase>(path, out);
  if (!opened)
    return std::nullopt;
  const auto *file = cast<ELFObjectFileBase>(opened->getBinary());
  Image image;
  if (!readSections(*file, image) || !readFunctions(*file, image))
    return fault(path, "is no linked program", out);
  for (const std::string &part : BoardPart::all())
    image.parts.try_emplace(part, 0);
  return image;
}

std::optional<std::vector<Segment>> readSegments(const std::string &path, Diagnostics &out) {
  auto opened = openImage<ELF32LEObjectFile>(path, out);
  if (!opened)
    return std::nullopt;
  const auto *file = cast<ELF32LEObjectFile>(opened->getBinary());
  Expected<ELF32LEFile::Elf_Phdr_Range> headers = file->getELFFile().program_headers();
  if (!headers)
    return fault(path, "cannot be read: " + toString(headers.takeError()), out);
  std::vector<Segment> segments;
  for (const ELF32LEFile::Elf_Phdr &header : *headers) {
    if (header.p_type != ELF::PT_LOAD || header.p_filesz == 0)
      continue;
    Expected<ArrayRef<uint8_t>> bytes = file->getELFFile().getSegmentContents(header);
    if (!bytes)
      return fault(path, "cannot be read: " + toString(bytes.takeError()), out);
    segments.push_back({header.p_paddr, {bytes->begin(), bytes->end()}});
  }
  return segments;
}

} // namespace discoc
