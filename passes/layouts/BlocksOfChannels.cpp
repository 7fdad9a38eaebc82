//===- BlocksOfChannels.cpp - [N][C/V][spatial...][V] ---------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Target.h"
#include "passes/layouts/Layout.h"

using namespace mlir;
using namespace disco;

/// V is what a vector of the node holds, and 2 where there are none. With a border of one element
/// around every image, rows of a multiple of four, and empty lanes behind the last channel: nobody
/// needs them yet, and so everything that a layout can leave unused is tried.
PhysicalAttr disco::blocksOfChannels(RankedTensorType type, NodeAttr node) {
  if (!isImages(type))
    return {};
  const int64_t lanes =
      std::max<int64_t>(vectorBytes(node), 8) / elementBytes(type.getElementType());
  SmallVector<int64_t> axes, units, borders;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    axes.push_back(axis);
    units.push_back(axis == 1 ? lanes : 1);
    if (axis >= 2)
      borders.append({axis, 1, 1});
  }
  axes.push_back(1);
  units.push_back(1);
  return PhysicalAttr::get(type.getContext(), axes, units, borders, {type.getRank() - 1, 4}, -1, {},
                           1);
}
