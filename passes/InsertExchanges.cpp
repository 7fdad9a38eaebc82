//===- InsertExchanges.cpp - make data movement between nodes explicit ----===//
// SPDX-License-Identifier: Apache-2.0
#include "LayerSummary.h"
#include "Passes.h"
#include "llvm/ADT/MapVector.h"
#include <map>

namespace disco {
#define GEN_PASS_DEF_INSERTEXCHANGES
#include "Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// A channel of a tensor, or of the tensor that it was renamed from.
struct Feature {
  Value value;
  int64_t channel;
};

/// What one operand of one op lacks on some nodes.
struct Shortage {
  OpOperand *use;
  SmallVector<IndexSet> needs; // by rank, along the operand's owner axis
  bool output;                 // the reader hands an output in
};

/// One exchange to be made: what each pair of nodes passes on of a tensor.
struct Demand {
  std::map<std::pair<int64_t, int64_t>, IndexSet> routes;
  Value exchanged; // the exchange's result, once made
};

class ExchangeInserter {
public:
  ExchangeInserter(func::FuncOp function, int64_t nodes, int64_t root, bool dense = false)
      : function(function), nodes(nodes), root(root), dense(dense) {}

  /// Notes on every reader what it would bring across if every contraction read all channels.
  LogicalResult noteDense() {
    if (failed(findAllShortages()))
      return failure();
    for (Shortage &shortage : shortages)
      if (!shortage.output)
        noteDenseReader(shortage);
    return success();
  }

  LogicalResult run() {
    if (failed(findAllShortages()))
      return failure();
    // Outputs last: what a node received to compute with is not handed in again.
    for (bool outputs : {false, true})
      for (Shortage &shortage : shortages)
        if (shortage.output == outputs)
          addDemand(shortage);
    for (bool outputs : {false, true})
      for (Value value : order[outputs])
        makeExchange(value, demands[outputs][value], outputs);
    for (Shortage &shortage : shortages)
      makeMerge(shortage);
    return success();
  }

  int64_t exchanges = 0, routes = 0;

private:
  LogicalResult findAllShortages() {
    WalkResult walked = function.walk([&](Operation *op) {
      if (isa<ConstantOp>(op) || op->getNumOperands() == 0)
        return WalkResult::advance();
      return failed(findShortages(op)) ? WalkResult::interrupt() : WalkResult::advance();
    });
    return failure(walked.wasInterrupted());
  }

  /// Whether a tensor is an input of the model, or made of inputs by the root before any
  /// contraction.
  bool isHandedOut(Value value) {
    Operation *op = value.getDefiningOp();
    if (isa_and_nonnull<InputOp>(op))
      return true;
    if (!op)
      return false; // an argument, in tests
    OwnedAttr owners = ownersOf(value);
    auto contraction = dyn_cast<ContractionOpInterface>(op);
    if (!owners || owners.getSet(root).size() != axisExtent(tensorType(value), owners.getAxis()) ||
        (contraction && contraction.getContraction()) || op->getNumOperands() == 0)
      return false;
    return llvm::all_of(op->getOperands(),
                        [&](Value operand) { return isConstant(operand) || isHandedOut(operand); });
  }

  void noteDenseReader(const Shortage &shortage) {
    Value value = shortage.use->get();
    if (isHandedOut(value))
      return; // counted apart
    int64_t routesBefore = routeCount, bytesBefore = demandBytes;
    addDemand(shortage);
    Operation *op = shortage.use->getOwner();
    OpBuilder builder(op);
    auto sum = [&](StringRef name, int64_t more) {
      auto before = op->getAttrOfType<IntegerAttr>(name);
      op->setAttr(name, builder.getI64IntegerAttr((before ? before.getInt() : 0) + more));
    };
    sum(kDenseBytesAttr, demandBytes - bytesBefore);
    sum(kDenseMessagesAttr, routeCount - routesBefore);
  }

  /// What rank `rank` needs of an operand, along the operand's owner axis.
  IndexSet needOf(Operation *op, unsigned k, const OperandNeed &need, const IndexSet &computed,
                  int64_t rank) {
    OwnedAttr owners = ownersOf(op->getOperand(k));
    IndexSet all = IndexSet::all(axisExtent(tensorType(op->getOperand(k)), owners.getAxis()));
    if (computed.empty())
      return {};
    if (need.kind == OperandNeed::Whole || need.axis != owners.getAxis())
      return all;
    if (need.kind == OperandNeed::Along)
      return need.relation->apply(computed);
    if (dense)
      return need.relation ? need.relation->apply(computed) : all;
    IndexSet columns;
    for (auto route : op->getAttrOfType<ArrayAttr>("mask").getAsRange<RouteAttr>())
      if (route.getTo() == rank)
        columns.add(route.getSet());
    return columns;
  }

