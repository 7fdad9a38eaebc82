//===- PictureFile.cpp - files of pictures, decoded within bounds ---===//
// SPDX-License-Identifier: Apache-2.0
//
// stb_image decodes pictures. It is not safe with files from strangers:
// - it believes the sizes in a header, so these are checked first;
// - it reads zeros behind the end of a file, so the end is checked first;
// - it tries formats that nobody asked for, so the first bytes choose the format;
// - it allocates what the file asks for, so its allocations are counted and bounded.
#include "compiler/formats/PictureFile.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <malloc.h>

namespace {

/// Bytes that the decoder may have at a time. A picture needs at most what budgetOf() says; a file
/// that makes it ask for more lies, as PNGs do that unpack to a thousand times their size.
constexpr size_t mostMemory = size_t(600) << 20;
size_t memoryBudget = 0, memoryInUse = 0;

size_t budgetOf(int64_t pixels, size_t fileBytes) {
  // 16 bits of RGBA as unpacked, as filtered, and of both twice while memory grows.
  constexpr size_t bytesOfPixel = 48, fixed = size_t(4) << 20;
  return std::min(mostMemory, fixed + 2 * fileBytes + bytesOfPixel * static_cast<size_t>(pixels));
}

void *countedRealloc(void *old, size_t size) {
  const size_t had = old ? malloc_usable_size(old) : 0;
  if (size > memoryBudget || memoryInUse - had > memoryBudget - size)
    return nullptr;
  void *made = old ? std::realloc(old, size) : std::calloc(1, size ? size : 1);
  if (made)
    memoryInUse += malloc_usable_size(made) - had;
  return made;
}

void countedFree(void *old) {
  if (old)
    memoryInUse -= malloc_usable_size(old);
  std::free(old);
}

} // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wcast-qual"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#define STBI_ONLY_GIF
#define STBI_ONLY_TGA
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_STDIO
#define STBI_MALLOC(size) countedRealloc(nullptr, size)
#define STBI_REALLOC(old, size) countedRealloc(old, size)
#define STBI_FREE(old) countedFree(old)
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace discoc {

namespace {
enum class Format { None, Png, Jpeg, Bmp, Pnm, Gif, Tga };

bool endsIn(const std::string &file, const char *ending) {
  const size_t size = std::strlen(ending);
  if (file.size() < size)
    return false;
  for (size_t i = 0; i < size; ++i)
    if ((file[file.size() - size + i] | 0x20) != (ending[i] | 0x20))
      return false;
  return true;
}

Format formatOf(const std::string &bytes, const std::string &file) {
  auto begins = [&](const std::string &mark) { return bytes.compare(0, mark.size(), mark) == 0; };
  if (begins("\x89PNG\r\n\x1a\n"))
    return Format::Png;
  if (begins("\xff\xd8\xff"))
    return Format::Jpeg;
  if (begins("GIF87a") || begins("GIF89a"))
    return Format::Gif;
  if (begins("P5") || begins("P6"))
    return Format::Pnm;
  if (begins("BM"))
    return Format::Bmp;
  return endsIn(file, ".tga") && bytes.size() >= 18 ? Format::Tga : Format::None;
}

int64_t littleEndian(const std::string &bytes, size_t at) {
  auto byte = [&](size_t i) {
    return i < bytes.size() ? static_cast<int64_t>(static_cast<unsigned char>(bytes[i])) : 0;
  };
  return byte(at) | byte(at + 1) << 8;
}

/// Whether bytes are missing at the end, which the decoder would take for black.
bool isCutOff(const std::string &bytes, Format format, int64_t width, int64_t height,
              int64_t channels) {
  const auto size = static_cast<int64_t>(bytes.size());
  switch (format) {
  case Format::Jpeg: {
    const size_t scan = bytes.rfind("\xff\xda");
    return scan == std::string::npos || bytes.find("\xff\xd9", scan) == std::string::npos;
  }
  case Format::Gif: {
    const size_t last = bytes.find_last_not_of('\0');
    return last == std::string::npos || bytes[last] != ';';
  }
  case Format::Pnm: {
    const bool wide = stbi_is_16_bit_from_memory(reinterpret_cast<const stbi_uc *>(bytes.data()),
                                                 static_cast<int>(bytes.size()));
    return size < width * height * channels * (wide ? 2 : 1);
  }
  case Format::Bmp: {
    const int64_t bits = littleEndian(bytes, littleEndian(bytes, 14) == 12 ? 24 : 28);
    const int64_t begin = littleEndian(bytes, 10) | littleEndian(bytes, 12) << 16;
    return size < begin + height * ((width * bits + 31) / 32 * 4);
  }
  case Format::Tga: {
    const bool plain = (static_cast<unsigned char>(bytes[2]) & 8) == 0;
    const int64_t bytesOfPixel = ((littleEndian(bytes, 16) & 0xff) + 7) / 8;
    return plain && size < 18 + width * height * bytesOfPixel;
  }
  case Format::Png: // the decoder says so itself
  case Format::None: break;
  }
  return false;
}

/// The segments of a JPEG, as its markers divide it.
class JpegCheck {
public:
  explicit JpegCheck(const std::string &bytes) : bytes_(bytes) {}

  /// What the decoder must not see; empty when there is nothing.
  std::string run() {
    constexpr int mostScans = 200; // each passes over the whole picture, and may be 10 bytes long
    int scans = 0;
    for (size_t at = 2; (at = bytes_.find('\xff', at)) != std::string::npos;) {
      at = bytes_.find_first_not_of('\xff', at);
      if (at == std::string::npos)
        break;
      const size_t marker = byte(at++);
      if (marker <= 1 || (marker >= 0xd0 && marker <= 0xd9))
        continue; // has no length: restarts, the end, and 0 after a byte of data
      const size_t length = byte(at) << 8 | byte(at + 1);
      if (marker == 0xda && ++scans > mostScans)
        return "is a JPEG of too many scans";
      if (marker == 0xc4 && !goodTables(at + 2, length))
        return "is a JPEG with impossible code tables";
      at += length;
    }
    return "";
  }

private:
  size_t byte(size_t at) const {
    return at < bytes_.size() ? static_cast<unsigned char>(bytes_[at]) : 0;
  }

  /// A Huffman table has a byte of names, 16 counts and as many values; 256 at most, for which the
  /// decoder has room.
  bool goodTables(size_t at, size_t length) const {
    if (length < 2)
      return false;
    for (size_t left = length - 2; left > 0;) {
      size_t count = 0;
      for (size_t i = 1; i <= 16; ++i)
        count += byte(at + i);
      if (count > 256 || left < 17 + count)
        return false;
      left -= 17 + count;
      at += 17 + count;
    }
    return true;
  }

  const std::string &bytes_;
};

/// Whether a PNM's header has a number that overflows while the decoder reads it.
bool hasLongNumber(const std::string &bytes) {
  constexpr size_t mostDigits = 8;
  size_t at = 2, digits = 0;
  for (int numbers = 0; at < bytes.size() && numbers < 3; ++at) {
    const char c = bytes[at];
    if (c == '#')
      at = std::min(bytes.find_first_of("\r\n", at), bytes.size() - 1);
    else if (c >= '0' && c <= '9' && ++digits > mostDigits)
      return true;
    if (c < '0' || c > '9') {
      numbers += digits > 0;
      digits = 0;
    }
  }
  return false;
}

std::string reason() {
  const char *why = stbi_failure_reason();
  return why ? why : "it is damaged";
}
} // namespace

std::optional<Pixels> decodePicture(const std::string &bytes, int colors, const std::string &file,
                                    Diagnostics &out) {
  auto refuse = [&](const std::string &what, const std::string &hint) {
    out.push_back({file, "", what, hint});
    return std::nullopt;
  };
  const Format format = formatOf(bytes, file);
  if (format == Format::None)
    return refuse("is not a picture of a format that is known", pictureFormats);
  if (const std::string wrong = format == Format::Jpeg ? JpegCheck(bytes).run() : "";
      !wrong.empty())
    return refuse(wrong, "save it again");
  if (format == Format::Pnm && hasLongNumber(bytes))
    return refuse("is larger than any picture", pictureFormats);
  const auto *data = reinterpret_cast<const stbi_uc *>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, found = 0;
  memoryBudget = budgetOf(0, bytes.size());
  const bool known = stbi_info_from_memory(data, size, &width, &height, &found) != 0;
  if (format == Format::Bmp && height < 0 && height > -INT_MAX)
    height = -height; // from the top down
  if (!known || width <= 0 || height <= 0)
    return refuse("is not a picture that can be read: " + reason(), pictureFormats);
  if (int64_t(width) * height > maxPicturePixels)
    return refuse("is " + std::to_string(width) + " wide and " + std::to_string(height) +
                      " high, more than " + std::to_string(maxPicturePixels >> 20) +
                      " Mi pixels in all",
                  "scale it down");
  if (isCutOff(bytes, format, width, height, found))
    return refuse("is cut off", "was it copied whole?");
  memoryBudget = budgetOf(int64_t(width) * height, bytes.size());
  stbi_uc *pixels = stbi_load_from_memory(data, size, &width, &height, &found, colors);
  if (!pixels)
    return refuse("is not a picture that can be read: " + reason(), pictureFormats);
  Pixels made{height, width, {}};
  made.values.assign(pixels, pixels + int64_t(height) * width * colors);
  stbi_image_free(pixels);
  return made;
}

} // namespace discoc
