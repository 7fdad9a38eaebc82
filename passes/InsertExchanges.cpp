//===- InsertExchanges.cpp - make data movement between nodes explicit ----===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/Carriers.h"
#include "passes/LayerSummary.h"
#include "passes/Needs.h"
#include "passes/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include <map>

namespace disco {
#define GEN_PASS_DEF_INSERTEXCHANGES
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// One exchange to be made: what each pair of nodes passes on of a tensor.
struct Demand {
  std::map<std::pair<int64_t, int64_t>, IndexSet> routes;
  bool atOnce = false;                  // somebody reads what travels without waiting for more
  llvm::SetVector<Value> awaited;       // what the others wait for besides
  Value exchanged;                      // the exchange's result, once made
  llvm::MapVector<Value, Value> remade; // of it, for readers of what it carries
};

class ExchangeInserter {
public:
  ExchangeInserter(func::FuncOp function, int64_t nodes, Roots roots, DivisionRules &rules,
                   bool dense = false)
      : function(function), nodes(nodes), known(nodes, roots, dense, rules), carriers(rules) {}

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
      return failed(known.findShortages(op, shortages)) ? WalkResult::interrupt()
                                                        : WalkResult::advance();
    });
    return failure(walked.wasInterrupted());
  }

  static bool isAddend(Operation *op) {
    auto kind = op ? op->getAttrOfType<RouteKindAttr>(kRouteKindAttr) : RouteKindAttr();
    return kind && kind.getValue() == RouteKind::PartialSum;
  }

  void noteDenseReader(const Shortage &shortage) {
    Value value = shortage.use->get();
    // Counted apart, or there only because another node adds.
    if (known.isHandedOut(value) || isAddend(value.getDefiningOp()) ||
        isAddend(shortage.use->getOwner()))
      return;
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

  /// Channels that one node lacks and another one has.
  struct Lacking {
    int64_t to;
    SmallVector<int64_t> channels; // rising
  };

  /// By the rank that gives them, the lowest that has them: what is lacking where, by rank. A
  /// channel at a time, not a pair of nodes at a time: most pairs of many nodes have nothing for
  /// each other.
  std::vector<SmallVector<Lacking>> lackingFrom(const Shortage &shortage) const {
    OwnedAttr owners = ownersOf(shortage.use->get());
    std::vector<int64_t> having; // a rank by channel; -1: none
    for (int64_t rank = nodes - 1; rank >= 0; --rank)
      owners.getSet(rank).forEach([&](int64_t channel) {
        if (channel >= static_cast<int64_t>(having.size()))
          having.resize(channel + 1, -1);
        having[channel] = rank;
      });
    std::vector<SmallVector<Lacking>> lacking(nodes);
    for (int64_t to = 0; to < nodes; ++to)
      shortage.needs[to].minus(owners.getSet(to)).forEach([&](int64_t channel) {
        if (channel >= static_cast<int64_t>(having.size()) || having[channel] < 0)
          return;
        SmallVector<Lacking> &from = lacking[having[channel]];
        if (from.empty() || from.back().to != to)
          from.push_back({to, {}});
        from.back().channels.push_back(channel);
      });
    return lacking;
  }

  void addDemand(const Shortage &shortage) {
    const std::vector<Feature> &features = known.origins(shortage.use->get());
    for (auto [from, all] : llvm::enumerate(lackingFrom(shortage)))
      for (const Lacking &lacking : all) {
        // Channels by origin are collected first: a set is built once, not grown by each.
        llvm::SmallMapVector<Value, SmallVector<int64_t, 4>, 4> byOrigin;
        for (int64_t channel : lacking.channels) {
          const Feature &origin = features[channel];
          byOrigin[origin.value].push_back(origin.channel);
        }
        for (auto &[origin, channels] : byOrigin)
          addRoute(shortage, origin, {static_cast<int64_t>(from), lacking.to},
                   IndexSet::of(channels));
      }
  }

  void addRoute(const Shortage &shortage, Value feature, std::pair<int64_t, int64_t> pair,
                IndexSet set) {
    Value origin = carriers.carrierOf(feature);
    if (shortage.output)
      if (auto compute = demands[0].find(origin); compute != demands[0].end())
        if (auto route = compute->second.routes.find(pair); route != compute->second.routes.end()) {
          const IndexSet rest = set.minus(route->second);
          if (rest.size() < set.size()) // it brings some for this use, too
            noteAwaited(compute->second, feature);
          set = rest;
        }
    if (set.empty())
      return;
    if (!demands[shortage.output].count(origin))
      order[shortage.output].push_back(origin);
    Demand &demand = demands[shortage.output][origin];
    noteAwaited(demand, feature);
    auto [route, inserted] = demand.routes.try_emplace(pair);
    demandBytes += set.minus(route->second).size() *
                   channelBytes(tensorType(origin), ownersOf(origin).getAxis());
    routeCount += inserted;
    route->second.add(set);
  }

  /// What a use of a feature needs beside what travels for it.
  void noteAwaited(Demand &demand, Value feature) {
    SmallVector<Value> awaited = carriers.awaited(feature);
    demand.atOnce |= awaited.empty();
    demand.awaited.insert(awaited.begin(), awaited.end());
  }

  /// The last exchange of statistics that what travels is normalised with. They are few bytes, and
  /// leave before it: who has them works on with its own channels.
  static Operation *lastStatistics(Value value, const Demand &demand) {
    Operation *last = nullptr;
    llvm::SetVector<Value> found;
    for (Value awaited : demand.awaited)
      found.insert(awaited);
    for (size_t i = 0; i < found.size(); ++i) {
      Operation *made = found[i].getDefiningOp();
      if (!made || found[i] == value ||
          (value.getDefiningOp() && made->isBeforeInBlock(value.getDefiningOp())))
        continue;
      for (Operation *user : found[i].getUsers())
        if (isa<ExchangeOp>(user) && (!last || last->isBeforeInBlock(user)))
          last = user;
      found.insert(made->operand_begin(), made->operand_end());
    }
    return last;
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
    Operation *statistics = demand.atOnce ? nullptr : lastStatistics(value, demand);
    if (statistics)
      builder.setInsertionPointAfter(statistics);
    else
      builder.setInsertionPointAfterValue(value);
    // Exchanges of one tensor stay in the order in which they were made.
    while (builder.getInsertionPoint() != builder.getBlock()->end() &&
           isa<ExchangeOp>(*builder.getInsertionPoint()))
      builder.setInsertionPointAfter(&*builder.getInsertionPoint());
    Type type =
        withLayout(tensorType(value), HeldAttr::get(value.getContext(), owners.getAxis(), held));
    bool input = known.isHandedOut(value);
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

  /// What an exchange brings of `value`: what a carrier stands for is made again where it arrives.
  Value arrivedAs(Value value, Demand &demand) {
    if (carriers.carrierOf(value) == value)
      return demand.exchanged;
    Value &remade = demand.remade[value];
    if (!remade)
      remade = carriers.remake(value, demand.exchanged);
    return remade;
  }

  /// What brings a feature from one node to another: an exchange to compute with, else one to hand
  /// in.
  Demand *demandOf(const Feature &origin, std::pair<int64_t, int64_t> pair) {
    for (int which : {0, 1}) {
      auto demand = demands[which].find(carriers.carrierOf(origin.value));
      if (demand == demands[which].end())
        continue;
      auto route = demand->second.routes.find(pair);
      if (route != demand->second.routes.end() && route->second.contains(origin.channel))
        return &demand->second;
    }
    return nullptr;
  }

  void makeMerge(const Shortage &shortage) {
    Value value = shortage.use->get();
    const std::vector<Feature> &features = known.origins(value);
    // Pairs (channel of the value, channel of the exchanged tensor), by exchange, in order of first
    // use.
    llvm::MapVector<Value, llvm::MapVector<int64_t, int64_t>> maps;
    for (auto [from, all] : llvm::enumerate(lackingFrom(shortage)))
      for (const Lacking &lacking : all)
        for (int64_t channel : lacking.channels) {
          const Feature &origin = features[channel];
          if (Demand *demand = demandOf(origin, {static_cast<int64_t>(from), lacking.to}))
            maps[arrivedAs(origin.value, *demand)].insert({channel, origin.channel});
        }
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
    Type type =
        withLayout(tensorType(value),
                   HeldAttr::get(value.getContext(), ownersOf(value).getAxis(), shortage.needs));
    auto merge = builder.create<MergeOp>(shortage.use->getOwner()->getLoc(), type, value, remote,
                                         builder.getArrayAttr(attrs));
    shortage.use->set(merge);
  }

  func::FuncOp function;
  int64_t nodes, demandBytes = 0, routeCount = 0;
  Needs known;
  Carriers carriers;
  SmallVector<Shortage> shortages;
  DenseMap<Value, Demand> demands[2]; // to compute with, and to hand in only
  SmallVector<Value> order[2];
};

struct InsertExchangesPass : disco::impl::InsertExchangesBase<InsertExchangesPass> {
  void runOnOperation() override {
    func::FuncOp function = mainOf(getOperation());
    if (!function)
      return signalPassFailure();
    // A second look at the same program, with every mask full, gives the report its baseline.
    DivisionRules rules;
    ExchangeInserter baseline(function, nodesOf(getOperation()), rootsOf(getOperation()), rules,
                              /*dense=*/true);
    if (failed(baseline.noteDense()))
      return signalPassFailure();
    ExchangeInserter inserter(function, nodesOf(getOperation()), rootsOf(getOperation()), rules);
    if (failed(inserter.run()))
      return signalPassFailure();
    numExchanges = inserter.exchanges;
    numRoutes = inserter.routes;
  }
};

} // namespace
