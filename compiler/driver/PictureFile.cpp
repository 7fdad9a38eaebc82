//===- PictureFile.cpp - files of pictures, decoded within bounds ---===//
// SPDX-License-Identifier: Apache-2.0
//
// stb_image decodes. It believes what a header says, takes what is cut off for zeros, and tries
// formats that nobody asked for; so all of that is looked at before it is called, and what it
// allocates is counted.
#include "PictureFile.h"

#include <cstdlib>
#include <cstring>
#include <malloc.h>

namespace {

/// Bytes that the decoder may have at a time: 16 bits each of RGBA, twice.
constexpr size_t mostMemory = size_t(600) << 20;
size_t memoryInUse = 0;

void *countedRealloc(void *old, size_t size) {
  const size_t had = old ? malloc_usable_size(old) : 0;
  if (size > mostMemory || memoryInUse - had > mostMemory - size)
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
    return size < height * ((width * bits + 31) / 32 * 4);
  }
  case Format::Tga: {
    const bool plain = (static_cast<unsigned char>(bytes[2]) & 8) == 0;
    return plain && size < width * height * ((littleEndian(bytes, 16) & 0xff) + 7) / 8;
  }
  case Format::Png: // the decoder says so itself
  case Format::None: break;
  }
  return false;
}

/// Each scan of a progressive JPEG passes over the whole picture, and may be 10 bytes long.
bool hasTooManyScans(const std::string &bytes) {
  constexpr int most = 200;
  int scans = 0;
  for (size_t at = 0; (at = bytes.find("\xff\xda", at)) != std::string::npos; at += 2)
    if (++scans > most)
      return true;
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
  const auto *data = reinterpret_cast<const stbi_uc *>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, found = 0;
  if (!stbi_info_from_memory(data, size, &width, &height, &found) || width <= 0 || height <= 0)
    return refuse("is not a picture that can be read: " + reason(), pictureFormats);
  if (int64_t(width) * height > maxPicturePixels)
    return refuse("is " + std::to_string(width) + " wide and " + std::to_string(height) +
                      " high, more than " + std::to_string(maxPicturePixels >> 20) +
                      " Mi pixels in all",
                  "scale it down");
  if (isCutOff(bytes, format, width, height, found))
    return refuse("is cut off", "was it copied whole?");
  if (format == Format::Jpeg && hasTooManyScans(bytes))
    return refuse("is a JPEG of too many scans", "save it again");
  stbi_uc *pixels = stbi_load_from_memory(data, size, &width, &height, &found, colors);
  if (!pixels)
    return refuse("is not a picture that can be read: " + reason(), pictureFormats);
  Pixels made{height, width, {}};
  made.values.assign(pixels, pixels + int64_t(height) * width * colors);
  stbi_image_free(pixels);
  return made;
}

} // namespace discoc
