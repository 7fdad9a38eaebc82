//===- SplitIntoShards.cpp - make one module a node, with local shapes ----===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/DivisionRules.h"
#include "compiler/dialect/Evaluate.h"
#include "compiler/dialect/LocalContext.h"
#include "compiler/dialect/WireFormat.h"
#include "mlir/IR/IRMapping.h"
#include "passes/LayerSummary.h"
#include "passes/Needs.h"
#include "passes/Passes.h"
#include "passes/StoredConstants.h"
#include "llvm/ADT/MapVector.h"
#include <map>

namespace disco {
#define GEN_PASS_DEF_SPLITINTOSHARDS
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// What arrived of an exchange at one node: a tensor from each sender.
using Received = SmallVector<Value>;

/// Everything that a shard has made so far.
struct Shard {
  int64_t rank;
  OpBuilder builder;
  DenseMap<Value, Value> own;         // global tensor -> what the node owns of it
  DenseMap<Value, Received> received; // exchange -> tensors
  DenseMap<Value, Value> merged;      // merge -> exactly what the reader needs, assembled
  DenseMap<Value, Value> constants;   // whole constants
  std::map<std::pair<void *, std::vector<const void *>>, Value> views;

  Shard(int64_t rank, MLIRContext *context) : rank(rank), builder(context) {}
};

/// The channels `wanted` of a local tensor, in ascending order.
Value pickChannels(OpBuilder &builder, Location loc, Value local, RankedTensorType global,
                   int64_t axis, const IndexSet &present, const IndexSet &wanted) {
  if (present == wanted)
    return local;
  SmallVector<int64_t> channels;
  wanted.forEach([&](int64_t channel) { channels.push_back(present.positionOf(channel)); });
  SmallVector<int64_t> sources(channels.size(), 0);
  return builder.create<AssembleOp>(
      loc, localType(global, axis, wanted), local, builder.getI64IntegerAttr(axis),
      builder.getDenseI64ArrayAttr(sources), builder.getDenseI64ArrayAttr(channels));
}

/// The pairs (channel, channel of the exchanged tensor) of a merge, by the second: a node receives
/// many tensors, and each carries few of them.
class CarriedPairs {
public:
  explicit CarriedPairs(Attribute map) : pairs(cast<DenseI64ArrayAttr>(map).asArrayRef()) {
    for (size_t i = 0; i < pairs.size(); i += 2)
      sorted.push_back({pairs[i + 1], i});
    llvm::sort(sorted);
  }

  /// Calls back for those that a tensor carries, in the order of the merge.
  void forEach(const IndexSet &carried, function_ref<void(int64_t, int64_t)> callback) const {
    SmallVector<size_t> found;
    for (IndexSet::Range range : carried.getRanges())
      for (auto *at = llvm::lower_bound(sorted, std::pair(range.first, size_t(0)));
           at != sorted.end() && at->first < range.second; ++at)
        found.push_back(at->second);
    llvm::sort(found);
    for (size_t i : found)
      callback(pairs[i], pairs[i + 1]);
  }

private:
  ArrayRef<int64_t> pairs;
  SmallVector<std::pair<int64_t, size_t>> sorted; // and where in `pairs`
};

class ShardContext final : public LocalContext {
public:
  /// `columns`: those of a contraction's input that this node reads.
  ShardContext(Shard &shard, Operation *op, int64_t axis, IndexSet set, Division division,
               IndexSet columns = {})
      : LocalContext(shard.builder, shard.rank, axis, std::move(set), std::move(division)),
        shard(shard), op(op), columns(std::move(columns)) {}

