//===- RunInputs.cpp - from NAME=FILE on the command line to .npy files ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/RunInputs.h"
#include "compiler/formats/Npy.h"
#include "compiler/formats/Picture.h"
#include "compiler/formats/Text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

namespace fs = std::filesystem;

namespace discoc {

namespace {
using Shape = std::vector<int64_t>;

std::string inputList(const Manifest &manifest) {
  std::string text;
  for (const ManifestTensor &input : manifest.inputs)
    text += fmt::format("{}{} ({} {})", text.empty() ? "" : ", ", input.name, input.type,
                        shapeText(input.shape));
  return text.empty() ? "the model has none" : "the model's are: " + text;
}

/// A shape without leading ones: 1x3x8x8 and 3x8x8 hold the same.
Shape trimmed(const Shape &shape) {
  return Shape(std::find_if(shape.begin(), shape.end(), [](int64_t d) { return d != 1; }),
               shape.end());
}

/// How many inferences an array of this shape holds, 0: it does not fit.
int64_t inferencesOf(const Shape &have, const Shape &want) {
  if (have == want)
    return 1;
  if (want.empty())
    return have.size() == 1 ? have[0] : 0;
  if (have.size() != want.size() || want[0] == 0 || have[0] % want[0] != 0 ||
      !std::equal(have.begin() + 1, have.end(), want.begin() + 1))
    return 0;
  return have[0] / want[0];
}

/// The shape of `count` inferences in one file.
Shape stackedShape(const Shape &shape, int64_t count) {
  Shape stacked = shape;
  if (count != 1 && shape.empty())
    return {count};
  if (count != 1)
    stacked[0] *= count;
  return stacked;
}

/// An example that fits the input, for the message of a missing preprocessing.
std::string exampleFor(const ManifestTensor &input) {
  const Shape &s = input.shape;
  const bool planes = s.size() != 4 || s[1] <= 4;
  const int64_t colors = s.size() != 4 ? 3 : planes ? s[1] : s[3];
  const int64_t h = s.size() != 4 ? 224 : planes ? s[2] : s[1];
  const int64_t w = s.size() != 4 ? 224 : planes ? s[3] : s[2];
  return fmt::format(R"({{"format": "discoc-preprocess", "version": 1, "inputs": {{"{}": )"
                     R"({{"size": [{}, {}], "resize": "bilinear", "layout": "{}", "color": "{}", )"
                     R"("scale": 0.00392156862745098, "mean": 0, "std": 1}}}}}})",
                     input.name, h, w, planes ? "NCHW" : "NHWC",
                     colors == 1   ? "GRAY"
                     : colors == 4 ? "RGBA"
                                   : "RGB");
}

class Collector {
public:
  Collector(const Manifest &manifest, const std::optional<Preprocess> &preprocess,
            const std::string &scratch, Diagnostics &out)
      : manifest_(manifest), preprocess_(preprocess), scratch_(scratch), out_(out) {}

  std::optional<RunInputs> collect(const std::vector<std::string> &arguments) {
    bool good = true;
    for (const std::string &argument : arguments)
      good = sort(argument) && good;
    for (const ManifestTensor &input : manifest_.inputs)
      if (files_.count(input.name) == 0)
        good = fault("--input", "", "input \"" + input.name + "\" is missing",
                     fmt::format("add --input {}=FILE ({} {})", input.name, input.type,
                                 shapeText(input.shape)));
    if (!good)
      return std::nullopt;
    for (size_t i = 0; i < manifest_.inputs.size(); ++i)
      if (!prepare(i))
        return std::nullopt;
    return std::move(result_);
  }

  /// A file as the user knows it.
  std::string shown(const std::string &file) const {
    return file == standardInput_ ? "standard input" : file;
  }

private:
  bool fault(const std::string &file, const std::string &where, const std::string &what,
             const std::string &hint) {
    out_.push_back({file, where, what, hint});
    return false;
  }

  /// NAME may itself have '=': the longest name that fits is meant.
  bool sort(const std::string &argument) {
    const ManifestTensor *found = nullptr;
    for (const ManifestTensor &input : manifest_.inputs)
      if (argument.compare(0, input.name.size() + 1, input.name + "=") == 0 &&
          (!found || input.name.size() > found->name.size()))
        found = &input;
    if (!found)
      return fault("--input " + argument, "", "names no input of the model",
                   "write NAME=FILE; " + inputList(manifest_));
    const std::string file = argument.substr(found->name.size() + 1);
    if (file.empty())
      return fault("--input " + argument, "", "has no file", "write NAME=FILE");
    return addFile(found->name, file);
  }

