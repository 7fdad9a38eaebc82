//===- ChoosePartialSums.cpp - send features, or sums of them -------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/PairRates.h"
#include "compiler/dialect/Replication.h"
#include "passes/Carriers.h"
#include "passes/ExplainCover.h"
#include "passes/MinCut.h"
#include "passes/Needs.h"
#include "passes/Passes.h"
#include "llvm/ADT/MapVector.h"
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace disco {
#define GEN_PASS_DEF_CHOOSEPARTIALSUMS
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// What messages between two nodes cost: nanoseconds where the cluster states how fast every link
/// is, else bytes.
class Weights {
public:
  Weights(ClusterAttr cluster, int64_t nodes) : rates(cluster), knowsAll(cluster != nullptr) {
    for (int64_t from = 0; from < nodes && knowsAll; ++from)
      for (int64_t to = 0; to < nodes && knowsAll; ++to)
        knowsAll = from == to || rates.bandwidth(from, to) > 0;
  }

  bool areTimes() const { return knowsAll; }
  int64_t ofBytes(int64_t bytes, int64_t from, int64_t to) {
    return knowsAll ? nanoseconds(static_cast<double>(bytes) / rates.bandwidth(from, to)) : bytes;
  }
  /// Of a message whatever its size.
  int64_t ofMessage(int64_t from, int64_t to) {
    return knowsAll ? nanoseconds(rates.latency(from, to)) : 0;
  }

private:
  static int64_t nanoseconds(double seconds) { return std::llround(seconds * 1e9); }

  PairRates rates;
  bool knowsAll; // else bytes are compared
};

/// A feature that one node could give another.
struct Offer {
  int64_t bytes = 0; // 0 once somebody needs the feature itself
  std::vector<int> readers;
};

/// A contraction whose outputs could be given addends instead.
struct Reader {
  Operation *op;
  int64_t weight = 0; // of all addends
  std::vector<std::pair<int64_t, int64_t>> pairs;
};

/// Channels of the outputs of one contraction that one node is given addends of.
struct Addend {
  int64_t from, to;
  IndexSet columns, rows;
  Value value; // once made
};

class PartialSumChooser {
public:
  PartialSumChooser(func::FuncOp function, int64_t nodes, Roots roots, std::vector<int64_t> stages)
      : function(function), nodes(nodes), stages(std::move(stages)),
        weights(clusterOf(function), nodes), known(nodes, roots, /*dense=*/false, rules),
        carriers(rules) {}

  LogicalResult run() {
    WalkResult walked = function.walk([&](Operation *op) {
      if (isa<ConstantOp>(op) || op->getNumOperands() == 0)
        return WalkResult::advance();
      return failed(known.findShortages(op, shortages)) ? WalkResult::interrupt()
                                                        : WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return failure();
    for (Shortage &shortage : shortages)
      if (!shortage.output && !known.isHandedOut(shortage.use->get()))
        addReader(shortage);
    choose();
    for (auto &[op, addends] : chosen)
      rewrite(op, addends);
    return success();
  }

  int64_t contractions = 0, addendsMade = 0;
  std::string explained;                   ///< an op's name; empty: none
  SmallVector<NamedAttribute> explanation; ///< of it: kCoverAttr

private:
  /// The part of a tensor's channels that the node with the most of them owns.
  static double largestShare(Value value) {
    OwnedAttr owners = ownersOf(value);
    int64_t most = 0, all = 0;
    for (int64_t node = 0; node < owners.getNodes(); ++node) {
      most = std::max(most, owners.getSet(node).size());
      all += owners.getSet(node).size();
    }
    return all == 0 ? 0 : static_cast<double>(most) / static_cast<double>(all);
  }

  /// By its inputs a contraction is the work of their owners, by its outputs of theirs: inputs that
  /// lie on one node (the half of a tensor that was split) must not make it that node's alone.
  static bool staysEven(Operation *op) {
    constexpr double slack = 1.1;
    return largestShare(op->getOperand(0)) <= slack * largestShare(op->getResult(0));
  }

  /// Why nodes cannot give each other addends of an op's result instead of its input's features;
  /// empty: they can.
  StringRef whyFeatures(const Shortage &shortage) {
    Operation *op = shortage.use->getOwner();
    auto contraction = dyn_cast<ContractionOpInterface>(op);
    std::optional<Contraction> rule =
        contraction ? contraction.getContraction() : std::optional<Contraction>();
    if (!rule || shortage.use->getOperandNumber() != 0)
      return "it sums over no channels of theirs";
    if (rule->groups != 1)
      return "its channels are in groups";
    RankedTensorType x = tensorType(op->getOperand(0)), y = tensorType(op->getResult(0));
    const bool isSingle = x.getElementType().isF32() && y.getElementType().isF32();
    // Sums of integers are the same in any order.
    if (!quantOf(op) && !isSingle)
      return "its elements are no f32";
    if (!quantOf(op) && inExactOrder(op))
      return "--exact-order sums nothing across nodes";
    if (ownersOf(op->getOperand(0)).getAxis() != rule->inputAxis ||
        ownersOf(op->getResult(0)).getAxis() != rule->resultAxis)
      return "its operand or its result is divided along another axis";
    if (!staysEven(op))
      return "its inputs are shared less evenly than its outputs";
    return isOfOneStage(op) ? "" : "its inputs are those of another stage";
  }

  /// Who gives a contraction its inputs does not compute it, where that is another stage's work.
  bool isOfOneStage(Operation *op) {
    if (stages.empty())
      return true;
    std::set<int64_t> found;
    for (Value value : {op->getOperand(0), Value(op->getResult(0))})
      for (int64_t rank : ranksOf(ownersOf(value)))
        found.insert(stages[rank]);
    return found.size() <= 1;
  }

  /// How an op computes with integers; null: it does not.
  static QuantAttr quantOf(Operation *op) { return op->getAttrOfType<QuantAttr>(kQuantAttr); }

  /// The type of an op's sums: of integers they have 32 bits until they are whole.
  static RankedTensorType sumType(Operation *op) {
    RankedTensorType type = tensorType(op->getResult(0));
    return quantOf(op)
               ? RankedTensorType::get(type.getShape(), IntegerType::get(op->getContext(), 32),
                                       type.getEncoding())
               : type;
  }

  static int64_t rowBytes(Operation *op, int64_t to) {
    OwnedAttr owners = ownersOf(op->getResult(0));
    return owners.getSet(to).size() * channelBytes(sumType(op), owners.getAxis());
  }

  void addReader(const Shortage &shortage) {
    Value value = shortage.use->get();
    Operation *op = shortage.use->getOwner();
    OwnedAttr owners = ownersOf(value);
    const StringRef why = whyFeatures(shortage);
    const bool eligible = why.empty();
    if (!eligible && opName(op) == explained)
      explanation = {
          Builder(op).getNamedAttr("why_features", StringAttr::get(op->getContext(), why))};
    const std::vector<Feature> &features = known.origins(value);
    for (int64_t from = 0; from < nodes; ++from)
      for (int64_t to = 0; to < nodes; ++to) {
        if (from == to)
          continue;
        IndexSet lacking =
            owners.getSet(from).intersect(shortage.needs[to]).minus(owners.getSet(to));
        if (lacking.empty())
          continue;
        int reader = eligible ? readerOf(op, from, to) : -1;
        lacking.forEach([&](int64_t channel) {
          const Feature &origin = features[channel];
          Value carrier = carriers.carrierOf(origin.value);
          auto [at, inserted] =
              offers.try_emplace({carrier.getAsOpaquePointer(), origin.channel, from, to});
          Offer &offer = at->second;
          if (inserted)
            offer.bytes = channelBytes(tensorType(carrier), ownersOf(carrier).getAxis());
          if (!eligible)
            offer.bytes = 0;
          else if (offer.readers.empty() || offer.readers.back() != reader)
            offer.readers.push_back(reader);
        });
      }
  }

  int readerOf(Operation *op, int64_t from, int64_t to) {
    auto [at, inserted] = readerIndex.try_emplace(op, static_cast<int>(readers.size()));
    if (inserted)
      readers.push_back({op, 0, {}});
    Reader &reader = readers[static_cast<size_t>(at->second)];
    reader.weight += weights.ofMessage(from, to) + weights.ofBytes(rowBytes(op, to), from, to);
    reader.pairs.push_back({from, to});
    return at->second;
  }

  /// The cheapest cover: of every feature and every contraction that reads it, one has to pay. A
  /// contraction is divided by its inputs between all nodes or none: work stays balanced.
  void choose() {
    // Features with the same readers are one vertex. Those of a tensor travel to a node in one
    // message, which is there anyhow where somebody needs some of them.
    using Message = std::tuple<const void *, int64_t, int64_t>;
    std::set<Message> sent;
    for (auto &[feature, offer] : offers)
      if (auto [tensor, channel, from, to] = feature; offer.bytes == 0)
        sent.insert({tensor, from, to});
    std::map<std::vector<int>, std::map<Message, int64_t>> bytesOf;
    for (auto &[feature, offer] : offers)
      if (auto [tensor, channel, from, to] = feature; !offer.readers.empty())
        bytesOf[offer.readers][{tensor, from, to}] += offer.bytes;
    std::map<std::vector<int>, int64_t> groups;
    for (auto &[reading, messages] : bytesOf)
      for (auto &[message, size] : messages) {
        auto [tensor, from, to] = message;
        groups[reading] += weights.ofBytes(size, from, to) +
                           (sent.count(message) ? 0 : weights.ofMessage(from, to));
      }
    std::vector<int64_t> featureWeights, sumWeights;
    std::vector<std::pair<int, int>> edges;
    for (auto &[reading, weight] : groups) {
      for (int reader : reading)
        edges.push_back({static_cast<int>(featureWeights.size()), reader});
      featureWeights.push_back(weight);
    }
    for (const Reader &reader : readers)
      sumWeights.push_back(reader.weight);
    VertexCover cover = minimumCover(featureWeights, sumWeights, edges);
    if (!explained.empty())
      explain(groups, cover);
    for (auto [reader, pays] : llvm::zip(readers, cover.right))
      if (pays)
        for (auto [from, to] : reader.pairs)
          chosen[reader.op].push_back({from, to, {}, {}, {}});
  }

  /// What the cover had to choose from for one contraction: its features, those that others read
  /// with them, and its sums.
  void explain(const std::map<std::vector<int>, int64_t> &groups, const VertexCover &cover) {
    for (auto [index, reader] : llvm::enumerate(readers)) {
      if (opName(reader.op) != explained)
        continue;
      int64_t features = 0;
      std::set<std::string> tied;
      for (const auto &[reading, weight] : groups) {
        if (!llvm::is_contained(reading, static_cast<int>(index)))
          continue;
        features += weight;
        for (int other : reading)
          if (readers[other].op != reader.op)
            tied.insert(opName(readers[other].op));
      }
      Builder builder(reader.op);
      SmallVector<StringRef> names(tied.begin(), tied.end());
      explanation = {builder.getNamedAttr("features", builder.getI64IntegerAttr(features)),
                     builder.getNamedAttr("sums", builder.getI64IntegerAttr(reader.weight)),
                     builder.getNamedAttr("in_time", builder.getBoolAttr(weights.areTimes())),
                     builder.getNamedAttr("sends_sums", builder.getBoolAttr(cover.right[index])),
                     builder.getNamedAttr("tied", builder.getStrArrayAttr(names))};
    }
  }

  void rewrite(Operation *op, SmallVectorImpl<Addend> &addends) {
    Contraction rule = *cast<ContractionOpInterface>(op).getContraction();
    OpBuilder builder(op);
    Attribute full = op->getAttr(kMaskAttr);
    SmallVector<Attribute> kept;
    for (auto route : cast<ArrayAttr>(full).getAsRange<RouteAttr>()) {
      auto addend = llvm::find_if(addends, [&](const Addend &a) {
        return a.from == route.getFrom() && a.to == route.getTo();
      });
      if (addend == addends.end())
        kept.push_back(route);
      else
        addend->columns = route.getSet();
    }
    for (Addend &addend : addends)
      makeAddend(builder, op, rule, addend);
    op->setAttr(kMaskAttr, builder.getArrayAttr(kept));
    op->setAttr(kFullMaskAttr, full);
    accumulate(op, rule.resultAxis, addends);
    ++contractions;
    addendsMade += static_cast<int64_t>(addends.size());
  }

  /// What `from` can add to the outputs of `to` with the channels that it owns.
  static void makeAddend(OpBuilder &builder, Operation *op, const Contraction &rule,
                         Addend &addend) {
    Value result = op->getResult(0);
    OwnedAttr owners = ownersOf(result);
    addend.rows = owners.getSet(addend.to);
    auto weights = op->getOperand(rule.weights).getDefiningOp<ConstantOp>();
    SmallVector<int64_t> shape(weights.getType().getShape()), resultShape(shapeOf(result));
    shape[rule.rowAxis] = addend.rows.size();
    resultShape[rule.resultAxis] = addend.rows.size();
    bool sameRows = weights.getValue().getShapedType().getDimSize(rule.rowAxis) == 1;
    Attribute view = LocalAttr::get(builder.getContext(), rule.rowAxis, addend.rows);
    Value rows = builder.create<ConstantOp>(
        weights.getLoc(), RankedTensorType::get(shape, weights.getType().getElementType()),
        weights.getValue(), sameRows ? ArrayAttr() : builder.getArrayAttr(view));
    Attribute mask = RouteAttr::get(builder.getContext(), addend.from, addend.from, addend.columns);
    auto type =
        RankedTensorType::get(resultShape, sumType(op).getElementType(),
                              OwnedAttr::at(builder.getContext(), addend.from, owners.getNodes(),
                                            rule.resultAxis, addend.rows.size()));
    addend.value = cast<ContractionOpInterface>(op).buildAddend(builder, rows, addend.rows,
                                                                builder.getArrayAttr(mask), type);
  }

  /// What follows the sum, and the tensor's name, belong to the whole sum.
  static void accumulate(Operation *op, int64_t axis, ArrayRef<Addend> addends) {
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    SmallVector<Value> values;
    SmallVector<Attribute> rows;
    for (const Addend &addend : addends) {
      values.push_back(addend.value);
      rows.push_back(SetAttr::get(builder.getContext(), addend.rows));
    }
    Value result = op->getResult(0);
    QuantAttr quant = quantOf(op);
    auto sum = builder.create<AccumulateOp>(
        op->getLoc(), result.getType(), result, values, builder.getI64IntegerAttr(axis),
        builder.getArrayAttr(rows), op->getAttrOfType<ActAttr>(kActAttr),
        quant && quant.getMultiplier() ? quant : QuantAttr());
    op->removeAttr(kActAttr);
    if (quant) {
      result.setType(sumType(op));
      op->setAttr(kQuantAttr, quant.sumOnly());
    }
    if (Attribute name = op->removeAttr(kTensorAttr))
      sum->setAttr(kTensorAttr, name);
    result.replaceAllUsesExcept(sum.getResult(), sum);
  }

  func::FuncOp function;
  int64_t nodes;
  std::vector<int64_t> stages; // by rank; empty: there are none
  Weights weights;
  DivisionRules rules;
  Needs known;
  Carriers carriers;
  SmallVector<Shortage> shortages;
  std::map<std::tuple<const void *, int64_t, int64_t, int64_t>, Offer> offers;
  std::vector<Reader> readers;
  DenseMap<Operation *, int> readerIndex;
  llvm::MapVector<Operation *, SmallVector<Addend>> chosen;
};

struct ChoosePartialSumsPass : disco::impl::ChoosePartialSumsBase<ChoosePartialSumsPass> {
  void runOnOperation() override {
    func::FuncOp function = mainOf(getOperation());
    if (!function)
      return signalPassFailure();
    if (getOperation()->hasAttr(kFeaturesOnlyAttr))
      return;
    PartialSumChooser chooser(function, nodesOf(getOperation()), rootsOf(getOperation()),
                              stagesByRank(getOperation()));
    if (auto name = getOperation()->getAttrOfType<StringAttr>(kExplainAttr))
      chooser.explained = name.str();
    if (failed(chooser.run()))
      return signalPassFailure();
    if (!chooser.explanation.empty())
      getOperation()->setAttr(kCoverAttr, DictionaryAttr::get(&getContext(), chooser.explanation));
    numContractions = chooser.contractions;
    numAddends = chooser.addendsMade;
  }
};

} // namespace