  FailureOr<Value> getOperand(unsigned k) override {
    Value global = op->getOperand(k);
    const OperandNeed &need = division.operands[k];
    if (isConstant(global))
      return need.kind == OperandNeed::Along
                 ? getConstant(global, {need.axis}, {need.relation->apply(set)})
                 : getConstant(global, {}, {});
    Value local;
    int64_t heldAxis;
    IndexSet held;
    if (auto merge = global.getDefiningOp<MergeOp>()) {
      auto layout = cast<HeldAttr>(tensorType(global).getEncoding());
      heldAxis = layout.getAxis();
      held = layout.getSet(rank);
      local = assemble(merge, held);
    } else {
      heldAxis = ownersOf(global).getAxis();
      held = ownersOf(global).getSet(rank);
      local = shard.own.lookup(global);
    }
    if (!local && tensorType(global).getNumElements() == 0)
      return makeEmpty(global, need);
    if (need.kind == OperandNeed::Whole || !local)
      return local;
    IndexSet wanted = need.kind == OperandNeed::Along ? need.relation->apply(set) : columns;
    if (need.axis == heldAxis)
      return pickChannels(builder, op->getLoc(), local, tensorType(global), heldAxis, held, wanted);
    // The tensor is here whole: only the wanted indices of the other axis are read.
    return pickChannels(builder, op->getLoc(), local, tensorType(global), need.axis,
                        IndexSet::all(shapeOf(global)[need.axis]), wanted);
  }

  ArrayRef<ContractionPart> getParts(unsigned k) override {
    parts.clear();
    Value global = op->getOperand(k);
    int64_t columnAxis = division.operands[k].axis;
    if (isConstant(global)) {
      addPart(getConstant(global, {}, {}), IndexSet::all(shapeOf(global)[columnAxis]), columns);
      return parts;
    }
    auto merge = global.getDefiningOp<MergeOp>();
    Value owned = merge ? merge.getOwn() : global;
    IndexSet present = ownersOf(owned).getSet(rank);
    if (ownersOf(owned).getAxis() != columnAxis) {
      Value local =
          merge ? assemble(merge, cast<HeldAttr>(tensorType(global).getEncoding()).getSet(rank))
                : shard.own.lookup(owned);
      addPart(local, IndexSet::all(shapeOf(owned)[columnAxis]), columns);
      return parts;
    }
    if (merge && inExactOrder(op)) { // all columns as one part, in ascending order
      IndexSet held = cast<HeldAttr>(tensorType(global).getEncoding()).getSet(rank);
      addPart(assemble(merge, held), held, columns);
      return parts;
    }
    addPart(shard.own.lookup(owned), present, columns.intersect(present));
    if (merge)
      addRemoteParts(merge, columns.minus(present));
    return parts;
  }

  Value getConstant(Value constant, ArrayRef<int64_t> axes, ArrayRef<IndexSet> sets) override {
    auto op = constant.getDefiningOp<ConstantOp>();
    RankedTensorType type = op.getType();
    SmallVector<int64_t> shape(type.getShape());
    SmallVector<Attribute> view;
    std::vector<const void *> key;
    SmallVector<LocalAttr> outer; // what the constant is a view of already
    if (std::optional<ArrayAttr> given = op.getView())
      llvm::append_range(outer, given->getAsRange<LocalAttr>());
    auto addView = [&](int64_t axis, const IndexSet &set) {
      auto attr = LocalAttr::get(builder.getContext(), axis, set);
      key.push_back(attr.getAsOpaquePointer());
      // What is broadcast has nothing to pick from.
      if (op.getValue().getShapedType().getDimSize(axis) != 1 || set == IndexSet::all(1))
        view.push_back(attr);
    };
    for (auto [axis, set] : llvm::zip(axes, sets)) {
      auto within =
          llvm::find_if(outer, [&, axis = axis](LocalAttr attr) { return attr.getAxis() == axis; });
      bool whole = set.isAll(shape[axis]);
      shape[axis] = set.size();
      if (within != outer.end()) {
        addView(axis, within->getSet().pick(set));
        outer.erase(within);
      } else if (!whole) {
        addView(axis, set);
      }
    }
    for (LocalAttr rest : outer)
      addView(rest.getAxis(), rest.getSet());
    Value &made = shard.views[{constant.getAsOpaquePointer(), key}];
    if (made)
      return made;
    // Constants come first: their place in the program does not matter, and views are shared by all
    // readers.
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(builder.getInsertionBlock());
    made = builder.create<ConstantOp>(
        op.getLoc(), RankedTensorType::get(shape, type.getElementType()), op.getValue(),
        view.empty() ? ArrayAttr() : builder.getArrayAttr(view));
    return made;
  }

private:
  /// What has no element does not travel: it is made where it is read.
  Value makeEmpty(Value global, const OperandNeed &need) {
    SmallVector<int64_t> shape(shapeOf(global));
    if (need.kind == OperandNeed::Along)
      shape[need.axis] = need.relation->apply(set).size();
    auto type = RankedTensorType::get(shape, tensorType(global).getElementType());
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(builder.getInsertionBlock());
    return builder.create<ConstantOp>(op->getLoc(), type, ConstantBuilder(type).finish(),
                                      ArrayAttr());
  }

