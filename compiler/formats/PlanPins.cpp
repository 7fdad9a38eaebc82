//===- PlanPins.cpp - plans that state a part, for people -----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/PlanPins.h"
#include "compiler/formats/JsonParts.h"
#include "compiler/formats/Text.h"
#include "compiler/formats/Toml.h"

#include <algorithm>
#include <numeric>
#include <sstream>

namespace discoc {

static constexpr const char *formatName = "discoc-plan";
static constexpr int64_t mostShare = 1000;

bool isPinnedPlan(const std::string &path) {
  const std::string end = ".toml";
  return path.size() > end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

std::string toToml(const PinnedPlan &plan, const std::vector<std::string> &comments) {
  auto list = [](const auto &values) { return Json(values).dump(); };
  auto text = [](const std::string &value) { return Json(value).dump(); };
  std::string out =
      "format = \"discoc-plan\"\nversion = 2\nnodes = " + std::to_string(plan.nodes) + "\n";
  if (!plan.leaveOut.empty())
    out += "leave_out = " + list(plan.leaveOut) + "\n";
  if (!plan.strategy.empty())
    out += "strategy = " + text(plan.strategy) + "\n";
  if (plan.featuresOnly)
    out += "exchange = \"features\"\n";
  if (!plan.shares.empty())
    out += "shares = " + list(plan.shares) + "\n";
  for (const PlannedStage &stage : plan.stages)
    out += "\n[[stage]]\nnodes = " + list(stage.nodes) + "\n" +
           (stage.from.empty() ? "" : "from = " + text(stage.from) + "\n");
  for (const auto &[table, pins] : {std::pair("tensor", &plan.tensors), std::pair("op", &plan.ops)})
    for (const Pin &pin : *pins) {
      out += "\n[[" + std::string(table) + "]]\nname = " + text(pin.name) + "\n";
      if (pin.map) {
        Json sets = Json::array();
        for (const IndexSet &set : pin.map->owners)
          sets.push_back(toJson(set));
        out += "axis = " + std::to_string(pin.map->axis) + "\nowners = " + sets.dump() + "\n";
      }
      if (pin.axis)
        out += "axis = " + std::to_string(*pin.axis) + "\nshares = " + list(pin.shares) + "\n";
      if (pin.node)
        out += "node = " + std::to_string(*pin.node) + "\n";
      if (pin.why)
        out += "everywhere = " + text(*pin.why) + "\n";
    }
  for (const std::string &comment : comments)
    out += comment.empty() ? "\n" : "# " + comment + "\n";
  return out;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// One number a node, not all of them 0.
static bool readShares(const JsonView &view, int64_t nodes, std::vector<int64_t> &shares) {
  if (!view.array(static_cast<size_t>(nodes), "numbers, one a node"))
    return false;
  shares.resize(static_cast<size_t>(nodes));
  if (!view.elements(
          [&](size_t i, const JsonView &item) { return item.read(shares[i], 0, mostShare); }))
    return false;
  return std::any_of(shares.begin(), shares.end(), [](int64_t share) { return share > 0; }) ||
         view.fault("gives no node anything", "one of the shares has to be more than 0");
}

static bool readPin(const JsonView &view, int64_t nodes, Pin &pin) {
  if (!view.object({"name"}, {"axis", "owners", "shares", "node", "everywhere"}) ||
      !view.member("name").read(pin.name))
    return false;
  const bool maps = view.has("owners"), parts = view.has("shares");
  if (maps + parts + view.has("node") + view.has("everywhere") != 1 ||
      view.has("axis") != (maps || parts))
    return view.fault("does not say who has it",
                      "state axis and owners, axis and shares, node, or everywhere, and one of "
                      "these alone");
  if (maps)
    return readMap(view, nodes, pin.map.emplace());
  constexpr int64_t maxAxis = 63;
  if (parts)
    return view.member("axis").read(pin.axis.emplace(), 0, maxAxis) &&
           readShares(view.member("shares"), nodes, pin.shares);
  if (view.has("node"))
    return view.member("node").read(pin.node.emplace(), 0, nodes - 1);
  return view.member("everywhere").read(pin.why.emplace());
}

static bool readPins(const JsonView &view, const char *key, int64_t nodes, std::vector<Pin> &pins) {
  if (!view.has(key))
    return true;
  const JsonView list = view.member(key);
  if (!list.array())
    return false;
  pins.resize(list.size());
  return list.elements(
      [&](size_t i, const JsonView &item) { return readPin(item, nodes, pins[i]); });
}

/// Stages are a strategy of their own.
static bool readStages(const JsonView &view, PinnedPlan &plan) {
  if (!view.has("stage"))
    return true;
  const JsonView list = view.member("stage");
  if (!list.array())
    return false;
  plan.stages.resize(list.size());
  if (!list.elements([&](size_t i, const JsonView &item) {
        return readStage(item, plan.nodes, plan.stages[i]);
      }))
    return false;
  constexpr const char *own = "stages";
  if (!plan.strategy.empty() && plan.strategy != own)
    return list.fault("are stages, and the strategy is " + plan.strategy,
                      "leave [[stage]] or strategy out");
  plan.strategy = own;
  return plan.shares.empty() ||
         view.member("shares").fault("is there beside [[stage]]",
                                     "the nodes of a stage have equal shares; leave one out");
}

static bool readBody(const JsonView &view, PinnedPlan &plan) {
  if (view.has("strategy") && !view.member("strategy").read(plan.strategy))
    return false;
  if (view.has("exchange")) {
    static constexpr Word<bool> words[] = {{"features", true}};
    if (!readWord(view.member("exchange"), words, plan.featuresOnly))
      return false;
  }
  if (view.has("leave_out")) {
    const JsonView names = view.member("leave_out");
    if (!names.array())
      return false;
    plan.leaveOut.resize(names.size());
    if (!names.elements([&](size_t i, const JsonView &n) { return n.read(plan.leaveOut[i]); }))
      return false;
  }
  return (!view.has("shares") || readShares(view.member("shares"), plan.nodes, plan.shares)) &&
         readStages(view, plan) && readPins(view, "tensor", plan.nodes, plan.tensors) &&
         readPins(view, "op", plan.nodes, plan.ops);
}

std::optional<PinnedPlan> parsePinnedPlan(const std::string &text, const std::string &file,
                                          Diagnostics &diagnostics) {
  std::ostringstream json;
  if (!withToml(text, file, diagnostics,
                [&](const toml::table &root) { json << toml::json_formatter(root); }))
    return std::nullopt;
  return parseStated<PinnedPlan>(
      json.str(), file, std::nullopt, diagnostics, formatName, {"format", "version", "nodes"},
      {"leave_out", "strategy", "exchange", "shares", "stage", "tensor", "op"}, readBody);
}

std::optional<PinnedPlan> readPinnedPlan(const std::string &path, Diagnostics &diagnostics) {
  const auto text = readText(path, diagnostics, maxTomlBytes);
  return text ? parsePinnedPlan(*text, path, diagnostics) : std::nullopt;
}

OwnerMap contiguousMap(int64_t axis, int64_t extent, const std::vector<int64_t> &shares) {
  const int64_t sum = std::accumulate(shares.begin(), shares.end(), int64_t(0));
  std::vector<int64_t> sizes(shares.size());
  std::vector<size_t> byRest(shares.size());
  std::iota(byRest.begin(), byRest.end(), size_t(0));
  int64_t left = extent;
  for (size_t rank = 0; rank < shares.size(); ++rank)
    left -= sizes[rank] = extent * shares[rank] / sum;
  std::stable_sort(byRest.begin(), byRest.end(), [&](size_t a, size_t b) {
    return extent * shares[a] % sum > extent * shares[b] % sum;
  });
  for (size_t i = 0; left > 0; ++i, --left)
    ++sizes[byRest[i]];
  OwnerMap map{axis, {}};
  int64_t first = 0;
  for (const int64_t size : sizes) {
    map.owners.push_back(IndexSet::range(first, first + size));
    first += size;
  }
  return map;
}

} // namespace discoc
