//===- RunText.cpp - what a run computed and exchanged ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/RunText.h"
#include "compiler/formats/Printable.h"
#include "compiler/formats/Table.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace discoc {

//===- outputs ---===//

bool isScores(const ManifestTensor &tensor) {
  if (tensor.type != "float32" && tensor.type != "float16" && tensor.type != "float64")
    return false;
  return std::count_if(tensor.shape.begin(), tensor.shape.end(),
                       [](int64_t d) { return d != 1; }) == 1;
}

std::vector<double> valuesOf(const RunOutput &output, int64_t which) {
  const size_t size =
      static_cast<size_t>(output.tensor.elements() * elementInfo(output.values.type)->bytes());
  const size_t from = static_cast<size_t>(which) * size;
  if (size == 0 || from + size > output.values.data.size())
    return {};
  Array one;
  one.type = output.values.type;
  const auto begin = output.values.data.begin() + static_cast<std::ptrdiff_t>(from);
  one.data.assign(begin, begin + static_cast<std::ptrdiff_t>(size));
  return toDoubles(one);
}

int64_t inferencesIn(const RunOutput &output) {
  const int64_t bytes = output.tensor.elements() * elementInfo(output.values.type)->bytes();
  return bytes == 0 ? 0 : static_cast<int64_t>(output.values.data.size()) / bytes;
}

std::vector<Score> topScores(const RunOutput &output, int64_t which, size_t most,
                             const std::vector<std::string> &labels) {
  const std::vector<double> values = valuesOf(output, which);
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (std::isnan(values[a]) || std::isnan(values[b]))
      return std::isnan(values[a]) == std::isnan(values[b]) ? a < b : std::isnan(values[b]);
    return values[a] != values[b] ? values[a] > values[b] : a < b;
  });
  order.resize(std::min(order.size(), most));
  std::vector<Score> top;
  for (size_t i : order)
    top.push_back({static_cast<int64_t>(i), values[i],
                   labels.size() == values.size() ? labels[i] : std::string()});
  return top;
}

std::string scoreText(const std::vector<Score> &top) {
  std::string text;
  for (const Score &score : top)
    text += fmt::format("{}{} {:.4g}", text.empty() ? "" : ", ",
                        score.label.empty() ? "#" + std::to_string(score.index)
                                            : printable(score.label, maxShownName),
                        score.value);
  return text;
}

static std::string rangeText(const RunOutput &output) {
  const std::vector<double> values = toDoubles(output.values);
  double least = INFINITY, most = -INFINITY, sum = 0;
  int64_t odd = 0;
  for (double v : values) {
    if (!std::isfinite(v)) {
      ++odd;
      continue;
    }
    least = std::min(least, v);
    most = std::max(most, v);
    sum += v;
  }
  const int64_t plain = static_cast<int64_t>(values.size()) - odd;
  std::string text = plain == 0 ? "no finite value"
                                : fmt::format("{:.4g} to {:.4g}, mean {:.4g}", least, most,
                                              sum / static_cast<double>(plain));
  return odd ? text + fmt::format(", {} not finite", odd) : text;
}

std::string titleOf(int64_t which, int64_t count, const std::vector<std::string> &titles) {
  if (which < static_cast<int64_t>(titles.size()))
    return printable(titles[static_cast<size_t>(which)], maxShownText) + ": ";
  return count > 1 ? fmt::format("[{}] ", which) : "";
}

static std::string outputText(const RunOutput &output, const Manifest &manifest,
                              const std::vector<std::string> &titles,
                              const std::map<std::string, std::string> &shownAs) {
  constexpr int64_t shown = 20;
  std::string text = fmt::format("{} ({} {}){}{}\n", printable(output.tensor.name, maxShownName),
                                 output.tensor.type, shapeText(output.tensor.shape),
                                 output.file.empty() ? "" : " -> ", printable(output.file));
  if (const auto as = shownAs.find(output.tensor.name); as != shownAs.end())
    return text + as->second;
  const int64_t count = inferencesIn(output);
  if (!isScores(output.tensor) || count == 0)
    return text + "  " + rangeText(output) + "\n";
  for (int64_t i = 0; i < std::min(count, shown); ++i)
    text += "  " + titleOf(i, count, titles) + scoreText(topScores(output, i, 5, manifest.labels)) +
            "\n";
  if (count > shown)
    text += fmt::format("  and {} more\n", count - shown);
  return text;
}

//===- traffic ---===//

RunTraffic trafficOf(const RunResult &result, const Manifest &manifest) {
  RunTraffic t;
  int64_t inferences = 0;
  for (const auto &report : result.reports) {
    if (!report)
      continue;
    inferences = std::max(inferences, report->inferences);
    for (const ShardReport::Peer &peer : report->peers) {
      t.messages += peer.sentMessages;
      t.bytes += peer.sentBytes;
      t.wireBytes += peer.sentOnWire;
    }
  }
  // The programs count all; which messages are the root's is in the manifest.
  for (const ManifestMessage &message : manifest.messages) {
    (message.root ? t.rootBytes : t.plainBytes) += inferences * message.bytes;
    t.rootMessages += message.root ? inferences : 0;
  }
  t.isCompressed = manifest.settings.count("wire-compress") > 0;
  t.messages -= t.rootMessages;
  t.bytes -= t.rootBytes;
  return t;
}

