//===- Refit.cpp - adjusts what is left of the weights ---===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/Refit.h"
#include "compiler/mask/Parallel.h"

#include <Eigen/Cholesky>

#include <algorithm>

namespace discoc::mask {

/// Of the mean of the Gram matrix' diagonal.
static constexpr double kRidges[] = {1e-4, 1e-3, 1e-2, 1e-1};

static double errorOf(const Matrix &weights, const Samples &patches, const Samples &outputs) {
  const Samples narrow = weights.cast<float>();
  return (outputs - narrow * patches).cast<double>().squaredNorm();
}

Refit refit(const Matrix &gram, const Matrix &moments, const Matrix &old,
            const std::vector<int64_t> &kept, const Samples &heldPatches,
            const Samples &heldOutputs) {
  Refit best;
  best.weights = Matrix::Zero(old.rows(), old.cols());
  best.weights(Eigen::all, kept) = old(Eigen::all, kept);
  best.before = best.after = errorOf(best.weights, heldPatches, heldOutputs);
  if (kept.empty() || old.rows() == 0)
    return best;
  const Matrix part = gram(kept, kept), wanted = moments(Eigen::all, kept);
  const Matrix start = best.weights(Eigen::all, kept);
  const double scale = part.diagonal().mean();
  for (double ridge : kRidges) {
    if (scale <= 0)
      break;
    Matrix system = part;
    system.diagonal().array() += ridge * scale;
    const Matrix right = wanted + ridge * scale * start;
    Matrix tried = Matrix::Zero(old.rows(), old.cols());
    tried(Eigen::all, kept) = Eigen::LLT<Matrix>(system).solve(right.transpose()).transpose();
    const double error = errorOf(tried, heldPatches, heldOutputs);
    if (!(error < best.after)) // not a number is not better
      continue;
    best.after = error;
    best.weights = std::move(tried);
    best.adjusted = true;
  }
  return best;
}

static constexpr Eigen::Index kBlock = 256; // rows of a product that one thread computes at a time

Matrix gramOf(const Samples &patches, size_t threads) {
  const Eigen::Index size = patches.rows(), blocks = (size + kBlock - 1) / kBlock;
  Matrix gram(size, size);
  const Matrix wide = patches.cast<double>();
  parallelFor(static_cast<size_t>(blocks), threads, [&](size_t i) {
    const Eigen::Index from = static_cast<Eigen::Index>(i) * kBlock;
    const Eigen::Index rows = std::min(kBlock, size - from);
    gram.block(from, 0, rows, from + rows).noalias() =
        wide.middleRows(from, rows) * wide.topRows(from + rows).transpose();
  });
  gram.triangularView<Eigen::StrictlyUpper>() = gram.transpose();
  return gram;
}

Matrix momentsOf(const Samples &outputs, const Samples &patches, size_t threads) {
  const Eigen::Index size = outputs.rows(), blocks = (size + kBlock - 1) / kBlock;
  Matrix moments(size, patches.rows());
  const Matrix wide = patches.cast<double>();
  parallelFor(static_cast<size_t>(blocks), threads, [&](size_t i) {
    const Eigen::Index from = static_cast<Eigen::Index>(i) * kBlock;
    const Eigen::Index rows = std::min(kBlock, size - from);
    moments.middleRows(from, rows).noalias() =
        outputs.middleRows(from, rows).cast<double>() * wide.transpose();
  });
  return moments;
}

} // namespace discoc::mask
