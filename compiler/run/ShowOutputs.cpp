//===- ShowOutputs.cpp - outputs as what they mean ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/ShowOutputs.h"
#include "compiler/formats/PngFile.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Table.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

namespace discoc {

//===- what was asked for ---===//

static bool fault(Diagnostics &out, const std::string &line, const std::string &what,
                  const std::string &hint) {
  out.push_back({"--show " + line, "", what, hint});
  return false;
}

/// NAME= at the beginning of `line`, NAME an output of the model: the longest that fits.
static const ManifestTensor *outputOf(const std::string &line, const Manifest &manifest) {
  const ManifestTensor *found = nullptr;
  for (const ManifestTensor &output : manifest.outputs)
    if (line.compare(0, output.name.size() + 1, output.name + "=") == 0 &&
        (!found || output.name.size() > found->name.size()))
      found = &output;
  return found;
}

static bool isOutput(const std::string &name, const Manifest &manifest) {
  return std::any_of(manifest.outputs.begin(), manifest.outputs.end(),
                     [&](const ManifestTensor &output) { return output.name == name; });
}

static bool parseWord(const std::string &word, Shown &shown, const Manifest &manifest) {
  using Corners = Shown::Corners;
  static const std::map<std::string, Corners> corners = {
      {"xyxy", Corners::Xyxy}, {"xywh", Corners::Xywh}, {"cxcywh", Corners::Cxcywh}};
  if (auto at = corners.find(word); at != corners.end()) {
    shown.corners = at->second;
    return true;
  }
  if (word == "relative")
    return shown.relative = true;
  if (word.rfind("scores=", 0) == 0) {
    shown.scores = word.substr(7);
    return isOutput(shown.scores, manifest);
  }
  if (word.rfind("least=", 0) == 0) {
    char *end = nullptr;
    shown.least = std::strtod(word.c_str() + 6, &end);
    return *end == 0 && end != word.c_str() + 6 && std::isfinite(shown.least);
  }
  return false;
}

static bool parseLine(const std::string &line, const Manifest &manifest, ShownOutputs &all,
                      Diagnostics &out) {
  const ManifestTensor *output = outputOf(line, manifest);
  if (!output)
    return fault(out, line, "names no output of the model", "write OUTPUT=KIND");
  static const std::map<std::string, Shown::Kind> kinds = {{"scores", Shown::Kind::Scores},
                                                           {"boxes", Shown::Kind::Boxes},
                                                           {"mask", Shown::Kind::Mask},
                                                           {"picture", Shown::Kind::Picture}};
  std::string rest = line.substr(output->name.size() + 1) + ",";
  const auto kind = kinds.find(rest.substr(0, rest.find(',')));
  if (kind == kinds.end())
    return fault(out, line, "names no kind", "a kind is scores, boxes, mask or picture");
  Shown shown;
  shown.kind = kind->second;
  for (rest.erase(0, rest.find(',') + 1); !rest.empty(); rest.erase(0, rest.find(',') + 1)) {
    const std::string word = rest.substr(0, rest.find(','));
    if (shown.kind != Shown::Kind::Boxes || !parseWord(word, shown, manifest))
      return fault(out, line, "'" + word + "' says nothing about it",
                   "boxes can have xyxy, xywh or cxcywh, relative, scores=OUTPUT and least=SCORE");
  }
  all[output->name] = shown;
  return true;
}

std::optional<ShownOutputs> parseShown(const std::vector<std::string> &lines,
                                       const Manifest &manifest, Diagnostics &out) {
  ShownOutputs all;
  std::vector<std::string> stated;
  if (auto setting = manifest.settings.find("show"); setting != manifest.settings.end())
    for (std::string text = setting->second + "\n"; !text.empty();
         text.erase(0, text.find('\n') + 1))
      if (const std::string line = text.substr(0, text.find('\n')); !line.empty())
        stated.push_back(line);
  stated.insert(stated.end(), lines.begin(), lines.end()); // what is stated last counts
  for (const std::string &line : stated)
    if (!parseLine(line, manifest, all, out))
      return std::nullopt;
  return all;
}

//===- values ---===//

namespace {
/// Values of one inference that lie as colours, rows, columns, whichever way round.
struct Planes {
  int64_t colors = 0, height = 0, width = 0;
  bool last = false; ///< colours lie behind each other for every pixel
  std::vector<double> values;

