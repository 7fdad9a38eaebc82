//===- PlanMemory.cpp - give every buffer an offset in one static arena ---===//
// SPDX-License-Identifier: Apache-2.0
#include "mlir/IR/Builders.h"
#include "mlir/IR/Threading.h"
#include "passes/BufferPlan.h"
#include "passes/Passes.h"
#include "llvm/ADT/STLExtras.h"
#include <functional>
#include <map>

namespace disco {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

int64_t rounded(int64_t bytes) { return BufferPlan::rounded(bytes); }

using Neighbours = std::vector<std::vector<uint32_t>>;

/// For each buffer those that live at some time when it does; nothing when there are more such
/// pairs than are worth looking at.
std::optional<Neighbours> findNeighbours(const std::vector<Buffer> &buffers) {
  constexpr size_t most = 4'000'000;
  auto order = llvm::to_vector(llvm::seq<uint32_t>(0, static_cast<uint32_t>(buffers.size())));
  llvm::stable_sort(order,
                    [&](uint32_t a, uint32_t b) { return buffers[a].start < buffers[b].start; });
  Neighbours neighbours(buffers.size());
  SmallVector<uint32_t> alive;
  size_t pairs = 0;
  for (uint32_t i : order) {
    llvm::erase_if(alive, [&](uint32_t j) { return buffers[j].end < buffers[i].start; });
    if ((pairs += alive.size()) > most)
      return std::nullopt;
    for (uint32_t j : alive) {
      neighbours[i].push_back(j);
      neighbours[j].push_back(i);
    }
    alive.push_back(i);
  }
  return neighbours;
}

/// Places the buffers in the given order, each at the lowest offset that is free while it lives.
/// Returns the arena's size.
int64_t placeInOrder(std::vector<Buffer> &buffers, const Neighbours &neighbours,
                     ArrayRef<size_t> order) {
  int64_t arena = 0;
  for (Buffer &buffer : buffers)
    buffer.offset = -1;
  SmallVector<std::pair<int64_t, int64_t>> taken;
  for (size_t i : order) {
    Buffer &buffer = buffers[i];
    taken.clear();
    for (uint32_t j : neighbours[i])
      if (buffers[j].offset >= 0)
        taken.push_back({buffers[j].offset, buffers[j].offset + rounded(buffers[j].bytes)});
    llvm::sort(taken);
    int64_t offset = 0;
    for (auto [begin, end] : taken) {
      if (begin - offset >= rounded(buffer.bytes))
        break;
      offset = std::max(offset, end);
    }
    buffer.offset = offset;
    arena = std::max(arena, offset + rounded(buffer.bytes));
  }
  return arena;
}

/// Where very many buffers live at a time: one look, in the order in which they begin. Each goes to
/// the lowest of the gaps that are large enough, of which the first few are tried.
int64_t placeAsTheyBegin(std::vector<Buffer> &buffers) {
  constexpr int tries = 64;
  auto order = llvm::to_vector(llvm::seq<size_t>(0, buffers.size()));
  llvm::stable_sort(order, [&](size_t a, size_t b) { return buffers[a].start < buffers[b].start; });
  std::map<int64_t, int64_t> gaps;               // begin, end
  std::multimap<int64_t, const Buffer *> ending; // by the last op
  int64_t arena = 0;
  auto release = [&](int64_t begin, int64_t end) {
    auto after = gaps.lower_bound(begin);
    if (after != gaps.end() && after->first == end) {
      end = after->second;
      after = gaps.erase(after);
    }
    if (after != gaps.begin() && std::prev(after)->second == begin)
      std::prev(after)->second = end;
    else
      gaps.emplace(begin, end);
  };
  for (size_t i : order) {
    Buffer &buffer = buffers[i];
    for (; !ending.empty() && ending.begin()->first < buffer.start; ending.erase(ending.begin()))
      release(ending.begin()->second->offset,
              ending.begin()->second->offset + rounded(ending.begin()->second->bytes));
    int64_t bytes = rounded(buffer.bytes);
    auto gap = gaps.begin();
    for (int k = 0; gap != gaps.end() && gap->second - gap->first < bytes; ++gap)
      if (++k == tries) {
        gap = gaps.end();
        break;
      }
    // At the end, what is free below it is used as well.
    if (gap == gaps.end() && !gaps.empty() && std::prev(gap)->second == arena)
      --gap;
    buffer.offset = gap == gaps.end() ? arena : gap->first;
    if (gap != gaps.end()) {
      int64_t end = gap->second;
      gaps.erase(gap);
      if (buffer.offset + bytes < end)
        gaps.emplace(buffer.offset + bytes, end);
    }
    arena = std::max(arena, buffer.offset + bytes);
    ending.emplace(buffer.end, &buffer);
  }
  return arena;
}

/// A placement and the order that led to it.
struct Placement {
  std::vector<Buffer> buffers;
  SmallVector<size_t> order;
  int64_t arena = -1;

