//===- Plan.cpp - the choices of a strategy ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Plan.h"
#include "compiler/formats/JsonParts.h"
#include "compiler/formats/Text.h"

namespace discoc {

static constexpr const char *formatName = "discoc-plan";

static Json toJson(const PlannedTensor &tensor) {
  Json entry{{"name", tensor.name}, {"shape", tensor.shape}};
  if (tensor.map) {
    Json sets = Json::array();
    for (const IndexSet &set : tensor.map->owners)
      sets.push_back(toJson(set));
    entry["axis"] = tensor.map->axis;
    entry["owners"] = std::move(sets);
  }
  if (tensor.owner)
    entry["owner"] = *tensor.owner;
  if (tensor.why)
    entry["everywhere"] = *tensor.why;
  if (!tensor.among.empty())
    entry["among"] = tensor.among;
  return entry;
}

std::string toJson(const Plan &plan) {
  Json tensors = Json::array();
  for (const PlannedTensor &tensor : plan.tensors)
    tensors.push_back(toJson(tensor));
  Json file;
  file["format"] = formatName;
  file["version"] = Plan::version;
  file["nodes"] = plan.nodes;
  file["strategy"] = plan.strategy;
  for (const PlannedStage &stage : plan.stages)
    file["stages"].push_back({{"nodes", stage.nodes}, {"from", stage.from}});
  file["tensors"] = std::move(tensors);
  return layOut(file);
}

/// The axis is one of the shape's, and its channels are partitioned.
static bool readDivision(const JsonView &view, int64_t nodes, PlannedTensor &tensor) {
  tensor.map.emplace();
  if (!readMap(view, nodes, *tensor.map))
    return false;
  if (tensor.map->axis >= static_cast<int64_t>(tensor.shape.size()))
    return view.member("axis").fault("is no axis of a tensor of rank " +
                                         std::to_string(tensor.shape.size()),
                                     "axes count from 0");
  PartitionFault fault =
      partitionFault(*tensor.map, tensor.shape[static_cast<size_t>(tensor.map->axis)]);
  return fault.what.empty() || view.member("owners").fault(fault.what, fault.hint);
}

/// Some nodes, two or more, in rising order.
static bool readAmong(const JsonView &view, int64_t nodes, std::vector<int64_t> &ranks) {
  if (!view.array())
    return false;
  ranks.resize(view.size());
  if (!view.elements([&](size_t i, const JsonView &rank) {
        return rank.read(ranks[i], i == 0 ? 0 : ranks[i - 1] + 1, nodes - 1);
      }))
    return false;
  return ranks.size() > 1 ||
         view.fault("names no two nodes", "state \"owner\" where one node has all of it");
}

static bool readTensor(const JsonView &view, int64_t nodes, PlannedTensor &tensor) {
  if (!view.object({"name", "shape"}, {"axis", "owners", "owner", "everywhere", "among"}))
    return false;
  constexpr size_t maxRank = 64;
  const JsonView shape = view.member("shape");
  if (!view.member("name").read(tensor.name) || !shape.array())
    return false;
  if (shape.size() > maxRank)
    return shape.fault("has " + std::to_string(shape.size()) + " axes", "a tensor has at most 64");
  tensor.shape.resize(shape.size());
  if (!shape.elements(
          [&](size_t axis, const JsonView &extent) { return extent.read(tensor.shape[axis]); }))
    return false;
  const bool divided = view.has("axis") && view.has("owners");
  if (view.has("axis") != view.has("owners") ||
      divided + view.has("owner") + view.has("everywhere") != 1 ||
      (view.has("among") && !view.has("everywhere")))
    return view.fault("does not say who has it",
                      "state axis and owners, or owner, or everywhere, and one of these alone");
  if (divided)
    return readDivision(view, nodes, tensor);
  if (view.has("owner"))
    return view.member("owner").read(tensor.owner.emplace(), 0, nodes - 1);
  return view.member("everywhere").read(tensor.why.emplace()) &&
         (!view.has("among") || readAmong(view.member("among"), nodes, tensor.among));
}

bool readStage(const JsonView &view, int64_t nodes, PlannedStage &stage) {
  if (!view.object({"nodes"}, {"from"}))
    return false;
  const JsonView ranks = view.member("nodes");
  if (!ranks.array())
    return false;
  stage.nodes.resize(ranks.size());
  return ranks.elements([&](size_t i, const JsonView &rank) {
    return rank.read(stage.nodes[i], 0, nodes - 1);
  }) && (!view.has("from") || view.member("from").read(stage.from));
}

static bool readBody(const JsonView &view, Plan &plan) {
  const JsonView tensors = view.member("tensors");
  if (!view.member("strategy").read(plan.strategy) || !tensors.array())
    return false;
  if (view.has("stages")) {
    const JsonView stages = view.member("stages");
    if (!stages.array())
      return false;
    plan.stages.resize(stages.size());
    if (!stages.elements([&](size_t i, const JsonView &item) {
          return readStage(item, plan.nodes, plan.stages[i]);
        }))
      return false;
  }
  plan.tensors.resize(tensors.size());
  return tensors.elements([&](size_t i, const JsonView &item) {
    return readTensor(item, plan.nodes, plan.tensors[i]);
  });
}

std::optional<Plan> parsePlan(const std::string &text, const std::string &file,
                              std::optional<int64_t> nodes, Diagnostics &diagnostics) {
  return parseStated<Plan>(text, file, nodes, diagnostics, formatName,
                           {"format", "version", "nodes", "strategy", "tensors"}, {"stages"},
                           readBody);
}

std::optional<Plan> readPlan(const std::string &path, std::optional<int64_t> nodes,
                             Diagnostics &diagnostics) {
  std::optional<std::string> text = readText(path, diagnostics, maxStatedBytes);
  return text ? parsePlan(*text, path, nodes, diagnostics) : std::nullopt;
}

} // namespace discoc
