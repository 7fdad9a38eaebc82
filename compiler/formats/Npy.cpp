//===- Npy.cpp - numpy's array files ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Npy.h"
#include "compiler/formats/Half.h"
#include "compiler/formats/Text.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

namespace discoc {

int64_t Array::count() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t d : shape)
    text += (text.empty() ? "" : "x") + std::to_string(d);
  return shape.empty() ? "scalar" : text;
}

//===- reading ---===//

namespace {
/// The header is a Python dictionary with three keys; this reads no more of
/// Python than that.
class HeaderReader {
public:
  explicit HeaderReader(const std::string &text) : text_(text) {}

  bool read(std::string &descr, bool &fortran, std::vector<int64_t> &shape) {
    if (!take('{'))
      return false;
    int seen = 0;
    while (!take('}')) {
      std::string key;
      if (!string(key) || !take(':'))
        return false;
      const int bit = key == "descr" ? 1 : key == "fortran_order" ? 2 : key == "shape" ? 4 : 0;
      if (bit == 0 || (seen & bit))
        return false;
      seen |= bit;
      if (!(bit == 1 ? string(descr) : bit == 2 ? boolean(fortran) : tuple(shape)))
        return false;
      take(',');
    }
    return seen == 7;
  }

private:
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n'))
      ++at_;
  }
  bool take(char c) {
    blanks();
    if (at_ >= text_.size() || text_[at_] != c)
      return false;
    ++at_;
    return true;
  }
  bool string(std::string &out) {
    blanks();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"')
      return false;
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string::npos)
      return false;
    out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }
  bool boolean(bool &out) {
    blanks();
    for (bool value : {false, true}) {
      const std::string word = value ? "True" : "False";
      if (text_.compare(at_, word.size(), word) == 0) {
        out = value;
        at_ += word.size();
        return true;
      }
    }
    return false;
  }
  bool tuple(std::vector<int64_t> &out) {
    if (!take('('))
      return false;
    while (!take(')')) {
      blanks();
      int64_t value = 0;
      const size_t first = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && at_ - first < 18)
        value = value * 10 + (text_[at_++] - '0');
      if (at_ == first)
        return false;
      out.push_back(value);
      take(',');
    }
    return true;
  }

  const std::string &text_;
  size_t at_ = 0;
};

constexpr size_t maxNpyHeader = 1 << 16; ///< bytes; numpy's own are of 128
constexpr size_t maxNpyRank = 32;        ///< numpy's own limit
} // namespace

/// Type and shape of the file that `bytes` begins and that has `size` bytes in
/// all; `start` is where its data begin.
static std::optional<Array> parseHeader(const std::string &bytes, uint64_t size, uint64_t &start,
                                        const std::string &file, Diagnostics &out) {
  auto fault = [&](const std::string &what, const std::string &hint = "") {
    out.push_back({file, "", what, hint});
    return std::nullopt;
  };
  if (bytes.size() < 12 || bytes.compare(0, 6, "\x93NUMPY") != 0)
    return fault("is not an .npy file", "write it with numpy.save");
  auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(bytes[i])); };
  if (byte(6) < 1 || byte(6) > 3)
    return fault("is an .npy file of an unknown version");
  const bool wide = byte(6) >= 2;
  start = wide ? 12 : 10;
  const size_t length =
      wide ? byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24 : byte(8) | byte(9) << 8;
  if (length > maxNpyHeader)
    return fault("has a header of " + std::to_string(length) + " bytes",
                 "write it with numpy.save");
  if (length > bytes.size() - start)
    return fault("ends within its header");
  std::string descr;
  bool fortran = false;
  Array array;
  if (!HeaderReader(bytes.substr(start, length)).read(descr, fortran, array.shape))
    return fault("has a header that is not one of plain numbers and a shape",
                 "write it with numpy.save, of an array without fields");
  if (array.shape.size() > maxNpyRank)
    return fault("has " + std::to_string(array.shape.size()) + " dimensions",
                 "numpy knows " + std::to_string(maxNpyRank));
  start += length;
  const ElementInfo *info = elementInfoOfNpy(descr);
  if (!info)
    return fault("has elements of type " + descr,
                 "convert with .astype(\"float32\") or another plain little-endian type");
  if (fortran && array.shape.size() > 1)
    return fault("is column-major", "save numpy.ascontiguousarray(x)");
  array.type = info->type;
  uint64_t want = static_cast<uint64_t>(info->bytes());
  for (int64_t d : array.shape) {
    if (d != 0 && want > size / static_cast<uint64_t>(d) + 1)
      return fault("has fewer bytes than its shape " + shapeText(array.shape) + " needs");
    want *= static_cast<uint64_t>(d);
  }
  if (size - start != want)
    return fault("has " + std::to_string(size - start) + " bytes of data, its shape " +
                 shapeText(array.shape) + " needs " + std::to_string(want));
  return array;
}

