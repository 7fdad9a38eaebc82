//===- Arrangement.cpp - which channels lie on one node ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Arrangement.h"
#include "compiler/mask/Assignment.h"

#include <algorithm>
#include <map>

namespace discoc::mask {

static int64_t columnsOf(const Coupling &coupling) { return coupling.worth.cols(); }

/// The first input channel that an output channel reads.
static int64_t firstColumn(const Coupling &coupling, int64_t row) {
  return row / (coupling.worth.rows() / coupling.groups) * columnsOf(coupling);
}

double crossing(const std::vector<Coupling> &couplings, const std::vector<int64_t> &owner) {
  double sum = 0;
  for (const Coupling &one : couplings)
    for (int64_t row = 0; row < one.worth.rows(); ++row)
      for (int64_t i = 0; i < columnsOf(one); ++i)
        if (owner[static_cast<size_t>(one.rows[static_cast<size_t>(row)])] !=
            owner[static_cast<size_t>(one.columns[static_cast<size_t>(firstColumn(one, row) + i)])])
          sum += one.worth(row, i);
  return sum;
}

namespace {
/// Owners, and what each class is to each node, kept up to date while classes move.
class Bonds {
public:
  Bonds(const std::vector<Coupling> &couplings, const Arrangement &start, int64_t nodes)
      : couplings_(couplings), nodes_(nodes), owner(start.owner), places_(owner.size()),
        bonds_(owner.size() * static_cast<size_t>(nodes), 0) {
    for (size_t at = 0; at < couplings.size(); ++at) {
      const Coupling &one = couplings[at];
      for (size_t row = 0; row < one.rows.size(); ++row)
        places_[static_cast<size_t>(one.rows[row])].push_back(
            {at, static_cast<int64_t>(row), true});
      for (size_t column = 0; column < one.columns.size(); ++column)
        places_[static_cast<size_t>(one.columns[column])].push_back(
            {at, static_cast<int64_t>(column), false});
    }
    for (size_t each = 0; each < owner.size(); ++each)
      forNeighbours(static_cast<int64_t>(each), [&](int64_t other, double worth) {
        bondTo(static_cast<int64_t>(each), owner[static_cast<size_t>(other)]) += worth;
      });
  }

  /// What crosses less when a class moves there.
  double gain(int64_t one, int64_t node) const {
    return bond(one, node) - bond(one, owner[static_cast<size_t>(one)]);
  }
  double bond(int64_t one, int64_t node) const {
    return bonds_[static_cast<size_t>(one * nodes_ + node)];
  }

  /// Moves a class; what crosses less then.
  double move(int64_t one, int64_t node) {
    const int64_t before = owner[static_cast<size_t>(one)];
    if (before == node)
      return 0;
    const double gained = gain(one, node);
    forNeighbours(one, [&](int64_t other, double worth) {
      bondTo(other, before) -= worth;
      bondTo(other, node) += worth;
    });
    owner[static_cast<size_t>(one)] = node;
    return gained;
  }

private:
  struct Place {
    size_t coupling;
    int64_t channel;
    bool isRow;
  };

  double &bondTo(int64_t one, int64_t node) {
    return bonds_[static_cast<size_t>(one * nodes_ + node)];
  }

  /// Other classes, and what they are to this one; some several times.
  template <typename F> void forNeighbours(int64_t one, F &&each) const {
    for (const Place &place : places_[static_cast<size_t>(one)]) {
      const Coupling &coupling = couplings_[place.coupling];
      const int64_t columns = columnsOf(coupling);
      const int64_t rows = coupling.worth.rows() / coupling.groups;
      const auto visit = [&](int64_t row, int64_t column, int64_t other) {
        if (other != one)
          each(other, static_cast<double>(coupling.worth(row, column)));
      };
      if (place.isRow)
        for (int64_t i = 0; i < columns; ++i)
          visit(place.channel, i,
                coupling.columns[static_cast<size_t>(firstColumn(coupling, place.channel) + i)]);
      else
        for (int64_t i = 0; i < rows; ++i) {
          const int64_t row = place.channel / columns * rows + i;
          visit(row, place.channel % columns, coupling.rows[static_cast<size_t>(row)]);
        }
    }
  }

