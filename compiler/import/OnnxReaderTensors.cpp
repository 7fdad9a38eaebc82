//===- OnnxReaderTensors.cpp - TensorProto to views of its bytes ----------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxReaderImpl.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstring>
#include <optional>

using namespace discoc::importer;

namespace {

using Buffer = std::vector<std::byte>;

/// Where external data says that it is.
struct ExternalLocation {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};

class TensorReader {
public:
  TensorReader(ReadContext &context, const onnx::TensorProto &proto, const std::string &what,
               Tensor &tensor)
      : context(context), proto(proto), what(what), tensor(tensor) {}

  bool run();

private:
  bool fail(const std::string &reason, const std::string &advice = "") {
    return context.error(what + " " + reason, advice);
  }
  bool readShape();
  bool readTyped();
  bool readExternal();
  bool parseExternal(ExternalLocation &where);
  std::shared_ptr<MappedFile> openExternal(const std::string &location);
  bool checkLocation(const std::string &location);

  /// Copies the elements of a typed field, which are laid out as we want them.
  template <class Field> void adopt(const Field &field) {
    using Element = typename Field::value_type;
    auto buffer = std::make_shared<Buffer>(field.size() * sizeof(Element));
    if (!buffer->empty())
      std::memcpy(buffer->data(), field.data(), buffer->size());
    take(std::move(buffer));
  }
  /// int32_data and uint64_data carry narrower types too.
  template <class Stored, class Field> bool narrow(const Field &field, int64_t low, int64_t high) {
    auto buffer = std::make_shared<Buffer>(field.size() * sizeof(Stored));
    std::byte *out = buffer->data();
    for (auto value : field) {
      if (static_cast<int64_t>(value) < low || static_cast<int64_t>(value) > high)
        return fail("holds the value " + std::to_string(value) + ", which is no " +
                    elemTypeName(tensor.type));
      auto stored = static_cast<Stored>(value);
      std::memcpy(out, &stored, sizeof(stored));
      out += sizeof(stored);
    }
    take(std::move(buffer));
    return true;
  }
  void take(std::shared_ptr<Buffer> buffer) {
    tensor.bytes = *buffer;
    tensor.owner = std::move(buffer);
  }

