//===- MinCut.h - the cheapest choice among two ways of paying --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_PASSES_MINCUT_H
#define DISCOC_PASSES_MINCUT_H

#include <cstdint>
#include <utility>
#include <vector>

namespace disco {

/// A minimum-weight vertex cover of a bipartite graph, by maximum flow (Koenig; Kayaaslan, Aykanat
/// and Ucar, 1.5D sparse matrix-vector multiply, SISC 2018).
struct VertexCover {
  std::vector<bool> left, right; // which vertices are in the cover
  int64_t weight = 0;
};

/// `edges` are pairs (left vertex, right vertex). Of covers of equal weight the one with the most
/// left vertices.
VertexCover minimumCover(const std::vector<int64_t> &leftWeights,
                         const std::vector<int64_t> &rightWeights,
                         const std::vector<std::pair<int, int>> &edges);

} // namespace disco

#endif // DISCOC_PASSES_MINCUT_H
