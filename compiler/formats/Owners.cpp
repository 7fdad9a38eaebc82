//===- Owners.cpp - stated owner maps ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Owners.h"
#include "compiler/formats/JsonParts.h"
#include "compiler/formats/Text.h"

#include <algorithm>
#include <tuple>

namespace discoc {

static constexpr const char *formatName = "discoc-owners";

std::string toJson(const Owners &owners) {
  Json tensors = Json::object();
  // Names are different, so that none has to be looked for: an ordered object would compare it with
  // all before.
  std::vector<Json::object_t::value_type> &members = tensors.get_ref<Json::object_t &>();
  for (const auto &[name, map] : owners.tensors) {
    Json sets = Json::array();
    for (const IndexSet &set : map.owners)
      sets.push_back(toJson(set));
    members.emplace_back(name, Json{{"axis", map.axis}, {"owners", std::move(sets)}});
  }
  Json file;
  file["format"] = formatName;
  file["version"] = Owners::version;
  file["nodes"] = owners.nodes;
  if (owners.ownerMap != 1)
    file["owner_map"] = owners.ownerMap;
  file["tensors"] = std::move(tensors);
  return layOut(file);
}

namespace {
struct Owned {
  IndexSet::Range range;
  int64_t rank;
};

/// All ranges of all nodes, rising by their first index.
std::vector<Owned> sortedRanges(const OwnerMap &map) {
  std::vector<Owned> all;
  for (size_t rank = 0; rank < map.owners.size(); ++rank)
    for (IndexSet::Range range : map.owners[rank].getRanges())
      all.push_back({range, static_cast<int64_t>(rank)});
  std::sort(all.begin(), all.end(), [](const Owned &a, const Owned &b) {
    return std::tie(a.range.first, a.rank) < std::tie(b.range.first, b.rank);
  });
  return all;
}

/// "channel 3 is owned by nodes 0 and 1", or empty.
std::string overlapOf(const std::vector<Owned> &sorted) {
  const Owned *furthest = nullptr;
  for (const Owned &now : sorted) {
    if (furthest && now.range.first < furthest->range.second)
      return "channel " + std::to_string(now.range.first) + " is owned by nodes " +
             std::to_string(furthest->rank) + " and " + std::to_string(now.rank);
    if (!furthest || now.range.second > furthest->range.second)
      furthest = &now;
  }
  return "";
}

} // namespace

bool readMap(const JsonView &view, int64_t nodes, OwnerMap &map) {
  bool good = view.member("axis").read(map.axis, 0, 63);
  const JsonView sets = view.member("owners");
  if (!sets.array(static_cast<size_t>(nodes), "a list a node, which may be empty"))
    return false;
  map.owners.resize(static_cast<size_t>(nodes));
  good = sets.elements([&](size_t rank, const JsonView &set) {
    return set.read(map.owners[rank]);
  }) && good;
  if (!good)
    return false;
  std::string overlap = overlapOf(sortedRanges(map));
  return overlap.empty() || sets.fault(overlap, "give every channel to one node");
}

static bool readBody(const JsonView &view, Owners &owners) {
  if (view.has("owner_map") && !view.member("owner_map").read(owners.ownerMap, 1, latestOwnerMap))
    return false;
  return view.member("tensors").members([&](const std::string &name, const JsonView &item) {
    if (name.empty())
      return item.fault("belongs to a tensor without a name", "name the ONNX tensor");
    return item.object({"axis", "owners"}) && readMap(item, owners.nodes, owners.tensors[name]);
  });
}

std::optional<Owners> parseOwners(const std::string &text, const std::string &file,
                                  std::optional<int64_t> nodes, Diagnostics &diagnostics) {
  return parseStated<Owners>(text, file, nodes, diagnostics, formatName,
                             {"format", "version", "nodes", "tensors"}, {"owner_map"}, readBody);
}

std::optional<Owners> readOwners(const std::string &path, std::optional<int64_t> nodes,
                                 Diagnostics &diagnostics) {
  std::optional<std::string> text = readText(path, diagnostics, maxStatedBytes);
  return text ? parseOwners(*text, path, nodes, diagnostics) : std::nullopt;
}

PartitionFault partitionFault(const OwnerMap &map, int64_t axisSize) {
  const std::string size =
      std::to_string(axisSize) + " channels along axis " + std::to_string(map.axis);
  const std::vector<Owned> sorted = sortedRanges(map);
  std::string overlap = overlapOf(sorted);
  if (!overlap.empty())
    return {overlap, "give every channel to one node"};
  int64_t next = 0; // the least channel that is not owned yet
  for (const Owned &now : sorted) {
    if (now.range.second > axisSize)
      return {"node " + std::to_string(now.rank) + " owns channel " +
                  std::to_string(now.range.second - 1) + ", the tensor has " + size,
              "channels count from 0"};
    if (now.range.first > next)
      break;
    next = now.range.second;
  }
  if (next >= axisSize)
    return {};
  return {"channel " + std::to_string(next) + " is owned by no node, the tensor has " + size,
          "give every channel to one node"};
}

bool checkPartition(const OwnerMap &map, int64_t axisSize, const std::string &tensor,
                    const std::string &file, Diagnostics &diagnostics) {
  PartitionFault fault = partitionFault(map, axisSize);
  if (!fault.what.empty())
    diagnostics.push_back({file, "$.tensors[\"" + tensor + "\"].owners", fault.what, fault.hint});
  return fault.what.empty();
}

} // namespace discoc