  void addPart(Value source, const IndexSet &present, const IndexSet &columns) {
    if (columns.empty())
      return;
    ContractionPart part{source, columns, {}, {}};
    columns.forEach([&](int64_t column) { part.positions.push_back(present.positionOf(column)); });
    parts.push_back(std::move(part));
  }

  /// One part a received tensor: the columns are those whose feature it carries.
  void addRemoteParts(MergeOp merge, const IndexSet &columns) {
    for (auto [exchange, map] : llvm::zip(merge.getRemote(), merge.getMaps())) {
      CarriedPairs pairs(map);
      for (Value tensor : shard.received.lookup(exchange)) {
        IndexSet carried = localOf(tensor).getSet();
        SmallVector<int64_t> read, positions, origins;
        pairs.forEach(carried, [&](int64_t channel, int64_t origin) {
          if (!columns.contains(channel))
            return;
          read.push_back(channel);
          positions.push_back(carried.positionOf(origin));
          origins.push_back(origin);
        });
        if (read.empty())
          continue;
        if (read == origins)
          origins.clear();
        parts.push_back({tensor, IndexSet::of(read), positions, origins});
      }
    }
  }

  /// What a merge gives this node, as one local tensor.
  Value assemble(MergeOp merge, const IndexSet &needed) {
    Value &made = shard.merged[merge];
    if (made || needed.empty())
      return made;
    OwnedAttr owners = ownersOf(merge.getOwn());
    IndexSet present = owners.getSet(rank);
    Value own = shard.own.lookup(merge.getOwn());
    if (present.containsAll(needed))
      return made = pickChannels(builder, op->getLoc(), own, tensorType(merge.getOwn()),
                                 owners.getAxis(), present, needed);
    SmallVector<Value> inputs;
    SmallVector<std::pair<int64_t, int64_t>> place(needed.size(), {-1, -1});
    if (!needed.intersect(present).empty()) {
      inputs.push_back(own);
      needed.intersect(present).forEach([&](int64_t channel) {
        place[needed.positionOf(channel)] = {0, present.positionOf(channel)};
      });
    }
    IndexSet remote = needed.minus(present);
    for (auto [exchange, map] : llvm::zip(merge.getRemote(), merge.getMaps())) {
      CarriedPairs pairs(map);
      for (Value tensor : shard.received.lookup(exchange))
        placeReceived(tensor, pairs, remote, needed, inputs, place);
    }
    SmallVector<int64_t> sources, channels;
    for (auto [source, channel] : place) {
      sources.push_back(source);
      channels.push_back(channel);
    }
    if (inputs.size() == 1 &&
        llvm::equal(channels,
                    llvm::seq<int64_t>(0, axisExtent(tensorType(inputs[0]), owners.getAxis()))) &&
        localOf(inputs[0]) == LocalAttr::get(builder.getContext(), owners.getAxis(), needed))
      return made = inputs[0];
    auto op = builder.create<AssembleOp>(
        merge.getLoc(), localType(tensorType(merge.getOwn()), owners.getAxis(), needed), inputs,
        builder.getI64IntegerAttr(owners.getAxis()), builder.getDenseI64ArrayAttr(sources),
        builder.getDenseI64ArrayAttr(channels));
    op->setAttr(kTensorAttr, builder.getStringAttr(tensorName(merge.getOwn())));
    return made = op;
  }

  static void placeReceived(Value tensor, const CarriedPairs &pairs, const IndexSet &remote,
                            const IndexSet &needed, SmallVectorImpl<Value> &inputs,
                            SmallVectorImpl<std::pair<int64_t, int64_t>> &place) {
    IndexSet carried = localOf(tensor).getSet();
    bool used = false;
    pairs.forEach(carried, [&](int64_t channel, int64_t origin) {
      if (!remote.contains(channel))
        return;
      used = true;
      place[needed.positionOf(channel)] = {static_cast<int64_t>(inputs.size()),
                                           carried.positionOf(origin)};
    });
    if (used)
      inputs.push_back(tensor);
  }