  ReadContext &context;
  const onnx::TensorProto &proto;
  const std::string &what;
  Tensor &tensor;
};

bool TensorReader::readShape() {
  tensor.name = proto.name();
  tensor.type = static_cast<ElemType>(proto.data_type());
  tensor.dims.assign(proto.dims().begin(), proto.dims().end());
  if (tensor.type == ElemType::String)
    return fail("is a string tensor, which is not supported", "remove it from the model");
  if (tensor.type == ElemType::C64 || tensor.type == ElemType::C128)
    return fail("has the type " + elemTypeName(tensor.type) + ", which is not supported");
  if (elemTypeBits(tensor.type) == 0)
    return fail("has no known element type (" + std::to_string(proto.data_type()) + ")");
  if (tensor.dims.size() > context.options.maxDims)
    return fail("has " + std::to_string(tensor.dims.size()) + " dimensions; a tensor may have " +
                    std::to_string(context.options.maxDims),
                "reshape it before it is exported");
  for (int64_t dim : tensor.dims)
    if (dim < 0)
      return fail("has a negative dimension: " + dimsText(tensor.dims));
  if (!dimsFit(tensor.dims, tensor.type))
    return fail("has an impossible shape: " + dimsText(tensor.dims) +
                " has more bytes than 63 bits can count");
  return true;
}

bool TensorReader::readTyped() {
  switch (tensor.type) {
  case ElemType::F32: adopt(proto.float_data()); return true;
  case ElemType::F64: adopt(proto.double_data()); return true;
  case ElemType::I32: adopt(proto.int32_data()); return true;
  case ElemType::I64: adopt(proto.int64_data()); return true;
  case ElemType::U64: adopt(proto.uint64_data()); return true;
  case ElemType::U32: return narrow<uint32_t>(proto.uint64_data(), 0, UINT32_MAX);
  case ElemType::Bool: return narrow<uint8_t>(proto.int32_data(), 0, 1);
  // Writers differ in whether they extend the sign.
  case ElemType::U8:
  case ElemType::I8:
  case ElemType::U4:
  case ElemType::I4:
  case ElemType::F4E2M1:
  case ElemType::F8E4M3FN:
  case ElemType::F8E4M3FNUZ:
  case ElemType::F8E5M2:
  case ElemType::F8E5M2FNUZ: return narrow<uint8_t>(proto.int32_data(), INT8_MIN, UINT8_MAX);
  case ElemType::U16:
  case ElemType::I16:
  case ElemType::F16:
  case ElemType::BF16: return narrow<uint16_t>(proto.int32_data(), INT16_MIN, UINT16_MAX);
  case ElemType::Undefined:
  case ElemType::String:
  case ElemType::C64:
  case ElemType::C128: break;
  }
  return fail("has no known element type");
}

bool TensorReader::parseExternal(ExternalLocation &where) {
  for (const auto &entry : proto.external_data()) {
    const std::string &key = entry.key(), &value = entry.value();
    if (key == "location")
      where.location = value;
    if (key != "offset" && key != "length")
      continue;
    uint64_t number = 0;
    const char *end = value.data() + value.size();
    auto result = std::from_chars(value.data(), end, number);
    if (result.ec != std::errc() || result.ptr != end)
      return fail("has external data with a bad " + key + ": " + quote(value));
    if (key == "offset")
      where.offset = number;
    else
      where.length = number;
  }
  if (where.location.empty())
    return fail("has external data without a location");
  return true;
}

/// Only files beside the model or below: a model from elsewhere must not be
/// able to read what its user can.
bool TensorReader::checkLocation(const std::string &location) {
  const std::string advice = "keep external data in the model's directory";
  if (location.find('\0') != std::string::npos)
    return fail("has external data at the impossible location " + quote(location));
  if (location[0] == '/')
    return fail("has external data at the absolute path " + quote(location), advice);
  for (size_t begin = 0; begin <= location.size();) {
    size_t end = std::min(location.find('/', begin), location.size());
    if (location.compare(begin, end - begin, "..") == 0)
      return fail("has external data outside the model's directory: " + quote(location), advice);
    begin = end + 1;
  }
  return true;
}

std::shared_ptr<MappedFile> TensorReader::openExternal(const std::string &location) {
  auto known = context.externalFiles.find(location);
  if (known != context.externalFiles.end())
    return known->second;
  if (!checkLocation(location))
    return nullptr;
  if (context.directory.empty()) {
    fail("has external data, and the model is not in a directory");
    return nullptr;
  }
  std::string reason;
  auto file =
      MappedFile::openBelow(context.directory, location, context.options.followLinks, reason);
  if (!file) {
    const bool isLink = reason.find("link") != std::string::npos;
    fail("has external data in " + quote(location) + ", which " + reason,
         isLink ? "put the file itself beside the model, or give --follow-links if you trust where "
                  "the model came from (caches of downloads consist of links)"
                : "put the file beside the model");
    return nullptr;
  }
  context.externalFiles.emplace(location, file);
  context.model.files.push_back(file->bytes());
  context.model.owners.push_back(file);
  context.model.externalFiles.emplace(location, file->bytes());
  return file;
}

bool TensorReader::readExternal() {
  ExternalLocation where;
  if (!parseExternal(where))
    return false;
  auto file = openExternal(where.location);
  if (!file)
    return false;
  // Without a length the shape says how much is meant.
  uint64_t bits = elemTypeBits(tensor.type) * static_cast<uint64_t>(tensor.elementCount());
  uint64_t length = where.length.value_or((bits + 7) / 8);
  uint64_t size = file->bytes().size();
  if (where.offset > size || length > size - where.offset)
    return fail("needs bytes " + std::to_string(where.offset) + " to " +
                    std::to_string(where.offset) + "+" + std::to_string(length) + " of " +
                    quote(where.location) + ", which has only " + std::to_string(size),
                "the external file is truncated, or belongs to another model");
  tensor.bytes = file->bytes().subspan(where.offset, length);
  tensor.owner = file;
  return true;
}

bool TensorReader::run() {
  if (!readShape())
    return false;
  if (proto.has_segment())
    return fail("is stored in segments, which is not supported",
                "save the model again with a current onnx package");
  bool typed = proto.float_data_size() != 0 || proto.int32_data_size() != 0 ||
               proto.int64_data_size() != 0 || proto.double_data_size() != 0 ||
               proto.uint64_data_size() != 0 || proto.string_data_size() != 0;
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
    if (typed || proto.has_raw_data())
      return fail("has data both in the model and in an external file");
    if (!readExternal())
      return false;
  } else if (proto.has_raw_data()) {
    if (typed)
      return fail("has its data twice, raw and typed");
    if (!context.cut.redeem(proto.raw_data(), tensor.bytes))
      return fail("has raw data that was not found");
    tensor.owner = context.fileOwner;
  } else if (!readTyped()) {
    return false;
  }
  uint64_t bits = elemTypeBits(tensor.type) * static_cast<uint64_t>(tensor.elementCount());
  if (tensor.bytes.size() != (bits + 7) / 8)
    return fail("of type " + elemTypeName(tensor.type) + " and shape " + dimsText(tensor.dims) +
                    " needs " + std::to_string((bits + 7) / 8) + " bytes of data and has " +
                    std::to_string(tensor.bytes.size()),
                "the file is damaged, or its exporter is wrong");
  return true;
}

} // namespace

