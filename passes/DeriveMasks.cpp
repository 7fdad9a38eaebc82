//===- DeriveMasks.cpp - find which channels of each node every node reads ===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/dialect/Evaluate.h"
#include "passes/DenseMasks.h"
#include "passes/Passes.h"
#include <map>

namespace disco {
#define GEN_PASS_DEF_DERIVEMASKS
#include "passes/Passes.h.inc"
} // namespace disco

using namespace mlir;
using namespace disco;

namespace {

/// Answers whether a column of the weights has a nonzero entry in some rows.
class ColumnScanner {
public:
  ColumnScanner(Operation *op, const Contraction &contraction)
      : isDense(op->getParentOfType<ModuleOp>()->hasAttr(kDenseAttr)), contraction(contraction),
        quant(op->getAttrOfType<QuantAttr>(kQuantAttr)), view(op->getOperand(contraction.weights)) {
    ArrayRef<int64_t> shape = shapeOf(op->getOperand(contraction.weights));
    rows = shape[contraction.rowAxis];
    columnsPerGroup = shape[contraction.columnAxis];
    taps = 1;
    for (int64_t extent : shape.drop_front(2))
      taps *= extent;
    rowStride = contraction.rowAxis == 0 ? shape[1] * taps : taps;
    columnStride = contraction.columnAxis == 0 ? shape[1] * taps : taps;
    sameRows = !quant && view.getStoredShape()[contraction.rowAxis] == 1;
  }

  bool isValid() const { return view.isValid(); }

  /// `column` is a channel of the input; rows of other groups have no weight for it.
  bool isNonzero(const IndexSet &rowSet, int64_t column) const {
    IndexSet reading = readingRows(rowSet, column);
    if (isDense)
      return !reading.empty();
    for (IndexSet::Range range : reading.getRanges())
      for (int64_t row = range.first; row < range.second; ++row) {
        int64_t start = row * rowStride + column % columnsPerGroup * columnStride;
        for (int64_t tap = 0; tap < taps; ++tap)
          if (quant ? view.integer(start + tap) != quant.wZeroOf(row) : !view.isZero(start + tap))
            return true;
        if (sameRows)
          return false;
      }
    return false;
  }

  /// Whether the whole of a group of channels stays together. Between groups that a node computes
  /// for itself one without weights is cheaper to compute than to leave out: what is left would be
  /// no convolution with groups any more.
  bool keepsOwn(const IndexSet &rowSet, int64_t column) const {
    return contraction.groups > 1 && !readingRows(rowSet, column).empty();
  }

private:
  IndexSet readingRows(const IndexSet &rowSet, int64_t column) const {
    int64_t group = column / columnsPerGroup, rowsPerGroup = rows / contraction.groups;
    return rowSet.intersect(IndexSet::range(group * rowsPerGroup, (group + 1) * rowsPerGroup));
  }