  double at(int64_t color, int64_t y, int64_t x) const {
    return values[static_cast<size_t>(last ? (y * width + x) * colors + color
                                           : (color * height + y) * width + x)];
  }
};
} // namespace

/// Nothing where the shape is no picture's; `mostColors` tells colours from rows.
static std::optional<Planes> planesOf(const std::vector<int64_t> &shape, std::vector<double> values,
                                      int64_t mostColors) {
  std::vector<int64_t> dims = shape;
  while (dims.size() > 3 && dims.front() == 1)
    dims.erase(dims.begin());
  Planes planes;
  if (dims.size() == 2)
    dims.insert(dims.begin(), 1);
  if (dims.size() != 3 || values.empty())
    return std::nullopt;
  planes.last = dims[0] > mostColors && dims[2] <= mostColors;
  planes.colors = planes.last ? dims[2] : dims[0];
  planes.height = planes.last ? dims[0] : dims[1];
  planes.width = planes.last ? dims[1] : dims[2];
  planes.values = std::move(values);
  if (planes.colors * planes.height * planes.width != static_cast<int64_t>(planes.values.size()))
    return std::nullopt;
  return planes;
}

static uint8_t byteOf(double value) {
  return static_cast<uint8_t>(std::lround(value > 0 ? std::min(value, 255.0) : 0.0));
}

/// Values up to about 1 are shares of full brightness, others go to 255.
static Canvas canvasOf(const Planes &planes) {
  const double most = *std::max_element(planes.values.begin(), planes.values.end());
  const double scale = most <= 1.5 ? 255 : 1;
  Canvas canvas(planes.height, planes.width);
  for (int64_t y = 0; y < planes.height; ++y)
    for (int64_t x = 0; x < planes.width; ++x) {
      auto value = [&](int64_t c) {
        return byteOf(planes.at(planes.colors >= 3 ? c : 0, y, x) * scale);
      };
      canvas.set(y, x, {value(0), value(1), value(2)});
    }
  return canvas;
}

/// Undoes what the preprocessing did to colours.
static void undo(Planes &planes, const PreprocessInput &how) {
  for (size_t i = 0; i < planes.values.size(); ++i) {
    const size_t plane = static_cast<size_t>(planes.height * planes.width);
    const size_t color = planes.last ? i % static_cast<size_t>(planes.colors) : i / plane;
    if (how.scale != 0 && color < how.mean.size() && color < how.std.size())
      planes.values[i] = (planes.values[i] * how.std[color] + how.mean[color]) / how.scale;
  }
  if (how.color != PreprocessInput::Color::BGR || planes.colors != 3)
    return;
  Planes swapped = planes;
  for (size_t i = 0; i < planes.values.size(); ++i) {
    const size_t plane = static_cast<size_t>(planes.height * planes.width);
    const size_t from = planes.last ? i - i % 3 + (2 - i % 3) : (2 - i / plane) * plane + i % plane;
    swapped.values[i] = planes.values[from];
  }
  planes = std::move(swapped);
}

//===- kinds ---===//

namespace {
class Shower {
public:
  Shower(const RunOutput &output, const Shown &shown, const std::vector<RunOutput> &outputs,
         const Manifest &manifest, const RunInputs &inputs,
         const std::optional<Preprocess> &preprocess, const std::string &directory,
         Diagnostics &out)
      : output_(output), shown_(shown), outputs_(outputs), manifest_(manifest), inputs_(inputs),
        preprocess_(preprocess), directory_(directory), out_(out) {}

  std::optional<std::string> show() {
    constexpr int64_t most = 20;
    std::string text;
    const int64_t count = inferencesIn(output_);
    for (int64_t i = 0; i < count; ++i) {
      const std::optional<std::string> one = showOne(i);
      if (!one)
        return std::nullopt;
      if (i < most)
        text += "  " + titleOf(i, count, inputs_.titles) + *one + "\n";
    }
    return count > most ? text + fmt::format("  and {} more\n", count - most) : text;
  }

private:
  std::optional<std::string> showOne(int64_t which) {
    switch (shown_.kind) {
    case Shown::Kind::Scores: return scoreText(topScores(output_, which, 5, manifest_.labels));
    case Shown::Kind::Boxes: return boxes(which);
    case Shown::Kind::Mask: return mask(which);
    case Shown::Kind::Picture: return picture(which);
    }
    return std::nullopt;
  }