  Shard &shard;
  Operation *op;
  IndexSet columns;
  SmallVector<ContractionPart> parts;
};

class Splitter {
public:
  Splitter(ModuleOp module, func::FuncOp function)
      : module(module), function(function), roots(rootsOf(module)) {}

  LogicalResult run() {
    MLIRContext *context = module.getContext();
    for (int64_t rank = 0; rank < nodesOf(module); ++rank) {
      OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
      auto shardModule = builder.create<ModuleOp>(module.getLoc(), "node" + std::to_string(rank));
      shardModule->setAttr(kRankAttr, builder.getI64IntegerAttr(rank));
      builder.setInsertionPointToEnd(shardModule.getBody());
      auto infer = builder.create<func::FuncOp>(module.getLoc(), "infer",
                                                FunctionType::get(context, {}, {}));
      infer.addEntryBlock();
      shards.emplace_back(rank, context);
      shards.back().builder.setInsertionPointToEnd(&infer.getBody().front());
    }
    for (Operation &op : function.getBody().front())
      if (failed(split(&op)))
        return failure();
    function.erase();
    dropUnread();
    for (Shard &shard : shards)
      if (failed(settleConstants(*shard.builder.getBlock())))
        return failure();
    return success();
  }

private:
  LogicalResult split(Operation *op) {
    if (isa<ConstantOp, MergeOp>(op))
      return success();
    if (auto exchange = dyn_cast<ExchangeOp>(op))
      return splitExchange(exchange), success();
    if (readsExchange(op))
      return splitReceived(op), success();
    auto rule = dyn_cast<DivisionOpInterface>(op);
    FailureOr<Division> division = rule ? divisionOf(rule) : Division();
    if (failed(division))
      return failure();
    columns = op->hasAttr(kMaskAttr) ? maskColumns(op, static_cast<int64_t>(shards.size()))
                                     : SmallVector<IndexSet>(shards.size());
    for (Shard &shard : shards)
      if (failed(splitForShard(op, *division, shard)))
        return failure();
    return success();
  }

  /// How an op is divided along the axis of its owner map: the same for all nodes.
  FailureOr<Division> divisionOf(DivisionOpInterface op) {
    OwnedAttr owners = ownersOf(op->getResult(0));
    if (!owners)
      return op->emitError("has no owner map: run disco-assign-owners first");
    if (owners.getAxis() < 0 || tensorType(op->getResult(0)).getNumElements() == 0)
      return Division::whole(op->getNumOperands());
    SmallVector<int64_t> operandAxes;
    for (Value operand : op->getOperands())
      operandAxes.push_back(axisOf(operand));
    DivisionRule rule = divisionRuleOf(op);
    if (const Division *division = rule.along(owners.getAxis(), operandAxes))
      return *division;
    return op->emitError("cannot be divided along the axis of its owner map");
  }

  /// What is made of an exchange is made of each of its messages, in every shard that has some.
  void splitReceived(Operation *op) {
    const unsigned from =
        std::distance(op->operand_begin(), llvm::find_if(op->getOperands(), [](Value operand) {
                        return isa_and_nonnull<HeldAttr>(tensorType(operand).getEncoding());
                      }));
    const int64_t axis = axisOf(op->getOperand(from));
    SmallVector<int64_t> operandAxes;
    for (Value operand : op->getOperands())
      operandAxes.push_back(axisOf(operand));
    DivisionRule rule = divisionRuleOf(cast<DivisionOpInterface>(op));
    const Division *along = axis < 0 ? nullptr : rule.along(axis, operandAxes);
    const Division whole = Division::whole(op->getNumOperands());
    for (Shard &shard : shards)
      for (Value carrier : shard.received.lookup(op->getOperand(from))) {
        ShardContext context(shard, op, axis, localOf(carrier).getSet(), along ? *along : whole);
        IRMapping mapping;
        for (auto [k, operand] : llvm::enumerate(op->getOperands()))
          mapping.map(operand, k == from ? carrier : *context.getOperand(k));
        Value local = shard.builder.clone(*op, mapping)->getResult(0);
        local.setType(RankedTensorType::get(shapeOf(carrier), tensorType(local).getElementType(),
                                            tensorType(carrier).getEncoding()));
        shard.received[op->getResult(0)].push_back(local);
      }
  }