std::optional<Array> parseNpy(const std::string &bytes, const std::string &file, Diagnostics &out) {
  uint64_t start = 0;
  std::optional<Array> array = parseHeader(bytes, bytes.size(), start, file, out);
  if (array)
    array->data.assign(bytes.begin() + static_cast<std::ptrdiff_t>(start), bytes.end());
  return array;
}

std::optional<Array> readNpy(const std::string &path, Diagnostics &out) {
  // The header first: a file of a wrong size, and be it of holes only, is not read.
  if (!readNpyShape(path, out))
    return std::nullopt;
  std::optional<std::string> bytes = readText(path, out, INT64_MAX);
  return bytes ? parseNpy(*bytes, path, out) : std::nullopt;
}

std::optional<Array> readNpyShape(const std::string &path, Diagnostics &out) {
  struct stat info;
  // Opening a FIFO waits for nobody; then it is refused.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  std::FILE *file = fd < 0 ? nullptr : fdopen(fd, "rb");
  if (!file || fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
    out.push_back(
        {path, "",
         std::string("cannot be read: ") + (file ? "it is not a file" : std::strerror(errno)), ""});
    if (file)
      std::fclose(file);
    return std::nullopt;
  }
  std::string head(maxNpyHeader + 12, '\0');
  head.resize(std::fread(&head[0], 1, head.size(), file));
  std::fclose(file);
  uint64_t start = 0;
  return parseHeader(head, static_cast<uint64_t>(info.st_size), start, path, out);
}

//===- writing ---===//

std::string npyHeader(ElementType type, const std::vector<int64_t> &shape) {
  std::string dict =
      std::string("{'descr': '") + elementInfo(type)->npy + "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < shape.size(); ++i)
    dict += (i ? ", " : "") + std::to_string(shape[i]);
  dict += shape.size() == 1 ? ",), }" : "), }";
  const size_t total = (10 + dict.size() + 1 + 63) / 64 * 64;
  dict.append(total - 10 - dict.size() - 1, ' ');
  dict += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(dict.size() & 255);
  out += static_cast<char>(dict.size() >> 8);
  return out + dict;
}

bool writeNpy(const std::string &path, const Array &array, Diagnostics &out) {
  std::string bytes = npyHeader(array.type, array.shape);
  bytes.append(array.data.begin(), array.data.end());
  return writeText(path, bytes, out);
}

//===- values ---===//

template <class T> static void convert(const Array &array, std::vector<double> &out) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, array.data.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<double>(value);
  }
}

std::vector<double> toDoubles(const Array &array) {
  std::vector<double> out(array.data.size() /
                          static_cast<size_t>(elementInfo(array.type)->bytes()));
  switch (array.type) {
  case ElementType::F32: convert<float>(array, out); break;
  case ElementType::F64: convert<double>(array, out); break;
  case ElementType::Bool:
  case ElementType::U8: convert<uint8_t>(array, out); break;
  case ElementType::I8: convert<int8_t>(array, out); break;
  case ElementType::U16: convert<uint16_t>(array, out); break;
  case ElementType::I16: convert<int16_t>(array, out); break;
  case ElementType::I32: convert<int32_t>(array, out); break;
  case ElementType::I64: convert<int64_t>(array, out); break;
  case ElementType::U32: convert<uint32_t>(array, out); break;
  case ElementType::U64: convert<uint64_t>(array, out); break;
  case ElementType::F16:
    for (size_t i = 0; i < out.size(); ++i) {
      uint16_t bits;
      std::memcpy(&bits, array.data.data() + 2 * i, 2);
      out[i] = halfToDouble(bits);
    }
    break;
  default: break; // no other type has an .npy file
  }
  return out;
}

} // namespace discoc
