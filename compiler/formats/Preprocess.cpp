//===- Preprocess.cpp - how a picture becomes an input tensor ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Preprocess.h"
#include "compiler/formats/Json.h"
#include "compiler/formats/JsonParts.h"
#include "compiler/formats/Text.h"

#include <algorithm>

namespace discoc {

static constexpr const char *formatName = "discoc-preprocess";
using In = PreprocessInput;
static constexpr Word<In::Resize> resizeWords[] = {
    {"none", In::Resize::None},           {"bilinear", In::Resize::Bilinear},
    {"nearest", In::Resize::Nearest},     {"center-crop", In::Resize::CenterCrop},
    {"letterbox", In::Resize::Letterbox}, {"letterbox-corner", In::Resize::LetterboxCorner}};
static constexpr Word<In::Layout> layoutWords[] = {{"NCHW", In::Layout::NCHW},
                                                   {"NHWC", In::Layout::NHWC}};
static constexpr Word<In::Color> colorWords[] = {{"RGB", In::Color::RGB},
                                                 {"BGR", In::Color::BGR},
                                                 {"RGBA", In::Color::RGBA},
                                                 {"GRAY", In::Color::Gray}};

PreprocessInput pixelsOf(PreprocessInput input) {
  const auto colors = static_cast<size_t>(input.colors());
  input.scale = 1;
  input.mean.assign(colors, 0);
  input.std.assign(colors, 1);
  input.type.clear();
  return input;
}

Json partToJson(const Preprocess &preprocess) {
  Json inputs = Json::object();
  for (const auto &[name, in] : preprocess.inputs) {
    Json item;
    item["size"] = Json::array({in.height, in.width});
    item["resize"] = wordOf(resizeWords, in.resize);
    if (in.resizeShorter)
      item["resize_shorter"] = *in.resizeShorter;
    if (in.letterbox())
      item["pad"] = in.pad;
    item["layout"] = wordOf(layoutWords, in.layout);
    item["color"] = wordOf(colorWords, in.color);
    item["scale"] = in.scale;
    item["mean"] = in.mean;
    item["std"] = in.std;
    if (!in.type.empty())
      item["type"] = in.type;
    inputs[name] = std::move(item);
  }
  Json file;
  file["format"] = formatName;
  file["version"] = Preprocess::version;
  file["inputs"] = std::move(inputs);
  return file;
}

std::string toJson(const Preprocess &preprocess) { return layOut(partToJson(preprocess)); }

/// "mean" or "std": one number for all colours, or a list with one a colour.
static bool readPerColor(const JsonView &view, int64_t colors, std::vector<double> &out) {
  double value = 0;
  if (!view.isArray()) {
    if (!view.read(value))
      return false;
    out.assign(static_cast<size_t>(colors), value);
    return true;
  }
  return view.array(static_cast<size_t>(colors), "one a colour") &&
         view.elements([&](size_t, const JsonView &item) {
           out.push_back(0);
           return item.read(out.back());
         });
}

static bool readSize(const JsonView &view, PreprocessInput &in) {
  constexpr int64_t most = 1 << 15;
  return view.array(2, "the height and the width") && view.element(0).read(in.height, 1, most) &&
         view.element(1).read(in.width, 1, most);
}

static bool readInput(const JsonView &view, PreprocessInput &in) {
  if (!view.object({"size", "resize", "layout", "color", "scale", "mean", "std"},
                   {"resize_shorter", "pad", "type"}))
    return false;
  bool good = readSize(view.member("size"), in);
  good = readWord(view.member("resize"), resizeWords, in.resize) && good;
  good = readWord(view.member("layout"), layoutWords, in.layout) && good;
  good = readWord(view.member("color"), colorWords, in.color) && good;
  good = view.member("scale").read(in.scale) && good;
  if (!good)
    return false;
  good = readPerColor(view.member("mean"), in.colors(), in.mean);
  good = readPerColor(view.member("std"), in.colors(), in.std) && good;
  for (double s : in.std)
    if (s == 0)
      good = view.member("std").fault("has a zero", "x = (value * scale - mean) / std");
  if (view.has("resize_shorter")) {
    int64_t shorter = 0;
    if (in.resize != In::Resize::CenterCrop)
      good = view.member("resize_shorter").fault("is only for \"center-crop\"", "remove it");
    else if (!view.member("resize_shorter").read(shorter, std::max(in.height, in.width), 1 << 15))
      good = false;
    else
      in.resizeShorter = shorter;
  }
  if (view.has("pad")) {
    good = view.member("pad").read(in.pad) && good;
    if (!in.letterbox())
      good = view.member("pad").fault("is only for letterboxes", "remove it");
  }
  if (view.has("type"))
    good = readType(view.member("type"), in.type) && good;
  return good;
}

std::optional<Preprocess> partFromJson(const JsonView &view) {
  Preprocess preprocess;
  if (!readHeader(view, formatName, Preprocess::version) ||
      !view.object({"format", "version", "inputs"}))
    return std::nullopt;
  bool good = view.member("inputs").members([&](const std::string &name, const JsonView &item) {
    return readInput(item, preprocess.inputs[name]);
  });
  return good ? std::optional(std::move(preprocess)) : std::nullopt;
}

std::optional<Preprocess> parsePreprocess(const std::string &text, const std::string &file,
                                          Diagnostics &diagnostics) {
  std::optional<ReadJson> json = parseJson(text, file, diagnostics);
  if (!json)
    return std::nullopt;
  JsonView::Context context{file, diagnostics};
  return partFromJson(JsonView(*json, context));
}

std::optional<Preprocess> readPreprocess(const std::string &path, Diagnostics &diagnostics) {
  std::optional<std::string> text = readText(path, diagnostics, maxStatedBytes);
  return text ? parsePreprocess(*text, path, diagnostics) : std::nullopt;
}

} // namespace discoc
