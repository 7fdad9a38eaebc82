//===- Elimination.cpp - in which order columns are given up ---===//
// SPDX-License-Identifier: Apache-2.0
//
// The optimal brain surgeon's step, for a block of columns: with H the inverse of the Gram matrix
// and W the weights, giving up the columns B raises the squared error by tr(W_B inv(H_BB) W_B'),
// and what is left is best adjusted by W -= W_B inv(H_BB) H_B.
#include "compiler/mask/Elimination.h"

#include <Eigen/Cholesky>

#include <algorithm>
#include <numeric>

namespace discoc::mask {

namespace {
/// A reader while columns go.
class Surgeon {
public:
  explicit Surgeon(Reader &reader) : reader_(reader) {
    for (size_t i = 0; i < reader.channels.size(); ++i)
      places_.emplace_back(reader.channels[i], static_cast<int64_t>(i));
    std::sort(places_.begin(), places_.end());
  }

  double lossOf(int64_t channel) const {
    const int64_t at = placeOf(channel);
    return at < 0 ? 0 : lossOf(columnsOf({at}));
  }

  void giveUp(const std::vector<int64_t> &channels) {
    std::vector<int64_t> places;
    for (int64_t channel : channels)
      if (const int64_t at = placeOf(channel); at >= 0)
        places.push_back(at);
    if (places.empty())
      return;
    const std::vector<int64_t> columns = columnsOf(places);
    const Matrix rows = reader_.inverse(columns, Eigen::all);
    const Matrix step = Eigen::LDLT<Matrix>(rows(Eigen::all, columns)).solve(rows);
    const Matrix lost = reader_.weights(Eigen::all, columns);
    reader_.weights.noalias() -= lost * step;
    reader_.inverse.noalias() -= rows.transpose() * step;
    // What is zero but for rounding, and is asked for no more.
    for (int64_t column : columns) {
      reader_.weights.col(column).setZero();
      reader_.inverse.row(column).setZero();
      reader_.inverse.col(column).setZero();
    }
  }

private:
  int64_t placeOf(int64_t channel) const {
    auto found = std::lower_bound(places_.begin(), places_.end(), std::pair(channel, int64_t(0)));
    return found == places_.end() || found->first != channel ? -1 : found->second;
  }

  std::vector<int64_t> columnsOf(const std::vector<int64_t> &places) const {
    std::vector<int64_t> columns;
    for (int64_t place : places)
      for (int64_t tap = 0; tap < reader_.taps; ++tap)
        columns.push_back(place * reader_.taps + tap);
    return columns;
  }

  double lossOf(const std::vector<int64_t> &columns) const {
    const Matrix block = reader_.inverse(columns, columns);
    const Matrix lost = reader_.weights(Eigen::all, columns);
    const Matrix solved = Eigen::LDLT<Matrix>(block).solve(lost.transpose());
    return std::max(0.0, lost.transpose().cwiseProduct(solved).sum());
  }

  Reader &reader_;
  std::vector<std::pair<int64_t, int64_t>> places_; // channel, its place among the columns
};
} // namespace

std::vector<Loss> eliminate(std::vector<Reader> &readers, std::vector<int64_t> candidates) {
  constexpr size_t steps = 24; // in which most of the candidates go
  std::vector<Surgeon> surgeons(readers.begin(), readers.end());
  std::vector<Loss> order;
  while (!candidates.empty()) {
    std::vector<Loss> losses;
    for (int64_t channel : candidates) {
      Loss loss{channel, 0};
      for (const Surgeon &surgeon : surgeons)
        loss.error += surgeon.lossOf(channel);
      losses.push_back(loss);
    }
    std::stable_sort(losses.begin(), losses.end(),
                     [](const Loss &a, const Loss &b) { return a.error < b.error; });
    losses.resize((losses.size() + steps - 1) / steps);
    std::vector<int64_t> gone;
    for (const Loss &loss : losses)
      gone.push_back(loss.channel);
    for (Surgeon &surgeon : surgeons)
      surgeon.giveUp(gone);
    order.insert(order.end(), losses.begin(), losses.end());
    std::erase_if(candidates, [&](int64_t channel) {
      return std::find(gone.begin(), gone.end(), channel) != gone.end();
    });
  }
  return order;
}

} // namespace discoc::mask
