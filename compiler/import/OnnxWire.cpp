//===- OnnxWire.cpp - cutting tensor bytes out of a serialised model ------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxWire.h"

#include <climits>
#include <cstring>

using namespace discoc::importer;

namespace {

/// The messages on a path from ModelProto to TensorProto.raw_data.
enum class Message : uint8_t {
  Opaque,
  Model,
  Graph,
  Node,
  Attribute,
  Tensor,
  SparseTensor,
  Function,
};

constexpr uint32_t rawDataField = 9;
constexpr uint32_t trainingInfoField = 20;
constexpr size_t ticketSize = sizeof(uint64_t);
/// Sub-graphs nest; nobody nests them this deep. Protobuf itself stops at 100.
constexpr int maxDepth = 90;
/// Nested lengths are written padded to this many bytes, so that they can be
/// filled in afterwards and everything is written once.
constexpr size_t paddedVarint = 5;

Message fieldMessage(Message message, uint32_t field) {
  switch (message) {
  case Message::Model:
    return field == 7 ? Message::Graph : field == 25 ? Message::Function : Message::Opaque;
  case Message::Graph:
    return field == 1    ? Message::Node
           : field == 5  ? Message::Tensor
           : field == 15 ? Message::SparseTensor
                         : Message::Opaque;
  case Message::Node: return field == 5 ? Message::Attribute : Message::Opaque;
  case Message::Attribute:
    return field == 5 || field == 10    ? Message::Tensor
           : field == 6 || field == 11  ? Message::Graph
           : field == 22 || field == 23 ? Message::SparseTensor
                                        : Message::Opaque;
  case Message::SparseTensor: return field == 1 || field == 2 ? Message::Tensor : Message::Opaque;
  case Message::Function:
    return field == 7 ? Message::Node : field == 11 ? Message::Attribute : Message::Opaque;
  case Message::Opaque:
  case Message::Tensor: return Message::Opaque;
  }
  return Message::Opaque;
}

class Cutter {
public:
  Cutter(std::span<const std::byte> file, CutModel &cut, std::string &error)
      : file(file), cut(cut), error(error) {}

  bool run() { return walk(Message::Model, 0, file.size(), 0); }

private:
  bool fail(uint64_t at, const std::string &reason) {
    error = reason + " (at byte " + std::to_string(at) + " of " + std::to_string(file.size()) + ")";
    return false;
  }

  bool readVarint(uint64_t &at, uint64_t end, uint64_t &value) {
    uint64_t begin = at;
    value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at == end)
        return fail(begin, "a number is cut off");
      auto byte = std::to_integer<uint64_t>(file[at++]);
      if (shift < 64)
        value |= (byte & 0x7f) << shift;
      if (byte < 0x80)
        return true;
    }
    return fail(begin, "a number has more than 10 bytes");
  }

  void copy(uint64_t begin, uint64_t end) {
    cut.rest.append(reinterpret_cast<const char *>(file.data()) + begin, end - begin);
  }

  void writeVarint(uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      cut.rest.push_back(static_cast<char>(value | 0x80));
    cut.rest.push_back(static_cast<char>(value));
  }

  /// One field whose payload is bytes [at, end).
  bool walkPayload(Message message, uint64_t key, uint64_t at, uint64_t end, int depth);
  bool walk(Message message, uint64_t at, uint64_t end, int depth);

  std::span<const std::byte> file;
  CutModel &cut;
  std::string &error;
};

bool Cutter::walkPayload(Message message, uint64_t key, uint64_t at, uint64_t end, int depth) {
  auto field = static_cast<uint32_t>(key >> 3);
  // Training graphs mean nothing to inference, and may hold tensors.
  if (message == Message::Model && field == trainingInfoField)
    return true;
  writeVarint(key);
  if (message == Message::Tensor && field == rawDataField) {
    uint64_t ticket = cut.views.size();
    cut.views.push_back(file.subspan(at, end - at));
    writeVarint(ticketSize);
    cut.rest.append(reinterpret_cast<const char *>(&ticket), ticketSize);
    return true;
  }
  Message inner = fieldMessage(message, field);
  if (inner == Message::Opaque) {
    writeVarint(end - at);
    copy(at, end);
    return true;
  }
  size_t lengthAt = cut.rest.size();
  cut.rest.append(paddedVarint, '\0');
  if (!walk(inner, at, end, depth + 1))
    return false;
  uint64_t length = cut.rest.size() - lengthAt - paddedVarint;
  for (size_t i = 0; i < paddedVarint; ++i, length >>= 7)
    cut.rest[lengthAt + i] = static_cast<char>((length & 0x7f) | (i + 1 < paddedVarint ? 0x80 : 0));
  return true;
}

bool Cutter::walk(Message message, uint64_t at, uint64_t end, int depth) {
  if (depth > maxDepth)
    return fail(at, "messages are nested too deep");
  while (at != end) {
    uint64_t begin = at, key = 0, length = 0;
    if (!readVarint(at, end, key))
      return false;
    if (key >> 3 == 0 || key > UINT32_MAX)
      return fail(begin, "a field has an impossible number");
    switch (key & 7) {
    case 0:
      if (!readVarint(at, end, length))
        return false;
      copy(begin, at);
      break;
    case 1:
    case 5:
      length = (key & 7) == 1 ? 8 : 4;
      if (end - at < length)
        return fail(begin, "a field is cut off");
      at += length;
      copy(begin, at);
      break;
    case 2:
      if (!readVarint(at, end, length))
        return false;
      if (end - at < length)
        return fail(begin, "a field of " + std::to_string(length) + " bytes is cut off after " +
                               std::to_string(end - at));
      if (!walkPayload(message, key, at, at + length, depth))
        return false;
      at += length;
      break;
    default: // groups were never used by ONNX; 6 and 7 do not exist
      return fail(begin, "a field has an impossible wire type");
    }
    if (cut.rest.size() > INT_MAX)
      return fail(begin, "more than 2 GiB are not raw tensor data");
  }
  return true;
}

} // namespace

bool CutModel::redeem(std::string_view ticket, std::span<const std::byte> &bytes) const {
  uint64_t index = 0;
  if (ticket.size() != ticketSize)
    return false;
  std::memcpy(&index, ticket.data(), ticketSize);
  if (index >= views.size())
    return false;
  bytes = views[index];
  return true;
}

bool discoc::importer::cutRawData(std::span<const std::byte> file, CutModel &cut,
                                  std::string &error) {
  return Cutter(file, cut, error).run();
}
