//===- OnnxPin.cpp - giving every input dimension a size ------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "compiler/import/OnnxReaderImpl.h"

#include <algorithm>
#include <set>

using namespace discoc::importer;

namespace {

class Pinner {
public:
  Pinner(Model &model, Diagnostics &errors) : model(model), errors(errors) {}

  bool usePins(const std::map<std::string, int64_t> &pins);
  bool useShapes(const std::map<std::string, std::vector<int64_t>> &shapes);
  bool apply();

private:
  bool fail(std::string message, std::string advice = "") {
    errors.push_back({std::move(message), std::move(advice), model.path, "", "", 0});
    return false;
  }
  bool bind(const std::string &symbol, int64_t size, const std::string &source);
  bool useShape(ValueInfo &input, const std::vector<int64_t> &shape);
  bool checkInput(const ValueInfo &input);

  Model &model;
  Diagnostics &errors;
  bool zeroIsOpen = false; ///< a shape gave a size where the model has 0
  struct Binding {
    int64_t size;
    std::string source;
  };
  std::map<std::string, Binding> bindings;
};

std::string listOf(const std::set<std::string> &names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "" : ", ") + quote(name);
  return text.empty() ? "none" : text;
}

/// `NAME=1x3x?x?`: what is known of the input, as the option wants it.
std::string shapeOption(const ValueInfo &input) {
  std::string text;
  for (const Dim &dim : input.dims)
    text +=
        (text.empty() ? "" : "x") + (dim.isFixed() ? std::to_string(dim.size) : std::string("?"));
  return "--input-shape " + quote(input.name + "=" + (text.empty() ? "AxB" : text));
}

bool Pinner::bind(const std::string &symbol, int64_t size, const std::string &source) {
  auto [it, isNew] = bindings.emplace(symbol, Binding{size, source});
  if (isNew || it->second.size == size)
    return true;
  return fail("dimension " + quote(symbol) +
              " is given two sizes: " + std::to_string(it->second.size) + " by " +
              it->second.source + " and " + std::to_string(size) + " by " + source);
}

bool Pinner::usePins(const std::map<std::string, int64_t> &pins) {
  std::set<std::string> symbols;
  for (const auto *infos : {&model.graph.inputs, &model.graph.outputs, &model.graph.valueInfos})
    for (const ValueInfo &info : *infos)
      for (const Dim &dim : info.dims)
        if (!dim.symbol.empty())
          symbols.insert(dim.symbol);
  bool good = true;
  for (const auto &[symbol, size] : pins) {
    std::string option = "--pin " + quote(symbol + "=" + std::to_string(size));
    if (size < 1)
      good = fail(option + ": a dimension must be at least 1");
    else if (!symbols.count(symbol))
      good = fail(option + ": the model has no dimension of that name",
                  "its named dimensions: " + listOf(symbols));
    else
      good &= bind(symbol, size, option);
  }
  return good;
}

bool Pinner::useShape(ValueInfo &input, const std::vector<int64_t> &shape) {
  std::string option = "--input-shape " + quote(input.name + "=" + dimsText(shape));
  if (!input.hasShape) {
    input.hasShape = true;
    input.dims.resize(shape.size());
  }
  if (shape.size() != input.dims.size())
    return fail(option + ": the input has " + std::to_string(input.dims.size()) +
                    " dimensions, not " + std::to_string(shape.size()),
                shapeOption(input));
  for (size_t i = 0; i < shape.size(); ++i) {
    Dim &dim = input.dims[i];
    if (shape[i] < 1 && !(dim.isFixed() && dim.size == shape[i]))
      return fail(option + ": a dimension must be at least 1");
    if (dim.size == 0 && shape[i] > 0) // so some exporters write a size that is open
      zeroIsOpen = true;
    else if (dim.isFixed() && dim.size != shape[i])
      return fail(option + ": dimension " + std::to_string(i) + " of the input is fixed to " +
                      std::to_string(dim.size) + " in the model",
                  shapeOption(input));
    if (!dim.symbol.empty() && !bind(dim.symbol, shape[i], option))
      return false;
    dim.size = shape[i];
  }
  return true;
}

bool Pinner::useShapes(const std::map<std::string, std::vector<int64_t>> &shapes) {
  std::set<std::string> names;
  for (const ValueInfo &input : model.graph.inputs)
    names.insert(input.name);
  bool good = true;
  for (const auto &[name, shape] : shapes) {
    auto input = std::find_if(model.graph.inputs.begin(), model.graph.inputs.end(),
                              [&](const ValueInfo &info) { return info.name == name; });
    if (input == model.graph.inputs.end())
      good = fail("--input-shape " + quote(name) + ": the model has no such input",
                  "its inputs: " + listOf(names));
    else
      good &= useShape(*input, shape);
  }
  return good;
}

bool Pinner::checkInput(const ValueInfo &input) {
  std::string what = "input " + quote(input.name) + " (" + elemTypeName(input.type) + ")";
  if (!input.hasShape)
    return fail(what + " has no shape", "give it with " + shapeOption(input));
  std::vector<int64_t> dims;
  bool good = true;
  for (size_t i = 0; i < input.dims.size(); ++i) {
    const Dim &dim = input.dims[i];
    dims.push_back(dim.size);
    if (dim.isFixed())
      continue;
    if (dim.symbol.empty())
      good = fail(what + ": dimension " + std::to_string(i) + " has neither size nor name",
                  "give the whole shape with " + shapeOption(input));
    else
      good = fail(what + ": dimension " + std::to_string(i) + ", " + quote(dim.symbol) +
                      ", has no size",
                  "give it with --pin " + quote(dim.symbol + "=SIZE") +
                      ", or the whole shape with " + shapeOption(input));
  }
  if (good && !dimsFit(dims, input.type))
    return fail(what + " has an impossible shape: " + dimsText(dims) +
                " has more bytes than 63 bits can count");
  return good;
}

bool Pinner::apply() {
  for (auto *infos : {&model.graph.outputs, &model.graph.valueInfos})
    for (ValueInfo &info : *infos)
      for (Dim &dim : info.dims)
        if (zeroIsOpen && dim.size == 0)
          dim.size = -1;
  for (auto *infos : {&model.graph.inputs, &model.graph.outputs, &model.graph.valueInfos})
    for (ValueInfo &info : *infos)
      for (Dim &dim : info.dims) {
        auto it = bindings.find(dim.symbol);
        if (!dim.isFixed() && it != bindings.end())
          dim.size = it->second.size;
      }
  bool good = true;
  for (const ValueInfo &input : model.graph.inputs)
    good &= checkInput(input);
  return good;
}

} // namespace

bool discoc::importer::pinDimensions(Model &model, const std::map<std::string, int64_t> &pins,
                                     const std::map<std::string, std::vector<int64_t>> &shapes,
                                     Diagnostics &errors) {
  Pinner pinner(model, errors);
  bool good = pinner.usePins(pins);
  good &= pinner.useShapes(shapes);
  return good && pinner.apply();
}