  std::optional<Division> divisionOf(Operation *op) {
    Division whole;
    whole.operands.assign(op->getNumOperands(), OperandNeed::whole());
    OwnedAttr owners = op->getNumResults() ? ownersOf(op->getResult(0)) : OwnedAttr();
    auto rule = dyn_cast<DivisionOpInterface>(op);
    if (!rule || owners.getAxis() < 0)
      return whole;
    SmallVector<int64_t> operandAxes;
    for (Value operand : op->getOperands())
      operandAxes.push_back(isConstant(operand) ? -1 : ownersOf(operand).getAxis());
    return rule.divide(owners.getAxis(), operandAxes);
  }

  /// Whether an op is an output of the model, or one that the root puts together of other tensors
  /// without computing anything.
  static bool handsIn(Operation *op) {
    if (isa<OutputOp>(op))
      return true;
    return isa<ConcatOp, RearrangeOp, SelectOp, SliceOp>(op) &&
           ownersOf(op->getResult(0)).getAxis() < 0 && !ownersOf(op->getResult(0)).isReplicated() &&
           llvm::all_of(op->getUsers(), handsIn);
  }

  LogicalResult findShortages(Operation *op) {
    for (Value operand : op->getOperands())
      if (!isConstant(operand) && !ownersOf(operand))
        return op->emitError("has an operand without owner map: run disco-assign-owners first");
    bool output = handsIn(op);
    std::optional<Division> division = divisionOf(op);
    if (!division)
      return op->emitError("cannot be divided along the axis of its owner map; state another axis, "
                           "or no map, for it");
    for (OpOperand &use : op->getOpOperands()) {
      if (isConstant(use.get()))
        continue;
      const OperandNeed &need = division->operands[use.getOperandNumber()];
      if (need.kind == OperandNeed::Contracted && !op->hasAttr("mask"))
        return op->emitError("has no mask: run disco-derive-masks first");
      Shortage shortage{&use, {}, output};
      bool lacks = false;
      for (int64_t rank = 0; rank < nodes; ++rank) {
        IndexSet computed = isa<OutputOp>(op) ? (rank == root ? IndexSet::all(1) : IndexSet())
                                              : ownersOf(op->getResult(0)).getSet(rank);
        shortage.needs.push_back(needOf(op, use.getOperandNumber(), need, computed, rank));
        lacks |= !ownersOf(use.get()).getSet(rank).containsAll(shortage.needs.back());
      }
      if (lacks)
        shortages.push_back(std::move(shortage));
    }
    return success();
  }

  /// For each channel of a tensor the feature that it was renamed from, as long as the same node
  /// owns it. Found before anything is changed.
  ArrayRef<Feature> origins(Value value) {
    auto [entry, inserted] = originCache.try_emplace(value);
    if (!inserted)
      return entry->second;
    OwnedAttr owners = ownersOf(value);
    std::vector<Feature> features(axisExtent(tensorType(value), owners.getAxis()));
    for (size_t i = 0; i < features.size(); ++i)
      features[i] = {value, static_cast<int64_t>(i)};
    auto rule = dyn_cast_or_null<DivisionOpInterface>(value.getDefiningOp());
    std::optional<Division> division;
    if (rule && owners.getAxis() >= 0 && rule.relabels(owners.getAxis()))
      division = divisionOf(rule);
    if (division)
      for (auto [k, operand] : llvm::enumerate(rule->getOperands()))
        traceOperand(features, owners, division->operands[k], operand);
    return originCache[value] = std::move(features);
  }

  void traceOperand(std::vector<Feature> &features, OwnedAttr owners, const OperandNeed &need,
                    Value operand) {
    if (!need.relation || isConstant(operand) || ownersOf(operand).getAxis() != need.axis)
      return;
    std::vector<Feature> sources = origins(operand);
    for (int64_t rank = 0; rank < nodes; ++rank) {
      IndexSet here = ownersOf(operand).getSet(rank);
      owners.getSet(rank).forEach([&](int64_t channel) {
        int64_t source = need.relation->single(channel);
        if (source >= 0 && here.contains(source))
          features[channel] = sources[source];
      });
    }
  }

  void addDemand(const Shortage &shortage) {
    Value value = shortage.use->get();
    OwnedAttr owners = ownersOf(value);
    std::vector<Feature> features = origins(value);
    for (int64_t from = 0; from < nodes; ++from) {
      IndexSet owned = owners.getSet(from);
      // Channels by origin are collected first: a set is built once, not grown channel by channel.
      for (int64_t to = 0; to < nodes; ++to) {
        if (from == to)
          continue;
        llvm::MapVector<Value, SmallVector<int64_t>> byOrigin;
        owned.intersect(shortage.needs[to]).minus(owners.getSet(to)).forEach([&](int64_t channel) {
          const Feature &origin = features[channel];
          byOrigin[origin.value].push_back(origin.channel);
        });
        for (auto &[origin, channels] : byOrigin) {
          IndexSet set = IndexSet::of(channels);
          auto compute = demands[0].find(origin);
          if (shortage.output && compute != demands[0].end() &&
              compute->second.routes.count({from, to}))
            set = set.minus(compute->second.routes[{from, to}]);
          if (set.empty())
            continue;
          if (!demands[shortage.output].count(origin))
            order[shortage.output].push_back(origin);
          auto [route, inserted] = demands[shortage.output][origin].routes.try_emplace({from, to});
          demandBytes += set.minus(route->second).size() *
                         channelBytes(tensorType(origin), ownersOf(origin).getAxis());
          routeCount += inserted;
          route->second.add(set);
        }
      }
    }
  }

