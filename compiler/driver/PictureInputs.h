//===- PictureInputs.h - inputs that are taken as pixels --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_DRIVER_PICTUREINPUTS_H
#define DISCOC_DRIVER_PICTUREINPUTS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LogicalResult.h"

namespace disco {

/// Makes every input whose preprocessing the module states one of pixels of 8 bits, [..., colours,
/// height, width] or [..., height, width, colours] as the model has it. A look-up of each pixel
/// makes the model's numbers of them, the same bits as `discoc run` makes of a picture. Fails, with
/// a diagnostic, where no input is a picture, or one does not fit its preprocessing.
mlir::LogicalResult takePictures(mlir::ModuleOp module);

} // namespace disco

#endif // DISCOC_DRIVER_PICTUREINPUTS_H
