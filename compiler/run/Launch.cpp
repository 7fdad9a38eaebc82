//===- Launch.cpp - where the programs of a compiled model run ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/Launch.h"
#include "compiler/formats/Cluster.h"
#include "compiler/formats/Text.h"
#include "compiler/run/Process.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace discoc {

const char *launcherName(LaunchHosts::With with) {
  switch (with) {
  case LaunchHosts::With::Ssh: return "ssh";
  case LaunchHosts::With::Mpirun: return "mpirun";
  case LaunchHosts::With::Srun: return "srun";
  }
  return "";
}

bool isHostName(const std::string &host) {
  auto isPlain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string("._-:%@").find(c) != std::string::npos;
  };
  return !host.empty() && host.size() < 256 && host.front() != '-' &&
         host.find("@-") == std::string::npos && std::all_of(host.begin(), host.end(), isPlain);
}

std::string listenAddress(const std::string &address) {
  const size_t colon = address.rfind(':');
  const bool isNumber = address.front() == '[' || address.find_first_not_of("0123456789.") == colon;
  return isNumber ? address : "0.0.0.0" + address.substr(colon);
}

RunRequest staged(const RunRequest &request, const std::string &folder) {
  RunRequest moved = request;
  for (size_t i = 0; i < moved.inputs.size(); ++i)
    moved.inputs[i].second = fmt::format("{}/{}.npy", folder, i);
  moved.outputDirectory = folder + "/outputs";
  return moved;
}

std::string shellEndText(int code) {
  constexpr int signals = 128;
  Child child;
  child.signal = code > signals ? code - signals : 0;
  child.exitCode = code;
  return child.endText();
}

/// Whether MPI or TCP can carry all that the nodes exchange.
static bool areAllOnHosts(const Manifest &manifest, Diagnostics &out) {
  bool wired = std::any_of(manifest.nodes.begin(), manifest.nodes.end(),
                           [](const ManifestNode &node) { return node.isBare(); });
  if (!wired && !manifest.cluster.empty()) {
    const auto cluster = parseCluster(manifest.cluster, "the cluster in manifest.json",
                                      static_cast<int64_t>(manifest.nodes.size()), out);
    if (!cluster)
      return false;
    wired = cluster->hasPackets();
  }
  if (wired)
    out.push_back({"", "", "a node of this model is a board, or has wires",
                   "discoc run starts emulators; docs/running.md says how boards are started"});
  return !wired;
}

/// The lines of a file that compile wrote; none where it wrote none.
static std::vector<std::string> linesOf(const std::string &path, Diagnostics &out) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return {};
  std::vector<std::string> lines;
  std::istringstream text(readText(path, out).value_or(""));
  for (std::string line; std::getline(text, line);)
    lines.push_back(line);
  return lines;
}

/// Without a user.
static std::string nameOf(const std::string &host) {
  const size_t at = host.rfind('@');
  const std::string name = host.substr(at == std::string::npos ? 0 : at + 1);
  return name.find(':') == std::string::npos ? name : "[" + name + "]";
}

bool findHosts(const std::string &out, const Manifest &manifest,
               const std::map<int64_t, std::string> &named, int64_t firstPort, LaunchHosts &given,
               Diagnostics &diagnostics) {
  if (!areAllOnHosts(manifest, diagnostics))
    return false;
  const size_t nodes = manifest.nodes.size();
  std::vector<std::string> hosts = linesOf(out + "/launch/hosts", diagnostics);
  const bool stated = hosts.size() == nodes;
  hosts.resize(nodes);
  for (const auto &[rank, host] : named) {
    if (rank < static_cast<int64_t>(nodes))
      hosts[static_cast<size_t>(rank)] = host;
    else
      diagnostics.push_back(
          {"", "", fmt::format("--host {}={}: the model has ranks 0 to {}", rank, host, nodes - 1),
           ""});
  }
  const auto missing = std::find(hosts.begin(), hosts.end(), "") - hosts.begin();
  if (missing < static_cast<std::ptrdiff_t>(nodes)) {
    if (given.with == LaunchHosts::With::Ssh || !named.empty())
      diagnostics.push_back({"", "", fmt::format("no host is stated for rank {}", missing),
                             fmt::format("--host {}=HOST, or addresses of all nodes in the cluster "
                                         "file",
                                         missing)});
    hosts.clear();
  }
  for (const std::string &host : hosts)
    if (!isHostName(host))
      diagnostics.push_back({host, "", "is no name of a host", ""});
  if (!diagnostics.empty())
    return false;
  for (size_t rank = 0; !stated && rank < hosts.size(); ++rank)
    given.addresses.push_back(
        fmt::format("{}:{}", nameOf(hosts[rank]), firstPort + static_cast<int64_t>(rank)));
  given.hosts = std::move(hosts);
  return true;
}

} // namespace discoc
