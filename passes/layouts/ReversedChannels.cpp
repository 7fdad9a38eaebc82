//===- ReversedChannels.cpp - own channels, the last one first ------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/layouts/Layout.h"

using namespace mlir;
using namespace disco;

/// An order that does not rise: owner sets, masks and messages keep theirs.
PhysicalAttr disco::reversedChannels(RankedTensorType type, NodeAttr) {
  if (!isImages(type))
    return {};
  SmallVector<int64_t> axes, units(type.getRank(), 1), order;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    axes.push_back(axis);
  for (int64_t channel = type.getDimSize(1); channel-- > 0;)
    order.push_back(channel);
  return PhysicalAttr::get(type.getContext(), axes, units, {}, {}, 1, order, 1);
}
