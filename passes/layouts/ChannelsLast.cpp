//===- ChannelsLast.cpp - [N][spatial...][C] ------------------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/layouts/Layout.h"

using namespace mlir;
using namespace disco;

PhysicalAttr disco::channelsLast(RankedTensorType type, NodeAttr) {
  if (!isImages(type))
    return {};
  SmallVector<int64_t> axes = {0}, units(type.getRank(), 1);
  for (int64_t axis = 2; axis < type.getRank(); ++axis)
    axes.push_back(axis);
  axes.push_back(1);
  return PhysicalAttr::get(type.getContext(), axes, units, {}, {}, -1, {}, 1);
}