  void improve(Placement &&other) {
    if (arena < 0 || other.arena < arena)
      *this = std::move(other);
  }
};

Placement place(const std::vector<Buffer> &buffers, const Neighbours &neighbours,
                SmallVector<size_t> order) {
  Placement placement{buffers, std::move(order), 0};
  placement.arena = placeInOrder(placement.buffers, neighbours, placement.order);
  return placement;
}

/// Each pair of buffers, and what even two of them cost.
size_t workOfPlacing(size_t count) { return count * count + 1000; }

/// The buffer on top of the arena goes first, again and again, as long as more than a fiftieth is
/// wasted and the work stays small.
void repair(Placement &best, const Neighbours &neighbours, int64_t live) {
  Placement current = best;
  size_t count = current.buffers.size();
  for (size_t work = 0; 50 * best.arena > 51 * live && work < 20'000'000;
       work += workOfPlacing(count)) {
    SmallVector<size_t> order = current.order;
    auto top = llvm::find_if(order, [&](size_t i) {
      return current.buffers[i].offset + rounded(current.buffers[i].bytes) == current.arena;
    });
    std::rotate(order.begin(), top, top + 1);
    if (order == current.order)
      return;
    current = place(best.buffers, neighbours, std::move(order));
    Placement copy = current;
    best.improve(std::move(copy));
  }
}

/// Where more than a quarter is wasted all the same: the best order with some places exchanged, a
/// few or many, as a fixed sequence of numbers says.
void search(Placement &best, const Neighbours &neighbours, int64_t live) {
  size_t count = best.order.size();
  uint64_t state = 1;
  auto draw = [&state](size_t below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<size_t>((state >> 33) % below);
  };
  for (size_t work = 0; 4 * best.arena > 5 * live && work < 50'000'000;
       work += workOfPlacing(count)) {
    SmallVector<size_t> order = best.order;
    for (size_t exchanges = draw(count) + 1; exchanges > 0; --exchanges)
      std::swap(order[draw(count)], order[draw(count)]);
    best.improve(place(best.buffers, neighbours, std::move(order)));
  }
}

/// Tries a few orders and keeps the best.
int64_t placeAll(std::vector<Buffer> &buffers, int64_t live) {
  using Key = std::function<bool(const Buffer &, const Buffer &)>;
  const Key keys[] = {
      [](const Buffer &a, const Buffer &b) { return a.bytes > b.bytes; },
      [](const Buffer &a, const Buffer &b) {
        return a.bytes * (a.end - a.start + 1) > b.bytes * (b.end - b.start + 1);
      },
      [](const Buffer &a, const Buffer &b) { return a.start < b.start; },
      [](const Buffer &a, const Buffer &b) { return a.end - a.start > b.end - b.start; },
  };
  std::optional<Neighbours> neighbours = findNeighbours(buffers);
  if (!neighbours)
    return placeAsTheyBegin(buffers);
  Placement best;
  for (const Key &key : keys) {
    if (best.arena == live)
      break; // none is smaller
    SmallVector<size_t> order = llvm::to_vector(llvm::seq<size_t>(0, buffers.size()));
    llvm::stable_sort(order, [&](size_t a, size_t b) { return key(buffers[a], buffers[b]); });
    best.improve(place(buffers, *neighbours, std::move(order)));
  }
  repair(best, *neighbours, live);
  search(best, *neighbours, live);
  buffers = std::move(best.buffers);
  return best.arena;
}

void planShard(ModuleOp shard) {
  func::FuncOp function = inferOf(shard);
  BufferPlan plan(function);
  int64_t arena = plan.buffers.empty() ? 0 : placeAll(plan.buffers, plan.largestLiveSum());
  OpBuilder builder(shard.getContext());
  shard->setAttr(kArenaBytesAttr, builder.getI64IntegerAttr(arena));
  shard->setAttr(kLiveBytesAttr, builder.getI64IntegerAttr(plan.largestLiveSum()));
  for (Operation &op : function.getBody().front()) {
    SmallVector<int64_t> offsets;
    for (Value result : op.getResults()) {
      Place place = plan.placeOf(result);
      if (place.buffer >= 0)
        offsets.push_back(plan.buffers[place.buffer].offset + place.distance);
    }
    if (std::optional<int64_t> scratch = plan.scratchOf(&op))
      offsets.push_back(plan.buffers[*scratch].offset);
    if (!offsets.empty())
      op.setAttr(kOffsetsAttr, builder.getDenseI64ArrayAttr(offsets));
  }
}

struct PlanMemoryPass : disco::impl::PlanMemoryBase<PlanMemoryPass> {
  void runOnOperation() override {
    parallelForEach(&getContext(), shardsOf(getOperation()), planShard);
    markAllAnalysesPreserved(); // what was added, disco-check-schedule looks at
  }
};

} // namespace
