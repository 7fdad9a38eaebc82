//===- Cutter.cpp - cut a chain of steps into stretches -------------------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/Cutter.h"
#include "compiler/dialect/Disco.h"
#include "llvm/ADT/DenseMap.h"
#include <algorithm>
#include <limits>

using namespace mlir;
using namespace disco;

static constexpr double kNever = std::numeric_limits<double>::infinity();

namespace {

/// The best way to have the first `at` steps done by the first workers, one row a worker.
class Table {
public:
  Table(size_t workers, size_t steps)
      : width(steps + 1), best(workers * width, kNever), begins(workers * width, 0) {}

  double &at(size_t worker, size_t end) { return best[worker * width + end]; }
  size_t &begin(size_t worker, size_t end) { return begins[worker * width + end]; }

private:
  size_t width;
  std::vector<double> best;
  std::vector<size_t> begins; // of the worker's stretch
};

} // namespace

/// Fills a table of the first `workers`: `join` makes the value of a stretch of that of the steps
/// before it; infinite: not so.
static Table fillInTurn(const ChainCosts &chain, size_t workers,
                        llvm::function_ref<double(double before, const Stretch &)> join) {
  Table table(workers, chain.steps);
  for (size_t worker = 0; worker < workers; ++worker) {
    const size_t last = chain.steps - (workers - 1 - worker); // each of the others has a step
    const size_t first = worker + 1 == workers ? last : worker + 1;
    for (size_t end = first; end <= last; ++end)
      for (size_t begin = end; begin-- > worker;) {
        if (worker == 0 && begin > 0)
          continue;
        const double before = worker == 0 ? 0 : table.at(worker - 1, begin);
        const double value = before == kNever ? kNever : join(before, {begin, end, worker});
        if (value < table.at(worker, end)) {
          table.at(worker, end) = value;
          table.begin(worker, end) = begin;
        }
      }
  }
  return table;
}

static std::vector<Stretch> stretchesOf(Table &table, size_t workers, size_t steps) {
  std::vector<Stretch> stretches(workers);
  size_t end = steps;
  for (size_t worker = workers; worker-- > 0;) {
    const size_t begin = worker == 0 ? 0 : table.begin(worker, end);
    stretches[worker] = {begin, end, worker};
    end = begin;
  }
  return stretches;
}

std::optional<std::vector<Stretch>> disco::cutInTurn(const ChainCosts &chain) {
  const size_t workers = std::min(chain.workers, chain.steps);
  if (workers == 0)
    return std::vector<Stretch>();
  auto computeOf = [&](const Stretch &stretch) {
    return chain.compute(stretch.begin, stretch.end, stretch.worker);
  };
  auto cutBefore = [&](const Stretch &stretch) {
    return stretch.begin == 0 ? 0 : chain.cut(stretch.begin, stretch.worker - 1, stretch.worker);
  };
  auto valueOf = [&](Table &table) { return table.at(workers - 1, chain.steps); };
  Table slowest = fillInTurn(chain, workers, [&](double before, const Stretch &stretch) {
    return std::max({before, computeOf(stretch), cutBefore(stretch)});
  });
  const double most = valueOf(slowest);
  if (most == kNever)
    return std::nullopt;
  Table computing = fillInTurn(chain, workers, [&](double before, const Stretch &stretch) {
    return cutBefore(stretch) > most ? kNever : std::max(before, computeOf(stretch));
  });
  const double mostComputing = valueOf(computing);
  Table handing = fillInTurn(chain, workers, [&](double before, const Stretch &stretch) {
    const double cut = cutBefore(stretch);
    return cut > most || computeOf(stretch) > mostComputing ? kNever : before + cut;
  });
  return stretchesOf(handing, workers, chain.steps);
}

std::optional<std::vector<Stretch>> disco::cutFreely(const ChainCosts &chain) {
  if (chain.steps == 0)
    return std::vector<Stretch>();
  std::vector<double> best(chain.workers, 0);
  std::vector<std::vector<size_t>> before; // who did the step before, by step and worker
  for (size_t step = 0; step < chain.steps; ++step) {
    std::vector<double> next(chain.workers, kNever);
    std::vector<size_t> &from = before.emplace_back(chain.workers, 0);
    for (size_t worker = 0; worker < chain.workers; ++worker) {
      const double own = chain.compute(step, step + 1, worker);
      from[worker] = worker;
      double least = best[worker]; // of equal ways the one without a cut
      for (size_t other = 0; step > 0 && other < chain.workers; ++other)
        if (other != worker && best[other] < kNever)
          if (double time = best[other] + chain.cut(step, other, worker); time < least) {
            least = time;
            from[worker] = other;
          }
      next[worker] = least + own;
    }
    best = std::move(next);
  }
  size_t worker = std::min_element(best.begin(), best.end()) - best.begin();
  if (best.empty() || best[worker] == kNever)
    return std::nullopt;
  std::vector<Stretch> stretches{{0, chain.steps, worker}};
  for (size_t step = chain.steps; step-- > 0;) {
    const size_t other = before[step][worker];
    if (other == worker)
      continue;
    stretches.back().begin = step;
    stretches.push_back({0, step, other});
    worker = other;
  }
  std::reverse(stretches.begin(), stretches.end());
  return stretches;
}

std::vector<Cost> disco::crossingCosts(ArrayRef<Value> tensors) {
  std::vector<Cost> change(tensors.size() + 1);
  DenseMap<Operation *, size_t> place;
  for (auto [i, tensor] : llvm::enumerate(tensors))
    place[tensor.getDefiningOp()] = i;
  for (auto [i, tensor] : llvm::enumerate(tensors)) {
    size_t last = i;
    for (Operation *user : tensor.getUsers())
      if (auto at = place.find(user); at != place.end())
        last = std::max(last, at->second);
    Cost message;
    message.messages = 1;
    message.wireBytes = byteSize(tensorType(tensor));
    change[i + 1] += message;
    change[last + 1] -= message;
  }
  Cost under;
  for (Cost &step : change)
    step = under += step;
  return change;
}