  std::nullopt_t refuse(const std::string &what) {
    fault(out_, output_.tensor.name, what, "show it as something else");
    return std::nullopt;
  }

  std::string fileOf(int64_t which) const {
    const std::string name = outputFile(manifest_, static_cast<size_t>(&output_ - outputs_.data()));
    return directory_ + "/" + name.substr(0, name.size() - 4) +
           (inferencesIn(output_) > 1 ? "_" + std::to_string(which) : "") + ".png";
  }

  /// " -> FILE", or nothing where no files are wanted; nullopt: it could not be written.
  std::optional<std::string> written(int64_t which, const Canvas &canvas) {
    if (directory_.empty())
      return "";
    if (!writePng(fileOf(which), canvas, out_))
      return std::nullopt;
    return " -> " + fileOf(which);
  }

  std::optional<std::string> picture(int64_t which) {
    const auto planes = planesOf(output_.tensor.shape, valuesOf(output_, which), 4);
    if (!planes || planes->colors > 4 || planes->colors == 2)
      return refuse("has the shape " + shapeText(output_.tensor.shape) + ", which is no picture's");
    const auto file = written(which, canvasOf(*planes));
    return file ? std::optional(
                      fmt::format("{} x {} pixels{}", planes->width, planes->height, *file))
                : std::nullopt;
  }

  std::string labelOf(int64_t index) const {
    return index < static_cast<int64_t>(manifest_.labels.size())
               ? printable(manifest_.labels[static_cast<size_t>(index)], maxShownName)
               : "#" + std::to_string(index);
  }

  std::optional<std::string> mask(int64_t which) {
    constexpr int64_t mostClasses = 256;
    const auto planes = planesOf(output_.tensor.shape, valuesOf(output_, which), mostClasses);
    if (!planes)
      return refuse("has the shape " + shapeText(output_.tensor.shape) + ", which is no mask's");
    std::map<int64_t, int64_t> pixels;
    Canvas canvas(planes->height, planes->width);
    for (int64_t y = 0; y < planes->height; ++y)
      for (int64_t x = 0; x < planes->width; ++x) {
        int64_t best = planes->colors == 1 ? planes->at(0, y, x) > 0.5 : 0;
        for (int64_t c = 1; c < planes->colors; ++c)
          best = planes->at(c, y, x) > planes->at(best, y, x) ? c : best;
        ++pixels[best];
        // Any two classes below 256 have different colours; the first is black.
        canvas.set(y, x,
                   {static_cast<uint8_t>(best * 97), static_cast<uint8_t>(best * 57),
                    static_cast<uint8_t>(best * 151)});
      }
    std::vector<std::pair<int64_t, int64_t>> order(pixels.begin(), pixels.end());
    std::stable_sort(order.begin(), order.end(),
                     [](const auto &a, const auto &b) { return a.second > b.second; });
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(order.size(), 5); ++i)
      text += (i ? ", " : "") + labelOf(order[i].first) + " " +
              percent(order[i].second, planes->height * planes->width);
    const auto file = written(which, canvas);
    return file ? std::optional(text + *file) : std::nullopt;
  }

  struct Box {
    double left, top, right, bottom, score;
    int64_t label;
  };

  /// The best score of every box, and whose it is; empty: there are none.
  bool score(std::vector<Box> &found, int64_t which) {
    if (shown_.scores.empty())
      return true;
    const auto scores = std::find_if(outputs_.begin(), outputs_.end(), [&](const RunOutput &o) {
      return o.tensor.name == shown_.scores;
    });
    const std::vector<double> values = valuesOf(*scores, which);
    const size_t each = found.empty() ? 0 : values.size() / found.size();
    if (each == 0 || each * found.size() != values.size())
      return false;
    for (size_t i = 0; i < found.size(); ++i) {
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(i * each);
      const auto best = std::max_element(first, first + static_cast<std::ptrdiff_t>(each));
      found[i].score = *best;
      found[i].label = each > 1 ? best - first : -1;
    }
    return true;
  }