bool discoc::importer::readTensor(ReadContext &context, const onnx::TensorProto &proto,
                                  const std::string &what, Tensor &tensor) {
  return TensorReader(context, proto, what, tensor).run();
}

namespace {

/// Positions of the values in the dense tensor: one index each, or one a dimension.
bool readPositions(ReadContext &context, const std::string &what, const Tensor &indices,
                   const Tensor &dense, int64_t count, std::vector<int64_t> &positions) {
  const auto rank = static_cast<int64_t>(dense.dims.size());
  const bool isLinear = indices.dims == std::vector<int64_t>{count};
  if (indices.type != ElemType::I64 ||
      (!isLinear && indices.dims != std::vector<int64_t>{count, rank}))
    return context.error(what + " is sparse and has " + std::to_string(count) +
                         " values, but its indices are " + elemTypeName(indices.type) + " " +
                         dimsText(indices.dims));
  for (int64_t i = 0; i < count; ++i) {
    int64_t position = 0;
    for (int64_t axis = 0; axis < (isLinear ? 1 : rank); ++axis) {
      int64_t index = 0;
      const int64_t extent =
          isLinear ? dense.elementCount() : dense.dims[static_cast<size_t>(axis)];
      const auto at = static_cast<size_t>(isLinear ? i : i * rank + axis);
      std::memcpy(&index, indices.bytes.data() + at * sizeof(index), sizeof(index));
      if (index < 0 || index >= extent)
        return context.error(what + " is sparse and has the index " + std::to_string(index) +
                             ", which is outside the shape " + dimsText(dense.dims));
      position = position * extent + index;
    }
    positions.push_back(position);
  }
  return true;
}

} // namespace

bool discoc::importer::readSparseTensor(ReadContext &context, const onnx::SparseTensorProto &proto,
                                        const std::string &what, Tensor &tensor) {
  Tensor values, indices;
  if (!readTensor(context, proto.values(), what, values) ||
      !readTensor(context, proto.indices(), what, indices))
    return false;
  tensor.name = values.name;
  tensor.type = values.type;
  tensor.dims.assign(proto.dims().begin(), proto.dims().end());
  const size_t size = elemTypeBits(tensor.type) / 8;
  if (size == 0 || values.dims.size() != 1 || tensor.dims.size() > context.options.maxDims ||
      std::any_of(tensor.dims.begin(), tensor.dims.end(), [](int64_t dim) { return dim < 0; }) ||
      !dimsFit(tensor.dims, tensor.type))
    return context.error(what + " is sparse, and its values or its shape are not ones that a "
                                "tensor can have",
                         "store it as a dense tensor");
  const auto bytes = static_cast<size_t>(tensor.elementCount()) * size;
  const size_t most = context.options.maxSparse;
  if (bytes > most || (context.sparseBytes += bytes) > most)
    return context.error(what + " is sparse: the model's sparse tensors have more than " +
                             std::to_string(most >> 20) + " MB when their zeros are stored",
                         "store it as a dense tensor, in which zeros cost nothing after masks are "
                         "derived from them");
  std::vector<int64_t> positions;
  if (!readPositions(context, what, indices, tensor, values.elementCount(), positions))
    return false;
  auto buffer = std::make_shared<Buffer>(bytes);
  for (size_t i = 0; i < positions.size(); ++i)
    std::memcpy(buffer->data() + static_cast<size_t>(positions[i]) * size,
                values.bytes.data() + i * size, size);
  tensor.bytes = *buffer;
  tensor.owner = std::move(buffer);
  return true;
}
