//===- OnnxSet.cpp - inputs that are constants ----------------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxReaderImpl.h"

#include "compiler/formats/Half.h"

#include <algorithm>
#include <charconv>
#include <cstring>

using namespace discoc::importer;

namespace {

/// A list on a command line is short; one value fills a tensor of at most as many elements.
constexpr int64_t maxElements = int64_t(1) << 24;

using Bytes = std::vector<std::byte>;

template <class T> bool parseNumber(std::string_view text, T &value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

template <class T> void append(Bytes &bytes, T value) {
  const auto *begin = reinterpret_cast<const std::byte *>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof(T));
}

template <class T> bool appendNumber(std::string_view text, Bytes &bytes) {
  T value = 0;
  if (!parseNumber(text, value))
    return false;
  append(bytes, value);
  return true;
}

bool appendHalf(std::string_view text, Bytes &bytes) {
  double value = 0;
  if (!parseNumber(text, value))
    return false;
  append(bytes, discoc::doubleToHalf(value));
  return true;
}

bool appendBool(std::string_view text, Bytes &bytes) {
  bool yes = text == "true" || text == "1";
  append(bytes, static_cast<uint8_t>(yes));
  return yes || text == "false" || text == "0";
}

/// False when the text is no such number; nullptr is returned for types that cannot be set.
using Append = bool (*)(std::string_view, Bytes &);
Append appenderOf(ElemType type) {
  switch (type) {
  case ElemType::F16: return appendHalf;
  case ElemType::F32: return appendNumber<float>;
  case ElemType::F64: return appendNumber<double>;
  case ElemType::I8: return appendNumber<int8_t>;
  case ElemType::I16: return appendNumber<int16_t>;
  case ElemType::I32: return appendNumber<int32_t>;
  case ElemType::I64: return appendNumber<int64_t>;
  case ElemType::U8: return appendNumber<uint8_t>;
  case ElemType::U16: return appendNumber<uint16_t>;
  case ElemType::U32: return appendNumber<uint32_t>;
  case ElemType::U64: return appendNumber<uint64_t>;
  case ElemType::Bool: return appendBool;
  default: return nullptr;
  }
}

class Setter {
public:
  Setter(Model &model, Diagnostics &errors) : model(model), errors(errors) {}

  bool set(const std::string &name, std::string_view text);

private:
  bool fail(std::string message, std::string advice = "") {
    errors.push_back({std::move(message), std::move(advice), model.path, "", "", 0});
    return false;
  }
  std::string inputNames() const;
  bool makeTensor(const ValueInfo &input, std::string_view text, const std::string &option,
                  Tensor &tensor);

  Model &model;
  Diagnostics &errors;
};

std::string Setter::inputNames() const {
  std::string text;
  for (const ValueInfo &input : model.graph.inputs)
    text += (text.empty() ? "" : ", ") + quote(input.name);
  return "its inputs: " + (text.empty() ? std::string("none") : text);
}

/// One value fills the tensor; else there are as many as it has elements.
bool Setter::makeTensor(const ValueInfo &input, std::string_view text, const std::string &option,
                        Tensor &tensor) {
  tensor.name = input.name;
  tensor.type = input.type;
  for (const Dim &dim : input.dims)
    tensor.dims.push_back(dim.size);
  Append append = appenderOf(input.type);
  if (!append)
    return fail(option + ": the input has the element type " + elemTypeName(input.type) +
                ", of which none can be set");
  auto bytes = std::make_shared<Bytes>();
  int64_t given = 0, wanted = tensor.elementCount();
  for (size_t begin = 0; begin <= text.size(); ++given) {
    size_t end = std::min(text.find(',', begin), text.size());
    std::string_view part = text.substr(begin, end - begin);
    if (!append(part, *bytes))
      return fail(option + ": " + quote(part) + " is no " + elemTypeName(input.type),
                  "give a number, or as many as the input has elements: 1,2,3");
    begin = end + 1;
  }
  if (given != wanted && (given != 1 || wanted > maxElements))
    return fail(option + ": has " + std::to_string(given) + " values, the input of the shape " +
                    dimsText(tensor.dims) + " " + std::to_string(wanted),
                "give one value for all of at most " + std::to_string(maxElements) +
                    " elements, or one for each");
  const Bytes one = *bytes;
  for (int64_t i = 1; given == 1 && i < wanted; ++i)
    bytes->insert(bytes->end(), one.begin(), one.end());
  if (wanted == 0)
    bytes->clear();
  tensor.bytes = *bytes;
  tensor.owner = std::move(bytes);
  return true;
}

bool Setter::set(const std::string &name, std::string_view text) {
  std::string option = "--set " + quote(name + "=" + std::string(text));
  Graph &graph = model.graph;
  auto input = std::find_if(graph.inputs.begin(), graph.inputs.end(),
                            [&](const ValueInfo &info) { return info.name == name; });
  if (input == graph.inputs.end())
    return fail(option + ": the model has no such input", inputNames());
  if (!input->hasShape || std::any_of(input->dims.begin(), input->dims.end(),
                                      [](const Dim &dim) { return !dim.isFixed(); }))
    return fail(option + ": the shape of the input is not fixed",
                "give it with --input-shape " + quote(name + "=AxB") + " or --pin");
  Tensor tensor;
  if (!makeTensor(*input, text, option, tensor))
    return false;
  graph.inputs.erase(input);
  graph.initializers.push_back(std::move(tensor));
  model.setInputs.push_back(name);
  return true;
}

} // namespace

bool discoc::importer::setInputs(Model &model, const std::map<std::string, std::string> &values,
                                 Diagnostics &errors) {
  Setter setter(model, errors);
  bool good = true;
  for (const auto &[name, text] : values)
    good = setter.set(name, text) && good;
  return good;
}
