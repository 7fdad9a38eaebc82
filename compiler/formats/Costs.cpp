//===- Costs.cpp - what a channel costs that another node reads ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/formats/Costs.h"
#include "compiler/formats/Json.h"

namespace discoc {

static Json toJson(const PairCost &pair) {
  Json json = {
      {"from", pair.from}, {"to", pair.to}, {"channels", pair.channels}, {"bytes", pair.bytes}};
  if (pair.us)
    json["us"] = *pair.us;
  if (pair.messageUs)
    json["message_us"] = *pair.messageUs;
  return json;
}

std::string toJson(const Costs &costs) {
  Json tensors = Json::object();
  // Names are different, so that none has to be looked for.
  std::vector<Json::object_t::value_type> &members = tensors.get_ref<Json::object_t &>();
  for (const auto &[name, tensor] : costs.tensors) {
    Json pairs = Json::array();
    for (const PairCost &pair : tensor.pairs)
      pairs.push_back(toJson(pair));
    members.emplace_back(name, Json{{"axis", tensor.axis}, {"pairs", std::move(pairs)}});
  }
  Json file;
  file["format"] = "discoc-costs";
  file["version"] = Costs::version;
  file["nodes"] = costs.nodes;
  file["owner_map"] = costs.ownerMap;
  file["tensors"] = std::move(tensors);
  return layOut(file);
}

} // namespace discoc