/// The report of the node that saw inferences end: one that returns the outputs.
static const ShardReport *rootReport(const RunResult &result, const Manifest &manifest) {
  const size_t rank = static_cast<size_t>(std::max<int64_t>(0, manifest.root.outputAt));
  return rank < result.reports.size() && result.reports[rank] ? &*result.reports[rank] : nullptr;
}

/// Of programs whose inferences overlap: how many they do a second, and how long most take.
static std::string throughputText(const ShardReport &root) {
  if (root.inFlight < 2 || root.spanUs == 0)
    return "";
  return fmt::format(
      "{} in flight: {:.1f} inferences a second; 99 % of them took at most {:.2f} ms\n",
      root.inFlight, 1e6 * static_cast<double>(root.inferences) / static_cast<double>(root.spanUs),
      static_cast<double>(root.p99Us) / 1000);
}

std::string runText(const RunResult &result, const Manifest &manifest,
                    const std::vector<RunOutput> &outputs, const std::vector<std::string> &titles,
                    const std::map<std::string, std::string> &shown) {
  std::string text;
  for (const RunOutput &output : outputs)
    text += outputText(output, manifest, titles, shown);
  const ShardReport *root = rootReport(result, manifest);
  const int64_t n = root ? std::max<int64_t>(1, root->inferences) : 1;
  if (root)
    text += fmt::format(
        "\n{} {}, {:.2f} ms each (median; {:.2f} to {:.2f} ms) on {} {}\n", n,
        n == 1 ? "inference" : "inferences", static_cast<double>(root->medianUs) / 1000,
        static_cast<double>(root->leastUs) / 1000, static_cast<double>(root->mostUs) / 1000,
        manifest.nodes.size(), manifest.nodes.size() == 1 ? "node" : "nodes");
  if (root)
    text += throughputText(*root);
  const RunTraffic t = trafficOf(result, manifest);
  text += fmt::format("exchanged for each: {} in {} messages ({} exactly); inputs handed out and "
                      "outputs in: {} in {}\n",
                      bytes(t.bytes / n), t.messages / n, t.bytes / n, bytes(t.rootBytes / n),
                      t.rootMessages / n);
  if (t.isCompressed)
    text += fmt::format("compressed: {} before, so {:.3f} of it\n", bytes(t.plainBytes / n),
                        static_cast<double>(t.bytes) /
                            static_cast<double>(std::max<int64_t>(t.plainBytes, 1)));
  return text;
}

//===- JSON ---===//

using Json = nlohmann::ordered_json;

static Json outputJson(const RunOutput &output, const Manifest &manifest) {
  constexpr int64_t most = 100000;
  Json json;
  json["name"] = output.tensor.name;
  json["type"] = output.tensor.type;
  json["shape"] = output.values.shape;
  json["file"] = output.file.empty() ? Json() : Json(output.file);
  if (!isScores(output.tensor))
    return json;
  json["top"] = Json::array();
  for (int64_t i = 0; i < std::min(inferencesIn(output), most); ++i) {
    Json list = Json::array();
    for (const Score &score : topScores(output, i, 5, manifest.labels)) {
      Json item{{"index", score.index}, {"value", score.value}};
      if (!score.label.empty())
        item["label"] = score.label;
      list.push_back(std::move(item));
    }
    json["top"].push_back(std::move(list));
  }
  return json;
}

std::string runJson(const RunResult &result, const Manifest &manifest,
                    const std::vector<RunOutput> &outputs, const std::vector<std::string> &titles,
                    int exitCode) {
  Json json;
  json["ok"] = result.ok;
  json["exit"] = exitCode;
  json["model"] = manifest.model.name;
  json["nodes"] = manifest.nodes.size();
  json["build_hash"] = manifest.buildHash;
  json["failed_rank"] = result.failedRank ? Json(*result.failedRank) : Json();
  json["error"] = result.failure;
  const ShardReport *root = rootReport(result, manifest);
  json["inferences"] = root ? root->inferences : 0;
  json["time_us"] =
      !root ? Json()
            : Json{{"min", root->leastUs}, {"median", root->medianUs}, {"max", root->mostUs}};
  if (root && root->spanUs) {
    json["time_us"]["p99"] = root->p99Us;
    json["span_us"] = root->spanUs;
    json["in_flight"] = root->inFlight;
  }
  json["seconds"] = result.seconds;
  const RunTraffic t = trafficOf(result, manifest);
  json["exchanged"] = Json{{"messages", t.messages}, {"bytes", t.bytes}};
  if (t.isCompressed)
    json["exchanged"]["plain_bytes"] = t.plainBytes;
  json["root"] = Json{{"messages", t.rootMessages}, {"bytes", t.rootBytes}};
  json["wire_bytes"] = t.wireBytes;
  json["titles"] = titles;
  json["outputs"] = Json::array();
  for (const RunOutput &output : outputs)
    json["outputs"].push_back(outputJson(output, manifest));
  for (const WireTraffic &wire : result.wires)
    json["wires"].push_back(Json{{"rank", wire.rank},
                                 {"port", wire.port},
                                 {"bytes", wire.count.bytes},
                                 {"frames", wire.count.frames},
                                 {"damaged", wire.count.damaged},
                                 {"dropped", wire.count.dropped}});
  json["ranks"] = Json::array();
  for (const auto &report : result.reports)
    json["ranks"].push_back(report ? Json::parse(report->json, nullptr, false) : Json());
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

} // namespace discoc
