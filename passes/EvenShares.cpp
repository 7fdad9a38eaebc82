//===- EvenShares.cpp - deal classes so that nodes have their share of all ===//
// SPDX-License-Identifier: Apache-2.0
//
// docs/formats/owners.md specifies it: owner map 2.
#include "passes/OwnerClasses.h"
#include <map>
#include <set>
#include <tuple>

using namespace mlir;
using namespace disco;

namespace disco {

/// Deals segment by segment: the classes that have as many channels as each other in the same
/// tensors. Whoever gets one of them has the same of every tensor, so a node's share of each
/// segment is its share of each tensor, of its halves and of what is joined of them.
class EvenDealer {
public:
  EvenDealer(OwnerClasses &classes, llvm::function_ref<ChannelWeight(Value)> weigh)
      : classes(classes), work(classes.nodes, 0) {
    for (Value value : classes.values)
      weights.push_back(weigh(value));
  }

  void run() {
    findSegments();
    countOwned();
    for (const Segment &segment : segments)
      allWork += segment.macs * static_cast<int64_t>(segment.members.size());
    llvm::stable_sort(segments, [](const Segment &a, const Segment &b) { return a.macs > b.macs; });
    for (const Segment &segment : segments)
      deal(segment);
  }

private:
  /// How many channels each class of a segment has of a tensor.
  struct Part {
    size_t tensor;
    int64_t channels;
  };

  struct Segment {
    std::vector<int64_t> members; // representatives, rising
    std::vector<Part> parts;
    int64_t elements = 0, macs = 0; // of one class
  };

  /// Calls back for every class that has channels of a tensor, by its first channel, with their
  /// number.
  template <typename Callback> void forEachClass(size_t tensor, Callback callback) {
    Value value = classes.values[tensor];
    std::vector<int64_t> order;
    for (int64_t i = 0; i < classes.extents.lookup(value); ++i) {
      int64_t representative = classes.find(classes.element(value, i));
      if (counts[representative]++ == 0)
        order.push_back(representative);
    }
    for (int64_t representative : order)
      callback(representative, std::exchange(counts[representative], 0));
  }

  /// Classes that first come in the same tensor are told apart by each tensor that counts.
  void findSegments() {
    std::vector<int64_t> segmentOf(classes.parent.size(), -1);
    counts.assign(classes.parent.size(), 0);
    int64_t next = 0;
    for (size_t tensor = 0; tensor < weights.size(); ++tensor) {
      int64_t first = next++;
      forEachClass(tensor, [&](int64_t representative, int64_t) {
        if (segmentOf[representative] < 0)
          segmentOf[representative] = first;
      });
    }
    for (size_t tensor = 0; tensor < weights.size(); ++tensor)
      if (weights[tensor].counts) {
        std::map<std::pair<int64_t, int64_t>, int64_t> refined;
        forEachClass(tensor, [&](int64_t representative, int64_t channels) {
          int64_t &segment = segmentOf[representative];
          auto [at, inserted] = refined.try_emplace({segment, channels}, next);
          next += inserted;
          segment = at->second;
        });
      }
    gather(segmentOf);
  }

  void gather(const std::vector<int64_t> &segmentOf) {
    llvm::DenseMap<int64_t, size_t> index;
    for (int64_t i = 0; i < static_cast<int64_t>(segmentOf.size()); ++i)
      if (classes.parent[i] == i && classes.owner[i] < 0) {
        auto [at, inserted] = index.try_emplace(segmentOf[i], segments.size());
        if (inserted)
          segments.emplace_back();
        segments[at->second].members.push_back(i);
      }
    shared.assign(weights.size(), 0);
    for (size_t tensor = 0; tensor < weights.size(); ++tensor)
      forEachClass(tensor, [&](int64_t representative, int64_t channels) {
        if (classes.owner[representative] >= 0)
          return;
        Segment &segment = segments[index.lookup(segmentOf[representative])];
        if (segment.members.front() == representative)
          addPart(segment, tensor, channels);
      });
  }

  void addPart(Segment &segment, size_t tensor, int64_t channels) {
    segment.macs += channels * weights[tensor].macs;
    if (segment.parts.empty() || weights[tensor].counts)
      segment.elements += channels * weights[tensor].elements;
    if (!weights[tensor].counts)
      return;
    segment.parts.push_back({tensor, channels});
    ++shared[tensor];
  }

