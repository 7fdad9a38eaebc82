//===- VerifyText.cpp - what a verification found ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/verify/VerifyText.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Table.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace discoc {

bool VerifyResult::good() const {
  return std::all_of(outputs.begin(), outputs.end(), [](const OutputError &o) { return o.good(); });
}

static bool isExact(const ManifestTensor &tensor) { return tensor.type.rfind("float", 0) != 0; }

static std::string place(const NodeError &node) {
  std::string text;
  for (int64_t index : node.where)
    text += (text.empty() ? "[" : ",") + std::to_string(index);
  text += node.where.empty() ? "" : "]";
  return node.sample ? fmt::format("{}{}sample {}", text, text.empty() ? "" : " of ", node.sample)
                     : text;
}

std::string verifyText(const VerifyResult &result, const Manifest &manifest) {
  std::string text =
      fmt::format("{} on {} {} against {}, {} random {} (seed {})\n\n",
                  printable(manifest.model.name, maxShownName), manifest.nodes.size(),
                  manifest.nodes.size() == 1 ? "node" : "nodes",
                  result.against == "onnxruntime" ? "ONNX Runtime" : "the same model on one node",
                  result.samples, result.samples == 1 ? "sample" : "samples", result.seed);
  Table table(
      {"<output", "node", "elements", "largest error", "of the range", "ulp", "wrong", "<at"});
  for (const OutputError &output : result.outputs)
    for (const NodeError &node : output.nodes)
      table.row({fitted(output.tensor.name, 32), std::to_string(node.rank),
                 std::to_string(node.elements), fmt::format("{:.3g}", node.absolute),
                 isExact(output.tensor) ? "exact" : fmt::format("{:.3g}", node.relative),
                 output.tensor.type == "float16" ? std::to_string(node.ulps) : "-",
                 std::to_string(node.wrong), place(node)});
  text += table.text() + "\n";
  for (const OutputError &output : result.outputs)
    if (output.range() == 0 && !output.tensor.shape.empty() && !output.nodes.empty())
      text += fmt::format("\"{}\" is {:g} everywhere in the reference: these inputs tell little\n",
                          printable(output.tensor.name, maxShownName), output.least);
  for (const OutputError &output : result.outputs)
    if (int64_t unsettled = output.unsettled())
      text +=
          fmt::format("\"{}\": {} elements are off by more than the tolerance, but by no more than "
                      "ONNX Runtime itself: {:g}, or what its answers differ by\n",
                      printable(output.tensor.name, maxShownName), unsettled, ortFloor);
  if (result.good())
    text += fmt::format("equal: floating-point values within {:g} of their output's range, others "
                        "exactly\n",
                        result.tolerance);
  return text;
}

std::vector<std::string> differences(const VerifyResult &result) {
  std::vector<std::string> lines;
  for (const OutputError &output : result.outputs)
    for (const NodeError &node : output.nodes)
      if (node.wrong)
        lines.push_back(fmt::format(
            "output \"{}\": node {} is wrong in {} of {} elements, most at {}: {:.7g} instead of "
            "{:.7g}, {}",
            printable(output.tensor.name, maxShownName), node.rank, node.wrong, node.elements,
            place(node), node.got, node.wanted,
            isExact(output.tensor) ? "and must be exact"
                                   : fmt::format("{:.3g} of the output's range", node.relative)));
  return lines;
}

using Json = nlohmann::ordered_json;

/// JSON has no infinity.
static Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

std::string verifyJson(const VerifyResult &result, const Manifest &manifest,
                       const std::string &error, int exitCode) {
  Json json;
  json["ok"] = exitCode == 0;
  json["exit"] = exitCode;
  json["error"] = error;
  json["model"] = manifest.model.name;
  json["nodes"] = manifest.nodes.size();
  json["against"] = result.against;
  json["seed"] = result.seed;
  json["samples"] = result.samples;
  json["tolerance"] = result.tolerance;
  json["outputs"] = Json::array();
  for (const OutputError &output : result.outputs) {
    Json item;
    item["name"] = output.tensor.name;
    item["type"] = output.tensor.type;
    item["shape"] = output.tensor.shape;
    item["min"] = output.least;
    item["max"] = output.most;
    item["ok"] = output.good();
    item["nodes"] = Json::array();
    for (const NodeError &node : output.nodes) {
      Json part{{"rank", node.rank}, {"elements", node.elements}, {"wrong", node.wrong}};
      part["absolute"] = number(node.absolute);
      part["relative"] = number(node.relative);
      if (node.unsettled)
        part["unsettled"] = node.unsettled;
      if (output.tensor.type == "float16")
        part["ulps"] = node.ulps;
      part["sample"] = node.sample;
      part["at"] = node.where;
      part["got"] = number(node.got);
      part["wanted"] = number(node.wanted);
      item["nodes"].push_back(std::move(part));
    }
    json["outputs"].push_back(std::move(item));
  }
  json["changed"] = result.changed;
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

} // namespace discoc