  void makeExchange(Value value, Demand &demand, bool output) {
    OwnedAttr owners = ownersOf(value);
    SmallVector<IndexSet> held(nodes);
    SmallVector<Attribute> attrs;
    for (auto &[pair, set] : demand.routes) {
      attrs.push_back(RouteAttr::get(value.getContext(), pair.first, pair.second, set));
      held[pair.second].add(set);
    }
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    // Exchanges of one tensor stay in the order in which they were made.
    while (builder.getInsertionPoint() != builder.getBlock()->end() &&
           isa<ExchangeOp>(*builder.getInsertionPoint()))
      builder.setInsertionPointAfter(&*builder.getInsertionPoint());
    Type type =
        withLayout(tensorType(value), HeldAttr::get(value.getContext(), owners.getAxis(), held));
    bool input = isHandedOut(value);
    auto exchange =
        builder.create<ExchangeOp>(value.getLoc(), type, value, builder.getArrayAttr(attrs),
                                   builder.getStringAttr(tensorName(value)), output || input);
    if (Operation *made = value.getDefiningOp())
      if (auto kind = made->getAttrOfType<RouteKindAttr>(kRouteKindAttr))
        exchange.setKindAttr(kind);
    demand.exchanged = exchange;
    ++exchanges;
    routes += static_cast<int64_t>(attrs.size());
  }

  void makeMerge(const Shortage &shortage) {
    Value value = shortage.use->get();
    OwnedAttr owners = ownersOf(value);
    const std::vector<Feature> &features = originCache[value];
    // Pairs (channel of the value, channel of the exchanged tensor), by exchange, in order of first
    // use.
    llvm::MapVector<Value, llvm::MapVector<int64_t, int64_t>> maps;
    for (int64_t from = 0; from < nodes; ++from)
      for (int64_t to = 0; to < nodes; ++to)
        if (from != to)
          owners.getSet(from)
              .intersect(shortage.needs[to])
              .minus(owners.getSet(to))
              .forEach([&](int64_t channel) {
                const Feature &origin = features[channel];
                for (int which : {0, 1}) {
                  auto demand = demands[which].find(origin.value);
                  if (demand == demands[which].end() || !demand->second.routes.count({from, to}) ||
                      !demand->second.routes[{from, to}].contains(origin.channel))
                    continue;
                  maps[demand->second.exchanged].insert({channel, origin.channel});
                  break;
                }
              });
    OpBuilder builder(shortage.use->getOwner());
    SmallVector<Value> remote;
    SmallVector<Attribute> attrs;
    for (auto &[exchanged, pairs] : maps) {
      SmallVector<std::pair<int64_t, int64_t>> sorted(pairs.begin(), pairs.end());
      llvm::sort(sorted);
      SmallVector<int64_t> flat;
      for (auto [channel, origin] : sorted)
        flat.append({channel, origin});
      remote.push_back(exchanged);
      attrs.push_back(builder.getDenseI64ArrayAttr(flat));
    }
    Type type = withLayout(tensorType(value),
                           HeldAttr::get(value.getContext(), owners.getAxis(), shortage.needs));
    auto merge = builder.create<MergeOp>(shortage.use->getOwner()->getLoc(), type, value, remote,
                                         builder.getArrayAttr(attrs));
    shortage.use->set(merge);
  }

  func::FuncOp function;
  int64_t nodes, root, demandBytes = 0, routeCount = 0;
  bool dense = false;
  SmallVector<Shortage> shortages;
  DenseMap<Value, Demand> demands[2]; // to compute with, and to hand in only
  SmallVector<Value> order[2];
  DenseMap<Value, std::vector<Feature>> originCache;
};

struct InsertExchangesPass : disco::impl::InsertExchangesBase<InsertExchangesPass> {
  void runOnOperation() override {
    func::FuncOp function = mainOf(getOperation());
    if (!function)
      return signalPassFailure();
    // A second look at the same program, with every mask full, gives the report its baseline.
    ExchangeInserter baseline(function, nodesOf(getOperation()), rootOf(getOperation()),
                              /*dense=*/true);
    if (failed(baseline.noteDense()))
      return signalPassFailure();
    ExchangeInserter inserter(function, nodesOf(getOperation()), rootOf(getOperation()));
    if (failed(inserter.run()))
      return signalPassFailure();
    numExchanges = inserter.exchanges;
    numRoutes = inserter.routes;
  }
};

} // namespace
