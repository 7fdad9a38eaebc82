//===- Clocks.cpp - the clocks of all nodes as one ---===//
// SPDX-License-Identifier: Apache-2.0
//
// Time is cut into pieces. The drift of a clock in a piece is the one that leaves messages in both
// directions the most room. The offsets of all pieces of all clocks are then a system of difference
// constraints, one for each message: shortest paths from and to the reference give the largest and
// the smallest that satisfy all of them, and so does the middle of both.
#include "compiler/trace/Clocks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

namespace discoc {

static constexpr double longestPiece = 10e9; // nanoseconds
static constexpr double mostDrift = 5e-4;    // five times what a poor quartz has
static constexpr double unbounded = std::numeric_limits<double>::infinity();

int64_t AlignedClock::common(int64_t local) const {
  auto next = std::upper_bound(pieces.begin(), pieces.end(), local,
                               [](int64_t time, const Piece &piece) { return time < piece.begin; });
  const Piece &piece = next == pieces.begin() ? *next : *std::prev(next);
  return local +
         std::llround(piece.offset + piece.drift * static_cast<double>(local - piece.begin));
}

bool AlignedClock::isOpen() const {
  return std::any_of(pieces.begin(), pieces.end(), [](const Piece &p) { return p.isOpen; });
}

int64_t AlignedClock::around() const {
  double most = 0;
  for (const Piece &piece : pieces)
    most = std::max(most, piece.around);
  return std::llround(most);
}

namespace {

/// a[at] <= a[than] + by.
struct Constraint {
  size_t at, than;
  double by;
};

/// The distances from variable 0 (or to it); nothing where a cycle says that there are none.
std::optional<std::vector<double>> shortest(size_t variables,
                                            const std::vector<Constraint> &constraints, bool to) {
  std::vector<double> distance(variables, unbounded);
  distance[0] = 0;
  for (size_t round = 0; round <= variables; ++round) {
    bool changed = false;
    for (const Constraint &each : constraints) {
      const size_t from = to ? each.at : each.than, at = to ? each.than : each.at;
      if (distance[from] == unbounded || distance[from] + each.by >= distance[at])
        continue;
      distance[at] = distance[from] + each.by;
      changed = true;
    }
    if (!changed)
      return distance;
  }
  return std::nullopt;
}

class Alignment {
public:
  Alignment(const std::vector<uint64_t> &ids, const std::vector<Crossing> &crossings) {
    std::map<uint64_t, size_t> known;
    for (size_t node = 0; node < ids.size(); ++node) {
      auto [same, isNew] = known.try_emplace(ids[node] ? ids[node] : ~uint64_t(node), clocks_);
      clockOf_.push_back(same->second);
      clocks_ += isNew;
    }
    first_.assign(clocks_, std::numeric_limits<int64_t>::max());
    last_.assign(clocks_, std::numeric_limits<int64_t>::min());
    for (const Crossing &each : crossings) {
      const Crossing over{clockOf_[each.from], clockOf_[each.to], each.sent, each.received};
      for (auto [clock, time] : {std::pair{over.from, over.sent}, {over.to, over.received}}) {
        first_[clock] = std::min(first_[clock], time);
        last_[clock] = std::max(last_[clock], time);
      }
      if (over.from != over.to)
        crossings_.push_back(over);
    }
    for (size_t clock = 0; clock < clocks_; ++clock)
      if (first_[clock] > last_[clock]) // without a message: as the reference is
        first_[clock] = last_[clock] = clock ? first_[0] : 0;
  }

  std::vector<AlignedClock> solve() {
    cut(longestPiece);
    fitDrifts();
    if (solveCut(0))
      return result();
    // Clocks that have both sides by way of others alone have no drift yet: it is that which fits
    // to the others as they come out where pieces may step back.
    if (solveCut(mostDrift)) {
      fitOthers();
      if (solveCut(0))
        return result();
    }
    // The clocks jumped, or ran at another speed than clocks do: the least that must give way.
    for (double slack = 1000;; slack *= 2) {
      constrain(slack, 0);
      if (solveOffsets())
        return result();
    }
  }

private:
  /// With the longest pieces that are not too long for the drifts to be wrong. `back`: how much a
  /// clock may go back from a piece to the next, as a part of it.
  bool solveCut(double back) {
    constexpr int most = 7;
    const std::vector<std::vector<double>> drifts = driftsByClock();
    for (int halved = 0; halved < most; ++halved) {
      cut(std::ldexp(longestPiece, -halved));
      takeDrifts(drifts);
      constrain(0, back);
      if (solveOffsets())
        return true;
    }
    return false;
  }

  void cut(double length) {
    length_ = length;
    firstVariable_.assign(1, 0);
    variables_ = 1; // the reference's, which is 0
    for (size_t clock = 1; clock < clocks_; ++clock) {
      firstVariable_.push_back(variables_);
      variables_ +=
          static_cast<size_t>(static_cast<double>(last_[clock] - first_[clock]) / length) + 1;
    }
    drift_.assign(variables_, 0);
  }

