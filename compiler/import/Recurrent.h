//===- Recurrent.h - recurrent layers, unrolled -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_IMPORT_RECURRENT_H
#define DISCOC_IMPORT_RECURRENT_H

#include "compiler/import/Converters.h"

namespace disco::importing {

struct RecurrentSettings {
  RecurrentKind kind;
  RecurrentDirection direction;
  mlir::ArrayAttr functions; ///< of all directions, as RecurrentOp has them
  double clip;               ///< 0: none
  bool linearBeforeReset, inputForget;
  /// Of matrices of 8 bits, W and R: their scales and zero points, [directions] or [directions,
  /// gates * hidden]. What is multiplied with them is quantised when the program runs.
  mlir::Value scale[2] = {}, zero[2] = {};
};

/// Whether a layer with these operands, those of RecurrentOp, becomes products of matrices and
/// elementwise ops: it has few steps and constant weights.
bool isUnrolled(llvm::ArrayRef<mlir::Value> operands);

/// The hidden states [steps, directions, batch, hidden], the last one and, of an LSTM, the last
/// cell state, both [directions, batch, hidden], as such ops. Every sequence has all steps.
Values unrolledRecurrent(OpImport &op, llvm::ArrayRef<mlir::Value> operands,
                         const RecurrentSettings &settings);

} // namespace disco::importing

#endif // DISCOC_IMPORT_RECURRENT_H