  Box boxOf(const double *v, double width, double height) const {
    Box box{v[0], v[1], v[2], v[3], 1, -1};
    if (shown_.corners == Shown::Corners::Cxcywh)
      box = {v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2, 1, -1};
    else if (shown_.corners == Shown::Corners::Xywh)
      box = {v[0], v[1], v[0] + v[2], v[1] + v[3], 1, -1};
    if (shown_.relative) {
      box.left *= width;
      box.right *= width;
      box.top *= height;
      box.bottom *= height;
    }
    return box;
  }

  /// What the first input was given, as a picture.
  std::optional<Planes> inputOf(int64_t which) {
    if (inputs_.files.empty())
      return std::nullopt;
    const ManifestTensor &input = manifest_.inputs.front();
    const auto all = readNpy(inputs_.files.front().second, out_);
    if (!all)
      return std::nullopt;
    auto planes = planesOf(input.shape, valuesOf({input, "", *all}, which), 4);
    if (!planes || planes->colors > 4 || planes->colors == 2)
      return std::nullopt;
    if (preprocess_)
      if (auto how = preprocess_->inputs.find(input.name); how != preprocess_->inputs.end())
        undo(*planes, input.modelType.empty() ? how->second : pixelsOf(how->second));
    return planes;
  }

  std::optional<std::string> boxes(int64_t which) {
    const std::vector<double> values = valuesOf(output_, which);
    const std::vector<int64_t> &shape = output_.tensor.shape;
    const size_t step = shape.empty() ? 0 : static_cast<size_t>(shape.back());
    if (step < 4)
      return refuse("has the shape " + shapeText(shape) + "; boxes have four numbers each");
    const std::optional<Planes> input = inputOf(which);
    if (!input && (shown_.relative || !directory_.empty()))
      return refuse("needs a first input that is a picture");
    std::vector<Box> found;
    for (size_t i = 0; i + step <= values.size(); i += step)
      found.push_back(boxOf(&values[i], input ? static_cast<double>(input->width) : 1,
                            input ? static_cast<double>(input->height) : 1));
    if (!score(found, which))
      return refuse("has " + std::to_string(found.size()) + " boxes, which the scores of '" +
                    shown_.scores + "' are not for");
    found.erase(std::remove_if(found.begin(), found.end(),
                               [&](const Box &box) { return !(box.score >= shown_.least); }),
                found.end());
    std::stable_sort(found.begin(), found.end(),
                     [](const Box &a, const Box &b) { return a.score > b.score; });
    return boxesText(found, which, input);
  }

  std::optional<std::string> boxesText(const std::vector<Box> &found, int64_t which,
                                       const std::optional<Planes> &input) {
    constexpr size_t most = 5;
    std::string text = fmt::format("{} {}", found.size(), found.size() == 1 ? "box" : "boxes");
    for (size_t i = 0; i < std::min(found.size(), most); ++i)
      text += fmt::format("{} {}{:.4g} at {:.4g},{:.4g} to {:.4g},{:.4g}", i ? ";" : ":",
                          found[i].label < 0 ? "" : labelOf(found[i].label) + " ", found[i].score,
                          found[i].left, found[i].top, found[i].right, found[i].bottom);
    if (found.size() > most)
      text += "; ...";
    if (directory_.empty())
      return text;
    Canvas canvas = canvasOf(*input);
    for (const Box &box : found)
      canvas.outline(box.left, box.top, box.right, box.bottom, {255, 0, 0});
    const auto file = written(which, canvas);
    return file ? std::optional(text + *file) : std::nullopt;
  }

  const RunOutput &output_;
  const Shown &shown_;
  const std::vector<RunOutput> &outputs_;
  const Manifest &manifest_;
  const RunInputs &inputs_;
  const std::optional<Preprocess> &preprocess_;
  const std::string &directory_;
  Diagnostics &out_;
};
} // namespace

std::optional<std::string> showOutput(const RunOutput &output, const Shown &shown,
                                      const std::vector<RunOutput> &outputs,
                                      const Manifest &manifest, const RunInputs &inputs,
                                      const std::optional<Preprocess> &preprocess,
                                      const std::string &directory, Diagnostics &out) {
  return Shower(output, shown, outputs, manifest, inputs, preprocess, directory, out).show();
}

} // namespace discoc