  /// Whether an op makes what other nodes alone read: it travelled in another form.
  bool isUnread(Operation &op) const {
    auto cost = dyn_cast<CostOpInterface>(op);
    return read.contains(&op) && op.use_empty() && isa<DivisionOpInterface>(op) &&
           !(cost && cost.isArithmetic()) && llvm::none_of(op.getOperands(), [](Value operand) {
             return operand.getDefiningOp<RecvOp>();
           });
  }

  /// What a node made for nobody, since its carrier travelled.
  void dropUnread() {
    for (Shard &shard : shards)
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*shard.builder.getBlock())))
        if (isUnread(op))
          op.erase();
  }

  LogicalResult splitForShard(Operation *op, const Division &division, Shard &shard) {
    OpBuilder &builder = shard.builder;
    if (isa<func::ReturnOp>(op))
      return builder.clone(*op), success();
    if (auto state = dyn_cast<StateOp>(op))
      return splitState(state, shard);
    if (auto keep = dyn_cast<KeepOp>(op))
      return splitKeep(keep, shard);
    if (auto input = dyn_cast<InputOp>(op)) {
      OwnedAttr owners = ownersOf(input.getResult());
      if (!owners)
        return op->emitOpError("has no owner map: run disco-assign-owners first");
      if (shard.rank != roots.input)
        return owners.getSet(shard.rank).empty()
                   ? success()
                   : op->emitOpError("belongs to the root, node ")
                         << roots.input << ", alone: let its owner map name no other node";
      auto local = cast<InputOp>(builder.clone(*op));
      local.getResult().setType(
          localType(tensorType(input.getResult()), owners.getAxis(), owners.getSet(roots.input)));
      shard.own[input.getResult()] = local.getResult();
      return success();
    }
    if (isa<OutputOp>(op))
      return splitOutput(op, shard);
    return splitComputation(cast<DivisionOpInterface>(op), division, shard);
  }

  static LogicalResult splitState(StateOp state, Shard &shard) {
    OwnedAttr owners = ownersOf(state);
    if (!owners)
      return state.emitOpError("has no owner map: run disco-assign-owners first");
    if (owners.getSet(shard.rank).empty())
      return success();
    auto local = cast<StateOp>(shard.builder.clone(*state));
    local.getResult().setType(
        localType(tensorType(state), owners.getAxis(), owners.getSet(shard.rank)));
    shard.own[state] = local;
    return success();
  }

  static LogicalResult splitKeep(KeepOp keep, Shard &shard) {
    SmallVector<Value> values, states;
    for (auto [k, state] : llvm::enumerate(keep.getStates())) {
      OwnedAttr owners = ownersOf(state);
      IndexSet set = owners.getSet(shard.rank);
      if (set.empty())
        continue;
      Division division = Division::whole(keep->getNumOperands());
      division.operands[k] = keep.needOf(k, owners.getAxis());
      FailureOr<Value> value =
          ShardContext(shard, keep, owners.getAxis(), set, division).getOperand(k);
      if (failed(value))
        return failure();
      values.push_back(KeepOp::apart(shard.builder, *value));
      states.push_back(shard.own.lookup(state));
    }
    if (!values.empty())
      shard.builder.create<KeepOp>(keep.getLoc(), values, states);
    return success();
  }

  LogicalResult splitOutput(Operation *op, Shard &shard) {
    if (shard.rank != roots.output || tensorType(op->getOperand(0)).getNumElements() == 0)
      return success();
    Division whole;
    whole.operands.push_back(OperandNeed::whole());
    ShardContext context(shard, op, -1, IndexSet::all(1), whole);
    FailureOr<Value> operand = context.getOperand(0);
    if (failed(operand))
      return failure();
    IRMapping mapping;
    mapping.map(op->getOperand(0), *operand);
    shard.builder.clone(*op, mapping);
    return success();
  }

  LogicalResult splitComputation(DivisionOpInterface op, const Division &division, Shard &shard) {
    Value result = op->getResult(0);
    OwnedAttr owners = ownersOf(result);
    IndexSet set = owners.getSet(shard.rank);
    if (set.empty() || tensorType(result).getNumElements() == 0)
      return success();
    ShardContext context(shard, op, owners.getAxis(), set, division, columns[shard.rank]);
    FailureOr<Value> local =
        owners.getAxis() < 0 ? localizeByCloning(op, context) : op.localize(context);
    if (failed(local))
      return op->emitError("could not be divided");
    shard.own[result] = *local;
    if (!result.use_empty())
      read.insert(local->getDefiningOp());
    return success();
  }

  static int64_t axisOf(Value value) {
    Attribute layout = tensorType(value).getEncoding();
    if (auto owned = dyn_cast_or_null<OwnedAttr>(layout))
      return owned.getAxis();
    if (auto held = dyn_cast_or_null<HeldAttr>(layout))
      return held.getAxis();
    return -1;
  }

  /// Nodes send to the next rank first, and take first what comes from the one before: in the order
  /// of ranks all would send to node 0 first, and the last node would wait longest for everything.
  SmallVector<RouteAttr> routesInTurn(ExchangeOp exchange) const {
    SmallVector<RouteAttr> routes(exchange.getRoutes().getAsRange<RouteAttr>());
    const auto nodes = static_cast<int64_t>(shards.size());
    auto ranksFurther = [nodes](RouteAttr route) {
      return (route.getTo() - route.getFrom() + nodes) % nodes;
    };
    if (!exchange.getRoot())
      llvm::stable_sort(
          routes, [&](RouteAttr a, RouteAttr b) { return ranksFurther(a) < ranksFurther(b); });
    return routes;
  }

  void splitExchange(ExchangeOp exchange) {
    RankedTensorType global = tensorType(exchange.getX());
    int64_t axis = axisOf(exchange.getX());
    for (RouteAttr route : routesInTurn(exchange))
      if (channelBytes(global, axis) > 0 && !route.getSet().empty())
        splitRoute(exchange, route, axis);
  }

  void splitRoute(ExchangeOp exchange, RouteAttr route, int64_t axis) {
    Shard &from = shards[route.getFrom()], &to = shards[route.getTo()];
    Location loc = exchange.getLoc();
    IndexSet set = route.getSet();
    RankedTensorType global = tensorType(exchange.getX()), arriving = localType(global, axis, set);
    WireFormat format = WireFormat::of(module, exchange);
    Value made = from.own.lookup(exchange.getX());
    if (!format.isPlain())
      made = pickChannels(from.builder, loc, made, global, axis, localOf(made).getSet(), set);
    SmallVector<Type> types = format.types(arriving);
    int64_t bytes = 0;
    for (Type type : types)
      bytes += byteSize(cast<RankedTensorType>(type));
    auto type = MessageType::get(module.getContext(), bytes);
    ArrayAttr parts =
        format.parts(PartAttr::get(module.getContext(), exchange.getTensorAttr(), axis,
                                   route.getChannels(), exchange.getRoot(), exchange.getKind()));
    IntegerAttr message = from.builder.getI64IntegerAttr(messages++);
    from.builder.create<SendOp>(loc, type, format.narrow(from.builder, loc, made),
                                from.builder.getI64IntegerAttr(route.getTo()), message, parts);
    auto post = to.builder.create<PostOp>(loc, type, to.builder.getI64IntegerAttr(route.getFrom()),
                                          message);
    auto recv = to.builder.create<RecvOp>(loc, TypeRange(types), post.getBuffer(), parts);
    to.received[exchange.getResult()].push_back(
        format.widen(to.builder, loc, recv.getResults(), arriving));
  }

  ModuleOp module;
  func::FuncOp function;
  Roots roots;
  int64_t messages = 0;
  std::vector<Shard> shards;
  DenseSet<Operation *> read;    // of the shards: whose result somebody reads, on this node or not
  SmallVector<IndexSet> columns; // by rank: the mask's, of the op that is split
};

struct SplitIntoShardsPass : disco::impl::SplitIntoShardsBase<SplitIntoShardsPass> {
  void runOnOperation() override {
    func::FuncOp function = mainOf(getOperation());
    if (!function)
      return signalPassFailure();
    fillSmallConstants(function);
    noteLayers(getOperation(), function);
    if (failed(Splitter(getOperation(), function).run()))
      signalPassFailure();
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<DiscoDialect, func::FuncDialect>();
  }
};

} // namespace
