//===- VerifyCompare.cpp - how far two outputs are apart, node by node ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/verify/VerifyCompare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>

namespace discoc {

bool OutputError::good() const {
  return std::all_of(nodes.begin(), nodes.end(), [](const NodeError &n) { return n.wrong == 0; });
}

int64_t OutputError::unsettled() const {
  return std::accumulate(nodes.begin(), nodes.end(), int64_t(0),
                         [](int64_t sum, const NodeError &n) { return sum + n.unsettled; });
}

namespace {

bool isFloating(ElementType type) {
  return type == ElementType::F16 || type == ElementType::F32 || type == ElementType::F64;
}

/// Halves in rising order are integers in rising order.
int64_t halfOrder(const Array &array, size_t i) {
  uint16_t bits;
  std::memcpy(&bits, array.data.data() + 2 * i, 2);
  return bits & 0x8000 ? -static_cast<int64_t>(bits & 0x7fff) : static_cast<int64_t>(bits);
}

class Comparer {
public:
  Comparer(const ManifestTensor &tensor, int64_t root, const Array &got, const Array &wanted,
           double tolerance, const ReferenceError &allowed)
      : got_(got), wanted_(wanted), allowed_(allowed), tolerance_(tolerance), root_(root) {
    result_.tensor = tensor;
    elements_ = std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t(1),
                                [](int64_t a, int64_t b) { return a * b; });
    if (tensor.layout.kind == ManifestLayout::Kind::Owned)
      findOwners();
  }

  OutputError run() {
    values_ = toDoubles(got_);
    reference_ = toDoubles(wanted_);
    for (const Array &other : allowed_.others)
      others_.push_back(toDoubles(other));
    findRange();
    for (size_t i = 0; i < reference_.size(); ++i)
      note(i);
    for (auto &[rank, node] : nodes_)
      result_.nodes.push_back(node);
    return std::move(result_);
  }

private:
  void findOwners() {
    const ManifestLayout &layout = result_.tensor.layout;
    const auto &shape = result_.tensor.shape;
    const size_t axis = static_cast<size_t>(layout.axis);
    inner_ = std::accumulate(shape.begin() + layout.axis + 1, shape.end(), int64_t(1),
                             [](int64_t a, int64_t b) { return a * b; });
    owners_.assign(static_cast<size_t>(shape[axis]), root_);
    for (size_t rank = 0; rank < layout.owners.size(); ++rank)
      for (auto [begin, end] : layout.owners[rank].getRanges())
        for (int64_t c = begin; c < std::min(end, shape[axis]); ++c)
          owners_[static_cast<size_t>(c)] = static_cast<int64_t>(rank);
  }

  /// Where nothing is divided the root has it from itself.
  int64_t ownerOf(int64_t element) const {
    return owners_.empty() ? root_
                           : owners_[static_cast<size_t>(element / inner_) % owners_.size()];
  }

  void findRange() {
    double least = INFINITY, most = -INFINITY;
    for (double v : reference_)
      if (std::isfinite(v)) {
        least = std::min(least, v);
        most = std::max(most, v);
      }
    if (least <= most) {
      result_.least = least;
      result_.most = most;
    }
  }

  double errorAt(size_t i) const {
    const double a = values_[i], b = reference_[i];
    if (a == b || (std::isnan(a) && std::isnan(b)))
      return 0;
    return std::isfinite(a) && std::isfinite(b) ? std::fabs(a - b) : INFINITY;
  }

  /// Of the range; of the value itself where all values are the same.
  double relative(double error) const {
    const double whole =
        result_.range() > 0 ? result_.range() : std::max(std::fabs(result_.least), 1e-30);
    return error == 0 ? 0 : error / whole;
  }

  /// Whether the value lies between the reference's answers, its own error and the tolerance added.
  bool explained(size_t i) const {
    if (!isFloating(got_.type))
      return std::any_of(allowed_.others.begin(), allowed_.others.end(),
                         [&](const Array &other) { return sameBytes(i, other); });
    double least = reference_[i], most = reference_[i];
    for (const std::vector<double> &other : others_) {
      least = std::min(least, other[i]);
      most = std::max(most, other[i]);
    }
    const double margin = std::max(allowed_.floor, tolerance_ * result_.range());
    return std::isfinite(least) && std::isfinite(most) && values_[i] >= least - margin &&
           values_[i] <= most + margin;
  }

  void note(size_t i) {
    const int64_t element = static_cast<int64_t>(i) % elements_;
    NodeError &node = nodes_[ownerOf(element)];
    node.rank = ownerOf(element);
    ++node.elements;
    const double error = errorAt(i);
    bool good = isFloating(got_.type) ? relative(error) <= tolerance_ : error == 0;
    // 64-bit integers can differ where their doubles do not.
    if (!isFloating(got_.type) && error == 0)
      good = sameBytes(i, wanted_);
    if (got_.type == ElementType::F16 && error > 0) {
      const int64_t ulps = std::isfinite(error)
                               ? std::abs(halfOrder(got_, i) - halfOrder(wanted_, i))
                               : std::numeric_limits<int64_t>::max();
      node.ulps = std::max(node.ulps, ulps);
      good = good || ulps <= halfUlps;
    }
    const bool unsettled = !good && explained(i);
    node.unsettled += unsettled;
    good |= unsettled;
    node.wrong += !good;
    if (error > node.absolute || (!good && node.where.empty())) {
      node.absolute = error;
      node.relative = relative(error);
      node.sample = static_cast<int64_t>(i) / elements_;
      node.got = values_[i];
      node.wanted = reference_[i];
      node.where = indicesOf(element);
    }
  }

  bool sameBytes(size_t i, const Array &other) const {
    const size_t size = static_cast<size_t>(elementInfo(got_.type)->bytes());
    return std::memcmp(got_.data.data() + i * size, other.data.data() + i * size, size) == 0;
  }

  std::vector<int64_t> indicesOf(int64_t element) const {
    std::vector<int64_t> indices(result_.tensor.shape.size());
    for (size_t d = indices.size(); d-- > 0; element /= result_.tensor.shape[d])
      indices[d] = element % result_.tensor.shape[d];
    return indices;
  }

  const Array &got_, &wanted_;
  const ReferenceError &allowed_;
  double tolerance_;
  int64_t root_, elements_ = 1, inner_ = 1;
  std::vector<int64_t> owners_; ///< by channel; empty: not divided
  std::vector<double> values_, reference_;
  std::vector<std::vector<double>> others_;
  std::map<int64_t, NodeError> nodes_;
  OutputError result_;
};

} // namespace

OutputError compareOutput(const ManifestTensor &tensor, int64_t root, const Array &got,
                          const Array &wanted, double tolerance, const ReferenceError &allowed) {
  return Comparer(tensor, root, got, wanted, tolerance, allowed).run();
}

} // namespace discoc
