//===- VerifyModel.cpp - the model that a directory was compiled from ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/verify/VerifyModel.h"
#include "compiler/import/ModelHash.h"
#include "compiler/import/OnnxReader.h"
#include "compiler/verify/MaskedModel.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace fs = std::filesystem;

namespace discoc {

static void fault(Diagnostics &faults, const std::string &file, const std::string &what,
                  const std::string &hint) {
  faults.push_back({file, "", what, hint});
}

static void moveFaults(const std::vector<importer::Diagnostic> &from, Diagnostics &to) {
  for (const importer::Diagnostic &one : from)
    to.push_back({"", "", one.str(), ""});
}

/// Places where the model's file may lie, the likelier ones first, each once: where it was, then
/// files of its name nearby.
static std::vector<fs::path> candidates(const std::string &out, const Manifest::Model &model) {
  constexpr size_t most = 1000; // folders around OUT; a temporary directory can have many
  std::vector<fs::path> found;
  std::error_code error;
  auto addFile = [&](const fs::path &path) {
    if (!fs::is_regular_file(path, error))
      return;
    const fs::path real = fs::canonical(path, error);
    if (std::none_of(found.begin(), found.end(),
                     [&](const fs::path &p) { return fs::canonical(p, error) == real; }))
      found.push_back(path);
  };
  auto add = [&](const fs::path &directory) { addFile(directory / model.file); };
  if (!model.path.empty())
    addFile(model.path);
  add("");
  const fs::path absolute = fs::canonical(out, error);
  add(absolute);
  fs::path around = absolute;
  for (int level = 0; level < 2 && around.has_relative_path(); ++level) {
    around = around.parent_path();
    add(around);
    std::vector<fs::path> neighbours;
    for (auto it = fs::directory_iterator(around, error);
         !error && it != fs::directory_iterator() && neighbours.size() < most;
         it.increment(error)) {
      std::error_code ignored;
      if (it->is_directory(ignored))
        neighbours.push_back(it->path());
    }
    std::sort(neighbours.begin(), neighbours.end());
    for (const fs::path &neighbour : neighbours)
      add(neighbour);
  }
  return found;
}

std::optional<importer::Model> findModel(const std::string &out, const Manifest &manifest,
                                         const std::string &stated, bool followLinks,
                                         Diagnostics &faults) {
  const std::vector<fs::path> paths =
      stated.empty() ? candidates(out, manifest.model) : std::vector<fs::path>{stated};
  if (paths.empty()) {
    fault(faults, manifest.model.file,
          "the model that " + out +
              " was compiled from is neither where it was, nor in the current directory, nor in " +
              out + ", nor in the folders around it",
          "name it with --model");
    return std::nullopt;
  }
  for (const fs::path &path : paths) {
    std::vector<importer::Diagnostic> errors;
    importer::ReadOptions options;
    options.followLinks = followLinks;
    std::optional<importer::Model> model = importer::readOnnx(path.string(), errors, options);
    if (!model) {
      moveFaults(errors, faults);
      continue;
    }
    const std::string hash = importer::hashModel(*model);
    if (hash == manifest.model.sha256) {
      faults.clear(); // of files of the same name that are not meant
      return model;
    }
    fault(faults, path.string(),
          "is not the model that " + out + " was compiled from: its sha256 is " + hash +
              ", the manifest says " + manifest.model.sha256,
          stated.empty() ? "name the right file with --model" : "compile the model again");
  }
  return std::nullopt;
}

bool useSettings(importer::Model &model, const Manifest &manifest, Diagnostics &faults) {
  std::map<std::string, int64_t> pins;
  std::map<std::string, std::vector<int64_t>> shapes;
  std::map<std::string, std::string> values;
  for (const auto &[key, value] : manifest.settings) {
    if (key.rfind("pin.", 0) == 0)
      pins[key.substr(4)] = std::strtoll(value.c_str(), nullptr, 10);
    else if (key.rfind("set.", 0) == 0)
      values[key.substr(4)] = value;
    else if (key.rfind("shape.", 0) == 0)
      for (const char *at = value.c_str(); *at;) {
        char *end = nullptr;
        shapes[key.substr(6)].push_back(std::strtoll(at, &end, 10));
        at = *end == 'x' ? end + 1 : "";
      }
  }
  std::vector<importer::Diagnostic> errors;
  const bool good = importer::pinDimensions(model, pins, shapes, errors) &&
                    importer::setInputs(model, values, errors);
  moveFaults(errors, faults);
  return good;
}

std::string writeMasked(const importer::Model &model, const std::string &out,
                        const Manifest &manifest, const std::string &directory,
                        Diagnostics &faults) {
  const int64_t nodes = static_cast<int64_t>(manifest.nodes.size());
  const std::optional<Masks> masks = readMasks(out + "/masks.json", nodes, faults);
  const std::optional<Owners> owners = readOwners(out + "/owners.json", nodes, faults);
  if (!masks || !owners)
    return "";
  std::error_code error;
  fs::create_directories(directory, error);
  std::vector<importer::Diagnostic> errors;
  const std::string path = directory + "/" + fs::path(manifest.model.file).filename().string();
  const auto forbidden = importer::forbiddenWeights(model, *masks, *owners, errors);
  const bool good = forbidden && importer::writeMaskedModel(model, *forbidden, path, errors);
  moveFaults(errors, faults);
  return good ? path : "";
}

} // namespace discoc
