//===- LoadText.cpp - how busy nodes and stages are, as scheduled ---------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/driver/LoadText.h"
#include "compiler/formats/Table.h"
#include <algorithm>
#include <cstdio>

namespace disco {

std::string rateText(int64_t periodNs) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", 1e9 / static_cast<double>(periodNs));
  return text;
}

std::string idleText(const discoc::Events &events, size_t rank) {
  const auto part = static_cast<int64_t>(events.idleOf(events.nodes[rank]) * 1e6);
  return part > 0 ? discoc::percent(part, 1'000'000) : "0 %";
}

std::string stagesText(const discoc::Events &events) {
  discoc::Table table({"stage", "<nodes", "<begins with", "computes", "on links", "<"});
  const bool isTimed = !events.nodes.empty();
  auto time = [](int64_t ns) {
    return ns > 0 ? discoc::duration(std::max<int64_t>(ns / 1000, 1)) : "-";
  };
  for (size_t i = 0; i < events.stages.size(); ++i) {
    const discoc::StageLoad &stage = events.stages[i];
    std::string nodes;
    for (int64_t rank : stage.nodes)
      nodes += (nodes.empty() ? "" : ", ") + std::to_string(rank);
    table.row({std::to_string(i), nodes, stage.from, time(stage.busyNs), time(stage.linkNs),
               isTimed && i == events.bottleneck() ? "<- the slowest" : ""});
  }
  return table.text();
}

} // namespace disco