  /// Since the first that was seen of the clock.
  double local(size_t clock, int64_t time) const {
    return static_cast<double>(time - first_[clock]);
  }
  size_t variableOf(size_t clock, int64_t time) const {
    return clock == 0 ? 0
                      : firstVariable_[clock] + static_cast<size_t>(local(clock, time) / length_);
  }
  double beginOf(size_t clock, size_t variable) const {
    return clock == 0 ? 0 : length_ * static_cast<double>(variable - firstVariable_[clock]);
  }
  /// The common time but for the piece's offset.
  double without(size_t clock, int64_t time) const {
    const size_t variable = variableOf(clock, time);
    const double at = local(clock, time);
    return at + drift_[variable] * (at - beginOf(clock, variable));
  }

  //===- drift ---===//

  struct Bound {
    double at, value;
  };
  struct Bounds {
    std::vector<Bound> least, most;
  };

  /// Clock by clock, each by the one with which it has the most messages of those that are known.
  void fitDrifts() {
    fitted_ = {0};
    std::set<size_t> known = {0};
    while (true) {
      std::map<std::pair<size_t, size_t>, size_t> counts; // of a known clock and another
      for (const Crossing &each : crossings_)
        if (known.count(each.from) != known.count(each.to))
          ++counts[known.count(each.from) ? std::pair{each.from, each.to}
                                          : std::pair{each.to, each.from}];
      auto best = std::max_element(counts.begin(), counts.end(), [](const auto &a, const auto &b) {
        return a.second < b.second;
      });
      if (best == counts.end())
        return;
      fitDrift(best->first.first, best->first.second);
      known.insert(best->first.second);
    }
  }

  void fitDrift(size_t from, size_t clock) {
    // By piece of the clock, and of the other one.
    std::map<size_t, std::map<size_t, Bounds>> pieces;
    for (const Crossing &each : crossings_) {
      const bool comes = each.from == from && each.to == clock;
      if (!comes && !(each.from == clock && each.to == from))
        continue;
      const int64_t own = comes ? each.received : each.sent,
                    other = comes ? each.sent : each.received;
      const size_t variable = variableOf(clock, own);
      const double at = local(clock, own);
      Bounds &bounds = pieces[variable][variableOf(from, other)];
      (comes ? bounds.least : bounds.most)
          .push_back({at - beginOf(clock, variable), without(from, other) - at});
    }
    double last = 0;
    for (size_t variable = firstVariable_[clock]; variable < endOf(clock); ++variable) {
      size_t most = 0;
      for (const auto &[other, bounds] : pieces[variable]) {
        const size_t both = std::min(bounds.least.size(), bounds.most.size());
        if (both > std::max<size_t>(most, 1)) {
          most = both;
          last = roomiest(bounds);
          fitted_.insert(clock);
        }
      }
      drift_[variable] = last;
    }
  }

  size_t endOf(size_t clock) const {
    return clock + 1 < clocks_ ? firstVariable_[clock + 1] : variables_;
  }

  /// By clock, of its longest pieces.
  std::vector<std::vector<double>> driftsByClock() const {
    std::vector<std::vector<double>> all(clocks_);
    const auto each = static_cast<size_t>(longestPiece / length_);
    for (size_t clock = 1; clock < clocks_; ++clock)
      for (size_t at = firstVariable_[clock]; at < endOf(clock); at += each)
        all[clock].push_back(drift_[at]);
    return all;
  }
  /// A short piece has too few messages to tell.
  void takeDrifts(const std::vector<std::vector<double>> &drifts) {
    for (size_t clock = 1; clock < clocks_; ++clock)
      for (size_t at = firstVariable_[clock]; at < endOf(clock); ++at)
        drift_[at] = drifts[clock][static_cast<size_t>(beginOf(clock, at) / longestPiece)];
  }

  /// Drifts of clocks that fitDrifts() found none for, by the common time that there is.
  void fitOthers() {
    const auto common = [&](size_t clock, int64_t time) {
      const size_t at = variableOf(clock, time);
      return without(clock, time) + (at ? (most_[at] - least_[at]) / 2 : 0);
    };
    std::map<std::pair<size_t, size_t>, Bounds> pieces; // by clock, and its long pieces
    for (const Crossing &each : crossings_)
      for (const bool comes : {true, false}) {
        const size_t clock = comes ? each.to : each.from;
        const double at = local(clock, comes ? each.received : each.sent),
                     other = comes ? common(each.from, each.sent) : common(each.to, each.received);
        const auto piece = static_cast<size_t>(at / longestPiece);
        Bounds &bounds = pieces[{clock, piece}];
        (comes ? bounds.least : bounds.most)
            .push_back({at - longestPiece * static_cast<double>(piece), other - at});
      }
    for (const auto &[place, bounds] : pieces) {
      const auto [clock, piece] = place;
      if (fitted_.count(clock) || std::min(bounds.least.size(), bounds.most.size()) < 2)
        continue;
      const double drift = roomiest(bounds);
      for (size_t at = firstVariable_[clock]; at < endOf(clock); ++at)
        if (static_cast<size_t>(beginOf(clock, at) / longestPiece) == piece)
          drift_[at] = drift;
    }
  }

