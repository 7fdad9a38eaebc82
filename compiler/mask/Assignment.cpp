//===- Assignment.cpp - who goes where at the least cost ---===//
// SPDX-License-Identifier: Apache-2.0
//
// A flow of least cost from items to places. LEMON's headers are older than C++20.
#include "compiler/mask/Assignment.h"

#include <lemon/network_simplex.h>
#include <lemon/smart_graph.h>

#include <algorithm>
#include <cmath>

namespace discoc::mask {

/// Costs are rounded to this many steps of the largest, so that the answer has no rounding of sums
/// in it.
static constexpr double steps = 1e9;

std::vector<int64_t> assign(const std::vector<std::vector<double>> &cost,
                            const std::vector<int64_t> &room) {
  using Graph = lemon::SmartDigraph;
  double largest = 1e-300;
  for (const std::vector<double> &each : cost)
    for (double value : each)
      largest = std::max(largest, std::abs(value));
  Graph graph;
  Graph::NodeMap<int64_t> supply(graph, 0);
  Graph::ArcMap<int64_t> costs(graph), most(graph);
  std::vector<Graph::Node> places;
  for (int64_t each : room) {
    places.push_back(graph.addNode());
    supply[places.back()] = -each;
  }
  std::vector<std::vector<Graph::Arc>> arcs;
  for (const std::vector<double> &each : cost) {
    const Graph::Node item = graph.addNode();
    supply[item] = 1;
    arcs.emplace_back();
    for (size_t p = 0; p < places.size(); ++p) {
      const Graph::Arc arc = graph.addArc(item, places[p]);
      costs[arc] = static_cast<int64_t>(std::llround(each[p] / largest * steps));
      most[arc] = 1;
      arcs.back().push_back(arc);
    }
  }
  lemon::NetworkSimplex<Graph, int64_t, int64_t> simplex(graph);
  simplex.upperMap(most).costMap(costs).supplyMap(supply).run();
  std::vector<int64_t> placeOf;
  for (const std::vector<Graph::Arc> &each : arcs) {
    const auto taken = std::find_if(each.begin(), each.end(),
                                    [&](Graph::Arc arc) { return simplex.flow(arc) > 0; });
    placeOf.push_back(taken - each.begin());
  }
  return placeOf;
}

} // namespace discoc::mask