  /// A directory stands for the arrays and pictures in it, by name; "-" for standard input.
  bool addFile(const std::string &name, const std::string &file) {
    std::error_code error;
    if (file != "-" && !fs::is_directory(file, error)) {
      files_[name].push_back(file);
      return true;
    }
    if (file == "-")
      return addStandardInput(name);
    std::vector<std::string> found;
    for (auto it = fs::directory_iterator(file, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
      const std::string path = it->path().string();
      if (isPictureName(path) || it->path().extension() == ".npy")
        found.push_back(path);
    }
    if (error)
      return fault(file, "", "cannot be listed: " + error.message(), "");
    if (found.empty())
      return fault(file, "", "is a folder without arrays (.npy) and pictures", "name a file");
    std::sort(found.begin(), found.end());
    files_[name].insert(files_[name].end(), found.begin(), found.end());
    return true;
  }

  /// What comes is kept in a file; its first bytes say whether it is an array.
  bool addStandardInput(const std::string &name) {
    if (!standardInput_.empty())
      return fault("--input " + name + "=-", "", "reads standard input a second time",
                   "one input can come from there");
    std::string bytes;
    char part[65536];
    for (size_t n; (n = std::fread(part, 1, sizeof part, stdin)) > 0;) {
      bytes.append(part, n);
      if (bytes.size() > static_cast<size_t>(maxFileBytes))
        return fault("standard input", "", "has more bytes than a file may have", "");
    }
    if (bytes.empty())
      return fault("standard input", "", "is empty", "pipe an .npy file or a picture into it");
    const bool isArray = bytes.rfind("\x93NUMPY", 0) == 0;
    standardInput_ = scratch_ + (isArray ? "/stdin.npy" : "/stdin.png");
    files_[name].push_back(standardInput_);
    return writeText(standardInput_, bytes, out_);
  }

  const PreprocessInput *preprocessing(const ManifestTensor &input) const {
    if (!preprocess_)
      return nullptr;
    auto found = preprocess_->inputs.find(input.name);
    return found == preprocess_->inputs.end() ? nullptr : &found->second;
  }

  std::optional<Array> picture(const ManifestTensor &input, const std::string &file) {
    const PreprocessInput *how = preprocessing(input);
    if (!how) {
      fault(file, "",
            "is a picture, and nothing states how pictures become input \"" + input.name + "\"",
            "give --preprocess F (docs/formats/preprocess.md), or put the same text into the "
            "model's metadata as discoc.preprocess; F has this form, with your own numbers: " +
                exampleFor(input));
      return std::nullopt;
    }
    if (!how->type.empty() && input.modelType.empty() && how->type != input.type) {
      fault(file, "",
            "the preprocessing makes " + how->type + ", input \"" + input.name + "\" is " +
                input.type,
            "remove \"type\" from the preprocessing");
      return std::nullopt;
    }
    std::optional<Array> array = readPicture(file, input.modelType.empty() ? *how : pixelsOf(*how),
                                             elementInfo(input.type)->type, out_);
    if (!array)
      return std::nullopt;
    if (trimmed(array->shape) != trimmed(input.shape)) {
      fault(file, "",
            "the preprocessing makes " + shapeText(array->shape) + ", input \"" + input.name +
                "\" is " + shapeText(input.shape),
            "correct size, layout or color of the preprocessing");
      return std::nullopt;
    }
    array->shape = input.shape;
    return array;
  }

  /// The inferences that an array for `input` holds; 0 with a diagnostic.
  int64_t check(const ManifestTensor &input, const Array &array, const std::string &file) {
    if (array.type != elementInfo(input.type)->type) {
      fault(file, "",
            std::string("holds ") + elementInfo(array.type)->name + ", input \"" + input.name +
                "\" is " + input.type,
            input.modelType.empty()
                ? "convert with .astype(\"" + input.type + "\")"
                : "give pixels, 0 to 255, or compile the model without --picture-bytes");
      return 0;
    }
    const int64_t count = inferencesOf(array.shape, input.shape);
    if (count == 0)
      fault(file, "",
            "holds " + shapeText(array.shape) + ", input \"" + input.name + "\" is " +
                shapeText(input.shape),
            "give that shape, or a multiple of its first dimension for several inferences");
    return count;
  }

  bool prepare(size_t index) {
    const ManifestTensor &input = manifest_.inputs[index];
    const std::vector<std::string> &files = files_[input.name];
    int64_t count = 0;
    std::string path;
    if (files.size() == 1 && !isPictureName(files[0])) {
      std::optional<Array> array = readNpyShape(files[0], out_);
      count = array ? check(input, *array, files[0]) : 0;
      path = files[0];
    } else {
      path = scratch_ + "/input" + std::to_string(index) + ".npy";
      count = stack(input, files, path);
    }
    if (count == 0)
      return false;
    if (index > 0 && count != result_.count)
      return fault("--input", "",
                   fmt::format("input \"{}\" has {} inferences, \"{}\" has {}", input.name, count,
                               manifest_.inputs[0].name, result_.count),
                   "give as many files for each");
    result_.count = count;
    result_.files.emplace_back(input.name, path);
    return true;
  }

  /// All files of one input in one.
  int64_t stack(const ManifestTensor &input, const std::vector<std::string> &files,
                const std::string &path) {
    Array all;
    all.type = elementInfo(input.type)->type;
    int64_t count = 0;
    std::vector<std::string> titles;
    for (const std::string &file : files) {
      std::optional<Array> array = isPictureName(file) ? picture(input, file) : readNpy(file, out_);
      const int64_t more = array ? check(input, *array, file) : 0;
      if (more == 0)
        return 0;
      all.data.insert(all.data.end(), array->data.begin(), array->data.end());
      count += more;
      for (int64_t i = 0; i < more; ++i)
        titles.push_back(more == 1 ? shown(file) : fmt::format("{} [{}]", shown(file), i));
    }
    all.shape = stackedShape(input.shape, count);
    if (result_.titles.empty())
      result_.titles = std::move(titles);
    return writeNpy(path, all, out_) ? count : 0;
  }

  const Manifest &manifest_;
  const std::optional<Preprocess> &preprocess_;
  const std::string &scratch_;
  Diagnostics &out_;
  std::map<std::string, std::vector<std::string>> files_;
  std::string standardInput_; ///< the file that keeps what came from there
  RunInputs result_;
};
} // namespace

std::optional<RunInputs> collectInputs(const std::vector<std::string> &arguments,
                                       const Manifest &manifest,
                                       const std::optional<Preprocess> &preprocess,
                                       const std::string &scratch, Diagnostics &out) {
  Collector collector(manifest, preprocess, scratch, out);
  std::optional<RunInputs> inputs = collector.collect(arguments);
  for (Diagnostic &each : out)
    each.file = collector.shown(each.file);
  return inputs;
}

} // namespace discoc
