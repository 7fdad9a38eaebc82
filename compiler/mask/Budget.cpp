//===- Budget.cpp - which features are sent ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Budget.h"

#include <algorithm>

namespace discoc::mask {

namespace {
/// Channels of one offer that go one after another, at one price.
struct Block {
  size_t offer = 0, channels = 0;
  double error = 0; ///< of all of them

  double price(const std::vector<Offer> &offers) const {
    return error / (static_cast<double>(channels) * static_cast<double>(offers[offer].bytes));
  }
};
} // namespace

/// A channel that would go before one that is cheaper goes together with it: prices rise along an
/// offer.
static void addBlocks(const std::vector<Offer> &offers, size_t offer, std::vector<Block> &blocks) {
  const size_t first = blocks.size();
  for (const Loss &loss : offers[offer].order) {
    blocks.push_back({offer, 1, loss.error});
    while (blocks.size() > first + 1 &&
           blocks[blocks.size() - 2].price(offers) > blocks.back().price(offers)) {
      const Block last = blocks.back();
      blocks.pop_back();
      blocks.back().channels += last.channels;
      blocks.back().error += last.error;
    }
  }
}

std::vector<size_t> spend(const std::vector<Offer> &offers, int64_t budget) {
  std::vector<Block> blocks;
  int64_t bytes = 0;
  for (size_t i = 0; i < offers.size(); ++i) {
    addBlocks(offers, i, blocks);
    bytes += static_cast<int64_t>(offers[i].order.size()) * offers[i].bytes;
  }
  std::stable_sort(blocks.begin(), blocks.end(), [&](const Block &a, const Block &b) {
    return a.price(offers) < b.price(offers);
  });
  std::vector<size_t> gone(offers.size(), 0);
  for (const Block &block : blocks)
    for (size_t i = 0; i < block.channels && bytes > budget; ++i) {
      ++gone[block.offer];
      bytes -= offers[block.offer].bytes;
    }
  return gone;
}

} // namespace discoc::mask