  const bool isDense;
  Contraction contraction;
  QuantAttr quant; // integers: an entry that is the zero point counts as none
  ConstantView view;
  int64_t rows, columnsPerGroup, taps, rowStride, columnStride;
  bool sameRows; // one of them is stored
};

/// What the user stated about one contraction: the columns that pairs of nodes may read.
struct StatedMask {
  bool zero = false;          // drop forbidden weights instead of complaining
  bool unlistedEmpty = false; // pairs without an entry read nothing
  bool ofMembers = false;     // pairs are of nodes of a stage, counted within it
  std::map<std::pair<int64_t, int64_t>, IndexSet> allowed;
};

StatedMask readStated(Operation *op) {
  StatedMask stated;
  auto attr = op->getAttrOfType<DictionaryAttr>(kStatedMaskAttr);
  if (!attr)
    return stated;
  stated.zero = attr.contains("zero");
  stated.unlistedEmpty = attr.contains("unlisted_empty");
  stated.ofMembers = attr.contains(kMembersAttr);
  for (auto route : attr.getAs<ArrayAttr>("routes").getAsRange<RouteAttr>())
    stated.allowed[{route.getFrom(), route.getTo()}].add(route.getSet());
  return stated;
}

struct DeriveMasksPass : disco::impl::DeriveMasksBase<DeriveMasksPass> {
  void runOnOperation() override {
    func::FuncOp function = mainOf(getOperation());
    if (!function)
      return signalPassFailure();
    stages = stageRanksOf(getOperation());
    WalkResult result = function.walk([&](ContractionOpInterface op) {
      std::optional<Contraction> contraction = op.getContraction();
      if (!contraction && op->hasAttr(kStatedMaskAttr)) {
        op->emitError("has a stated mask, but its weights are not constant; masks belong to "
                      "contractions with constant weights");
        return WalkResult::interrupt();
      }
      return contraction && failed(derive(op, *contraction)) ? WalkResult::interrupt()
                                                             : WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  LogicalResult derive(Operation *op, const Contraction &contraction) {
    OwnedAttr outputs = ownersOf(op->getResult(0)), inputs = ownersOf(op->getOperand(0));
    bool constant = isConstant(op->getOperand(0)); // every node has it
    if (!outputs || (!inputs && !constant))
      return op->emitError("has no owner maps: run disco-assign-owners first");
    ColumnScanner scanner(op, contraction);
    if (!scanner.isValid())
      return op->emitError("the bytes of its weights are missing");
    StatedMask stated = readStated(op);
    bool sameAxis = !constant && inputs.getAxis() == contraction.inputAxis &&
                    outputs.getAxis() == contraction.resultAxis;
    if (!stated.allowed.empty() && !sameAxis)
      return op->emitError(
          "has a stated mask, but its input is not divided along the channels that it sums over");
    int64_t nodes = outputs.getNodes();
    SmallVector<Attribute> mask;
    for (int64_t to = 0; to < nodes; ++to) {
      IndexSet rows =
          outputs.getAxis() == contraction.resultAxis
              ? outputs.getSet(to)
              : (outputs.getSet(to).empty()
                     ? IndexSet()
                     : IndexSet::all(shapeOf(op->getResult(0))[contraction.resultAxis]));
      for (int64_t from = 0; from < nodes; ++from) {
        // An input that is divided otherwise is gathered whole: all columns count as the reader's
        // own.
        IndexSet columns =
            sameAxis
                ? inputs.getSet(from)
                : (from == to ? IndexSet::all(shapeOf(op->getOperand(0))[contraction.inputAxis])
                              : IndexSet());
        FailureOr<IndexSet> read = readColumns(op, scanner, stated, from, to, rows, columns);
        if (failed(read))
          return failure();
        if (!read->empty())
          mask.push_back(RouteAttr::get(&getContext(), from, to, *read));
        if (from != to)
          numMaskedColumns += columns.size() - read->size();
      }
    }
    op->setAttr(kMaskAttr, ArrayAttr::get(&getContext(), mask));
    op->removeAttr(kStatedMaskAttr);
    ++numContractions;
    return success();
  }

  FailureOr<IndexSet> readColumns(Operation *op, const ColumnScanner &scanner,
                                  const StatedMask &stated, int64_t from, int64_t to,
                                  const IndexSet &rows, const IndexSet &columns) {
    auto allowed = stated.ofMembers ? stated.allowed.find({memberOf(from), memberOf(to)})
                                    : stated.allowed.find({from, to});
    if (stated.ofMembers && columns.empty())
      return IndexSet(); // another stage's
    bool listed = allowed != stated.allowed.end(), restricted = listed || stated.unlistedEmpty;
    if (listed && !columns.containsAll(allowed->second))
      return op->emitError("the stated mask from node ")
             << from << " to node " << to << " lists channel "
             << allowed->second.minus(columns).front() << ", which node " << from
             << " does not own; write the owner maps with 'discoc inspect --write-owners' and take "
                "channels from them";
    SmallVector<int64_t> read;
    int64_t forbidden = -1;
    columns.forEach([&](int64_t column) {
      bool permitted = listed ? allowed->second.contains(column) : !restricted;
      bool kept = permitted && from == to && scanner.keepsOwn(rows, column);
      if ((!permitted && stated.zero) || (!kept && !scanner.isNonzero(rows, column)))
        return;
      if (!permitted)
        forbidden = column;
      read.push_back(column);
    });
    if (forbidden >= 0)
      return op->emitError("the stated mask from node ")
             << from << " to node " << to << " forbids channel " << forbidden
             << ", but its weights for the outputs of node " << to
             << " are not zero; zero them, or state \"apply\": \"zero\" in the mask file";
    return IndexSet::of(read);
  }

  /// Which of its stage's nodes a node is. A dispatcher hands inputs out as the first would.
  int64_t memberOf(int64_t rank) const {
    for (const SmallVector<int64_t> &ranks : stages)
      if (auto at = llvm::find(ranks, rank); at != ranks.end())
        return at - ranks.begin();
    return 0;
  }

  std::vector<SmallVector<int64_t>> stages;
};

} // namespace