  /// What nodes have already: stated maps, the root's.
  void countOwned() {
    for (auto [tensor, value] : llvm::enumerate(classes.values))
      for (int64_t i = 0; i < classes.extents.lookup(value); ++i)
        if (int64_t rank = classes.ownerOf(classes.element(value, i)); rank >= 0) {
          work[rank] += weights[tensor].macs;
          allWork += weights[tensor].macs;
          if (shared[tensor] > 0)
            loadOf(tensor)[rank] += weights[tensor].elements;
        }
  }

  std::vector<int64_t> &loadOf(size_t tensor) {
    std::vector<int64_t> &load = loads[tensor];
    load.resize(static_cast<size_t>(classes.nodes), 0);
    return load;
  }

  /// What a node would have with one class more, of which its share says how much that is.
  struct Load {
    int64_t elements, macs, share, rank;

    bool operator<(const Load &other) const {
      const auto scaled = [](int64_t load, int64_t by) { return Wide(load) * by; };
      return std::tuple(scaled(elements, other.share), scaled(macs, other.share), rank) <
             std::tuple(scaled(other.elements, share), scaled(other.macs, share), other.rank);
    }
  };

  /// How many classes of a segment each node gets: one after the other goes to the node that then
  /// has, for its share, the fewest elements of the segment's tensors, then the least work, then
  /// the lowest rank. Of few channels of little work (a mask, a score) the rank decides: the next
  /// layer's are where they were, and nothing has to travel for them.
  std::vector<int64_t> sharesOf(const Segment &segment) {
    const bool isSmall = static_cast<int64_t>(segment.members.size()) < classes.sharers &&
                         segment.macs < allWork / kSmallPart;
    const int64_t each = std::max<int64_t>(segment.elements, 1);
    std::set<Load> least;
    for (int64_t rank = 0; rank < classes.nodes; ++rank) {
      if (classes.shares[rank] == 0)
        continue;
      int64_t elements = each;
      for (const Part &part : segment.parts)
        if (auto load = loads.find(part.tensor); load != loads.end())
          elements += load->second[rank];
      least.insert(
          {elements, segment.macs + (isSmall ? 0 : work[rank]), classes.shares[rank], rank});
    }
    std::vector<int64_t> shares(classes.nodes, 0);
    for (size_t i = 0; i < segment.members.size(); ++i) {
      Load load = *least.begin();
      least.erase(least.begin());
      ++shares[load.rank];
      load.elements += each;
      load.macs += segment.macs;
      least.insert(load);
    }
    return shares;
  }

  /// Each node gets its share contiguously, in the order of ranks.
  void deal(const Segment &segment) {
    std::vector<int64_t> shares = sharesOf(segment);
    size_t next = 0;
    for (int64_t rank = 0; rank < classes.nodes; ++rank)
      for (int64_t i = 0; i < shares[rank]; ++i)
        classes.owner[segment.members[next++]] = rank;
    for (int64_t rank = 0; rank < classes.nodes; ++rank) {
      work[rank] += shares[rank] * segment.macs;
      for (const Part &part : segment.parts)
        if (shared[part.tensor] > 1)
          loadOf(part.tensor)[rank] += shares[rank] * part.channels * weights[part.tensor].elements;
    }
  }

  static constexpr int64_t kSmallPart = 200;

  __extension__ using Wide = __int128;

  OwnerClasses &classes;
  int64_t allWork = 0;
  std::vector<ChannelWeight> weights; // by tensor, in the order of classes.values
  std::vector<int64_t> work;          // by rank
  std::vector<int64_t> counts;        // by representative; 0 between uses
  std::vector<int64_t> shared;        // by tensor: the segments that have channels of it
  std::vector<Segment> segments;
  /// Of tensors that several segments have channels of: the elements that each node has.
  llvm::DenseMap<size_t, std::vector<int64_t>> loads;
};

} // namespace disco

void OwnerClasses::dealEvenly(llvm::function_ref<ChannelWeight(Value)> weigh) {
  EvenDealer(*this, weigh).run();
}