  const std::vector<Coupling> &couplings_;
  int64_t nodes_;

public:
  std::vector<int64_t> owner;

private:
  std::vector<std::vector<Place>> places_; ///< of each class: where its channels are
  std::vector<double> bonds_;              ///< [class][node]
};

using Kind = std::vector<int64_t>; ///< classes

/// A change that is smaller is rounding.
bool isBetter(double gained, double all) { return gained > 1e-9 * all; }

/// All classes of a kind at once, as if none of them was anything to another of them; taken back
/// where that was wrong.
double assignKind(Bonds &bonds, const Kind &kind, int64_t nodes, double all) {
  std::vector<std::vector<double>> cost;
  std::vector<int64_t> room(static_cast<size_t>(nodes), 0), before;
  for (int64_t one : kind) {
    cost.emplace_back();
    for (int64_t node = 0; node < nodes; ++node)
      cost.back().push_back(-bonds.bond(one, node));
    before.push_back(bonds.owner[static_cast<size_t>(one)]);
    ++room[static_cast<size_t>(before.back())];
  }
  const std::vector<int64_t> to = assign(cost, room);
  double gained = 0;
  for (size_t i = 0; i < kind.size(); ++i)
    gained += bonds.move(kind[i], to[i]);
  if (isBetter(gained, all))
    return gained;
  for (size_t i = 0; i < kind.size(); ++i)
    bonds.move(kind[i], before[i]);
  return 0;
}

/// Exchanges pairs of classes of one kind, those first that gain most, also where that costs
/// something at first; no class twice (Kernighan and Lin, 1970). What came after the best moment is
/// taken back.
class PairExchange {
public:
  PairExchange(Bonds &bonds, const std::vector<Kind> &kinds, int64_t nodes)
      : bonds_(bonds), kinds_(kinds), nodes_(nodes), isDone_(bonds.owner.size(), 0) {}

  double run(double all) {
    double sum = 0, best = 0;
    size_t bestAt = 0;
    // Long after the best moment there is seldom a better one.
    while (steps_.size() < bestAt + 100 && step(sum))
      if (isBetter(sum - best, all)) {
        best = sum;
        bestAt = steps_.size();
      }
    for (; steps_.size() > bestAt; steps_.pop_back()) {
      const Step &last = steps_.back();
      bonds_.move(last.second, last.to);
      bonds_.move(last.first, last.from);
    }
    return best;
  }

private:
  struct Step {
    int64_t first, second, from, to;
  };
  struct Move {
    int64_t one = -1, to = 0;
    double gain = 0;
    size_t kind = 0;
    bool isBelow(double other) const { return one < 0 || other > gain; }
  };

  int64_t ownerOf(int64_t one) const { return bonds_.owner[static_cast<size_t>(one)]; }
  bool isDone(int64_t one) const { return isDone_[static_cast<size_t>(one)] != 0; }

  Move bestMove() const {
    Move best;
    for (size_t kind = 0; kind < kinds_.size(); ++kind)
      for (int64_t one : kinds_[kind])
        for (int64_t to = 0; to < nodes_ && !isDone(one); ++to)
          if (to != ownerOf(one) && best.isBelow(bonds_.gain(one, to)) &&
              bestToMove(kinds_[kind], to, ownerOf(one)) >= 0)
            best = {one, to, bonds_.gain(one, to), kind};
    return best;
  }

  /// -1: there is none.
  int64_t bestToMove(const Kind &kind, int64_t from, int64_t to) const {
    int64_t best = -1;
    for (int64_t one : kind)
      if (!isDone(one) && ownerOf(one) == from &&
          (best < 0 || bonds_.gain(one, to) > bonds_.gain(best, to)))
        best = one;
    return best;
  }

  /// False: nothing is left to exchange.
  bool step(double &sum) {
    const Move move = bestMove();
    if (move.one < 0)
      return false;
    const int64_t from = ownerOf(move.one);
    isDone_[static_cast<size_t>(move.one)] = 1;
    sum += bonds_.move(move.one, move.to);
    const int64_t second = bestToMove(kinds_[move.kind], move.to, from);
    isDone_[static_cast<size_t>(second)] = 1;
    sum += bonds_.move(second, from);
    steps_.push_back({move.one, second, from, move.to});
    return true;
  }

  Bonds &bonds_;
  const std::vector<Kind> &kinds_;
  int64_t nodes_;
  std::vector<char> isDone_;
  std::vector<Step> steps_;
};
} // namespace

std::vector<int64_t> arrange(const std::vector<Coupling> &couplings, const Arrangement &start,
                             int64_t nodes) {
  std::map<int64_t, Kind> byName;
  for (size_t one = 0; one < start.kind.size(); ++one)
    if (start.kind[one] >= 0)
      byName[start.kind[one]].push_back(static_cast<int64_t>(one));
  std::vector<Kind> kinds;
  for (auto &[name, kind] : byName)
    kinds.push_back(std::move(kind));
  const double all = std::max(crossing(couplings, start.owner), 1e-300);
  Bonds bonds(couplings, start, nodes);
  constexpr int rounds = 16;
  for (int round = 0; round < rounds; ++round) {
    double gained = 0;
    for (const Kind &kind : kinds)
      gained += assignKind(bonds, kind, nodes, all);
    gained += PairExchange(bonds, kinds, nodes).run(all);
    if (gained < 1e-4 * all)
      break;
  }
  return bonds.owner;
}

} // namespace discoc::mask
