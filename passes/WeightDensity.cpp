//===- WeightDensity.cpp - where the weights of a contraction are ---------===//
// SPDX-License-Identifier: Apache-2.0
#include "passes/WeightDensity.h"
#include "compiler/dialect/Evaluate.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace disco;

namespace {
constexpr int64_t kMostTiles = 64, kMostWeights = int64_t(1) << 24;

/// Counts, tile by tile, the weights that a node multiplies with.
class DensityPicture {
public:
  DensityPicture(Operation *op, const Contraction &rule, ArrayAttr mask)
      : rule(rule), owners(ownersOf(op->getResult(0))),
        quant(op->getAttrOfType<QuantAttr>(kQuantAttr)), view(op->getOperand(rule.weights)) {
    ArrayRef<int64_t> shape = shapeOf(op->getOperand(rule.weights));
    rows = shape[rule.rowAxis];
    columns = shape[rule.columnAxis];
    taps = rows * columns > 0 ? view.size() / (rows * columns) : 0;
    readBy.resize(owners.getNodes(), llvm::BitVector(columns * rule.groups));
    for (auto route : mask.getAsRange<RouteAttr>()) {
      const IndexSet read = route.getSet();
      for (IndexSet::Range range : read.getRanges())
        readBy[route.getTo()].set(range.first, range.second);
    }
  }

  bool isCountable() const { return view.isValid() && taps > 0 && view.size() <= kMostWeights; }

  void count() {
    const bool divided = owners.getAxis() == rule.resultAxis;
    left.assign(tileRows() * tileColumns(), 0);
    all = left;
    llvm::BitVector anyReads(columns * rule.groups);
    for (auto [rank, read] : llvm::enumerate(readBy)) {
      anyReads |= read;
      if (divided)
        owners.getSet(rank).forEach([&](int64_t row) { countRow(row, read); });
    }
    if (!divided) // who computes it computes all of its rows
      for (int64_t row = 0; row < rows; ++row)
        countRow(row, anyReads);
  }

  bool isFull() const { return left == all; }

  Attribute note(Builder builder) const {
    SmallVector<Attribute> tiles;
    for (int64_t y = 0; y < tileRows(); ++y) {
      std::string text;
      for (int64_t x = 0; x < tileColumns(); ++x)
        text += hexOf(y * tileColumns() + x);
      tiles.push_back(builder.getStringAttr(text));
    }
    return builder.getDictionaryAttr(
        {builder.getNamedAttr("columns", builder.getI64IntegerAttr(columns)),
         builder.getNamedAttr("rows", builder.getI64IntegerAttr(rows)),
         builder.getNamedAttr("tiles", builder.getArrayAttr(tiles))});
  }

private:
  int64_t tileRows() const { return std::min(rows, kMostTiles); }
  int64_t tileColumns() const { return std::min(columns, kMostTiles); }

  void countRow(int64_t row, const llvm::BitVector &read) {
    const int64_t group = row / (rows / rule.groups);
    const bool rowsFirst = rule.rowAxis < rule.columnAxis;
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t tile =
          row * tileRows() / rows * tileColumns() + column * tileColumns() / columns;
      all[tile] += taps;
      if (!read.test(group * columns + column))
        continue;
      const int64_t start = (rowsFirst ? row * columns + column : column * rows + row) * taps;
      for (int64_t tap = start; tap < start + taps; ++tap)
        left[tile] += quant ? view.integer(tap) != quant.wZeroOf(row) : !view.isZero(tap);
    }
  }

  /// Only nothing is 00, and only all is ff.
  std::string hexOf(int64_t tile) const {
    int64_t part = all[tile] ? 255 * left[tile] / all[tile] : 255;
    if (left[tile] > 0 && left[tile] < all[tile])
      part = std::clamp<int64_t>(part, 1, 254);
    return {llvm::hexdigit(part / 16, /*LowerCase=*/true), llvm::hexdigit(part % 16, true)};
  }

  Contraction rule;
  OwnedAttr owners;
  QuantAttr quant; // integers: an entry that is the zero point counts as none
  ConstantView view;
  int64_t rows = 0, columns = 0, taps = 0;
  SmallVector<llvm::BitVector> readBy;
  std::vector<int64_t> left, all;
};
} // namespace

Attribute disco::noteDensity(Operation *op, ArrayAttr mask) {
  auto contraction = dyn_cast<ContractionOpInterface>(op);
  std::optional<Contraction> rule = contraction ? contraction.getContraction() : std::nullopt;
  if (!rule || !ownersOf(op->getResult(0)))
    return {};
  DensityPicture picture(op, *rule, mask);
  if (!picture.isCountable())
    return {};
  picture.count();
  return picture.isFull() ? Attribute() : picture.note(Builder(op->getContext()));
}