  /// How much a line of this slope can be moved up or down between the bounds: concave in it.
  static double room(const Bounds &bounds, double slope) {
    double least = -unbounded, most = unbounded;
    for (const Bound &each : bounds.least)
      least = std::max(least, each.value - slope * each.at);
    for (const Bound &each : bounds.most)
      most = std::min(most, each.value - slope * each.at);
    return most - least;
  }

  static double roomiest(const Bounds &bounds) {
    constexpr int steps = 40; // (2/3)^40 of the range: 0.1 ppb
    double low = -mostDrift, high = mostDrift;
    for (int i = 0; i < steps; ++i) {
      const double third = (high - low) / 3;
      if (room(bounds, low + third) < room(bounds, high - third))
        low += third;
      else
        high -= third;
    }
    return (low + high) / 2;
  }

  //===- offsets ---===//

  void constrain(double slack, double back) {
    std::map<std::pair<size_t, size_t>, double> least;
    auto add = [&](size_t at, size_t than, double by) {
      auto [known, isNew] = least.try_emplace({at, than}, by);
      known->second = std::min(known->second, by);
    };
    constexpr double rounding = 1;
    for (const Crossing &each : crossings_)
      add(variableOf(each.from, each.sent), variableOf(each.to, each.received),
          without(each.to, each.received) - without(each.from, each.sent) - rounding + slack);
    // A clock does not go back from one piece to the next, and jumps by no more than it could
    // drift.
    for (size_t clock = 1; clock < clocks_; ++clock) {
      for (size_t at = firstVariable_[clock]; at + 1 < endOf(clock); ++at) {
        add(at, at + 1, (back - drift_[at]) * length_);
        add(at + 1, at, (drift_[at] + 2 * mostDrift) * length_);
      }
    }
    constraints_.clear();
    for (const auto &[pair, by] : least)
      constraints_.push_back({pair.first, pair.second, by});
  }

  bool solveOffsets() {
    open_.assign(variables_, false);
    while (true) {
      auto most = shortest(variables_, constraints_, false);
      auto least = shortest(variables_, constraints_, true);
      if (!most || !least)
        return false;
      most_ = std::move(*most);
      least_ = std::move(*least);
      if (!close())
        return true;
    }
  }

  /// What is bounded from one side lies there, what is not bounded nowhere else than the reference.
  /// False: everything is bounded.
  bool close() {
    size_t found = 0;
    for (size_t i = 1; i < variables_; ++i)
      if (most_[i] == unbounded || least_[i] == unbounded) {
        open_[i] = true;
        found = found ? found : i;
      }
    if (!found)
      return false;
    const double at = most_[found] != unbounded    ? most_[found]
                      : least_[found] != unbounded ? -least_[found]
                                                   : 0;
    constraints_.push_back({found, 0, at});
    constraints_.push_back({0, found, -at});
    return true;
  }

  std::vector<AlignedClock> result() const {
    std::vector<AlignedClock> all;
    for (size_t clock : clockOf_) {
      AlignedClock aligned;
      const size_t begin = firstVariable_[clock], end = clock == 0 ? 1
                                                        : clock + 1 < clocks_
                                                            ? firstVariable_[clock + 1]
                                                            : variables_;
      for (size_t variable = begin; variable < end; ++variable) {
        const double from = beginOf(clock, variable);
        const double middle = variable ? (most_[variable] - least_[variable]) / 2 : 0;
        const double around = variable ? (most_[variable] + least_[variable]) / 2 : 0;
        // Common time begins with what was seen first of the reference.
        aligned.pieces.push_back({first_[clock] + std::llround(from),
                                  middle - static_cast<double>(first_[clock] - first_[0]),
                                  drift_[variable], around, open_[variable]});
      }
      all.push_back(std::move(aligned));
    }
    return all;
  }

  size_t clocks_ = 0;
  std::vector<size_t> clockOf_;       // by node
  std::vector<int64_t> first_, last_; // by clock: of the times that messages have by it
  std::vector<Crossing> crossings_;   // between clocks
  double length_ = longestPiece;      // of a piece
  size_t variables_ = 1;              // pieces, but for the reference's
  std::vector<size_t> firstVariable_; // by clock
  std::vector<double> drift_;         // by variable
  std::set<size_t> fitted_;           // clocks whose drift their messages with one other tell
  std::vector<Constraint> constraints_;
  std::vector<double> most_, least_; // the largest value, and the smallest with its sign turned
  std::vector<bool> open_;           // by variable
};

} // namespace

std::vector<AlignedClock> alignClocks(const std::vector<uint64_t> &ids,
                                      const std::vector<Crossing> &crossings) {
  return Alignment(ids, crossings).solve();
}

} // namespace discoc
