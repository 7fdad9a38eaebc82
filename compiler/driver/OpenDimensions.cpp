//===- OpenDimensions.cpp - which sizes of inputs are missing -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/OpenDimensions.h"
#include "compiler/driver/Frontend.h"
#include "compiler/driver/SummaryText.h"
#include "llvm/ADT/StringExtras.h"
#include <set>

using namespace mlir;
using namespace disco;
using discoc::importer::Dim;
using discoc::importer::Model;
using discoc::importer::ValueInfo;

/// Sizes that networks are made for: pictures, then windows of samples.
static constexpr int64_t kUsualSizes[] = {224, 320, 640, 512, 128, 16};

namespace {
/// The inputs whose sizes are missing, and what would give them.
class Finder {
public:
  Finder(const Model &model, const discoc::ModelOptions &options) : options(options) {
    for (StringRef pin : options.pins)
      known.insert(pin.rsplit('=').first.str());
    for (const ValueInfo &input : model.graph.inputs)
      if (isShaped(input))
        for (const Dim &dim : input.dims)
          known.insert(dim.symbol);
    known.erase("");
    for (const ValueInfo &input : model.graph.inputs)
      if (!isShaped(input))
        add(input);
  }

  bool any() const { return !names.empty(); }

  /// The options, with `size` for whatever is no batch.
  OpenDimensions with(int64_t size) const {
    OpenDimensions open{names, options, "", {}};
    for (const std::string &symbol : symbols)
      append(open, "--pin", symbol + "=" + std::to_string(sizeOf(symbol, size)), open.options.pins);
    for (const ValueInfo *input : shapeless)
      append(open, "--input-shape", input->name + "=" + shapeOf(*input, size),
             open.options.inputShapes);
    return open;
  }

private:
  bool isShaped(const ValueInfo &input) const {
    return llvm::any_of(options.inputShapes,
                        [&](StringRef shape) { return shape.rsplit('=').first == input.name; });
  }

  void add(const ValueInfo &input) {
    bool needsShape = !input.hasShape;
    if (needsShape)
      names.push_back("the shape of " + input.name);
    for (auto [index, dim] : llvm::enumerate(input.dims)) {
      if (dim.isFixed() || known.count(dim.symbol))
        continue;
      if (dim.symbol.empty()) {
        names.push_back("dimension " + std::to_string(index) + " of " + input.name);
        needsShape = true;
        continue;
      }
      if (index == 0 || StringRef(dim.symbol).contains_insensitive("batch"))
        batches.insert(dim.symbol);
      if (!llvm::is_contained(symbols, dim.symbol)) {
        symbols.push_back(dim.symbol);
        names.push_back(dim.symbol);
      }
    }
    if (needsShape)
      shapeless.push_back(&input);
  }

  int64_t sizeOf(const std::string &symbol, int64_t size) const {
    return batches.count(symbol) ? 1 : size;
  }

  std::string shapeOf(const ValueInfo &input, int64_t size) const {
    std::string text;
    for (auto [index, dim] : llvm::enumerate(input.dims)) {
      const int64_t open = dim.symbol.empty() ? (index == 0 ? 1 : size) : sizeOf(dim.symbol, size);
      text += (index ? "x" : "") + std::to_string(dim.isFixed() ? dim.size : open);
    }
    return text.empty() ? std::to_string(size) : text;
  }

  static void append(OpenDimensions &open, const char *option, const std::string &value,
                     std::vector<std::string> &list) {
    list.push_back(value);
    open.added += (open.added.empty() ? "" : " ") + std::string(option) + " " + shellWord(value);
  }

  const discoc::ModelOptions &options;
  std::vector<std::string> names, symbols;
  std::set<std::string> known, batches;
  std::vector<const ValueInfo *> shapeless;
};
} // namespace

static std::string textOf(const discoc::importer::Diagnostics &errors) {
  std::string text;
  for (const discoc::importer::Diagnostic &error : errors)
    text += error.str() + "\n";
  return text;
}

OpenDimensions disco::findOpenDimensions(const Model &model, const discoc::ModelOptions &options) {
  Finder finder(model, options);
  if (!finder.any()) {
    OpenDimensions open{{}, options, "", {}};
    (void)importModel(options, open.left);
    return open;
  }
  OpenDimensions first = finder.with(kUsualSizes[0]);
  std::string before;
  for (int64_t size : kUsualSizes) {
    OpenDimensions open = finder.with(size);
    if (importModel(open.options, open.left))
      return open;
    if (size == kUsualSizes[0])
      first.left = open.left;
    const std::string why = textOf(open.left);
    if (why == before)
      break; // whatever is wrong, it is not the size
    before = why;
  }
  return first;
}
