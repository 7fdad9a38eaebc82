//===- Refit.h - adjusts what is left of the weights ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_MASK_REFIT_H
#define DISCOC_MASK_REFIT_H

#include "compiler/mask/Layer.h"

namespace discoc::mask {

/// Positions of calibration inputs, a column each: what a layer sees now, and what it put out
/// before anything was changed. The last row of `patches` is 1.
struct Observed {
  Samples patches, outputs;
};

/// Rows of weights (the bias in the last column) that read the columns `kept` alone, so that
/// `patches` give nearly `outputs`: least squares, with a penalty on the distance from `old`.
struct Refit {
  Matrix weights;
  double before = 0; ///< squared error on the inputs that were held out, columns left out
  double after = 0;  ///< and adjusted; the same where the old weights stayed
  bool adjusted = false;
};

/// `gram` and `moments`: patches times their transpose, outputs of these rows times it, of the
/// inputs that are not held out. Of some strengths of the ridge that is taken which is best on
/// `held`, and the old weights where none is better than they.
Refit refit(const Matrix &gram, const Matrix &moments, const Matrix &old,
            const std::vector<int64_t> &kept, const Samples &heldPatches,
            const Samples &heldOutputs);

/// patches times their transpose, in blocks that threads share.
Matrix gramOf(const Samples &patches, size_t threads);
/// outputs times patches' transpose.
Matrix momentsOf(const Samples &outputs, const Samples &patches, size_t threads);

} // namespace discoc::mask

#endif // DISCOC_MASK_REFIT_H
