//===- VerifyDirectory.cpp - files that are not as compile writes them ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/VerifyDirectory.h"
#include "compiler/driver/HostCommands.h"
#include "compiler/formats/Cluster.h"
#include "compiler/formats/Owners.h"
#include "compiler/formats/Text.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace fs = std::filesystem;

namespace discoc {

/// What the manifest tells of the cluster file.
static Cluster clusterOf(const Manifest &manifest) {
  Cluster cluster = defaultCluster(static_cast<int64_t>(manifest.nodes.size()));
  for (size_t rank = 0; rank < manifest.nodes.size(); ++rank) {
    cluster.nodes[rank].name = manifest.nodes[rank].name;
    cluster.nodes[rank].board = manifest.nodes[rank].board;
    Diagnostics ignored;
    if (const auto target = parseTarget(manifest.nodes[rank].target, "", "", ignored))
      cluster.nodes[rank].target = *target;
  }
  cluster.root = manifest.root;
  return cluster;
}

/// Manifests of before the default maps had numbers are for the first.
static int64_t ownerMapOf(const Manifest &manifest) {
  auto stated = manifest.settings.find("owner-map");
  for (int64_t number = latestOwnerMap; number > 1; --number)
    if (stated != manifest.settings.end() && stated->second == std::to_string(number))
      return number;
  return 1;
}

/// `1,2,4`; none where nothing is stated.
static std::vector<int64_t> sharesOf(const Manifest &manifest) {
  std::vector<int64_t> shares;
  auto stated = manifest.settings.find("shares");
  if (stated == manifest.settings.end())
    return shares;
  std::istringstream text(stated->second);
  for (std::string share; std::getline(text, share, ',');)
    shares.push_back(std::strtoll(share.c_str(), nullptr, 10));
  return shares;
}

ModelOptions settingsOf(const Manifest &manifest, const std::string &model) {
  ModelOptions options;
  options.model = model;
  options.name = manifest.model.name;
  auto strategy = manifest.settings.find("strategy");
  if (strategy != manifest.settings.end() && strategy->second != "plan")
    options.strategy = strategy->second;
  options.ownerMap = ownerMapOf(manifest);
  if (auto layout = manifest.settings.find("layout"); layout != manifest.settings.end())
    options.layout = layout->second;
  options.weightCheck = manifest.settings.count("weight-check") != 0;
  options.checkImage = manifest.settings.count("check-image") != 0;
  if (auto console = manifest.settings.find("console"); console != manifest.settings.end())
    options.console = console->second;
  for (const auto &[key, value] : manifest.settings) {
    if (key.rfind("pin.", 0) == 0)
      options.pins.push_back(key.substr(4) + "=" + value);
    else if (key.rfind("shape.", 0) == 0)
      options.inputShapes.push_back(key.substr(6) + "=" + value);
    else if (key.rfind("set.", 0) == 0)
      options.sets.push_back(key.substr(4) + "=" + value);
    else if (key.rfind("state.", 0) == 0)
      options.states.push_back(value + "=" + key.substr(6));
  }
  return options;
}

static bool sameBytes(const fs::path &a, const fs::path &b) {
  std::error_code error;
  if (fs::file_size(a, error) != fs::file_size(b, error) || error)
    return false;
  std::ifstream x(a, std::ios::binary), y(b, std::ios::binary);
  return x && y &&
         std::equal(std::istreambuf_iterator<char>(x), {}, std::istreambuf_iterator<char>(y), {});
}

std::optional<std::vector<std::string>> changedFiles(const std::string &out,
                                                     const Manifest &manifest,
                                                     const std::string &model, bool followLinks,
                                                     const std::string &scratch) {
  Diagnostics ignored;
  CompileOptions options;
  options.model = settingsOf(manifest, model);
  options.model.followLinks = followLinks;
  options.quiet = true;
  options.model.nodes = static_cast<int64_t>(manifest.nodes.size());
  options.model.shares = sharesOf(manifest);
  options.model.masks = out + "/masks.json";
  options.model.owners = out + "/owners.json";
  auto strategy = manifest.settings.find("strategy"), wire = manifest.settings.find("wire"),
       optimize = manifest.settings.find("optimize");
  if (strategy != manifest.settings.end() && strategy->second == "plan")
    options.model.plan = out + "/plan.json";
  if (auto compress = manifest.settings.find("wire-compress"); compress != manifest.settings.end())
    options.model.compress = compress->second;
  if (wire != manifest.settings.end())
    options.model.wire = wire->second;
  options.model.pictureBytes = manifest.settings.count("pictures") != 0;
  if (optimize != manifest.settings.end())
    options.model.optimize = optimize->second;
  options.model.featuresOnly = manifest.settings.count("exchange") != 0;
  options.model.exactOrder = manifest.settings.count("order") != 0;
  if (auto k = manifest.settings.find("in-flight"); k != manifest.settings.end())
    options.model.inFlight = std::atoll(k->second.c_str());
  options.model.cluster = scratch + "/again.toml";
  options.out = scratch + "/again";
  if (!writeText(options.model.cluster, toToml(clusterOf(manifest)), ignored) ||
      runCompile(options) != ExitSuccess)
    return std::nullopt;
  const auto again = readManifest(options.out + "/manifest.json", ignored);
  if (!again || again->buildHash != manifest.buildHash)
    return std::nullopt;
  std::vector<std::string> changed;
  for (const ManifestNode &node : manifest.nodes) {
    const fs::path made = fs::path(options.out) / node.directory;
    std::error_code error;
    for (auto it = fs::recursive_directory_iterator(made, error);
         !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      const fs::path name = fs::path(node.directory) / fs::relative(it->path(), made, error);
      if (it->is_regular_file(error) && !sameBytes(it->path(), fs::path(out) / name))
        changed.push_back(name.string());
    }
  }
  std::sort(changed.begin(), changed.end());
  return changed;
}

} // namespace discoc
