//===- MinCut.cpp - the cheapest choice among two ways of paying ----------===//
// SPDX-License-Identifier: Apache-2.0
//
// The one file that includes LEMON, whose headers are older than C++20.
#include "passes/MinCut.h"
#include <lemon/preflow.h>
#include <lemon/smart_graph.h>
#include <limits>

using namespace disco;

VertexCover disco::minimumCover(const std::vector<int64_t> &leftWeights,
                                const std::vector<int64_t> &rightWeights,
                                const std::vector<std::pair<int, int>> &edges) {
  using Graph = lemon::SmartDigraph;
  Graph graph;
  Graph::ArcMap<int64_t> capacity(graph);
  Graph::Node source = graph.addNode(), sink = graph.addNode();
  std::vector<Graph::Node> left, right;
  int64_t all = 1;
  for (int64_t weight : leftWeights) {
    left.push_back(graph.addNode());
    capacity[graph.addArc(source, left.back())] = weight;
    all += weight;
  }
  for (int64_t weight : rightWeights) {
    right.push_back(graph.addNode());
    capacity[graph.addArc(right.back(), sink)] = weight;
  }
  for (auto [from, to] : edges)
    capacity[graph.addArc(left[static_cast<size_t>(from)], right[static_cast<size_t>(to)])] = all;
  lemon::Preflow<Graph, Graph::ArcMap<int64_t>> flow(graph, capacity, source, sink);
  flow.runMinCut();
  // The source's side of this cut is the smallest: a left vertex outside of it is in the cover.
  VertexCover cover;
  cover.weight = flow.flowValue();
  for (Graph::Node node : left)
    cover.left.push_back(!flow.minCut(node));
  for (Graph::Node node : right)
    cover.right.push_back(flow.minCut(node));
  return cover;
}
